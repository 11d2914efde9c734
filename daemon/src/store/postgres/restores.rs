//! Where the fleet's store stands among its copies, and how far the spool of this host was imported.
//!
//! Owns what is sent; what is written is the functions' of the schema. The generation is the sum of the commits of all hosts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::account::HostId;
use countersign_core::restore::Restores;
use tokio_postgres::Client;

use super::connection::Session;
use super::failed;
use super::statements::column;
use crate::store::{RECORD_LIMIT, Spooled, Standing, StoreError, encoding};

const DOING: &str = "reading where the store stands";
const STANDING: &str = "SELECT s.id, s.era, s.doubted, \
    (SELECT coalesce(sum(h.generation), 0)::bigint FROM countersign.host h), \
    coalesce((SELECT h.stamped FROM countersign.host h WHERE h.host = $1), false) FROM countersign.store s";

/// What this service has seen of the store: a database that went back under it is not used.
#[derive(Default)]
pub(super) struct Seen(Mutex<Option<Standing>>);

impl Seen {
    /// Compares the store behind a connection, and keeps what is newer.
    ///
    /// # Errors
    /// [`StoreError::Failed`]: it is older, or another one.
    pub(super) async fn check(&self, client: &Client) -> Result<(), StoreError> {
        // What was seen before the question: another connection may see more while this one waits for its answer.
        let before = *self.lock();
        let found = read(client, "").await?;
        if before.is_some_and(|before| before.store != found.store || order(&found) < order(&before)) {
            let cause = "the database is older than what this service has seen, or another one: restart the service, \
                         then `countersign store accept-restore`";
            return Err(StoreError::Failed { doing: DOING, cause: cause.to_owned() });
        }
        self.keep(found);
        Ok(())
    }

    fn keep(&self, found: Standing) {
        let mut seen = self.lock();
        if seen.is_none_or(|seen| order(&seen) < order(&found)) {
            *seen = Some(found);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn order(standing: &Standing) -> (u64, u64) {
    (standing.restores.era, standing.generation)
}

/// Tells where the store stands.
pub(super) async fn standing(session: &Session, seen: &Seen, host: &HostId) -> Result<Standing, StoreError> {
    let found = read(&session.client, host.as_str()).await?;
    seen.keep(found);
    Ok(found)
}

async fn read(client: &Client, host: &str) -> Result<Standing, StoreError> {
    let row = client.query_one(STANDING, &[&host]).await.map_err(failed(DOING))?;
    let number = |index| column::<i64>(&row, index).map(i64::cast_unsigned);
    let broken = |_| StoreError::Unreadable("the id of the store".to_owned());
    Ok(Standing {
        store: column::<Vec<u8>>(&row, 0)?.try_into().map_err(broken)?,
        restores: Restores { era: number(1)?, doubted: number(2)? },
        generation: number(3)?,
        is_stamped: column(&row, 4)?,
    })
}

/// Notes that this host keeps a stamp.
pub(super) async fn note_stamp(session: &Session, host: &HostId) -> Result<(), StoreError> {
    let sql = "SELECT countersign.note_stamp_1($1)";
    session.client.execute(sql, &[&host.as_str()]).await.map(drop).map_err(failed("noting a stamp"))
}

/// Accepts a restore.
pub(super) async fn accept(session: &Session, restores: Restores) -> Result<(), StoreError> {
    let sql = "SELECT countersign.accept_restore_1($1, $2)";
    let (era, doubted) = (encoding::column(restores.era)?, encoding::column(restores.doubted)?);
    session.client.execute(sql, &[&era, &doubted]).await.map(drop).map_err(failed("accepting a restore"))
}

/// Appends the records of a spool that were not imported yet.
pub(super) async fn import(session: &Session, host: &HostId, spooled: &Spooled) -> Result<(), StoreError> {
    let Spooled { spool, first, events } = spooled;
    let records: Vec<String> = events.iter().map(countersign_core::audit::AuditEvent::canonical).collect();
    if records.iter().any(|record| record.len() > RECORD_LIMIT) {
        let cause = format!("a record is longer than {RECORD_LIMIT} bytes");
        return Err(StoreError::Failed { doing: "importing the spool", cause });
    }
    let times = events.iter().map(|event| encoding::column(event.at)).collect::<Result<Vec<i64>, _>>()?;
    let sql = "SELECT countersign.import_1($1, $2, $3, $4, $5)";
    session
        .client
        .execute(sql, &[&host.as_str(), &spool.as_slice(), &encoding::column(*first)?, &records, &times])
        .await
        .map(drop)
        .map_err(failed("importing the spool"))
}
