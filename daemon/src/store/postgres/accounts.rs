//! Accounts in the fleet's store: rows out.
//!
//! Owns turning what was found into accounts. Leaves what a row means to `encoding`, and writing to `commit`.

use std::collections::HashMap;

use countersign_core::account::{Account, AccountKey};
use tokio_postgres::Row as Found;
use tokio_postgres::types::ToSql;

use super::connection::Session;
use super::failed;
use super::keys::{Keys, number_of};
use super::statements::column;
use crate::store::encoding::Row;
use crate::store::{Page, StoreError, Stub, sort_in, stub};

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

/// Reads a page of accounts in key order.
pub(super) async fn page(
    session: &Session,
    keys: &Keys,
    after: Option<&AccountKey>,
    limit: u16,
) -> Result<Page, StoreError> {
    let (total, (rows, has_more)) = tokio::try_join!(
        async {
            session.client.query_one(&session.statements.total, &[]).await.map_err(failed("reading a page"))
        },
        named_rows(session, keys, after, limit),
    )?;
    let total: i64 = column(&total, 0)?;
    let total = u64::try_from(total).unwrap_or_default();
    let mut page = Page { accounts: Vec::new(), unreadable: Vec::new(), next: None, total };
    page.next = rows.last().filter(|_| has_more).map(|(stub, _)| stub.key.clone());
    for (stub, found) in rows {
        sort_in(&mut page, stub, account(keys, &found))?;
    }
    Ok(page)
}

/// Reads the next rows that have a name, and whether there are more; a row without one is nobody's, and passed over.
async fn named_rows(
    session: &Session,
    keys: &Keys,
    after: Option<&AccountKey>,
    limit: u16,
) -> Result<(Vec<(Stub, Found)>, bool), StoreError> {
    let (realm, name) = after.map_or(("", ""), |key| (key.realm.as_str(), key.name.as_str()));
    let (most, mut passed_over) = (i64::from(limit) + 1, 0_i64);
    loop {
        let numbers = keys.numbers();
        let parameters: [&(dyn ToSql + Sync); 5] = [&realm, &name, &most, &numbers, &passed_over];
        let found = session
            .client
            .query(&session.statements.page, &parameters)
            .await
            .map_err(failed("reading a page"))?;
        let is_full = found.len() > usize::from(limit);
        let mut rows: Vec<(Stub, Found)> =
            found.into_iter().filter_map(|row| Some((stub_of(&row)?, row))).collect();
        if !rows.is_empty() || !is_full {
            rows.truncate(usize::from(limit));
            return Ok((rows, is_full));
        }
        passed_over = passed_over.saturating_add(most);
    }
}

/// Tells what identifies a row; none where it has no name that is one, which is logged.
fn stub_of(found: &Found) -> Option<Stub> {
    let columns = || -> Result<Stub, StoreError> {
        let (id, realm, name): (Vec<u8>, String, String) =
            (column(found, 0)?, column(found, 1)?, column(found, 2)?);
        stub(&id, &realm, &name, column(found, 3)?)
    };
    columns().inspect_err(|error| tracing::error!(%error, "an account was passed over")).ok()
}

/// Tells what identifies the account of a key.
pub(super) async fn find_stub(session: &Session, key: &AccountKey) -> Result<Option<Stub>, StoreError> {
    let sql = "SELECT id, realm, name, revision FROM countersign.account WHERE realm = $1 AND name = $2";
    let found = session
        .client
        .query_opt(sql, &[&key.realm.as_str(), &key.name.as_str()])
        .await
        .map_err(failed("looking for an account"))?;
    Ok(found.as_ref().and_then(stub_of))
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
