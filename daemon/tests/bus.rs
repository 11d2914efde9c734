//! The real service on a bus of the test's own: self-service, helpdesk, administration, and doing without the bus.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::HashMap;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use countersign_core::audit::{AuditEvent, EventId};
use countersign_protocol::names::error;
use countersign_protocol::proxies::{AdminProxy, LoginProxy, OwnedFacts};
use countersign_protocol::step::WireStep;
use data_encoding::BASE32_NOPAD;
use tokio::time::{Instant, sleep};
use zbus::Variant;

use harness::bus::{Bus, admin, answer, helpdesk, introspect, number, oneself, switch, text};
use harness::{House, Phone, begin, error_name, own_name, wall};

const ENROLLED: &str = "[default]\nrequire = \"enrolled\"\n";
const UNKNOWN_OBJECT: &str = "org.freedesktop.DBus.Error.UnknownObject";

/// A house with a service on a bus.
async fn settle() -> (House, Bus) {
    let mut house = House::build(ENROLLED);
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    (house, bus)
}

fn reason() -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([("reason", Variant::from("asked for it"))])
}

/// The key in the setup URI that is shown once.
fn phone_of(step: &WireStep) -> Phone {
    let uri = &step.1.iter().find(|(style, _)| *style == 5).unwrap().1;
    let key = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    Phone::with(&BASE32_NOPAD.decode(key.as_bytes()).unwrap())
}

#[tokio::test]
async fn a_person_enrolls_sees_it_and_removes_it_again() {
    let (_house, bus) = settle().await;
    let connection = bus.client().await;
    let own = oneself(&connection).await;
    let status = own.status().await.unwrap();
    assert_eq!((text(&status, "user"), text(&status, "requirement")), (own_name(), "enrolled".to_owned()));
    assert!(switch(&status, "available") && !switch(&status, "needs_reset"));

    let options = HashMap::from([("label", Variant::from("my phone")), ("draws_qr", Variant::from(true))]);
    let begun = own.begin_enrollment("totp", options).await.unwrap();
    let mut step: WireStep = (begun.1.clone(), begun.2.clone());
    if !step.1.iter().any(|(style, _)| *style == 5) {
        step = answer(&connection, &begun, "yes").await.unwrap();
    }
    let phone = phone_of(&step);
    let step = answer(&connection, &begun, &phone.code()).await.unwrap();
    assert!(step.1.last().unwrap().1.contains("backup codes"), "{step:?}");
    let step = answer(&connection, &begun, "saved").await.unwrap();
    assert_eq!(step.0, "done", "{step:?}");

    let shown = helpdesk(&connection).await.show(&own_name()).await.unwrap();
    let factors: Vec<HashMap<String, zbus::OwnedVariant>> = shown["factors"].clone().try_into().unwrap();
    assert_eq!(factors.len(), 1);
    assert_eq!(text(&factors[0], "label"), "my phone");
    assert_eq!(text(&factors[0], "state"), "active");

    let begun = own.begin_removal("my phone", HashMap::new()).await.unwrap();
    assert_eq!(begun.1, "ask");
    let later = phone.code_at(wall().after(Duration::from_secs(30)));
    let step = answer(&connection, &begun, &later).await.unwrap();
    assert_eq!(step.0, "done", "{step:?}");
    let status = own.status().await.unwrap();
    let factors: Vec<HashMap<String, zbus::OwnedVariant>> = status["factors"].clone().try_into().unwrap();
    assert!(factors.is_empty());
}

