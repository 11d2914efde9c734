//! Codes that are fresh in a session (row L16): for whom, where and how long, through the engine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::time::Duration;

use countersign_core::helpdesk::{Act, Actor, Reason, Scope};
use countersign_core::login::{AuditSession, LoginRequest, Person};
use countersign_core::policy::{Policy, Requirement};
use countersign_protocol::step::State;
use countersignd::engine::command::{Caller, ConversationId, Deed, Owner};
use countersignd::host::clock::Clock as _;

use harness::Phone;
use harness::world::{ADDRESS, World, host, person, policy, request, root};

const QUARTER: Duration = Duration::from_mins(15);

/// Everybody is asked, and a code counts for a quarter of an hour in its session.
fn lenient() -> Policy {
    let mut policy = policy();
    policy.default.fresh_for = Some(QUARTER);
    policy
}

fn session(number: u32) -> AuditSession {
    AuditSession::of(number).unwrap()
}

/// A login of sudo in a session.
fn sudo(person: &Person, number: u32) -> LoginRequest {
    LoginRequest {
        service: "sudo".to_owned(),
        requesting_uid: Some(1000),
        session: AuditSession::of(number),
        ..request(person, ADDRESS)
    }
}

struct Site {
    world: World,
    alice: Person,
    phone: Phone,
}

impl Site {
    async fn new() -> Self {
        let (world, alice) = (World::under(lenient(), 1), person("alice"));
        let phone = world.seed(&alice).await;
        Self { world, alice, phone }
    }

    /// Logs alice in over ssh with a code; the login.
    async fn log_in(&self) -> ConversationId {
        let begun = self.world.begin(&self.alice).await;
        self.give(begun.id).await;
        begun.id
    }

    async fn give(&self, id: ConversationId) {
        let code = self.phone.code_at(self.world.clock.wall());
        assert_eq!(self.world.answer(id, &code).await, Ok(State::Allow));
        // The same code counts once.
        self.world.clock.advance(Duration::from_secs(30));
    }

    /// How sudo in a session begins.
    async fn sudo(&self, number: u32) -> State {
        let begun = self.world.begin_as(sudo(&self.alice, number), root(1)).await.unwrap();
        if begun.step.state == State::Ask {
            self.world.engine.cancel(begun.id, root(1).owner).await.unwrap();
        }
        begun.step.state
    }
}

#[tokio::test]
async fn a_code_of_the_login_is_enough_for_sudo_in_its_session_and_for_a_while() {
    let site = Site::new().await;
    let login = site.log_in().await;
    assert_eq!(site.sudo(7).await, State::Ask, "the session is not known yet");
    site.world.engine.session_opened(login, 7).await.unwrap();
    assert_eq!(site.sudo(7).await, State::Skip);
    assert_eq!(site.sudo(8).await, State::Ask, "another session");
    assert_eq!(site.sudo(AuditSession::UNSET).await, State::Ask, "no session");
    site.world.clock.advance(QUARTER);
    assert_eq!(site.sudo(7).await, State::Ask, "too long ago");
}

#[tokio::test]
async fn a_code_given_to_sudo_is_enough_for_the_next_one_and_for_nobody_else() {
    let site = Site::new().await;
    let bob = person("bob");
    site.world.seed(&bob).await;
    let begun = site.world.begin_as(sudo(&site.alice, 7), root(1)).await.unwrap();
    site.give(begun.id).await;
    assert_eq!(site.sudo(7).await, State::Skip);
    let other = site.world.begin_as(sudo(&bob, 7), root(1)).await.unwrap();
    assert_eq!(other.step.state, State::Ask, "another person in the session");
}

#[tokio::test]
async fn it_ends_with_the_session_when_the_login_that_opened_it_closes_it() {
    let site = Site::new().await;
    let login = site.log_in().await;
    site.world.engine.session_opened(login, 7).await.unwrap();
    let inner = site.world.begin_as(sudo(&site.alice, 7), root(1)).await.unwrap();
    site.world.engine.session_opened(inner.id, 7).await.unwrap();
    for (closing, number, expected, why) in [
        (inner.id, 7, State::Skip, "sudo did not open the session"),
        (login, 8, State::Skip, "another session"),
        (login, 7, State::Ask, "the session is over"),
    ] {
        site.world.engine.session_closed(closing, session(number)).await.unwrap();
        assert_eq!(site.sudo(7).await, expected, "{why}");
    }
}

#[tokio::test]
async fn it_ends_with_a_reset_of_the_person_and_with_the_service() {
    let site = Site::new().await;
    let login = site.log_in().await;
    site.world.engine.session_opened(login, 7).await.unwrap();
    let restarted = World::again(&site.world, lenient());
    let begun = restarted.begin_as(sudo(&site.alice, 7), root(1)).await.unwrap();
    assert_eq!(begun.step.state, State::Ask, "after a restart");
    let reason = Reason::try_from("a lost phone").unwrap();
    let act = Act { actor: Actor::Root, login: None, reason, target: site.alice.clone(), host: host() };
    site.world.engine.act(act, Deed::Reset(Scope::All)).await.unwrap().unwrap();
    assert_ne!(site.sudo(7).await, State::Skip, "after a reset");
}

#[tokio::test]
async fn a_login_that_ended_without_a_code_gives_nothing() {
    let mut open = lenient();
    open.default.require = Requirement::Never;
    let (world, policy) = World::with_policy_of(open);
    let alice = person("alice");
    world.seed(&alice).await;
    let skipped = world.begin(&alice).await;
    assert_eq!(skipped.step.state, State::Skip);
    policy.send_replace(std::sync::Arc::new(lenient()));
    assert_eq!(world.engine.session_opened(skipped.id, 7).await, Ok(()));
    let begun = world.begin_as(sudo(&alice, 7), root(1)).await.unwrap();
    assert_eq!(begun.step.state, State::Ask);
    assert!(!world.recorded().await.contains(&"session-opened".to_owned()));
}

#[tokio::test]
async fn logins_that_no_root_asked_for_crowd_out_nobody_who_opens_a_session() {
    let mut policy = lenient();
    policy.default.require = Requirement::Never;
    let (world, alice) = (World::under(policy, 1), person("alice"));
    let login = world.begin(&alice).await;
    assert_eq!(login.step.state, State::Skip);
    let stranger = Caller { uid: 1001, owner: Owner::Socket(9) };
    for _ in 0..1100 {
        let locker = LoginRequest { caller_uid: 1001, ..request(&alice, ADDRESS) };
        assert_eq!(world.begin_as(locker, stranger.clone()).await.unwrap().step.state, State::Skip);
    }
    assert_eq!(world.engine.session_opened(login.id, 7).await, Ok(()));
}
