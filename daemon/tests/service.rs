//! The real service over its own socket: logins from the first frame to the verdict, and what must not disturb them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use countersign_core::audit::{self, AuditEvent, EventId};
use countersign_protocol::names::{ANSWER_LIMIT, error};
use countersign_protocol::proxies::LoginProxy;
use countersignd::store::Store as _;
use nix::sys::signal::{Signal, kill};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};
use zbus::Variant;

use harness::{House, answer, begin, connect, error_name, own_name};

const ALWAYS: &str = "[default]\nrequire = \"always\"\n";
const NEVER: &str = "[default]\nrequire = \"never\"\n";
/// Where the test that runs as somebody else finds the socket.
const AS_NOBODY: &str = "COUNTERSIGN_TEST_SOCKET";

#[tokio::test]
async fn a_right_code_lets_in_and_the_same_code_does_not_again() {
    let mut house = House::build(ALWAYS);
    let name = own_name();
    let phone = house.seed(&name).await;
    house.start(None).await;
    let connection = house.connect().await;
    let begun = begin(&connection, &name).await.unwrap();
    assert_eq!(begun.1, "ask", "{begun:?}");
    let code = phone.code();
    let step = answer(&connection, &begun, &code).await.unwrap();
    assert_eq!(step.0, "allow", "{step:?}");
    let again = begin(&connection, &name).await.unwrap();
    let step = answer(&connection, &again, &code).await.unwrap();
    assert_eq!(step.0, "ask", "{step:?}");
    assert!(house.stop().success());

    let store = countersignd::store::sqlite::Sqlite::open(&house.database(), House::key()).await.unwrap();
    let records = store.audit(0, 1000).await.unwrap();
    audit::follow(audit::Mark::default(), records.iter().map(countersignd::store::StoredRecord::lend), None)
        .unwrap();
    let events: Vec<EventId> =
        records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap().event).collect();
    assert_eq!(events[..2], [EventId::ServiceStarted, EventId::LoginAllowed], "{events:?}");
    assert!(events[2..].contains(&EventId::CodeRepeated), "{events:?}");
}

#[tokio::test]
async fn a_service_killed_in_mid_login_lets_the_code_in_once_when_it_is_back() {
    let mut house = House::build(ALWAYS);
    let name = own_name();
    let phone = house.seed(&name).await;
    house.start(None).await;
    let connection = house.connect().await;
    let begun = begin(&connection, &name).await.unwrap();
    house.kill();
    let code = phone.code();
    assert!(answer(&connection, &begun, &code).await.is_err());
    house.start(None).await;
    let connection = house.connect().await;
    assert!(answer(&connection, &begun, &code).await.is_err(), "a conversation of the service before");
    for expected in ["allow", "ask"] {
        let begun = begin(&connection, &name).await.unwrap();
        assert_eq!(answer(&connection, &begun, &code).await.unwrap().0, expected);
    }
}

#[tokio::test]
async fn an_unknown_person_is_asked_the_same_and_never_let_in() {
    let mut house = House::build(ALWAYS);
    let name = own_name();
    let phone = house.seed(&name).await;
    house.start(None).await;
    let connection = house.connect().await;
    let known = begin(&connection, &name).await.unwrap();
    let unknown = begin(&connection, "nobody-of-this-name").await.unwrap();
    assert_eq!((&known.1, &known.2), (&unknown.1, &unknown.2));
    let step = answer(&connection, &unknown, &phone.code()).await.unwrap();
    assert_ne!(step.0, "allow");
}

#[tokio::test]
async fn malformed_calls_are_refused_by_name() {
    let mut house = House::build(ALWAYS);
    house.seed(&own_name()).await;
    house.start(None).await;
    let connection = house.connect().await;
    let begun = begin(&connection, &own_name()).await.unwrap();
    let long = answer(&connection, &begun, &"0".repeat(ANSWER_LIMIT + 1)).await.unwrap_err();
    assert_eq!(error_name(&long), error::INVALID_ARGUMENT);
    let stranger = house.connect().await;
    let foreign = answer(&stranger, &begun, "000000").await.unwrap_err();
    assert_eq!(error_name(&foreign), "org.freedesktop.DBus.Error.UnknownObject");
    let login = LoginProxy::builder(&connection).destination("org.countersign1").build().await.unwrap();
    for (user, context) in [
        ("", HashMap::from([("service", Variant::from("sshd"))])),
        ("a\nb", HashMap::from([("service", Variant::from("sshd"))])),
        ("alice", HashMap::new()),
        ("alice", HashMap::from([("service", Variant::from(7_u32))])),
    ] {
        let refused = login.begin(user, context).await.unwrap_err();
        assert_eq!(error_name(&refused), error::INVALID_ARGUMENT, "{user:?}");
    }
    let unknown = login.session_opened("c0123456789abcdef", 7).await.unwrap_err();
    assert_eq!(error_name(&unknown), "org.freedesktop.DBus.Error.UnknownObject");
    let step = answer(&connection, &begun, "000000").await.unwrap();
    assert_eq!(step.0, "ask", "the conversation lives on");
}

