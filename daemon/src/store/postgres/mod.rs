//! The store that a fleet shares: PostgreSQL, every commit one statement and durable before it returns.
//!
//! Owns the handle that tasks share, the pool and the time-out of each call. Leaves reaching a server to `connection`,
//! statements to `accounts`, `audit`, `commit`, `outbox`, `restores` and `rotation`. A server that cannot be reached fails the calls and not the
//! service: the next call tries again. Invariant: nothing is read from, or written to, a server that is a copy, or that
//! forgets what it has committed.

mod accounts;
mod audit;
mod commit;
mod connection;
mod keys;
mod lease;
mod migration;
mod outbox;
mod restores;
mod rotation;
mod statements;
mod tls;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use countersign_config::PostgresUrl;
use countersign_core::account::{Account, AccountId, AccountKey, HostId, Revision};
use countersign_core::audit::{AuditEvent, Span};
use countersign_core::delivery::{Recipient, RequestId};
use countersign_core::restore::Restores;
use countersign_core::sending::RecipientUse;
use countersign_core::time::WallTime;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use super::outbox::{HostUse, Interrupted, Waiting};
use super::sealing::WrappingKey;
use super::{BATCH_LIMIT, LOAD_LIMIT, check_count, check_page};
use super::{
    Change, Page, Resealed, STORE_LIMIT, Spooled, Stale, Standing, Store, StoreError, StoredRecord, Stub,
};
use keys::Keys;
use lease::{Lease, Sessions};

pub use migration::{Migrated, migrate};

/// Batches on their way at the same time: while one waits for the network, others go.
const BATCHES: usize = 4;
/// Connections of one host: a batch each, and one for pages and the audit.
const SESSIONS: usize = BATCHES + 1;
/// A connection that nobody needed for so long is closed.
const IDLE_LIMIT: Duration = Duration::from_mins(1);

/// The fleet's store.
pub struct Postgres {
    sessions: Sessions,
    keys: Keys,
    host: HostId,
}

impl Postgres {
    /// Opens the store. Where its schema is missing or old and this role may change it, that is done; the first host
    /// makes the first data key. Servers that cannot be reached now are no error: calls fail until they can.
    ///
    /// # Errors
    /// [`StoreError::Failed`]: a file of the URL, a refused certificate or password, a setting of the server, the schema;
    /// [`StoreError::Key`]: another host's wrapping key.
    pub async fn open(url: PostgresUrl, wrapping: WrappingKey, host: &HostId) -> Result<Self, StoreError> {
        let store = Self { sessions: Sessions::new(url)?, keys: Keys::new(wrapping)?, host: host.clone() };
        match store.prepare().await {
            Err(StoreError::Unreachable(cause)) => {
                tracing::error!(cause, "no server of the store is reached; logins are refused until one is");
                Ok(store)
            }
            prepared => prepared.map(|()| store),
        }
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        migration::bring_up(self.sessions.connector()).await?;
        self.within(async {
            let session = self.session().await?;
            session.release();
            Ok(())
        })
        .await
    }

    /// Bounds a call; what hangs once is not used again.
    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if let Ok(done) = timeout(STORE_LIMIT, work).await {
            return done;
        }
        self.sessions.forget_idle();
        Err(StoreError::TimedOut(STORE_LIMIT))
    }

    /// Takes a session with a server, with the data keys at hand.
    async fn session(&self) -> Result<Lease, StoreError> {
        let session = self.sessions.take().await?;
        if !self.keys.are_known() {
            self.keys.open(&session).await?;
        }
        Ok(session)
    }

    async fn load_once(&self, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError> {
        let session = self.session().await?;
        let loaded = accounts::load(&session, &self.keys, keys).await;
        session.settle(loaded)
    }
}

#[async_trait]
impl Store for Postgres {
    fn batches_in_flight(&self) -> usize {
        BATCHES
    }

    async fn load(&self, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError> {
        check_count("accounts in a load", keys.len(), LOAD_LIMIT)?;
        self.within(async {
            match self.load_once(keys).await {
                // The server may have ended the connection while it lay idle, and the others with it; reading again does no harm.
                Err(StoreError::Unreachable(_)) => {
                    self.sessions.forget_idle();
                    self.load_once(keys).await
                }
                loaded => loaded,
            }
        })
        .await
    }

    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
        check_count("changes in a batch", batch.len(), BATCH_LIMIT)?;
        if batch.iter().all(Change::is_empty) {
            return Ok(batch.iter().map(|_| Ok(Revision::default())).collect());
        }
        self.within(async {
            let session = self.session().await?;
            let answers = commit::commit(&session, &self.keys, &self.host, &batch).await;
            session.settle(answers)
        })
        .await
    }

