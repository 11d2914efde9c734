//! The outbox in its file: no address and no code to be read there, and nothing of it in the way.

use std::fs;

use countersign_core::delivery::{Progress, RequestId};
use rusqlite::params;

use super::super::files::beside;
use super::*;
use crate::store::conformance::outbox::{AT, code, email, send};
use crate::store::conformance::{event, full, get, key, plain, put};

/// What stands in no file: address and code, whole and in parts.
const WORDS: [&str; 6] = ["alice@example.org", "alice", "example.org", "4930", "2718", "is your code"];

fn assert_nothing_is_readable(fixture: &Fixture) {
    let mut looked_at = 0;
    for suffix in ["", "-wal", "-shm"] {
        let content = fs::read(beside(&fixture.path, suffix)).unwrap();
        looked_at += content.len();
        for word in WORDS {
            let is_there = content.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
            assert!(!is_there, "{word} stands in store.db{suffix}");
        }
    }
    assert!(looked_at > 50_000);
}

#[tokio::test]
async fn neither_recipient_nor_code_can_be_read_in_the_file() {
    let fixture = fixture().await;
    let mut person = plain("person");
    let outgoing = code(email("alice@example.org"), AT);
    send(&fixture.store, &mut person, &outgoing).await;
    assert_nothing_is_readable(&fixture);
    assert!(fixture.store.claim(outgoing.id).await.unwrap());
    let settled = vec![(outgoing.id, Progress::Sent)];
    let _ = fixture.store.commit(vec![Change { settled, ..Change::default() }]).await.unwrap();
    assert_nothing_is_readable(&fixture);
    let left: (Option<Vec<u8>>, Option<u32>, String) = fixture
        .other()
        .query_row("SELECT sealed, data_key, state FROM outbox", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(left, (None, None, "sent".to_owned()));
}

#[tokio::test]
async fn an_altered_message_is_never_sent_and_stands_in_nobodys_way() {
    for alteration in [
        "UPDATE outbox SET sealed = zeroblob(60) WHERE sequence = 1",
        "UPDATE outbox SET expires = expires + 86400 WHERE sequence = 1",
        "UPDATE outbox SET purpose = 'notice' WHERE sequence = 1",
        "UPDATE outbox SET channel = 'sms' WHERE sequence = 1",
        "UPDATE outbox SET account = zeroblob(16) WHERE sequence = 1",
        "UPDATE outbox SET recipient = (SELECT recipient FROM outbox WHERE sequence = 2) WHERE sequence = 1",
        "UPDATE outbox SET sealed = (SELECT sealed FROM outbox WHERE sequence = 2) WHERE sequence = 1",
    ] {
        let fixture = fixture().await;
        let mut person = plain("person");
        let [altered, whole] = ["alice@example.org", "bob@example.org"].map(|to| code(email(to), AT));
        send(&fixture.store, &mut person, &altered).await;
        send(&fixture.store, &mut person, &whole).await;
        assert_eq!(fixture.other().execute(alteration, []).unwrap(), 1);
        let ids = |waiting: Vec<Waiting>| waiting.into_iter().map(|waiting| waiting.id).collect::<Vec<_>>();
        assert_eq!(ids(fixture.store.due(AT, 10).await.unwrap()), [whole.id], "{alteration}");
        assert_eq!(ids(fixture.store.due(AT, 1).await.unwrap()), [whole.id], "{alteration}");
        assert!(!fixture.store.claim(altered.id).await.unwrap(), "{alteration}");
    }
}

#[tokio::test]
async fn a_claim_outlives_a_restart() {
    let fixture = fixture().await;
    let outgoing = code(email("alice@example.org"), AT);
    send(&fixture.store, &mut plain("alice"), &outgoing).await;
    assert!(fixture.store.claim(outgoing.id).await.unwrap());
    let again = fixture.restart().await.unwrap();
    assert!(again.due(AT, 10).await.unwrap().is_empty());
    assert_eq!(again.interrupted(10).await.unwrap()[0].id, outgoing.id);
}

/// Makes what lies there a store of the first schema, as an older service left it.
fn turn_back(fixture: &Fixture) {
    let other = fixture.other();
    let restores = ["store", "era", "doubted", "stamped", "spool", "spooled"];
    for column in restores {
        other.execute_batch(&format!("ALTER TABLE meta DROP COLUMN {column}")).unwrap();
    }
    let retention = "DROP TRIGGER audit_is_removed_up_to_its_anchor; DROP TRIGGER anchor_moves_onto_a_record; \
                     DROP TRIGGER meta_is_not_removed; ALTER TABLE meta DROP COLUMN anchor_link; \
                     ALTER TABLE meta DROP COLUMN anchor_sequence;";
    other.execute_batch(retention).unwrap();
    let (_, guard) =
        include_str!("../../schema/0001.sql").split_once("CREATE TRIGGER audit_is_not_removed").unwrap();
    let (guard, _) = guard.split_once("END;").unwrap();
    other.execute_batch(&format!("CREATE TRIGGER audit_is_not_removed{guard}END;")).unwrap();
    other.execute_batch("DROP TABLE outbox; PRAGMA user_version = 1").unwrap();
    let first = Connection::open_in_memory().unwrap();
    first.execute_batch(include_str!("../../schema/0001.sql")).unwrap();
    let schema = |connection: &Connection| -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE name <> 'sqlite_sequence' AND sql IS NOT NULL ORDER BY name")
            .unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(schema(&other), schema(&first), "nothing else is left of the later steps");
}

#[tokio::test]
async fn a_store_of_the_first_schema_is_migrated_and_keeps_everything() {
    let fixture = fixture().await;
    let mut accounts: Vec<_> = (0..10).map(|number| full(&format!("user{number}"))).collect();
    for account in &mut accounts {
        put(&fixture.store, account).await;
    }
    let _ = fixture.store.commit(vec![Change { events: vec![event(7)], ..Change::default() }]).await.unwrap();
    let records = fixture.store.audit(0, 10).await.unwrap();
    fixture.settle().await;
    turn_back(&fixture);

    let migrated = fixture.restart().await.unwrap();
    for account in &accounts {
        assert_eq!(get(&migrated, &account.key).await.as_ref(), Some(account));
    }
    assert_eq!(migrated.audit(0, 10).await.unwrap(), records);
    assert_eq!(migrated.page(None, 1).await.unwrap().total, 10);
    let outgoing = code(email("alice@example.org"), AT);
    send(&migrated, &mut accounts[0], &outgoing).await;
    assert_eq!(migrated.due(AT, 10).await.unwrap()[0].account, Some(key("user0")));
    let version: i64 = fixture.other().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 4);
    assert!(fixture.restart().await.is_ok(), "and once is enough");
}

