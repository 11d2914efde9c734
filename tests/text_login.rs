//! People who get their code by text message or by a call, by real ssh: Kannel in the machine, and a command for calls.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, is_in, knock, write_down};
use countersign_tests::site;
use countersign_tests::sms::Gateway;

const ANN: &str = "+491712345642";
const BOB: &str = "+493012345678";
/// What calls: it notes the number and what it was to say.
const CALLER: &str = "#!/bin/sh\nexec logger --tag call \"$1: $(cat)\"\n";

const RULES: &str = r#"
[call]
command = ["/usr/local/bin/call", "{number}"]

[[policy]]
name = "by text"
users = ["ann"]
require = "always"
methods = ["sms", "backup"]
enroll = "at-login"

[[policy]]
name = "by call"
users = ["bob"]
require = "always"
methods = ["call", "backup"]
enroll = "at-login"

[default]
require = "enrolled"
"#;

fn machine() -> (Machine, Gateway) {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    for (user, number) in [("ann", ANN), ("bob", BOB)] {
        machine.add_user(user, PASSWORD, &[]).unwrap();
        machine.run_ok(&["usermod", "--comment", &format!("{user},,,,{number}"), user]).unwrap();
    }
    machine.write_file("/usr/local/bin/call", CALLER, 0o755).unwrap();
    let gateway = Gateway::open(&machine).unwrap();
    site::switch_on(&machine, &format!("{}{RULES}", gateway.settings())).unwrap();
    (machine, gateway)
}

fn prompted(login: &mut Dialogue) -> String {
    let screen = login.expect("Code", SOON).unwrap();
    screen + &login.expect(": ", SOON).unwrap()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_text_message_enrolls_and_lets_in() {
    let (machine, gateway) = machine();
    let mut first = knock(&machine, "ann").unwrap();
    let screen = prompted(&mut first);
    assert!(screen.contains("42") && !screen.contains(ANN), "the number on file is masked: {screen}");
    let text = gateway.nth(ANN, 1, SOON).unwrap();
    assert!(!text.text.contains('\n'), "{text:?}");
    first.send_line(&text.code().unwrap()).unwrap();
    write_down(&mut first).unwrap();
    is_in(&mut first).unwrap();

    let mut second = knock(&machine, "ann").unwrap();
    prompted(&mut second);
    second.send_line(&text.code().unwrap()).unwrap();
    second.expect("That code is not right", SOON).unwrap();
    prompted(&mut second);
    second.send_line(&gateway.nth(ANN, 2, SOON).unwrap().code().unwrap()).unwrap();
    is_in(&mut second).unwrap();
}

/// What the calls said so far.
fn calls(machine: &Machine) -> Vec<String> {
    let log = machine.journal(&["--identifier=call", "--output=cat"]).unwrap();
    log.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_call_enrolls_and_lets_in() {
    let (machine, _gateway) = machine();
    for round in 1..=2 {
        let mut login = knock(&machine, "bob").unwrap();
        prompted(&mut login);
        machine
            .wait_until("the call", Duration::from_secs(20), |machine| Ok(calls(machine).len() >= round))
            .unwrap();
        let said = calls(&machine).pop().unwrap();
        assert!(said.contains(BOB), "{said}");
        login.send_line(&spoken(&said)).unwrap();
        if round == 1 {
            write_down(&mut login).unwrap();
        }
        is_in(&mut login).unwrap();
    }
}

/// The eight digits that a call spells out, after the number.
fn spoken(said: &str) -> String {
    let words = said.split_once(BOB).unwrap().1;
    words.chars().filter(char::is_ascii_digit).take(8).collect()
}
