//! The outbox in the embedded store: messages in, one claim each, and what was sent to whom.
//!
//! Owns the statements on `outbox`. Leaves what a row means to `encoding`. A claim is a transaction of its own, durable
//! before a byte leaves the host.

use std::collections::BTreeMap;

use countersign_core::account::{AccountId, AccountKey, Realm, UserName};
use countersign_core::delivery::{Failure, Outgoing, Progress, Purpose, Recipient, RequestId};
use countersign_core::sending::{HOUR, RecipientUse};
use countersign_core::throttle::DAY;
use countersign_core::time::WallTime;
use rusqlite::{Connection, Row as Found, Transaction, params};

use super::database::{Keys, Meta, Parts, begin};
use super::failed;
use super::worker::Ticket;
use crate::store::encoding::{MessageRow, column};
use crate::store::outbox::{
    HOST_USE_LIMIT, HostUse, Interrupted, PURGE_LIMIT, Queued, USE_LIMIT, Waiting, channel_of, counted,
    final_word, purpose_of,
};
use crate::store::sealing::RecipientKey;
use crate::store::{Change, StoreError};

/// What is being done, in errors.
const READING: &str = "reading the outbox";
const WRITING: &str = "writing the outbox";

/// Tells whether a newer code went to a recipient of these messages than the decision saw.
pub(super) fn is_overtaken(
    transaction: &Transaction<'_>,
    recipients: &RecipientKey,
    outgoing: &[Queued],
) -> Result<bool, StoreError> {
    for Queued { outgoing, seen } in outgoing {
        let Outgoing { recipient, purpose, .. } = outgoing;
        if *purpose == Purpose::Code
            && newest(transaction, &recipients.digest(&counted(recipient)))? > column(*seen)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes an account that is removed from its messages: what was not sent never is, and what was sent goes on counting.
pub(super) fn forget(transaction: &Transaction<'_>, account: AccountId) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET account = NULL, data_key = NULL, sealed = NULL, \
               state = CASE WHEN sealed IS NULL THEN state ELSE ?2 END WHERE account = ?1";
    execute(transaction, sql, params![account.0, Failure::Refused.word()]).map(drop)
}

/// Writes what a change says of messages.
pub(super) fn write(
    transaction: &Transaction<'_>,
    keys: &mut Keys<'_>,
    recipients: &RecipientKey,
    change: &Change,
) -> Result<(), StoreError> {
    let owner = change.account.as_ref().map(|account| account.id);
    for Queued { outgoing, .. } in &change.outgoing {
        insert(transaction, &MessageRow::of(outgoing, owner, recipients, keys.newest(transaction)?)?)?;
    }
    for id in &change.redeemed {
        execute(transaction, "UPDATE outbox SET used = 1 WHERE id = ?1", params![id.0])?;
    }
    for (id, progress) in &change.settled {
        settle(transaction, *id, *progress)?;
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, row: &MessageRow) -> Result<(), StoreError> {
    let MessageRow { id, account, recipient, channel, purpose, queued, expires, data_key, sealed } = row;
    let sql = "INSERT INTO outbox (id, account, recipient, channel, purpose, queued, expires, state, next_at, \
               data_key, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', 0, ?8, ?9)";
    let values = params![id, account, recipient, channel, purpose, queued, expires, data_key, sealed];
    execute(transaction, sql, values).map(drop)
}

fn settle(transaction: &Transaction<'_>, id: RequestId, progress: Progress) -> Result<(), StoreError> {
    let Some(word) = final_word(progress) else { return Ok(()) };
    let sql =
        "UPDATE outbox SET state = ?2, data_key = NULL, sealed = NULL WHERE id = ?1 AND sealed IS NOT NULL";
    execute(transaction, sql, params![id.0, word]).map(drop)
}

/// Tells what was sent to recipients.
pub(super) fn recipient_uses(
    connection: &Connection,
    key: &RecipientKey,
    recipients: &[Recipient],
    at: WallTime,
) -> Result<BTreeMap<Recipient, RecipientUse>, StoreError> {
    let since = column(at.before(DAY).as_seconds())?;
    let sql = "SELECT queued FROM outbox WHERE recipient = ?1 AND purpose = 'code' AND used = 0 AND queued > ?2 \
               ORDER BY sequence DESC LIMIT ?3";
    recipients
        .iter()
        .map(|recipient| {
            let digest = key.digest(&counted(recipient));
            let newest = u64::try_from(newest(connection, &digest)?).unwrap_or_default();
            let mut unused = times(connection, sql, params![digest, since, USE_LIMIT])?;
            unused.reverse();
            Ok((recipient.clone(), RecipientUse { newest, unused }))
        })
        .collect()
}

fn newest(connection: &Connection, recipient: &[u8; 32]) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM outbox WHERE recipient = ?1 AND purpose = 'code' AND used = ?2";
    let of = |used: u8| {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(params![recipient, used], |row| row.get(0)))
            .map_err(failed(READING))
    };
    Ok(i64::max(of(0)?, of(1)?))
}

/// Tells what this host sent within the last hour.
pub(super) fn host_use(connection: &Connection, at: WallTime) -> Result<HostUse, StoreError> {
    let since = column(at.before(HOUR).as_seconds())?;
    let of = |condition: &str| {
        let sql = format!(
            "SELECT queued FROM outbox WHERE queued > ?1 AND channel {condition} ORDER BY queued DESC LIMIT ?2"
        );
        let mut times = times(connection, &sql, params![since, HOST_USE_LIMIT])?;
        times.reverse();
        Ok(times)
    };
    Ok(HostUse { emails: of("= 'email'")?, texts: of("<> 'email'")? })
}

fn times(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<WallTime>, StoreError> {
    let time = |row: &Found<'_>| {
        let seconds: i64 = row.get(0)?;
        Ok(WallTime::from_seconds(u64::try_from(seconds).unwrap_or_default()))
    };
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_map(values, time)?.collect())
        .map_err(failed(READING))
}

