//! `policy explain` and `policy check`.

use countersign_protocol::proxies::OwnedFacts;

use crate::bus::{Ran, countersign, run};
use crate::service::{Script, Service, facts};

fn explain(explained: OwnedFacts, arguments: &[&str]) -> (Ran, Vec<String>) {
    let service = Service::start(Script { explained, ..Script::default() });
    let mut all = vec!["policy", "explain", "--user", "alice", "--service", "sshd"];
    all.extend(arguments);
    (service.bus.run(&all, ""), service.asked())
}

fn everything() -> OwnedFacts {
    facts([
        ("course", "refuse".into()),
        ("why", "locked".into()),
        ("force", "in-force".into()),
        ("known", false.into()),
        ("holds", vec!["totp", "backup"].into()),
        ("void", vec!["email \u{1b}[2J"].into()),
        ("locked", "until".into()),
        ("locked_until", 1_793_629_920_u64.into()),
        ("remembered", true.into()),
        ("chosen", false.into()),
        ("deadline", 1_793_716_320_u64.into()),
        ("enrolled", true.into()),
        ("groups", (0..23).map(|number| format!("g{number}")).collect::<Vec<_>>().into()),
        ("origin", "directory".into()),
        ("invited_until", 1_793_716_320_u64.into()),
        ("accepts", vec!["ssh-security-key"].into()),
        ("fresh_for", 900_u32.into()),
        ("idle_timeout", 14_400_u32.into()),
        ("remember_for", 2_592_000_u32.into()),
        ("enrolled_after", 1_793_491_200_u64.into()),
    ])
}

#[test]
fn explain_asks_with_every_fact_and_shows_what_happens_then_why_then_the_person() {
    let arguments = [
        "--from",
        "198.51.100.7",
        "--ssh-key",
        "ssh-ed25519",
        "--groups",
        "staff,,lab",
        "--origin",
        "directory",
    ];
    let (ran, asked) = explain(everything(), &arguments);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert_eq!(
        ran.out,
        "\
alice, sshd from 198.51.100.7

What happens
  The login       is refused: locked by too many wrong codes
  Person sees     A prompt for a code.

Why
  Rule            students
  Requires        always
  Methods         totp
  Accepts         ssh-security-key
  Enrollment      at-login
  Remembers for   30d
  Code fresh for  15m
  Idle limit      4h
  Enrolled after  2026-11-01 00:00 UTC
  Groups          not all could be looked up; the strictest rule that could apply decides
  Policy          0123456789ab

  Passed over
    no-person       service
    administrators  groups

The person
  Known           no: the name service has nobody of this name
  Origin          directory
  Groups          g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, g10, g11, g12, g13, g14, g15, g16, g17, g18, g19 and 3 more
  Holds           totp, backup
  Void            email \u{fffd}[2J: set up before 2026-11-01 00:00 UTC, no longer counts
  Locked          until 2026-11-02 14:32 UTC
  Remembered      yes
  Switched on     no
  Invited until   2026-11-03 14:32 UTC
  Set up until    2026-11-03 14:32 UTC, later with an invitation
"
    );
    assert_eq!(
        asked,
        [
            "ExplainPolicy from=\"198.51.100.7\" groups=[\"staff\", \"lab\"] origin=\"directory\" service=\"sshd\" \
          ssh_key=\"ssh-ed25519\" user=\"alice\""
        ]
    );
}

#[test]
fn explain_says_first_that_a_rule_is_only_monitored_or_the_factor_switched_off() {
    for (force, says, otherwise) in [
        (
            "monitored",
            "The login       passes: the rule is only monitored\n",
            "  If enforced     is asked for a code\n",
        ),
        (
            "switched-off",
            "passes: the second factor is switched off on this host\n",
            "  If on           is asked for a code\n",
        ),
    ] {
        let (ran, asked) =
            explain(facts([("course", "ask".into()), ("force", force.into())]), &["--groups", ""]);
        assert!(ran.out.contains(says) && ran.out.contains(otherwise), "{ran:?}");
        assert!(
            asked[0].starts_with("ExplainPolicy groups=@as [] service"),
            "nobody's group is no group: {asked:?}"
        );
    }
}

#[test]
fn the_json_of_explain_keeps_its_shape() {
    let (ran, asked) = explain(facts([]), &["--json"]);
    let mut expected = serde_json::json!({
        "rule": "students", "requirement": "always", "methods": ["totp"], "enroll": "at-login",
        "sees": "A prompt for a code.",
        "passed_over": [{ "rule": "no-person", "reason": "service" }, { "rule": "administrators", "reason": "groups" }],
        "groups_complete": false, "policy": "0123456789abcdef0123456789abcdef",
        "course": null, "why": null, "force": null, "known": null, "holds": [], "void": [], "locked": null,
        "locked_until": null, "remembered": null, "chosen": null, "deadline": null, "enrolled": null, "groups": [],
        "origin": null, "sshd": null, "invited_until": null, "accepts": [], "fresh_for": null, "idle_timeout": null,
        "remember_for": null, "enrolled_after": null,
    });
    assert_eq!(ran.json(), expected);
    assert_eq!(asked, ["ExplainPolicy service=\"sshd\" user=\"alice\""]);
    let (ran, _) = explain(everything(), &["--json"]);
    for (key, value) in [
        ("course", serde_json::json!("refuse")),
        ("why", "locked".into()),
        ("force", "in-force".into()),
        ("known", false.into()),
        ("holds", vec!["totp", "backup"].into()),
        ("void", vec!["email \u{fffd}[2J"].into()),
        ("locked", "until".into()),
        ("locked_until", "2026-11-02T14:32:00Z".into()),
        ("remembered", true.into()),
        ("chosen", false.into()),
        ("deadline", "2026-11-03T14:32:00Z".into()),
        ("enrolled", true.into()),
        ("groups", (0..23).map(|number| format!("g{number}")).collect::<Vec<_>>().into()),
        ("origin", "directory".into()),
        ("invited_until", "2026-11-03T14:32:00Z".into()),
        ("accepts", vec!["ssh-security-key"].into()),
        ("fresh_for", 900.into()),
        ("idle_timeout", 14_400.into()),
        ("remember_for", 2_592_000.into()),
        ("enrolled_after", "2026-11-01T00:00:00Z".into()),
    ] {
        expected[key] = value;
    }
    assert_eq!(ran.json(), expected);
}

#[test]
fn a_source_that_is_no_numeric_address_is_a_wrong_usage() {
    for from in ["example.org", "10.0.0.0/8", ""] {
        let arguments = ["policy", "explain", "--user", "a", "--service", "s", "--from", from];
        let ran = run(countersign(&arguments), "");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("numeric address"), "{ran:?}");
    }
}

const BROKEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/tests/mistakes/countersign.toml");
const BROKEN_DROP_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/tests/mistakes/policy.d");
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/countersign.toml");

#[test]
fn the_shipped_file_has_no_errors() {
    let ran = run(countersign(&["policy", "check", SHIPPED]), "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert!(ran.err.ends_with("countersign.toml: no errors.\n"), "{ran:?}");
}

#[test]
fn every_mistake_is_shown_at_once_with_its_place_and_the_exit_code_is_1() {
    let ran = run(countersign(&["policy", "check", BROKEN, "--drop-ins", BROKEN_DROP_INS]), "");
    assert_eq!(ran.code, 1, "{ran:?}");
    let errors = ran.out.lines().filter(|line| line.starts_with("error: ")).count();
    assert!(errors > 10, "{errors} errors in {}", ran.out);
    assert!(ran.out.contains("countersign.toml:") && ran.out.contains("20-syntax.toml:"), "{}", ran.out);
    assert!(ran.err.contains(&format!("{errors} errors")), "{}", ran.err);
    let without = run(countersign(&["policy", "check", BROKEN]), "");
    assert!(!without.out.contains("20-syntax.toml"), "another file's drop-ins are not the installed ones");
}

#[test]
fn the_json_of_check_counts_what_it_lists() {
    let ran = run(countersign(&["policy", "check", "--json", BROKEN]), "");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{ran:?}");
    let value = ran.json();
    let of = |severity| {
        let all = value["diagnostics"].as_array().unwrap();
        all.iter().filter(|found| found["severity"] == severity).count()
    };
    assert_eq!(value["errors"], of("error"));
    assert_eq!(value["warnings"], of("warning"));
    for key in ["file", "line", "column", "text", "message", "help"] {
        assert!(value["diagnostics"][0].get(key).is_some(), "{key}");
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_and_no_panic() {
    let ran = run(countersign(&["policy", "check", "/nonexistent/countersign.toml"]), "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("/nonexistent/countersign.toml"), "{ran:?}");
}

const UNKNOWN_NAMES: &str = "\
[default]
require = \"enrolled\"

[[policy]]
name = \"staff\"
users = [\"root\", \"no-such-user\"]
groups = [\"no-such-group\"]
require = \"always\"
";

#[test]
fn check_warns_of_users_and_groups_that_the_host_does_not_know_unless_told_not_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.toml");
    std::fs::write(&file, UNKNOWN_NAMES).unwrap();
    let file = file.to_str().unwrap();
    let ran = run(countersign(&["policy", "check", file]), "");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("there is no user `no-such-user` on this host"), "{ran:?}");
    assert!(ran.out.contains("there is no group `no-such-group` on this host"), "{ran:?}");
    assert!(!ran.out.contains("no user `root`"), "{ran:?}");
    let without = run(countersign(&["policy", "check", file, "--no-names"]), "");
    assert!(!without.out.contains("on this host"), "{without:?}");
    let json = run(countersign(&["policy", "check", file, "--json"]), "").json();
    let found = json["diagnostics"].as_array().unwrap();
    let user = found.iter().find(|found| found["text"] == "\"no-such-user\"").unwrap();
    assert_eq!(
        (&user["severity"], &user["line"], &user["column"]),
        (&"warning".into(), &6.into(), &18.into())
    );
}
