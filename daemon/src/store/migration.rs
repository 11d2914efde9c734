//! The schema of the embedded store, step by step over `user_version`.
//!
//! Owns which schema this service reads and how an older one becomes it. Each step is one transaction. A newer schema,
//! a file of something else and an emptied file are refused: an empty store would make everybody unenrolled.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::StoreError;
use super::sqlite::failed;

/// The steps; number N of them stands at index N - 1.
const STEPS: [&str; 4] = [
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
];
/// What `PRAGMA application_id` of a store says, "`CSt1`".
const APPLICATION: i64 = 0x4353_7431;
/// What is being done, in errors.
const DOING: &str = "checking the schema";

/// Makes the schema in a new, empty file.
///
/// # Errors
/// [`StoreError::Failed`].
pub(super) fn create(connection: &mut Connection) -> Result<(), StoreError> {
    apply(connection, 0)
}

/// Checks the schema of a store and brings an older one up to date.
///
/// # Errors
/// [`StoreError::Failed`]: not a store, emptied, newer than this service, incomplete.
pub(super) fn check(connection: &mut Connection) -> Result<(), StoreError> {
    if pragma(connection, "application_id")? != APPLICATION {
        return Err(refuse("the file is empty or is not a store of Countersign".to_owned()));
    }
    let found = pragma(connection, "user_version")?;
    match usize::try_from(found) {
        Ok(version) if (1..=STEPS.len()).contains(&version) => apply(connection, version)?,
        _ => {
            let known = STEPS.len();
            return Err(refuse(format!("the store has schema {found}; this version knows 1 to {known}")));
        }
    }
    connection
        .prepare("SELECT 1 FROM account, audit, data_key, meta, outbox LIMIT 0")
        .map(drop)
        .map_err(failed(DOING))
}

fn apply(connection: &mut Connection, done: usize) -> Result<(), StoreError> {
    for (step, version) in STEPS.iter().zip(1_i64..).skip(done) {
        let transaction = Transaction::new(connection, TransactionBehavior::Immediate)
            .map_err(failed("migrating the schema"))?;
        transaction.execute_batch(step).map_err(failed("migrating the schema"))?;
        transaction.pragma_update(None, "user_version", version).map_err(failed("migrating the schema"))?;
        transaction.commit().map_err(failed("migrating the schema"))?;
    }
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(failed(DOING))
}

fn refuse(cause: String) -> StoreError {
    StoreError::Failed { doing: DOING, cause }
}
