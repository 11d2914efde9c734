//! The store as the engine has it: opened when that is possible, compared with its stamp, and with what a restore voids.
//!
//! Owns that nothing is read from a store before it was compared. Leaves the stamp to `rollback`, and what follows for an
//! account to `core::restore`. Invariant: the revision that an alteration of what a person holds will have is on the disk
//! beside the stamp before that alteration is committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use countersign_config::StoreSettings;
use countersign_core::account::{Account, AccountId, AccountKey, HostId, Revision};
use countersign_core::audit::{AuditEvent, Span};
use countersign_core::delivery::{Recipient, RequestId};
use countersign_core::restore::{Restores, Trust};
use countersign_core::sending::RecipientUse;
use countersign_core::time::WallTime;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::outbox::{HostUse, Interrupted, Waiting};
use super::sealing::WrappingKey;
use super::{
    Change, Page, Resealed, Spooled, Stale, Standing, Store, StoreError, StoredRecord, Stub,
    open as open_store,
};
use crate::rollback::{Doubt, StampKeeper};

/// A store with its stamp.
pub struct Watched {
    keeper: Arc<StampKeeper>,
    /// Opened, perhaps not compared yet.
    opened: OnceLock<Arc<dyn Store>>,
    /// Compared; everything goes here.
    compared: OnceLock<Arc<dyn Store>>,
    /// Why it is not open.
    cause: Mutex<String>,
    restores: Mutex<Restores>,
    committed: Notify,
}

impl Watched {
    /// Makes one that is not open yet.
    #[must_use]
    pub fn new(keeper: Arc<StampKeeper>) -> Self {
        Self {
            keeper,
            opened: OnceLock::new(),
            compared: OnceLock::new(),
            cause: Mutex::new("it is not open yet".to_owned()),
            restores: Mutex::default(),
            committed: Notify::new(),
        }
    }

    /// Opens the store and compares it with the stamp, where that is not done.
    ///
    /// # Errors
    /// As [`open_store`]; every call fails until this succeeds.
    pub async fn open(
        &self,
        settings: &StoreSettings,
        wrapping: &WrappingKey,
        host: &HostId,
    ) -> Result<(), StoreError> {
        let opened = self.try_open(settings, wrapping, host).await;
        if let Err(error) = &opened {
            *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
        }
        opened
    }

    async fn try_open(
        &self,
        settings: &StoreSettings,
        wrapping: &WrappingKey,
        host: &HostId,
    ) -> Result<(), StoreError> {
        if self.opened.get().is_none() {
            let store = open_store(settings, wrapping.clone(), host).await?;
            let _ = self.opened.set(store);
        }
        self.observe().await.map(drop)
    }

