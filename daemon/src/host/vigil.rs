//! Looks after the store while the service runs: opens it when that is possible, raises its stamp, imports the spool.
//!
//! Owns when. Leaves comparing to `rollback` and `store::watched`, and which logins go on without the store to core. No login
//! waits for any of it: the stamp follows commits by a few seconds, so that a login costs no second write.

use std::sync::Arc;
use std::time::Duration;

use countersign_config::StoreSettings;
use countersign_core::account::HostId;
use countersign_core::audit::EventId;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::engine::Handle;
use crate::reload::record;
use crate::rollback::Doubt;
use crate::spool::Spool;
use crate::store::sealing::WrappingKey;
use crate::store::watched::Watched;
use crate::store::{Store as _, StoreError};

/// How soon a store that does not open is tried again, and a spool imported.
const RETRY: Duration = Duration::from_secs(1);
/// How long commits are collected before the stamp is raised: what a copy can undo unnoticed after a crash.
const LAZY: Duration = Duration::from_secs(5);
/// How often the stamp follows the commits of other hosts.
const REST: Duration = Duration::from_mins(1);

/// What is looked after.
pub struct Vigil {
    /// The store with its stamp.
    pub store: Arc<Watched>,
    /// Records that wait for the store.
    pub spool: Arc<Spool>,
    /// Where the store is.
    pub settings: StoreSettings,
    /// The key that wraps its keys.
    pub wrapping: WrappingKey,
    /// This host.
    pub host: HostId,
}

impl Vigil {
    /// Opens the store, or compares it once more; says what changed in the log.
    ///
    /// # Errors
    /// [`StoreError`]: the store cannot be used.
    pub async fn look(&self, before: &mut Option<String>) -> Result<Option<Doubt>, StoreError> {
        let looked = match self.store.open(&self.settings, &self.wrapping, &self.host).await {
            Ok(()) => Ok(self.store.doubt()),
            Err(error) => Err(error),
        };
        let now = looked.as_ref().err().map(ToString::to_string);
        if now != *before {
            if let Some(cause) = &now {
                tracing::error!(cause, "the store cannot be used; only logins that need no code are let in");
            } else {
                tracing::info!("the store can be used again");
            }
            *before = now;
        }
        looked
    }

    /// Looks after the store for as long as the service runs. `cause` is why it is not open, as was said last.
    pub async fn keep(self: Arc<Self>, engine: Handle, mut cause: Option<String>) {
        let mut told = None;
        loop {
            let looked = self.look(&mut cause).await;
            let is_open = looked.is_ok();
            if let Ok(doubt) = looked
                && doubt != told
            {
                tell(&engine, doubt).await;
                told = doubt;
            }
            let is_empty = is_open && self.import().await;
            if is_empty {
                if timeout(REST, self.store.committed()).await.is_ok() {
                    sleep(LAZY).await;
                }
            } else {
                sleep(RETRY).await;
            }
        }
    }

    /// Imports what waits; tells whether nothing is left.
    async fn import(&self) -> bool {
        while let Some(next) = self.spool.next() {
            if let Err(error) = self.store.import(&next).await {
                tracing::error!(%error, "the spool is not imported yet");
                return false;
            }
            let spool = Arc::clone(&self.spool);
            let _ = spawn_blocking(move || spool.imported(&next)).await;
        }
        true
    }
}

/// Says that the store is in doubt, or no longer.
async fn tell(engine: &Handle, doubt: Option<Doubt>) {
    let Some(doubt) = doubt else {
        tracing::info!("the store is not in doubt any more; codes are accepted again");
        return;
    };
    tracing::error!(
        %doubt,
        "THE STORE IS NOT TRUSTED: no code is accepted until root runs `countersign store accept-restore`"
    );
    record::about_service(engine, &"service".into(), EventId::StoreRestored, doubt.word()).await;
}
