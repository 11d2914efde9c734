//! Codes that are sent, from the prompt to the outbox and back: one message for one request, whoever asks how often.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_core::contact::{Contacts, EmailAddress};
use countersign_core::delivery::{Channel, Failure, Progress, Purpose, Report};
use countersign_core::factor::Method;
use countersign_core::helpdesk::{Act, Actor, Reason, Scope};
use countersign_core::login::Person;
use countersign_core::policy::{Enrollment, Requirement};
use countersign_protocol::step::State;
use countersignd::engine::command::Deed;
use countersignd::engine::key_of;
use countersignd::host::clock::Clock as _;
use countersignd::store::Store as _;
use countersignd::store::memory::Fault;
use countersignd::store::outbox::Waiting;
use tokio::task::JoinSet;
use tokio::time::timeout;

use harness::world::{World, code_of, email, host, mailing_policy, person};

const MAILBOX: &str = "alice@example.org";

async fn with_alice() -> (Arc<World>, Person) {
    let world = World::under(mailing_policy(), 1);
    let alice = person("alice");
    world.seed_mailbox(&alice, MAILBOX).await;
    (Arc::new(world), alice)
}

fn report(waiting: &Waiting, progress: Progress) -> Report {
    let request = waiting.id;
    Report { request, channel: Channel::Email, purpose: waiting.outgoing.purpose, progress }
}

async fn unused(world: &World) -> usize {
    let recipient = email(MAILBOX);
    let uses = world.store.memory.recipient_uses(std::slice::from_ref(&recipient), world.clock.wall()).await;
    uses.unwrap().get(&recipient).unwrap().unused.len()
}

#[tokio::test]
async fn the_prompt_is_there_before_anything_is_sent_and_the_code_lets_in_once() {
    let (world, alice) = with_alice().await;
    let told = world.engine.messages();
    let begun = world.begin(&alice).await;
    assert_eq!(begun.step.state, State::Ask);
    timeout(Duration::from_secs(5), told.notified()).await.unwrap();
    let waiting = world.waiting().await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].account, Some(key_of(&alice)));
    assert_eq!((waiting[0].outgoing.recipient.address(), waiting[0].attempts), (MAILBOX, 0));
    assert_eq!(unused(&world).await, 1);
    let code = code_of(&waiting[0]);
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Allow));
    assert_eq!(unused(&world).await, 0, "a used code counts no more");
    let begun = world.begin(&alice).await;
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Ask));
}

#[tokio::test]
async fn parallel_logins_of_one_person_send_one_code() {
    let (world, alice) = with_alice().await;
    let mut logins = JoinSet::new();
    world.store.close();
    for _ in 0..5 {
        let (world, alice) = (Arc::clone(&world), alice.clone());
        logins.spawn(async move { world.begin(&alice).await });
        tokio::task::yield_now().await;
    }
    world.settle().await;
    world.store.open();
    let begun = logins.join_all().await;
    assert!(begun.iter().all(|begun| begun.step.state == State::Ask));
    let waiting = world.waiting().await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(world.answer(begun[4].id, &code_of(&waiting[0])).await, Ok(State::Allow));
}

