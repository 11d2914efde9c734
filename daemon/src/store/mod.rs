//! The store: accounts and audit behind one asynchronous, batched trait.
//!
//! Owns the contract: compare-and-set on revisions, one transaction a batch, audit rows in the same commit. Nothing
//! here may assume that it is the only writer. `conformance` is what every implementation must pass.

pub mod memory;
pub mod outbox;
pub mod postgres;
pub mod sealing;
pub mod sqlite;
pub mod watched;

#[cfg(test)]
mod conformance;
mod encoding;
mod migration;
mod wrapping_key;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub(crate) use countersign_config::guarded as guarded_file;
use countersign_config::{Database, PostgresUrl, StoreSettings};
use countersign_core::account::{Account, AccountId, AccountKey, HostId, Realm, Revision, UserName};
use countersign_core::audit::{AuditEvent, Span};
use countersign_core::delivery::{Progress, Recipient, RequestId};
use countersign_core::restore::Restores;
use countersign_core::sending::RecipientUse;
use countersign_core::time::WallTime;

use outbox::{HostUse, Interrupted, Queued, Waiting};
use postgres::Postgres;
use sealing::WrappingKey;
use sqlite::Sqlite;

/// How long any call takes at most (DESIGN.md 4).
pub const STORE_LIMIT: Duration = Duration::from_secs(3);
/// The most changes of one batch.
pub const BATCH_LIMIT: usize = 256;
/// The most accounts of one load.
pub const LOAD_LIMIT: usize = 1024;
/// The most accounts or records of one page or step; the least is one.
pub const PAGE_LIMIT: u16 = 1000;
/// The longest audit record, in bytes: room for a person of thousands of groups.
pub const RECORD_LIMIT: usize = 1024 * 1024;
/// The most data keys kept at once; resealing forgets the old ones.
pub const DATA_KEY_LIMIT: usize = 16;

/// Opens the store that the file of settings names: the embedded one, made if there is none, or the fleet's.
///
/// # Errors
/// As [`Sqlite::open`] and [`Postgres::open`].
pub async fn open(
    settings: &StoreSettings,
    wrapping: WrappingKey,
    host: &HostId,
) -> Result<Arc<dyn Store>, StoreError> {
    match &settings.database {
        Database::Embedded(path) => Ok(Arc::new(Sqlite::open(path, wrapping).await?)),
        Database::Fleet(url) => Ok(Arc::new(Postgres::open(PostgresUrl::clone(url), wrapping, host).await?)),
    }
}

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
    TimedOut(Duration),
    /// No server of the fleet's store can be used now; the next call tries again. Of a commit the outcome is unknown.
    #[error("no server of the store can be used: {0}")]
    Unreachable(String),
    /// A record cannot be read: altered, swapped, or written by a newer version.
    #[error("a record of the store cannot be read: {0}")]
    Unreadable(String),
    /// A data key is missing or cannot be unwrapped.
    #[error("the store's key does not fit: {0}")]
    Key(String),
}

impl StoreError {
    /// Tells whether one record is at fault; the store itself answers.
    #[must_use]
    pub const fn is_of_record(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::Key(_) => true,
            Self::Failed { .. } | Self::TimedOut(_) | Self::Unreachable(_) => false,
        }
    }
}

/// Somebody else changed the account since it was read, or a code was sent to the same recipient since that was read; the
/// change was not made, its events not recorded, its messages not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// What is committed together: one account, its events and its messages, or events alone.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The account to write; its `revision` is the one it was decided on.
    pub account: Option<Account>,
    /// Events to append to this host's chain.
    pub events: Vec<AuditEvent>,
    /// Messages to put into the outbox, for the person of the account.
    pub outgoing: Vec<Queued>,
    /// Messages whose codes were used: they count no more toward the caps of their recipients.
    pub redeemed: Vec<RequestId>,
    /// Messages that are sent or failed: this is final, and their content is removed. What is final already stays.
    pub settled: Vec<(RequestId, Progress)>,
}

