//! Places for look-ups that may hang, and the breaker that keeps others from waiting for the same.
//!
//! Owns how many look-ups of one kind are under way, each on a thread of its own, and which logins are answered at once
//! as late. A thread that hangs cannot be ended: it keeps its place until libc returns, so places are few and look-ups
//! of different kinds have places of their own. Nothing that hangs takes more than [`PLACES`] and [`TRIES`].

mod breaker;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::DirectoryError;
use breaker::{Admission, Breaker};

/// How many look-ups of one kind run at the same time.
const PLACES: usize = 6;
/// How many more may try whether the name service is alive again.
const TRIES: usize = 4;

/// Look-ups of one kind.
#[derive(Debug)]
pub(super) struct Lane {
    /// What it is for, in the log.
    kind: &'static str,
    /// How long the login waits whose look-up tries whether the name service is alive again.
    patience: Duration,
    breaker: Mutex<Breaker>,
    freed: Notify,
}

/// A place; given back when dropped.
struct Place {
    lane: Arc<Lane>,
    number: u64,
    has_returned: bool,
}

impl Lane {
    pub(super) fn new(kind: &'static str, patience: Duration) -> Arc<Self> {
        let breaker = Mutex::new(Breaker::new(PLACES, TRIES));
        Arc::new(Self { kind, patience, breaker, freed: Notify::new() })
    }

    /// Runs a look-up on a thread of its own and waits for its answer, at most until the deadline.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        deadline: Instant,
        lookup: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DirectoryError> {
        loop {
            let mut freed = pin!(self.freed.notified());
            // Before the look at the places, so that none is freed in between unnoticed.
            freed.as_mut().enable();
            match self.admit() {
                Admission::Run(number) => return self.wait(number, deadline, lookup).await,
                Admission::Try(number) => {
                    let deadline = deadline.min(Instant::now() + self.patience);
                    return self.wait(number, deadline, lookup).await;
                }
                Admission::Late => return Err(DirectoryError::TimedOut),
                Admission::Full => timeout_at(deadline, freed).await.map_err(|_| DirectoryError::TimedOut)?,
            }
        }
    }

    async fn wait<T: Send + 'static>(
        self: &Arc<Self>,
        number: u64,
        deadline: Instant,
        lookup: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let mut place = Place { lane: Arc::clone(self), number, has_returned: false };
        let (tell, told) = oneshot::channel();
        let started = thread::Builder::new().name("name-lookup".to_owned()).spawn(move || {
            let answer = lookup();
            place.has_returned = true;
            drop(place);
            // Nobody listens any more where it was late.
            let _ = tell.send(answer);
        });
        started.map_err(|error| DirectoryError::Failed(format!("no thread for a look-up: {error}")))?;
        match timeout_at(deadline, told).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(DirectoryError::Failed("a look-up ended without an answer".to_owned())),
            Err(_) => Err(DirectoryError::TimedOut),
        }
    }

    fn admit(&self) -> Admission {
        let mut breaker = self.breaker();
        let was_open = breaker.is_open();
        let admission = breaker.admit(std::time::Instant::now());
        if breaker.is_open() && !was_open {
            tracing::error!(
                kind = self.kind,
                "look-ups of the name service hang; others do not wait for them"
            );
        }
        admission
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut breaker = self.lane.breaker();
        let was_open = breaker.is_open();
        breaker.free(self.number, self.has_returned, std::time::Instant::now());
        if was_open && !breaker.is_open() {
            tracing::info!(kind = self.lane.kind, "the name service answers again");
        }
        drop(breaker);
        self.lane.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    const SHORT: Duration = Duration::from_millis(50);

    fn soon() -> Instant {
        Instant::now() + SHORT
    }

    /// Look-ups that hang until the sender is dropped.
    async fn hang(lane: &Arc<Lane>, many: usize) -> Vec<Sender<()>> {
        let mut ends = Vec::new();
        for _ in 0..many {
            let (end, ended): (Sender<()>, Receiver<()>) = channel();
            let answer = lane.run(soon(), move || ended.recv().is_err()).await;
            assert!(matches!(answer, Err(DirectoryError::TimedOut)));
            ends.push(end);
        }
        ends
    }

    #[tokio::test]
    async fn an_answer_comes_back_and_a_late_one_is_late() {
        let lane = Lane::new("test", SHORT);
        assert_eq!(lane.run(soon(), || 7).await.unwrap(), 7);
        let hanging = hang(&lane, 1).await;
        assert_eq!(lane.run(soon(), || 8).await.unwrap(), 8);
        drop(hanging);
    }

    #[tokio::test]
    async fn a_full_lane_waits_for_a_place_and_takes_the_one_that_is_freed() {
        let lane = Lane::new("test", SHORT);
        let mut hanging = hang(&lane, PLACES).await;
        assert!(matches!(lane.run(soon(), || 7).await, Err(DirectoryError::TimedOut)));
        let later = Instant::now() + Duration::from_secs(10);
        let waiting = tokio::spawn({
            let lane = Arc::clone(&lane);
            async move { lane.run(later, || 7).await }
        });
        hanging.pop();
        assert_eq!(waiting.await.unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn a_look_up_that_panics_is_a_failure_and_gives_its_place_back() {
        let lane = Lane::new("test", SHORT);
        for _ in 0..=PLACES + TRIES {
            let answer =
                lane.run(Instant::now() + Duration::from_secs(10), || panic!("as a backend might")).await;
            assert!(matches!(answer, Err::<(), _>(DirectoryError::Failed(_))), "{answer:?}");
        }
    }
}
