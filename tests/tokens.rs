//! A hardware token's counter, driven by oathtool: enrolled by oneself, in step, ahead, and far ahead.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, is_in, knock_with, write_down};
use countersign_tests::phone::setup_key;
use countersign_tests::site;

const CONFIGURATION: &str = "[default]\nrequire = \"enrolled\"\n";

/// The token: the key that was typed into it, read by a program that is not ours.
struct Token<'m> {
    machine: &'m Machine,
    key: String,
}

impl Token<'_> {
    fn code(&self, counter: u32) -> String {
        let counter = counter.to_string();
        let show = ["oathtool", "--hotp", "--base32", "--counter", &counter, &self.key];
        self.machine.run_ok(&show).unwrap().trim().to_owned()
    }
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_token_logs_in_by_its_counter_and_comes_back_into_step() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    let token = enroll(&machine);

    is_in(&mut knock_with(&machine, "ann", &token.code(1)).unwrap()).unwrap();
    // Pressed a few times in a pocket.
    is_in(&mut knock_with(&machine, "ann", &token.code(8)).unwrap()).unwrap();
    let mut used = knock_with(&machine, "ann", &token.code(8)).unwrap();
    used.expect("already used", SOON).unwrap();
    drop(used);

    // Pressed by a child: one code is not enough any more, two in a row are.
    let mut ahead = knock_with(&machine, "ann", &token.code(60)).unwrap();
    ahead.expect("Your token has run ahead. Enter the code that it shows next: ", SOON).unwrap();
    ahead.send_line(&token.code(61)).unwrap();
    is_in(&mut ahead).unwrap();
    is_in(&mut knock_with(&machine, "ann", &token.code(62)).unwrap()).unwrap();
}

fn enroll(machine: &Machine) -> Token<'_> {
    let mut enrollment =
        machine.dialogue_as("ann", &["countersign", "enroll", "hotp", "--label", "keyring"]).unwrap();
    enrollment.expect("Type `yes` to go on: ", SOON).unwrap();
    enrollment.send_line("yes").unwrap();
    let key = setup_key(&enrollment.expect("Code: ", SOON).unwrap()).unwrap();
    let token = Token { machine, key };
    enrollment.send_line(&token.code(0)).unwrap();
    write_down(&mut enrollment).unwrap();
    assert_eq!(enrollment.exit_status(SOON).unwrap(), 0, "{}", enrollment.transcript());
    token
}
