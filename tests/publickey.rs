//! Logins by ssh key, which skip PAM's auth stack: the backstop, and the key in place of the password.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{CLIENT, Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, enroll, is_refused, knock, write_down};
use countersign_tests::phone::Phone;
use countersign_tests::site;

const CONFIGURATION: &str = r#"
help = "the desk, ext. 4444"

[[policy]]
name = "robots"
users = ["dan"]
require = "never"

[[policy]]
name = "self-service"
users = ["eve"]
require = "always"

[[policy]]
name = "everybody"
users = ["ann", "lou"]
require = "always"
enroll = "at-login"

[default]
require = "enrolled"
"#;

/// What a person who may not log in by a key alone is told.
const NOT_BY_KEY: &str = "A code is needed here, and a login with an SSH key alone gives none.";

/// For people who must give a code: the key, then the dialogue. A `Match` block stands last.
const KEY_AND_CODE: &str = "\
KbdInteractiveAuthentication yes
PasswordAuthentication no
Match User ann,dan,eve,lou
    AuthenticationMethods publickey,keyboard-interactive:pam
";

/// sshd's stack with our module alone: the key is the first factor.
const MODULE_ALONE: &str = "\
auth [success=ok ignore=ignore default=die] pam_countersign.so
account required pam_nologin.so
@include common-account
@include common-session
";

/// A machine on which everybody has a key of their own: ann and lou are asked for a code, eve has none, dan and bob are
/// not asked.
fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.run_ok(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key"]).unwrap();
    let public = machine.read_file("/root/key.pub").unwrap();
    machine.write_file("/root/.ssh/authorized_keys", &public, 0o600).unwrap();
    for user in ["ann", "bob", "dan", "eve", "lou"] {
        machine.add_user(user, PASSWORD, &[]).unwrap();
        machine.write_file(&format!("/home/{user}/.ssh/authorized_keys"), &public, 0o644).unwrap();
    }
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine
}

/// A client that nobody sits at.
fn in_batch(machine: &Machine, user: &str) -> i32 {
    let options = ["-i", "/root/key", "-o", "BatchMode=yes", "--", "true"];
    machine.ssh_with(user, CLIENT, &options).unwrap().exit_status(SOON).unwrap()
}

