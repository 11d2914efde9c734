//! A batch of changes as one statement, with its events in the chain of this host.
//!
//! Owns what is sent and how the answer is read; the order inside, the comparison of revisions and the links of the chain
//! are the functions', `countersign.commit_1` and, with messages, `commit_2`. Whatever the server said no to was not written, so what may pass is sent
//! again; where the connection ended the outcome is unknown, and nothing is sent again.

use countersign_core::account::{HostId, Revision};
use countersign_core::audit::AuditEvent;
use countersign_core::time::WallTime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::connection::Session;
use super::failed;
use super::keys::Keys;
use super::statements::column;
use crate::store::encoding::{self, MessageRow, Row};
use crate::store::outbox::{Queued, final_word};
use crate::store::sealing::{DataKey, RecipientKey};
use crate::store::{Change, RECORD_LIMIT, Stale, StoreError, Stub};

/// How often a batch is sent at most.
const ATTEMPTS: usize = 4;
/// The state by which the server says that another data key is the newest.
const OTHER_KEY: &str = "CS001";

/// A batch as parallel arrays.
#[derive(Default)]
struct Sealed {
    newest_key: i64,
    account_place: Vec<i32>,
    rows: Vec<Row>,
    event_place: Vec<i32>,
    records: Vec<String>,
    times: Vec<i64>,
    messages: Messages,
}

/// What a batch says of messages, as parallel arrays.
#[derive(Default)]
struct Messages {
    place: Vec<i32>,
    rows: Vec<MessageRow>,
    seen: Vec<i64>,
    used_place: Vec<i32>,
    used: Vec<Vec<u8>>,
    settled_place: Vec<i32>,
    settled: Vec<Vec<u8>>,
    words: Vec<&'static str>,
}

/// Writes a batch.
pub(super) async fn commit(
    session: &Session,
    keys: &Keys,
    host: &HostId,
    batch: &[Change],
) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let sealed = keys.with(|ring, newest| Sealed::of(batch, keys.recipients(), ring.key(newest)?))?;
        match sealed.send(session, host).await {
            Ok(row) => return answers(batch, &column::<Vec<i32>>(&row, 0)?),
            Err(error) if attempts < ATTEMPTS && is_other_key(&error) => {
                keys.refresh(session).await?;
            }
            Err(error) if attempts < ATTEMPTS && is_contention(&error) => {}
            Err(error) => return Err(failed("committing")(error)),
        }
    }
}

/// Removes an account with the content of its messages, and records why.
pub(super) async fn remove(
    session: &Session,
    host: &HostId,
    account: &Stub,
    events: &[AuditEvent],
) -> Result<Result<(), Stale>, StoreError> {
    let Stub { id, key, revision } = account;
    let records = events.iter().map(record_of).collect::<Result<Vec<_>, _>>()?;
    let times = events.iter().map(|event| encoding::column(event.at)).collect::<Result<Vec<_>, _>>()?;
    let parameters: [&(dyn ToSql + Sync); 7] = [
        &host.as_str(),
        &id.0.as_slice(),
        &key.realm.as_str(),
        &key.name.as_str(),
        &encoding::column(revision.0)?,
        &records,
        &times,
    ];
    let sql = "SELECT countersign.remove_account_1($1, $2, $3, $4, $5, $6, $7)";
    let row = session.client.query_one(sql, &parameters).await.map_err(failed("removing an account"))?;
    Ok(if column::<bool>(&row, 0)? { Ok(()) } else { Err(Stale) })
}

fn record_of(event: &AuditEvent) -> Result<String, StoreError> {
    let record = event.canonical();
    if record.len() > RECORD_LIMIT {
        let cause = format!("a record is longer than {RECORD_LIMIT} bytes");
        return Err(StoreError::Failed { doing: "writing the audit", cause });
    }
    Ok(record)
}

/// Tells the newest time that this host committed. Another host's does not count: one clock that is wrong must not end
/// the locks of all. Times of an account are in the account.
pub(super) async fn newest_time(session: &Session, host: &HostId) -> Result<WallTime, StoreError> {
    let found = session
        .client
        .query_opt(&session.statements.newest_time, &[&host.as_str()])
        .await
        .map_err(failed("reading the newest time"))?;
    let seconds = found.map_or(Ok(0), |row| column::<i64>(&row, 0))?;
    Ok(WallTime::from_seconds(u64::try_from(seconds).unwrap_or_default()))
}

impl Sealed {
    fn of(batch: &[Change], recipients: &RecipientKey, key: &DataKey) -> Result<Self, StoreError> {
        let mut sealed = Self { newest_key: i64::from(key.number()), ..Self::default() };
        for (place, change) in (0..).zip(batch) {
            sealed.messages.take(place, change, recipients, key)?;
            let Change { account, events, outgoing: _, redeemed: _, settled: _ } = change;
            if let Some(account) = account {
                sealed.account_place.push(place);
                sealed.rows.push(Row::of(account, account.revision.next(), key)?);
            }
            for event in events {
                sealed.event_place.push(place);
                sealed.records.push(record_of(event)?);
                sealed.times.push(encoding::column(event.at)?);
            }
        }
        Ok(sealed)
    }

