//! The sessions with the servers: few, shared, and given up when in doubt.
//!
//! Owns the pool and what becomes of a session afterwards. One whose caller left in the middle of a call is closed: its
//! answer is still on the way and belongs to nobody. Where no server was reached a moment ago, calls fail at once, so
//! that people are refused soon and servers are not flooded when they come back.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_config::PostgresUrl;
use deadpool::managed::{Object, Pool, PoolConfig, PoolError, QueueMode};

use super::connection::{Connector, Session};
use super::{IDLE_LIMIT, SESSIONS};
use crate::store::StoreError;

/// For so long after a failed attempt nobody tries again.
const REST: Duration = Duration::from_millis(500);
/// How often idle sessions are looked for.
const SWEEP: Duration = Duration::from_secs(20);

/// The sessions of this host.
pub(super) struct Sessions {
    pool: Pool<Connector>,
    last_fault: Mutex<Option<(Instant, String)>>,
}

/// A session for one call.
pub(super) struct Lease {
    session: Option<Object<Connector>>,
}

impl Sessions {
    pub(super) fn new(url: PostgresUrl) -> Result<Self, StoreError> {
        // The one used last first, so that those not needed grow old and are closed.
        let config = PoolConfig { queue_mode: QueueMode::Lifo, ..PoolConfig::new(SESSIONS) };
        let pool = Pool::builder(Connector::new(url))
            .config(config)
            .build()
            .map_err(|error| StoreError::Failed { doing: "making the pool", cause: error.to_string() })?;
        tokio::spawn(sweep(pool.weak()));
        Ok(Self { pool, last_fault: Mutex::new(None) })
    }

    pub(super) fn connector(&self) -> &Connector {
        self.pool.manager()
    }

    /// Takes a session, connecting where none is free.
    pub(super) async fn take(&self) -> Result<Lease, StoreError> {
        if self.pool.status().available == 0 {
            self.rested()?;
        }
        match self.pool.get().await {
            Ok(session) => Ok(Lease { session: Some(session) }),
            Err(PoolError::Backend(error)) => {
                if let StoreError::Unreachable(cause) = &error {
                    *self.fault() = Some((Instant::now(), cause.clone()));
                }
                Err(error)
            }
            Err(error) => Err(StoreError::Failed { doing: "connecting", cause: error.to_string() }),
        }
    }

    /// Closes the sessions that nobody uses: what another one met concerns them too.
    pub(super) fn forget_idle(&self) {
        let _ = self.pool.retain(|_, _| false);
    }

    fn rested(&self) -> Result<(), StoreError> {
        match &*self.fault() {
            Some((at, cause)) if at.elapsed() < REST => Err(StoreError::Unreachable(cause.clone())),
            Some(_) | None => Ok(()),
        }
    }

    fn fault(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.last_fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Gives the session back: every answer that was asked for has come.
    pub(super) fn release(mut self) {
        drop(self.session.take());
    }

    /// Gives the session back with the result of its call. One whose connection ended is closed: it may not show yet, and
    /// the next call would get it again.
    pub(super) fn settle<T>(self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if !matches!(done, Err(StoreError::Unreachable(_))) {
            self.release();
        }
        done
    }
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        #[expect(
            clippy::expect_used,
            reason = "it is taken out by `release` and `drop` only, which consume the lease"
        )]
        self.session.as_ref().expect("a lease holds its session")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            Object::take(session).abandon();
        }
    }
}

async fn sweep(pool: deadpool::managed::WeakPool<Connector>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(pool) = pool.upgrade() else { return };
        let _ = pool.retain(|_, metrics| metrics.last_used() < IDLE_LIMIT);
    }
}
