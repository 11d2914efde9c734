//! The task that empties the outbox.
//!
//! Owns when a message is tried and when again. Each is claimed durably before it is tried, so that a crash leaves a claimed
//! row, which nobody sends again: what is claimed and not tried here is told as unknown. It is tried again only where it is
//! certain that nobody has it, while its code is worth something. How it ended goes back through the engine, to the account
//! and the audit. Invariants: at most one message a request, also after a crash; a hanging way delays no other.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_core::account::AccountKey;
use countersign_core::delivery::{Failure, Outgoing, Progress, Purpose, Report, RequestId};
use countersign_core::time::WallTime;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{Attempt, Delivery};
use crate::engine::Handle;
use crate::engine::command::EngineError;
use crate::store::PAGE_LIMIT;
use crate::store::outbox::{PURGE_LIMIT, Waiting};

/// The waits between attempts; the last one again and again.
const WAITS: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(45), Duration::from_secs(90)];
/// How often the outbox is looked into without being asked: for what was put off before a restart.
const IDLE: Duration = Duration::from_secs(15);
/// How often it is looked for what is claimed and nobody tries, and for what is old.
const TIDY: Duration = Duration::from_mins(10);
/// The waits before the end of a message is told again to an engine that could not take it.
const RETELL: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];
/// How long what is under way may take when the service stops; the rest is unknown at the next start.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// What the task is made of.
pub struct Outbox {
    engine: Handle,
    delivery: Arc<Delivery>,
    held: Arc<Held>,
    /// The times until which messages are put off.
    later: Vec<WallTime>,
}

/// The messages that this process is trying; none else of the claimed ones will ever be sent.
#[derive(Default)]
struct Held(Mutex<HashSet<RequestId>>);

/// Holds a message until its end is in the store, or nobody can say it.
struct Hold {
    held: Arc<Held>,
    id: RequestId,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, HashSet<RequestId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(held: &Arc<Self>, id: RequestId) -> Hold {
        held.lock().insert(id);
        Hold { held: Arc::clone(held), id }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().remove(&self.id);
    }
}

impl Outbox {
    /// Puts the parts together.
    #[must_use]
    pub fn new(engine: Handle, delivery: Arc<Delivery>) -> Self {
        Self { engine, delivery, held: Arc::default(), later: Vec::new() }
    }

    /// Sends what is waiting and what comes, until the service stops; what is under way then may end.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let woken = self.engine.messages();
        let mut under_way = JoinSet::new();
        let mut tidied = None;
        while !*stop.borrow() {
            if tidied.is_none_or(|at: Instant| at.elapsed() >= TIDY) {
                self.tidy().await;
                tidied = Some(Instant::now());
            }
            self.start_due(&mut under_way).await;
            tokio::select! {
                stopped = stop.changed() => if stopped.is_err() { break },
                () = woken.notified() => {}
                () = sleep(self.rest()) => {}
                // A place is free.
                Some(put_off) = under_way.join_next() => self.later.extend(put_off.ok().flatten()),
            }
        }
        let _ = timeout(DRAIN_LIMIT, async { while under_way.join_next().await.is_some() {} }).await;
    }

    /// How long nothing is due, as far as is known here.
    fn rest(&self) -> Duration {
        let (now, next) = (self.engine.now().latest(), self.later.iter().min());
        // A whole second more: times are kept in whole seconds.
        next.map_or(IDLE, |next| next.since(now).saturating_add(Duration::from_secs(1)).min(IDLE))
    }

    /// Claims and begins what is due and has a place.
    async fn start_due(&mut self, under_way: &mut JoinSet<Option<WallTime>>) {
        let (now, due) = match self.due().await {
            Ok(found) => found,
            Err(error) => return complain(error, "looking for messages that are due"),
        };
        self.later.retain(|until| *until > now);
        for waiting in due {
            let Some(place) = self.delivery.place(waiting.outgoing.recipient.channel()) else { continue };
            let hold = Held::hold(&self.held, waiting.id);
            match self.engine.claim(waiting.id).await {
                Ok(true) => {}
                Ok(false) => continue,
                // It may be claimed all the same: then it is found, and never sent.
                Err(error) => return complain(error, "claiming a message"),
            }
            let courier = Courier { engine: self.engine.clone(), delivery: Arc::clone(&self.delivery) };
            under_way.spawn(courier.carry(waiting, now, place, hold));
        }
    }

    async fn due(&self) -> Result<(WallTime, Vec<Waiting>), EngineError> {
        let now = self.engine.latest().await?;
        Ok((now, self.engine.due(now, PAGE_LIMIT).await?))
    }

    /// Tells the end of what was claimed and is tried by nobody, as after a crash; removes what is old.
    async fn tidy(&self) {
        // Taken before the store is asked: what ends meanwhile is not told twice.
        let held = self.held.lock().clone();
        let claimed = match self.engine.interrupted(PAGE_LIMIT).await {
            Ok(claimed) => claimed,
            Err(error) => return complain(error, "looking for messages that were interrupted"),
        };
        for lost in claimed.into_iter().filter(|lost| !held.contains(&lost.id)) {
            let progress = Progress::Failed(Failure::Unknown);
            let report = Report { request: lost.id, channel: lost.channel, purpose: lost.purpose, progress };
            tracing::warn!(request = %lost.id, "nobody knows whether this message was sent; it is not sent again");
            tell(&self.engine, lost.account.as_ref(), report).await;
        }
        loop {
            match self.engine.purge().await {
                Ok(removed) if removed >= u64::from(PURGE_LIMIT) => {}
                Ok(_) => return,
                Err(error) => return complain(error, "removing old messages"),
            }
        }
    }
}

