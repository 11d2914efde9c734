//! Where the embedded store stands among its copies, and how far the spool was imported.

use countersign_core::restore::Restores;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::commit::append;
use super::database::{Meta, Parts, begin};
use super::failed;
use super::worker::Ticket;
use crate::store::encoding::column;
use crate::store::{Spooled, Standing, StoreError};

const DOING: &str = "reading where the store stands";
const IMPORTING: &str = "importing the spool";

/// Tells where the store stands.
pub(super) fn standing(connection: &Connection) -> Result<Standing, StoreError> {
    let sql = "SELECT store, era, doubted, generation, stamped FROM meta";
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                let number = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
                Ok(Standing {
                    store: row.get(0)?,
                    restores: Restores { era: number(1)?, doubted: number(2)? },
                    generation: number(3)?,
                    is_stamped: row.get(4)?,
                })
            })
        })
        .map_err(failed(DOING))
}

/// Notes that a stamp is kept.
pub(super) fn note_stamp(parts: &mut Parts<'_>, ticket: &Ticket) -> Result<(), StoreError> {
    write(parts, ticket, "UPDATE meta SET stamped = 1 WHERE stamped = 0", [])
}

/// Accepts a restore.
pub(super) fn accept(parts: &mut Parts<'_>, ticket: &Ticket, restores: Restores) -> Result<(), StoreError> {
    let sql = "UPDATE meta SET era = ?1, doubted = max(doubted, ?2) WHERE era < ?1";
    write(parts, ticket, sql, [column(restores.era)?, column(restores.doubted)?])
}

fn write<const N: usize>(
    parts: &mut Parts<'_>,
    ticket: &Ticket,
    sql: &str,
    values: [i64; N],
) -> Result<(), StoreError> {
    let transaction = begin(parts.connection)?;
    transaction.execute(sql, rusqlite::params_from_iter(values)).map_err(failed("accepting a restore"))?;
    let mut meta = Meta::read(&transaction)?;
    meta.write(&transaction)?;
    ticket.settle()?;
    transaction.commit().map_err(failed("accepting a restore"))?;
    *parts.generation = meta.generation;
    Ok(())
}

/// Appends the records of a spool that were not imported yet.
pub(super) fn import(parts: &mut Parts<'_>, ticket: &Ticket, spooled: &Spooled) -> Result<(), StoreError> {
    let Spooled { spool, first, events } = spooled;
    let transaction = begin(parts.connection)?;
    let done: Option<i64> = transaction
        .query_row("SELECT spooled FROM meta WHERE spool = ?1", [spool], |row| row.get(0))
        .optional()
        .map_err(failed(IMPORTING))?;
    let before = first.saturating_sub(1);
    let skipped = done.map_or(0, i64::cast_unsigned).saturating_sub(before);
    let mut meta = Meta::read(&transaction)?;
    let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
    if skipped >= events.len() {
        return Ok(());
    }
    for event in events.iter().skip(skipped) {
        append(&transaction, &mut meta, event)?;
    }
    meta.write(&transaction)?;
    let last = before.saturating_add(events.len().try_into().unwrap_or(u64::MAX));
    transaction
        .execute("UPDATE meta SET spool = ?1, spooled = ?2", params![spool, column(last)?])
        .map_err(failed(IMPORTING))?;
    ticket.settle()?;
    transaction.commit().map_err(failed(IMPORTING))?;
    *parts.generation = meta.generation;
    Ok(())
}
