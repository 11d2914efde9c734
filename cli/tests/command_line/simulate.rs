//! `policy simulate`: the files that go to the service, the pages added up, and what a person sees of it.

use countersign_protocol::proxies::{ChangeRow, OwnedFacts};
use serde_json::json;

use crate::bus::Ran;
use crate::service::{Script, Service, facts};

const HOSTILE: &str = "eve\n\u{1b}[2J\u{202e}";

fn row(change: &str, user: &str, service: &str, rules: (&str, &str), logins: u64) -> ChangeRow {
    let own = |text: &str| text.to_owned();
    (own(change), own(user), own(service), own(rules.0), own(rules.1), logins)
}

fn looked(logins: u64, policy: &str) -> OwnedFacts {
    facts([("looked", logins.into()), ("policy", policy.to_owned().into()), ("other", "other".into())])
}

pub(crate) fn pages() -> Vec<(Vec<ChangeRow>, u64, OwnedFacts)> {
    let rules = ("default", "students");
    let many = (0..12).map(|number| row("newly-asked", &format!("user{number:02}"), "sshd", rules, 1));
    let mut first = vec![
        row("newly-refused", "alice", "sshd", rules, 100),
        row("newly-refused", HOSTILE, "login", rules, 1),
        row("no-longer-asked", "bob", "sudo", ("sudo", "sudo"), 3),
        row("something-new", "carol", "sshd", rules, 1),
    ];
    first.extend(many);
    let second = vec![
        row("newly-refused", "alice", "sshd", rules, 1100),
        row("newly-refused", "alice", "login", rules, 34),
        row("newly-asked", "user07", "sudo", rules, 8),
    ];
    vec![
        (first, 10_000, looked(9_000, "now")),
        (vec![], 15_000, looked(4_000, "now")),
        (second, 20_000, looked(9_345, "now")),
    ]
}

/// A policy file without errors, with a drop-in beside it.
pub(crate) fn policy() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.toml");
    std::fs::write(&file, "[default]\nrequire = \"enrolled\"\n").unwrap();
    std::fs::create_dir(folder.path().join("policy.d")).unwrap();
    let rule = "[[policy]]\nname = \"a\"\nusers = [\"root\"]\nrequire = \"always\"\n";
    std::fs::write(folder.path().join("policy.d/10-a.toml"), rule).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (folder, file)
}

fn simulate(script: Script, arguments: &[&str]) -> (Ran, Vec<String>) {
    let (_folder, file) = policy();
    let service = Service::start(script);
    let mut all = vec!["policy", "simulate", &file, "--since", "2026-10-01"];
    all.extend(arguments);
    let ran = service.bus.run(&all, "");
    let ran = Ran { err: ran.err.replace(file.trim_end_matches("new.toml"), ""), ..ran };
    (ran, service.asked())
}

