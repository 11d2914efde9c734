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

  totp \"phone\"
    State          active
    Set up         2026-11-02 14:32
    Last used      2026-11-03 14:32
"
    );
    assert_eq!(service.asked(), ["Status"]);
    let with_ids = self::service(standing("alice", vec![])).bus.run(&["status", "--ids"], "");
    assert_eq!(with_ids.out, format!("{}    Id             3735928559\n", ran.out));
}

#[test]
fn the_json_of_a_standing_keeps_its_shape() {
    let service = service(standing("alice", vec![("locked_until", 1_793_629_920_u64.into())]));
    let ran = service.bus.run(&["status", "--json"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let factor = json!({
        "id": 3_735_928_559_u32, "method": "totp", "label": "phone", "state": "active",
        "since": "2026-11-02T14:32:00Z", "last_used": "2026-11-03T14:32:00Z", "recipient": null,
    });
    let expected = json!({
        "user": "alice", "available": true, "rule": "students", "requirement": "always",
        "enroll": "self-service", "methods": ["totp"], "locked_until": "2026-11-02T14:32:00Z",
        "needs_reset": false, "factors": [factor], "chosen": null, "backup_codes_left": null,
        "email": null, "phone": null, "remembered": null, "skipped": null, "undelivered": [],
        "force": null, "enrolled_after": null, "realm": null, "gone": null, "unreadable": false,
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

/// A person who has codes by e-mail and nothing else.
pub(crate) fn by_mail() -> Vec<(&'static str, zbus::Variant<'static>)> {
    let mailbox = facts([
        ("id", 7_u32.into()),
        ("method", "email".into()),
        ("label", "mailbox".into()),
        ("state", "active".into()),
        ("since", 1_793_629_920_u64.into()),
        ("recipient", "alice@example.org".into()),
    ]);
    let failed = facts([
        ("method", "email".into()),
        ("recipient", "alice@example.org".into()),
        ("at", 1_793_629_920_u64.into()),
        ("why", "unreachable".into()),
    ]);
    vec![
        ("factors", vec![mailbox].into()),
        ("methods", vec!["email"].into()),
        ("email", "alice@example.org".into()),
        ("phone", "+491712345642".into()),
        ("remembered", 2_u32.into()),
        ("skipped", 1_u32.into()),
        ("undelivered", vec![failed].into()),
    ]
}

#[test]
fn who_gets_codes_by_mail_sees_where_they_go_and_what_did_not_go_out() {
    let ran = service(standing("alice", by_mail())).bus.run(&["status"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        ran.out,
        "\
alice

  Second factor    required
  Rule             students
  Methods allowed  email
  Locked           no
  On file          alice@example.org, +491712345642
  Remembered       2 places
  Put off          setting up was put off once
  Not delivered    email to alice@example.org at 2026-11-02 14:32 UTC: the server or gateway could not be reached

  email \"mailbox\"
    State          active
    Set up         2026-11-02 14:32
    Last used      never
    Sent to        alice@example.org
"
    );
    let told = service(standing("alice", by_mail())).bus.run(&["status", "--json"], "").json();
    assert_eq!(told["factors"][0]["recipient"], "alice@example.org");
    assert_eq!((&told["email"], &told["phone"]), (&json!("alice@example.org"), &json!("+491712345642")));
    assert_eq!((&told["remembered"], &told["skipped"]), (&json!(2), &json!(1)));
    let failed = json!({
        "method": "email", "recipient": "alice@example.org", "at": "2026-11-02T14:32:00Z", "why": "unreachable",
    });
    assert_eq!(told["undelivered"], json!([failed]));
}

#[test]
fn who_has_nothing_is_told_of_the_way_that_the_rule_names_first() {
    for (methods, says) in [
        (vec!["email", "sms"], "Set up codes by e-mail now: countersign enroll email"),
        (vec!["backup", "sms"], "Set up codes by text message now: countersign enroll sms"),
        (vec!["hotp"], "Set up a hardware token now: countersign enroll hotp"),
    ] {
        let nothing: Vec<countersign_protocol::proxies::OwnedFacts> = vec![];
        let entries = vec![("factors", nothing.into()), ("methods", methods.into())];
        let ran = service(standing("alice", entries)).bus.run(&["status"], "");
        assert!(ran.err.contains(says), "{ran:?}");
    }
}

#[test]
fn who_put_setting_up_off_for_good_is_not_told_of_a_next_login() {
    let begun = facts([
        ("id", 7_u32.into()),
        ("method", "totp".into()),
        ("label", "phone".into()),
        ("state", "pending".into()),
    ]);
    for factors in [vec![], vec![begun]] {
        let entries = vec![("factors", factors.into()), ("skipped", 0_u32.into())];
        let ran = service(standing("alice", entries)).bus.run(&["status"], "");
        assert!(
            ran.err.contains("no login asks again") && ran.err.contains("countersign enroll totp"),
            "{ran:?}"
        );
        assert!(!ran.err.contains("next login"), "{ran:?}");
    }
}

#[test]
fn backup_codes_that_are_left_are_counted_and_the_last_one_gone_is_told() {
    for (left, says, advises) in
        [(7_u32, "Backup codes     7 left", false), (0, "Backup codes     none left", true)]
    {
        let entries = vec![("backup_codes_left", left.into()), ("methods", vec!["totp", "backup"].into())];
        let service = service(standing("alice", entries));
        let ran = service.bus.run(&["status"], "");
        assert!(ran.out.contains(says), "{ran:?}");
        assert_eq!(ran.err.contains("countersign backup-codes"), advises, "{ran:?}");
    }
}

#[test]
fn who_was_never_chosen_is_told_that_nothing_is_asked() {
    for (chosen, says) in [(true, "required: switched on"), (false, "not asked for: not switched on")] {
        let service =
            service(standing("alice", vec![("requirement", "chosen".into()), ("chosen", chosen.into())]));
        let ran = service.bus.run(&["status"], "");
        assert!(ran.out.contains(says), "{ran:?}");
    }
}

#[test]
fn who_needs_an_invitation_is_told_to_ask_for_one() {
    let nothing: Vec<countersign_protocol::proxies::OwnedFacts> = vec![];
    let entries = vec![("factors", nothing.into()), ("enroll", "invited".into())];
    let ran = service(standing("alice", entries)).bus.run(&["status"], "");
    assert!(ran.err.contains("Ask for an invitation"), "{ran:?}");
}

/// A person whose app was set up before the moment from which enrollments count.
pub(crate) fn with_void_app(active: bool) -> Vec<(&'static str, zbus::Variant<'static>)> {
    let app = |id: u32, label: &'static str, state: &'static str| {
        facts([
            ("id", id.into()),
            ("method", "totp".into()),
            ("label", label.into()),
            ("state", state.into()),
            ("since", 1_793_000_000_u64.into()),
        ])
    };
    let mut factors = vec![app(7, "phone", "void")];
    factors.extend(active.then(|| app(8, "tablet", "active")));
    vec![("factors", factors.into()), ("enrolled_after", 1_793_491_200_u64.into())]
}

#[test]
fn a_factor_that_is_void_says_since_when_and_what_to_do() {
    let ran = service(standing("alice", with_void_app(false))).bus.run(&["status"], "");
    assert_eq!(ran.code, 0);
    let expected = "
  totp \"phone\"
    State          void: set up before 2026-11-01 00:00 UTC, no longer counts: set it up again
    Set up         2026-10-26 07:33
    Last used      never
";
    assert!(ran.out.ends_with(expected), "{ran:?}");
    assert_eq!(
        ran.err,
        "\nWhat you have was set up before 2026-11-01 00:00 UTC and no longer counts. Set it up again: countersign enroll totp\n"
    );
    let ran = service(standing("alice", with_void_app(true))).bus.run(&["status"], "");
    assert!(ran.out.contains("no longer counts") && ran.err.is_empty(), "{ran:?}");
    let told = service(standing("alice", with_void_app(true))).bus.run(&["status", "--json"], "").json();
    assert_eq!(told["factors"][0]["state"], "void");
    assert_eq!(told["enrolled_after"], "2026-11-01T00:00:00Z");
}

#[test]
fn a_host_where_the_second_factor_is_switched_off_says_so() {
    let entries = || vec![("force", "switched-off".into()), ("available", false.into())];
    let ran = service(standing("alice", entries())).bus.run(&["status"], "");
    assert!(ran.out.contains("Second factor    switched off on this host"), "{ran:?}");
    assert_eq!(ran.err, "\nThe second factor is switched off on this host.\n");
    let told = service(standing("alice", entries())).bus.run(&["status", "--json"], "").json();
    assert_eq!((&told["force"], &told["available"]), (&json!("switched-off"), &json!(false)));
}

#[test]
fn a_rule_that_is_only_monitored_says_so() {
    let ran = service(standing("alice", vec![("force", "monitored".into())])).bus.run(&["status"], "");
    assert!(ran.out.contains("required (the rule is only monitored: nobody is asked)"), "{ran:?}");
    let nothing: Vec<countersign_protocol::proxies::OwnedFacts> = vec![];
    let entries = vec![("force", "monitored".into()), ("factors", nothing.into())];
    let ran = service(standing("alice", entries)).bus.run(&["status"], "");
    assert_eq!(ran.err, "\nYou can set up an authenticator app: countersign enroll totp\n");
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
