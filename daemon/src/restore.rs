//! Accepting a restored store (row F3, decision 13).
//!
//! Owns the order: accounts that were altered after the copy are marked, then the acceptance is recorded and stored, and the
//! stamp follows last. What stops in between leaves the store in doubt, and doing it again does no harm. What an accepted
//! restore voids is `core::restore`'s.

use std::sync::Arc;

use countersign_core::account::{Account, AccountKey};
use countersign_core::audit::AuditEvent;
use countersign_core::restore::Restores;
use countersign_core::time::WallTime;
use tokio::task::spawn_blocking;

use crate::engine::Handle;
use crate::engine::command::EngineError;
use crate::host::entropy::SystemEntropy;
use crate::rollback::Doubt;
use crate::store::watched::Watched;
use crate::store::{BATCH_LIMIT, Change, Store, StoreError};

/// Which accounts may have been altered after the copy was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that this host knows of, where it knows of all.
    Listed,
    /// Those that this host knows of, whatever it does not know.
    OnlyKnown,
    /// All of them.
    Everybody,
}

/// What was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// Why the store was in doubt.
    pub doubt: Doubt,
    /// Who is refused until a reset; empty for everybody.
    pub doubtful: Vec<AccountKey>,
    /// Whether everybody is.
    pub is_everybody: bool,
}

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// The store is the one that this host knows.
    #[error("the store is not in doubt: there is nothing to accept")]
    NotInDoubt,
    /// Nobody knows who was altered after the copy.
    #[error(
        "this host does not know of every user who was changed after the copy was taken: reset those whom you know of and \
         say --only-known, or say --everybody to refuse every user until a reset"
    )]
    NotListed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be recorded.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The stamp could not be written.
    #[error("the stamp is not written: {0}")]
    Stamp(#[from] std::io::Error),
}

/// Accepts the store as it is; `event` is the record of it, but for what changes.
///
/// # Errors
/// [`NotAccepted`]; the store stays in doubt.
pub async fn accept(
    watched: &Watched,
    engine: &Handle,
    scope: Scope,
    event: AuditEvent,
) -> Result<Accepted, NotAccepted> {
    let doubt = watched.doubt().ok_or(NotAccepted::NotInDoubt)?;
    let store = Arc::clone(watched.inner()?);
    let before = store.standing().await?;
    let (altered, is_whole) = watched.keeper().altered(&before);
    if scope == Scope::Listed && !is_whole {
        return Err(NotAccepted::NotListed);
    }
    let is_everybody = scope == Scope::Everybody;
    let doubtful = if is_everybody { Vec::new() } else { mark(&*store, altered, engine.wall()).await? };
    let change = if is_everybody { "everybody".to_owned() } else { doubtful.len().to_string() };
    engine.record(AuditEvent { change: Some(change), ..event }).await?;
    let era = watched.keeper().era().max(before.restores.era).saturating_add(1);
    store.accept_restore(Restores { era, doubted: if is_everybody { era } else { 0 } }).await?;
    let after = store.standing().await?;
    watched.take_restores(after.restores);
    let keeper = Arc::clone(watched.keeper());
    spawn_blocking(move || keeper.accept(&after)).await.map_err(std::io::Error::other)??;
    if !after.is_stamped {
        store.note_stamp().await?;
    }
    Ok(Accepted { doubt, doubtful, is_everybody })
}

/// Marks the accounts whose newest alteration the store does not have; tells which.
async fn mark(
    store: &dyn Store,
    altered: Vec<(AccountKey, u64)>,
    at: WallTime,
) -> Result<Vec<AccountKey>, NotAccepted> {
    let mut doubtful = Vec::new();
    for some in altered.chunks(BATCH_LIMIT) {
        let keys: Vec<AccountKey> = some.iter().map(|(key, _)| key.clone()).collect();
        let found = store.load(&keys).await?;
        let lost = some.iter().zip(found).filter_map(|((key, revision), account)| {
            let account = account.unwrap_or_else(|| Account::new(key.clone(), &mut SystemEntropy));
            (account.revision.0 < *revision || account.is_doubtful).then_some(account)
        });
        let marked: Vec<Account> = lost
            .map(|account| Account { is_doubtful: true, changed: account.changed.max(at), ..account })
            .collect();
        let change = |account: &Account| Change { account: Some(account.clone()), ..Change::default() };
        let written = store.commit(marked.iter().map(change).collect()).await?;
        if written.iter().any(Result::is_err) {
            let cause = "an account changed meanwhile; try again".to_owned();
            return Err(StoreError::Failed { doing: "marking accounts", cause }.into());
        }
        doubtful.extend(marked.into_iter().map(|account| account.key));
    }
    Ok(doubtful)
}
