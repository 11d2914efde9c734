//! A FIDO key of ssh in place of a code (row M10): a real sshd, a key in software, and claims of those who have none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{CLIENT, Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, enroll, is_refused, knock};
use countersign_tests::phone::Phone;
use countersign_tests::{caller, security_key, site};

const CONFIGURATION: &str = r#"
[[policy]]
name = "keys"
users = ["ann", "lou"]
require = "always"
enroll = "at-login"
accept = ["ssh-security-key"]

[[policy]]
name = "no-keys"
users = ["eve"]
require = "always"

[default]
require = "enrolled"
"#;

/// The key, then the dialogue, which a key of the right kind makes unnecessary.
const KEY_AND_CODE: &str = "\
KbdInteractiveAuthentication yes
PasswordAuthentication no
TrustedUserCAKeys /etc/ssh/people.pub
Match User ann,eve,lou
    AuthenticationMethods publickey,keyboard-interactive:pam
";

const ED25519: &str = "/root/ed25519-sk";
const ECDSA: &str = "/root/ecdsa-sk";
const CERTIFIED: &str = "/root/certified-sk";
const ORDINARY: &str = "/root/ordinary";

/// What sshd would tell of a FIDO key.
const CLAIM: &str = "publickey sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIP+t2fPcPV2Az\
                     WpoHFW+O3F8JAnyDOWn13OuyirQ2jknAAAABHNzaDo=";

/// A machine on which everybody has the same keys: two FIDO keys, one in a certificate, and an ordinary one.
fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    security_key::install(&machine).unwrap();
    let [mut keys, ecdsa] = [("ed25519-sk", ED25519), ("ecdsa-sk", ECDSA)]
        .map(|(kind, path)| security_key::make(&machine, kind, path).unwrap());
    security_key::make(&machine, "ed25519-sk", CERTIFIED).unwrap();
    for path in [ORDINARY, "/etc/ssh/people"] {
        machine.run_ok(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path]).unwrap();
    }
    let public = format!("{CERTIFIED}.pub");
    machine
        .run_ok(&["ssh-keygen", "-q", "-s", "/etc/ssh/people", "-I", "people", "-n", "ann,eve", &public])
        .unwrap();
    keys.extend([ecdsa, machine.read_file(&format!("{ORDINARY}.pub")).unwrap()]);
    for user in ["ann", "eve", "lou"] {
        machine.add_user(user, PASSWORD, &[]).unwrap();
        machine.write_file(&format!("/home/{user}/.ssh/authorized_keys"), &keys, 0o644).unwrap();
    }
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine
}

/// The key stands for the password, and then for the code.
fn ask_for_both(machine: &Machine) {
    machine.run_ok(&["pam-auth-update", "--package", "--enable", "countersign-publickey"]).unwrap();
    machine.write_file("/etc/ssh/sshd_config.d/00-countersign.conf", KEY_AND_CODE, 0o644).unwrap();
    machine.run_ok(&["systemctl", "restart", "ssh.service"]).unwrap();
}

/// Logs in with a key, to say one word.
fn with_key(machine: &Machine, user: &str, key: &str) -> Dialogue {
    let methods = "PreferredAuthentications=publickey,keyboard-interactive";
    let once = "NumberOfPasswordPrompts=1";
    let options =
        ["-i", key, "-o", "IdentitiesOnly=yes", "-o", security_key::OPTION, "-o", methods, "-o", once];
    machine.ssh_with(user, CLIENT, &[&options[..], &["--", "echo let in"]].concat()).unwrap()
}

