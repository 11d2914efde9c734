//! The chain of this host in the fleet's store: its records, its two ends, and the removal of its beginning.
//!
//! Leaves appending to `commit`. The schema removes nothing beyond the anchor, and moves the anchor forward only.

use countersign_core::account::HostId;
use countersign_core::audit::{Mark, Span};
use tokio_postgres::Row as Found;

use super::connection::Session;
use super::failed;
use super::statements::column;
use crate::store::{StoreError, StoredRecord, check_trim};

/// Reads records of the audit of this host.
pub(super) async fn records(
    session: &Session,
    host: &HostId,
    after: u64,
    limit: u16,
) -> Result<Vec<StoredRecord>, StoreError> {
    let Ok(after) = i64::try_from(after) else { return Ok(Vec::new()) };
    let found = session
        .client
        .query(&session.statements.records, &[&host.as_str(), &after, &i64::from(limit)])
        .await
        .map_err(failed("reading the audit"))?;
    let broken = || StoreError::Unreadable("a record of the audit".to_owned());
    found
        .iter()
        .map(|row| {
            Ok(StoredRecord {
                sequence: u64::try_from(column::<i64>(row, 0)?).map_err(|_| broken())?,
                record: column(row, 1)?,
                link: column::<Vec<u8>>(row, 2)?.try_into().map_err(|_| broken())?,
            })
        })
        .collect()
}

/// Tells the two ends of the chain of this host.
pub(super) async fn span(session: &Session, host: &HostId) -> Result<Span, StoreError> {
    let found = session
        .client
        .query_opt(&session.statements.span, &[&host.as_str()])
        .await
        .map_err(failed("reading the ends of the audit"))?;
    // A host that has committed nothing yet has no row.
    let Some(row) = found else { return Ok(Span::default()) };
    Ok(Span { anchor: mark(&row, 0)?, head: mark(&row, 2)? })
}

/// Moves the anchor onto a record and removes what lies up to it.
pub(super) async fn trim(session: &Session, host: &HostId, up_to: u64) -> Result<Span, StoreError> {
    if check_trim(&span(session, host).await?, up_to)? {
        session
            .client
            .query_one(&session.statements.trim, &[&host.as_str(), &up_to.cast_signed()])
            .await
            .map_err(failed("removing old records of the audit"))?;
    }
    span(session, host).await
}

fn mark(row: &Found, first: usize) -> Result<Mark, StoreError> {
    let broken = || StoreError::Unreadable("an end of the audit".to_owned());
    let sequence = u64::try_from(column::<i64>(row, first)?).map_err(|_| broken())?;
    let link = column::<Vec<u8>>(row, first.saturating_add(1))?.try_into().map_err(|_| broken())?;
    Ok(Mark { sequence, link })
}
