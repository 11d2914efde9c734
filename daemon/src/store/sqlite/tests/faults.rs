//! What happens to the file while the store is open, and that the store comes back by itself.

use std::fs;
use std::io::{Seek, SeekFrom, Write};

use super::*;
use crate::store::conformance::{event, full, get, key, plain, put};

fn change(account: &Account) -> Vec<Change> {
    vec![Change { account: Some(account.clone()), events: vec![event(1)], ..Change::default() }]
}

/// Tells what failed; anything else than a plain failure is a fault of the test's subject.
async fn failure(store: &Sqlite) -> String {
    match store.commit(change(&plain("bob"))).await {
        Err(StoreError::Failed { doing, cause }) => format!("{doing}: {cause}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_connection_serves_all_calls() {
    let Fixture { store, path, .. } = &fixture().await;
    store
        .call("testing", |database, _| {
            database.connection().execute_batch("CREATE TEMP TABLE seen (x)").map_err(failed("testing"))
        })
        .await
        .unwrap();
    put(store, &mut plain("alice")).await;
    // Somebody else looks at the store and goes away again.
    Connection::open(path).unwrap().query_row("SELECT count(*) FROM account", [], |_| Ok(())).unwrap();
    put(store, &mut plain("bob")).await;
    let looked = store
        .call("testing", |database, _| {
            database.connection().execute_batch("SELECT * FROM seen").map_err(failed("testing"))
        })
        .await;
    assert!(looked.is_ok(), "{looked:?}");
}

#[tokio::test]
async fn a_lock_held_by_somebody_else_fails_commits_not_loads_and_ends_with_it() {
    let fixture = fixture().await;
    put(&fixture.store, &mut plain("alice")).await;
    let other = fixture.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(failure(&fixture.store).await.contains("locked"));
    assert!(get(&fixture.store, &key("alice")).await.is_some());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(get(&fixture.store, &key("bob")).await, None);
    put(&fixture.store, &mut plain("bob")).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_written_or_grow_fails_and_recovers() {
    for (fault, says) in [("query_only = true", "readonly"), ("max_page_count = 1", "full")] {
        let fixture = fixture().await;
        let sql = format!("PRAGMA {fault}");
        let set = move |database: &mut Database, _: &Ticket| {
            let _ = database.connection().query_row(&sql, [], |_| Ok(()));
            Ok(())
        };
        fixture.store.call("testing", set).await.unwrap();
        let mut accounts: Vec<_> = (0..100).map(|number| full(&format!("user{number}"))).collect();
        let batch = accounts.iter().flat_map(change).collect();
        let refused = fixture.store.commit(batch).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
        assert_eq!(get(&fixture.store, &accounts[0].key).await, None);
        put(&fixture.store, &mut accounts[0]).await;
    }
}

#[tokio::test]
async fn a_read_only_file_refuses_commits_until_it_can_be_written() {
    let fixture = fixture().await;
    put(&fixture.store, &mut plain("alice")).await;
    fixture.settle().await;
    fs::set_permissions(&fixture.path, Permissions::from_mode(0o400)).unwrap();
    if nix::unistd::geteuid().is_root() {
        // Root writes whatever the mode says; the commit then has to work.
        put(&fixture.store, &mut plain("bob")).await;
        return;
    }
    assert!(fixture.store.commit(change(&plain("bob"))).await.is_err());
    fs::set_permissions(&fixture.path, Permissions::from_mode(0o600)).unwrap();
    put(&fixture.store, &mut plain("bob")).await;
}

#[tokio::test]
async fn a_file_that_vanishes_is_not_made_again_and_is_taken_up_when_it_is_back() {
    let fixture = fixture().await;
    put(&fixture.store, &mut plain("alice")).await;
    let away = fixture.path.with_extension("away");
    fs::rename(&fixture.path, &away).unwrap();
    assert!(failure(&fixture.store).await.contains("gone"));
    assert!(fixture.store.load(&[key("alice")]).await.is_err());
    assert!(!fixture.path.exists());
    fs::rename(&away, &fixture.path).unwrap();
    assert!(get(&fixture.store, &key("alice")).await.is_some());
    put(&fixture.store, &mut plain("bob")).await;
}

#[tokio::test]
async fn an_older_file_put_in_its_place_is_refused_until_a_restart_and_kept_whole() {
    let fixture = fixture().await;
    let mut alice = full("alice");
    put(&fixture.store, &mut alice).await;
    fixture.settle().await;
    put(&fixture.store, &mut alice).await;
    let files = files_of(&fixture.path);
    let [backup, backup_log, _] = files_of(&fixture.path.with_extension("backup"));
    fs::copy(&files[0], &backup).unwrap();
    fs::copy(&files[1], &backup_log).unwrap();
    put(&fixture.store, &mut alice).await;
    fs::rename(&backup, &files[0]).unwrap();
    fs::rename(&backup_log, &files[1]).unwrap();
    assert!(failure(&fixture.store).await.contains("older than what this service has committed"));
    assert!(failure(&fixture.store).await.contains("older than what this service has committed"));
    let restarted = fixture.restart().await.unwrap();
    assert_eq!(get(&restarted, &alice.key).await.unwrap().revision, Revision(2), "its log is whole too");
}

fn files_of(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| super::super::files::beside(path, suffix))
}

#[tokio::test]
async fn a_removed_log_loses_nothing() {
    let fixture = fixture().await;
    let mut alice = full("alice");
    put(&fixture.store, &mut alice).await;
    fs::remove_file(&files_of(&fixture.path)[1]).unwrap();
    put(&fixture.store, &mut alice).await;
    let restarted = fixture.restart().await.unwrap();
    assert_eq!(get(&restarted, &alice.key).await, Some(alice));
}

#[tokio::test]
async fn a_log_cut_under_our_feet_is_an_error_not_an_older_answer() {
    let fixture = fixture().await;
    let mut alice = full("alice");
    put(&fixture.store, &mut alice).await;
    fixture.settle().await;
    put(&fixture.store, &mut alice).await;
    let log = fs::OpenOptions::new().write(true).open(&files_of(&fixture.path)[1]).unwrap();
    log.set_len(100).unwrap();
    for _ in 0..3 {
        if let Ok(found) = fixture.store.load(std::slice::from_ref(&alice.key)).await {
            assert_eq!(found, [Some(alice.clone())]);
        }
    }
    if let Ok(answers) = fixture.store.commit(change(&alice)).await {
        assert_eq!(answers, [Ok(Revision(3))]);
    }
}

#[tokio::test]
async fn a_log_cut_anywhere_while_stopped_opens_with_whole_commits_only() {
    let fixture = fixture().await;
    let mut alice = full("alice");
    put(&fixture.store, &mut alice).await;
    fixture.settle().await;
    put(&fixture.store, &mut alice).await;
    put(&fixture.store, &mut alice).await;
    let [main, log, _] = files_of(&fixture.path);
    let (main, log) = (fs::read(main).unwrap(), fs::read(log).unwrap());
    let copy = directory();
    let path = copy.path().join("store.db");
    let [copied, copied_log, copied_index] = files_of(&path);
    let mut last = Revision(0);
    for length in (0..=log.len()).step_by(509).chain([log.len()]) {
        let _ = fs::remove_file(&copied_index);
        fs::write(&copied, &main).unwrap();
        fs::write(&copied_log, &log[..length]).unwrap();
        let store = Sqlite::open_with(&path, wrapping(7), PATIENT).await.unwrap();
        let found = get(&store, &alice.key).await.unwrap();
        assert!(found.revision >= last, "{length}");
        last = found.revision;
        store.settle_and_stop().await;
    }
    assert_eq!(last, Revision(3));
}

impl Sqlite {
    /// Ends the thread and waits until it has closed the database.
    async fn settle_and_stop(self) {
        let (gone, closed) = oneshot::channel::<()>();
        self.call("stopping", move |_, _| Err::<(), _>(ended("stopping"))).await.unwrap_err();
        let job: Job = Box::new(move |_| drop(gone));
        assert!(self.jobs.send(job).await.is_ok());
        assert!(closed.await.is_err());
    }
}

#[tokio::test]
async fn a_damaged_page_never_panics_never_lies_and_heals_with_the_file() {
    let fixture = fixture().await;
    let mut accounts: Vec<_> = (0..40).map(|number| full(&format!("user{number:02}"))).collect();
    for account in &mut accounts {
        put(&fixture.store, account).await;
    }
    fixture.settle().await;
    let keys: Vec<_> = accounts.iter().map(|account| account.key.clone()).collect();
    let whole = fs::read(&fixture.path).unwrap();
    let mut errors = 0;
    for page in 0..whole.len() / 4096 {
        let mut file = fs::OpenOptions::new().write(true).open(&fixture.path).unwrap();
        file.seek(SeekFrom::Start(u64::try_from(page).unwrap() * 4096)).unwrap();
        file.write_all(&[0xA5; 4096]).unwrap();
        for (key, account) in keys.iter().zip(&accounts) {
            match fixture.store.load(std::slice::from_ref(key)).await {
                Ok(found) => assert!(found == [Some(account.clone())] || found == [None], "page {page}"),
                Err(_) => errors += 1,
            }
        }
        errors += usize::from(fixture.store.page(None, 1000).await.is_err());
        fs::write(&fixture.path, &whole).unwrap();
        fixture.settle().await;
        assert_eq!(fixture.store.load(&keys[..1]).await.unwrap(), [Some(accounts[0].clone())], "page {page}");
    }
    assert!(errors > 0);
}

#[tokio::test]
async fn a_missing_table_fails_what_needs_it_until_it_is_back() {
    let fixture = fixture().await;
    let other = fixture.other();
    other.execute_batch("ALTER TABLE audit RENAME TO elsewhere").unwrap();
    assert!(failure(&fixture.store).await.contains("no such table: audit"));
    assert!(
        failure(&fixture.store).await.contains("no such table: audit"),
        "it stays refused after reopening"
    );
    assert!(fixture.restart().await.is_err());
    other.execute_batch("ALTER TABLE elsewhere RENAME TO audit").unwrap();
    put(&fixture.store, &mut plain("bob")).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_its_number() {
    let fixture = fixture().await;
    fixture.other().execute_batch("PRAGMA user_version = 5").unwrap();
    let refused = fixture.restart().await.err().unwrap().to_string();
    assert!(refused.contains("schema 5") && refused.contains("knows 1 to 4"), "{refused}");
}

#[tokio::test]
async fn another_wrapping_key_is_refused_at_once() {
    let fixture = fixture().await;
    let refused = Sqlite::open(&fixture.path, wrapping(8)).await.err().unwrap();
    assert!(matches!(refused, StoreError::Key(_)), "{refused}");
}

#[tokio::test]
async fn a_store_without_data_keys_is_refused() {
    let fixture = fixture().await;
    fixture.other().execute_batch("PRAGMA foreign_keys = false; DELETE FROM data_key").unwrap();
    assert!(matches!(fixture.restart().await, Err(StoreError::Key(_))));
    assert!(matches!(fixture.store.commit(change(&plain("bob"))).await, Err(StoreError::Key(_))));
}

#[tokio::test]
async fn rows_that_were_swapped_edited_or_flipped_are_unreadable_and_others_are_not() {
    let edits = [
        "UPDATE account SET sealed = other.sealed FROM account AS other \
         WHERE account.name <> 'carol' AND other.name <> 'carol' AND other.name <> account.name",
        "UPDATE account SET document = replace(document, '56666666', '56666665') WHERE name <> 'carol'",
        "UPDATE account SET document = replace(document, 'pending', 'active') WHERE name <> 'carol'",
        "UPDATE account SET document = '{}' WHERE name <> 'carol'",
        "UPDATE account SET epoch = epoch + 1 WHERE name <> 'carol'",
        "UPDATE account SET covered_since = covered_since + 1 WHERE name <> 'carol'",
        "UPDATE account SET revision = revision + 1 WHERE name <> 'carol'",
        "UPDATE account SET changed = -1 WHERE name <> 'carol'",
        "UPDATE account SET name = name || 'x' WHERE name <> 'carol'",
        "UPDATE account SET sealed = x'' WHERE name <> 'carol'",
        "UPDATE account SET sealed = zeroblob(100000) WHERE name <> 'carol'",
        "UPDATE account SET document = CAST(x'ff' AS TEXT) WHERE name <> 'carol'",
    ];
    for edit in edits {
        let fixture = fixture().await;
        let mut carol = full("carol");
        for account in [&mut full("alice"), &mut full("bob"), &mut carol] {
            put(&fixture.store, account).await;
        }
        assert_eq!(fixture.other().execute(edit, []).unwrap(), 2, "{edit}");
        let suffix = if edit.contains("|| 'x'") { "x" } else { "" };
        for name in ["alice", "bob"] {
            match fixture.store.load(&[key(&format!("{name}{suffix}"))]).await {
                Err(StoreError::Unreadable(text)) => assert!(!text.contains("alice"), "{text}"),
                other => panic!("{edit}: {other:?}"),
            }
        }
        assert_eq!(get(&fixture.store, &carol.key).await, Some(carol), "{edit}");
    }
}

#[tokio::test]
async fn audit_records_cannot_be_altered_or_removed() {
    let fixture = fixture().await;
    let _ = fixture.store.commit(change(&plain("alice"))).await.unwrap();
    for sql in ["UPDATE audit SET record = 'x'", "DELETE FROM audit", "UPDATE audit SET sequence = 7"] {
        let refused = fixture.other().execute(sql, []).unwrap_err();
        assert!(refused.to_string().contains("append only"), "{refused}");
    }
    assert_eq!(fixture.store.audit(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_anchor_of_the_audit_moves_forward_only_onto_a_record_and_guards_what_follows() {
    let fixture = fixture().await;
    for at in 0..4 {
        fixture.store.commit(vec![Change { events: vec![event(at)], ..Change::default() }]).await.unwrap()[0]
            .unwrap();
    }
    fixture.store.trim_audit(2).await.unwrap();
    for sql in [
        "UPDATE meta SET anchor_sequence = 3",
        "UPDATE meta SET anchor_sequence = 1",
        "UPDATE meta SET anchor_sequence = sequence, anchor_link = link FROM (SELECT * FROM audit WHERE sequence = 4)",
        "UPDATE meta SET anchor_link = zeroblob(32)",
    ] {
        let refused = fixture.other().execute(sql, []).unwrap_err();
        assert!(refused.to_string().contains("moves forward only"), "{sql}: {refused}");
    }
    assert!(fixture.other().execute("DELETE FROM audit WHERE sequence >= 3", []).is_err());
    assert!(fixture.other().execute("DELETE FROM meta", []).is_err());
    assert_eq!(fixture.store.audit(0, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_fault_of_ours_fails_one_call_only() {
    let fixture = fixture().await;
    let outcome = fixture.store.call::<()>("testing", |_, _| panic!("a test panics on purpose")).await;
    assert!(matches!(outcome, Err(StoreError::Failed { .. })));
    put(&fixture.store, &mut plain("alice")).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_hides_no_other_and_can_be_removed() {
    let fixture = fixture().await;
    let names = ["alice", "bob", "carol", "dora"];
    for name in names {
        put(&fixture.store, &mut full(name)).await;
    }
    let spoil = "UPDATE account SET document = '{}' WHERE name = 'alice';
        UPDATE account SET sealed = zeroblob(9) WHERE name = 'bob';
        UPDATE account SET document = CAST(x'ff' AS TEXT) WHERE name = 'carol';
        UPDATE account SET name = 'a/b' WHERE name = 'dora';";
    fixture.other().execute_batch(spoil).unwrap();
    put(&fixture.store, &mut plain("zoe")).await;
    for limit in [1, 2, 10] {
        let (mut readable, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = fixture.store.page(after.as_ref(), limit).await.unwrap();
            readable.extend(page.accounts.into_iter().map(|account| account.key));
            unreadable.extend(page.unreadable);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(readable, [key("zoe")], "in pages of {limit}");
        let keys: Vec<_> = unreadable.iter().map(|stub| stub.key.clone()).collect();
        assert_eq!(keys, ["alice", "bob", "carol"].map(key), "in pages of {limit}");
    }
    let loaded = crate::store::load_each(&fixture.store, &["alice", "zoe", "nobody"].map(key)).await.unwrap();
    assert!(
        loaded[0].is_err() && loaded[1].as_ref().unwrap().is_some() && loaded[2].as_ref().unwrap().is_none()
    );
    for name in ["alice", "bob", "carol"] {
        let stub = fixture.store.stub(&key(name)).await.unwrap().unwrap();
        assert_eq!(fixture.store.remove(&stub, vec![event(1)]).await.unwrap(), Ok(()), "{name}");
        put(&fixture.store, &mut plain(name)).await;
    }
    assert_eq!(fixture.store.page(None, 10).await.unwrap().accounts.len(), 4);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_keep_the_others_from_being_resealed() {
    let fixture = fixture().await;
    for name in ["alice", "bob"] {
        put(&fixture.store, &mut full(name)).await;
    }
    fixture.other().execute("UPDATE account SET sealed = zeroblob(9) WHERE name = 'alice'", []).unwrap();
    let key = fixture.store.rotate_key().await.unwrap();
    let resealed = fixture.store.reseal(None, 10).await.unwrap();
    assert_eq!((resealed.done, resealed.next), (2, None));
    let number = |name: &str| -> u32 {
        let sql = "SELECT data_key FROM account WHERE name = ?1";
        fixture.other().query_row(sql, [name], |row| row.get(0)).unwrap()
    };
    assert_eq!((number("alice"), number("bob")), (key - 1, key));
}