    /// Compares the store with the stamp and raises the stamp; tells what is in doubt.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn observe(&self) -> Result<Option<Doubt>, StoreError> {
        let store = self.opened.get().ok_or_else(|| self.closed())?;
        let standing = store.standing().await?;
        self.take_restores(standing.restores);
        let keeper = Arc::clone(&self.keeper);
        let observed = spawn_blocking(move || keeper.observe(&standing)).await;
        match observed.map_err(std::io::Error::other).and_then(|observed| observed) {
            Ok(None) if !standing.is_stamped && self.keeper.is_kept() => store.note_stamp().await?,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "the stamp of the store is not written: a copy from now on is not detected");
            }
        }
        let _ = self.compared.set(Arc::clone(store));
        Ok(self.keeper.doubt())
    }

    /// Tells why the store is in doubt, if it is.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        self.keeper.doubt()
    }

    /// Takes over which restores were accepted.
    pub fn take_restores(&self, restores: Restores) {
        *self.restores.lock().unwrap_or_else(PoisonError::into_inner) = restores;
    }

    /// Waits for a commit.
    pub async fn committed(&self) {
        self.committed.notified().await;
    }

    /// Lends the keeper of the stamp.
    #[must_use]
    pub fn keeper(&self) -> &Arc<StampKeeper> {
        &self.keeper
    }

    /// Lends the store itself, whose accounts are as they lie there.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] while it is not open.
    pub fn inner(&self) -> Result<&Arc<dyn Store>, StoreError> {
        self.compared.get().ok_or_else(|| self.closed())
    }

    fn closed(&self) -> StoreError {
        StoreError::Unreachable(self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Takes an account as it was read.
    fn take(&self, account: Account) -> Account {
        let held = Some(account.holdings());
        Account { held, ..self.settle(account) }
    }

    /// Notes beside the stamp whose holdings are altered.
    async fn remember(&self, altered: Vec<(AccountKey, u64)>) -> Result<(), StoreError> {
        if altered.is_empty() {
            return Ok(());
        }
        let keeper = Arc::clone(&self.keeper);
        let kept = spawn_blocking(move || keeper.remember(altered)).await.map_err(std::io::Error::other);
        kept.and_then(|kept| kept).map_err(|error| StoreError::Failed {
            doing: "noting beside the stamp",
            cause: error.to_string(),
        })
    }
}

/// Lists whose holdings a batch alters, with the revision that each account gets.
fn altered_by(batch: &[Change]) -> Vec<(AccountKey, u64)> {
    let accounts = batch.iter().filter_map(|change| change.account.as_ref());
    accounts
        .filter(|account| account.has_altered())
        .map(|account| (account.key.clone(), account.revision.next().0))
        .collect()
}

#[async_trait]
impl Store for Watched {
    fn batches_in_flight(&self) -> usize {
        self.compared.get().map_or(1, |store| store.batches_in_flight())
    }

    async fn load(&self, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError> {
        let found = self.inner()?.load(keys).await?;
        Ok(found.into_iter().map(|account| account.map(|account| self.take(account))).collect())
    }

    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
        let inner = self.inner()?;
        self.remember(altered_by(&batch)).await?;
        let committed = inner.commit(batch).await;
        self.committed.notify_one();
        committed
    }

    async fn stub(&self, key: &AccountKey) -> Result<Option<Stub>, StoreError> {
        self.inner()?.stub(key).await
    }

    async fn remove(&self, account: &Stub, events: Vec<AuditEvent>) -> Result<Result<(), Stale>, StoreError> {
        let inner = self.inner()?;
        self.remember(vec![(account.key.clone(), account.revision.next().0)]).await?;
        let removed = inner.remove(account, events).await;
        self.committed.notify_one();
        removed
    }

    async fn page(&self, after: Option<&AccountKey>, limit: u16) -> Result<Page, StoreError> {
        let page = self.inner()?.page(after, limit).await?;
        let accounts = page.accounts.into_iter().map(|account| self.take(account)).collect();
        Ok(Page { accounts, ..page })
    }

    fn settle(&self, account: Account) -> Account {
        let restores = *self.restores.lock().unwrap_or_else(PoisonError::into_inner);
        let trust = if self.doubt().is_some() { Trust::Restored } else { Trust::Whole };
        Account { trust, ..account.after(restores) }
    }

    async fn audit(&self, after: u64, limit: u16) -> Result<Vec<StoredRecord>, StoreError> {
        self.inner()?.audit(after, limit).await
    }

    async fn audit_span(&self) -> Result<Span, StoreError> {
        self.inner()?.audit_span().await
    }

    async fn trim_audit(&self, up_to: u64) -> Result<Span, StoreError> {
        self.inner()?.trim_audit(up_to).await
    }

    async fn newest_time(&self) -> Result<WallTime, StoreError> {
        self.inner()?.newest_time().await
    }

    async fn rotate_key(&self) -> Result<u32, StoreError> {
        self.inner()?.rotate_key().await
    }

    async fn reseal(&self, after: Option<AccountId>, limit: u16) -> Result<Resealed, StoreError> {
        self.inner()?.reseal(after, limit).await
    }

    async fn standing(&self) -> Result<Standing, StoreError> {
        self.inner()?.standing().await
    }

    async fn note_stamp(&self) -> Result<(), StoreError> {
        self.inner()?.note_stamp().await
    }

    async fn accept_restore(&self, restores: Restores) -> Result<(), StoreError> {
        self.inner()?.accept_restore(restores).await
    }

    async fn import(&self, spooled: &Spooled) -> Result<(), StoreError> {
        self.inner()?.import(spooled).await
    }

    async fn recipient_uses(
        &self,
        recipients: &[Recipient],
        at: WallTime,
    ) -> Result<BTreeMap<Recipient, RecipientUse>, StoreError> {
        self.inner()?.recipient_uses(recipients, at).await
    }

    async fn host_use(&self, at: WallTime) -> Result<HostUse, StoreError> {
        self.inner()?.host_use(at).await
    }

    async fn due(&self, at: WallTime, limit: u16) -> Result<Vec<Waiting>, StoreError> {
        self.inner()?.due(at, limit).await
    }

    async fn claim(&self, id: RequestId) -> Result<bool, StoreError> {
        self.inner()?.claim(id).await
    }

    async fn put_off(&self, id: RequestId, until: WallTime) -> Result<bool, StoreError> {
        self.inner()?.put_off(id, until).await
    }

    async fn interrupted(&self, limit: u16) -> Result<Vec<Interrupted>, StoreError> {
        self.inner()?.interrupted(limit).await
    }

    async fn purge(&self, at: WallTime) -> Result<u64, StoreError> {
        self.inner()?.purge(at).await
    }
}
