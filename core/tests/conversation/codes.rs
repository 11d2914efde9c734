//! Single rules of backup codes, tokens and invitations that a transcript cannot show: races, resets in between, and
//! what somebody with the password alone could try.

use std::time::Duration;

use countersign_core::account::{Account, RuleName};
use countersign_core::conversation::backup_codes::{BackupCodes, BackupCodesRequest};
use countersign_core::conversation::enrollment::Enrollment as EnrollmentDialogue;
use countersign_core::conversation::{Conversation, Event, State, Verdict};
use countersign_core::factor::{BACKUP_CODES, FactorKind, Method};
use countersign_core::login::{Groups, LoginRequest, Person};
use countersign_core::policy::{Enrollment, Matcher, Requirement, Rule};
use countersign_core::words::{Message, Note, Refusal, Setup};

use crate::acts::{
    ALLOW, DENY, alice, answer, begin, enroll_by_oneself, key_of, messages, reset_all, sheet_of,
};
use crate::phone::Phone;
use crate::world::{World, host, ssh_login};

fn world(enroll: Enrollment) -> World {
    let mut world = World::new(Requirement::Always, enroll);
    world.policy.default.methods = Method::ALL.to_vec();
    world
}

/// Answers all conversations with one code, each deciding on the account as it was before the first; tells how many
/// got in. A stale decision is made again, as the engine does.
fn race(world: &mut World, conversations: &[Conversation], code: &str) -> usize {
    let seen_by_all = world.load(&alice());
    let event = || Event::Answered(code.to_owned().into());
    let mut allowed = 0;
    for conversation in conversations {
        let (_, reply) = world
            .turn_on(conversation, event(), &seen_by_all)
            .unwrap_or_else(|| world.turn(conversation, event()));
        allowed += usize::from(reply.expect("a reply").state == ALLOW);
    }
    allowed
}

fn waiting(world: &mut World, number: usize) -> Vec<Conversation> {
    (0..number).map(|_| begin(world, ssh_login(alice())).0).collect()
}

#[test]
fn a_backup_code_raced_by_fifty_logins_lets_one_in() {
    let mut world = world(Enrollment::SelfService);
    world.policy.settings.limits.failures = 100;
    world.policy.settings.limits.daily = 100;
    let _ = world.enroll(&alice(), "phone");
    let codes = world.give_backup_codes(&alice());
    let conversations = waiting(&mut world, 50);
    assert_eq!(race(&mut world, &conversations, &codes[3]), 1);
    assert_eq!(world.load(&alice()).backup_codes_left(), Some(BACKUP_CODES - 1));
}

#[test]
fn a_token_code_raced_by_many_logins_lets_one_in() {
    let mut world = world(Enrollment::SelfService);
    let token = Phone::of(&world.enroll_token(&alice(), "keyring"));
    let conversations = waiting(&mut world, 20);
    assert_eq!(race(&mut world, &conversations, &token.token_code(4)), 1);
}

#[test]
fn an_invitation_raced_by_two_logins_shows_one_key() {
    let mut world = world(Enrollment::Invited);
    let code = world.invite(&alice(), Duration::from_hours(1));
    let conversations = waiting(&mut world, 2);
    let seen_by_both = world.load(&alice());
    let event = || Event::Answered(code.clone().into());
    let (_, reply) = world.turn_on(&conversations[0], event(), &seen_by_both).expect("not stale");
    let _ = key_of(&reply.expect("a reply"));
    assert!(world.turn_on(&conversations[1], event(), &seen_by_both).is_none(), "stale");
    let (_, reply) = world.turn(&conversations[1], event());
    let reply = reply.expect("a reply");
    assert!(matches!(messages(&reply)[0], Message::Note(Note::WrongInvitation { .. })), "{reply:?}");
}

