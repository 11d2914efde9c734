//! Accounts in the embedded store: rows in and out.
//!
//! Owns the statements on `account`. Leaves what a row means to `encoding`. Writing compares and sets: a row of another
//! revision, or a name taken meanwhile, is not touched.

use countersign_core::account::{Account, AccountId, AccountKey};
use rusqlite::{Connection, OptionalExtension, Row as Found, Transaction, params};

use super::database::{Keys, Meta, Parts};
use super::failed;
use crate::store::encoding::Row;
use crate::store::{Page, StoreError, Stub, sort_in, stub};

/// Whether a row was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// A new row.
    Inserted,
    /// The next revision of a row.
    Updated,
    /// Nothing: somebody else was first.
    Stale,
}

/// The columns in the order in which [`row_of`] takes them.
const COLUMNS: &str =
    "id, realm, name, revision, epoch, covered_rule, covered_since, changed, data_key, document, sealed";

/// Reads accounts by key.
pub(super) fn load(parts: Parts<'_>, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError> {
    let Parts { connection, keys: mut ring, .. } = parts;
    let transaction = connection.transaction().map_err(failed("reading accounts"))?;
    keys.iter().map(|key| find(&transaction, &mut ring, key)).collect()
}

/// Reads a page of accounts in key order.
pub(super) fn page(parts: Parts<'_>, after: Option<&AccountKey>, limit: u16) -> Result<Page, StoreError> {
    let Parts { connection, mut keys, .. } = parts;
    let transaction = connection.transaction().map_err(failed("reading a page"))?;
    let total = Meta::read(&transaction)?.accounts;
    let total = u64::try_from(total).unwrap_or_default();
    let mut page = Page { accounts: Vec::new(), unreadable: Vec::new(), next: None, total };
    let (rows, has_more) = named_rows(&transaction, after, limit)?;
    page.next = rows.last().filter(|_| has_more).map(|(stub, _)| stub.key.clone());
    for (stub, row) in rows {
        let account = row.and_then(|row| read(&transaction, &mut keys, &row));
        sort_in(&mut page, stub, account)?;
    }
    Ok(page)
}

/// A row that has a name, and what else could be read of it.
type Named = (Stub, Result<Row, StoreError>);

/// Reads the next rows that have a name, and whether there are more; a row without one is nobody's, and passed over.
fn named_rows(
    connection: &Connection,
    after: Option<&AccountKey>,
    limit: u16,
) -> Result<(Vec<Named>, bool), StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM account WHERE (realm, name) > (?1, ?2) ORDER BY realm, name LIMIT ?3 OFFSET ?4"
    );
    let (realm, name) = after.map_or(("", ""), |key| (key.realm.as_str(), key.name.as_str()));
    let mut statement = connection.prepare_cached(&sql).map_err(failed("reading a page"))?;
    let mut passed_over = 0_u32;
    loop {
        let mut found = statement
            .query(params![realm, name, u32::from(limit) + 1, passed_over])
            .map_err(failed("reading a page"))?;
        let (mut rows, mut count) = (Vec::new(), 0_u32);
        while let Some(row) = found.next().map_err(failed("reading a page"))? {
            count = count.saturating_add(1);
            if let Some(stub) = stub_of(row) {
                rows.push((stub, row_of(row).map_err(failed("reading a page"))));
            }
        }
        let is_full = count > u32::from(limit);
        if !rows.is_empty() || !is_full {
            rows.truncate(usize::from(limit));
            return Ok((rows, is_full));
        }
        passed_over = passed_over.saturating_add(count);
    }
}

/// Tells what identifies a row; none where it has no name that is one, which is logged.
fn stub_of(found: &Found<'_>) -> Option<Stub> {
    let columns = || -> rusqlite::Result<(Vec<u8>, String, String, i64)> {
        Ok((found.get(0)?, found.get(1)?, found.get(2)?, found.get(3)?))
    };
    let read = columns().map_err(failed("reading a name"));
    let named = read.and_then(|(id, realm, name, revision)| stub(&id, &realm, &name, revision));
    named.inspect_err(|error| tracing::error!(%error, "an account was passed over")).ok()
}

