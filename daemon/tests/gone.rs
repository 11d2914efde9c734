//! Users whom the name service no longer knows, and records that cannot be read: they hide nobody, and can be deleted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::HashMap;
use std::time::Duration;

use countersign_core::account::Realm;
use countersign_core::audit::AuditEvent;
use countersign_protocol::names::error;
use countersign_protocol::proxies::{AdminProxy, OwnedFacts};
use zbus::{Connection, Variant};

use harness::bus::{Bus, admin, helpdesk, number, switch, text};
use harness::{House, error_name};

const ENROLLED: &str = "[default]\nrequire = \"enrolled\"\n";

fn is_root() -> bool {
    let is_root = nix::unistd::getuid().is_root();
    if !is_root {
        eprintln!("left out: only root is let through without polkit");
    }
    is_root
}

/// A service that keeps something of `daemon`, of two users who are gone, of a spoiled `bin`, and of another host's user.
async fn settle() -> (House, Bus, Connection) {
    let mut house = House::build(ENROLLED);
    for name in ["daemon", "bin", "zz-gone", "zz-left"] {
        house.seed(name).await;
    }
    let elsewhere = Realm::try_from("local:ffffffffffffffffffffffffffffffff").unwrap();
    house.seed_with("zz-elsewhere", |account| account.key.realm = elsewhere).await;
    let database = rusqlite::Connection::open(house.database()).unwrap();
    // The store that seeded may be closing still.
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    database.execute("UPDATE account SET document = '{}' WHERE name = 'bin'", []).unwrap();
    drop(database);
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let connection = bus.client().await;
    (house, bus, connection)
}

fn reason() -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([("reason", Variant::from("left"))])
}

async fn listed(admin: &AdminProxy<'_>) -> HashMap<String, OwnedFacts> {
    let (rows, next, _) = admin.list_users("", 100).await.unwrap();
    assert_eq!(next, "");
    rows.into_iter().map(|row| (text(&row, "user"), row)).collect()
}

/// The events of a kind, by whom they are about and why.
async fn recorded(admin: &AdminProxy<'_>, event: &'static str) -> Vec<(String, String)> {
    let (records, ..) = admin.audit(HashMap::from([("event", Variant::from(event))]), 0).await.unwrap();
    let read = |(_, text): (u64, String)| AuditEvent::from_canonical(&text).unwrap();
    let event = |event: AuditEvent| (event.subject.unwrap().user, event.change.or(event.reason).unwrap());
    records.into_iter().map(read).map(event).collect()
}

#[tokio::test]
async fn who_is_gone_and_who_cannot_be_read_are_listed_as_such_beside_the_others() {
    if !is_root() {
        return;
    }
    let (_house, _bus, connection) = settle().await;
    let rows = listed(&admin(&connection).await).await;
    assert_eq!(rows.len(), 5, "{:?}", rows.keys());
    let gone = &rows["zz-gone"];
    assert!(switch(gone, "gone") && !switch(gone, "needs_reset"));
    let factors: Vec<OwnedFacts> = gone["factors"].clone().try_into().unwrap();
    assert_eq!(text(&factors[0], "label"), "phone");
    assert!(!switch(&rows["daemon"], "gone") && rows["daemon"].contains_key("rule"));
    assert!(switch(&rows["bin"], "unreadable") && !rows["daemon"].contains_key("unreadable"));
    assert!(!rows["zz-elsewhere"].contains_key("gone"), "another host's user is none of this one");
    let shown = helpdesk(&connection).await.show("zz-gone").await.unwrap();
    assert!(switch(&shown, "gone"));
}

