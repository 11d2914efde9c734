//! Tests of the embedded store that need its files and its thread.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use countersign_core::secret::Secret;
use tempfile::TempDir;

use super::*;
use crate::store::conformance::suite;

fn wrapping(byte: u8) -> WrappingKey {
    WrappingKey::new(Secret::new([byte; 32]))
}

fn directory() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap()
}

async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let directory = directory();
    let store = Sqlite::open(&directory.path().join("store.db"), wrapping(7)).await.unwrap();
    (Arc::new(store), directory)
}

mod conformance {
    use super::*;

    suite! { fresh().await }
}
