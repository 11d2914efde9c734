//! A million records: what simulating, reporting and verifying cost through the real service and its bus.
//!
//! By hand, as root, optimized:
//! `cargo test --release -p countersignd --test million -- --ignored --nocapture`

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::time::WallTime;
use tokio::time::Instant;

use harness::bus::{Bus, admin, text};
use harness::past::{login, record};
use harness::{House, wall};

/// How many records there are.
const RECORDS: u64 = 1_000_000;
/// Of how many people.
const PEOPLE: u64 = 20_000;
/// How many of them have enrolled.
const ENROLLED: u64 = 2_000;
/// How much time of a processor going through all of them may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Twenty rules that do not match, one that is asked about, and a default.
fn file(require: &str) -> String {
    let mut others = String::new();
    for number in 0..20 {
        let groups = format!("groups = [\"g{number}\", \"h{number}\"]");
        writeln!(others, "[[policy]]\nname = \"r{number}\"\n{groups}\nrequire = \"never\"\n").unwrap();
    }
    format!(
        "[default]\nrequire = \"enrolled\"\n\n{others}[[policy]]\nname = \"ssh\"\nservices = [\"sshd\"]\nrequire = \"{require}\"\n"
    )
}

/// Logins of people over ssh and sudo from a few addresses each, every fourth under a watched rule.
fn past(number: u64, begun: u64) -> AuditEvent {
    // Odd and large, so that the order of people is no order of anything.
    let person = number.wrapping_mul(2_654_435_761) % PEOPLE;
    let at = WallTime::from_seconds(begun + number / 10);
    let uid = u32::try_from(10_000 + person).unwrap();
    let mut event = login(&format!("person{person}"), uid, at);
    let facts = event.login.as_mut().unwrap();
    facts.source = format!("198.51.{}.{}", person % 200, number % 3);
    facts.groups = (0..12).map(|group| format!("group{}", (person + group) % 500)).collect();
    if number.is_multiple_of(5) {
        "sudo".clone_into(&mut facts.service);
    }
    if number.is_multiple_of(4) {
        event.reason = Some("monitored".to_owned());
        event.would = Some("ask".to_owned());
    } else if number.is_multiple_of(3) {
        event = AuditEvent {
            reason: None,
            factor: Some("totp".to_owned()),
            attempts: Some(1),
            event: EventId::LoginAllowed,
            ..event
        };
    }
    event
}

#[tokio::test]
#[ignore = "a million records take a while: by hand, optimized"]
async fn a_million_records_are_gone_through_in_seconds() {
    let mut house = House::build(&file("enrolled"));
    for person in 0..ENROLLED {
        house.seed(&format!("person{person}")).await;
    }
    let begun = wall().as_seconds() - RECORDS / 10;
    record(&house, (0..RECORDS).map(|number| past(number, begun))).await;
    println!("store: {} MiB", fs::metadata(house.database()).unwrap().len() / 1024 / 1024);
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let mut spent = cost(&house, "at the beginning");

    for (what, other) in [("the same", file("enrolled")), ("one rule stricter", file("always"))] {
        let (begun, mut after, mut rows, mut slowest) = (Instant::now(), 0, 0, Duration::ZERO);
        let files = [("countersign.toml", other.as_str())];
        loop {
            let asked = Instant::now();
            let (page, next, newest, _) = admin.simulate_policy(&files, HashMap::new(), after).await.unwrap();
            slowest = slowest.max(asked.elapsed());
            rows += page.iter().map(|row| row.5).sum::<u64>();
            after = next;
            if next >= newest {
                break;
            }
        }
        println!("simulate, {what}: {:?}, {rows} changes, slowest page {slowest:?}", begun.elapsed());
        spent = within_limit(spent, cost(&house, "after it"));
    }

    let (begun, mut after, mut rows) = (Instant::now(), 0, 0);
    loop {
        let (page, next, newest) = admin.report_policy(HashMap::new(), after).await.unwrap();
        rows += page.iter().map(|row| row.5).sum::<u64>();
        after = next;
        if next >= newest {
            break;
        }
    }
    println!("report: {:?}, {rows} watched logins", begun.elapsed());
    spent = within_limit(spent, cost(&house, "after it"));
    assert_eq!(rows, RECORDS / 4);

    let (begun, mut cursor, mut done) = (Instant::now(), String::new(), 0);
    loop {
        let facts = admin.verify_audit(&cursor, "").await.unwrap();
        done += u64::try_from(facts["done"].clone()).unwrap();
        assert!(!facts.contains_key("broken"), "{facts:?}");
        cursor = text(&facts, "next");
        if cursor.is_empty() {
            break;
        }
    }
    println!("verify: {:?}, {done} records", begun.elapsed());
    within_limit(spent, cost(&house, "after it"));
}

/// Prints memory and processor time of the service; tells the latter.
fn cost(house: &House, when: &str) -> Duration {
    let status = fs::read_to_string(format!("/proc/{}/status", house.pid())).unwrap();
    let of = |key: &str| status.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    let stat = fs::read_to_string(format!("/proc/{}/stat", house.pid())).unwrap();
    // Ticks of 10 ms, in user and in kernel mode (proc_pid_stat(5), fields 14 and 15; the name in field 2 may have spaces).
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    let spent = Duration::from_millis(ticks * 10);
    println!("  {when}: {} {}, processor time {spent:?}", of("VmRSS:"), of("VmHWM:"));
    spent
}

fn within_limit(before: Duration, after: Duration) -> Duration {
    assert!(after.checked_sub(before).unwrap() < LIMIT);
    after
}