#[tokio::test]
async fn a_conversation_belongs_to_who_began_it_and_goes_when_they_leave() {
    let (_house, bus) = settle().await;
    let (owner, stranger) = (bus.client().await, bus.client().await);
    let begun = oneself(&owner).await.begin_enrollment("totp", HashMap::new()).await.unwrap();
    let refused = answer(&stranger, &begun, "yes").await.unwrap_err();
    assert_eq!(error_name(&refused), UNKNOWN_OBJECT);
    let id = begun.0.rsplit('/').next().unwrap().to_owned();
    assert!(introspect(&stranger, "/org/countersign1/conversation").await.contains(&id));
    owner.close().await.unwrap();
    let begun = Instant::now();
    while introspect(&stranger, "/org/countersign1").await.contains("node name=\"conversation\"") {
        assert!(begun.elapsed() < Duration::from_secs(10), "the conversation stays");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn logins_go_on_without_the_bus_and_the_service_comes_back_to_it() {
    let mut house = House::build("[default]\nrequire = \"always\"\n");
    let phone = house.seed(&own_name()).await;
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let begun = oneself(&bus.client().await).await.begin_enrollment("totp", HashMap::new()).await.unwrap();
    bus.stop();
    let login = house.connect().await;
    let login_begun = begin(&login, &own_name()).await.unwrap();
    let step = harness::answer(&login, &login_begun, &phone.code()).await.unwrap();
    assert_eq!(step.0, "allow", "{step:?}");

    let bus = Bus::start(house.folder.path()).await;
    let connection = bus.client().await;
    assert_eq!(text(&oneself(&connection).await.status().await.unwrap(), "user"), own_name());
    // The new bus gives out the old names again; what belonged to them is gone.
    let refused = answer(&connection, &begun, "yes").await.unwrap_err();
    assert_eq!(error_name(&refused), UNKNOWN_OBJECT);
}

#[tokio::test]
async fn a_name_that_another_holds_does_not_stop_logins() {
    let mut house = House::build("[default]\nrequire = \"always\"\n");
    let phone = house.seed(&own_name()).await;
    let bus = Bus::start(house.folder.path()).await;
    let squatter = bus.connect().await;
    squatter.request_name("org.countersign1").await.unwrap();
    house.start(Some(&bus.socket())).await;
    let login = house.connect().await;
    let begun = begin(&login, &own_name()).await.unwrap();
    let step = harness::answer(&login, &begun, &phone.code()).await.unwrap();
    assert_eq!(step.0, "allow", "{step:?}");
    squatter.close().await.unwrap();
    let connection = bus.client().await;
    assert!(oneself(&connection).await.status().await.is_ok());
}

#[tokio::test]
async fn the_helpdesk_resets_and_unlocks_with_a_reason_only() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root is let through without polkit");
        return;
    }
    let mut house = House::build(ENROLLED);
    house.seed(&own_name()).await;
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let connection = bus.client().await;
    let helpdesk = helpdesk(&connection).await;
    for options in [HashMap::new(), HashMap::from([("reason", Variant::from("two\nlines"))])] {
        let refused = helpdesk.reset(&own_name(), options).await.unwrap_err();
        assert_eq!(error_name(&refused), error::INVALID_ARGUMENT);
    }
    let unknown = helpdesk.reset("nobody-of-this-name", reason()).await.unwrap_err();
    assert_eq!(error_name(&unknown), error::NO_SUCH_USER);
    let done = helpdesk.unlock(&own_name(), reason()).await.unwrap();
    assert!(!switch(&done, "was_locked"));
    let done = helpdesk.reset(&own_name(), reason()).await.unwrap();
    assert_eq!((number(&done, "removed"), switch(&done, "sessions_ended")), (1, false));
}

#[tokio::test]
async fn an_administrator_lists_explains_and_changes_keys() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root is let through without polkit");
        return;
    }
    let mut house = House::build(ENROLLED);
    for name in ["root", "daemon", "bin"] {
        house.seed(name).await;
    }
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let (rows, next, total) = admin.list_users(&cursor, 2).await.unwrap();
        assert_eq!(total, 3);
        names.extend(rows.iter().map(|row| text(row, "user")));
        cursor = next;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["bin", "daemon", "root"]);
    assert_eq!(error_name(&admin.list_users("no cursor", 2).await.unwrap_err()), error::INVALID_ARGUMENT);

    let question =
        HashMap::from([("user", Variant::from("daemon")), ("from", Variant::from("198.51.100.7"))]);
    let answer = admin.explain_policy(question).await.unwrap();
    assert_eq!((text(&answer, "rule"), text(&answer, "requirement")), ("default".into(), "enrolled".into()));
    assert_eq!(text(&answer, "sees"), "a prompt for a code (totp)");

    assert_eq!(admin.rotate_key().await.unwrap(), 2);
    let (next, done, total) = admin.reseal("").await.unwrap();
    assert_eq!((next.as_str(), done, total), ("", 3, 3));
}

#[tokio::test]
async fn logins_are_not_served_on_the_bus_and_long_calls_are_refused() {
    let (_house, bus) = settle().await;
    let connection = bus.client().await;
    let login = LoginProxy::builder(&connection).destination("org.countersign1").build().await.unwrap();
    let refused = login.begin(&own_name(), HashMap::new()).await.unwrap_err();
    assert_eq!(error_name(&refused), "org.freedesktop.DBus.Error.UnknownInterface");
    let own = oneself(&connection).await;
    let long = "x".repeat(5000);
    let refused = own.begin_removal(&long, HashMap::new()).await.unwrap_err();
    assert_eq!(error_name(&refused), error::INVALID_ARGUMENT);
    // Over the limit of the connection: dropped unread, and the next call is served.
    let huge = "x".repeat(2 * 1024 * 1024);
    let waited = tokio::time::timeout(Duration::from_secs(1), own.begin_removal(&huge, HashMap::new())).await;
    assert!(waited.is_err(), "an answer to a message that was dropped");
    assert!(own.status().await.is_ok());
}

