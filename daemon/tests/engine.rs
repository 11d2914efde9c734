//! The engine on the store in memory: nothing is answered before it is committed, and nobody gets in by a fault.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_core::account::{Account, HostId, UserName};
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::helpdesk::{Act, Actor, Reason, Refusal, Scope};
use countersign_core::login::{Existence, Groups, Person};
use countersign_core::policy::Requirement;
use countersign_core::throttle::{Bucket, Limits, Standing};
use countersign_core::time::WallTime;
use countersign_protocol::step::State;
use countersignd::engine::command::{Caller, ConversationId, Deed, EngineError, NotDone, Owner};
use countersignd::engine::{PER_PERSON, PER_UID, key_of};
use countersignd::host::clock::Clock as _;
use countersignd::store::memory::Fault;
use countersignd::store::{Change, Store as _};
use tokio::task::JoinSet;

use harness::world::{ADDRESS, World, host, person, request, root};

#[tokio::test]
async fn what_arrives_during_a_commit_shares_the_next_one() {
    let world = Arc::new(World::new());
    let mut logins = Vec::new();
    for number in 0..50 {
        let person = person(&format!("person{number:02}"));
        let phone = world.seed(&person).await;
        logins.push((world.begin(&person).await, phone));
    }
    let before = world.store.commits.load(Ordering::SeqCst);
    world.store.close();
    let mut answers = JoinSet::new();
    for (begun, phone) in logins {
        let code = phone.code_at(world.clock.wall());
        let logins = Arc::clone(&world);
        answers.spawn(async move { logins.answer(begun.id, &code).await });
        // The first is on its way before the others come.
        world.settle().await;
    }
    assert!(answers.try_join_next().is_none(), "an answer before its commit");
    world.store.open();
    let verdicts = answers.join_all().await;
    assert!(verdicts.iter().all(|verdict| *verdict == Ok(State::Allow)), "{verdicts:?}");
    assert_eq!(world.store.commits.load(Ordering::SeqCst) - before, 2);
    assert_eq!(world.recorded().await.iter().filter(|event| *event == "login-allowed").count(), 50);
}

#[tokio::test]
async fn a_clock_that_is_ahead_on_another_host_is_not_everybodys() {
    let world = World::new();
    let (alice, bob) = (person("alice"), person("bob"));
    let phones = [world.seed(&alice).await, world.seed(&bob).await];
    let wall = world.clock.wall();
    let mut account = world.account(&alice).await;
    account.changed = wall.after(Duration::from_hours(24));
    let change = Change { account: Some(account), ..Change::default() };
    assert!(world.store.commit(vec![change]).await.unwrap()[0].is_ok());
    for (person, phone) in [&alice, &bob].into_iter().zip(&phones) {
        let begun = world.begin(person).await;
        let code = phone.code_at(world.clock.wall());
        assert_eq!(world.answer(begun.id, &code).await, Ok(State::Allow));
    }
    assert_eq!(world.account(&bob).await.changed, wall, "the time of alice's other host");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_refuses_its_own_person_only() {
    let world = Arc::new(World::new());
    let (alice, bob) = (person("alice"), person("bob"));
    let phones = [world.seed(&alice).await, world.seed(&bob).await];
    let logins = [world.begin(&alice).await, world.begin(&bob).await];
    world.store.memory.spoil(key_of(&alice));
    world.store.close();
    let mut answers = JoinSet::new();
    for (begun, phone) in logins.into_iter().zip(phones) {
        let (world, code) = (Arc::clone(&world), phone.code_at(world.clock.wall()));
        answers.spawn(async move { world.answer(begun.id, &code).await });
    }
    world.settle().await;
    world.store.open();
    let verdicts = answers.join_all().await;
    assert!(
        verdicts.contains(&Ok(State::Allow)) && verdicts.contains(&Ok(State::Unavailable)),
        "{verdicts:?}"
    );
}

#[tokio::test]
async fn a_store_that_takes_several_batches_gets_them_and_one_person_never_twice() {
    let world = Arc::new(World::with_flights(2));
    let (alice, bob) = (person("alice"), person("bob"));
    let phones = [world.seed(&alice).await, world.seed(&bob).await];
    let logins = [world.begin(&alice).await, world.begin(&bob).await, world.begin(&alice).await];
    world.store.close();
    let mut answers = JoinSet::new();
    for (begun, phone) in [(&logins[0], &phones[0]), (&logins[1], &phones[1]), (&logins[2], &phones[0])] {
        let (world, id, code) = (Arc::clone(&world), begun.id, phone.code_at(world.clock.wall()));
        answers.spawn(async move { (id, world.answer(id, &code).await) });
        tokio::task::yield_now().await;
    }
    world.settle().await;
    world.store.gate.add_permits(2);
    let first = [answers.join_next().await.unwrap().unwrap(), answers.join_next().await.unwrap().unwrap()];
    assert!(first.iter().all(|(id, state)| *id != logins[2].id && *state == Ok(State::Allow)), "{first:?}");
    world.store.open();
    assert_eq!(answers.join_next().await.unwrap().unwrap().1, Ok(State::Ask));
}

#[tokio::test]
async fn a_failed_commit_lets_nobody_in_and_uses_nothing_up() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    let code = phone.code_at(world.clock.wall());
    let begun = world.begin(&alice).await;
    world.store.memory.inject(Fault::FailCommit);
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Unavailable));
    assert_eq!(world.answer(begun.id, &code).await, Err(EngineError::NoConversation));
    assert!(!world.recorded().await.contains(&"login-allowed".to_owned()));
    assert_eq!(world.published().last().unwrap(), "login-unavailable");
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Allow));
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_unknown_outcome_lets_nobody_in_and_the_code_stays_used() {
    let world = World::new();
    let alice = person("alice");
    let code = world.seed(&alice).await.code_at(world.clock.wall());
    let begun = world.begin(&alice).await;
    world.store.memory.inject(Fault::LoseAnswer);
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Unavailable));
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Ask));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_given_up_within_the_reply_limit() {
    let world = World::new();
    let alice = person("alice");
    let code = world.seed(&alice).await.code_at(world.clock.wall());
    let begun = world.begin(&alice).await;
    world.store.memory.inject(Fault::HangCommit);
    let before = tokio::time::Instant::now();
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Unavailable));
    assert!(before.elapsed() <= Duration::from_secs(4));
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Allow));
}

