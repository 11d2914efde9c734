//! Tests of the embedded store that need its files and its thread.

mod faults;
mod files;
mod outbox;
mod patience;
mod secrets;
mod writers;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_core::secret::Secret;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::store::conformance::suite;

/// Patience for tests in which nobody waits in vain, on a machine that is busy with other tests.
const PATIENT: Patience = Patience { busy: Duration::from_millis(50), call: Duration::from_mins(1) };
/// Patience for tests in which somebody does.
const SHORT: Patience = Patience { busy: Duration::from_millis(50), call: Duration::from_secs(1) };

fn wrapping(byte: u8) -> WrappingKey {
    let mut bytes = *b"a wrapping key of the tests, 32 b";
    bytes[0] = byte;
    WrappingKey::new(Secret::new(*bytes.first_chunk().unwrap()))
}

/// A directory as systemd makes it.
fn directory() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap()
}

/// A store in its directory.
struct Fixture {
    store: Sqlite,
    path: PathBuf,
    _directory: TempDir,
}

async fn fixture() -> Fixture {
    fixture_with(PATIENT).await
}

async fn fixture_with(patience: Patience) -> Fixture {
    let directory = directory();
    let path = directory.path().join("store.db");
    let store = Sqlite::open_with(&path, wrapping(7), patience).await.unwrap();
    Fixture { store, path, _directory: directory }
}

impl Fixture {
    /// Opens the file as somebody else does.
    fn other(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }

    /// Opens the store once more, as the service does when it starts.
    async fn restart(&self) -> Result<Sqlite, StoreError> {
        Sqlite::open_with(&self.path, wrapping(7), PATIENT).await
    }

    /// Brings everything into the main file and lets the next call open it afresh.
    async fn settle(&self) {
        let work = |database: &mut Database, _: &Ticket| -> Result<(), StoreError> {
            database.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            Err(ended("settling"))
        };
        self.store.call("settling", work).await.unwrap_err();
    }
}

async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let directory = directory();
    let patience = Patience { busy: BUSY_LIMIT, ..PATIENT };
    let store = Sqlite::open_with(&directory.path().join("store.db"), wrapping(7), patience).await.unwrap();
    (Arc::new(store), directory)
}

mod conformance {
    use super::*;

    suite! { fresh().await }
}