#[tokio::test]
async fn who_is_neither_root_nor_permitted_gets_their_own_status_and_nothing_else() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root can call as somebody else");
        return;
    }
    let (house, bus) = settle().await;
    let _client = bus.client().await;
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(house.folder.path(), open).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap().uid.as_raw();
    let call = |interface: &str, member: &str, arguments: &[&str]| {
        let output = Command::new("dbus-send")
            .arg(format!("--bus=unix:path={}", bus.socket().display()))
            .args(["--print-reply", "--dest=org.countersign1", "/org/countersign1"])
            .arg(format!("org.countersign1.{interface}.{member}"))
            .args(arguments)
            .uid(nobody)
            .output()
            .unwrap();
        let (told, error) = (output.stdout, output.stderr);
        (output.status.success(), String::from_utf8([told, error].concat()).unwrap())
    };
    let (is_served, told) = call("Self", "Status", &[]);
    assert!(is_served && told.contains("nobody"), "{told}");
    // Nobody answers for polkit on this bus.
    for (interface, member, arguments, why) in [
        ("Helpdesk", "Show", vec!["string:root"], "polkit is not running"),
        ("Admin", "ListUsers", vec!["string:", "uint32:10"], "polkit is not running"),
        ("Admin", "RotateKey", vec![], "only root can do this"),
        ("Admin", "Reseal", vec!["string:"], "only root can do this"),
    ] {
        let (is_served, told) = call(interface, member, &arguments);
        assert!(!is_served && told.contains(error::NOT_PERMITTED) && told.contains(why), "{member}: {told}");
    }
}

/// Reads every page of a filter.
async fn audit(
    admin: &AdminProxy<'_>,
    filter: &[(&'static str, Variant<'static>)],
) -> Vec<(u64, AuditEvent)> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let filter = filter.iter().map(|(key, value)| (*key, value.try_clone().unwrap())).collect();
        let (records, next, newest) = admin.audit(filter, after).await.unwrap();
        all.extend(records.into_iter().map(|(at, text)| (at, AuditEvent::from_canonical(&text).unwrap())));
        if next == newest {
            return all;
        }
        after = next;
    }
}

#[tokio::test]
async fn an_administrator_reads_filters_and_follows_the_audit_through_a_restart() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root is let through without polkit");
        return;
    }
    let mut house = House::build(ENROLLED);
    for name in ["daemon", "bin"] {
        house.seed(name).await;
    }
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let connection = bus.client().await;
    let (admin, helpdesk) = (admin(&connection).await, helpdesk(&connection).await);
    for name in ["daemon", "bin", "daemon"] {
        helpdesk.unlock(name, reason()).await.unwrap();
    }
    let all = audit(&admin, &[]).await;
    assert!(all.iter().map(|(sequence, _)| *sequence).eq(1..=u64::try_from(all.len()).unwrap()), "{all:?}");
    assert!(all.iter().any(|(_, event)| event.event == EventId::ServiceStarted));
    let of_daemon = audit(&admin, &[("user", "daemon".into()), ("event", "user-unlocked".into())]).await;
    assert_eq!(of_daemon.len(), 2, "{of_daemon:?}");
    let newest = all.last().unwrap().1.at;
    assert_eq!(audit(&admin, &[("since", (newest + 60).into())]).await.len(), 0);
    assert_eq!(audit(&admin, &[("since", (newest - 600).into())]).await.len(), all.len());
    let wrong = HashMap::from([("event", Variant::from("login-alowed"))]);
    assert_eq!(error_name(&admin.audit(wrong, 0).await.unwrap_err()), error::INVALID_ARGUMENT);

    let (records, end, _) = admin.audit(HashMap::new(), u64::MAX).await.unwrap();
    assert_eq!(
        (records.len(), end),
        (0, u64::try_from(all.len()).unwrap()),
        "beyond the newest is the newest"
    );
    let wait = || HashMap::from([("wait", Variant::from(20_u32))]);
    let poll = admin.audit(wait(), end);
    let act = async {
        sleep(Duration::from_millis(500)).await;
        helpdesk.unlock("bin", reason()).await.unwrap();
    };
    let begun = Instant::now();
    let ((records, next, _), ()) = tokio::join!(async { poll.await.unwrap() }, act);
    assert!(begun.elapsed() < Duration::from_secs(15) && records.len() == 1, "{records:?}");
    assert!(house.stop().success());
    assert!(admin.audit(wait(), next).await.is_err(), "nobody is there");
    house.start(Some(&bus.socket())).await;
    let again = bus.client().await;
    let (records, ..) = AdminProxy::new(&again).await.unwrap().audit(wait(), next).await.unwrap();
    assert!(
        records.first().is_some_and(|(at, text)| *at == next + 1 && text.contains("service-started")),
        "{records:?}"
    );
}

