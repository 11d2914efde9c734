//! Clients with one prompt only, and clients that are not root: `combined`, and a screen locker.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Instant;

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, end, enroll};
use countersign_tests::phone::Phone;
use countersign_tests::site;

const CONFIGURATION: &str = r#"
[[policy]]
name = "everybody"
users = ["ann", "bob"]
require = "always"
enroll = "at-login"

[default]
require = "enrolled"
"#;

const ONE_PROMPT: &str = "\
auth required pam_countersign.so combined
auth requisite pam_unix.so use_first_pass
auth [success=ok ignore=ignore default=die] pam_countersign.so
account required pam_permit.so
";

const FTP_SERVER: &str = "\
listen=YES
listen_ipv6=NO
anonymous_enable=NO
local_enable=YES
pam_service_name=vsftpd
seccomp_sandbox=NO
secure_chroot_dir=/run/vsftpd/empty
";
/// How curl says that the server denied the login.
const LOGIN_DENIED: i32 = 67;

/// The password belongs to the locker's own user, and `unix_chkpwd` looks at it for nobody else.
const LOCKER: &str = "\
auth [success=ok ignore=ignore default=die] pam_countersign.so
account required pam_permit.so
";

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn one_prompt_is_enough_and_a_locker_authenticates_its_own_user_only() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    machine.add_user("bob", PASSWORD, &[]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine.write_file("/etc/pam.d/one-prompt", ONE_PROMPT, 0o644).unwrap();
    machine.write_file("/etc/pam.d/locker", LOCKER, 0o644).unwrap();
    let (mut phone, codes) = enroll(&machine, "ann").unwrap();

    password_and_code_go_into_one_answer(&machine, &mut phone, &codes[0]);
    what_is_not_both_is_refused_at_the_first_answer(&machine, &mut phone);
    an_ftp_server_takes_both_as_its_one_password(&machine, &mut phone);
    a_locker_unlocks_for_its_own_user(&machine, &codes[1]);
    for_another_it_gets_what_it_gets_for_nobody(&machine);
}

fn ask(machine: &Machine, answer: &str) -> bool {
    ask_and_read(machine, answer).0
}

/// Tells also what was shown.
fn ask_and_read(machine: &Machine, answer: &str) -> (bool, String) {
    let mut client = machine.dialogue(&["pamtester", "one-prompt", "ann", "authenticate"]).unwrap();
    client.expect("Password and code: ", SOON).unwrap();
    client.send_line(answer).unwrap();
    let status = client.exit_status(SOON).unwrap();
    let shown = client.transcript();
    assert!(!shown.contains("\nCode: ") && !shown.contains("onversation"), "{shown}");
    (status == 0, shown.to_owned())
}

fn password_and_code_go_into_one_answer(machine: &Machine, phone: &mut Phone, backup_code: &str) {
    assert!(ask(machine, &format!("{PASSWORD}{}", phone.unused_code().unwrap())));
    assert!(ask(machine, &format!("{PASSWORD},{backup_code}")));
}

fn what_is_not_both_is_refused_at_the_first_answer(machine: &Machine, phone: &mut Phone) {
    assert!(!ask(machine, PASSWORD));
    let (is_in, shown) = ask_and_read(machine, &format!("{PASSWORD}{}", phone.wrong_code().unwrap()));
    assert!(!is_in && shown.contains("That code is not right"), "{shown}");
    let unused = phone.unused_code().unwrap();
    assert!(!ask(machine, &format!("wrong{unused}")));
    assert!(ask(machine, &format!("{PASSWORD}{unused}")), "behind a wrong password no code is looked at");
}

/// A real server whose protocol has one password and no prompt at all.
fn an_ftp_server_takes_both_as_its_one_password(machine: &Machine, phone: &mut Phone) {
    machine.write_file("/etc/pam.d/vsftpd", ONE_PROMPT, 0o644).unwrap();
    machine.write_file("/etc/vsftpd.conf", FTP_SERVER, 0o644).unwrap();
    machine.run_ok(&["systemctl", "restart", "vsftpd.service"]).unwrap();
    let listens = |machine: &Machine| {
        Ok(machine.run(&["curl", "--silent", "--max-time", "2", "telnet://127.0.0.1:21"])?.status.code()
            != Some(7))
    };
    machine.wait_until("the FTP server listens", SOON, listens).unwrap();
    let log_in = |password: &str| {
        let account = format!("ann:{password}");
        let curl = ["curl", "--silent", "--max-time", "20", "--user", &account, "ftp://127.0.0.1/"];
        machine.run(&curl).unwrap().status.code()
    };
    let code = phone.unused_code().unwrap();
    assert_eq!(log_in(&format!("{PASSWORD}{code}")), Some(0));
    assert_eq!(log_in(&format!("{PASSWORD}{code}")), Some(LOGIN_DENIED), "the code is used up");
    assert_eq!(log_in(PASSWORD), Some(LOGIN_DENIED));
}

fn lock(machine: &Machine, whom: &str) -> Dialogue {
    machine.dialogue_as("ann", &["pamtester", "locker", whom, "authenticate"]).unwrap()
}

fn a_locker_unlocks_for_its_own_user(machine: &Machine, code: &str) {
    let mut locker = lock(machine, "ann");
    locker.expect("Code: ", SOON).unwrap();
    locker.send_line(code).unwrap();
    assert_eq!(locker.exit_status(SOON).unwrap(), 0, "{}", locker.transcript());
}

/// The same words for who exists, for who is root and for who does not exist, and about as soon.
fn for_another_it_gets_what_it_gets_for_nobody(machine: &Machine) {
    let answers = ["bob", "root", "nobody-of-that-name"].map(|whom| {
        let since = Instant::now();
        let mut locker = lock(machine, whom);
        assert_ne!(end(&mut locker).unwrap(), 0, "{whom}: {}", locker.transcript());
        (locker.transcript().replace(whom, "WHO"), since.elapsed())
    });
    let [(bob, bobs), (root, _), (nobody, nobodys)] = answers;
    assert_eq!(bob, nobody);
    assert_eq!(root, nobody);
    assert!(bobs.abs_diff(nobodys).as_secs() < 3, "{bobs:?} {nobodys:?}");
}
