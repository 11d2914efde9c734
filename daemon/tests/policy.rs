//! What the policy does and would do, asked of the real service on a bus: explaining, simulating, reporting.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use countersign_core::audit::AuditEvent;
use countersign_protocol::names::error;
use countersign_protocol::proxies::{AdminProxy, ChangeRow, OwnedFacts};
use tokio::time::Instant;
use zbus::Variant;

use harness::bus::{Bus, admin, switch, text};
use harness::past::{login, record};
use harness::{House, error_name, own_name, wall};

const ENROLLED: &str = "[default]\nrequire = \"enrolled\"\n";
const ALWAYS: &str = "[default]\nrequire = \"always\"\n";

/// A house with these records and a service on a bus; nothing where the caller would need polkit.
async fn settle(records: Vec<AuditEvent>, seeded: &[&str]) -> Option<(House, Bus)> {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root is let through without polkit");
        return None;
    }
    let mut house = House::build(ENROLLED);
    for name in seeded {
        house.seed(name).await;
    }
    record(&house, records.into_iter()).await;
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    Some((house, bus))
}

fn since(at: u64) -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([("since", Variant::from(at))])
}

fn number(facts: &OwnedFacts, key: &str) -> u64 {
    u64::try_from(facts.get(key).unwrap().clone()).unwrap()
}

/// Simulates to the end; tells the rows added up, how many logins were looked at, and in how many pages.
async fn simulate(admin: &AdminProxy<'_>, file: &str, from: u64) -> (BTreeMap<String, u64>, u64, u64) {
    let (mut rows, mut looked, mut pages, mut after) = (BTreeMap::new(), 0, 0, 0);
    loop {
        let begun = Instant::now();
        let files = [("countersign.toml", file)];
        let (page, next, newest, facts) = admin.simulate_policy(&files, since(from), after).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "a page took {:?}", begun.elapsed());
        assert!(next > after || next >= newest, "no progress behind {after}");
        for row in page {
            let (count, row) = (row.5, written(&row));
            *rows.entry(row).or_default() += count;
        }
        (looked, pages, after) = (looked + number(&facts, "looked"), pages + 1, next);
        if next >= newest {
            return (rows, looked, pages);
        }
    }
}

fn written((change, user, service, old, new, _): &ChangeRow) -> String {
    format!("{change} {user} {service} {old} {new}")
}

#[tokio::test]
async fn another_file_is_held_against_the_recorded_logins_with_what_is_kept_of_each_person_now() {
    let records = vec![
        login("root", 0, wall()),
        login("daemon", 1, wall()),
        login("daemon", 1, wall()),
        AuditEvent { login: None, ..login("bin", 2, wall()) },
    ];
    let Some((_house, bus)) = settle(records, &["root"]).await else { return };
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let (rows, looked, _) = simulate(&admin, ALWAYS, 0).await;
    assert_eq!(rows, BTreeMap::from([("newly-refused daemon sshd default default".to_owned(), 2)]));
    assert_eq!(looked, 3);

    let rule = "[[policy]]\nname = \"off\"\nusers = [\"root\"]\nrequire = \"never\"\n";
    let (rows, ..) = simulate(&admin, &format!("{ENROLLED}{rule}"), 0).await;
    assert_eq!(rows, BTreeMap::from([("no-longer-asked root sshd default off".to_owned(), 1)]));
    assert_eq!(simulate(&admin, ENROLLED, 0).await.0, BTreeMap::new());
}

