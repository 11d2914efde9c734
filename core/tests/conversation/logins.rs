//! Single rules of logins that a transcript cannot show: races, resets in between, limits, time.

use countersign_core::conversation::enrollment::Enrollment as EnrollmentDialogue;
use countersign_core::conversation::login::Login;
use countersign_core::conversation::{
    ANSWER_LIMIT, CONVERSATION_LIMIT, Conversation, ENROLLING_LIMIT, Event, OTHER_LIMIT, State, Verdict,
};
use countersign_core::factor::Method;
use countersign_core::login::{FirstFactor, LoginRequest, Source};
use countersign_core::policy::{Enrollment, Requirement};
use countersign_core::time::WallTime;
use countersign_core::words::{Message, Note, Prompt, Refusal};

use crate::phone::Phone;
use crate::world::{START, World, person, ssh_login, stranger};

use crate::acts::{ALLOW, DENY, alice, answer, begin, enroll_by_oneself, key_of, messages, reset_all};

#[test]
fn a_code_raced_by_two_logins_lets_one_in() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let code = phone.code(world.wall, 0);
    let (first, _) = begin(&mut world, ssh_login(alice()));
    let (second, _) = begin(&mut world, ssh_login(alice()));
    let seen_by_both = world.load(&alice());
    let event = || Event::Answered(code.clone().into());
    let (_, reply) = world.turn_on(&first, event(), &seen_by_both).expect("the first is not stale");
    assert_eq!(reply.expect("a reply").state, ALLOW);
    assert!(world.turn_on(&second, event(), &seen_by_both).is_none(), "the second is stale");
    let (_, reply) = world.turn(&second, event());
    assert_eq!(reply.expect("a reply").state, State::Ask, "decided again, the code is used");
}

#[test]
fn an_exemption_does_not_let_an_unknown_person_pass() {
    let mut world = World::new(Requirement::Never, Enrollment::AtLogin);
    let (_, reply) = begin(&mut world, ssh_login(stranger("mallory")));
    assert_eq!(reply.state, DENY);
    assert!(world.accounts.is_empty());
}

#[test]
fn no_code_lets_an_unknown_person_in() {
    for require in [Requirement::Always, Requirement::Enrolled] {
        let mut world = World::new(require, Enrollment::AtLogin);
        let phone = Phone::of(&world.enroll(&alice(), "phone"));
        let (mut conversation, _) = begin(&mut world, ssh_login(stranger("alice")));
        let code = phone.code(world.wall, 0);
        for _ in 0..2 {
            assert_eq!(answer(&mut world, &mut conversation, &code).state, State::Ask);
        }
        assert_eq!(answer(&mut world, &mut conversation, &code).state, DENY);
    }
}

#[test]
fn a_late_first_factor_does_not_tell_that_a_code_was_used() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let code = phone.code(world.wall, 0);
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
    let late = LoginRequest { first_factor: FirstFactor::Late, ..ssh_login(alice()) };
    let (mut conversation, _) = begin(&mut world, late);
    let reply = answer(&mut world, &mut conversation, &code);
    assert_eq!(messages(&reply).first(), Some(&&Message::Note(Note::WrongCode)));
}

#[test]
fn a_late_first_factor_does_not_tell_about_the_clock() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let late = LoginRequest { first_factor: FirstFactor::Late, ..ssh_login(alice()) };
    let (mut conversation, _) = begin(&mut world, late);
    let code = phone.code(world.wall, 20);
    let _ = answer(&mut world, &mut conversation, &code);
    world.wait(30);
    let code = phone.code(world.wall, 20);
    let reply = answer(&mut world, &mut conversation, &code);
    assert_eq!(messages(&reply).first(), Some(&&Message::Note(Note::WrongCode)));
}

#[test]
fn one_distant_code_typed_twice_does_not_tell_that_it_will_be_valid() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let code = phone.code(world.wall, 20);
    for _ in 0..2 {
        let reply = answer(&mut world, &mut conversation, &code);
        assert_eq!(messages(&reply).first(), Some(&&Message::Note(Note::WrongCode)));
    }
}