    async fn send(
        &self,
        session: &Session,
        host: &HostId,
    ) -> Result<tokio_postgres::Row, tokio_postgres::Error> {
        let rows = &self.rows;
        let ids: Vec<&[u8]> = rows.iter().map(|row| row.id.as_slice()).collect();
        let realms: Vec<&str> = rows.iter().map(|row| row.realm.as_str()).collect();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let revisions: Vec<i64> = rows.iter().map(|row| row.revision).collect();
        let epochs: Vec<i64> = rows.iter().map(|row| row.epoch).collect();
        let (rules, sinces): (Vec<Option<&str>>, Vec<Option<i64>>) = rows
            .iter()
            .map(|row| row.coverage.as_ref().map(|(rule, since)| (rule.as_str(), *since)).unzip())
            .unzip();
        let changes: Vec<i64> = rows.iter().map(|row| row.changed).collect();
        let documents: Vec<&str> = rows.iter().map(|row| row.document.as_str()).collect();
        let seals: Vec<&[u8]> = rows.iter().map(|row| row.sealed.as_slice()).collect();
        let host = host.as_str();
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
            &host,
            &self.newest_key,
            &self.account_place,
            &ids,
            &realms,
            &names,
            &revisions,
            &epochs,
            &rules,
            &sinces,
            &changes,
            &documents,
            &seals,
            &self.event_place,
            &self.records,
            &self.times,
        ];
        if self.messages.are_none() {
            return session.client.query_one(&session.statements.commit, &parameters).await;
        }
        let columns = self.messages.columns();
        for column in &columns {
            parameters.push(column.as_ref());
        }
        session.client.query_one(&session.statements.commit_messages, &parameters).await
    }
}

impl Messages {
    fn take(
        &mut self,
        place: i32,
        change: &Change,
        recipients: &RecipientKey,
        key: &DataKey,
    ) -> Result<(), StoreError> {
        let owner = change.account.as_ref().map(|account| account.id);
        for Queued { outgoing, seen } in &change.outgoing {
            self.place.push(place);
            self.rows.push(MessageRow::of(outgoing, owner, recipients, key)?);
            self.seen.push(encoding::column(*seen)?);
        }
        for id in &change.redeemed {
            self.used_place.push(place);
            self.used.push(id.0.to_vec());
        }
        for (id, progress) in &change.settled {
            let Some(word) = final_word(*progress) else { continue };
            self.settled_place.push(place);
            self.settled.push(id.0.to_vec());
            self.words.push(word);
        }
        Ok(())
    }

    fn are_none(&self) -> bool {
        self.rows.is_empty() && self.used.is_empty() && self.settled.is_empty()
    }

    /// The columns in the order of the function's parameters.
    fn columns(&self) -> Vec<Box<dyn ToSql + Sync + Send + '_>> {
        let rows = &self.rows;
        let text = |of: fn(&MessageRow) -> &str| rows.iter().map(of).collect::<Vec<_>>();
        let number = |of: fn(&MessageRow) -> i64| rows.iter().map(of).collect::<Vec<_>>();
        let bytes = |of: fn(&MessageRow) -> &[u8]| rows.iter().map(of).collect::<Vec<_>>();
        let accounts: Vec<Option<&[u8]>> =
            rows.iter().map(|row| row.account.as_ref().map(<[u8; 16]>::as_slice)).collect();
        vec![
            Box::new(&self.place),
            Box::new(bytes(|row| &row.id)),
            Box::new(accounts),
            Box::new(bytes(|row| &row.recipient)),
            Box::new(text(|row| &row.channel)),
            Box::new(text(|row| &row.purpose)),
            Box::new(number(|row| row.queued)),
            Box::new(number(|row| row.expires)),
            Box::new(&self.seen),
            Box::new(bytes(|row| &row.sealed)),
            Box::new(&self.used_place),
            Box::new(&self.used),
            Box::new(&self.settled_place),
            Box::new(&self.settled),
            Box::new(&self.words),
        ]
    }
}

/// Reads which changes were stale.
fn answers(batch: &[Change], stale: &[i32]) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
    let known = i32::try_from(batch.len()).unwrap_or(i32::MAX);
    if stale.iter().any(|place| !(0..known).contains(place)) {
        return Err(StoreError::Unreadable("the answer to a commit".to_owned()));
    }
    let answer = |(place, change): (i32, &Change)| {
        let revision = change.account.as_ref().map(|account| account.revision.next()).unwrap_or_default();
        if stale.contains(&place) { Err(Stale) } else { Ok(revision) }
    };
    Ok((0..).zip(batch).map(answer).collect())
}

fn is_other_key(error: &tokio_postgres::Error) -> bool {
    // A key that was forgotten while this was sealed shows as a reference to nothing.
    error.code().is_some_and(|code| code.code() == OTHER_KEY || *code == SqlState::FOREIGN_KEY_VIOLATION)
}

fn is_contention(error: &tokio_postgres::Error) -> bool {
    let states = [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
    error.code().is_some_and(|code| states.contains(code))
}
