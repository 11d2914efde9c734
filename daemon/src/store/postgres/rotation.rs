//! New data keys, and resealing under the newest one.
//!
//! Owns both halves of `store rotate-key`. A row that somebody wrote while it was resealed here keeps what they wrote:
//! it is sealed by the newest key already. Resealing is no change of the account: its revision stays.

use countersign_core::account::AccountId;

use super::accounts;
use super::connection::Session;
use super::failed;
use super::keys::{Keys, Offer};
use super::statements::column;
use crate::store::encoding::Row;
use crate::store::{DATA_KEY_LIMIT, Resealed, StoreError};

/// How often a number that another host took is passed over.
const ATTEMPTS: usize = 4;

/// Makes a new data key.
pub(super) async fn rotate(session: &Session, keys: &Keys) -> Result<u32, StoreError> {
    for _ in 0..ATTEMPTS {
        keys.refresh(session).await?;
        let number = keys.with(|_, newest| {
            newest.checked_add(1).ok_or_else(|| fault("the numbers of data keys are used up"))
        })?;
        match keys.offer(session, number).await? {
            Offer::Added => {
                keys.refresh(session).await?;
                return Ok(number);
            }
            Offer::Taken => {}
            Offer::Full | Offer::Used => {
                let cause =
                    format!("there are {DATA_KEY_LIMIT} data keys; reseal first, which forgets the old ones");
                return Err(fault(&cause));
            }
        }
    }
    Err(fault("other hosts make data keys at this moment"))
}

/// Reseals the next accounts.
pub(super) async fn reseal(
    session: &Session,
    keys: &Keys,
    after: Option<AccountId>,
    limit: u16,
) -> Result<Resealed, StoreError> {
    keys.refresh(session).await?;
    let after = after.map_or(Vec::new(), |id| id.0.to_vec());
    let (most, numbers) = (i64::from(limit), keys.numbers());
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&after, &most, &numbers];
    let (found, total) = tokio::try_join!(
        session.client.query(&session.statements.walk, &parameters),
        session.client.query_one(&session.statements.total, &[]),
    )
    .map_err(failed("resealing"))?;
    let rows = found.iter().map(|row| accounts::row(keys, row)).collect::<Result<Vec<_>, _>>()?;
    let is_last = rows.len() < usize::from(limit);
    let next = rows.last().filter(|_| !is_last).map(|row| AccountId(row.id));
    let done = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    write(session, keys, rows, is_last).await?;
    if is_last {
        keys.refresh(session).await?;
    }
    let total: i64 = column(&total, 0)?;
    Ok(Resealed { next, done, total: u64::try_from(total).unwrap_or_default() })
}

/// Writes the seals of those rows that an older key sealed.
async fn write(session: &Session, keys: &Keys, rows: Vec<Row>, is_last: bool) -> Result<(), StoreError> {
    let (newest, rows) = keys.with(|ring, newest| {
        let key = ring.key(newest)?;
        let mut resealed = Vec::new();
        for mut row in rows.into_iter().filter(|row| row.data_key != newest) {
            match row.reseal(ring, key) {
                Ok(()) => resealed.push(row),
                // Its own data key stays with it; the others go on.
                Err(error) if error.is_of_record() => tracing::error!(%error, "an account was not resealed"),
                Err(error) => return Err(error),
            }
        }
        Ok((newest, resealed))
    })?;
    let ids: Vec<&[u8]> = rows.iter().map(|row| row.id.as_slice()).collect();
    let revisions: Vec<i64> = rows.iter().map(|row| row.revision).collect();
    let seals: Vec<&[u8]> = rows.iter().map(|row| row.sealed.as_slice()).collect();
    session
        .client
        .execute(&session.statements.reseal, &[&i64::from(newest), &ids, &revisions, &seals, &is_last])
        .await
        .map(drop)
        .map_err(failed("resealing"))
}

fn fault(cause: &str) -> StoreError {
    StoreError::Failed { doing: "making a data key", cause: cause.to_owned() }
}