#[test]
fn an_enrollment_ends_after_so_many_answers_that_are_no_codes() {
    for text in ["invert", "new", "?", "", "\u{1b}[A"] {
        let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        let mut prompts = 1;
        while answer(&mut world, &mut conversation, text).state == State::Ask {
            prompts += 1;
        }
        assert_eq!(prompts, 1 + OTHER_LIMIT, "{text:?}");
        assert!(world.load(&alice()).throttle.buckets.is_empty(), "none of it was a code");
    }
}

#[test]
fn a_reset_in_the_middle_makes_the_key_on_the_screen_void() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
    let old = key_of(&reply);
    reset_all(&mut world, &alice());
    let code = old.code(world.wall, 0);
    let reply = answer(&mut world, &mut conversation, &code);
    assert_eq!(reply.state, State::Ask);
    let code = key_of(&reply).code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
}

#[test]
fn a_second_login_during_an_enrollment_takes_it_up_and_the_first_goes_on_as_a_login() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let (mut first, reply) = begin(&mut world, ssh_login(alice()));
    let phone = key_of(&reply);
    let (mut second, _) = begin(&mut world, ssh_login(alice()));
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut second, &code).state, ALLOW);
    assert_eq!(answer(&mut world, &mut first, &code).state, State::Ask, "not evaluated as a confirmation");
    let reply = answer(&mut world, &mut first, &code);
    assert!(matches!(messages(&reply).first(), Some(Message::Note(Note::RepeatedCode { .. }))));
}

#[test]
fn a_clock_moved_back_ends_no_lock() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    for _ in 0..2 {
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        for number in 0..3 {
            if !matches!(conversation, Conversation::End) {
                let wrong = phone.wrong(world.wall, number);
                let _ = answer(&mut world, &mut conversation, &wrong);
            }
        }
    }
    world.wall = WallTime::from_seconds(START - 86_400);
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, State::Verdict(Verdict::LockOut));
}

#[test]
fn a_clock_moved_back_makes_no_used_code_usable() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
    world.wall = WallTime::from_seconds(START - 3_600);
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, State::Ask);
}

#[test]
fn a_stranger_does_not_lock_the_owner_out_of_a_known_source() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
    let elsewhere = || LoginRequest {
        source: Source::Address("203.0.113.9".parse().expect("an address")),
        ..ssh_login(alice())
    };
    for round in 0..2 {
        let (mut conversation, _) = begin(&mut world, elsewhere());
        for number in 0..3 {
            if !matches!(conversation, Conversation::End) {
                let wrong = phone.wrong(world.wall, 3 * round + number);
                let _ = answer(&mut world, &mut conversation, &wrong);
            }
        }
    }
    let (_, reply) = begin(&mut world, elsewhere());
    assert!(matches!(messages(&reply).first(), Some(Message::Refusal(Refusal::Locked { .. }))));
    world.wait(30);
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
}

#[test]
fn a_lock_set_by_another_login_stops_the_evaluation_here() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let (mut waiting, _) = begin(&mut world, ssh_login(alice()));
    for _ in 0..2 {
        let (mut guessing, _) = begin(&mut world, ssh_login(alice()));
        for number in 0..3 {
            if !matches!(guessing, Conversation::End) {
                let wrong = phone.wrong(world.wall, number);
                let _ = answer(&mut world, &mut guessing, &wrong);
            }
        }
    }
    let code = phone.code(world.wall, 0);
    let reply = answer(&mut world, &mut waiting, &code);
    assert_eq!(reply.state, State::Verdict(Verdict::LockOut));
}

#[test]
fn a_rule_covers_the_person_from_the_first_login_under_it() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
    world.wait(60);
    let code = key_of(&reply).code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
    let coverage = world.load(&alice()).coverage.expect("a coverage");
    assert_eq!(coverage.rule.as_str(), "default");
    assert_eq!(coverage.since, WallTime::from_seconds(START));
}

