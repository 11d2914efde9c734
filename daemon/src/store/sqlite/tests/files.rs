//! The files on disk: modes, owners, and what is no store.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};

use countersign_config::{Database as Place, LocalNames, StoreSettings};
use countersign_core::account::HostId;

use super::super::files::beside;
use super::*;
use crate::store::conformance::{full, get, put};

async fn refusal(path: &Path) -> String {
    match Sqlite::open_with(path, wrapping(7), PATIENT).await {
        Err(StoreError::Failed { doing, cause }) => format!("{doing}: {cause}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{} was opened", path.display()),
    }
}

fn modes(path: &Path) -> Vec<u32> {
    ["", "-wal", "-shm"]
        .iter()
        .map(|suffix| fs::metadata(beside(path, suffix)).unwrap().mode() & 0o7777)
        .collect()
}

#[tokio::test]
async fn only_this_user_can_read_the_files() {
    let fixture = fixture().await;
    put(&fixture.store, &mut full("alice")).await;
    assert_eq!(modes(&fixture.path), [0o600, 0o600, 0o600]);
}

#[tokio::test]
async fn too_wide_modes_are_narrowed() {
    let fixture = fixture().await;
    for suffix in ["", "-wal", "-shm"] {
        fs::set_permissions(beside(&fixture.path, suffix), Permissions::from_mode(0o664)).unwrap();
    }
    fixture.restart().await.unwrap();
    assert_eq!(modes(&fixture.path), [0o600, 0o600, 0o600]);
}

#[tokio::test]
async fn a_directory_that_is_missing_or_open_to_others_is_refused() {
    let directory = directory();
    let path = directory.path().join("none").join("store.db");
    assert!(refusal(&path).await.contains("does not exist"));
    for mode in [0o755, 0o750, 0o701, 0o770] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        assert!(refusal(&directory.path().join("store.db")).await.contains("it must be 0700"));
    }
    fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
    Sqlite::open(&directory.path().join("store.db"), wrapping(7)).await.unwrap();
}

#[tokio::test]
async fn links_folders_and_files_of_somebody_else_are_refused() {
    let fixture = fixture().await;
    let link = fixture.path.with_extension("link");
    symlink(&fixture.path, &link).unwrap();
    assert!(refusal(&link).await.contains("not a regular file"));
    let folder = fixture.path.with_extension("folder");
    fs::create_dir(&folder).unwrap();
    assert!(refusal(&folder).await.contains("not a regular file"));
    if nix::unistd::geteuid().is_root() {
        chown(&fixture.path, Some(12_345), None).unwrap();
        assert!(refusal(&fixture.path).await.contains("belongs to uid 12345"));
    }
}

#[tokio::test]
async fn an_emptied_file_and_a_file_of_something_else_are_refused_and_kept() {
    let directory = directory();
    let path = directory.path().join("store.db");
    for content in [
        &b""[..],
        b"not a database, but longer than a header of SQLite, which has one hundred bytes in \
        all and begins with its name",
    ] {
        fs::write(&path, content).unwrap();
        refusal(&path).await;
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE account (id)").unwrap();
    assert!(refusal(&path).await.contains("not a store of Countersign"));
}

#[tokio::test]
async fn what_a_crash_left_of_making_the_store_is_made_anew() {
    let directory = directory();
    let path = directory.path().join("store.db");
    fs::write(beside(&path, ".new"), b"half a database").unwrap();
    fs::write(beside(&path, ".new-journal"), b"half a journal").unwrap();
    let settings = StoreSettings {
        database: Place::Embedded(path.clone()),
        key_file: None,
        local_names: LocalNames::Host,
    };
    let host = HostId::try_from("host").unwrap();
    let store = crate::store::open(&settings, wrapping(7), &host).await.unwrap();
    put(&*store, &mut full("alice")).await;
    assert!(!beside(&path, ".new").exists() && !beside(&path, ".new-journal").exists());
}

#[tokio::test]
async fn a_log_without_its_store_is_refused() {
    let fixture = fixture().await;
    put(&fixture.store, &mut full("alice")).await;
    let away = fixture.path.with_extension("away");
    fs::rename(&fixture.path, &away).unwrap();
    assert!(refusal(&fixture.path).await.contains("its log"));
    assert!(!fixture.path.exists());
    fs::rename(&away, &fixture.path).unwrap();
    assert!(get(&fixture.restart().await.unwrap(), &full("alice").key).await.is_some());
}

#[tokio::test]
async fn the_store_that_the_service_opens_is_this_one() {
    let directory = directory();
    let path = directory.path().join("store.db");
    let settings = StoreSettings {
        database: Place::Embedded(path.clone()),
        key_file: None,
        local_names: LocalNames::Host,
    };
    let host = HostId::try_from("host").unwrap();
    let store = crate::store::open(&settings, wrapping(7), &host).await.unwrap();
    put(&*store, &mut full("alice")).await;
    assert!(path.exists());
}

#[tokio::test]
async fn the_connection_is_set_for_durable_commits_and_wiped_deletes() {
    let fixture = fixture().await;
    let expected = [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("secure_delete", "1"),
        ("trusted_schema", "0"),
        ("cell_size_check", "1"),
    ];
    for (name, value) in expected {
        let work = move |database: &mut Database, _: &Ticket| {
            let read = |row: &rusqlite::Row<'_>| {
                row.get::<_, String>(0).or_else(|_| row.get::<_, i64>(0).map(|number| number.to_string()))
            };
            database.connection().pragma_query_value(None, name, read).map_err(failed("testing"))
        };
        assert_eq!(fixture.store.call("testing", work).await.unwrap(), value, "{name}");
    }
}