#[tokio::test]
async fn an_account_that_cannot_be_loaded_lets_nobody_in() {
    let world = World::new();
    let alice = person("alice");
    world.seed(&alice).await;
    world.store.memory.inject(Fault::FailLoad);
    assert_eq!(world.begin(&alice).await.step.state, State::Unavailable);
}

#[tokio::test]
async fn whom_policy_asks_for_nothing_is_let_in_without_the_store_once_the_record_is_kept() {
    let never = |requirement| {
        let mut policy = harness::world::policy();
        policy.default.require = requirement;
        policy
    };
    let alice = person("alice");
    for fault in [Fault::FailLoad, Fault::FailCommit, Fault::LoseAnswer] {
        let world = World::under(never(Requirement::Never), 1);
        world.store.memory.inject(fault);
        assert_eq!(world.begin(&alice).await.step.state, State::Skip, "{fault:?}");
        let kept = world.spool.next().unwrap();
        assert_eq!(kept.events.iter().map(|event| event.event.name()).collect::<Vec<_>>(), ["login-skipped"]);
        assert_eq!(world.published().last().unwrap(), "login-skipped");
        assert_eq!(world.begin(&alice).await.step.state, State::Skip, "with the store again");
        assert_eq!(world.spool.next(), Some(kept));
        // What cannot be recorded is not let in.
        std::fs::remove_dir_all(world.folder.path()).unwrap();
        world.store.memory.inject(fault);
        assert_eq!(world.begin(&alice).await.step.state, State::Unavailable, "{fault:?}");
    }
    let world = World::under(never(Requirement::Enrolled), 1);
    world.store.memory.inject(Fault::FailLoad);
    let step = world.begin(&alice).await.step;
    assert_eq!(
        (step.state, step.lines.len()),
        (State::Unavailable, 1),
        "whether alice is enrolled is not known"
    );
    assert!(step.lines[0].text.contains("cannot be checked"), "{step:?}");
    assert_eq!(world.spool.next(), None);
}

#[tokio::test]
async fn a_change_that_came_too_late_is_decided_again_three_times_and_no_more() {
    let world = World::new();
    let alice = person("alice");
    let code = world.seed(&alice).await.code_at(world.clock.wall());
    let begun = world.begin(&alice).await;
    for _ in 0..4 {
        world.store.memory.inject(Fault::Overtake);
    }
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Unavailable));
    let begun = world.begin(&alice).await;
    for _ in 0..3 {
        world.store.memory.inject(Fault::Overtake);
    }
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Allow));
    assert_eq!(world.recorded().await.iter().filter(|event| *event == "login-allowed").count(), 1);
}

