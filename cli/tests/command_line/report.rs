//! `policy report`, `policy reload` and `policy schema`.

use countersign_protocol::proxies::MonitoredRow;
use serde_json::json;

use crate::bus::{countersign, run};
use crate::service::{Script, Service, facts};

fn row(course: &str, user: &str, rule: &str, why: &str, logins: u64) -> MonitoredRow {
    let own = |text: &str| text.to_owned();
    (own(course), own(user), own(rule), own("sshd"), own(why), logins)
}

fn pages() -> Vec<(Vec<MonitoredRow>, u64)> {
    let first = vec![
        row("ask", "dora", "staff", "", 40),
        row("refuse", "alice", "staff", "not-enrolled", 7),
        row("refuse", "eve\n\u{1b}[2J", "staff", "odd\u{7}", 1),
        row("pass", "dora", "staff", "remembered", 4),
        row("refuse", "erin", "staff", "code-needed", 1),
    ];
    let second = vec![
        row("refuse", "bob", "staff", "not-enrolled", 9),
        row("refuse", "carol", "staff", "locked", 1),
        row("invite", "frank", "students", "", 1),
        row("enroll", "grace", "students", "", 2),
    ];
    vec![(first, 10), (vec![], 15), (second, 20)]
}

#[test]
fn the_report_says_what_would_have_been_and_what_to_do() {
    let service = Service::start(Script { report: pages(), ..Script::default() });
    let ran = service.bus.run(&["policy", "report", "--since", "2026-11-01"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let expected = "\
Would have been refused: 5 people, 19 logins

  staff (not enrolled): 2 people, 16 logins
    bob    9 times  sshd
    alice  7 times  sshd
    Have them set it up: countersign enroll. Or invite them:
    countersign user invite bob --reason …

  staff (a code is needed, and this way in cannot ask for one): 1 person, 1 login
    erin  once  sshd
    They log in with a key alone. Have sshd ask them as well:
    AuthenticationMethods publickey,keyboard-interactive:pam

  staff (locked by too many wrong codes): 1 person, 1 login
    carol  once  sshd
    Unlock them: countersign user unlock carol --reason …

  staff (odd\u{fffd}): 1 person, 1 login
    eve\u{fffd}\u{fffd}[2J  once  sshd

Would have been asked for an invitation: 1 person, 1 login

  students: 1 person, 1 login
    frank  once  sshd
    Invite them: countersign user invite frank --reason …

Would have had to set up a factor: 1 person, 2 logins

  students: 1 person, 2 logins
    grace  2 times  sshd
    They are shown how at their next login once the rule is enforced.

Would have been asked for a code: 1 person, 40 logins

  staff: 1 person, 40 logins
    dora  40 times  sshd

Would have passed without a code: 1 person, 4 logins

  staff (the place is remembered): 1 person, 4 logins
    dora  4 times  sshd

Since 2026-11-01 00:00 UTC: 5 people would have been refused, 1 person would have needed an invitation, 1 person \
would have had to set up a factor, 1 person would have been asked for a code, 1 person would have passed without a code.
";
    assert_eq!(ran.out, expected);
    assert_eq!(
        service.asked(),
        ["ReportPolicy [\"since\"] 0", "ReportPolicy [\"since\"] 10", "ReportPolicy [\"since\"] 15"]
    );
}

#[test]
fn the_json_of_the_report_lists_everybody() {
    let service = Service::start(Script { report: pages(), ..Script::default() });
    let ran = service.bus.run(&["policy", "report", "--json", "--since", "2026-11-01"], "");
    let value = ran.json();
    assert_eq!(value["since"], "2026-11-01T00:00:00Z");
    assert_eq!(value["people"], json!({ "refuse": 5, "invite": 1, "enroll": 1, "ask": 1, "pass": 1 }));
    let logins = value["logins"].as_array().unwrap();
    assert_eq!(logins.len(), 9);
    let bob = json!({ "course": "refuse", "rule": "staff", "why": "not-enrolled", "user": "bob", "logins": 9, "services": ["sshd"] });
    assert_eq!(logins[0], bob);
    assert!(logins.iter().any(|row| row["user"] == "frank" && row["why"].is_null()));
}

#[test]
fn a_report_of_nothing_says_so_and_one_without_an_end_is_a_failure() {
    let service = Service::start(Script::default());
    let ran = service.bus.run(&["policy", "report"], "");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("No monitored rule has decided about a login since 20"), "{ran:?}");
    let service = Service::start(Script { never_ends: true, ..Script::default() });
    assert_eq!(service.bus.run(&["policy", "report"], "").code, 3);
}

#[test]
fn a_reload_says_what_is_in_force_and_what_is_hardly_meant() {
    let reloaded = || {
        facts([
            ("loaded", true.into()),
            ("policy", "0123456789abcdef".into()),
            ("warnings", vec!["warning: odd\u{1b}[2J\n --> a.toml:3:1"].into()),
        ])
    };
    let service = Service::start(Script { reloaded: reloaded(), ..Script::default() });
    let ran = service.bus.run(&["policy", "reload"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "warning: odd\u{fffd}[2J\n --> a.toml:3:1\n\n"), "{ran:?}");
    assert_eq!(ran.err, "Policy 0123456789ab is in force, with 1 warning.\n");
    let service = Service::start(Script { reloaded: reloaded(), ..Script::default() });
    let value = service.bus.run(&["policy", "reload", "--json"], "").json();
    assert_eq!((&value["loaded"], &value["policy"]), (&json!(true), &json!("0123456789abcdef")));
    assert_eq!(
        (value["mistakes"].as_array().unwrap().len(), value["warnings"].as_array().unwrap().len()),
        (0, 1)
    );
}

#[test]
fn a_reload_of_files_with_mistakes_says_that_the_last_good_policy_stays() {
    let reloaded = || {
        facts([
            ("loaded", false.into()),
            ("policy", "0123456789abcdef".into()),
            ("mistakes", vec!["error: wrong\n --> a.toml:3:1"].into()),
        ])
    };
    let service = Service::start(Script { reloaded: reloaded(), ..Script::default() });
    let ran = service.bus.run(&["policy", "reload"], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, "error: wrong\n --> a.toml:3:1\n\n"), "{ran:?}");
    assert!(ran.err.contains("Policy 0123456789ab, the last good one, stays in force."), "{ran:?}");
    let service = Service::start(Script { reloaded: reloaded(), ..Script::default() });
    let ran = service.bus.run(&["policy", "reload", "--json"], "");
    assert_eq!((ran.code, &ran.json()["loaded"]), (1, &json!(false)));
    let refused = service.bus.run(&["policy", "reload"], "");
    assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{refused:?}");
}

#[test]
fn the_schema_is_printed_without_the_service() {
    let ran = run(countersign(&["policy", "schema"]), "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.json(), countersign_config::schema());
}
