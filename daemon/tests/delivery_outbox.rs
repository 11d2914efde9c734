//! The outbox on the real engine: what is sent once, again, or never again; who waits for whom.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;
mod letters;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::delivery::{Failure, Outgoing, Progress, RequestId};
use countersign_core::factor::FactorId;
use countersign_core::factor::sent::{Binding, SentCode};
use countersign_core::keyed::CodeHash;
use countersign_core::login::Source;
use countersign_core::time::WallTime;
use countersignd::delivery::outbox::Outbox;
use countersignd::delivery::{Attempt, Channel, Delivery};
use countersignd::host::clock::Clock as _;
use countersignd::host::entropy::SystemEntropy;
use countersignd::store::memory::Fault;
use countersignd::store::outbox::Queued;
use countersignd::store::{Change, Store as _};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use harness::world::{World, host, person};
use letters::{mail, sms};

/// How long the code of a message is good.
const LIFETIME: Duration = Duration::from_mins(5);

/// A way out that does as it is told, and remembers what it was given.
struct Scripted {
    /// What becomes of each attempt; when there is no more, it is taken.
    attempts: Mutex<VecDeque<Attempt>>,
    seen: Mutex<Vec<(RequestId, Instant)>>,
    /// Each attempt takes a permit first.
    gate: Semaphore,
}

impl Scripted {
    fn new(attempts: &[Attempt]) -> Arc<Self> {
        let attempts = Mutex::new(attempts.iter().cloned().collect());
        Arc::new(Self { attempts, seen: Mutex::default(), gate: Semaphore::new(1000) })
    }

    fn hanging() -> Arc<Self> {
        let scripted = Self::new(&[]);
        scripted.gate.try_acquire_many(1000).unwrap().forget();
        scripted
    }

    fn seen(&self) -> Vec<RequestId> {
        self.seen.lock().unwrap().iter().map(|(id, _)| *id).collect()
    }

    /// The seconds between the attempts.
    fn waits(&self) -> Vec<u64> {
        let seen = self.seen.lock().unwrap();
        seen.windows(2).map(|pair| (pair[1].1 - pair[0].1).as_secs()).collect()
    }
}

#[async_trait]
impl Channel for Scripted {
    async fn deliver(&self, message: &Outgoing) -> Attempt {
        self.seen.lock().unwrap().push((message.id, Instant::now()));
        self.gate.acquire().await.unwrap().forget();
        self.attempts.lock().unwrap().pop_front().unwrap_or(Attempt::Taken)
    }
}

/// The outbox of a service, at work.
struct Service {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Service {
    fn start(world: &World, email: &Arc<Scripted>, texts: &Arc<Scripted>) -> Self {
        let call = Err("`[call]` is not configured".to_owned());
        let delivery = Delivery::of([Ok(email.clone()), Ok(texts.clone()), call]);
        let (stop, stopped) = watch::channel(false);
        let outbox = Outbox::new(world.engine.clone(), Arc::new(delivery));
        Self { task: tokio::spawn(outbox.run(stopped)), stop }
    }