#[tokio::test]
async fn of_fifty_racing_on_many_hosts_one_gets_in_by_a_code() {
    let first = World::new();
    let alice = person("alice");
    let code = first.seed(&alice).await.code_at(first.clock.wall());
    let store = Arc::clone(&first.store);
    let hosts: Vec<Arc<World>> =
        (0..7).map(|seed| Arc::new(World::on(Arc::clone(&store), 100 + seed))).collect();
    let mut racers = JoinSet::new();
    for number in 0..56 {
        let (host, code, alice) = (Arc::clone(&hosts[number % 7]), code.clone(), alice.clone());
        racers.spawn(async move {
            let begun = host.begin(&alice).await;
            host.answer(begun.id, &code).await
        });
    }
    let verdicts = racers.join_all().await;
    let allowed = verdicts.iter().filter(|verdict| **verdict == Ok(State::Allow)).count();
    assert_eq!(allowed, 1, "{verdicts:?}");
    assert_eq!(first.recorded().await.iter().filter(|event| *event == "login-allowed").count(), 1);
}

#[tokio::test]
async fn every_wrong_code_of_a_batch_is_charged() {
    let world = Arc::new(World::new());
    let alice = person("alice");
    world.seed(&alice).await;
    let mut logins = Vec::new();
    for _ in 0..PER_PERSON {
        logins.push(world.begin(&alice).await);
    }
    let mut answers = JoinSet::new();
    for begun in &logins {
        let (world, id) = (Arc::clone(&world), begun.id);
        answers.spawn(async move { world.answer(id, "000000").await });
    }
    answers.join_all().await;
    // Five lock; the others find the lock and are not evaluated.
    let events = world.recorded().await;
    assert_eq!(events.iter().filter(|event| *event == "code-wrong").count(), 5, "{events:?}");
    let account = world.account(&alice).await;
    assert_ne!(account.throttle.worst(world.clock.wall()), countersign_core::throttle::Standing::Open);
}

#[tokio::test]
async fn the_ninth_ends_the_oldest_of_its_source_else_the_oldest_without_an_answer() {
    let world = World::new();
    let alice = person("alice");
    world.seed(&alice).await;
    let mut logins = Vec::new();
    for number in 0..PER_PERSON {
        world.clock.advance(Duration::from_secs(1));
        let from = if number == 3 { ADDRESS.to_owned() } else { format!("203.0.113.{number}") };
        logins.push(world.begin_as(request(&alice, &from), root(1)).await.unwrap());
    }
    world.begin_as(request(&alice, ADDRESS), root(1)).await.unwrap();
    assert_eq!(world.answer(logins[3].id, "").await, Err(EngineError::NoConversation));
    assert_eq!(world.answer(logins[0].id, "").await, Ok(State::Ask));
    world.begin_as(request(&alice, "192.0.2.99"), root(1)).await.unwrap();
    assert_eq!(world.answer(logins[1].id, "").await, Err(EngineError::NoConversation));
    assert_eq!(world.answer(logins[0].id, "").await, Ok(State::Ask));
}

/// Opens as many dialogues as a person may have, each from another address than the owner's.
async fn crowd(world: &World, alice: &Person, address: impl Fn(usize) -> String) -> Vec<ConversationId> {
    let mut logins = Vec::new();
    for number in 0..PER_PERSON {
        world.clock.advance(Duration::from_secs(1));
        logins.push(world.begin_as(request(alice, &address(number)), root(1)).await.unwrap().id);
    }
    logins
}

/// The reasons of the dialogues that ended without a verdict.
async fn reasons(world: &World) -> Vec<String> {
    // What was asked for before is in the store once this is.
    world.begin(&person("zoe")).await;
    let records = world.store.memory.audit(0, 1000).await.unwrap();
    let events = records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap());
    events.filter(|event| event.event == EventId::LoginAbandoned).filter_map(|event| event.reason).collect()
}

