//! The chain of the audit in the embedded store: its records, its two ends, and the removal of its beginning.
//!
//! Leaves appending to `commit`. The schema removes nothing beyond the anchor, and moves the anchor forward only.

use countersign_core::audit::{Mark, Span};
use rusqlite::{Connection, Row, params};

use super::database::{Meta, Parts, begin};
use super::failed;
use super::worker::Ticket;
use crate::store::{StoreError, StoredRecord, check_trim};

/// What is being done, in errors.
const TRIMMING: &str = "removing old records of the audit";

/// Reads records of the audit.
pub(super) fn records(
    connection: &Connection,
    after: u64,
    limit: u16,
) -> Result<Vec<StoredRecord>, StoreError> {
    let Ok(after) = i64::try_from(after) else { return Ok(Vec::new()) };
    let sql = "SELECT sequence, record, link FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            let rows = statement.query_map(params![after, limit], |row| {
                Ok(StoredRecord { sequence: number(row, 0)?, record: row.get(1)?, link: row.get(2)? })
            });
            rows?.collect()
        })
        .map_err(failed("reading the audit"))
}

/// Tells the two ends of the chain.
pub(super) fn span(connection: &Connection) -> Result<Span, StoreError> {
    connection
        .prepare_cached("SELECT anchor_sequence, anchor_link, chain_sequence, chain_head FROM meta")
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                let anchor = Mark { sequence: number(row, 0)?, link: row.get(1)? };
                Ok(Span { anchor, head: Mark { sequence: number(row, 2)?, link: row.get(3)? } })
            })
        })
        .map_err(failed("reading the ends of the audit"))
}

/// Moves the anchor onto a record and removes what lies up to it.
pub(super) fn trim(parts: Parts<'_>, ticket: &Ticket, up_to: u64) -> Result<Span, StoreError> {
    let Parts { connection, generation, .. } = parts;
    let transaction = begin(connection)?;
    let before = span(&transaction)?;
    if !check_trim(&before, up_to)? {
        return Ok(before);
    }
    let move_anchor = "UPDATE meta SET anchor_sequence = sequence, anchor_link = link \
                       FROM (SELECT sequence, link FROM audit WHERE sequence = ?1)";
    let moved = transaction.execute(move_anchor, [up_to.cast_signed()]).map_err(failed(TRIMMING))?;
    if moved != 1 {
        return Err(StoreError::Unreadable(format!("record {up_to} of the audit is missing")));
    }
    let remove = "DELETE FROM audit WHERE sequence <= ?1";
    transaction.execute(remove, [up_to.cast_signed()]).map_err(failed(TRIMMING))?;
    let mut meta = Meta::read(&transaction)?;
    meta.write(&transaction)?;
    let after = span(&transaction)?;
    ticket.settle()?;
    transaction.commit().map_err(failed(TRIMMING))?;
    *generation = meta.generation;
    Ok(after)
}

/// Takes the number of a record; the schema has it 0 or greater.
fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(|number| u64::try_from(number).unwrap_or_default())
}