    /// Ends it as a crash does.
    async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn not_now() -> Attempt {
    Attempt::NotNow("greylisted".to_owned())
}

/// Puts a message with a code into the outbox, with the account that it was decided with.
async fn queue(world: &World, mut message: Outgoing) -> RequestId {
    let alice = person("alice");
    if world.engine.account(&alice).await.unwrap().is_none() {
        world.seed(&alice).await;
    }
    let mut account = world.account(&alice).await;
    let queued = world.engine.latest().await.unwrap();
    (message.queued, message.expires) = (queued, queued.after(LIFETIME));
    account.sent = vec![SentCode {
        request: message.id,
        factor: FactorId::random(&mut SystemEntropy),
        binding: Binding {
            service: "sshd".to_owned(),
            source: Source::Address("198.51.100.7".parse().unwrap()),
            key: None,
            login: None,
        },
        hash: CodeHash::from_bytes([7; 32]),
        epoch: account.epoch,
        made: queued,
        since_boot: world.clock.since_boot(),
        host: host().id,
        lifetime: LIFETIME,
        wrong: 0,
        elsewhere: 0,
        progress: Progress::Queued,
    }];
    account.changed = account.changed.max(queued);
    let id = message.id;
    let outgoing = vec![Queued { outgoing: message, seen: u64::MAX }];
    let change = Change { account: Some(account), outgoing, ..Change::default() };
    assert!(world.store.memory.commit(vec![change]).await.unwrap().iter().all(Result::is_ok));
    world.engine.messages().notify_one();
    id
}

/// Lets time pass, for the clocks and the timers alike.
async fn pass(world: &World, time: Duration) {
    for _ in 0..time.as_secs() {
        world.clock.advance(Duration::from_secs(1));
        sleep(Duration::from_secs(1)).await;
    }
}

async fn progress(world: &World) -> Progress {
    world.account(&person("alice")).await.sent[0].progress
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_at_once_and_once_and_its_end_is_told() {
    let (world, email) = (World::new(), Scripted::new(&[]));
    let _service = Service::start(&world, &email, &Scripted::new(&[]));
    pass(&world, SECOND).await;
    let begun = Instant::now();
    let id = queue(&world, mail("alice@example.org")).await;
    pass(&world, SECOND).await;
    assert_eq!(email.seen(), [id]);
    assert!(email.seen.lock().unwrap()[0].1 - begun < SECOND, "without waiting for the next look");
    assert_eq!(progress(&world).await, Progress::Sent);
    assert_eq!(world.recorded().await.last().map(String::as_str), Some("code-delivered"));
    pass(&world, Duration::from_mins(20)).await;
    assert_eq!(email.seen(), [id]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_is_tried_again_after_growing_waits() {
    let world = World::new();
    let email = Scripted::new(&[not_now(), not_now(), not_now(), not_now()]);
    let _service = Service::start(&world, &email, &Scripted::new(&[]));
    let id = queue(&world, mail("alice@example.org")).await;
    pass(&world, Duration::from_secs(200)).await;
    assert_eq!(email.seen(), [id; 5]);
    for (wait, expected) in email.waits().into_iter().zip([5, 15, 45, 90]) {
        assert!((expected..=expected + 3).contains(&wait), "{:?}", email.waits());
    }
    assert_eq!(progress(&world).await, Progress::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_put_off_is_told_as_such_until_it_is_sent() {
    let world = World::new();
    let email = Scripted::new(&[not_now(), not_now()]);
    let _service = Service::start(&world, &email, &Scripted::new(&[]));
    queue(&world, mail("alice@example.org")).await;
    pass(&world, Duration::from_secs(2)).await;
    assert_eq!(progress(&world).await, Progress::Deferred);
    let revision = world.account(&person("alice")).await.revision;
    pass(&world, Duration::from_secs(8)).await;
    assert_eq!((email.seen().len(), progress(&world).await), (2, Progress::Deferred));
    assert_eq!(world.account(&person("alice")).await.revision, revision, "told once");
    pass(&world, Duration::from_secs(20)).await;
    assert_eq!(progress(&world).await, Progress::Sent);
    let told =
        world.recorded().await.into_iter().filter(|event| event.contains("deliver")).collect::<Vec<_>>();
    assert_eq!(told, ["code-delivered"], "to be put off is no event");
}

#[tokio::test(start_paused = true)]
async fn what_is_worth_nothing_any_more_is_not_tried_and_told_as_unreachable() {
    let world = World::new();
    let email = Scripted::new(&[(); 100].map(|()| not_now()));
    let _service = Service::start(&world, &email, &Scripted::new(&[]));
    queue(&world, mail("alice@example.org")).await;
    pass(&world, Duration::from_secs(400)).await;
    assert_eq!(progress(&world).await, Progress::Failed(Failure::Unreachable));
    let seen = email.seen.lock().unwrap().clone();
    assert!((5..=7).contains(&seen.len()), "{}", seen.len());
    assert!(seen[seen.len() - 1].1 - seen[0].1 < LIFETIME);
    assert_eq!(world.recorded().await.last().map(String::as_str), Some("delivery-failed"));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_old_when_the_service_starts_is_not_sent() {
    let (world, email) = (World::new(), Scripted::new(&[]));
    queue(&world, mail("alice@example.org")).await;
    world.clock.advance(LIFETIME);
    let _service = Service::start(&world, &email, &Scripted::new(&[]));
    pass(&world, SECOND).await;
    assert_eq!(email.seen(), []);
    assert_eq!(progress(&world).await, Progress::Failed(Failure::Unreachable));
}

#[tokio::test(start_paused = true)]
async fn every_other_end_is_final() {
    let reason = || "so it is".to_owned();
    for (attempt, expected) in [
        (Attempt::Refused(reason()), Failure::Refused),
        (Attempt::Unknown(reason()), Failure::Unknown),
        (Attempt::NotConfigured(reason()), Failure::NotConfigured),
    ] {
        let (world, texts) = (World::new(), Scripted::new(&[attempt]));
        let _service = Service::start(&world, &Scripted::new(&[]), &texts);
        let id = queue(&world, sms("+4915112345678", "4930 2718")).await;
        pass(&world, Duration::from_secs(320)).await;
        assert_eq!(texts.seen(), [id]);
        assert_eq!(progress(&world).await, Progress::Failed(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_gateway_delays_nobody_else() {
    let (world, email, texts) = (World::new(), Scripted::new(&[]), Scripted::hanging());
    let _service = Service::start(&world, &email, &texts);
    for _ in 0..40 {
        queue(&world, sms("+4915112345678", "4930 2718")).await;
    }
    pass(&world, SECOND).await;
    assert_eq!(texts.seen().len(), 16, "so many at once and no more");
    let begun = Instant::now();
    let id = queue(&world, mail("alice@example.org")).await;
    pass(&world, SECOND).await;
    assert_eq!(email.seen(), [id]);
    assert!(email.seen.lock().unwrap()[0].1 - begun < SECOND);
    texts.gate.add_permits(1000);
    pass(&world, SECOND).await;
    assert_eq!(texts.seen().len(), 40, "the others follow as places are free");
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_at_a_crash_is_never_sent_again() {
    let (world, hanging) = (World::new(), Scripted::hanging());
    let service = Service::start(&world, &hanging, &hanging);
    let id = queue(&world, mail("alice@example.org")).await;
    pass(&world, SECOND).await;
    assert_eq!(hanging.seen(), [id]);
    service.crash().await;

    let email = Scripted::new(&[]);
    let _service = Service::start(&world, &email, &email);
    pass(&world, Duration::from_mins(6)).await;
    assert_eq!(email.seen(), []);
    assert_eq!(progress(&world).await, Progress::Failed(Failure::Unknown));
    assert_eq!(world.recorded().await.last().map(String::as_str), Some("delivery-failed"));
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_claim_and_attempt_sends_nothing() {
    let (world, email) = (World::new(), Scripted::new(&[]));
    let id = queue(&world, mail("alice@example.org")).await;
    assert!(world.engine.claim(id).await.unwrap());
    let _service = Service::start(&world, &email, &email);
    pass(&world, Duration::from_mins(6)).await;
    assert_eq!(email.seen(), []);
    assert_eq!(progress(&world).await, Progress::Failed(Failure::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_may_have_failed_is_never_sent_and_told_in_the_end() {
    let (world, email) = (World::new(), Scripted::new(&[]));
    let id = queue(&world, mail("alice@example.org")).await;
    let service = Service::start(&world, &email, &email);
    // Claimed under the nose of the task: to it, it looks like an answer that was lost.
    assert!(world.engine.claim(id).await.unwrap());
    pass(&world, Duration::from_mins(12)).await;
    assert_eq!(email.seen(), []);
    assert_eq!(progress(&world).await, Progress::Failed(Failure::Unknown));
    drop(service);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_while_costs_time_and_no_message() {
    let (world, email) = (World::new(), Scripted::new(&[]));
    let _service = Service::start(&world, &email, &email);
    pass(&world, SECOND).await;
    world.store.memory.inject(Fault::FailOutbox);
    let id = queue(&world, mail("alice@example.org")).await;
    pass(&world, Duration::from_secs(40)).await;
    assert_eq!(email.seen(), [id]);
    assert_eq!(progress(&world).await, Progress::Sent);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_message_is_told_again_when_the_commit_failed() {
    let (world, email) = (World::new(), Scripted::new(&[]));
    let _service = Service::start(&world, &email, &email);
    pass(&world, SECOND).await;
    let id = queue(&world, mail("alice@example.org")).await;
    world.store.memory.inject(Fault::FailCommit);
    pass(&world, Duration::from_secs(10)).await;
    assert_eq!(email.seen(), [id]);
    assert_eq!(progress(&world).await, Progress::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_what_is_under_way_end_and_does_not_wait_for_ever() {
    let (world, email) = (World::new(), Scripted::hanging());
    let service = Service::start(&world, &email, &email);
    queue(&world, mail("alice@example.org")).await;
    pass(&world, SECOND).await;
    service.stop.send_replace(true);
    sleep(Duration::from_millis(100)).await;
    email.gate.add_permits(1);
    let begun = Instant::now();
    service.task.await.unwrap();
    assert_eq!(progress(&world).await, Progress::Sent);
    assert!(begun.elapsed() < SECOND);

    let service = Service::start(&world, &email, &email);
    queue(&world, mail("alice@example.org")).await;
    pass(&world, SECOND).await;
    assert_eq!(email.seen().len(), 2);
    service.stop.send_replace(true);
    service.task.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(6));
    assert_eq!(progress(&world).await, Progress::Queued, "the next start tells");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_does_not_keep_messages() {
    let (world, email) = (World::new(), Scripted::new(&[not_now()]));
    let _service = Service::start(&world, &email, &email);
    queue(&world, sms("+4915112345678", "4930 2718")).await;
    pass(&world, SECOND).await;
    world.clock.set_back(Duration::from_hours(2));
    let id = queue(&world, mail("alice@example.org")).await;
    assert_ne!(world.engine.latest().await.unwrap(), WallTime::default());
    pass(&world, SECOND).await;
    assert_eq!(email.seen().last(), Some(&id));
}