#[tokio::test]
async fn dialogues_from_elsewhere_never_end_the_one_at_a_known_source() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
    world.clock.advance(Duration::from_mins(1));

    crowd(&world, &alice, |number| format!("203.0.113.{number}")).await;
    let owner = world.begin(&alice).await;
    crowd(&world, &alice, |number| format!("203.0.113.{}", 100 + number)).await;
    assert_eq!(world.answer(owner.id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
    let reasons = reasons(&world).await;
    assert_eq!(reasons, vec!["evicted"; PER_PERSON + 1], "an evicted dialogue is told from others");
}

#[tokio::test]
async fn one_source_that_fills_every_place_does_not_keep_an_unknown_address_out() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    // An IPv6 network of 64 bits is one source, so that going through its addresses gains nothing.
    crowd(&world, &alice, |number| format!("2001:db8::{number:x}")).await;
    let owner = world.begin(&alice).await;
    crowd(&world, &alice, |number| format!("2001:db8::1:{number:x}")).await;
    assert_eq!(world.answer(owner.id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
}

#[tokio::test]
async fn a_dialogue_that_its_owner_left_is_not_recorded_as_evicted() {
    let world = World::new();
    let alice = person("alice");
    world.seed(&alice).await;
    let begun = world.begin(&alice).await;
    world.engine.cancel(begun.id, Owner::Socket(1)).await.unwrap();
    assert_eq!(reasons(&world).await, ["client-gone"]);
}

#[tokio::test]
async fn a_uid_other_than_root_has_eight_conversations_and_its_neighbor_too() {
    let world = World::new();
    let caller = |uid| Caller { uid, owner: Owner::Socket(u64::from(uid)) };
    for number in 0..PER_UID {
        let person = person(&format!("p{number}"));
        world.seed(&person).await;
        world.begin_as(request(&person, ADDRESS), caller(1000)).await.unwrap();
    }
    let other = person("other");
    world.seed(&other).await;
    let refused = world.begin_as(request(&other, ADDRESS), caller(1000)).await;
    assert_eq!(refused.unwrap_err(), EngineError::LimitReached);
    assert!(world.begin_as(request(&other, ADDRESS), caller(1001)).await.is_ok());
    world.engine.owner_gone(Owner::Socket(1000)).await;
    assert!(world.begin_as(request(&other, ADDRESS), caller(1000)).await.is_ok());
}

#[tokio::test]
async fn there_are_never_more_than_all_conversations() {
    let world = World::new();
    for number in 0..countersignd::engine::IN_ALL {
        let person = person(&format!("p{number}"));
        world.begin(&person).await;
    }
    let refused = world.begin_as(request(&person("late"), ADDRESS), root(1)).await;
    assert_eq!(refused.unwrap_err(), EngineError::LimitReached);
}

#[tokio::test]
async fn a_conversation_ends_with_its_time_and_its_object_is_told() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    let begun = world.begin(&alice).await;
    world.clock.advance(Duration::from_secs(179));
    assert_eq!(world.answer(begun.id, "").await, Ok(State::Ask));
    world.clock.advance(Duration::from_secs(1));
    world.settle().await;
    let code = phone.code_at(world.clock.wall());
    assert_eq!(world.answer(begun.id, &code).await, Err(EngineError::NoConversation));
    assert!(begun.ended.await.is_err());
    world.settle().await;
    assert_eq!(world.recorded().await.last().unwrap(), "login-abandoned");
}

#[tokio::test]
async fn the_owners_leaving_ends_its_conversations_and_no_others() {
    let world = World::new();
    let alice = person("alice");
    world.seed(&alice).await;
    let own = world.begin_as(request(&alice, ADDRESS), root(2)).await.unwrap();
    let other = world.begin(&alice).await;
    assert_eq!(world.answer(own.id, "").await, Err(EngineError::NoConversation), "another's conversation");
    world.engine.owner_gone(Owner::Socket(2)).await;
    assert!(own.ended.await.is_err());
    assert_eq!(world.answer(other.id, "").await, Ok(State::Ask));
}

#[tokio::test]
async fn after_a_login_with_the_clock_ahead_a_lock_takes_its_half_hour_and_records_lie_in_no_future() {
    let world = World::new();
    let (alice, bob) = (person("alice"), person("bob"));
    let phone = world.seed(&alice).await;
    world.seed(&bob).await;
    let ahead = Duration::from_hours(24);
    world.clock.set_ahead(ahead);
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
    world.clock.set_back(ahead);
    for _ in 0..5 {
        let begun = world.begin(&bob).await;
        let _ = world.answer(begun.id, "000000").await;
    }
    let is_locked = |world: &World, account: Account| {
        account.throttle.worst(world.engine.now().latest()) != Standing::Open
    };
    assert!(is_locked(&world, world.account(&bob).await));
    world.clock.advance(Duration::from_mins(29));
    assert!(is_locked(&world, world.account(&bob).await));
    world.clock.advance(Duration::from_mins(2));
    assert!(!is_locked(&world, world.account(&bob).await));
    let records = world.store.memory.audit(0, 1000).await.unwrap();
    let last = AuditEvent::from_canonical(&records.last().unwrap().record).unwrap();
    assert!(WallTime::from_seconds(last.at) <= world.clock.wall(), "{last:?}");
}

#[tokio::test]
async fn a_host_whose_clock_is_ahead_freezes_nobody_on_the_others_and_is_named() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    let mut account = world.account(&alice).await;
    let then = world.clock.wall().after(Duration::from_hours(24 * 3650));
    account.uids.insert(HostId::try_from("h2").unwrap(), 1000);
    for _ in 0..5 {
        let _ = account.throttle.charge(Bucket::UnknownSource, then, &Limits::default());
    }
    account.changed = then;
    let change = Change { account: Some(account), ..Change::default() };
    assert!(world.store.commit(vec![change]).await.unwrap()[0].is_ok());
    let begun = world.begin(&alice).await;
    let code = phone.code_at(world.clock.wall());
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::LockOut), "a lock is a lock");
    world.clock.advance(Duration::from_hours(24));
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
    let records = world.store.memory.audit(0, 1000).await.unwrap();
    let events = records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap());
    let faults: Vec<_> = events.filter(|event| event.event == EventId::ClockFault).collect();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(fault.reason.as_deref(), Some("another host ahead by 315360000 s: h2"));
}