/// Carries one message.
struct Courier {
    engine: Handle,
    delivery: Arc<Delivery>,
}

impl Courier {
    /// Tries a message that was claimed, and tells how it ended; tells until when it was put off, where it was.
    async fn carry(
        self,
        waiting: Waiting,
        now: WallTime,
        _place: OwnedSemaphorePermit,
        _hold: Hold,
    ) -> Option<WallTime> {
        let Waiting { id, account, outgoing, attempts } = waiting;
        let progress = if outgoing.expires <= now {
            Progress::Failed(Failure::Unreachable)
        } else {
            let begun = Instant::now();
            let attempt = self.delivery.deliver(&outgoing).await;
            let ended = now.after(begun.elapsed());
            let until = ended.after(wait_after(attempts));
            log(id, outgoing.recipient.channel().name(), &attempt);
            match attempt {
                Attempt::NotNow(_) if until < outgoing.expires => {
                    match self.engine.put_off(id, until).await {
                        Ok(_) => {
                            self.tell_put_off(id, account, &outgoing, attempts).await;
                            return Some(until);
                        }
                        Err(error) => {
                            complain(error, "putting a message off");
                            Progress::Failed(Failure::Unreachable)
                        }
                    }
                }
                Attempt::Taken => Progress::Sent,
                Attempt::NotNow(_) => Progress::Failed(Failure::Unreachable),
                Attempt::Refused(_) => Progress::Failed(Failure::Refused),
                Attempt::Unknown(_) => Progress::Failed(Failure::Unknown),
                Attempt::NotConfigured(_) => Progress::Failed(Failure::NotConfigured),
            }
        };
        let (channel, purpose) = (outgoing.recipient.channel(), outgoing.purpose);
        tell(&self.engine, account.as_ref(), Report { request: id, channel, purpose, progress }).await;
        None
    }
}

impl Courier {
    /// Tells, the first time, that the code of a message has not left yet: the next prompt says so. Where that cannot be stored, the
    /// prompt has only the time that the message takes to go by.
    async fn tell_put_off(
        &self,
        request: RequestId,
        account: Option<AccountKey>,
        outgoing: &Outgoing,
        attempts: u32,
    ) {
        let Outgoing { recipient, purpose, .. } = outgoing;
        if attempts > 0 || *purpose != Purpose::Code {
            return;
        }
        let channel = recipient.channel();
        let report = Report { request, channel, purpose: *purpose, progress: Progress::Deferred };
        if let Err(error) = self.engine.delivered(account, report).await {
            complain(error, "telling that a message was put off");
        }
    }
}

/// How long to wait after so many attempts before this one.
fn wait_after(attempts: u32) -> Duration {
    let before = usize::try_from(attempts).unwrap_or(usize::MAX);
    WAITS.get(before).or(WAITS.last()).copied().unwrap_or(IDLE)
}

/// Tells the engine how a message ended; what it never takes stays claimed, and is unknown in the end.
async fn tell(engine: &Handle, account: Option<&AccountKey>, report: Report) {
    let mut waits = RETELL.into_iter();
    while let Err(error) = engine.delivered(account.cloned(), report).await {
        let Some(wait) = waits.next() else {
            tracing::error!(request = %report.request, %error, "the end of this message could not be stored");
            return;
        };
        sleep(wait).await;
    }
}

fn log(id: RequestId, channel: &str, attempt: &Attempt) {
    match attempt {
        Attempt::Taken => tracing::debug!(request = %id, channel, "taken"),
        Attempt::NotNow(reason) => tracing::warn!(request = %id, channel, reason, "not now"),
        Attempt::Refused(reason) | Attempt::NotConfigured(reason) => {
            tracing::error!(request = %id, channel, reason, "refused");
        }
        Attempt::Unknown(reason) => {
            tracing::error!(request = %id, channel, reason, "perhaps sent; it is not sent again");
        }
    }
}

fn complain(error: EngineError, doing: &str) {
    tracing::error!(%error, doing, "the outbox waits for its store");
}
