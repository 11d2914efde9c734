//! Backup codes on a booted machine: at the first login, used up, after a hang-up, renewed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{
    PASSWORD, SAVED, SOON, backup_codes, enroll, gets_in, is_in, knock, knock_with, write_down,
};
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

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn backup_codes_let_in_once_each_until_they_are_renewed() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &["sudo"]).unwrap();
    machine.add_user("bob", PASSWORD, &[]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();

    let (mut phone, codes) = enroll(&machine, "ann").unwrap();
    a_code_lets_in_once(&machine, &codes);
    let fresh = the_person_renews_them(&machine, &mut phone);
    the_old_ones_are_dead_and_the_new_ones_live(&machine, &codes, &fresh);
    sudo_shows_how_a_login_ends(&machine, &fresh[1], &phone.wrong_code().unwrap());
    hanging_up_at_the_codes_loses_nothing(&machine);
}

/// As it was written down the first time, then without dashes and in small letters.
fn a_code_lets_in_once(machine: &Machine, codes: &[String]) {
    is_in(&mut knock_with(machine, "ann", &codes[0]).unwrap()).unwrap();
    let mut again = knock_with(machine, "ann", &codes[0]).unwrap();
    again.expect("That backup code is not right, or it was used already.", SOON).unwrap();
    again.expect("Code: ", SOON).unwrap();
    again.send_line(&codes[1].replace('-', "").to_lowercase()).unwrap();
    again.expect("You have 8 backup codes left.", SOON).unwrap();
    is_in(&mut again).unwrap();
}

fn the_person_renews_them(machine: &Machine, phone: &mut Phone) -> Vec<String> {
    let mut renewal = machine.dialogue_as("ann", &["countersign", "backup-codes"]).unwrap();
    renewal.expect("Current code: ", SOON).unwrap();
    renewal.send_line(&phone.unused_code().unwrap()).unwrap();
    let fresh = write_down(&mut renewal).unwrap();
    assert_eq!(renewal.exit_status(SOON).unwrap(), 0, "{}", renewal.transcript());
    fresh
}

fn the_old_ones_are_dead_and_the_new_ones_live(machine: &Machine, old: &[String], fresh: &[String]) {
    let mut login = knock_with(machine, "ann", &old[2]).unwrap();
    login.expect("That backup code is not right", SOON).unwrap();
    login.expect("Code: ", SOON).unwrap();
    login.send_line(&fresh[0]).unwrap();
    is_in(&mut login).unwrap();
}

/// sudo asks PAM for silence; what ends a login is shown all the same: codes left, the third wrong code, the lock.
fn sudo_shows_how_a_login_ends(machine: &Machine, code: &str, wrong: &str) {
    let begin = || {
        let mut sudo = machine.dialogue_as("ann", &["sudo", "-k", "id", "-u"]).unwrap();
        sudo.expect("assword", SOON).unwrap();
        sudo.send_line(PASSWORD).unwrap();
        sudo
    };
    let mut sudo = begin();
    sudo.expect("Code: ", SOON).unwrap();
    sudo.send_line(code).unwrap();
    sudo.expect("You have 8 backup codes left.", SOON).unwrap();
    sudo.expect("\n0\n", SOON).unwrap();
    for (tries, end) in [(3, "Refused"), (2, "Too many wrong codes")] {
        let mut sudo = begin();
        for _ in 0..tries {
            sudo.expect("Code: ", SOON).unwrap();
            sudo.send_line(wrong).unwrap();
        }
        sudo.expect(end, SOON).unwrap();
        sudo.cut();
    }
}

fn hanging_up_at_the_codes_loses_nothing(machine: &Machine) {
    let mut first = knock(machine, "bob").unwrap();
    let mut phone = Phone::from_screen(&first.expect("Code: ", SOON).unwrap()).unwrap();
    first.send_line(&phone.unused_code().unwrap()).unwrap();
    let codes = backup_codes(&first.expect(SAVED, SOON).unwrap());
    first.cut();
    gets_in(machine, "bob", &mut phone).unwrap();
    is_in(&mut knock_with(machine, "bob", &codes[9]).unwrap()).unwrap();
}
