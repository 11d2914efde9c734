//! Logins while the clock of the host is wrong, and after it was.

use std::time::Duration;

use countersign_core::account::Account;
use countersign_core::audit::EventId;
use countersign_core::conversation::{Conversation, Reply, State};
use countersign_core::factor::totp::SPENT_LIMIT;
use countersign_core::helpdesk::resync;
use countersign_core::policy::{Enrollment, Requirement};
use countersign_core::throttle::Standing;
use countersign_core::time::WallTime;
use countersign_core::words::{Message, Note, Refusal};

use crate::acts::{ALLOW, alice, answer, begin, messages};
use crate::phone::Phone;
use crate::world::{START, World, act, ssh_login};

const DAY: u64 = 24 * 60 * 60;

fn set(world: &mut World, seconds: u64) {
    world.wall = WallTime::from_seconds(seconds);
}

/// Sets the wall clock so far behind a timeline that has reached a time.
fn behind(world: &mut World, timeline: u64, seconds: u64) {
    let account = world.load(&alice());
    world.store(Account { changed: WallTime::from_seconds(timeline), ..account });
    set(world, timeline - seconds);
}

fn said_in(reply: &Reply) -> Vec<Message> {
    messages(reply).into_iter().cloned().collect()
}

/// Logs in by the code that the phone shows at a time.
fn log_in(world: &mut World, phone: &Phone, at: u64) -> (State, Vec<Message>) {
    let (mut conversation, _) = begin(world, ssh_login(alice()));
    let code = phone.code(WallTime::from_seconds(at), 0);
    let reply = answer(world, &mut conversation, &code);
    (reply.state, said_in(&reply))
}

fn charged(world: &mut World) -> usize {
    world.load(&alice()).throttle.buckets.values().map(|counter| counter.recent.len()).sum()
}

/// A world whose person has an app, and logged in once by the clock as it was.
fn world() -> (World, Phone) {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    assert_eq!(log_in(&mut world, &phone, START).0, ALLOW);
    (world, phone)
}

#[test]
fn while_the_hosts_clock_is_behind_the_host_is_named_and_right_codes_are_not_charged() {
    let (mut world, phone) = world();
    for later in [60, 90] {
        behind(&mut world, START + later, 1_200);
        let (state, said) = log_in(&mut world, &phone, START + later);
        assert_eq!(state, State::Ask, "nothing more is accepted than before");
        assert!(
            matches!(said.first(), Some(Message::Note(Note::HostClockOff { minutes: Some(20), .. }))),
            "{said:?}"
        );
    }
    assert_eq!(charged(&mut world), 0);
    assert_eq!(world.events.iter().filter(|event| event.event == EventId::ClockFault).count(), 2);
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let wrong = phone.wrong(world.wall, 1);
    let _ = answer(&mut world, &mut conversation, &wrong);
    assert_eq!(charged(&mut world), 1, "a guess is charged");
}

#[test]
fn a_code_that_was_told_to_be_right_is_used_up_for_the_time_when_the_clock_is_right() {
    let (mut world, phone) = world();
    behind(&mut world, START + 60, 1_200);
    assert_eq!(log_in(&mut world, &phone, START + 60).0, State::Ask);
    set(&mut world, START + 60);
    assert_eq!(log_in(&mut world, &phone, START + 60).0, State::Ask);
    set(&mut world, START + 90);
    assert_eq!(log_in(&mut world, &phone, START + 90).0, ALLOW);
}

#[test]
fn two_codes_that_a_known_fault_explains_do_not_blame_the_phone() {
    let (mut world, phone) = world();
    set(&mut world, START - 1_200);
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let mut said = Vec::new();
    for at in [START - 600, START - 570] {
        let code = phone.code(WallTime::from_seconds(at), 0);
        said = said_in(&answer(&mut world, &mut conversation, &code));
    }
    assert!(
        matches!(said.first(), Some(Message::Note(Note::HostClockOff { minutes: Some(10), .. }))),
        "{said:?}"
    );
    assert_eq!(charged(&mut world), 1, "one code alone may be a guess");
}

#[test]
fn after_a_login_a_day_ahead_right_codes_are_not_charged_and_a_resync_repairs_it() {
    let (mut world, phone) = world();
    set(&mut world, START + DAY);
    assert_eq!(log_in(&mut world, &phone, START + DAY).0, ALLOW);
    set(&mut world, START + 300);
    let (state, said) = log_in(&mut world, &phone, START + 300);
    assert_eq!(state, State::Ask);
    assert!(
        matches!(said.first(), Some(Message::Note(Note::HostClockOff { minutes: None, .. }))),
        "{said:?}"
    );
    assert_eq!(charged(&mut world), 0);
    let fault = world.events.iter().rfind(|event| event.event == EventId::ClockFault).unwrap();
    assert_eq!(fault.reason.as_deref(), Some("host-clock-was-ahead"));

    let (account, now) = (world.load(&alice()), world.now());
    let done = resync(&account, &act(&alice()), &world.policy.clone(), &mut world.entropy, now);
    assert_eq!((done.resynced, done.event.event), (1, EventId::FactorResynced));
    world.store(done.account);
    assert_eq!(log_in(&mut world, &phone, START + 300).0, State::Ask, "what was shown is not good again");
    set(&mut world, START + 360);
    assert_eq!(log_in(&mut world, &phone, START + 360).0, ALLOW);
    // The time that was used comes: its code was accepted once.
    set(&mut world, START + DAY);
    assert_eq!(log_in(&mut world, &phone, START + DAY).0, State::Ask);
    set(&mut world, START + DAY + 60);
    assert_eq!(log_in(&mut world, &phone, START + DAY + 60).0, ALLOW);
}

#[test]
fn every_code_that_was_accepted_while_the_clock_was_set_ahead_stays_used_after_a_resync() {
    let (mut world, phone) = world();
    world.is_leapt = true;
    let ahead: Vec<u64> = (0..4).map(|number| START + DAY + number * 60).collect();
    for at in &ahead {
        set(&mut world, *at);
        assert_eq!(log_in(&mut world, &phone, *at).0, ALLOW);
    }
    assert!(ahead.len() < SPENT_LIMIT);
    world.is_leapt = false;
    set(&mut world, START + 600);
    let (account, now) = (world.load(&alice()), world.now());
    let done = resync(&account, &act(&alice()), &world.policy.clone(), &mut world.entropy, now);
    world.store(done.account);
    for at in ahead {
        set(&mut world, at);
        assert_eq!(log_in(&mut world, &phone, at).0, State::Ask, "{at}");
    }
}

#[test]
fn a_lock_made_while_the_clock_was_ahead_is_told_by_the_wall_clock() {
    let (mut world, phone) = world();
    set(&mut world, START + DAY);
    for _ in 0..2 {
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        for number in 0..3 {
            if !matches!(conversation, Conversation::End) {
                let wrong = phone.wrong(world.wall, number);
                let _ = answer(&mut world, &mut conversation, &wrong);
            }
        }
    }
    let account = world.load(&alice());
    assert_ne!(account.throttle.worst(world.now().latest()), Standing::Open);
    set(&mut world, START);
    let (_, reply) = begin(&mut world, ssh_login(alice()));
    let said = said_in(&reply);
    let Some(Message::Refusal(Refusal::Locked { until, now, .. })) = said.first() else { panic!("{said:?}") };
    assert_eq!((until.since(*now), *now), (Duration::from_mins(30), world.wall));
}
