//! The thread that owns the connection, and what keeps it from outliving its callers' patience.
//!
//! Owns the queue, the ticket of each call, and recovery: after a failure, or when the file at the path is another one,
//! the connection is given up and the next call opens a fresh one. A call that nobody waits for any more is dropped
//! before it begins, and rolled back if it has begun and not committed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::database::Database;
use super::files::Identity;
use crate::store::StoreError;
use crate::store::sealing::WrappingKey;

/// How long one waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For somebody else's lock on the database.
    pub(super) busy: Duration,
    /// For a call in all.
    pub(super) call: Duration,
}

/// One call, as it lies in the queue.
pub(super) type Job = Box<dyn FnOnce(&mut Worker) + Send>;

const WAITING: u8 = 0;
const COMMITTING: u8 = 1;
const ABANDONED: u8 = 2;

/// What a caller and the thread know of one call: who comes first, the end of patience or the commit.
#[derive(Debug)]
pub(super) struct Ticket {
    state: AtomicU8,
    deadline: Instant,
    patience: Duration,
}

impl Ticket {
    pub(super) fn new(patience: Duration) -> Self {
        Self { state: AtomicU8::new(WAITING), deadline: Instant::now() + patience, patience }
    }

    /// The caller leaves; what is not committing yet will not happen.
    pub(super) fn abandon(&self) {
        let _ = self.state.compare_exchange(WAITING, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Passes the point of no return, right before COMMIT, unless the caller has left or its time is over.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        self.remaining()?;
        self.state
            .compare_exchange(WAITING, COMMITTING, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
            .map_err(|_| self.late())
    }

    /// Tells the time that is left, or that nobody waits any more.
    fn remaining(&self) -> Result<Duration, StoreError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || self.state.load(Ordering::Acquire) == ABANDONED {
            Err(self.late())
        } else {
            Ok(left)
        }
    }

    fn late(&self) -> StoreError {
        StoreError::TimedOut(self.patience)
    }
}

/// Abandons the ticket when the caller's future goes away, for whatever reason.
pub(super) struct Leaving(pub(super) Arc<Ticket>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The thread's state.
pub(super) struct Worker {
    path: PathBuf,
    wrapping: WrappingKey,
    patience: Patience,
    database: Option<Database>,
    /// The generation last seen: a file that is older than that was put there under our feet.
    newest_generation: i64,
}

impl Worker {
    /// Opens the store, making it if there is none.
    pub(super) fn start(
        path: PathBuf,
        wrapping: WrappingKey,
        patience: Patience,
    ) -> Result<Self, StoreError> {
        Database::create_if_missing(&path, &wrapping)?;
        let mut worker = Self { path, wrapping, patience, database: None, newest_generation: 0 };
        worker.connect(patience.busy)?;
        Ok(worker)
    }

    /// Works until all handles are gone.
    pub(super) fn serve(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            job(&mut self);
        }
    }

    /// Does one call on an open database.
    pub(super) fn attempt<T>(
        &mut self,
        doing: &'static str,
        ticket: &Ticket,
        work: impl FnOnce(&mut Database, &Ticket) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let busy = ticket.remaining()?.min(self.patience.busy);
        self.connect(busy)?;
        let Some(database) = self.database.as_mut() else {
            return Err(StoreError::Failed { doing, cause: "it is not open".to_owned() });
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(database, ticket))).unwrap_or_else(|_| {
            Err(StoreError::Failed { doing, cause: "the service is at fault".to_owned() })
        });
        self.newest_generation = self.newest_generation.max(database.generation());
        match outcome {
            Err(
                StoreError::Failed { .. }
                | StoreError::TimedOut(_)
                | StoreError::Unreachable(_)
                | StoreError::Key(_),
            ) => {
                self.database = None;
            }
            Ok(_) | Err(StoreError::Unreadable(_)) => {}
        }
        outcome
    }

    fn connect(&mut self, busy: Duration) -> Result<(), StoreError> {
        self.give_up_another_file();
        if let Some(database) = &self.database {
            return database.wait_at_most(busy);
        }
        let database = Database::open(&self.path, &self.wrapping, busy, self.newest_generation)?;
        self.newest_generation = database.generation();
        self.database = Some(database);
        Ok(())
    }

    /// A deleted or replaced file would still be written to by its descriptor, and lost. SQLite leaves the log of
    /// whatever has the name now alone when it closes a file that was moved.
    fn give_up_another_file(&mut self) {
        let identity = self.database.as_ref().map(Database::identity);
        if identity.is_some_and(|identity| !Identity::at(&self.path).is_ok_and(|found| found == *identity)) {
            self.database = None;
        }
    }
}