#[test]
fn pages_are_added_up_and_shown_by_kind_rules_and_person() {
    let (ran, asked) = simulate(Script { replay: pages(), ..Script::default() }, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err, "Read new.toml, policy.d/10-a.toml: no errors.\n");
    let expected = "\
22,345 logins since 2026-10-01 00:00 UTC looked at.

Newly refused: 2 people, 1,235 logins

  default -> students: 2 people, 1,235 logins
    alice      1,234 times  login, sshd
    eve\u{fffd}\u{fffd}[2J\u{fffd}  once         login

Newly asked for a code: 12 people, 20 logins

  default -> students: 12 people, 20 logins
    user07  9 times  sshd, sudo
    user00  once     sshd
    user01  once     sshd
    user02  once     sshd
    user03  once     sshd
    user04  once     sshd
    user05  once     sshd
    user06  once     sshd
    user08  once     sshd
    user09  once     sshd
    … and 2 more (--all shows them)

No longer asked for a code: 1 person, 3 logins

  sudo -> sudo: 1 person, 3 logins
    bob  3 times  sudo

something-new: 1 person, 1 login

  default -> students: 1 person, 1 login
    carol  once  sshd

2 people would be newly refused: alice, eve\u{fffd}\u{fffd}[2J\u{fffd}; 12 people would be newly asked for a code; 1 person \
would no longer be asked for a code.
";
    assert_eq!(ran.out, expected);
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let question = "SimulatePolicy [\"new.toml\", \"10-a.toml\"] 89 [\"since\"]";
    assert_eq!(asked, [0, 10_000, 15_000].map(|after| format!("{question} {after}")));
}

#[test]
fn all_shows_everybody_and_json_always_does() {
    let (ran, _) = simulate(Script { replay: pages(), ..Script::default() }, &["--all"]);
    assert!(ran.out.contains("user11") && !ran.out.contains("more"), "{ran:?}");
    let (ran, _) = simulate(Script { replay: pages(), ..Script::default() }, &["--json", "--quiet"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let value = ran.json();
    assert_eq!(value["looked"], 22_345);
    assert_eq!((&value["policy"], &value["other"]), (&json!("now"), &json!("other")));
    assert_eq!(value["people"]["newly-asked"], 12);
    assert_eq!(value["people"]["newly-enrolling"], 0);
    assert_eq!(value["files"].as_array().unwrap().len(), 2);
    let changes = value["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2 + 12 + 1 + 1);
    let alice = json!({ "change": "newly-refused", "old_rule": "default", "new_rule": "students", "user": "alice",
        "logins": 1234, "services": ["login", "sshd"] });
    assert_eq!(changes[0], alice);
    assert!(ran.out.chars().all(|it| it == '\n' || !it.is_control()), "{ran:?}");
}

#[test]
fn a_file_that_changes_nothing_is_told_so_and_an_empty_period_says_nothing() {
    let replay = vec![(vec![], 10, looked(7, "now"))];
    let (ran, _) = simulate(Script { replay, ..Script::default() }, &[]);
    assert!(ran.out.ends_with("\nNo login of this period would have gone otherwise.\n"), "{ran:?}");
    let replay = vec![(vec![], 10, looked(0, "now"))];
    let (ran, _) = simulate(Script { replay, ..Script::default() }, &[]);
    assert!(ran.out.contains("No login of this period is recorded"), "{ran:?}");
    assert_eq!(ran.code, 0);
}

#[test]
fn a_policy_that_is_reloaded_meanwhile_begins_the_replay_anew() {
    let mut replay = pages();
    replay[2].2 = looked(1, "reloaded");
    let (ran, asked) = simulate(Script { replay, ..Script::default() }, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert!(ran.err.contains("changed again and again"), "{ran:?}");
    assert_eq!(asked.len(), 9, "three attempts of three pages: {asked:?}");
}

#[test]
fn files_with_errors_are_shown_as_check_shows_them_and_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.toml");
    std::fs::write(&file, "[default]\nrequire = \"allways\"\n").unwrap();
    let file = file.to_str().unwrap();
    let service = Service::start(Script::default());
    let ran = service.bus.run(&["policy", "simulate", file], "");
    let check = service.bus.run(&["policy", "check", file, "--no-names"], "");
    assert_eq!((ran.code, &ran.out, &ran.err), (1, &check.out, &check.err));
    assert!(ran.out.contains("new.toml:2:11"), "{ran:?}");
    let json = service.bus.run(&["policy", "simulate", file, "--json"], "");
    assert_eq!((json.code, &json.json()["errors"]), (1, &json!(1)));
    assert_eq!(service.asked(), [""; 0]);
}

#[test]
fn what_only_the_service_takes_for_wrong_is_shown_without_what_moves_the_cursor() {
    let mistakes = vec!["error: no\u{1b}[2J\n --> new.toml:1:1"];
    let replay =
        || vec![(vec![], 10, facts([("looked", 0_u64.into()), ("mistakes", mistakes.clone().into())]))];
    let (ran, _) = simulate(Script { replay: replay(), ..Script::default() }, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "error: no\u{fffd}[2J\n --> new.toml:1:1\n\n"), "{ran:?}");
    assert!(ran.err.contains("nothing was replayed"), "{ran:?}");
    let (ran, _) = simulate(Script { replay: replay(), ..Script::default() }, &["--json"]);
    assert_eq!((ran.code, ran.json()["mistakes"].as_array().unwrap().len()), (1, 1));
}

#[test]
fn a_service_that_never_comes_to_an_end_or_lacks_a_fact_is_a_failure() {
    let (ran, asked) = simulate(Script { never_ends: true, ..Script::default() }, &[]);
    assert_eq!((ran.code, ran.out.as_str(), asked.len()), (3, "", 2), "{ran:?}");
    let replay = vec![(vec![], 10, facts([]))];
    let (ran, _) = simulate(Script { replay, ..Script::default() }, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{ran:?}");
}

#[test]
fn a_refusal_of_the_service_is_said_and_nothing_is_shown() {
    let (ran, _) = simulate(Script::default(), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert!(ran.err.contains("No more of this script."), "{ran:?}");
}
