//! Logins by ssh key, which skip PAM's auth stack: the backstop, and the key in place of the password.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{CLIENT, Machine, Options};
use countersign_tests::phone::Phone;
use countersign_tests::site;

const SOON: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse";

const CONFIGURATION: &str = r#"
[[policy]]
name = "everybody"
users = ["ann"]
require = "always"
methods = ["totp"]
enroll = "at-login"

[default]
require = "enrolled"
methods = ["totp"]
"#;

/// For people who must give a code: the key, then the dialogue. A `Match` block stands last.
const KEY_AND_CODE: &str = "\
KbdInteractiveAuthentication yes
PasswordAuthentication no
Match User ann
    AuthenticationMethods publickey,keyboard-interactive:pam
";

/// A machine on which ann, bob and root have a key of their own.
fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.run_ok(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key"]).unwrap();
    let public = machine.read_file("/root/key.pub").unwrap();
    machine.write_file("/root/.ssh/authorized_keys", &public, 0o600).unwrap();
    for user in ["ann", "bob"] {
        machine.add_user(user, PASSWORD, &[]).unwrap();
        machine.write_file(&format!("/home/{user}/.ssh/authorized_keys"), &public, 0o644).unwrap();
    }
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine
}

fn with_key(machine: &Machine, user: &str) -> Dialogue {
    machine.ssh_with(user, CLIENT, &["-i", "/root/key", "-o", "PreferredAuthentications=publickey"]).unwrap()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_backstop_refuses_a_key_alone_where_a_code_is_needed_and_nobody_else() {
    let machine = machine();
    let mut refused = with_key(&machine, "ann");
    assert_ne!(refused.exit_status(SOON).unwrap(), 0);
    assert!(!refused.transcript().contains("$ "), "{}", refused.transcript());
    for user in ["bob", "root"] {
        let mut login = with_key(&machine, user);
        login.expect(if user == "root" { "# " } else { "$ " }, SOON).unwrap();
    }
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_backstop_refuses_a_key_while_the_service_is_away() {
    let machine = machine();
    machine.run_ok(&["systemctl", "mask", "--now", "countersignd.service"]).unwrap();
    let mut refused = with_key(&machine, "ann");
    assert_ne!(refused.exit_status(SOON).unwrap(), 0, "{}", refused.transcript());
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_key_stands_for_the_password_and_only_the_code_is_asked() {
    let machine = machine();
    machine.run_ok(&["pam-auth-update", "--package", "--enable", "countersign-publickey"]).unwrap();
    machine.write_file("/etc/ssh/sshd_config.d/00-countersign.conf", KEY_AND_CODE, 0o644).unwrap();
    machine.run_ok(&["systemctl", "restart", "ssh.service"]).unwrap();
    let login =
        || machine.ssh_with("ann", CLIENT, &["-i", "/root/key", "-o", "NumberOfPasswordPrompts=1"]).unwrap();

    let mut first = login();
    let screen = first.expect("Code: ", SOON).unwrap();
    assert!(!screen.contains("assword"), "{screen}");
    let mut phone = Phone::from_screen(&screen).unwrap();
    first.send_line(&phone.unused_code().unwrap()).unwrap();
    first.expect("$ ", SOON).unwrap();

    let mut second = login();
    assert!(!second.expect("Code: ", SOON).unwrap().contains("assword"));
    second.send_line(&phone.unused_code().unwrap()).unwrap();
    second.expect("$ ", SOON).unwrap();

    // Elsewhere the password is asked as before.
    let mut local = machine.dialogue_as("ann", &["sh", "-c", "su ann -c 'id -un'"]).unwrap();
    local.expect("assword: ", SOON).unwrap();
    local.send_line(PASSWORD).unwrap();
    local.expect("Code: ", SOON).unwrap();
    local.send_line(&phone.unused_code().unwrap()).unwrap();
    local.expect("\nann\n", SOON).unwrap();
}
