//! Who may do what by the files of the package alone: bus policy, polkit actions and rules.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Output;

use countersign_tests::machine::{Machine, Options};

/// A machine with the package, an ordinary user and one of the helpdesk.
fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", "correct horse", &[]).unwrap();
    machine.add_user("hal", "correct horse", &["countersign-helpdesk"]).unwrap();
    machine
}

/// Asks polkit about a running process of a user.
fn polkit(machine: &Machine, user: &str, action: &str) -> Output {
    let ask = format!("exec pkcheck --action-id {action} --process $$");
    machine.run_as(user, &["sh", "-c", &ask]).unwrap()
}

fn text(output: &Output) -> String {
    [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn nobody_but_the_service_can_own_the_bus_name() {
    let machine = machine();
    // While the service runs a refusal could only mean that the name is taken.
    machine.run_ok(&["systemctl", "mask", "--now", "countersignd.socket", "countersignd.service"]).unwrap();
    let bus = ["org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"];
    let own = [&["busctl", "call"], bus.as_slice(), &["RequestName", "su", "org.countersign1", "0"]].concat();
    for user in ["root", "ann", "hal"] {
        let answer = machine.run_as(user, &own).unwrap();
        assert!(
            !answer.status.success() && text(&answer).contains("Access denied"),
            "{user}: {}",
            text(&answer)
        );
    }
    let answer = machine.run_as("countersign", &own).unwrap();
    assert_eq!(text(&answer), "u 1\n", "the service's user becomes the owner");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_helpdesk_group_is_let_in_without_an_agent_and_nobody_else_is() {
    let machine = machine();
    let verbs = ["show", "reset", "delete", "unlock", "resync", "invite", "set-required", "set-contact"];
    for action in verbs.map(|verb| format!("org.countersign1.helpdesk.{verb}")) {
        let answer = polkit(&machine, "hal", &action);
        assert!(answer.status.success(), "{action}: {}", text(&answer));
        assert!(!polkit(&machine, "ann", &action).status.success(), "{action}");
    }
    for action in [
        "org.countersign1.admin.list",
        "org.countersign1.admin.policy",
        "org.countersign1.admin.import",
        "org.countersign1.admin.purge",
        "org.countersign1.admin.delivery-test",
        "org.freedesktop.login1.manage",
    ] {
        assert!(!polkit(&machine, "hal", action).status.success(), "{action}");
    }
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_service_may_hang_up_and_lock_sessions_and_has_no_other_right() {
    let machine = machine();
    for action in ["org.freedesktop.login1.manage", "org.freedesktop.login1.lock-sessions"] {
        assert!(polkit(&machine, "countersign", action).status.success(), "{action}");
        assert!(!polkit(&machine, "ann", action).status.success(), "{action}");
    }
    let others = [
        "org.freedesktop.login1.power-off",
        "org.freedesktop.systemd1.manage-units",
        "org.countersign1.helpdesk.reset",
    ];
    for action in others {
        assert!(!polkit(&machine, "countersign", action).status.success(), "{action}");
    }
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn no_action_answers_yes_or_keeps_an_authorization_to_change_something() {
    let machine = machine();
    let actions = machine.run_ok(&["pkaction"]).unwrap();
    let ours: Vec<&str> = actions.lines().filter(|line| line.starts_with("org.countersign1.")).collect();
    assert!(ours.len() >= 5, "{actions}");
    for action in ours {
        let details = machine.run_ok(&["pkaction", "--verbose", "--action-id", action]).unwrap();
        let implicit: Vec<&str> =
            details.lines().filter(|line| line.trim_start().starts_with("implicit")).collect();
        assert_eq!(implicit.len(), 3, "{details}");
        assert!(!implicit.iter().any(|line| line.ends_with(" yes")), "{details}");
        assert!(
            action == "org.countersign1.helpdesk.show"
                || !implicit.iter().any(|line| line.ends_with("_keep")),
            "{details}"
        );
    }
}
