//! A code that was given in the same session is enough for sudo (row L16): real ssh, `pam_loginuid` and sudo.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, enroll, is_in, knock_from, knock_with};
use countersign_tests::phone::Phone;
use countersign_tests::site;

/// From there nobody is asked for a code.
const HOME: &str = "198.51.100.8";
/// How long tim's codes are fresh.
const SHORT: Duration = Duration::from_mins(1);

const CONFIGURATION: &str = r#"
[[policy]]
name = "home"
services = ["sshd"]
networks = ["198.51.100.8/32"]
require = "never"

[[policy]]
name = "su"
services = ["su", "su-l"]
require = "never"

[[policy]]
name = "sudo-short"
users = ["tim"]
services = ["sudo"]
require = "always"
fresh_for = "1m"

[[policy]]
name = "sudo"
services = ["sudo"]
require = "always"
fresh_for = "15m"

[default]
require = "always"
enroll = "at-login"
"#;

fn machine(people: &[&str]) -> Machine {
    let options = Options { addresses: vec![HOME.to_owned()], ..Options::with_built_package().unwrap() };
    let machine = Machine::boot(&options).unwrap();
    for user in people {
        machine.add_user(user, PASSWORD, &["sudo"]).unwrap();
    }
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine
}

/// Logs in with a code.
fn log_in(machine: &Machine, user: &str, phone: &mut Phone) -> Dialogue {
    let mut login = knock_with(machine, user, &phone.unused_code().unwrap()).unwrap();
    is_in(&mut login).unwrap();
    login
}

/// Logs in where no code is asked for.
fn log_in_from_home(machine: &Machine, user: &str) -> Dialogue {
    let mut login = knock_from(machine, user, HOME).unwrap();
    is_in(&mut login).unwrap();
    assert!(!login.transcript().contains("Code"), "{}", login.transcript());
    login
}

/// Has sudo run by `before`, and gives the password; its first line is the uid.
fn sudo(login: &mut Dialogue, before: &str) {
    login.send_line(&format!("{before} sudo -k id -u")).unwrap();
    login.expect("password for ", SOON).unwrap();
    login.send_line(PASSWORD).unwrap();
}

fn passes(login: &mut Dialogue) {
    sudo(login, "");
    let said = login.expect("\n0\n", SOON).unwrap();
    assert!(!said.contains("Code"), "{said}");
    is_in(login).unwrap();
}

/// Is asked for a code, and leaves.
fn is_asked(login: &mut Dialogue, before: &str) {
    sudo(login, before);
    login.expect("Code: ", SOON).unwrap();
    // Not Ctrl-C: one that comes before sudo reads makes it wait for ever.
    login.send(b"\x04").unwrap();
    is_in(login).unwrap();
}

/// What a command prints in a session.
fn said(login: &mut Dialogue, command: &str) -> String {
    login.send_line(&format!("echo \"<$({command})>\"")).unwrap();
    login.expect("\n<", SOON).unwrap();
    let text = login.expect(">\n", SOON).unwrap();
    is_in(login).unwrap();
    text.trim_end_matches(">\n").to_owned()
}

