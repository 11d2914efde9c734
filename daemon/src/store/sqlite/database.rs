//! An open database: its settings, its data keys, its one row about itself.
//!
//! Owns how the file is made and opened. A database is made whole under another name and then given its own, so that a
//! crash leaves either none or a complete one; afterwards nothing here ever makes one. Only header and schema are
//! checked at open (`quick_check` takes minutes on a million rows); a damaged page fails the calls that meet it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use super::failed;
use super::files::{self, Identity};
use crate::store::sealing::{DataKey, KeyRing, RecipientKey, WrappingKey};
use crate::store::{StoreError, migration};

/// The write-ahead log is cut to this after a checkpoint, in bytes.
const LOG_LIMIT: u32 = 16 * 1024 * 1024;
/// Prepared statements kept; there are about two dozen.
const STATEMENTS: usize = 32;
/// What is being done, in errors.
const DOING: &str = "opening";

/// An open database.
pub(super) struct Database {
    connection: Connection,
    keys: KeyRing,
    wrapping: WrappingKey,
    recipients: RecipientKey,
    identity: Identity,
    generation: i64,
}

/// A database taken apart, for work on its connection with its keys.
pub(super) struct Parts<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) keys: Keys<'a>,
    pub(super) recipients: &'a RecipientKey,
    pub(super) generation: &'a mut i64,
}

/// The data keys, fetched from the store where the ring does not have them yet.
pub(super) struct Keys<'a> {
    ring: &'a mut KeyRing,
    wrapping: &'a WrappingKey,
}

/// The store's row about itself.
#[derive(Debug, Clone)]
pub(super) struct Meta {
    pub(super) generation: i64,
    pub(super) newest_time: i64,
    pub(super) accounts: i64,
    pub(super) chain_sequence: i64,
    pub(super) chain_head: [u8; 32],
}

impl Database {
    /// Makes the database and its first data key, if there is no database.
    pub(super) fn create_if_missing(path: &Path, wrapping: &WrappingKey) -> Result<(), StoreError> {
        if files::check(path)? {
            return Ok(());
        }
        files::check_no_log(path)?;
        let unfinished = files::beside(path, ".new");
        files::remove(&unfinished)?;
        files::remove(&files::beside(&unfinished, "-journal"))?;
        files::create(&unfinished)?;
        let mut connection = connect(&unfinished)?;
        migration::create(&mut connection)?;
        insert_key(&connection, wrapping, 1)?;
        connection.close().map_err(|(_, error)| failed(DOING)(error))?;
        files::publish(&unfinished, path)
    }

    /// Opens the database; one older than `oldest` generation is refused.
    pub(super) fn open(
        path: &Path,
        wrapping: &WrappingKey,
        busy: Duration,
        oldest: i64,
    ) -> Result<Self, StoreError> {
        if !files::check(path)? {
            let cause = format!("{} is gone", path.display());
            return Err(StoreError::Failed { doing: DOING, cause });
        }
        let mut connection = connect(path)?;
        configure(&connection, busy).map_err(failed(DOING))?;
        migration::check(&mut connection)?; // before anything is written: it may be somebody else's file
        log_ahead(&connection)?;
        let Meta { generation, .. } = Meta::read(&connection)?;
        if generation < oldest {
            let cause =
                "the file is older than what this service has committed; restart the service to accept it";
            return Err(StoreError::Failed { doing: DOING, cause: cause.to_owned() });
        }
        let keys = unwrap_all(&connection, wrapping)?;
        let identity = Identity::at(path)?;
        let recipients = wrapping.recipient_key()?;
        Ok(Self { connection, keys, wrapping: wrapping.clone(), recipients, identity, generation })
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) const fn recipients(&self) -> &RecipientKey {
        &self.recipients
    }

    pub(super) const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) const fn generation(&self) -> i64 {
        self.generation
    }

    /// Sets how long a statement waits for somebody else's lock.
    pub(super) fn wait_at_most(&self, busy: Duration) -> Result<(), StoreError> {
        self.connection.busy_timeout(busy).map_err(failed(DOING))
    }

    pub(super) fn parts(&mut self) -> Parts<'_> {
        let Self { connection, keys, wrapping, recipients, identity: _, generation } = self;
        Parts { connection, keys: Keys { ring: keys, wrapping }, recipients, generation }
    }
}