impl Change {
    /// Tells whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.account.is_none() && self.events.is_empty() && !self.has_messages()
    }

    /// Tells whether the outbox is concerned.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        !self.outgoing.is_empty() || !self.redeemed.is_empty() || !self.settled.is_empty()
    }
}

/// What identifies an account in the store, whether or not its record can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    /// Its id.
    pub id: AccountId,
    /// Its realm and name.
    pub key: AccountKey,
    /// Its revision.
    pub revision: Revision,
}

impl Stub {
    /// Takes what identifies an account.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self { id: account.id, key: account.key.clone(), revision: account.revision }
    }
}

/// An account that was asked for: its record, or why this one record cannot be read.
pub type Loaded = Result<Option<Account>, StoreError>;

/// A page of accounts, in the order of their keys.
#[derive(Debug, Clone)]
pub struct Page {
    /// The accounts that can be read.
    pub accounts: Vec<Account>,
    /// Those whose record cannot be read: altered, swapped, written by a newer version, or sealed by a key that is missing.
    pub unreadable: Vec<Stub>,
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

impl StoredRecord {
    /// Lends what a chain is followed by.
    #[must_use]
    pub fn lend(&self) -> (u64, &str, [u8; 32]) {
        (self.sequence, &self.record, self.link)
    }
}

/// What a reseal step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The cursor of the next step; none when all accounts were looked at.
    pub next: Option<AccountId>,
    /// Accounts looked at in this step.
    pub done: u64,
    /// Accounts in all.
    pub total: u64,
}

/// Where a store stands among its copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which store it is; drawn when it was made, and the same in each copy.
    pub store: [u8; 16],
    /// The restores that were accepted.
    pub restores: Restores,
    /// Counts commits, of all hosts. Only a restore takes it back.
    pub generation: u64,
    /// Whether this host was noted to keep a stamp of it.
    pub is_stamped: bool,
}

/// Records of this host's spool, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Which spool; each file has an id of its own.
    pub spool: [u8; 16],
    /// The number of the first record in it, from 1.
    pub first: u64,
    /// The records.
    pub events: Vec<AuditEvent>,
}