/// The columns of a message that waits, in the order in which [`select`] takes them, and the name of its person.
const COLUMNS: &str = "o.id, o.account, o.recipient, o.channel, o.purpose, o.queued, o.expires, o.data_key, o.sealed, \
    o.attempts, a.realm, a.name FROM outbox o LEFT JOIN account a ON a.id = o.account";

/// A message as it lies there, how often it was tried, and whose it is.
struct Lying {
    row: MessageRow,
    attempts: u32,
    account: Option<AccountKey>,
}

/// Reads what waits; what cannot be read is failed, so that it does not stand in the way for ever.
pub(super) fn due(
    parts: Parts<'_>,
    ticket: &Ticket,
    at: WallTime,
    limit: u16,
) -> Result<Vec<Waiting>, StoreError> {
    let Parts { connection, mut keys, generation, .. } = parts;
    let sql = format!(
        "SELECT {COLUMNS} WHERE o.sealed IS NOT NULL AND o.state = 'queued' AND o.next_at <= ?1 \
         ORDER BY o.next_at, o.sequence LIMIT ?2"
    );
    let lying = select(connection, &sql, params![column(at.as_seconds())?, limit])?;
    let mut waiting = Vec::with_capacity(lying.len());
    let mut broken = Vec::new();
    for Lying { row, attempts, account } in lying {
        let id = RequestId(row.id);
        match keys.with(connection, row.data_key).and_then(|ring| row.read(ring)) {
            Ok(outgoing) => waiting.push(Waiting { id, account, outgoing, attempts }),
            Err(error @ (StoreError::Unreadable(_) | StoreError::Key(_))) => {
                tracing::error!(%error, %id, "a message cannot be read and is not sent");
                broken.push(id);
            }
            Err(error) => return Err(error),
        }
    }
    if !broken.is_empty() {
        let transaction = begin(connection)?;
        for id in broken {
            settle(&transaction, id, Progress::Failed(Failure::Unknown))?;
        }
        *generation = finish(transaction, ticket)?;
    }
    Ok(waiting)
}