#[test]
fn nothing_is_kept_of_people_who_are_not_asked() {
    for require in [Requirement::Never, Requirement::Enrolled] {
        let mut world = World::new(require, Enrollment::AtLogin);
        let (_, reply) = begin(&mut world, ssh_login(alice()));
        assert_eq!(reply.state, State::Verdict(Verdict::Skip));
        assert!(world.accounts.is_empty());
    }
}

#[test]
fn an_answer_over_the_limit_is_not_evaluated() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let _ = world.enroll(&alice(), "phone");
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let reply = answer(&mut world, &mut conversation, &"1".repeat(ANSWER_LIMIT + 1));
    assert!(matches!(messages(&reply).first(), Some(Message::Note(Note::EnterCode { .. }))));
    assert!(world.load(&alice()).throttle.buckets.is_empty());
}

#[test]
fn enrolling_has_more_time_than_logging_in() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let begun = Login::begin(ssh_login(alice()), world.policy());
    assert_eq!(begun.time_limit(), CONVERSATION_LIMIT);
    let (enrolling, _) = world.turn(&begun, Event::Begun);
    assert_eq!(enrolling.time_limit(), ENROLLING_LIMIT);
    let _ = world.enroll(&person("bob", 1001), "phone");
    let (asking, _) = begin(&mut world, ssh_login(person("bob", 1001)));
    assert_eq!(asking.time_limit(), CONVERSATION_LIMIT);
}

#[test]
fn an_event_out_of_order_refuses() {
    let mut world = World::new(Requirement::Never, Enrollment::SelfService);
    let unasked = Login::begin(ssh_login(alice()), world.policy());
    let (next, reply) = world.turn(&unasked, Event::Answered("123456".to_owned().into()));
    assert_eq!(reply.expect("a reply").state, State::Verdict(Verdict::Unavailable));
    assert!(matches!(next, Conversation::End));
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let (asked, _) = begin(&mut world, ssh_login(alice()));
    let (_, reply) = world.turn(&asked, Event::Begun);
    assert_eq!(reply.expect("a reply").state, State::Verdict(Verdict::Unavailable));
}

#[test]
fn an_end_decides_nothing() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let account = world.load(&alice());
    let now = world.now();
    let turn = Conversation::End.decide(Event::Begun, &account, now, &mut world.entropy);
    assert!(turn.effects.is_empty() && matches!(turn.next, Conversation::End));
}

#[test]
fn leaving_before_a_question_leaves_no_record() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let begun = Login::begin(ssh_login(alice()), world.policy());
    let _ = world.turn(&begun, Event::ClientGone);
    let begun = EnrollmentDialogue::begin(enroll_by_oneself(alice()), world.policy());
    let _ = world.turn(&begun, Event::DeadlineReached);
    assert!(world.events.is_empty());
}

#[test]
fn any_change_of_factor_raises_the_epoch() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
    let pending = world.load(&alice()).epoch;
    let code = key_of(&reply).code(world.wall, 0);
    let _ = answer(&mut world, &mut conversation, &code);
    assert_eq!(world.load(&alice()).epoch.0, pending.0 + 1);
}

#[test]
fn what_was_begun_under_another_rule_is_not_offered_where_the_rule_does_not_name_it() {
    for enroll in [Enrollment::AtLogin, Enrollment::SelfService, Enrollment::Invited] {
        let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
        let (_, reply) = begin(&mut world, ssh_login(alice()));
        let phone = key_of(&reply);
        world.policy.default.methods = vec![Method::Email];
        world.policy.default.enroll = enroll;
        world.policy.settings.channels.email = true;
        let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
        let is_offered = |message: &&Message| {
            matches!(message, Message::Prompt(Prompt::PendingCode(_) | Prompt::PendingCodeOrInvitation(_)))
        };
        assert!(!messages(&reply).iter().any(is_offered), "{reply:?}");
        let code = phone.code(world.wall, 0);
        assert_ne!(answer(&mut world, &mut conversation, &code).state, ALLOW);
        assert!(!world.load(&alice()).is_enrolled());
    }
}