#[tokio::test]
async fn an_administrator_verifies_the_audit_and_what_was_done_to_it_is_named() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root is let through without polkit");
        return;
    }
    let mut house = House::build(ENROLLED);
    house.seed("daemon").await;
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let connection = bus.client().await;
    let (admin, helpdesk) = (admin(&connection).await, helpdesk(&connection).await);
    for _ in 0..5 {
        helpdesk.unlock("daemon", reason()).await.unwrap();
    }
    let whole = admin.verify_audit("", "").await.unwrap();
    assert!(text(&whole, "next").is_empty() && !whole.contains_key("broken"), "{whole:?}");
    let head = text(&whole, "head");
    assert!(!admin.verify_audit("", &head).await.unwrap().contains_key("broken"));
    assert_eq!(error_name(&admin.verify_audit("", "7").await.unwrap_err()), error::INVALID_ARGUMENT);
    let forged = format!("3:{}", "0".repeat(64));
    let replaced = admin.verify_audit("", &forged).await.unwrap();
    assert_eq!((long(&replaced, "broken"), text(&replaced, "damage")), (3, "replaced".into()));

    let other = rusqlite::Connection::open(house.database()).unwrap();
    other
        .execute_batch("DROP TRIGGER audit_is_not_altered; DROP TRIGGER audit_is_removed_up_to_its_anchor;")
        .unwrap();
    other
        .execute(
            "UPDATE audit SET record = replace(record, 'asked for it', 'never asked') WHERE sequence = 4",
            [],
        )
        .unwrap();
    let altered = admin.verify_audit("", "").await.unwrap();
    assert_eq!((long(&altered, "broken"), text(&altered, "damage")), (4, "altered".into()));
    other.execute("DELETE FROM audit WHERE sequence = 3", []).unwrap();
    let missing = admin.verify_audit("", "").await.unwrap();
    assert_eq!((long(&missing, "broken"), text(&missing, "damage")), (3, "missing".into()));
    other.execute("DELETE FROM audit WHERE sequence >= 3", []).unwrap();
    let cut = admin.verify_audit("", "").await.unwrap();
    assert_eq!((long(&cut, "broken"), text(&cut, "damage")), (3, "cut-off".into()));
    other
        .execute(
            "UPDATE meta SET chain_sequence = 2, chain_head = (SELECT link FROM audit WHERE sequence = 2)",
            [],
        )
        .unwrap();
    assert!(!admin.verify_audit("", "").await.unwrap().contains_key("broken"), "the store alone cannot know");
    let cut = admin.verify_audit("", &head).await.unwrap();
    assert_eq!((long(&cut, "broken"), text(&cut, "damage")), (3, "cut-off".into()), "but the log does");
}

fn long(facts: &OwnedFacts, key: &str) -> u64 {
    u64::try_from(facts.get(key).unwrap().clone()).unwrap()
}

#[tokio::test]
async fn a_reload_over_the_bus_tells_what_is_in_force_and_every_mistake() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root may reload");
        return;
    }
    let (house, bus) = settle().await;
    let connection = bus.client().await;
    let texts = |facts: &OwnedFacts, key: &str| Vec::<String>::try_from(facts[key].clone()).unwrap();
    house.configure("[default]\nrequire = \"sometimes\"\ncolour = \"red\"\n");
    let refused = admin(&connection).await.reload().await.unwrap();
    assert!(!switch(&refused, "loaded"));
    assert_eq!(texts(&refused, "mistakes").len(), 2, "{refused:?}");
    house.configure("[default]\nrequire = \"never\"\n");
    let loaded = admin(&connection).await.reload().await.unwrap();
    assert!(switch(&loaded, "loaded") && texts(&loaded, "mistakes").is_empty(), "{loaded:?}");
    assert_ne!(text(&loaded, "policy"), text(&refused, "policy"));
    let status = oneself(&connection).await.status().await.unwrap();
    assert_eq!(text(&status, "requirement"), "never");
}
