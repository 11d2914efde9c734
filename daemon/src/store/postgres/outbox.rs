//! The outbox in the fleet's store: what waits on this host, one claim each, and what was sent to whom.
//!
//! Owns the questions and how their answers are read; what writes is a function of the schema. Messages go in with the
//! batch that decided them, in `commit`.

use std::collections::{BTreeMap, HashMap};

use countersign_core::account::{AccountKey, HostId, Realm, UserName};
use countersign_core::delivery::{Failure, Progress, Recipient, RequestId};
use countersign_core::sending::{HOUR, RecipientUse};
use countersign_core::throttle::DAY;
use countersign_core::time::WallTime;
use tokio_postgres::Row as Found;
use tokio_postgres::types::ToSql;

use super::connection::Session;
use super::failed;
use super::keys::{Keys, number_of};
use super::statements::column;
use crate::store::StoreError;
use crate::store::encoding::{self, MessageRow};
use crate::store::outbox::{
    HOST_USE_LIMIT, HostUse, Interrupted, PURGE_LIMIT, USE_LIMIT, Waiting, channel_of, counted, final_word,
    purpose_of,
};
use crate::store::sealing::RecipientKey;

/// What is being done, in errors.
const READING: &str = "reading the outbox";
/// The column behind those of a message: its data key, where this host does not have it.
const WRAPPED: usize = 12;

/// Tells what was sent to recipients, in one round trip.
pub(super) async fn recipient_uses(
    session: &Session,
    key: &RecipientKey,
    recipients: &[Recipient],
    at: WallTime,
) -> Result<BTreeMap<Recipient, RecipientUse>, StoreError> {
    let digests: Vec<[u8; 32]> = recipients.iter().map(|recipient| key.digest(&counted(recipient))).collect();
    let wanted: Vec<&[u8]> = digests.iter().map(<[u8; 32]>::as_slice).collect();
    let (since, most) = (encoding::column(at.before(DAY).as_seconds())?, i64::from(USE_LIMIT));
    let found = session
        .client
        .query(&session.statements.uses, &[&wanted, &since, &most])
        .await
        .map_err(failed(READING))?;
    let mut uses: HashMap<Vec<u8>, RecipientUse> = HashMap::new();
    for row in &found {
        let newest = u64::try_from(column::<i64>(row, 1)?).unwrap_or_default();
        let unused = column::<Vec<i64>>(row, 2)?.into_iter().map(time).collect();
        uses.insert(column(row, 0)?, RecipientUse { newest, unused });
    }
    let of = |digest: &[u8; 32]| uses.get(digest.as_slice()).cloned().unwrap_or_default();
    Ok(recipients.iter().cloned().zip(digests.iter().map(of)).collect())
}

/// Tells what this host sent within the last hour.
pub(super) async fn host_use(session: &Session, host: &HostId, at: WallTime) -> Result<HostUse, StoreError> {
    let since = encoding::column(at.before(HOUR).as_seconds())?;
    let found = session
        .client
        .query(&session.statements.host_use, &[&host.as_str(), &since, &i64::from(HOST_USE_LIMIT)])
        .await
        .map_err(failed(READING))?;
    let mut used = HostUse::default();
    for row in found.iter().rev() {
        let broken = || StoreError::Unreadable("the channel of a message is none".to_owned());
        let channel = channel_of(&column::<String>(row, 0)?).ok_or_else(broken)?;
        used.note(channel, time(column(row, 1)?));
    }
    Ok(used)
}

/// Reads what waits on this host; what cannot be read is failed, so that it does not stand in the way for ever.
pub(super) async fn due(
    session: &Session,
    keys: &Keys,
    host: &HostId,
    at: WallTime,
    limit: u16,
) -> Result<Vec<Waiting>, StoreError> {
    let at = encoding::column(at.as_seconds())?;
    let (most, numbers, here) = (i64::from(limit), keys.numbers(), host.as_str());
    let parameters: [&(dyn ToSql + Sync); 4] = [&here, &at, &most, &numbers];
    let found = session.client.query(&session.statements.due, &parameters).await.map_err(failed(READING))?;
    let (mut waiting, mut broken) = (Vec::with_capacity(found.len()), Vec::new());
    for row in &found {
        let lying = lying(keys, row)?;
        let id = RequestId(lying.row.id);
        match keys.with(|ring, _| lying.row.read(ring)) {
            Ok(outgoing) => {
                waiting.push(Waiting { id, account: lying.account, outgoing, attempts: lying.attempts });
            }
            Err(error) => {
                tracing::error!(%error, %id, "a message cannot be read and is not sent");
                broken.push(id.0.to_vec());
            }
        }
    }
    if !broken.is_empty() {
        let word = final_word(Progress::Failed(Failure::Unknown)).unwrap_or_default();
        let words = vec![word; broken.len()];
        session
            .client
            .execute(&session.statements.settle, &[&broken, &words])
            .await
            .map_err(failed("failing a message"))?;
    }
    Ok(waiting)
}

