//! The real service on a store that was restored, and on one that does not open (TH07, rows F3 and L15).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use countersign_core::audit::{self, AuditEvent, EventId};
use countersign_core::helpdesk::REASON_LIMIT;
use countersign_core::remember::Remembered;
use countersign_protocol::names::error;
use countersign_protocol::proxies::Begun;
use countersignd::host::entropy::SystemEntropy;
use countersignd::store::sqlite::Sqlite;
use countersignd::store::{Store as _, StoredRecord};
use tokio::time::{Instant, sleep};
use zbus::Variant;

use harness::bus::{Bus, admin, helpdesk, oneself, text};
use harness::{House, answer, begin, error_name, own_name};

const CODES: &str = "help = \"IT, 1234\"\n";
const RULES: &str = "[default]\nrequire = \"enrolled\"\nmethods = [\"totp\", \"backup\"]\n";
/// Who runs the test is asked for nothing, everybody else for a code.
const EXEMPT: &str = "[[policy]]\nname = \"exempt\"\nusers = [\"ME\"]\nrequire = \"never\"\n\n[default]\nrequire = \"always\"\n";
const LIMIT: Duration = Duration::from_secs(20);

/// The files of the store.
fn files(house: &House) -> Vec<PathBuf> {
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("countersign.db");
    fs::read_dir(house.path("state")).unwrap().map(|entry| entry.unwrap().path()).filter(named).collect()
}

/// Keeps a copy of the store; the service must not run.
fn back_up(house: &House) -> Vec<(PathBuf, Vec<u8>)> {
    files(house).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn restore(house: &House, copy: &[(PathBuf, Vec<u8>)]) {
    for file in files(house) {
        fs::remove_file(file).unwrap();
    }
    for (path, content) in copy {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
}

fn reason() -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([("reason", Variant::from("disk failure"))])
}

fn shown(begun: &Begun) -> String {
    begun.2.iter().map(|(_, line)| line.as_str()).collect()
}

/// What was recorded, along a chain that holds.
async fn recorded(house: &House) -> Vec<AuditEvent> {
    let store = Sqlite::open(&house.database(), House::key()).await.unwrap();
    let records = store.audit(0, 1000).await.unwrap();
    audit::follow(audit::Mark::default(), records.iter().map(StoredRecord::lend), None).unwrap();
    records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap()).collect()
}

/// Tries codes with a service whose store is older than its stamp.
async fn refuses(house: &House, bus: &Bus, tries: [(&str, String); 3]) {
    let connection = house.connect().await;
    for (user, code) in tries {
        let begun = begin(&connection, user).await.unwrap();
        let told = shown(&begun);
        assert!(told.contains("restored backup") && told.contains("IT, 1234"), "{begun:?}");
        assert_eq!(answer(&connection, &begun, &code).await.unwrap().0, "deny", "{user}");
    }
    let client = bus.client().await;
    assert_eq!(text(&oneself(&client).await.status().await.unwrap(), "store"), "older");
}

