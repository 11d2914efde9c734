//! A batch of changes in one transaction, with its events in the chain of this host.
//!
//! Owns the order inside: a change looks first whether its recipients got newer codes, compares and sets its account, and
//! queues its messages and records its events only if that went, so a stale one leaves nothing behind. The chain is continued inside the transaction, from the head that lies in it.

use countersign_core::account::{Account, Revision};
use countersign_core::audit::{self, AuditEvent};
use rusqlite::{Transaction, params};

use super::accounts::{self, Written};
use super::database::{Keys, Meta, Parts, begin};
use super::worker::Ticket;
use super::{failed, outbox};
use crate::store::encoding::{Row, column};
use crate::store::sealing::RecipientKey;
use crate::store::{Change, RECORD_LIMIT, Stale, StoreError, Stub};

/// Writes a batch.
pub(super) fn commit(
    parts: Parts<'_>,
    ticket: &Ticket,
    batch: &[Change],
) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
    let Parts { connection, mut keys, recipients, generation } = parts;
    let transaction = begin(connection)?;
    let mut meta = Meta::read(&transaction)?;
    let answers = batch
        .iter()
        .map(|change| apply(&transaction, &mut keys, recipients, &mut meta, change))
        .collect::<Result<Vec<_>, _>>()?;
    meta.write(&transaction)?;
    ticket.settle()?;
    transaction.commit().map_err(failed("committing"))?;
    *generation = meta.generation;
    Ok(answers)
}

/// Removes an account with the content of its messages, and records why.
pub(super) fn remove(
    parts: Parts<'_>,
    ticket: &Ticket,
    account: &Stub,
    events: &[AuditEvent],
) -> Result<Result<(), Stale>, StoreError> {
    let Parts { connection, generation, .. } = parts;
    let transaction = begin(connection)?;
    let mut meta = Meta::read(&transaction)?;
    if !accounts::remove(&transaction, account)? {
        return Ok(Err(Stale));
    }
    meta.accounts = meta.accounts.saturating_sub(1);
    outbox::forget(&transaction, account.id)?;
    for event in events {
        append(&transaction, &mut meta, event)?;
    }
    meta.write(&transaction)?;
    ticket.settle()?;
    transaction.commit().map_err(failed("committing"))?;
    *generation = meta.generation;
    Ok(Ok(()))
}

fn apply(
    transaction: &Transaction<'_>,
    keys: &mut Keys<'_>,
    recipients: &RecipientKey,
    meta: &mut Meta,
    change: &Change,
) -> Result<Result<Revision, Stale>, StoreError> {
    let Change { account, events, outgoing, redeemed: _, settled: _ } = change;
    if outbox::is_overtaken(transaction, recipients, outgoing)? {
        return Ok(Err(Stale));
    }
    let mut revision = Revision::default();
    if let Some(account) = account {
        revision = account.revision.next();
        if write(transaction, keys, meta, account, revision)? == Written::Stale {
            return Ok(Err(Stale));
        }
    }
    outbox::write(transaction, keys, recipients, change)?;
    for event in events {
        append(transaction, meta, event)?;
    }
    Ok(Ok(revision))
}

fn write(
    transaction: &Transaction<'_>,
    keys: &mut Keys<'_>,
    meta: &mut Meta,
    account: &Account,
    revision: Revision,
) -> Result<Written, StoreError> {
    let row = Row::of(account, revision, keys.newest(transaction)?)?;
    let written = accounts::write(transaction, &row)?;
    match written {
        Written::Inserted => meta.accounts = meta.accounts.saturating_add(1),
        Written::Updated => {}
        Written::Stale => return Ok(written),
    }
    meta.newest_time = meta.newest_time.max(row.changed);
    Ok(written)
}

/// Appends a record to the chain.
pub(super) fn append(
    transaction: &Transaction<'_>,
    meta: &mut Meta,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    let record = event.canonical();
    if record.len() > RECORD_LIMIT {
        let cause = format!("a record is longer than {RECORD_LIMIT} bytes");
        return Err(StoreError::Failed { doing: "writing the audit", cause });
    }
    meta.chain_head = audit::link(&meta.chain_head, &record);
    meta.chain_sequence = meta.chain_sequence.saturating_add(1);
    meta.newest_time = meta.newest_time.max(column(event.at)?);
    transaction
        .prepare_cached("INSERT INTO audit (sequence, record, link) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute(params![meta.chain_sequence, record, meta.chain_head]))
        .map(drop)
        .map_err(failed("writing the audit"))
}