fn session_of(login: &mut Dialogue) -> u32 {
    said(login, "cat /proc/self/sessionid").parse().unwrap()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_code_of_the_login_is_enough_for_sudo_in_that_session_for_that_person_and_for_a_while() {
    let machine = machine(&["ann", "bob", "tim"]);
    let mut phones = ["ann", "bob", "tim"].map(|user| enroll(&machine, user).unwrap().0);
    let [of_ann, of_bob, of_tim] = &mut phones;

    let mut short = log_in(&machine, "tim", of_tim);
    let given = Instant::now();
    passes(&mut short);

    let mut fresh = log_in(&machine, "ann", of_ann);
    passes(&mut fresh);
    let mut other = log_in_from_home(&machine, "ann");
    is_asked(&mut other, "");
    nothing_that_is_claimed_makes_it_fresh(&mut fresh, &mut other);
    another_person_in_the_session_is_asked(&mut fresh, of_bob);
    passes(&mut fresh);
    it_ends_with_the_session(&machine, fresh);

    std::thread::sleep((SHORT + Duration::from_secs(1)).saturating_sub(given.elapsed()));
    is_asked(&mut short, "");

    let skipped = machine.run_ok(&["countersign", "audit", "--json", "--event", "login-skipped"]).unwrap();
    for (user, rule) in [("tim", "sudo-short"), ("ann", "sudo"), ("bob", "sudo")] {
        let is_it =
            |line: &&str| [user, rule, "fresh"].iter().all(|word| line.contains(&format!("\"{word}\"")));
        assert!(skipped.lines().any(|line| is_it(&line)), "{user} {rule}: {skipped}");
    }
}

/// In `other` everything is claimed that is true in `fresh`: terminal, session, login.
fn nothing_that_is_claimed_makes_it_fresh(fresh: &mut Dialogue, other: &mut Dialogue) {
    let (tty, session) = (said(fresh, "tty"), session_of(fresh));
    assert_ne!(session_of(other), session);
    let claims = format!(
        "SSH_TTY={tty} SUDO_TTY={tty} PAM_TTY={tty} TTY={tty} SUDO_USER=ann SUDO_UID=1000 XDG_SESSION_ID={session} \
         session_id={session} COUNTERSIGN_SESSION={session} COUNTERSIGN_LOGIN=c1 AUDIT_SESSION={session}"
    );
    is_asked(other, &claims);
    is_asked(other, &format!("{claims} <{tty}"));
    is_asked(other, &format!("script -q -c \"{claims} sudo -k id -u\" /dev/null #"));
    // The kernel lets nobody but its own into another session.
    let entered = format!("echo 1000 >/proc/self/loginuid; echo {session} >/proc/self/sessionid");
    assert!(said(other, &format!("exec 2>&1; {entered}")).contains("ermi"), "{}", other.transcript());
    assert_ne!(session_of(other), session);
}

/// Bob's own code is fresh from then on; that his session ends takes nothing from ann.
fn another_person_in_the_session_is_asked(ann: &mut Dialogue, phone: &mut Phone) {
    let session = session_of(ann);
    ann.send_line("su - bob").unwrap();
    ann.expect("assword: ", SOON).unwrap();
    ann.send_line(PASSWORD).unwrap();
    is_in(ann).unwrap();
    assert_eq!(session_of(ann), session, "su begins no session of the kernel");
    sudo(ann, "");
    ann.expect("Code: ", SOON).unwrap();
    ann.send_line(&phone.unused_code().unwrap()).unwrap();
    ann.expect("\n0\n", SOON).unwrap();
    is_in(ann).unwrap();
    passes(ann);
    ann.send_line("exit").unwrap();
    is_in(ann).unwrap();
    assert_eq!(said(ann, "id -un"), "ann");
}

/// A program that outlives its session is asked, although it is in it still.
fn it_ends_with_the_session(machine: &Machine, mut login: Dialogue) {
    let session = session_of(&mut login);
    machine.run_ok(&["mkdir", "--mode=1777", "/tmp/late"]).unwrap();
    let try_each = format!(
        "for n in 1 2; do until [ -e /tmp/late/go$n ]; do sleep 0.1; done; \
         echo '{PASSWORD}' | sudo -k -S cat /proc/self/sessionid >/tmp/late/said$n 2>&1; \
         touch /tmp/late/done$n; done"
    );
    machine.write_file("/tmp/late/try", try_each, 0o755).unwrap();
    login.send_line("nohup setsid sh /tmp/late/try >/dev/null 2>&1 &").unwrap();
    is_in(&mut login).unwrap();
    let what_it_says = |number: u8| {
        machine.run_ok(&["touch", &format!("/tmp/late/go{number}")]).unwrap();
        let done = format!("/tmp/late/done{number}");
        let is_done = |machine: &Machine| Ok(machine.run(&["test", "-e", &done])?.status.success());
        machine.wait_until("sudo", SOON, is_done).unwrap();
        machine.read_file(&format!("/tmp/late/said{number}")).unwrap()
    };
    let before = what_it_says(1);
    assert!(before.contains(&session.to_string()) && !before.contains("Code"), "{before}");
    login.send_line("exit").unwrap();
    login.exit_status(SOON).unwrap();
    let show = ["loginctl", "show-session", &session.to_string(), "--property=State", "--value"];
    let is_closing = |machine: &Machine| {
        let state = machine.run(&show)?;
        Ok(!state.status.success() || state.stdout == b"closing\n")
    };
    machine.wait_until("the end of the session", SOON, is_closing).unwrap();
    let after = what_it_says(2);
    assert!(after.contains("Code: ") && !after.contains(&session.to_string()), "{after}");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_reset_a_new_password_and_a_restart_end_what_was_fresh() {
    let machine = machine(&["ann", "bob"]);
    let (mut phone, _) = enroll(&machine, "ann").unwrap();
    let mut before = log_in(&machine, "ann", &mut phone);
    passes(&mut before);
    machine.run_ok(&["countersign", "user", "reset", "ann", "--reason", "lost phone"]).unwrap();
    let (mut phone, _) = enroll(&machine, "ann").unwrap();
    is_asked(&mut before, "");

    let mut after = log_in(&machine, "ann", &mut phone);
    passes(&mut after);
    machine.write_file("/root/password", format!("ann:{PASSWORD}\n"), 0o600).unwrap();
    machine.run_ok(&["sh", "-c", "chpasswd </root/password"]).unwrap();
    is_asked(&mut after, "");

    let (mut phone, _) = enroll(&machine, "bob").unwrap();
    let mut login = log_in(&machine, "bob", &mut phone);
    passes(&mut login);
    machine.run_ok(&["systemctl", "restart", "countersignd.service"]).unwrap();
    is_asked(&mut login, "");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn without_a_session_of_the_kernel_no_code_is_ever_fresh() {
    let machine = machine(&["ann"]);
    let (mut phone, _) = enroll(&machine, "ann").unwrap();
    machine.run_ok(&["sed", "-i", "/pam_loginuid/d", "/etc/pam.d/sshd"]).unwrap();
    let mut login = log_in(&machine, "ann", &mut phone);
    assert_eq!(session_of(&mut login), u32::MAX);
    is_asked(&mut login, "");
    sudo(&mut login, "");
    login.expect("Code: ", SOON).unwrap();
    login.send_line(&phone.unused_code().unwrap()).unwrap();
    login.expect("\n0\n", SOON).unwrap();
    is_in(&mut login).unwrap();
    is_asked(&mut login, "");
    without_our_session_line_nothing_of_ours_is_in_the_environment(&machine, &mut phone);
}

fn without_our_session_line_nothing_of_ours_is_in_the_environment(machine: &Machine, phone: &mut Phone) {
    let files = ["/etc/pam.d/common-session", "/etc/pam.d/common-session-noninteractive"];
    machine.run_ok(&[&["sed", "-i", "/pam_countersign/d"][..], &files].concat()).unwrap();
    let mut login = log_in(machine, "ann", phone);
    assert_eq!(said(&mut login, "env | grep -c COUNTERSIGN"), "0");
    for (command, asks) in [("sudo -k env", true), ("su ann -c env", false)] {
        login.send_line(&format!("{command} | grep COUNTERSIGN; echo over")).unwrap();
        login.expect("assword", SOON).unwrap();
        login.send_line(PASSWORD).unwrap();
        if asks {
            login.expect("Code: ", SOON).unwrap();
            login.send_line(&phone.unused_code().unwrap()).unwrap();
        }
        let shown = login.expect("\nover\n", SOON).unwrap();
        assert!(!shown.contains("COUNTERSIGN_LOGIN"), "{command}: {shown}");
        is_in(&mut login).unwrap();
    }
}
