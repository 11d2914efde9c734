//! A fresh Debian machine and the package on it: what starts, what stays as it was, what removal does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use countersign_tests::machine::{Machine, Options};

const SOON: Duration = Duration::from_secs(20);
const PASSWORD: &str = "correct horse";

/// A machine with the package and one ordinary user.
fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    machine
}

fn logs_in_with_the_password_alone(machine: &Machine) {
    let mut ssh = machine.ssh("ann").unwrap();
    ssh.expect("password: ", SOON).unwrap();
    ssh.send_line(PASSWORD).unwrap();
    ssh.expect("$ ", SOON).unwrap();
    ssh.send_line("echo $SSH_CONNECTION; exit 3").unwrap();
    ssh.expect("198.51.100.7", SOON).unwrap();
    assert_eq!(ssh.exit_status(SOON).unwrap(), 3);
}

/// The lines of a shared PAM stack, with single spaces and without comments.
fn stack(machine: &Machine, name: &str) -> Vec<String> {
    let text = machine.read_file(&format!("/etc/pam.d/common-{name}")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn all_stacks(machine: &Machine) -> Vec<Vec<String>> {
    ["auth", "account", "password", "session"].map(|name| stack(machine, name)).to_vec()
}

fn switch_on(machine: &Machine, profile: &str) {
    machine.run_ok(&["pam-auth-update", "--package", "--enable", profile]).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_package_starts_its_service_and_changes_nobodys_login() {
    let machine = Machine::boot(&Options::default()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    let before = all_stacks(&machine);
    machine.install(&Options::with_built_package().unwrap().package.unwrap()).unwrap();
    assert_eq!(all_stacks(&machine), before);
    let units = ["countersignd.socket", "countersignd.service"];
    machine.run_ok(&["systemctl", "is-active", units[0], units[1]]).unwrap();
    machine.run_ok(&["systemctl", "is-enabled", units[0], units[1]]).unwrap();
    assert_eq!(machine.run_ok(&["stat", "-c", "%U %a", "/run/countersign"]).unwrap(), "root 755\n");
    assert_eq!(machine.run_ok(&["stat", "-c", "%a", "/run/countersign/login.sock"]).unwrap(), "666\n");
    logs_in_with_the_password_alone(&machine);
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_profiles_make_the_stacks_that_were_tested() {
    let machine = machine();
    switch_on(&machine, "countersign");
    let code = "auth [success=ok ignore=ignore default=die] pam_countersign.so";
    assert_eq!(
        stack(&machine, "auth"),
        [
            "auth [success=1 default=ignore] pam_unix.so nullok",
            "auth requisite pam_deny.so",
            "auth required pam_permit.so",
            code,
        ]
    );
    // First: after pam_unix an expired password would end the stack before the backstop.
    assert_eq!(
        stack(&machine, "account").first().unwrap(),
        "account required pam_countersign.so require_auth"
    );
    assert!(stack(&machine, "session").contains(&"session optional pam_countersign.so".to_owned()));
    assert!(stack(&machine, "password").contains(&"password optional pam_countersign.so".to_owned()));
    switch_on(&machine, "countersign-publickey");
    assert_eq!(
        stack(&machine, "auth"),
        [
            "auth [success=2 default=ignore] pam_countersign.so first_factor",
            "auth [success=1 default=ignore] pam_unix.so nullok try_first_pass",
            "auth requisite pam_deny.so",
            "auth required pam_permit.so",
            code,
        ]
    );
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_key_of_the_store_is_made_once_and_a_lost_one_is_not_replaced() {
    let machine = machine();
    let key = "/etc/credstore.encrypted/countersign-store-key";
    let read = || machine.run_ok(&["sha256sum", key]).unwrap();
    let first = read();
    assert_eq!(machine.run_ok(&["stat", "-c", "%U %a", key]).unwrap(), "root 600\n");
    machine.run_ok(&["/usr/libexec/countersign-store-key"]).unwrap();
    machine.run_ok(&["systemctl", "restart", "countersignd.service"]).unwrap();
    assert_eq!(read(), first);

    machine.write_file("/var/lib/countersign/countersign.db", "", 0o600).unwrap();
    machine.run_ok(&["rm", key]).unwrap();
    let restart = machine.run(&["systemctl", "restart", "countersignd.service"]).unwrap();
    assert!(!restart.status.success(), "no key, no service");
    assert!(!machine.run(&["test", "-e", key]).unwrap().status.success());
    let said = machine.journal(&["-u", "countersign-store-key.service"]).unwrap();
    assert!(said.contains("put the key back"), "{said}");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn an_upgrade_restarts_the_service_and_never_takes_the_socket_down() {
    let machine = machine();
    let property = |unit: &str, name: &str| {
        machine.run_ok(&["systemctl", "show", "--value", "--property", name, unit]).unwrap()
    };
    let listening_since = || property("countersignd.socket", "ActiveEnterTimestampMonotonic");
    let (since, pid) = (listening_since(), property("countersignd.service", "MainPID"));
    machine.install(&Options::with_built_package().unwrap().package.unwrap()).unwrap();
    assert_eq!(listening_since(), since);
    assert_ne!(property("countersignd.service", "MainPID"), pid);
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn removal_takes_the_lines_out_of_the_stacks_first() {
    let machine = machine();
    let before = all_stacks(&machine);
    switch_on(&machine, "countersign");
    assert_ne!(all_stacks(&machine), before);
    machine.run_ok(&["dpkg", "--remove", "countersign"]).unwrap();
    assert_eq!(all_stacks(&machine), before);
    logs_in_with_the_password_alone(&machine);
    machine.run_ok(&["dpkg", "--purge", "countersign"]).unwrap();
    let left = machine.run_ok(&["find", "/etc", "/var/lib", "/usr", "-name", "*countersign*"]).unwrap();
    assert_eq!(left, "");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn removal_is_refused_while_a_stack_written_by_hand_names_the_module() {
    let machine = machine();
    machine.run_ok(&["sh", "-c", "echo 'auth required pam_countersign.so' >>/etc/pam.d/su"]).unwrap();
    let removal = machine.run(&["dpkg", "--remove", "countersign"]).unwrap();
    assert!(!removal.status.success());
    assert!(String::from_utf8_lossy(&removal.stderr).contains("/etc/pam.d/su"));
    machine.run_ok(&["systemctl", "is-active", "countersignd.socket"]).unwrap();
}
