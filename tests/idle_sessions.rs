//! Sessions that nobody uses, with real logind, sshd and login: told, then hung up as by a lost line (row L8).
//!
//! Nobody waits for hours: the terminal's own time of last use is set back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, enroll, is_in, knock};
use countersign_tests::phone::Phone;
use countersign_tests::site;

/// Ann and bob give codes, dan at the console does not; all of them are told after 5 minutes, and hung up after 10.
const CONFIGURATION: &str = r#"
[[policy]]
name = "people"
users = ["ann", "bob"]
require = "always"
enroll = "at-login"
remember = "30d"
idle_timeout = "10m"

[[policy]]
name = "console"
users = ["dan"]
require = "never"
idle_timeout = "10m"

[default]
require = "never"
"#;
/// The service looks every second, so that the test does not wait for half a minute.
const IMPATIENT: &str = "[Service]\nExecStart=\nExecStart=/usr/libexec/countersignd --look-every 1\n";
const TOLD: &str = "this session has been idle";

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn an_idle_session_is_told_and_hung_up_and_what_it_left_running_goes_on() {
    let machine = machine();
    let mut phone = enroll(&machine, "ann").unwrap().0;
    let mut ann = log_in_remembered(&machine, &mut phone);
    let mut bob = log_in(&machine);
    leave_running(&mut ann, "1111", "2222");
    sit_at_the_console(&machine);
    machine.run_ok(&["tmux", "-L", "console", "send-keys", "nohup sleep 3333 &", "Enter"]).unwrap();

    let sessions = [session(&machine, "ann"), session(&machine, "dan")];
    let active = session(&machine, "bob");
    // What is not near its limit is left alone.
    set_idle(&machine, &active, "4 minutes");
    for session in &sessions {
        set_idle(&machine, session, "6 minutes");
    }
    ann.expect(TOLD, SOON).unwrap();
    shows_at_the_console(&machine, TOLD);
    is_recorded(&machine, "told", &["ann", "dan"]);

    // Six minutes after it was told, and beyond the limit.
    for session in &sessions {
        set_idle(&machine, session, "12 minutes");
    }
    let status = ann.exit_status(SOON).unwrap();
    assert_ne!(status, 0, "{}", ann.transcript());
    for (session, user) in sessions.iter().zip(["ann", "dan"]) {
        machine.wait_until("the session ends", SOON, |machine| Ok(is_over(machine, session))).unwrap();
        is_recorded(&machine, "hung-up", &[user]);
    }
    for kept in ["sleep 1111", "sleep 2222", "sleep 3333"] {
        machine.run_ok(&["pgrep", "-f", "-x", kept]).unwrap();
    }
    bob.send_line("echo still $((40 + 2))").unwrap();
    bob.expect("still 42", SOON).unwrap();
    assert!(!bob.transcript().contains(TOLD), "{}", bob.transcript());

    let mut again = knock(&machine, "ann").unwrap();
    again.expect("Code", SOON).expect("the place is not remembered any more");
}

/// A machine with the package, on which the service looks at sessions often.
fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    for user in ["ann", "bob", "dan"] {
        machine.add_user(user, PASSWORD, &[]).unwrap();
    }
    machine.write_file("/etc/systemd/system/countersignd.service.d/look.conf", IMPATIENT, 0o644).unwrap();
    machine.run_ok(&["systemctl", "daemon-reload"]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine
}

/// Logs ann in with a code that makes the place remembered, and sees that it is.
fn log_in_remembered(machine: &Machine, phone: &mut Phone) -> Dialogue {
    let mut login = knock(machine, "ann").unwrap();
    login.expect("Code", SOON).unwrap();
    login.send_line(&format!("{} r", phone.unused_code().unwrap())).unwrap();
    is_in(&mut login).unwrap();
    drop(login);
    let mut login = knock(machine, "ann").unwrap();
    is_in(&mut login).unwrap();
    assert!(!login.transcript().contains("Code"), "{}", login.transcript());
    login
}

/// Logs bob in, who goes on using his session.
fn log_in(machine: &Machine) -> Dialogue {
    let mut login = knock(machine, "bob").unwrap();
    countersign_tests::person::set_up(&mut login).unwrap();
    is_in(&mut login).unwrap();
    login
}

fn leave_running(login: &mut Dialogue, in_tmux: &str, with_nohup: &str) {
    login
        .send_line(&format!(
            "tmux new-session -d 'sleep {in_tmux}'; nohup sleep {with_nohup} & echo left $((1 + 1))"
        ))
        .unwrap();
    login.expect("left 2", SOON).unwrap();
}

/// Logs dan in on a terminal of the machine itself.
fn sit_at_the_console(machine: &Machine) {
    let unit = ["systemd-run", "--quiet", "--unit=console", "--service-type=forking"];
    let terminal = ["tmux", "-L", "console", "new-session", "-d", "login dan"];
    machine.run_ok(&[unit.as_slice(), &terminal].concat()).unwrap();
    shows_at_the_console(machine, "assword: ");
    machine.run_ok(&["tmux", "-L", "console", "send-keys", PASSWORD, "Enter"]).unwrap();
    shows_at_the_console(machine, "$ ");
}

fn shows_at_the_console(machine: &Machine, text: &str) {
    let shown = |machine: &Machine| {
        let screen = machine.run_ok(&["tmux", "-L", "console", "capture-pane", "-p", "-J"])?;
        Ok(screen.contains(text.trim_end()))
    };
    machine.wait_until(&format!("the console shows {text:?}"), SOON, shown).unwrap();
}

/// The id of a person's newest session.
fn session(machine: &Machine, user: &str) -> String {
    let listed = machine.run_ok(&["loginctl", "list-sessions", "--no-legend"]).unwrap();
    let of_user = listed.lines().filter(|line| line.split_whitespace().nth(2) == Some(user));
    let id = of_user.filter_map(|line| line.split_whitespace().next()).next_back();
    id.unwrap_or_else(|| panic!("{user} has no session:\n{listed}")).to_owned()
}

fn property(machine: &Machine, session: &str, name: &str) -> String {
    let show = ["loginctl", "show-session", session, "--value", "--property", name];
    machine.run_ok(&show).unwrap().trim().to_owned()
}

/// Makes a session as idle as if nobody had typed for so long.
fn set_idle(machine: &Machine, session: &str, time: &str) {
    let terminal = format!("/dev/{}", property(machine, session, "TTY"));
    machine.run_ok(&["touch", "-a", "-d", &format!("{time} ago"), &terminal]).unwrap();
}

fn is_over(machine: &Machine, session: &str) -> bool {
    let show = machine.run(&["loginctl", "show-session", session, "--value", "--property", "State"]).unwrap();
    !show.status.success() || String::from_utf8_lossy(&show.stdout).trim() == "closing"
}

/// Waits until the audit has a step for each of these people, and of nobody else.
fn is_recorded(machine: &Machine, change: &str, users: &[&str]) {
    let recorded = |machine: &Machine| {
        let audit = machine.run_ok(&["countersign", "audit", "--json", "--event", "session-idle"])?;
        assert!(!audit.contains("\"bob\""), "{audit}");
        let of = |user: &&str| {
            let (user, change) = (format!("\"user\":\"{user}\""), format!("\"change\":\"{change}\""));
            audit.lines().any(|line| {
                line.replace(": ", ":").contains(&user) && line.replace(": ", ":").contains(&change)
            })
        };
        Ok(users.iter().all(of))
    };
    machine
        .wait_until(&format!("{users:?} {change} is recorded"), Duration::from_secs(20), recorded)
        .unwrap();
}
