//! `policy explain` and `policy check`.

use crate::bus::{countersign, run};
use crate::service::{Script, Service};

#[test]
fn explain_asks_with_every_fact_and_shows_the_rule_and_what_was_passed_over() {
    let service = Service::start(Script::default());
    let arguments = [
        "policy",
        "explain",
        "--user",
        "alice",
        "--service",
        "sshd",
        "--from",
        "198.51.100.7",
        "--ssh-key",
        "ssh-ed25519",
    ];
    let ran = service.bus.run(&arguments, "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert_eq!(
        ran.out,
        "\
Rule          students
Requires      always
Methods       totp
Enrollment    at-login
Person sees   A prompt for a code.
Groups        not all could be looked up; the strictest rule that could apply decides
Policy        0123456789ab

Passed over:
  no-person       service
  administrators  groups
"
    );
    assert_eq!(
        service.asked(),
        ["ExplainPolicy from=\"198.51.100.7\" service=\"sshd\" ssh_key=\"ssh-ed25519\" user=\"alice\""]
    );
}

#[test]
fn the_json_of_explain_keeps_its_shape() {
    let service = Service::start(Script::default());
    let ran = service.bus.run(&["policy", "explain", "--user", "alice", "--service", "login", "--json"], "");
    let expected = serde_json::json!({
        "rule": "students", "requirement": "always", "methods": ["totp"], "enroll": "at-login",
        "sees": "A prompt for a code.",
        "passed_over": [{ "rule": "no-person", "reason": "service" }, { "rule": "administrators", "reason": "groups" }],
        "groups_complete": false, "policy": "0123456789abcdef0123456789abcdef",
    });
    assert_eq!(ran.json(), expected);
    assert_eq!(service.asked(), ["ExplainPolicy service=\"login\" user=\"alice\""]);
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
