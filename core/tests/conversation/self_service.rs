//! Single rules of self-service that a transcript cannot show: resets in between, limits, names.

use countersign_core::account::FACTOR_LIMIT;
use countersign_core::audit::EventId;
use countersign_core::conversation::enrollment::Enrollment as EnrollmentDialogue;
use countersign_core::conversation::removal::{Removal, RemovalRequest};
use countersign_core::conversation::{Event, State};
use countersign_core::policy::{Enrollment, Requirement};
use countersign_core::words::{Message, Refusal};

use crate::phone::Phone;
use crate::world::{World, host, person};

use crate::acts::{alice, answer, enroll_by_oneself, key_of, messages, reset_all};

#[test]
fn a_reset_in_the_middle_ends_self_service() {
    let mut world = World::new(Requirement::Enrolled, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let begun = EnrollmentDialogue::begin(enroll_by_oneself(alice()), world.policy());
    let (mut conversation, _) = world.turn(&begun, Event::Begun);
    let code = phone.code(world.wall, 0);
    let reply = answer(&mut world, &mut conversation, &code);
    let new = key_of(&reply);
    reset_all(&mut world, &alice());
    let code = new.code(world.wall, 0);
    let reply = answer(&mut world, &mut conversation, &code);
    assert_eq!(reply.state, State::Failed);
    assert_eq!(messages(&reply), [&Message::Refusal(Refusal::ChangedMeanwhile)]);
    assert!(!world.load(&alice()).is_enrolled());
}

#[test]
fn a_person_holds_no_more_factors_than_the_limit() {
    let mut world = World::new(Requirement::Enrolled, Enrollment::SelfService);
    for number in 0..FACTOR_LIMIT {
        let _ = world.enroll(&alice(), &format!("phone {number}"));
    }
    let begun = EnrollmentDialogue::begin(enroll_by_oneself(alice()), world.policy());
    let (_, reply) = world.turn(&begun, Event::Begun);
    let reply = reply.expect("a reply");
    assert_eq!(messages(&reply), [&Message::Refusal(Refusal::TooManyFactors { limit: FACTOR_LIMIT })]);
}

#[test]
fn apps_without_a_name_are_told_apart() {
    let mut world = World::new(Requirement::Enrolled, Enrollment::SelfService);
    let first = Phone::of(&world.enroll(&alice(), "authenticator"));
    let begun = EnrollmentDialogue::begin(enroll_by_oneself(alice()), world.policy());
    let (mut conversation, _) = world.turn(&begun, Event::Begun);
    let code = first.code(world.wall, 0);
    let reply = answer(&mut world, &mut conversation, &code);
    let code = key_of(&reply).code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, State::Done);
    let labels: Vec<String> =
        world.load(&alice()).factors.iter().map(|factor| factor.label.to_string()).collect();
    assert_eq!(labels, ["authenticator", "authenticator 2"]);
}

#[test]
fn a_self_service_dialogue_that_is_left_is_recorded_and_changes_nothing() {
    let mut world = World::new(Requirement::Enrolled, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let before = world.load(&alice()).factors.len();
    let begun = EnrollmentDialogue::begin(enroll_by_oneself(alice()), world.policy());
    let (mut conversation, _) = world.turn(&begun, Event::Begun);
    let code = phone.code(world.wall, 0);
    let _ = answer(&mut world, &mut conversation, &code);
    let _ = world.turn(&conversation, Event::ClientGone);
    assert_eq!(world.load(&alice()).factors.len(), before, "nothing pending is left behind");
    let last = world.events.last().expect("a record");
    assert_eq!((last.event, last.reason.as_deref()), (EventId::EnrollmentFailed, Some("client-gone")));
}

#[test]
fn a_factor_that_was_removed_meanwhile_ends_the_other_removal() {
    let mut world = World::new(Requirement::Enrolled, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let _ = world.enroll(&alice(), "tablet");
    let request = |factor: &str| RemovalRequest {
        person: alice(),
        host: host(),
        factor: factor.into(),
        language: None,
    };
    let begun = Removal::begin(request("tablet"), world.policy());
    let (mut first, _) = world.turn(&begun, Event::Begun);
    let (mut second, _) = world.turn(&begun, Event::Begun);
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut first, &code).state, State::Done);
    world.wait(30);
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut second, &code).state, State::Failed);
    assert_eq!(world.load(&alice()).factors.len(), 1);
}

#[test]
fn a_factor_is_found_by_its_id() {
    let mut world = World::new(Requirement::Enrolled, Enrollment::SelfService);
    let phone = world.enroll(&alice(), "phone");
    let tablet = world.enroll(&alice(), "tablet");
    let factor = tablet.id.0.to_string();
    let request = RemovalRequest { person: alice(), host: host(), factor, language: None };
    let begun = Removal::begin(request, world.policy());
    let (mut conversation, _) = world.turn(&begun, Event::Begun);
    let code = Phone::of(&phone).code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, State::Done);
    assert!(world.load(&alice()).factor(tablet.id).is_none());
}

#[test]
fn self_service_is_refused_to_a_uid_that_is_not_the_known_one() {
    let mut world = World::new(Requirement::Enrolled, Enrollment::SelfService);
    let _ = world.enroll(&alice(), "phone");
    let begun = EnrollmentDialogue::begin(enroll_by_oneself(person("alice", 1001)), world.policy());
    let (_, reply) = world.turn(&begun, Event::Begun);
    assert_eq!(reply.expect("a reply").state, State::Failed);
}
