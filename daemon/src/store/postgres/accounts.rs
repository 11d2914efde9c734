//! Accounts in the fleet's store: rows out.
//!
//! Owns turning what was found into accounts. Leaves what a row means to `encoding`, and writing to `commit`.

use std::collections::HashMap;

use countersign_core::account::{Account, AccountKey};
use tokio_postgres::Row as Found;

use super::connection::Session;
use super::failed;
use super::keys::{Keys, number_of};
use super::statements::column;
use crate::store::encoding::Row;
use crate::store::{Page, StoreError};

/// The column behind those of an account: its data key, where this host does not have it.
const WRAPPED: usize = 11;

/// Reads accounts by key, in one round trip.
pub(super) async fn load(
    session: &Session,
    keys: &Keys,
    wanted: &[AccountKey],
) -> Result<Vec<Option<Account>>, StoreError> {
    let realms: Vec<&str> = wanted.iter().map(|key| key.realm.as_str()).collect();
    let names: Vec<&str> = wanted.iter().map(|key| key.name.as_str()).collect();
    let found = session
        .client
        .query(&session.statements.load, &[&realms, &names, &keys.numbers()])
        .await
        .map_err(failed("reading accounts"))?;
    let accounts: HashMap<AccountKey, Account> = found
        .iter()
        .map(|row| account(keys, row).map(|account| (account.key.clone(), account)))
        .collect::<Result<_, _>>()?;
    Ok(wanted.iter().map(|key| accounts.get(key).cloned()).collect())
}

/// Reads a page of accounts in key order, and one more to see whether there is a next one.
pub(super) async fn page(
    session: &Session,
    keys: &Keys,
    after: Option<&AccountKey>,
    limit: u16,
) -> Result<Page, StoreError> {
    let (realm, name) = after.map_or(("", ""), |key| (key.realm.as_str(), key.name.as_str()));
    let (most, numbers) = (i64::from(limit) + 1, keys.numbers());
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&realm, &name, &most, &numbers];
    let (found, total) = tokio::try_join!(
        session.client.query(&session.statements.page, &parameters),
        session.client.query_one(&session.statements.total, &[]),
    )
    .map_err(failed("reading a page"))?;
    let mut accounts = found.iter().map(|row| account(keys, row)).collect::<Result<Vec<_>, _>>()?;
    let next = if accounts.len() > usize::from(limit) {
        accounts.truncate(usize::from(limit));
        accounts.last().map(|account| account.key.clone())
    } else {
        None
    };
    let total: i64 = column(&total, 0)?;
    Ok(Page { accounts, next, total: u64::try_from(total).unwrap_or_default() })
}

/// Takes a row apart, and takes in the data key that came with it.
pub(super) fn row(keys: &Keys, found: &Found) -> Result<Row, StoreError> {
    let id: Vec<u8> = column(found, 0)?;
    let rule: Option<String> = column(found, 5)?;
    let since: Option<i64> = column(found, 6)?;
    let row = Row {
        id: id.try_into().map_err(|_| StoreError::Unreadable("the id of an account is none".to_owned()))?,
        realm: column(found, 1)?,
        name: column(found, 2)?,
        revision: column(found, 3)?,
        epoch: column(found, 4)?,
        coverage: rule.zip(since),
        changed: column(found, 7)?,
        data_key: number_of(column(found, 8)?)?,
        document: column(found, 9)?,
        sealed: column(found, 10)?,
    };
    if let Some(wrapped) = column::<Option<Vec<u8>>>(found, WRAPPED)? {
        keys.take_in(row.data_key, &wrapped)?;
    }
    Ok(row)
}

fn account(keys: &Keys, found: &Found) -> Result<Account, StoreError> {
    let row = row(keys, found)?;
    keys.with(|ring, _| row.read(ring))
}