    async fn stub(&self, key: &AccountKey) -> Result<Option<Stub>, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let found = accounts::find_stub(&session, key).await;
            session.settle(found)
        })
        .await
    }

    async fn remove(&self, account: &Stub, events: Vec<AuditEvent>) -> Result<Result<(), Stale>, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let removed = commit::remove(&session, &self.host, account, &events).await;
            session.settle(removed)
        })
        .await
    }

    async fn page(&self, after: Option<&AccountKey>, limit: u16) -> Result<Page, StoreError> {
        check_page(limit)?;
        self.within(async {
            let session = self.session().await?;
            let page = accounts::page(&session, &self.keys, after, limit).await;
            session.settle(page)
        })
        .await
    }

    async fn audit(&self, after: u64, limit: u16) -> Result<Vec<StoredRecord>, StoreError> {
        check_page(limit)?;
        self.within(async {
            let session = self.session().await?;
            let records = audit::records(&session, &self.host, after, limit).await;
            session.settle(records)
        })
        .await
    }

    async fn audit_span(&self) -> Result<Span, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let span = audit::span(&session, &self.host).await;
            session.settle(span)
        })
        .await
    }

    async fn trim_audit(&self, up_to: u64) -> Result<Span, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let span = audit::trim(&session, &self.host, up_to).await;
            session.settle(span)
        })
        .await
    }

    async fn newest_time(&self) -> Result<WallTime, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let newest = commit::newest_time(&session, &self.host).await;
            session.settle(newest)
        })
        .await
    }

    async fn rotate_key(&self) -> Result<u32, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let number = rotation::rotate(&session, &self.keys).await;
            session.settle(number)
        })
        .await
    }

    async fn reseal(&self, after: Option<AccountId>, limit: u16) -> Result<Resealed, StoreError> {
        check_page(limit)?;
        self.within(async {
            let session = self.session().await?;
            let step = rotation::reseal(&session, &self.keys, after, limit).await;
            session.settle(step)
        })
        .await
    }

    async fn standing(&self) -> Result<Standing, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let standing = restores::standing(&session, &self.sessions.connector().seen, &self.host).await;
            session.settle(standing)
        })
        .await
    }

    async fn note_stamp(&self) -> Result<(), StoreError> {
        self.within(async {
            let session = self.session().await?;
            let noted = restores::note_stamp(&session, &self.host).await;
            session.settle(noted)
        })
        .await
    }

    async fn accept_restore(&self, restores: Restores) -> Result<(), StoreError> {
        self.within(async {
            let session = self.session().await?;
            let accepted = restores::accept(&session, restores).await;
            session.settle(accepted)
        })
        .await
    }

    async fn import(&self, spooled: &Spooled) -> Result<(), StoreError> {
        check_count("records of a spool", spooled.events.len(), BATCH_LIMIT)?;
        self.within(async {
            let session = self.session().await?;
            let imported = restores::import(&session, &self.host, spooled).await;
            session.settle(imported)
        })
        .await
    }

    async fn recipient_uses(
        &self,
        recipients: &[Recipient],
        at: WallTime,
    ) -> Result<BTreeMap<Recipient, RecipientUse>, StoreError> {
        check_count("recipients in a question", recipients.len(), LOAD_LIMIT)?;
        self.within(async {
            let session = self.session().await?;
            let done = outbox::recipient_uses(&session, self.keys.recipients(), recipients, at).await;
            session.settle(done)
        })
        .await
    }

    async fn host_use(&self, at: WallTime) -> Result<HostUse, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let done = outbox::host_use(&session, &self.host, at).await;
            session.settle(done)
        })
        .await
    }

    async fn due(&self, at: WallTime, limit: u16) -> Result<Vec<Waiting>, StoreError> {
        check_page(limit)?;
        self.within(async {
            let session = self.session().await?;
            let done = outbox::due(&session, &self.keys, &self.host, at, limit).await;
            session.settle(done)
        })
        .await
    }

    async fn claim(&self, id: RequestId) -> Result<bool, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let done = outbox::claim(&session, &self.host, id).await;
            session.settle(done)
        })
        .await
    }

    async fn put_off(&self, id: RequestId, until: WallTime) -> Result<bool, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let done = outbox::put_off(&session, &self.host, id, until).await;
            session.settle(done)
        })
        .await
    }

    async fn interrupted(&self, limit: u16) -> Result<Vec<Interrupted>, StoreError> {
        check_page(limit)?;
        self.within(async {
            let session = self.session().await?;
            let done = outbox::interrupted(&session, &self.host, limit).await;
            session.settle(done)
        })
        .await
    }

    async fn purge(&self, at: WallTime) -> Result<u64, StoreError> {
        self.within(async {
            let session = self.session().await?;
            let done = outbox::purge(&session, at).await;
            session.settle(done)
        })
        .await
    }
}

/// Tells what failed, without values: only the message of the server, which names tables and columns.
fn failed(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> StoreError {
    move |error| match error.as_db_error() {
        Some(refused) if is_passing(refused.code()) => {
            StoreError::Unreachable(format!("while {doing}: {}", refused.message()))
        }
        Some(refused) => {
            let cause = format!("{} ({})", refused.message(), refused.code().code());
            StoreError::Failed { doing, cause }
        }
        None if error.is_closed() => StoreError::Unreachable(format!("while {doing}: the connection ended")),
        None => StoreError::Unreachable(format!("while {doing}: {}", connection::describe(&error))),
    }
}

/// Tells whether a server refuses because it stops, starts or is full: the next one, or the next try, may do.
fn is_passing(code: &SqlState) -> bool {
    code.code().starts_with("57P") || code.code().starts_with("08") || *code == SqlState::TOO_MANY_CONNECTIONS
}

#[cfg(test)]
mod tests;