/// Accounts and audit, shared by whoever writes.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Tells how many batches it can commit at the same time; they never share an account.
    fn batches_in_flight(&self) -> usize {
        1
    }

    /// Reads accounts, at most [`LOAD_LIMIT`]; the answers stand in the order of the keys.
    ///
    /// # Errors
    /// Any [`StoreError`]; the caller refuses.
    async fn load(&self, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError>;

    /// Writes the whole batch in one transaction, durable before it returns; the answers stand in the order of the
    /// changes. A change whose account has another revision in the store, or with a code for a recipient that a newer one
    /// was queued for, is [`Stale`] and fails alone, with its events and messages; later changes of the same batch see
    /// the earlier ones. A change without an account yields the default revision.
    /// At most [`BATCH_LIMIT`] changes.
    ///
    /// # Errors
    /// A [`StoreError`] means that nothing of the batch was written; only after [`StoreError::TimedOut`], or a failure
    /// of the COMMIT itself, the outcome is unknown: the caller refuses, and loads again before it decides again.
    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Revision, Stale>>, StoreError>;

    /// Tells what identifies the account of a key, also where its record cannot be read.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn stub(&self, key: &AccountKey) -> Result<Option<Stub>, StoreError>;

    /// Removes an account with the content of its messages and records the events, in one transaction, durable before it
    /// returns. [`Stale`] where the account is gone or has another id or revision: then nothing is written. What was sent
    /// goes on counting toward the caps of the recipients.
    ///
    /// # Errors
    /// As [`Store::commit`].
    async fn remove(&self, account: &Stub, events: Vec<AuditEvent>) -> Result<Result<(), Stale>, StoreError>;

    /// Reads a page of accounts in key order after the cursor; `limit` is 1 to [`PAGE_LIMIT`]. A record that cannot be read
    /// hides no other.
    ///
    /// # Errors
    /// Any [`StoreError`] that is not of one record.
    async fn page(&self, after: Option<&AccountKey>, limit: u16) -> Result<Page, StoreError>;

    /// Reads this host's audit records after a sequence number; `limit` is 1 to [`PAGE_LIMIT`].
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn audit(&self, after: u64, limit: u16) -> Result<Vec<StoredRecord>, StoreError>;

    /// Tells the two ends of this host's chain.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn audit_span(&self) -> Result<Span, StoreError>;

    /// Removes this host's oldest records up to a number, at most [`PAGE_LIMIT`] at once and never the newest; the last
    /// one removed is the chain's anchor from then on. Up to the present anchor there is nothing to do. Tells the ends.
    ///
    /// # Errors
    /// Any [`StoreError`]; nothing was removed, or after [`StoreError::TimedOut`] perhaps all of it.
    async fn trim_audit(&self, up_to: u64) -> Result<Span, StoreError>;

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

    /// Reseals up to `limit` accounts (1 to [`PAGE_LIMIT`]) after the cursor; the last step forgets data keys that no
    /// account uses. A key made during the walk is for the next walk.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn reseal(&self, after: Option<AccountId>, limit: u16) -> Result<Resealed, StoreError>;

    /// Tells where the store stands among its copies.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn standing(&self) -> Result<Standing, StoreError>;

    /// Notes that this host keeps a stamp of the store: from now on a stamp that is missing was lost.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn note_stamp(&self) -> Result<(), StoreError>;

    /// Accepts a restore. Where as many were accepted meanwhile, nothing changes.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn accept_restore(&self, restores: Restores) -> Result<(), StoreError>;

    /// Appends records of a spool to this host's chain, at most [`BATCH_LIMIT`], in the commit that notes how far it was
    /// read: a record that was imported before is passed over.
    ///
    /// # Errors
    /// Any [`StoreError`]; importing again does no harm.
    async fn import(&self, spooled: &Spooled) -> Result<(), StoreError>;

    /// Gives an account that the store does not hold what follows from accepted restores.
    fn settle(&self, account: Account) -> Account {
        account
    }

    /// Tells what was sent to recipients within the last 24 h, by whomever from whichever host; at most [`LOAD_LIMIT`].
    /// Every recipient that was asked for is told of.
    ///
    /// # Errors
    /// Any [`StoreError`]; the caller sends nothing.
    async fn recipient_uses(
        &self,
        recipients: &[Recipient],
        at: WallTime,
    ) -> Result<BTreeMap<Recipient, RecipientUse>, StoreError>;

    /// Tells what this host sent within the last hour, by whatever reason.
    ///
    /// # Errors
    /// Any [`StoreError`]; the caller sends nothing.
    async fn host_use(&self, at: WallTime) -> Result<HostUse, StoreError>;

    /// Reads the messages of this host that wait and whose time has come, also those that are worth nothing any more, the
    /// oldest first; `limit` is 1 to [`PAGE_LIMIT`]. A message that cannot be read is failed, and left out.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn due(&self, at: WallTime, limit: u16) -> Result<Vec<Waiting>, StoreError>;

    /// Takes a message that waits, durable before it returns: of all who try, one is told `true`, once.
    ///
    /// # Errors
    /// Any [`StoreError`]: it may have been taken, and must not be sent.
    async fn claim(&self, id: RequestId) -> Result<bool, StoreError>;

    /// Gives a message that was claimed back, until a time; only where certainly nothing of it was taken. Tells whether
    /// it was claimed.
    ///
    /// # Errors
    /// Any [`StoreError`]: it stays claimed, until the service starts again and finds it interrupted.
    async fn put_off(&self, id: RequestId, until: WallTime) -> Result<bool, StoreError>;

    /// Reads the messages of this host that are claimed, which at a start were interrupted; `limit` is 1 to
    /// [`PAGE_LIMIT`]. They are to be settled, and never sent again.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn interrupted(&self, limit: u16) -> Result<Vec<Interrupted>, StoreError>;

    /// Removes messages that neither count nor are worth anything since 24 h, at most
    /// [`PURGE_LIMIT`](outbox::PURGE_LIMIT). Tells how many.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge(&self, at: WallTime) -> Result<u64, StoreError>;
}