#[tokio::test]
async fn a_reload_takes_the_new_rules_and_keeps_the_old_ones_where_the_file_is_wrong() {
    let mut house = House::build(ALWAYS);
    house.seed(&own_name()).await;
    house.start(None).await;
    let connection = house.connect().await;
    house.configure("[default]\nrequire = \"sometimes\"\n");
    kill(house.pid(), Signal::SIGHUP).unwrap();
    assert_eq!(begin(&connection, &own_name()).await.unwrap().1, "ask");
    house.configure(NEVER);
    kill(house.pid(), Signal::SIGHUP).unwrap();
    let begun = Instant::now();
    while begin(&connection, &own_name()).await.unwrap().1 != "skip" {
        assert!(begun.elapsed() < Duration::from_secs(10), "the new rules are not in force");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_invalid_at_the_start_is_said_in_full_and_nothing_listens() {
    let house = House::build("[default]\nrequire = \"sometimes\"\ncolour = \"red\"\n");
    let output = house.command(None).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("sometimes") && told.contains("colour"), "{told}");
    house.configure(ALWAYS);
    fs::remove_file(house.path("store-key")).unwrap();
    assert!(!house.command(None).output().unwrap().status.success());
    assert!(!house.socket().exists());
}

/// What a start by the house's command says on standard error; it must end by itself.
fn refused_start(house: &House) -> String {
    let output = house.command(None).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{told}");
    told
}

#[tokio::test]
async fn a_start_with_an_invalid_file_takes_the_last_good_policy_and_says_so() {
    type Spoil = fn(&House);
    let spoils: [Spoil; 5] = [
        |house| house.configure("[default]\nrequire = \"sometimes\"\n"),
        |house| {
            fs::set_permissions(house.path("countersign.toml"), fs::Permissions::from_mode(0o666)).unwrap();
        },
        |house| fs::remove_file(house.path("countersign.toml")).unwrap(),
        |house| fs::set_permissions(house.folder.path(), fs::Permissions::from_mode(0o777)).unwrap(),
        |house| {
            let text = fs::read_to_string(house.path("countersign.toml")).unwrap();
            fs::write(house.path("countersign.toml"), text.replace("store-key", "nope")).unwrap();
        },
    ];
    for (index, spoil) in spoils.into_iter().enumerate() {
        let mut house = House::build(NEVER);
        house.start(None).await;
        // An answer comes once the files are kept.
        begin(&house.connect().await, &own_name()).await.unwrap();
        house.kill();
        spoil(&house);
        house.start(None).await;
        let connection = house.connect().await;
        assert_eq!(begin(&connection, &own_name()).await.unwrap().1, "skip", "{index}: the policy of before");
        assert!(house.stop().success());
        let store = countersignd::store::sqlite::Sqlite::open(&house.database(), House::key()).await.unwrap();
        let records = store.audit(0, 1000).await.unwrap();
        let mut events = records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap());
        let refused = events.find(|event| event.event == EventId::PolicyRefused).expect("a record");
        assert!(refused.reason.unwrap().contains("the last good policy"), "{index}");
    }
}

#[tokio::test]
async fn a_reload_is_kept_for_the_next_start_and_what_was_refused_is_not() {
    let mut house = House::build(ALWAYS);
    house.start(None).await;
    let connection = house.connect().await;
    house.configure(NEVER);
    kill(house.pid(), Signal::SIGHUP).unwrap();
    let begun = Instant::now();
    while begin(&connection, &own_name()).await.unwrap().1 != "skip" {
        assert!(begun.elapsed() < Duration::from_secs(10), "the new rules are not in force");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(house.stop().success());
    house.configure("[default]\nrequire = \"sometimes\"\n");
    house.start(None).await;
    let connection = house.connect().await;
    assert_eq!(begin(&connection, &own_name()).await.unwrap().1, "skip");
    assert!(house.stop().success());

    // What another could have written is no policy of ours.
    fs::set_permissions(house.path("state").join("last-good"), fs::Permissions::from_mode(0o644)).unwrap();
    let told = refused_start(&house);
    assert!(told.contains("sometimes") && told.contains("last-good"), "{told}");
    let begun = Instant::now();
    refused_start(&house);
    assert!(begun.elapsed() >= Duration::from_secs(1), "the second failed start is not followed at once");
}

#[tokio::test]
async fn a_frame_that_claims_much_costs_its_sender_the_connection_and_nobody_anything() {
    let mut house = House::build(ALWAYS);
    let phone = house.seed(&own_name()).await;
    house.start(None).await;
    let before = resident(&house);
    let uid = data_encoding::HEXLOWER.encode(nix::unistd::getuid().to_string().as_bytes());
    for _ in 0..16 {
        let mut hostile = UnixStream::connect(house.socket()).await.unwrap();
        hostile.write_all(format!("\0AUTH EXTERNAL {uid}\r\nBEGIN\r\n").as_bytes()).await.unwrap();
        let mut frame = vec![b'l', 1, 0, 1];
        frame.extend(120_u32.wrapping_mul(1024 * 1024).to_le_bytes());
        frame.extend([1, 0, 0, 0, 16, 0, 0, 0]);
        hostile.write_all(&frame).await.unwrap();
        let mut rest = Vec::new();
        let _ = hostile.read_to_end(&mut rest).await;
    }
    assert!(resident(&house) < before + 8 * 1024, "{before} KiB before, {} KiB after", resident(&house));
    let connection = house.connect().await;
    let begun = begin(&connection, &own_name()).await.unwrap();
    assert_eq!(answer(&connection, &begun, &phone.code()).await.unwrap().0, "allow");
}

/// The resident memory of the service in KiB.
fn resident(house: &House) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", house.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_service_leaves_no_core() {
    let mut house = House::build(NEVER);
    house.start(None).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", house.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
}