/// Tells what identifies the account of a key.
pub(super) fn find_stub(connection: &Connection, key: &AccountKey) -> Result<Option<Stub>, StoreError> {
    let sql = "SELECT id, realm, name, revision FROM account WHERE realm = ?1 AND name = ?2";
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_row([key.realm.as_str(), key.name.as_str()], |row| Ok(stub_of(row))).optional()
        })
        .map(Option::flatten)
        .map_err(failed("looking for an account"))
}

/// Removes the row of an account, if nobody wrote it since; tells whether it did.
pub(super) fn remove(transaction: &Transaction<'_>, account: &Stub) -> Result<bool, StoreError> {
    let Stub { id, key, revision } = account;
    let sql = "DELETE FROM account WHERE id = ?1 AND realm = ?2 AND name = ?3 AND revision = ?4";
    let count = transaction
        .prepare_cached(sql)
        .and_then(|mut statement| {
            let revision = i64::try_from(revision.0).unwrap_or(i64::MAX);
            statement.execute(params![id.0, key.realm.as_str(), key.name.as_str(), revision])
        })
        .map_err(failed("removing an account"))?;
    Ok(count == 1)
}

/// Reads rows in the order of their ids, as they lie there.
pub(super) fn rows_after(
    connection: &Connection,
    after: Option<AccountId>,
    limit: u16,
) -> Result<Vec<Row>, StoreError> {
    let after = after.map_or(Vec::new(), |id| id.0.to_vec());
    let sql = format!("SELECT {COLUMNS} FROM account WHERE id > ?1 ORDER BY id LIMIT ?2");
    select(connection, &sql, params![after, limit])
}

/// Writes a row, if nobody wrote it since the revision before.
pub(super) fn write(transaction: &Transaction<'_>, row: &Row) -> Result<Written, StoreError> {
    let (sql, written) = if row.revision == 1 {
        let sql = "INSERT INTO account (id, realm, name, revision, epoch, covered_rule, covered_since, changed, \
                   data_key, document, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
                   ON CONFLICT DO NOTHING";
        (sql, Written::Inserted)
    } else {
        let sql = "UPDATE account SET revision = ?4, epoch = ?5, covered_rule = ?6, covered_since = ?7, \
                   changed = ?8, data_key = ?9, document = ?10, sealed = ?11 \
                   WHERE id = ?1 AND realm = ?2 AND name = ?3 AND revision = ?4 - 1";
        (sql, Written::Updated)
    };
    let Row { id, realm, name, revision, epoch, coverage, changed, data_key, document, sealed } = row;
    let (rule, since) = coverage.as_ref().map(|(rule, since)| (rule, since)).unzip();
    let values = params![id, realm, name, revision, epoch, rule, since, changed, data_key, document, sealed];
    let count = transaction
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map_err(failed("writing an account"))?;
    Ok(if count == 0 { Written::Stale } else { written })
}

/// Replaces the seal of a row that nobody else can write meanwhile.
pub(super) fn write_seal(transaction: &Transaction<'_>, row: &Row) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE account SET data_key = ?2, sealed = ?3 WHERE id = ?1")
        .and_then(|mut statement| statement.execute(params![row.id, row.data_key, row.sealed]))
        .map(drop)
        .map_err(failed("resealing an account"))
}

fn find(
    connection: &Connection,
    ring: &mut Keys<'_>,
    key: &AccountKey,
) -> Result<Option<Account>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE realm = ?1 AND name = ?2");
    let row = connection
        .prepare_cached(&sql)
        .and_then(|mut statement| {
            statement.query_row([key.realm.as_str(), key.name.as_str()], row_of).optional()
        })
        .map_err(failed("reading an account"))?;
    row.map(|row| read(connection, ring, &row)).transpose()
}

fn read(connection: &Connection, ring: &mut Keys<'_>, row: &Row) -> Result<Account, StoreError> {
    row.read(ring.with(connection, row.data_key)?)
}

fn select(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Row>, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_map(values, row_of)?.collect())
        .map_err(failed("reading accounts"))
}

fn row_of(found: &Found<'_>) -> rusqlite::Result<Row> {
    let rule: Option<String> = found.get(5)?;
    let since: Option<i64> = found.get(6)?;
    Ok(Row {
        id: found.get(0)?,
        realm: found.get(1)?,
        name: found.get(2)?,
        revision: found.get(3)?,
        epoch: found.get(4)?,
        coverage: rule.zip(since),
        changed: found.get(7)?,
        data_key: found.get(8)?,
        document: found.get(9)?,
        sealed: found.get(10)?,
    })
}