fn is_let_in(mut login: Dialogue, why: &str) {
    assert_eq!(login.exit_status(SOON).unwrap(), 0, "{why}: {}", login.transcript());
    let said = login.transcript();
    assert!(said.contains("let in") && !said.contains("Code") && !said.contains("assword"), "{why}: {said}");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_security_key_is_enough_and_another_key_or_another_rule_asks() {
    let machine = machine();
    ask_for_both(&machine);
    for (key, why) in [(ED25519, "Ed25519"), (ECDSA, "P-256"), (CERTIFIED, "in a certificate")] {
        is_let_in(with_key(&machine, "ann", key), why);
    }
    let mut asked = with_key(&machine, "ann", ORDINARY);
    asked.expect("Code: ", SOON).unwrap();
    drop(asked);
    let mut other_rule = with_key(&machine, "eve", ED25519);
    other_rule.expect("you have none set up", SOON).unwrap();

    let records = machine.run_ok(&["countersign", "audit", "--json", "--event", "login-allowed"]).unwrap();
    let of_ann: Vec<&str> = records.lines().filter(|line| line.contains("\"ann\"")).collect();
    assert_eq!(of_ann.len(), 3, "{records}");
    assert!(of_ann.iter().all(|line| line.contains("\"ssh-security-key\"") && line.contains("\"keys\"")));
    assert!(!machine.run_ok(&["countersign", "user", "list"]).unwrap().contains("totp"), "nobody enrolled");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_lock_by_wrong_codes_does_not_stop_the_key_and_another_uid_does() {
    let machine = machine();
    let (phone, _) = enroll(&machine, "lou").unwrap();
    lock(&machine, "lou", &phone);
    ask_for_both(&machine);
    with_key(&machine, "lou", ORDINARY).expect("Too many wrong codes.", SOON).unwrap();
    is_let_in(with_key(&machine, "lou", ED25519), "locked");
    machine.run_ok(&["sed", "-i", "s/^lou:x:[0-9]*:/lou:x:5005:/", "/etc/passwd"]).unwrap();
    machine.run_ok(&["chown", "-R", "5005", "/home/lou"]).unwrap();
    let refused = is_refused(with_key(&machine, "lou", ED25519)).unwrap();
    assert!(refused.contains("Your account on this host has changed"), "{refused}");
}

/// Gives five wrong codes.
fn lock(machine: &Machine, user: &str, phone: &Phone) {
    let wrong = phone.wrong_code().unwrap();
    for tries in [3, 2] {
        let mut login = knock(machine, user).unwrap();
        for _ in 0..tries {
            login.expect("Code: ", SOON).unwrap();
            login.send_line(&wrong).unwrap();
        }
        drop(login.exit_status(Duration::from_secs(3)));
    }
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_claim_is_worth_nothing_from_anybody_but_sshd_as_root_before_the_shell() {
    let machine = machine();
    let begin = |who: &str, service: &str, phase: &str, methods: &str| {
        let claims = [("service", service), ("phase", phase), ("ssh_auth_info", methods)];
        caller::begin(&machine, who, "ann", &claims).unwrap()
    };
    assert_eq!(begin("root", "sshd", "auth", CLAIM), "allow", "sshd itself");
    assert_eq!(begin("ann", "sshd", "auth", CLAIM), "ask", "her own program");
    for service in ["login", "su", "sudo", "sshd-session", "ssh"] {
        assert_eq!(begin("root", service, "auth", CLAIM), "ask", "{service}");
    }
    assert_eq!(begin("root", "sshd", "account", CLAIM), "deny", "the backstop");
    for methods in [
        "publickey ssh-ed25519 AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIA==",
        "password",
        "keyboard-interactive/pam sk-ssh-ed25519@openssh.com",
        "",
    ] {
        assert_eq!(begin("root", "sshd", "auth", methods), "ask", "{methods}");
    }

    let variable = format!("SSH_AUTH_INFO_0={CLAIM}");
    let mut tester =
        machine.dialogue_as("ann", &["pamtester", "-E", &variable, "sshd", "ann", "authenticate"]).unwrap();
    tester.expect("assword: ", SOON).unwrap();
    tester.send_line(PASSWORD).unwrap();
    tester.expect("Code from the app", SOON).unwrap();
    drop(tester);
    let mut su = machine.dialogue_as("ann", &["env", &variable, "su", "ann", "-c", "id -un"]).unwrap();
    su.expect("assword: ", SOON).unwrap();
    su.send_line(PASSWORD).unwrap();
    su.expect("Code from the app", SOON).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn with_the_backstop_alone_a_security_key_is_refused() {
    let machine = machine();
    for key in [ED25519, ORDINARY] {
        let options = ["-i", key, "-o", security_key::OPTION, "-o", "PreferredAuthentications=publickey"];
        let mut login =
            machine.ssh_with("ann", CLIENT, &[&options[..], &["--", "echo let in"]].concat()).unwrap();
        assert_ne!(login.exit_status(SOON).unwrap(), 0, "{key}: {}", login.transcript());
        assert!(!login.transcript().contains("let in"), "{key}: {}", login.transcript());
    }
    let journal = machine.journal(&["-t", "sshd"]).unwrap();
    let refusals = journal.matches("Access denied for user ann by PAM account configuration").count();
    assert_eq!(refusals, 2, "sshd took both keys: {journal}");
}