/// Reads accounts by their keys, at most [`LOAD_LIMIT`], in one load where all can be read: a record that cannot be read
/// hides no other.
///
/// # Errors
/// Any [`StoreError`] that is not of one record.
pub async fn load_each(store: &dyn Store, keys: &[AccountKey]) -> Result<Vec<Loaded>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    match store.load(keys).await {
        Ok(accounts) if accounts.len() == keys.len() => return Ok(accounts.into_iter().map(Ok).collect()),
        Ok(_) => {
            let cause = "it answered for other accounts than asked".to_owned();
            return Err(StoreError::Failed { doing: "reading accounts", cause });
        }
        Err(error) if error.is_of_record() => {}
        Err(error) => return Err(error),
    }
    let mut loaded = Vec::with_capacity(keys.len());
    for key in keys {
        loaded.push(match store.load(std::slice::from_ref(key)).await {
            Ok(accounts) => Ok(accounts.into_iter().next().flatten()),
            Err(error) if error.is_of_record() => Err(error),
            Err(error) => return Err(error),
        });
    }
    Ok(loaded)
}

/// Puts an account that was read from one row of a page into it; what cannot be read goes by its stub.
fn sort_in(page: &mut Page, stub: Stub, read: Result<Account, StoreError>) -> Result<(), StoreError> {
    match read {
        Ok(account) => page.accounts.push(account),
        Err(error) if error.is_of_record() => page.unreadable.push(stub),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Makes what identifies an account of its columns.
///
/// # Errors
/// [`StoreError::Unreadable`] where realm, name, id or revision is none: then it is no account of anybody.
fn stub(id: &[u8], realm: &str, name: &str, revision: i64) -> Result<Stub, StoreError> {
    let broken = |what: &str| StoreError::Unreadable(format!("{what} of an account is not one"));
    let id = AccountId(id.try_into().map_err(|_| broken("the id"))?);
    let realm = Realm::try_from(realm).map_err(|_| broken("the realm"))?;
    let name = UserName::try_from(name).map_err(|_| broken("the name"))?;
    let revision = Revision(u64::try_from(revision).map_err(|_| broken("the revision"))?);
    Ok(Stub { id, key: AccountKey { realm, name }, revision })
}

/// Refuses more accounts or changes in one call than it may have.
fn check_count(what: &str, count: usize, limit: usize) -> Result<(), StoreError> {
    if count <= limit { Ok(()) } else { Err(refuse(format!("{count} {what}; {limit} are possible"))) }
}

/// Refuses a page or step of no or too many rows.
fn check_page(limit: u16) -> Result<(), StoreError> {
    if (1..=PAGE_LIMIT).contains(&limit) {
        return Ok(());
    }
    Err(refuse(format!("{limit} rows at once; 1 to {PAGE_LIMIT} are possible")))
}

/// Refuses to remove too many records at once, or the newest; tells whether there is anything to do.
fn check_trim(span: &Span, up_to: u64) -> Result<bool, StoreError> {
    let removed = up_to.saturating_sub(span.anchor.sequence);
    if removed > u64::from(PAGE_LIMIT) || (removed > 0 && up_to >= span.head.sequence) {
        return Err(refuse(format!("removing {removed} records of the audit up to {up_to}")));
    }
    Ok(removed > 0)
}

fn refuse(cause: String) -> StoreError {
    StoreError::Failed { doing: "checking a request", cause }
}

/// Says that a record cannot be read, by its id: names are for the caller to tell.
fn unreadable(account: AccountId, what: &str) -> StoreError {
    StoreError::Unreadable(format!("account {account}: {what}"))
}