#[tokio::test]
async fn a_half_migrated_store_is_refused() {
    let fixture = fixture().await;
    fixture.other().execute_batch("DROP TABLE outbox").unwrap();
    assert!(fixture.restart().await.err().unwrap().to_string().contains("no such table: outbox"));
}

#[tokio::test]
async fn a_data_key_is_kept_while_a_message_needs_it_and_forgotten_after() {
    let fixture = fixture().await;
    let outgoing = code(email("alice@example.org"), AT);
    send(&fixture.store, &mut plain("alice"), &outgoing).await;
    fixture.store.rotate_key().await.unwrap();
    let count = || -> i64 {
        fixture.other().query_row("SELECT count(*) FROM data_key", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(fixture.store.reseal(None, 100).await.unwrap().next, None);
    assert_eq!(count(), 2);
    let settled = vec![(outgoing.id, Progress::Sent)];
    let _ = fixture.store.commit(vec![Change { settled, ..Change::default() }]).await.unwrap();
    assert_eq!(fixture.store.reseal(None, 100).await.unwrap().next, None);
    assert_eq!(count(), 1);
}

#[tokio::test]
async fn ten_thousand_sends_are_counted_and_found_quickly() {
    let fixture = fixture().await;
    send(&fixture.store, &mut plain("alice"), &code(email("alice@example.org"), AT)).await;
    let mut other = fixture.other();
    let transaction = other.transaction().unwrap();
    for number in 0_i64..10_000 {
        let (id, recipient) = ([number.to_be_bytes(); 2].concat(), [number.to_be_bytes(); 4].concat());
        transaction
            .execute(
                "INSERT INTO outbox (id, recipient, channel, purpose, queued, expires, state, next_at) \
                 VALUES (?1, ?2, 'email', 'code', ?3, ?3, 'sent', 0)",
                params![id, recipient, i64::try_from(AT.as_seconds()).unwrap() - number],
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    for (sql, index) in [
        (
            "SELECT queued FROM outbox WHERE recipient = x'00' AND purpose = 'code' AND used = 0",
            "by_recipient",
        ),
        ("SELECT queued FROM outbox WHERE queued > 1 AND channel = 'email' ORDER BY queued DESC", "by_time"),
        ("SELECT sequence FROM outbox WHERE expires <= 1 LIMIT 5", "by_expiry"),
        (
            "SELECT id FROM outbox WHERE sealed IS NOT NULL AND state = 'queued' AND next_at <= 1",
            "outbox_open",
        ),
    ] {
        let plan: String =
            other.query_row(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| row.get(3)).unwrap();
        assert!(plan.contains(index), "{sql}: {plan}");
    }
    assert_eq!(fixture.store.host_use(AT).await.unwrap().emails.len(), 3601);
    assert_eq!(fixture.store.due(AT, 10).await.unwrap().len(), 1);
    let mut removed = 0;
    while let count @ 1.. = fixture.store.purge(AT.after(std::time::Duration::from_hours(48))).await.unwrap()
    {
        assert!(count <= 1000);
        removed += count;
    }
    assert_eq!(removed, 10_001);
    assert!(!fixture.store.claim(RequestId([0; 16])).await.unwrap());
}
