//! Logins of the past: records of an audit that nobody lived through.

use std::path::Path;

use countersign_core::audit::{AuditEvent, EventId, LoginFacts, Subject};
use countersign_core::time::WallTime;
use countersignd::store::sqlite::Sqlite;
use countersignd::store::{Change, Store as _};

use super::House;

/// How many records one commit writes.
const AT_ONCE: usize = 1000;

/// A login of somebody over ssh.
pub(crate) fn login(user: &str, uid: u32, at: WallTime) -> AuditEvent {
    let machine_id = std::fs::read_to_string("/etc/machine-id").unwrap();
    let subject =
        Subject { user: user.to_owned(), realm: format!("local:{}", machine_id.trim()), account: None };
    let facts = LoginFacts {
        uid: Some(uid),
        origin: "local".to_owned(),
        groups: vec!["staff".to_owned()],
        groups_complete: true,
        service: "sshd".to_owned(),
        phase: "auth".to_owned(),
        source: "198.51.100.7".to_owned(),
        tty: Some("ssh".to_owned()),
        key_type: None,
        requesting_uid: None,
    };
    AuditEvent {
        subject: Some(subject),
        login: Some(facts),
        policy: Some("0".repeat(64)),
        rule: Some("default".to_owned()),
        verdict: Some("skip".to_owned()),
        reason: Some("not-enrolled".to_owned()),
        ..AuditEvent::new(EventId::LoginSkipped, at, "h1.example.org", "self")
    }
}

/// Writes records into the audit of a house in which nothing runs.
pub(crate) async fn record(house: &House, records: impl Iterator<Item = AuditEvent>) {
    record_in(&house.database(), records).await;
}

async fn record_in(database: &Path, mut records: impl Iterator<Item = AuditEvent>) {
    let store = Sqlite::open(database, House::key()).await.unwrap();
    loop {
        let events: Vec<AuditEvent> = records.by_ref().take(AT_ONCE).collect();
        if events.is_empty() {
            return;
        }
        let written = store.commit(vec![Change { events, ..Change::default() }]).await.unwrap();
        assert!(written.iter().all(Result::is_ok));
    }
}