#[tokio::test]
async fn a_resync_accepts_the_codes_of_the_present_again() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    let ahead = Duration::from_hours(2);
    world.clock.set_ahead(ahead);
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
    world.clock.set_back(ahead);
    world.clock.advance(Duration::from_mins(1));
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &phone.code_at(world.clock.wall())).await, Ok(State::Ask));
    assert!(world.account(&alice).await.throttle.buckets.is_empty(), "it is not charged");
    let reason = Reason::try_from("the clock was ahead").unwrap();
    let act = Act { actor: Actor::Root, login: None, reason, target: alice.clone(), host: host() };
    let done = world.engine.act(act, Deed::Resync).await.unwrap().unwrap();
    assert_eq!((done.resynced, done.removed), (1, 0));
    world.clock.advance(Duration::from_mins(1));
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_not_evaluated() {
    let world = Arc::new(World::new());
    let (alice, bob) = (person("alice"), person("bob"));
    world.seed(&alice).await;
    let phone = world.seed(&bob).await;
    let (of_alice, of_bob) = (world.begin(&alice).await, world.begin(&bob).await);
    world.store.close();
    let code = phone.code_at(world.clock.wall());
    let first = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.answer(of_bob.id, &code).await }
    });
    tokio::task::yield_now().await;
    let given_up = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.answer(of_alice.id, "000000").await }
    });
    tokio::task::yield_now().await;
    world.settle().await;
    given_up.abort();
    assert!(given_up.await.is_err());
    world.store.open();
    assert_eq!(first.await.unwrap(), Ok(State::Allow));
    assert_eq!(world.answer(of_alice.id, "").await, Ok(State::Ask));
    assert!(!world.recorded().await.contains(&"code-wrong".to_owned()));
}

#[tokio::test]
async fn a_second_answer_during_the_first_is_refused() {
    let world = Arc::new(World::new());
    let alice = person("alice");
    let code = world.seed(&alice).await.code_at(world.clock.wall());
    let begun = world.begin(&alice).await;
    world.store.close();
    let first = tokio::spawn({
        let (world, code) = (Arc::clone(&world), code.clone());
        async move { world.answer(begun.id, &code).await }
    });
    tokio::task::yield_now().await;
    world.settle().await;
    assert_eq!(world.answer(begun.id, &code).await, Err(EngineError::LimitReached));
    world.store.open();
    assert_eq!(first.await.unwrap(), Ok(State::Allow));
}

