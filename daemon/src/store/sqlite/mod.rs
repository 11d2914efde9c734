//! The embedded store: SQLite in one file, one thread, every commit durable before it returns.
//!
//! Owns the handle that tasks share and the time-out of each call. Leaves the thread to `worker`, the open database to
//! `database`, statements to `accounts`, `audit`, `commit`, `outbox`, `restores` and `rotation`. A call that timed out before its COMMIT began is not
//! carried out later; one whose COMMIT had begun has an unknown outcome, which the next load tells.

mod accounts;
mod audit;
mod commit;
mod database;
mod files;
mod outbox;
mod restores;
mod rotation;
mod worker;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::account::{Account, AccountId, AccountKey, Revision};
use countersign_core::audit::{AuditEvent, Span};
use countersign_core::delivery::{Recipient, RequestId};
use countersign_core::restore::Restores;
use countersign_core::sending::RecipientUse;
use countersign_core::time::WallTime;
use tokio::sync::{mpsc, oneshot};

use super::outbox::{HostUse, Interrupted, Waiting};
use super::sealing::WrappingKey;
use super::{BATCH_LIMIT, LOAD_LIMIT, check_count, check_page};
use super::{
    Change, Page, Resealed, STORE_LIMIT, Spooled, Stale, Standing, Store, StoreError, StoredRecord, Stub,
};
use database::{Database, Meta};
use worker::{Job, Leaving, Patience, Ticket, Worker};

/// How long somebody else's lock is waited for (SECURITY.md 3).
const BUSY_LIMIT: Duration = Duration::from_secs(2);
/// Calls that may wait in the queue; more wait outside it, within their own time.
const QUEUE: usize = 256;

/// The embedded store.
pub struct Sqlite {
    jobs: mpsc::Sender<Job>,
    patience: Patience,
}

impl Sqlite {
    /// Opens the store at a path, making it if there is none; its directory must exist, with mode 0700.
    ///
    /// # Errors
    /// [`StoreError::Failed`]: files, schema; [`StoreError::Key`]: another wrapping key; [`StoreError::TimedOut`].
    pub async fn open(path: &Path, wrapping: WrappingKey) -> Result<Self, StoreError> {
        Self::open_with(path, wrapping, Patience { busy: BUSY_LIMIT, call: STORE_LIMIT }).await
    }