fn with_key(machine: &Machine, user: &str) -> Dialogue {
    let options = ["-i", "/root/key", "-o", "PreferredAuthentications=publickey", "-o", "LogLevel=INFO"];
    machine.ssh_with(user, CLIENT, &options).unwrap()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_backstop_refuses_a_key_alone_where_a_code_is_needed_and_nobody_else() {
    let machine = machine();
    let told = is_refused_and_told(with_key(&machine, "ann"));
    assert!(told.contains(NOT_BY_KEY) && told.contains("PubkeyAuthentication=no"), "{told}");
    assert!(told.contains("the desk, ext. 4444"), "{told}");
    let told = is_refused_and_told(with_key(&machine, "eve"));
    assert!(told.contains("you have none set up. Ask the desk, ext. 4444."), "{told}");
    assert!(machine.journal(&[]).unwrap().contains(&format!("login of ann refused: {NOT_BY_KEY}")));
    for user in ["bob", "root"] {
        let mut login = with_key(&machine, user);
        login.expect(if user == "root" { "# " } else { "$ " }, SOON).unwrap();
    }

    an_sshd_of_another_name_is_held_to_policy_too(&machine);
    programs_that_are_no_ssh_servers_are_left_alone(&machine);
}

fn is_refused_and_told(mut login: Dialogue) -> String {
    assert_ne!(login.exit_status(SOON).unwrap(), 0);
    let told = login.transcript().to_owned();
    assert!(!told.contains("$ "), "{told}");
    told
}

/// The same program, linked under another name, is another service to libpam.
fn an_sshd_of_another_name_is_held_to_policy_too(machine: &Machine) {
    machine.run_ok(&["ln", "/usr/sbin/sshd", "/usr/sbin/sshd-sftp"]).unwrap();
    machine.run_ok(&["cp", "/etc/pam.d/sshd", "/etc/pam.d/sshd-sftp"]).unwrap();
    machine.run_ok(&["/usr/sbin/sshd-sftp", "-p", "2222", "-o", "PidFile=none"]).unwrap();
    let by_key = |user: &str| {
        let options = ["-i", "/root/key", "-p", "2222", "-o", "BatchMode=yes", "-o", "LogLevel=INFO"];
        machine.ssh_with(user, CLIENT, &[&options[..], &["--", "echo in"]].concat())
    };
    let gets_in = |user: &str| {
        let mut login = by_key(user).unwrap();
        login.exit_status(SOON).unwrap() == 0
    };
    let complaint = "sshd-sftp: an SSH server that sshd= does not name";
    assert!(is_refused_and_told(by_key("ann").unwrap()).contains(NOT_BY_KEY));
    assert!(gets_in("bob") && gets_in("dan"), "policy asks them for nothing");
    let said = machine.journal(&[]).unwrap();
    assert!(said.contains("pam_countersign(sshd-sftp:account)") && said.contains(complaint), "{said}");

    let account = "/etc/pam.d/common-account";
    machine.run_ok(&["sed", "-i", "s/require_auth/require_auth sshd=sshd-sftp/", account]).unwrap();
    assert!(is_refused_and_told(by_key("ann").unwrap()).contains(NOT_BY_KEY));
    assert!(gets_in("bob"));
    let count = |text: &str| text.matches(complaint).count();
    assert_eq!(count(&machine.journal(&[]).unwrap()), count(&said), "a named service is not complained of");
    machine.run_ok(&["sed", "-i", "s/ sshd=sshd-sftp//", account]).unwrap();
}

/// The line is in common-account, where they reach it too, from a session of ssh as well.
fn programs_that_are_no_ssh_servers_are_left_alone(machine: &Machine) {
    for service in ["su", "sudo", "login", "cron"] {
        machine.run_ok(&["pamtester", service, "ann", "acct_mgmt"]).unwrap();
    }
    let mut root = with_key(machine, "root");
    root.expect("# ", SOON).unwrap();
    for command in ["su ann -c 'id -un'", "sudo -u ann id -un"] {
        root.send_line(command).unwrap();
        root.expect("\nann\n", SOON).unwrap();
    }
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_backstop_refuses_a_key_while_the_service_is_away() {
    let machine = machine();
    machine.run_ok(&["systemctl", "mask", "--now", "countersignd.service"]).unwrap();
    let told = is_refused_and_told(with_key(&machine, "ann"));
    assert!(told.contains("the service that checks it does not answer"), "{told}");
    assert!(told.contains("ask the desk, ext. 4444."), "{told}");
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
    write_down(&mut first).unwrap();
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

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_key_alone_passes_whom_policy_asks_for_nothing_and_a_key_with_our_module_alone_asks_the_others() {
    let machine = machine();
    let (mut phone, _) = enroll(&machine, "ann").unwrap();
    let (locked, _) = enroll(&machine, "lou").unwrap();
    lock(&machine, "lou", &locked.wrong_code().unwrap());

    for (user, passes) in
        [("ann", false), ("eve", false), ("lou", false), ("bob", true), ("dan", true), ("root", true)]
    {
        assert_eq!(in_batch(&machine, user) == 0, passes, "{user} by the key alone");
    }

    machine.write_file("/etc/pam.d/sshd", MODULE_ALONE, 0o644).unwrap();
    machine.write_file("/etc/ssh/sshd_config.d/00-countersign.conf", KEY_AND_CODE, 0o644).unwrap();
    machine.run_ok(&["systemctl", "restart", "ssh.service"]).unwrap();
    let login = |user: &str| {
        let options = ["-i", "/root/key", "-o", "NumberOfPasswordPrompts=1", "--", "echo in"];
        machine.ssh_with(user, CLIENT, &options).unwrap()
    };
    let mut ann = login("ann");
    ann.expect("Code: ", SOON).unwrap();
    ann.send_line(&phone.unused_code().unwrap()).unwrap();
    assert_eq!(ann.exit_status(SOON).unwrap(), 0, "{}", ann.transcript());
    let mut root = login("root");
    assert_eq!(root.exit_status(SOON).unwrap(), 0, "{}", root.transcript());
    assert_eq!(root.transcript().trim(), "in", "root is asked nothing");
    let mut dan = login("dan");
    assert_eq!(dan.exit_status(SOON).unwrap(), 0, "{}", dan.transcript());
    assert_eq!(dan.transcript().trim(), "in", "whom policy exempts is asked nothing, with our module alone");
    assert!(is_refused(login("eve")).unwrap().contains("you have none set up"));
    login("lou").expect("Too many wrong codes.", SOON).unwrap();
    for (user, status) in [("ann", 255), ("dan", 255), ("root", 0)] {
        assert_eq!(
            in_batch(&machine, user),
            status,
            "{user}: a client in batch mode never tries the dialogue"
        );
    }
}

/// Gives five wrong codes.
fn lock(machine: &Machine, user: &str, wrong: &str) {
    for tries in [3, 2] {
        let mut login = knock(machine, user).unwrap();
        for _ in 0..tries {
            login.expect("Code: ", SOON).unwrap();
            login.send_line(wrong).unwrap();
        }
        drop(login.exit_status(std::time::Duration::from_secs(3)));
    }
}
