//! A person's logins by real ssh: enrolling, codes right, wrong and used, the lock, sudo, reset.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use countersign_tests::machine::{CLIENT, Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, enroll, is_in, is_refused, knock, knock_with, write_down};
use countersign_tests::phone::{Phone, setup_key};
use countersign_tests::{scanner, site};

const CONFIGURATION: &str = r#"
organization = "Example"
help = "the helpdesk"

[[policy]]
name = "everybody"
users = ["ann"]
require = "always"
enroll = "at-login"

[default]
require = "enrolled"
"#;

fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &["sudo"]).unwrap();
    machine.add_user("bob", PASSWORD, &[]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_newcomer_enrolls_at_the_first_login_and_each_code_lets_in_once() {
    let machine = machine();
    let mut first = knock(&machine, "ann").unwrap();
    let screen = first.expect("Code: ", SOON).unwrap();
    let uri = scanner::scan(&screen).unwrap();
    let key = setup_key(&screen).unwrap();
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(&format!("secret={key}")), "{uri} {key}");
    let mut phone = Phone::with_setup_key(&key).unwrap();
    let confirmed = phone.unused_code().unwrap();
    first.send_line(&confirmed).unwrap();
    write_down(&mut first).unwrap();
    is_in(&mut first).unwrap();

    let mut replayed = knock_with(&machine, "ann", &confirmed).unwrap();
    replayed.expect("already used", SOON).unwrap();
    replayed.expect("Code: ", SOON).unwrap();
    replayed.send_line(&phone.wrong_code().unwrap()).unwrap();
    replayed.expect("not right", SOON).unwrap();
    replayed.expect("Code: ", SOON).unwrap();
    let code = phone.unused_code().unwrap();
    replayed.send_line(&code).unwrap();
    is_in(&mut replayed).unwrap();

    let mut again = knock_with(&machine, "ann", &code).unwrap();
    again.expect("already used", SOON).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn whom_no_rule_asks_logs_in_with_the_password_alone() {
    let machine = machine();
    let mut login = knock(&machine, "bob").unwrap();
    is_in(&mut login).unwrap();
    assert!(!login.transcript().contains("Code"), "{}", login.transcript());
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn sudo_asks_for_a_code_too() {
    let machine = machine();
    let (mut phone, _) = enroll(&machine, "ann").unwrap();
    let mut login = knock_with(&machine, "ann", &phone.unused_code().unwrap()).unwrap();
    is_in(&mut login).unwrap();
    login.send_line("sudo -k id -u").unwrap();
    login.expect("password for ann: ", SOON).unwrap();
    login.send_line(PASSWORD).unwrap();
    login.expect("Code: ", SOON).unwrap();
    login.send_line(&phone.unused_code().unwrap()).unwrap();
    login.expect("\n0\n", SOON).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn five_wrong_codes_lock_and_the_helpdesk_unlocks() {
    let machine = machine();
    let (mut phone, _) = enroll(&machine, "ann").unwrap();
    let wrong = phone.wrong_code().unwrap();
    for tries in [3, 2] {
        let mut login = knock(&machine, "ann").unwrap();
        for _ in 0..tries {
            login.expect("Code: ", SOON).unwrap();
            login.send_line(&wrong).unwrap();
        }
        drop(login.expect("not right", Duration::from_secs(2)));
    }
    let mut locked = knock(&machine, "ann").unwrap();
    let said = locked.expect("Too many wrong codes. Try again after ", SOON).unwrap();
    assert!(!said.contains("Code: "), "{said}");
    drop(locked);

    let unlock = ["countersign", "user", "unlock", "ann", "--reason", "called in"];
    assert!(!machine.run_as("bob", &unlock).unwrap().status.success(), "bob is nobody's helpdesk");
    machine.run_ok(&unlock).unwrap();
    let mut login = knock_with(&machine, "ann", &phone.unused_code().unwrap()).unwrap();
    is_in(&mut login).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn an_enrollment_that_was_cut_is_taken_up_again() {
    let machine = machine();
    let mut cut = knock(&machine, "ann").unwrap();
    let mut phone = Phone::from_screen(&cut.expect("Code: ", SOON).unwrap()).unwrap();
    cut.cut();

    let mut login = knock(&machine, "ann").unwrap();
    let screen = login.expect("or `new` for a new QR code: ", SOON).unwrap();
    assert!(setup_key(&screen).is_err(), "the key is shown once");
    login.send_line(&phone.unused_code().unwrap()).unwrap();
    write_down(&mut login).unwrap();
    is_in(&mut login).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn after_a_reset_the_next_login_enrolls_again() {
    let machine = machine();
    let (mut old, _) = enroll(&machine, "ann").unwrap();
    machine.run_ok(&["countersign", "user", "reset", "ann", "--reason", "lost phone"]).unwrap();
    let mut login = knock(&machine, "ann").unwrap();
    let screen = login.expect("Code: ", SOON).unwrap();
    let mut new = Phone::from_screen(&screen).unwrap();
    login.send_line(&old.unused_code().unwrap()).unwrap();
    login.expect("not right", SOON).unwrap();
    login.send_line(&new.unused_code().unwrap()).unwrap();
    write_down(&mut login).unwrap();
    is_in(&mut login).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_wrong_password_is_refused_without_a_prompt_for_a_code() {
    let machine = machine();
    let mut login = machine.ssh_with("ann", CLIENT, &["-o", "NumberOfPasswordPrompts=1"]).unwrap();
    login.expect("assword: ", SOON).unwrap();
    login.send_line("wrong").unwrap();
    assert!(!is_refused(login).unwrap().contains("Code"));
}