#[tokio::test]
async fn what_is_kept_of_a_user_who_is_gone_can_be_reset_and_deleted_and_of_others_it_cannot() {
    if !is_root() {
        return;
    }
    let (_house, _bus, connection) = settle().await;
    let (admin, helpdesk) = (admin(&connection).await, helpdesk(&connection).await);
    let done = helpdesk.reset("zz-gone", reason()).await.unwrap();
    assert_eq!(number(&done, "removed"), 1);
    assert_eq!(number(&helpdesk.delete("zz-gone", reason()).await.unwrap(), "deleted"), 1);
    let again = helpdesk.delete("zz-gone", reason()).await.unwrap_err();
    assert_eq!(error_name(&again), error::NO_SUCH_USER);
    let refused = helpdesk.delete("daemon", reason()).await.unwrap_err();
    assert_eq!(error_name(&refused), error::REFUSED);
    assert!(refused.to_string().contains("still knows daemon"), "{refused}");
    // A record that cannot be read: a reset cannot work on it, and says what does.
    let unreadable = helpdesk.reset("bin", reason()).await.unwrap_err();
    assert!(unreadable.to_string().contains("user delete"), "{unreadable}");
    assert_eq!(number(&helpdesk.delete("bin", reason()).await.unwrap(), "deleted"), 1);
    // Of another host's user only where the realm is named.
    assert_eq!(
        error_name(&helpdesk.delete("zz-elsewhere", reason()).await.unwrap_err()),
        error::NO_SUCH_USER
    );
    let mut options = reason();
    options.insert("realm", Variant::from("local:ffffffffffffffffffffffffffffffff"));
    assert_eq!(number(&helpdesk.delete("zz-elsewhere", options).await.unwrap(), "deleted"), 1);
    let mut left: Vec<String> = listed(&admin).await.into_keys().collect();
    left.sort();
    assert_eq!(left, ["daemon", "zz-left"]);
    let own = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(user, what)| ((*user).to_owned(), (*what).to_owned())).collect()
    };
    assert_eq!(
        recorded(&admin, "user-deleted").await,
        own(&[("zz-gone", "gone"), ("bin", "unreadable"), ("zz-elsewhere", "gone")])
    );
    assert_eq!(recorded(&admin, "act-refused").await, own(&[("daemon", "still-known")]));
}

#[tokio::test]
async fn a_purge_deletes_those_who_are_gone_and_nobody_else() {
    if !is_root() {
        return;
    }
    let (_house, _bus, connection) = settle().await;
    let admin = admin(&connection).await;
    let names = |rows: Vec<(String, String)>| rows.into_iter().map(|(user, _)| user).collect::<Vec<_>>();
    let check = HashMap::from([("check", Variant::from(true))]);
    let (gone, next, total, facts) = admin.purge_gone("", check).await.unwrap();
    assert_eq!(
        (names(gone), next.as_str(), total),
        (vec!["zz-gone".to_owned(), "zz-left".to_owned()], "", 5)
    );
    assert_eq!((number(&facts, "looked"), number(&facts, "untold"), number(&facts, "refused")), (5, 1, 0));
    assert_eq!(listed(&admin).await.len(), 5, "a check deletes nothing");
    let without = admin.purge_gone("", HashMap::new()).await.unwrap_err();
    assert_eq!(error_name(&without), error::INVALID_ARGUMENT, "a reason is required");
    let (gone, ..) = admin.purge_gone("", reason()).await.unwrap();
    assert_eq!(names(gone), ["zz-gone", "zz-left"]);
    let mut left: Vec<String> = listed(&admin).await.into_keys().collect();
    left.sort();
    assert_eq!(left, ["bin", "daemon", "zz-elsewhere"]);
}

#[tokio::test]
async fn a_list_of_contacts_passes_over_a_record_that_cannot_be_read() {
    if !is_root() {
        return;
    }
    let (_house, _bus, connection) = settle().await;
    let admin = admin(&connection).await;
    let rows = [(1, "bin", "bin@example.org", ""), (2, "daemon", "daemon@example.org", "")];
    for options in [HashMap::from([("check", Variant::from(true))]), reason()] {
        let (refused, done, changed) = admin.import_contacts(&rows, options).await.unwrap();
        assert_eq!((refused.len(), refused[0].0, done, changed), (1, 1, 2, 1), "{refused:?}");
    }
}