    async fn open_with(path: &Path, wrapping: WrappingKey, patience: Patience) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (report, opened) = oneshot::channel();
        let run = move || match Worker::start(path, wrapping, patience) {
            Ok(worker) => {
                let _ = report.send(Ok(()));
                worker.serve(queue);
            }
            Err(error) => {
                let _ = report.send(Err(error));
            }
        };
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(run)
            .map_err(|error| StoreError::Failed { doing: "opening", cause: format!("no thread: {error}") })?;
        let opened = tokio::time::timeout(patience.call, opened);
        opened.await.map_err(|_| StoreError::TimedOut(patience.call))?.map_err(|_| ended("opening"))??;
        Ok(Self { jobs, patience })
    }

    /// Does work on the thread and waits for it, as long as patience lasts.
    async fn call<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Database, &Ticket) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ticket = Arc::new(Ticket::new(self.patience.call));
        let _leaving = Leaving(Arc::clone(&ticket));
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            let _ = answer.send(worker.attempt(doing, &ticket, work));
        });
        let answered = async {
            self.jobs.send(job).await.map_err(|_| ended(doing))?;
            answered.await.map_err(|_| ended(doing))?
        };
        tokio::time::timeout(self.patience.call, answered)
            .await
            .unwrap_or(Err(StoreError::TimedOut(self.patience.call)))
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn load(&self, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError> {
        check_count("accounts in a load", keys.len(), LOAD_LIMIT)?;
        let keys = keys.to_vec();
        self.call("reading accounts", move |database, _| accounts::load(database.parts(), &keys)).await
    }

    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
        check_count("changes in a batch", batch.len(), BATCH_LIMIT)?;
        self.call("committing", move |database, ticket| commit::commit(database.parts(), ticket, &batch))
            .await
    }

    async fn stub(&self, key: &AccountKey) -> Result<Option<Stub>, StoreError> {
        let key = key.clone();
        let work =
            move |database: &mut Database, _: &Ticket| accounts::find_stub(database.connection(), &key);
        self.call("looking for an account", work).await
    }

    async fn remove(&self, account: &Stub, events: Vec<AuditEvent>) -> Result<Result<(), Stale>, StoreError> {
        let account = account.clone();
        let work = move |database: &mut Database, ticket: &Ticket| {
            commit::remove(database.parts(), ticket, &account, &events)
        };
        self.call("removing an account", work).await
    }

    async fn page(&self, after: Option<&AccountKey>, limit: u16) -> Result<Page, StoreError> {
        check_page(limit)?;
        let after = after.cloned();
        let work = move |database: &mut Database, _: &Ticket| {
            accounts::page(database.parts(), after.as_ref(), limit)
        };
        self.call("reading a page", work).await
    }

    async fn audit(&self, after: u64, limit: u16) -> Result<Vec<StoredRecord>, StoreError> {
        check_page(limit)?;
        let work =
            move |database: &mut Database, _: &Ticket| audit::records(database.connection(), after, limit);
        self.call("reading the audit", work).await
    }

    async fn audit_span(&self) -> Result<Span, StoreError> {
        self.call("reading the ends of the audit", |database, _| audit::span(database.connection())).await
    }

    async fn trim_audit(&self, up_to: u64) -> Result<Span, StoreError> {
        let work =
            move |database: &mut Database, ticket: &Ticket| audit::trim(database.parts(), ticket, up_to);
        self.call("removing old records of the audit", work).await
    }

    async fn newest_time(&self) -> Result<WallTime, StoreError> {
        let meta = self.call("reading its own row", |database, _| Meta::read(database.connection())).await?;
        Ok(WallTime::from_seconds(u64::try_from(meta.newest_time).unwrap_or_default()))
    }

    async fn rotate_key(&self) -> Result<u32, StoreError> {
        self.call("making a data key", |database, ticket| rotation::rotate(database.parts(), ticket)).await
    }

    async fn reseal(&self, after: Option<AccountId>, limit: u16) -> Result<Resealed, StoreError> {
        check_page(limit)?;
        let work = move |database: &mut Database, ticket: &Ticket| {
            rotation::reseal(database.parts(), ticket, after, limit)
        };
        self.call("resealing", work).await
    }

    async fn standing(&self) -> Result<Standing, StoreError> {
        self.call("reading where the store stands", |database, _| restores::standing(database.connection()))
            .await
    }

    async fn note_stamp(&self) -> Result<(), StoreError> {
        self.call("noting a stamp", |database, ticket| restores::note_stamp(&mut database.parts(), ticket))
            .await
    }

    async fn accept_restore(&self, restores: Restores) -> Result<(), StoreError> {
        let work = move |database: &mut Database, ticket: &Ticket| {
            restores::accept(&mut database.parts(), ticket, restores)
        };
        self.call("accepting a restore", work).await
    }

    async fn import(&self, spooled: &Spooled) -> Result<(), StoreError> {
        check_count("records of a spool", spooled.events.len(), BATCH_LIMIT)?;
        let spooled = spooled.clone();
        let work = move |database: &mut Database, ticket: &Ticket| {
            restores::import(&mut database.parts(), ticket, &spooled)
        };
        self.call("importing the spool", work).await
    }

    async fn recipient_uses(
        &self,
        recipients: &[Recipient],
        at: WallTime,
    ) -> Result<BTreeMap<Recipient, RecipientUse>, StoreError> {
        check_count("recipients in a question", recipients.len(), LOAD_LIMIT)?;
        let recipients = recipients.to_vec();
        let work = move |database: &mut Database, _: &Ticket| {
            outbox::recipient_uses(database.connection(), database.recipients(), &recipients, at)
        };
        self.call("reading the outbox", work).await
    }

    async fn host_use(&self, at: WallTime) -> Result<HostUse, StoreError> {
        let work = move |database: &mut Database, _: &Ticket| outbox::host_use(database.connection(), at);
        self.call("reading the outbox", work).await
    }

    async fn due(&self, at: WallTime, limit: u16) -> Result<Vec<Waiting>, StoreError> {
        check_page(limit)?;
        let work =
            move |database: &mut Database, ticket: &Ticket| outbox::due(database.parts(), ticket, at, limit);
        self.call("reading the outbox", work).await
    }

    async fn claim(&self, id: RequestId) -> Result<bool, StoreError> {
        let work =
            move |database: &mut Database, ticket: &Ticket| outbox::claim(database.parts(), ticket, id);
        self.call("claiming a message", work).await
    }

    async fn put_off(&self, id: RequestId, until: WallTime) -> Result<bool, StoreError> {
        let work = move |database: &mut Database, ticket: &Ticket| {
            outbox::put_off(database.parts(), ticket, id, until)
        };
        self.call("putting a message off", work).await
    }

    async fn interrupted(&self, limit: u16) -> Result<Vec<Interrupted>, StoreError> {
        check_page(limit)?;
        let work =
            move |database: &mut Database, _: &Ticket| outbox::interrupted(database.connection(), limit);
        self.call("reading the outbox", work).await
    }

    async fn purge(&self, at: WallTime) -> Result<u64, StoreError> {
        let work =
            move |database: &mut Database, ticket: &Ticket| outbox::purge(database.parts(), ticket, at);
        self.call("removing old messages", work).await
    }
}

/// Tells what failed, without values: SQLite's messages name tables and columns only.
pub(super) fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error {
        rusqlite::Error::FromSqlConversionFailure(column, ..)
        | rusqlite::Error::IntegralValueOutOfRange(column, _)
        | rusqlite::Error::InvalidColumnType(column, ..)
        | rusqlite::Error::Utf8Error(column, _) => {
            StoreError::Unreadable(format!("while {doing}: column {column} holds something else"))
        }
        other => StoreError::Failed { doing, cause: other.to_string() },
    }
}

fn ended(doing: &'static str) -> StoreError {
    StoreError::Failed { doing, cause: "the store's thread has ended".to_owned() }
}

#[cfg(test)]
mod tests;
