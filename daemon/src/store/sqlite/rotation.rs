//! New data keys, and resealing under the newest one.
//!
//! Owns both halves of `store rotate-key`. A step reseals a page of accounts in one transaction; the last step forgets
//! the data keys that no account uses and no message that waits; those of messages go with the next walk. Resealing is no change of the account: its revision stays.

use countersign_core::account::AccountId;
use rusqlite::Transaction;

use super::accounts;
use super::database::{Keys, Meta, Parts, begin, newest_number};
use super::failed;
use super::worker::Ticket;
use crate::store::encoding::Row;
use crate::store::{DATA_KEY_LIMIT, Resealed, StoreError};

/// Makes a new data key.
pub(super) fn rotate(parts: Parts<'_>, ticket: &Ticket) -> Result<u32, StoreError> {
    let Parts { connection, mut keys, generation, .. } = parts;
    let transaction = begin(connection)?;
    let kept = numbers(&transaction)?.len();
    if kept >= DATA_KEY_LIMIT {
        let cause = format!("there are {kept} data keys; reseal first, which forgets the old ones");
        return Err(StoreError::Failed { doing: "making a data key", cause });
    }
    let number = newest_number(&transaction)?.checked_add(1).ok_or_else(|| StoreError::Failed {
        doing: "making a data key",
        cause: "the numbers of data keys are used up".to_owned(),
    })?;
    keys.make(&transaction, number)?;
    *generation = finish(transaction, ticket)?;
    Ok(number)
}

/// Reseals the next accounts.
pub(super) fn reseal(
    parts: Parts<'_>,
    ticket: &Ticket,
    after: Option<AccountId>,
    limit: u16,
) -> Result<Resealed, StoreError> {
    let Parts { connection, mut keys, generation, .. } = parts;
    let transaction = begin(connection)?;
    let newest = newest_number(&transaction)?;
    keys.with(&transaction, newest)?;
    let mut rows = accounts::rows_after(&transaction, after, limit)?;
    for row in rows.iter_mut().filter(|row| row.data_key != newest) {
        match reseal_row(&transaction, &mut keys, row, newest) {
            // Its own data key stays with it; the others go on.
            Err(error) if error.is_of_record() => tracing::error!(%error, "an account was not resealed"),
            resealed => resealed?,
        }
    }
    let is_last = rows.len() < usize::from(limit);
    if is_last {
        forget_unused(&transaction, newest)?;
    }
    let kept = numbers(&transaction)?;
    let total = Meta::read(&transaction)?.accounts;
    *generation = finish(transaction, ticket)?;
    if is_last {
        keys.keep_only(&kept);
        // The log may hold the forgotten keys still; whoever reads meanwhile only delays this.
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
    Ok(Resealed {
        next: rows.last().filter(|_| !is_last).map(|row| AccountId(row.id)),
        done: u64::try_from(rows.len()).unwrap_or(u64::MAX),
        total: u64::try_from(total).unwrap_or_default(),
    })
}

fn reseal_row(
    transaction: &Transaction<'_>,
    keys: &mut Keys<'_>,
    row: &mut Row,
    newest: u32,
) -> Result<(), StoreError> {
    keys.with(transaction, row.data_key)?;
    let ring = keys.with(transaction, newest)?;
    row.reseal(ring, ring.key(newest)?)?;
    accounts::write_seal(transaction, row)
}

fn forget_unused(transaction: &Transaction<'_>, newest: u32) -> Result<(), StoreError> {
    let sql = "DELETE FROM data_key WHERE number < ?1 \
               AND NOT EXISTS (SELECT 1 FROM account WHERE account.data_key = data_key.number) \
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.data_key = data_key.number AND sealed IS NOT NULL)";
    transaction.execute(sql, [newest]).map(drop).map_err(failed("forgetting old data keys"))
}

fn numbers(transaction: &Transaction<'_>) -> Result<Vec<u32>, StoreError> {
    transaction
        .prepare_cached("SELECT number FROM data_key")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(failed("reading the data keys"))
}

fn finish(transaction: Transaction<'_>, ticket: &Ticket) -> Result<i64, StoreError> {
    let mut meta = Meta::read(&transaction)?;
    meta.write(&transaction)?;
    ticket.settle()?;
    transaction.commit().map_err(failed("committing"))?;
    Ok(meta.generation)
}