#[test]
fn mixing_methods_gives_no_further_guesses() {
    let mut world = world(Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let _ = world.give_backup_codes(&alice());
    let wrong = [phone.wrong(world.wall, 0), "0000-00000-0000".into(), "0000 0000".into()];
    let mut conversation = Conversation::End;
    let mut last = State::Ask;
    for number in 0..5 {
        if matches!(conversation, Conversation::End) {
            conversation = begin(&mut world, ssh_login(alice())).0;
        }
        last = answer(&mut world, &mut conversation, &wrong[number % 3]).state;
    }
    assert_eq!(last, State::Verdict(Verdict::LockOut));
}

#[test]
fn a_reset_while_the_codes_stand_on_the_screen_ends_the_login() {
    let mut world = world(Enrollment::AtLogin);
    let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
    let code = key_of(&reply).code(world.wall, 0);
    let sheet = sheet_of(&answer(&mut world, &mut conversation, &code));
    assert_eq!(sheet.len(), BACKUP_CODES);
    assert!(sheet.iter().all(|code| code.len() == 15 && code.split('-').count() == 3), "{sheet:?}");
    reset_all(&mut world, &alice());
    let reply = answer(&mut world, &mut conversation, "saved");
    assert_eq!(reply.state, DENY);
    assert_eq!(messages(&reply), [&Message::Refusal(Refusal::ChangedMeanwhile)]);
}

#[test]
fn backup_codes_come_with_the_first_factor_only() {
    let mut world = world(Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let begun = EnrollmentDialogue::begin(enroll_by_oneself(alice()), world.policy());
    let (mut conversation, _) = world.turn(&begun, Event::Begun);
    let code = phone.code(world.wall, 0);
    let code = key_of(&answer(&mut world, &mut conversation, &code)).code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, State::Done);
    assert_eq!(world.load(&alice()).backup_codes, None);
}

#[test]
fn a_set_that_was_made_twice_at_once_is_the_one_that_was_shown_last() {
    let mut world = world(Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let request = BackupCodesRequest { person: alice(), host: host(), language: None };
    let begun = BackupCodes::begin(request, world.policy());
    let (mut first, _) = world.turn(&begun, Event::Begun);
    let code = phone.code(world.wall, 0);
    let old = sheet_of(&answer(&mut world, &mut first, &code));
    world.wait(30);
    let (mut second, _) = world.turn(&begun, Event::Begun);
    let code = phone.code(world.wall, 0);
    let new = sheet_of(&answer(&mut world, &mut second, &code));
    assert_eq!(answer(&mut world, &mut first, "saved").state, State::Failed, "its set is void");
    let reply = answer(&mut world, &mut second, "saved");
    assert_eq!(messages(&reply), [&Message::Setup(Setup::BackupCodesMade)]);
    let (mut login, _) = begin(&mut world, ssh_login(alice()));
    assert_eq!(answer(&mut world, &mut login, &old[0]).state, State::Ask);
    assert_eq!(answer(&mut world, &mut login, &new[0]).state, ALLOW);
}

/// Somebody with the password waits until the owner has used the invitation.
#[test]
fn the_password_alone_shows_no_key_of_somebody_else_s_invitation() {
    let mut world = world(Enrollment::Invited);
    let code = world.invite(&alice(), Duration::from_hours(1));
    let (mut owner, _) = begin(&mut world, ssh_login(alice()));
    let _ = key_of(&answer(&mut world, &mut owner, &code));
    for text in ["new", "invert", "?", "", &code] {
        let (mut thief, reply) = begin(&mut world, ssh_login(alice()));
        let shown = |message: &&Message| matches!(message, Message::Setup(_));
        assert!(!messages(&reply).iter().any(shown));
        let reply = answer(&mut world, &mut thief, text);
        assert_eq!(reply.state, State::Ask);
        assert!(!messages(&reply).iter().any(shown), "{text:?}");
    }
}

#[test]
fn going_to_and_fro_between_two_rules_does_not_begin_the_time_for_enrolling_anew() {
    let mut world = world(Enrollment::SelfService);
    world.policy.default.enroll_within = Some(Duration::from_hours(24));
    let services = vec!["sudo".to_owned()];
    let sudo = Rule {
        name: RuleName::try_from("sudo").expect("a name"),
        matcher: Matcher { services, ..Matcher::default() },
        ..world.policy.default.clone()
    };
    world.policy.rules = vec![sudo];
    let by_sudo = || LoginRequest { service: "sudo".into(), ..ssh_login(alice()) };
    let (_, reply) = begin(&mut world, ssh_login(alice()));
    assert!(matches!(messages(&reply)[0], Message::Refusal(Refusal::NotEnrolled { .. })));
    world.wait(20 * 3600);
    let (_, reply) = begin(&mut world, by_sudo());
    assert!(matches!(messages(&reply)[0], Message::Refusal(Refusal::NotEnrolled { .. })));
    world.wait(5 * 3600);
    for request in [ssh_login(alice()), by_sudo()] {
        let (_, reply) = begin(&mut world, request);
        assert!(matches!(messages(&reply)[0], Message::Refusal(Refusal::InvitationNeeded { .. })));
    }
}

#[test]
fn not_being_chosen_excuses_nobody_who_is_enrolled_while_groups_are_not_all_known() {
    let mut world = world(Enrollment::SelfService);
    let groups = vec!["staff".to_owned()];
    let chosen = Rule {
        name: RuleName::try_from("chosen").expect("a name"),
        matcher: Matcher { groups, ..Matcher::default() },
        require: Requirement::Chosen,
        ..world.policy.default.clone()
    };
    world.policy.rules = vec![chosen];
    world.policy.default.require = Requirement::Enrolled;
    let _ = world.enroll(&alice(), "phone");
    let known = Person { groups: Groups::Complete(vec!["staff".to_owned()]), ..alice() };
    assert_eq!(begin(&mut world, ssh_login(known)).1.state, State::Verdict(Verdict::Skip));
    let incomplete = Person { groups: Groups::Incomplete(Vec::new()), ..alice() };
    assert_eq!(begin(&mut world, ssh_login(incomplete)).1.state, State::Ask);
}

#[test]
fn a_token_is_found_by_its_counter_and_its_other_codes_are_wrong() {
    let mut world = world(Enrollment::SelfService);
    let token = Phone::of(&world.enroll_token(&alice(), "keyring"));
    let counter = |account: &Account| match &account.factors[0].kind {
        FactorKind::Hotp(hotp) => (hotp.counter, hotp.resync),
        FactorKind::Totp(_) | FactorKind::Sent(_) => panic!("a token"),
    };
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let _ = answer(&mut world, &mut conversation, &token.token_code(50));
    assert_eq!(counter(&world.load(&alice())), (0, Some(51)));
    let _ = answer(&mut world, &mut conversation, "000000");
    assert_eq!(counter(&world.load(&alice())), (0, None), "any other answer ends the row");
    let reply = answer(&mut world, &mut conversation, &token.token_code(51));
    assert_eq!(reply.state, DENY);
    assert_eq!(counter(&world.load(&alice())), (0, Some(52)));
}