#[tokio::test]
async fn a_restored_store_lets_nobody_in_until_it_is_accepted_and_then_nothing_that_was_revoked() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root may accept a restore");
        return;
    }
    let mut house = House::build(RULES);
    house.put_at_the_top(CODES, RULES);
    let mut sheet = Vec::new();
    let own = house.seed_with("nobody", |account| {
        let codes = account.make_backup_codes(account.changed, &mut SystemEntropy);
        sheet = codes.expose().split_whitespace().map(str::to_owned).collect();
    });
    let own = own.await;
    let reset = house.seed_with("daemon", |account| account.remembered = Vec::<Remembered>::new()).await;
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    assert_eq!(begin(&house.connect().await, "nobody").await.unwrap().1, "ask");
    assert!(house.stop().success());
    let copy = back_up(&house);

    house.start(Some(&bus.socket())).await;
    let connection = house.connect().await;
    let begun = begin(&connection, "nobody").await.unwrap();
    assert_eq!(answer(&connection, &begun, &sheet[0]).await.unwrap().0, "allow");
    helpdesk(&bus.client().await).await.reset("daemon", reason()).await.unwrap();
    assert!(house.stop().success());

    restore(&house, &copy);
    // Also after a second start, when the copy was written to.
    for _ in 0..2 {
        house.start(Some(&bus.socket())).await;
        let tries = [("nobody", sheet[0].clone()), ("nobody", own.code()), ("daemon", reset.code())];
        refuses(&house, &bus, tries).await;
        assert!(house.stop().success());
    }

    house.start(Some(&bus.socket())).await;
    let client = bus.client().await;
    let admin = admin(&client).await;
    let long = HashMap::from([("reason", Variant::from("x".repeat(REASON_LIMIT + 1)))]);
    assert_eq!(error_name(&admin.accept_restore(long).await.unwrap_err()), error::INVALID_ARGUMENT);
    let accepted = admin.accept_restore(reason()).await.unwrap();
    let doubtful: Vec<String> = accepted["doubtful"].clone().try_into().unwrap();
    assert_eq!(doubtful, ["daemon"]);
    let again = admin.accept_restore(reason()).await.unwrap_err();
    assert_eq!(error_name(&again), error::REFUSED);
    let connection = house.connect().await;
    let begun = begin(&connection, "daemon").await.unwrap();
    let old_app = answer(&connection, &begun, &reset.code()).await.unwrap();
    assert_eq!(old_app.0, "deny", "the app of before the reset");
    let begun = begin(&connection, "nobody").await.unwrap();
    assert_eq!(answer(&connection, &begun, &sheet[0]).await.unwrap().0, "ask", "the used backup code");
    assert_eq!(answer(&connection, &begun, &own.code()).await.unwrap().0, "allow", "the app is kept");
    helpdesk(&client).await.reset("daemon", reason()).await.unwrap();
    assert_eq!(begin(&connection, "daemon").await.unwrap().1, "skip", "as after any reset");
    assert!(house.stop().success());
    let events: Vec<EventId> = recorded(&house).await.iter().map(|event| event.event).collect();
    assert!(
        events.contains(&EventId::StoreRestored) && events.contains(&EventId::RestoreAccepted),
        "{events:?}"
    );
    house.start(Some(&bus.socket())).await;
    assert_ne!(begin(&house.connect().await, "nobody").await.unwrap().1, "deny");
}

#[tokio::test]
async fn a_store_that_does_not_open_stops_only_those_who_need_it_and_their_records_come_later_once() {
    let exempt = EXEMPT.replace("ME", &own_name());
    let mut house = House::build(&exempt);
    house.put_at_the_top(CODES, &exempt);
    house.start(None).await;
    assert_eq!(begin(&house.connect().await, &own_name()).await.unwrap().1, "skip");
    assert!(house.stop().success());
    let copy = back_up(&house);
    for file in files(&house) {
        fs::write(file, "not a database, and not as long as one").unwrap();
    }
    for _ in 0..2 {
        house.start(None).await;
        let connection = house.connect().await;
        assert_eq!(begin(&connection, &own_name()).await.unwrap().1, "skip");
        let refused = begin(&connection, "nobody-of-this-name").await.unwrap();
        assert_eq!(refused.1, "unavailable", "{refused:?}");
        assert!(shown(&refused).contains("cannot be checked") && shown(&refused).contains("IT, 1234"));
        house.kill();
    }
    house.start(None).await;
    restore(&house, &copy);
    let begun = Instant::now();
    while house.path("state/spool").exists() {
        assert!(begun.elapsed() < LIMIT, "the spool is not imported");
        sleep(Duration::from_millis(20)).await;
    }
    let connection = house.connect().await;
    assert_eq!(begin(&connection, "nobody-of-this-name").await.unwrap().1, "ask");
    assert!(house.stop().success());
    let skipped = recorded(&house).await.into_iter().filter(|event| event.event == EventId::LoginSkipped);
    assert_eq!(skipped.count(), 3, "one while the store was open, two of the spool");
}