#[tokio::test]
async fn who_is_not_root_logs_in_as_themselves_and_learns_nothing_of_others() {
    if let Some(socket) = std::env::var_os(AS_NOBODY) {
        return as_nobody(socket.as_ref()).await;
    }
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root can call as somebody else");
        return;
    }
    let mut house = House::build(ALWAYS);
    house.seed("root").await;
    house.seed("nobody").await;
    house.start(None).await;
    fs::set_permissions(house.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let program = house.path("as-nobody");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let output = Command::new(&program)
        .args([
            "--exact",
            "who_is_not_root_logs_in_as_themselves_and_learns_nothing_of_others",
            "--nocapture",
        ])
        .env_clear()
        .env(AS_NOBODY, house.socket())
        .current_dir("/")
        .uid(nobody.uid.as_raw())
        .gid(nobody.gid.as_raw())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(house.stop().success());
    let store = countersignd::store::sqlite::Sqlite::open(&house.database(), House::key()).await.unwrap();
    let page = store.page(None, 10).await.unwrap();
    assert_eq!(page.total, 2, "no account for who was asked about");
    assert!(page.accounts.iter().all(|account| account.throttle.buckets.is_empty()));
}

/// The half of the test that runs as user `nobody`.
async fn as_nobody(socket: &std::path::Path) {
    let connection = connect(socket).await;
    assert_eq!(begin(&connection, "nobody").await.unwrap().1, "ask");
    let told = |refused: zbus::Error| (error_name(&refused), refused.to_string());
    let existing = told(begin(&connection, "root").await.unwrap_err());
    let missing = told(begin(&connection, "nobody-of-this-name").await.unwrap_err());
    assert_eq!(existing, missing);
    assert_eq!(existing.0, error::NOT_PERMITTED);
    let login = LoginProxy::builder(&connection).destination("org.countersign1").build().await.unwrap();
    let refused = login.session_opened("c0123456789abcdef", 7).await.unwrap_err();
    assert_eq!(error_name(&refused), error::NOT_PERMITTED);
    let refused = login.password_changed("nobody").await.unwrap_err();
    assert_eq!(error_name(&refused), error::NOT_PERMITTED);
}

#[tokio::test]
async fn a_service_that_starts_with_the_factor_on_and_a_mark_of_its_being_off_asks_for_codes() {
    let mut house = House::build(ALWAYS);
    house.put_at_the_top("enabled = false\n", ALWAYS);
    let phone = house.seed(&own_name()).await;
    house.start(None).await;
    assert_eq!(begin(&house.connect().await, &own_name()).await.unwrap().1, "skip");
    assert!(house.stop().success());
    house.configure(ALWAYS);
    house.start(None).await;
    let connection = house.connect().await;
    let begun = begin(&connection, &own_name()).await.unwrap();
    assert_eq!(answer(&connection, &begun, &phone.code()).await.unwrap().0, "allow", "enrollments are kept");
    assert!(
        fs::read_to_string(house.path("state/switch")).unwrap().contains("off_since"),
        "it is not settled"
    );
    house.put_at_the_top("on_reenable = \"enroll-again\"\n", ALWAYS);
    kill(house.pid(), Signal::SIGHUP).unwrap();
    let begun = Instant::now();
    while fs::read_to_string(house.path("state/switch")).unwrap().contains("off_since") {
        assert!(begun.elapsed() < Duration::from_secs(10), "the reload does not settle it");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(house.stop().success());
    let store = countersignd::store::sqlite::Sqlite::open(&house.database(), House::key()).await.unwrap();
    let records = store.audit(0, 1000).await.unwrap();
    let events = records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap());
    let changes: Vec<String> = events
        .filter(|event| event.event == EventId::FactorSwitched)
        .filter_map(|event| event.change)
        .collect();
    assert_eq!(changes[..2], ["off", "on undecided"], "{changes:?}");
    drop(store);
    fs::write(house.path("state/switch"), "{\"off_since\":18").unwrap();
    let output = house.command(None).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("state/switch"), "{told}");
}
