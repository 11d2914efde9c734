//! `enroll = "invited"`: the password alone sets nothing up; an invitation does, once, for one person.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, gets_in, is_in, knock, set_up};
use countersign_tests::site;

const CONFIGURATION: &str = r#"
help = "the front desk"

[[policy]]
name = "everybody"
users = ["ann", "bob"]
require = "always"
enroll = "invited"

[default]
require = "enrolled"
"#;

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn an_invitation_leads_one_person_in_once() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    machine.add_user("bob", PASSWORD, &[]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();

    nobody_gets_in_without_one(&machine);
    let invitation = last_line(&machine, &["invite", "ann", "--reason", "first day"]);
    it_is_of_no_use_to_another(&machine, &invitation);
    let mut login = knock_inviting(&machine, "ann", &invitation);
    let (mut phone, _) = set_up(&mut login).unwrap();
    is_in(&mut login).unwrap();
    gets_in(&machine, "ann", &mut phone).unwrap();

    let second = last_line(&machine, &["reset", "ann", "--reason", "lost phone"]);
    let mut login = knock_inviting(&machine, "ann", &invitation);
    login.expect("That invitation is not right, or it is no longer valid.", SOON).unwrap();
    login.expect("Invitation: ", SOON).unwrap();
    login.send_line(&second).unwrap();
    set_up(&mut login).unwrap();
    is_in(&mut login).unwrap();
}

fn nobody_gets_in_without_one(machine: &Machine) {
    let mut login = knock(machine, "ann").unwrap();
    let said = login.expect("Invitation: ", SOON).unwrap();
    assert!(said.contains("you need an invitation: ask the front desk."), "{said}");
    let status = machine.run_as("ann", &["countersign", "enroll", "totp"]).unwrap().status;
    assert_eq!(status.code(), Some(1), "nor by oneself, without a terminal to type one at");
}

fn it_is_of_no_use_to_another(machine: &Machine, invitation: &str) {
    let mut login = knock_inviting(machine, "bob", invitation);
    login.expect("That invitation is not right", SOON).unwrap();
}

fn knock_inviting(machine: &Machine, user: &str, invitation: &str) -> Dialogue {
    let mut login = knock(machine, user).unwrap();
    login.expect("Invitation: ", SOON).unwrap();
    login.send_line(invitation).unwrap();
    login
}

/// What an act of the helpdesk prints last: the invitation.
fn last_line(machine: &Machine, act: &[&str]) -> String {
    let said = machine.run_ok(&[["countersign", "user"].as_slice(), act].concat()).unwrap();
    said.lines().last().unwrap().split_whitespace().last().unwrap().to_owned()
}
