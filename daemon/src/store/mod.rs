//! The store: accounts and audit behind one asynchronous, batched trait.
//!
//! Owns the contract: compare-and-set on revisions, one transaction a batch, audit rows in the same commit. Nothing
//! here may assume that it is the only writer. `conformance` is what every implementation must pass.

use async_trait::async_trait;
use countersign_core::account::{Account, AccountId, AccountKey, Revision};
use countersign_core::audit::AuditEvent;
use countersign_core::time::WallTime;

/// A store that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed; nothing of the batch was written.
    #[error("the store failed while {doing}: {cause}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What the database said, without values.
        cause: String,
    },
    /// It did not answer in time.
    #[error("the store did not answer within {0:?}")]
    TimedOut(std::time::Duration),
    /// A record cannot be read: altered, swapped, or written by a newer version.
    #[error("a record of the store cannot be read: {0}")]
    Unreadable(String),
    /// A data key is missing or cannot be unwrapped.
    #[error("the store's key does not fit: {0}")]
    Key(String),
}

/// Somebody else changed the account since it was read; the change was not made, its events not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// What is committed together: one account, its events, or events alone.
#[derive(Debug, Clone)]
pub struct Change {
    /// The account to write; its `revision` is the one it was decided on.
    pub account: Option<Account>,
    /// Events to append to this host's chain.
    pub events: Vec<AuditEvent>,
}

/// A page of accounts, in the order of their keys.
#[derive(Debug, Clone)]
pub struct Page {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// The cursor of the next page; none at the end.
    pub next: Option<AccountKey>,
    /// How many accounts there are in all.
    pub total: u64,
}

/// One record of the audit as it lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Position in this host's chain, from 1.
    pub sequence: u64,
    /// The canonical encoding (`core::audit`).
    pub record: String,
    /// SHA-256(previous ‖ record).
    pub link: [u8; 32],
}

/// What a reseal step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The cursor of the next step; none when all accounts use the newest data key.
    pub next: Option<AccountId>,
    /// Accounts looked at in this step.
    pub done: u64,
    /// Accounts in all.
    pub total: u64,
}

/// Accounts and audit, shared by whoever writes.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Reads accounts; the answers stand in the order of the keys.
    ///
    /// # Errors
    /// Any [`StoreError`]; the caller refuses.
    async fn load(&self, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError>;

    /// Writes the whole batch in one transaction, durable before it returns; the answers stand in the order of the
    /// changes. A change whose account has another revision in the store is [`Stale`] and fails alone, with its events;
    /// later changes of the same batch see the earlier ones. A change without an account yields the default revision.
    ///
    /// # Errors
    /// A [`StoreError`] means that nothing of the batch was written.
    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Revision, Stale>>, StoreError>;

    /// Reads a page of accounts in key order after the cursor; `limit` is at most 1000.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn page(&self, after: Option<&AccountKey>, limit: u16) -> Result<Page, StoreError>;

    /// Reads this host's audit records after a sequence number; `limit` is at most 1000.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn audit(&self, after: u64, limit: u16) -> Result<Vec<StoredRecord>, StoreError>;

    /// Tells the newest time ever committed, the floor of every clock.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn newest_time(&self) -> Result<WallTime, StoreError>;

    /// Makes a new data key; from now on commits seal with it. Tells its number.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn rotate_key(&self) -> Result<u32, StoreError>;

    /// Reseals up to `limit` accounts after the cursor; the last step forgets data keys that no account uses.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn reseal(&self, after: Option<AccountId>, limit: u16) -> Result<Resealed, StoreError>;
}