impl Keys<'_> {
    /// Lends the ring, in which the key of this number now is.
    pub(super) fn with(&mut self, connection: &Connection, number: u32) -> Result<&KeyRing, StoreError> {
        if !self.ring.has(number) {
            let wrapped: Option<Vec<u8>> = connection
                .prepare_cached("SELECT wrapped FROM data_key WHERE number = ?1")
                .and_then(|mut statement| statement.query_row([number], |row| row.get(0)).optional())
                .map_err(failed("reading a data key"))?;
            let wrapped = wrapped.ok_or_else(|| StoreError::Key(format!("data key {number} is missing")))?;
            self.ring.insert(self.wrapping.unwrap(number, &wrapped)?);
        }
        Ok(self.ring)
    }

    /// Lends the key that seals: the newest one in the store, whoever made it.
    pub(super) fn newest(&mut self, connection: &Connection) -> Result<&DataKey, StoreError> {
        let number = newest_number(connection)?;
        self.with(connection, number)?.key(number)
    }

    /// Makes the key of a number.
    pub(super) fn make(&mut self, transaction: &Transaction<'_>, number: u32) -> Result<(), StoreError> {
        insert_key(transaction, self.wrapping, number)
    }

    /// Forgets all keys but these.
    pub(super) fn keep_only(&mut self, numbers: &[u32]) {
        self.ring.keep_only(numbers);
    }
}

impl Meta {
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        connection
            .prepare_cached("SELECT generation, newest_time, accounts, chain_sequence, chain_head FROM meta")
            .and_then(|mut statement| {
                statement.query_row([], |row| {
                    Ok(Self {
                        generation: row.get(0)?,
                        newest_time: row.get(1)?,
                        accounts: row.get(2)?,
                        chain_sequence: row.get(3)?,
                        chain_head: row.get(4)?,
                    })
                })
            })
            .map_err(failed("reading its own row"))
    }

    /// Writes the row back, one generation later.
    pub(super) fn write(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        self.generation = self.generation.saturating_add(1);
        let sql = "UPDATE meta SET generation = ?1, newest_time = ?2, accounts = ?3, chain_sequence = ?4, \
                   chain_head = ?5";
        transaction
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![
                    self.generation,
                    self.newest_time,
                    self.accounts,
                    self.chain_sequence,
                    self.chain_head
                ])
            })
            .map(drop)
            .map_err(failed("writing its own row"))
    }
}

/// Begins a transaction that writes: it takes the lock now, not when it is too late to wait for it.
pub(super) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Transaction::new(connection, TransactionBehavior::Immediate).map_err(failed("beginning a transaction"))
}

/// Tells the number of the newest data key.
pub(super) fn newest_number(connection: &Connection) -> Result<u32, StoreError> {
    let number: Option<u32> = connection
        .prepare_cached("SELECT max(number) FROM data_key")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_err(failed("reading a data key"))?;
    number.ok_or_else(|| StoreError::Key("the store has no data key".to_owned()))
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(failed(DOING))
}

/// Sets what holds for this connection only.
fn configure(connection: &Connection, busy: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)
}

/// Turns the write-ahead log on, which the file remembers.
fn log_ahead(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed(DOING))?;
    if mode == "wal" {
        return Ok(());
    }
    let cause = format!("this file system allows journal mode {mode} only, not wal");
    Err(StoreError::Failed { doing: DOING, cause })
}

fn insert_key(connection: &Connection, wrapping: &WrappingKey, number: u32) -> Result<(), StoreError> {
    let wrapped = wrapping.wrap(&DataKey::draw(number)?)?;
    let sql = "INSERT INTO data_key (number, wrapped, made) VALUES (?1, ?2, unixepoch())";
    connection.execute(sql, params![number, wrapped]).map(drop).map_err(failed("writing a data key"))
}

/// Unwraps every data key, so that a wrong wrapping key shows at once and not at somebody's login.
fn unwrap_all(connection: &Connection, wrapping: &WrappingKey) -> Result<KeyRing, StoreError> {
    let mut statement = connection
        .prepare("SELECT number, wrapped FROM data_key")
        .map_err(failed("reading the data keys"))?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .map_err(failed("reading the data keys"))?;
    let mut ring = KeyRing::default();
    for row in rows {
        let (number, wrapped) = row.map_err(failed("reading the data keys"))?;
        ring.insert(wrapping.unwrap(number, &wrapped)?);
    }
    newest_number(connection)?;
    Ok(ring)
}
