//! `status`, and what all commands that show a person have in common.

use serde_json::json;

use crate::service::{Script, Service, facts, standing};

fn service(status: countersign_protocol::proxies::OwnedFacts) -> Service {
    Service::start(Script { status, ..Script::default() })
}

#[test]
fn what_one_holds_is_shown_on_standard_output() {
    let service = service(standing("alice", vec![]));
    let ran = service.bus.run(&["status"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        ran.out,
        "\
alice

  Second factor    required
  Rule             students
  Methods allowed  totp
  Locked           no

  ID          METHOD  LABEL  STATE   SET UP            LAST USED
  3735928559  totp    phone  active  2026-11-02 14:32  2026-11-03 14:32
"
    );
    assert_eq!(service.asked(), ["Status"]);
}

#[test]
fn the_json_of_a_standing_keeps_its_shape() {
    let service = service(standing("alice", vec![("locked_until", 1_793_629_920_u64.into())]));
    let ran = service.bus.run(&["status", "--json"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let factor = json!({
        "id": 3_735_928_559_u32, "method": "totp", "label": "phone", "state": "active",
        "since": "2026-11-02T14:32:00Z", "last_used": "2026-11-03T14:32:00Z",
    });
    let expected = json!({
        "user": "alice", "available": true, "rule": "students", "requirement": "always",
        "enroll": "self-service", "methods": ["totp"], "locked_until": "2026-11-02T14:32:00Z",
        "needs_reset": false, "factors": [factor],
    });
    assert_eq!(ran.json(), expected);
}

#[test]
fn who_has_nothing_is_told_how_to_set_up() {
    let nothing: Vec<countersign_protocol::proxies::OwnedFacts> = vec![];
    let service = service(standing("alice", vec![("factors", nothing.into())]));
    let ran = service.bus.run(&["status"], "");
    assert!(ran.out.contains("Set up           nothing"), "{ran:?}");
    assert!(ran.err.contains("countersign enroll totp"), "{ran:?}");
}

#[test]
fn quiet_keeps_the_result_and_drops_the_advice() {
    let nothing: Vec<countersign_protocol::proxies::OwnedFacts> = vec![];
    let service = service(standing("alice", vec![("factors", nothing.into())]));
    let ran = service.bus.run(&["status", "--quiet"], "");
    assert!(ran.out.contains("alice") && ran.err.is_empty(), "{ran:?}");
}

#[test]
fn locks_are_told_in_words_with_and_without_color() {
    for (color, escapes) in [("never", false), ("auto", false), ("always", true)] {
        let service = service(standing("alice", vec![("needs_reset", true.into())]));
        let ran = service.bus.run(&["status", "--color", color], "");
        assert!(ran.out.contains("until the helpdesk resets it: too many wrong codes"), "{ran:?}");
        assert_eq!(ran.out.contains('\u{1b}'), escapes, "{ran:?}");
    }
}

#[test]
fn an_answer_that_lacks_a_fact_is_a_failure_of_the_service() {
    let service = service(facts([("user", "alice".into())]));
    let ran = service.bus.run(&["status"], "");
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{ran:?}");
    assert!(ran.err.contains("makes no sense"), "{ran:?}");
}