/// Reads what is claimed.
pub(super) fn interrupted(connection: &Connection, limit: u16) -> Result<Vec<Interrupted>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE o.sealed IS NOT NULL AND o.state = 'trying' ORDER BY o.sequence LIMIT ?1"
    );
    let lying = select(connection, &sql, params![limit])?;
    lying
        .into_iter()
        .map(|Lying { row, account, .. }| {
            let id = RequestId(row.id);
            let broken = || StoreError::Unreadable(format!("message {id}: its channel or purpose is none"));
            let channel = channel_of(&row.channel).ok_or_else(broken)?;
            let purpose = purpose_of(&row.purpose).ok_or_else(broken)?;
            Ok(Interrupted { id, account, channel, purpose })
        })
        .collect()
}

/// Takes a message, once.
pub(super) fn claim(parts: Parts<'_>, ticket: &Ticket, id: RequestId) -> Result<bool, StoreError> {
    let sql =
        "UPDATE outbox SET state = 'trying', attempts = attempts + 1 WHERE id = ?1 AND state = 'queued'";
    alter(parts, ticket, |transaction| execute(transaction, sql, params![id.0])).map(|count| count == 1)
}

/// Gives a message back.
pub(super) fn put_off(
    parts: Parts<'_>,
    ticket: &Ticket,
    id: RequestId,
    until: WallTime,
) -> Result<bool, StoreError> {
    let until = column(until.as_seconds())?;
    let sql = "UPDATE outbox SET state = 'queued', next_at = ?2 WHERE id = ?1 AND state = 'trying'";
    alter(parts, ticket, |transaction| execute(transaction, sql, params![id.0, until]))
        .map(|count| count == 1)
}

/// Removes some of what is old.
pub(super) fn purge(parts: Parts<'_>, ticket: &Ticket, at: WallTime) -> Result<u64, StoreError> {
    let until = column(at.before(DAY).as_seconds())?;
    let sql =
        "DELETE FROM outbox WHERE sequence IN (SELECT sequence FROM outbox WHERE expires <= ?1 LIMIT ?2)";
    let count = alter(parts, ticket, |transaction| execute(transaction, sql, params![until, PURGE_LIMIT]))?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Does one thing in a transaction; where nothing was altered, nothing is written.
fn alter(
    parts: Parts<'_>,
    ticket: &Ticket,
    work: impl FnOnce(&Transaction<'_>) -> Result<usize, StoreError>,
) -> Result<usize, StoreError> {
    let Parts { connection, generation, .. } = parts;
    let transaction = begin(connection)?;
    let count = work(&transaction)?;
    if count > 0 {
        *generation = finish(transaction, ticket)?;
    }
    Ok(count)
}

fn finish(transaction: Transaction<'_>, ticket: &Ticket) -> Result<i64, StoreError> {
    let mut meta = Meta::read(&transaction)?;
    meta.write(&transaction)?;
    ticket.settle()?;
    transaction.commit().map_err(failed("committing"))?;
    Ok(meta.generation)
}

fn execute(
    transaction: &Transaction<'_>,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<usize, StoreError> {
    transaction
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map_err(failed(WRITING))
}

fn select(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Lying>, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_map(values, lying_of)?.collect())
        .map_err(failed(READING))
}

fn lying_of(found: &Found<'_>) -> rusqlite::Result<Lying> {
    let realm: Option<String> = found.get(10)?;
    let name: Option<String> = found.get(11)?;
    let key = |(realm, name): (String, String)| {
        Some(AccountKey { realm: Realm::try_from(realm).ok()?, name: UserName::try_from(name).ok()? })
    };
    Ok(Lying {
        row: MessageRow {
            id: found.get(0)?,
            account: found.get(1)?,
            recipient: found.get(2)?,
            channel: found.get(3)?,
            purpose: found.get(4)?,
            queued: found.get(5)?,
            expires: found.get(6)?,
            data_key: found.get(7)?,
            sealed: found.get(8)?,
        },
        attempts: found.get(9)?,
        account: realm.zip(name).and_then(key),
    })
}