#[tokio::test]
async fn a_store_that_fails_queues_nothing_and_the_next_login_gets_its_code() {
    for fault in [Fault::FailCommit, Fault::FailOutbox, Fault::FailLoad] {
        let (world, alice) = with_alice().await;
        world.store.memory.inject(fault);
        assert_eq!(world.begin(&alice).await.step.state, State::Unavailable, "{fault:?}");
        assert!(world.waiting().await.is_empty(), "{fault:?}");
        assert!(world.account(&alice).await.sent.is_empty());
        assert_eq!(world.begin(&alice).await.step.state, State::Ask);
        assert_eq!(world.waiting().await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_unknown_outcome_sends_one_code_at_most() {
    let (world, alice) = with_alice().await;
    world.store.memory.inject(Fault::LoseAnswer);
    assert_eq!(world.begin(&alice).await.step.state, State::Unavailable);
    assert_eq!(world.waiting().await.len(), 1);
    assert_eq!(world.begin(&alice).await.step.state, State::Ask);
    assert_eq!(world.waiting().await.len(), 1, "the first one is on its way");
}

#[tokio::test]
async fn a_change_by_another_host_sends_one_code_still() {
    let (world, alice) = with_alice().await;
    world.store.memory.inject(Fault::Overtake);
    assert_eq!(world.begin(&alice).await.step.state, State::Ask);
    assert_eq!(world.waiting().await.len(), 1);
    assert_eq!(world.recorded().await.iter().filter(|event| *event == "code-sent").count(), 1);
}

#[tokio::test]
async fn an_outbox_that_fails_stops_those_who_need_it_only() {
    let (world, alice) = with_alice().await;
    let bob = person("bob");
    let phone = world.seed(&bob).await;
    let begun = world.begin(&bob).await;
    world.store.close();
    world.store.memory.inject(Fault::FailOutbox);
    let mut jobs = JoinSet::new();
    let (first, code) = (Arc::clone(&world), phone.code_at(world.clock.wall()));
    jobs.spawn(async move { first.answer(begun.id, &code).await.unwrap() });
    let second = Arc::clone(&world);
    jobs.spawn(async move { second.begin(&alice).await.step.state });
    world.settle().await;
    world.store.open();
    let states = jobs.join_all().await;
    assert!(states.contains(&State::Allow) && states.contains(&State::Unavailable), "{states:?}");
}

#[tokio::test]
async fn a_login_with_an_app_asks_the_outbox_nothing() {
    let world = World::under(mailing_policy(), 1);
    let mut bob = person("bob");
    bob.contacts = Contacts { email: EmailAddress::try_from("bob@example.org").ok(), ..Contacts::default() };
    let phone = world.seed(&bob).await;
    let commits = world.store.commits.load(Ordering::SeqCst);
    let begun = world.begin(&bob).await;
    let code = phone.code_at(world.clock.wall());
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Allow));
    assert_eq!(world.store.questions.load(Ordering::SeqCst), 0);
    assert!(world.store.commits.load(Ordering::SeqCst) - commits <= 2);
    assert!(world.waiting().await.is_empty());
}

#[tokio::test]
async fn a_mailbox_of_two_people_is_left_alone_for_the_wait() {
    for in_flight in [1, 4] {
        let world = Arc::new(World::under(mailing_policy(), in_flight));
        let people = [person("alice"), person("bob")];
        for person in &people {
            world.seed_mailbox(person, MAILBOX).await;
        }
        let mut logins = JoinSet::new();
        for person in people.clone() {
            let world = Arc::clone(&world);
            logins.spawn(async move { world.begin(&person).await.step.state });
        }
        assert_eq!(logins.join_all().await, [State::Ask, State::Ask]);
        assert_eq!(world.waiting().await.len(), 1, "with {in_flight} batches");
        world.clock.advance(Duration::from_mins(6));
        for person in &people {
            assert_eq!(world.begin(person).await.step.state, State::Ask);
        }
        assert_eq!(world.waiting().await.len(), 2);
    }
}

#[tokio::test]
async fn the_cap_of_a_host_holds_within_a_batch_and_between_batches() {
    for in_flight in [1, 4] {
        let mut policy = mailing_policy();
        policy.settings.sending.emails_per_hour = 3;
        let world = Arc::new(World::under(policy, in_flight));
        let mut logins = JoinSet::new();
        world.store.close();
        for number in 0..10 {
            let person = person(&format!("person{number}"));
            world.seed_mailbox(&person, &format!("person{number}@example.org")).await;
            let logins_world = Arc::clone(&world);
            logins.spawn(async move { logins_world.begin(&person).await.step.state });
            world.settle().await;
        }
        world.store.open();
        assert!(logins.join_all().await.iter().all(|state| *state == State::Ask));
        assert_eq!(world.waiting().await.len(), 3, "with {in_flight} batches");
        world.clock.advance(Duration::from_hours(1));
        world.begin(&person("person9")).await;
        assert_eq!(world.waiting().await.len(), 4);
    }
}

#[tokio::test]
async fn the_count_of_a_host_survives_a_restart() {
    let mut policy = mailing_policy();
    policy.settings.sending.emails_per_hour = 1;
    let world = World::under(policy.clone(), 1);
    let people = [person("alice"), person("bob")];
    for person in &people {
        world.seed_mailbox(person, &format!("{}@example.org", person.name.as_str())).await;
    }
    world.begin(&people[0]).await;
    let again = World::again(&world, policy);
    again.begin(&people[1]).await;
    assert_eq!(again.waiting().await.len(), 1);
}

#[tokio::test]
async fn the_end_of_a_message_is_in_the_account_the_audit_and_the_outbox() {
    for (progress, event) in
        [(Progress::Sent, "code-delivered"), (Progress::Failed(Failure::Refused), "delivery-failed")]
    {
        let (world, alice) = with_alice().await;
        world.begin(&alice).await;
        let waiting = world.waiting().await.remove(0);
        assert!(world.engine.claim(waiting.id).await.unwrap());
        assert_eq!(world.engine.interrupted(10).await.unwrap().len(), 1);
        world.engine.delivered(waiting.account.clone(), report(&waiting, progress)).await.unwrap();
        assert_eq!(world.account(&alice).await.sent[0].progress, progress);
        assert_eq!(world.recorded().await.last().unwrap(), event);
        assert!(world.engine.interrupted(10).await.unwrap().is_empty());
        assert!(!world.engine.claim(waiting.id).await.unwrap());
    }
}

#[tokio::test]
async fn an_end_that_could_not_be_committed_can_be_told_again() {
    let (world, alice) = with_alice().await;
    world.begin(&alice).await;
    let waiting = world.waiting().await.remove(0);
    assert!(world.engine.claim(waiting.id).await.unwrap());
    let report = report(&waiting, Progress::Sent);
    world.store.memory.inject(Fault::FailCommit);
    assert!(world.engine.delivered(waiting.account.clone(), report).await.is_err());
    assert_eq!(world.engine.interrupted(10).await.unwrap().len(), 1);
    world.engine.delivered(waiting.account, report).await.unwrap();
    assert!(world.engine.interrupted(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_end_of_nobodys_message_is_recorded() {
    let (world, alice) = with_alice().await;
    world.begin(&alice).await;
    let waiting = world.waiting().await.remove(0);
    let report = report(&waiting, Progress::Failed(Failure::Unknown));
    world.engine.delivered(None, report).await.unwrap();
    assert_eq!(world.recorded().await.last().unwrap(), "delivery-failed");
    assert!(world.waiting().await.is_empty());
}

#[tokio::test]
async fn a_changed_password_voids_the_code_that_was_sent() {
    let (world, alice) = with_alice().await;
    let begun = world.begin(&alice).await;
    let code = code_of(&world.waiting().await[0]);
    let before = world.account(&alice).await.epoch;
    world.engine.password_changed(&alice).await.unwrap();
    let account = world.account(&alice).await;
    assert!(account.epoch > before && account.sent.is_empty());
    assert_eq!(world.recorded().await.last().unwrap(), "password-changed");
    assert_eq!(world.answer(begun.id, &code).await, Ok(State::Ask));
    world.engine.password_changed(&person("nobody")).await.unwrap();
    assert_eq!(world.recorded().await.last().unwrap(), "password-changed");
}

#[tokio::test]
async fn an_act_is_told_to_the_person_under_the_cap_of_the_host() {
    let mut policy = mailing_policy();
    policy.settings.sending.emails_per_hour = 1;
    let world = World::under(policy, 1);
    for name in ["alice", "bob"] {
        world.seed_mailbox(&person(name), &format!("{name}@example.org")).await;
        let act = Act {
            actor: Actor::Root,
            login: None,
            reason: Reason::try_from("lost").unwrap(),
            target: person(name),
            host: host(),
        };
        let done = world.engine.act(act, Deed::Reset(Scope::All)).await.unwrap().unwrap();
        assert_eq!(done.removed, 1);
    }
    let waiting = world.waiting().await;
    assert_eq!(waiting.len(), 1, "the second would be beyond the cap");
    assert_eq!(waiting[0].outgoing.purpose, Purpose::Notice);
    assert_eq!(waiting[0].outgoing.recipient, email(MAILBOX));
}

#[tokio::test]
async fn an_address_that_nobody_was_written_to_yet_is_set_up_at_login_and_told_of_it() {
    let mut policy = mailing_policy();
    policy.default.require = Requirement::Always;
    policy.default.enroll = Enrollment::AtLogin;
    policy.default.methods = vec![Method::Email];
    let world = World::under(policy, 1);
    let alice = person("alice");
    let begun = world.begin(&alice).await;
    assert_eq!(begun.step.state, State::Ask);
    assert!(world.waiting().await.is_empty(), "nobody was named yet");
    assert_eq!(world.answer(begun.id, "alice@example.net").await, Ok(State::Ask));
    let waiting = world.waiting().await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].outgoing.recipient.address(), "alice@example.net");
    assert!(!world.account(&alice).await.is_enrolled(), "not before its code");
    assert_eq!(world.answer(begun.id, &code_of(&waiting[0])).await, Ok(State::Allow));
    assert!(world.account(&alice).await.is_enrolled());
    let notices = world.waiting().await.into_iter().filter(|one| one.outgoing.purpose == Purpose::Notice);
    assert_eq!(notices.count(), 1);
}