/// Reads what is claimed on this host.
pub(super) async fn interrupted(
    session: &Session,
    host: &HostId,
    limit: u16,
) -> Result<Vec<Interrupted>, StoreError> {
    let found = session
        .client
        .query(&session.statements.interrupted, &[&host.as_str(), &i64::from(limit)])
        .await
        .map_err(failed(READING))?;
    let broken = || StoreError::Unreadable("the channel or purpose of a message is none".to_owned());
    found
        .iter()
        .map(|row| {
            Ok(Interrupted {
                id: RequestId(bytes(column(row, 0)?)?),
                channel: channel_of(&column::<String>(row, 1)?).ok_or_else(broken)?,
                purpose: purpose_of(&column::<String>(row, 2)?).ok_or_else(broken)?,
                account: owner(column(row, 3)?, column(row, 4)?),
            })
        })
        .collect()
}

/// Takes a message, once.
pub(super) async fn claim(session: &Session, host: &HostId, id: RequestId) -> Result<bool, StoreError> {
    let claimed = session
        .client
        .query_one(&session.statements.claim, &[&host.as_str(), &id.0.as_slice()])
        .await
        .map_err(failed("claiming a message"))?;
    column(&claimed, 0)
}

/// Gives a message back.
pub(super) async fn put_off(
    session: &Session,
    host: &HostId,
    id: RequestId,
    until: WallTime,
) -> Result<bool, StoreError> {
    let until = encoding::column(until.as_seconds())?;
    let put_off = session
        .client
        .query_one(&session.statements.put_off, &[&host.as_str(), &id.0.as_slice(), &until])
        .await
        .map_err(failed("putting a message off"))?;
    column(&put_off, 0)
}

/// Removes some of what is old.
pub(super) async fn purge(session: &Session, at: WallTime) -> Result<u64, StoreError> {
    let until = encoding::column(at.before(DAY).as_seconds())?;
    let removed = session
        .client
        .query_one(&session.statements.purge, &[&until, &i64::from(PURGE_LIMIT)])
        .await
        .map_err(failed("removing old messages"))?;
    let removed: i64 = column(&removed, 0)?;
    Ok(u64::try_from(removed).unwrap_or_default())
}

/// A message as it lies there, how often it was tried, and whose it is.
struct Lying {
    row: MessageRow,
    attempts: u32,
    account: Option<AccountKey>,
}

fn lying(keys: &Keys, found: &Found) -> Result<Lying, StoreError> {
    let row = MessageRow {
        id: bytes(column(found, 0)?)?,
        account: column::<Option<Vec<u8>>>(found, 1)?.map(bytes).transpose()?,
        recipient: bytes(column(found, 2)?)?,
        channel: column(found, 3)?,
        purpose: column(found, 4)?,
        queued: column(found, 5)?,
        expires: column(found, 6)?,
        data_key: number_of(column(found, 7)?)?,
        sealed: column(found, 8)?,
    };
    if let Some(wrapped) = column::<Option<Vec<u8>>>(found, WRAPPED)? {
        keys.take_in(row.data_key, &wrapped)?;
    }
    let attempts = u32::try_from(column::<i64>(found, 9)?).unwrap_or(u32::MAX);
    Ok(Lying { row, attempts, account: owner(column(found, 10)?, column(found, 11)?) })
}

fn owner(realm: Option<String>, name: Option<String>) -> Option<AccountKey> {
    Some(AccountKey { realm: Realm::try_from(realm?).ok()?, name: UserName::try_from(name?).ok()? })
}

fn bytes<const N: usize>(found: Vec<u8>) -> Result<[u8; N], StoreError> {
    found.try_into().map_err(|_| StoreError::Unreadable("a hash or id of a message is none".to_owned()))
}

fn time(seconds: i64) -> WallTime {
    WallTime::from_seconds(u64::try_from(seconds).unwrap_or_default())
}