#[tokio::test]
async fn what_lies_under_the_name_of_an_unknown_person_serves_nobody() {
    let world = World::new();
    let mut ghost = person("ghost");
    let phone = world.seed(&ghost).await;
    ghost.existence = Existence::Unknown;
    let before = world.account(&ghost).await;
    let begun = world.begin(&ghost).await;
    let state = world.answer(begun.id, &phone.code_at(world.clock.wall())).await.unwrap();
    assert_ne!(state, State::Allow);
    assert_eq!(world.account(&ghost).await, before);
}

#[tokio::test]
async fn a_clock_that_went_back_is_recorded_once() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
    world.clock.set_back(Duration::from_hours(1));
    for _ in 0..3 {
        let begun = world.begin(&alice).await;
        assert_eq!(world.answer(begun.id, "000000").await, Ok(State::Ask));
    }
    let faults = world.recorded().await.iter().filter(|event| *event == "clock-fault").count();
    assert_eq!(faults, 1);
}

#[tokio::test]
async fn the_helpdesk_resets_the_ordinary_and_is_refused_on_the_protected_both_recorded() {
    let world = World::new();
    let mut alice = person("alice");
    world.seed(&alice).await;
    let actor = Actor::Other { uid: 500, name: UserName::try_from("dora").unwrap() };
    let reason = Reason::try_from("lost phone").unwrap();
    let act = |target: &_| Act {
        actor: actor.clone(),
        login: None,
        reason: reason.clone(),
        target: Clone::clone(target),
        host: host(),
    };
    let done = world.engine.act(act(&alice), Deed::Reset(Scope::All)).await.unwrap().unwrap();
    assert_eq!((done.removed, done.was_locked), (1, false));
    assert!(!world.account(&alice).await.is_enrolled());
    alice.groups = Groups::Complete(vec!["wheel".to_owned()]);
    let before = world.account(&alice).await;
    let refused = world.engine.act(act(&alice), Deed::Unlock).await.unwrap();
    assert_eq!(refused, Err(NotDone::Refused(Refusal::Protected("wheel".to_owned()))));
    assert_eq!(world.account(&alice).await, before);
    let events = world.recorded().await;
    assert_eq!(events.iter().rev().take(2).rev().collect::<Vec<_>>(), ["user-reset", "act-refused"]);
}

#[tokio::test]
async fn an_act_on_a_person_without_an_account_is_recorded_and_makes_none() {
    let world = World::new();
    let target = person("newcomer");
    let reason = Reason::try_from("asked for it").unwrap();
    let act = Act { actor: Actor::Root, login: None, reason, target: target.clone(), host: host() };
    let done = world.engine.act(act, Deed::Reset(Scope::All)).await.unwrap().unwrap();
    assert_eq!(done.removed, 0);
    assert_eq!(world.engine.account(&target).await, Ok(None));
    assert_eq!(world.recorded().await, ["user-reset"]);
}

#[tokio::test]
async fn a_login_is_tied_to_one_session_only() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    let begun = world.begin(&alice).await;
    let id = begun.id;
    assert_eq!(world.engine.session_opened(id, 7).await, Err(EngineError::NoConversation));
    assert_eq!(world.answer(id, &phone.code_at(world.clock.wall())).await, Ok(State::Allow));
    assert_eq!(world.engine.session_opened(id, 7).await, Ok(()));
    assert_eq!(world.engine.session_opened(id, 8).await, Err(EngineError::NoConversation));
    assert_eq!(world.recorded().await.last().unwrap(), "session-opened");
}

#[tokio::test]
async fn what_is_published_is_what_was_committed() {
    let world = World::new();
    let alice = person("alice");
    let phone = world.seed(&alice).await;
    let begun = world.begin(&alice).await;
    world.answer(begun.id, "000000").await.unwrap();
    world.answer(begun.id, &phone.code_at(world.clock.wall())).await.unwrap();
    assert_eq!(world.published(), world.recorded().await);
}

#[tokio::test]
async fn the_engine_ends_after_what_is_under_way() {
    let world = Arc::new(World::new());
    let alice = person("alice");
    let code = world.seed(&alice).await.code_at(world.clock.wall());
    let begun = world.begin(&alice).await;
    world.store.close();
    let login = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.answer(begun.id, &code).await }
    });
    tokio::task::yield_now().await;
    world.settle().await;
    world.engine.stop().await;
    world.store.open();
    assert_eq!(login.await.unwrap(), Ok(State::Allow));
    let world = Arc::into_inner(world).unwrap();
    world.task.await.unwrap();
}