#[tokio::test]
async fn a_long_audit_is_gone_through_in_pages_from_the_time_that_is_asked_for() {
    let now = wall().as_seconds();
    let at = |number: u64| countersign_core::time::WallTime::from_seconds(now - 30_000 + number);
    let records = (0..25_000).map(|number| login(&format!("user{}", number % 700), 1000, at(number)));
    let Some((_house, bus)) = settle(records.collect(), &[]).await else { return };
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let (rows, looked, pages) = simulate(&admin, ALWAYS, 0).await;
    assert_eq!((rows.len(), rows.values().sum::<u64>(), looked), (700, 25_000, 25_000));
    assert!(pages >= 3, "{pages}");
    let (rows, looked, _) = simulate(&admin, ALWAYS, now - 30_000 + 24_000).await;
    assert_eq!((rows.values().sum::<u64>(), looked), (1000, 1000));
    let (rows, next, newest, _) =
        admin.simulate_policy(&[("countersign.toml", ALWAYS)], HashMap::new(), u64::MAX).await.unwrap();
    assert_eq!((rows.len(), next), (0, newest));
}

#[tokio::test]
async fn of_many_callers_two_have_a_turn_and_who_leaves_gives_theirs_back() {
    let records = (0..20_000).map(|number| login(&format!("user{}", number % 700), 1000, wall()));
    let Some((_house, bus)) = settle(records.collect(), &[]).await else { return };
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let files = [("countersign.toml", ALWAYS)];
    let ask = || admin.simulate_policy(&files, HashMap::new(), 0);
    let answers = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask());
    let refused = [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5];
    let refused: Vec<String> =
        refused.into_iter().filter_map(Result::err).map(|error| error_name(&error)).collect();
    assert!((1..=4).contains(&refused.len()), "{refused:?}");
    assert!(refused.iter().all(|name| name == error::LIMIT_REACHED), "{refused:?}");

    for _ in 0..2 {
        let leaving = bus.client().await;
        let call = harness::bus::admin(&leaving).await;
        let _late =
            tokio::time::timeout(Duration::from_millis(5), call.simulate_policy(&files, HashMap::new(), 0))
                .await;
        leaving.close().await.unwrap();
    }
    let begun = Instant::now();
    while let Err(refused) = ask().await {
        assert_eq!(error_name(&refused), error::LIMIT_REACHED);
        assert!(begun.elapsed() < Duration::from_secs(10), "their turns are not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn files_with_mistakes_are_told_them_and_nothing_else_and_too_long_ones_are_refused() {
    let Some((_house, bus)) = settle(vec![login("root", 0, wall())], &[]).await else { return };
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let files = [("new\u{1b}[2J.toml", "[default]\nrequire = \"sometimes\"\ncolour = 3\n")];
    let (rows, next, newest, facts) = admin.simulate_policy(&files, HashMap::new(), 0).await.unwrap();
    assert_eq!((rows.len(), next), (0, newest));
    let mistakes: Vec<String> = facts["mistakes"].clone().try_into().unwrap();
    assert!(mistakes.len() == 2 && mistakes[0].contains("sometimes"), "{mistakes:#?}");
    assert!(!mistakes.concat().contains('\u{1b}'), "{mistakes:#?}");

    let (_, _, _, facts) = admin.simulate_policy(&[], HashMap::new(), 0).await.unwrap();
    assert!(facts.contains_key("mistakes"), "{facts:?}");
    let long = "#".repeat(1024 * 1024);
    let refused = admin.simulate_policy(&[("countersign.toml", &long)], HashMap::new(), 0).await;
    assert_eq!(error_name(&refused.unwrap_err()), error::INVALID_ARGUMENT);
    let options = HashMap::from([("since", Variant::from("yesterday"))]);
    let refused = admin.simulate_policy(&[("countersign.toml", ALWAYS)], options.clone(), 0).await;
    assert_eq!(error_name(&refused.unwrap_err()), error::INVALID_ARGUMENT);
    assert_eq!(error_name(&admin.report_policy(options, 0).await.unwrap_err()), error::INVALID_ARGUMENT);
}

#[tokio::test]
async fn what_watched_rules_would_have_done_is_reported_by_course_and_person() {
    let watched = |user: &str, would: &str, because: Option<&str>| AuditEvent {
        reason: Some("monitored".to_owned()),
        would: Some(would.to_owned()),
        would_because: because.map(str::to_owned),
        ..login(user, 1000, wall())
    };
    let mut records = vec![
        watched("root", "ask", None),
        watched("root", "ask", None),
        watched("daemon", "refuse", Some("not-enrolled")),
        login("daemon", 1, wall()),
        // A name that is written like a record is one name still.
        AuditEvent { reason: Some("x\n\"reason\":\"monitored\"".to_owned()), ..login("bin", 2, wall()) },
    ];
    records[2].login.as_mut().unwrap().service = "s\nhd".to_owned();
    let Some((_house, bus)) = settle(records, &[]).await else { return };
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let (rows, next, newest) = admin.report_policy(HashMap::new(), 0).await.unwrap();
    assert_eq!(next, newest);
    let told: Vec<String> = rows
        .iter()
        .map(|(course, user, rule, service, why, count)| {
            format!("{course} {user} {rule} {service} {why} {count}")
        })
        .collect();
    assert_eq!(told, ["ask root default sshd  2", "refuse daemon default s?hd not-enrolled 1"]);
    let later = wall().as_seconds() + 100;
    assert!(admin.report_policy(since(later), 0).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn a_person_who_does_not_exist_is_explained_as_such_or_as_what_is_imagined_of_them() {
    let Some((house, bus)) = settle(Vec::new(), &[]).await else { return };
    let admins = "[[policy]]\nname = \"admins\"\ngroups = [\"wheel\"]\norigin = \"directory\"\n\
                  require = \"always\"\n";
    // Only a service that serves the bus heeds the signal; one that is starting would end by it.
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    house.configure(&format!("{ENROLLED}{admins}"));
    nix::sys::signal::kill(house.pid(), nix::sys::signal::Signal::SIGHUP).unwrap();
    let ask = async |facts: Vec<(&'static str, Variant<'static>)>| {
        admin.explain_policy(facts.into_iter().collect()).await
    };
    let begun = Instant::now();
    let imagined = loop {
        let groups = Variant::from(vec!["wheel".to_owned()]);
        let question =
            vec![("user", "nobody-here".into()), ("groups", groups), ("origin", "directory".into())];
        let told = ask(question).await.unwrap();
        if text(&told, "rule") == "admins" {
            break told;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{told:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(!switch(&imagined, "known") && !switch(&imagined, "enrolled"));
    assert_eq!((text(&imagined, "course"), text(&imagined, "why")), ("refuse".into(), "not-enrolled".into()));
    assert_eq!(
        (text(&imagined, "origin"), text(&imagined, "force")),
        ("directory".into(), "in-force".into())
    );
    assert_eq!((text(&imagined, "locked"), imagined.get("locked_until")), ("no".into(), None));

    let unknown = ask(vec![("user", "nobody-here".into())]).await.unwrap();
    assert_eq!((text(&unknown, "rule"), text(&unknown, "origin")), ("admins".into(), "unknown".into()));
    assert!(text(&unknown, "sees").contains("no answer to it is right"), "{unknown:?}");

    let own = ask(vec![("user", own_name().into()), ("groups", Variant::from(Vec::<String>::new()))]);
    let own = own.await.unwrap();
    assert!(switch(&own, "known"));
    assert_eq!((text(&own, "rule"), text(&own, "course")), ("default".into(), "pass".into()));
    for wrong in [("groups", Variant::from("wheel")), ("origin", Variant::from("mars"))] {
        let refused = ask(vec![("user", "root".into()), wrong]).await.unwrap_err();
        assert_eq!(error_name(&refused), error::INVALID_ARGUMENT);
    }
    let many: Vec<String> = (0..2000).map(|number| format!("group{number}")).collect();
    let refused = ask(vec![("user", "root".into()), ("groups", Variant::from(many))]).await.unwrap_err();
    assert_eq!(error_name(&refused), error::INVALID_ARGUMENT);
}
