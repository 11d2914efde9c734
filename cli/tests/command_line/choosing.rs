//! `user enable` and `user disable`: one person, a group, a file.

use serde_json::json;

use crate::service::{Script, Service};

fn service() -> Service {
    Service::start(Script::default())
}

#[test]
fn one_person_is_switched_on_and_off() {
    let service = service();
    for (verb, user, words) in [
        ("enable", "alice", "switched on"),
        ("enable", "bob", "was on already"),
        ("disable", "alice", "switched off"),
        ("disable", "bob", "was off already"),
    ] {
        let ran = service.bus.run(&["user", verb, user, "--reason", "pilot"], "");
        let said = format!("{user}: second factor {words}.\n");
        assert_eq!((ran.code, ran.out.as_str(), ran.err), (0, "", said));
    }
    let ran = service.bus.run(&["user", "enable", "alice", "--reason", "pilot", "--json"], "");
    assert_eq!(ran.json(), json!({ "user": "alice", "required": true, "changed": true }));
    assert_eq!(service.asked()[0], "SetRequired alice reason=\"pilot\" required=true");
    assert_eq!(service.asked()[2], "SetRequired alice reason=\"pilot\" required=false");
}

#[test]
fn where_no_rule_asks_chosen_people_it_is_refused_with_the_reason() {
    let ran = service().bus.run(&["user", "enable", "carol", "--reason", "pilot"], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        ran.err,
        "error: Second factor not available here: no rule with require = \"chosen\" covers carol.\n"
    );
}

#[test]
fn where_the_second_factor_is_switched_off_nobody_is_switched_on() {
    let ran = service().bus.run(&["user", "enable", "off", "--reason", "pilot"], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert_eq!(ran.err, "error: Second factor not available here: it is switched off on this host.\n");
}

const LIST: &str = "# pilot\nalice\n\nbob\ncarol\nno name\nnobody\ndave\n";

#[test]
fn a_file_is_reported_line_by_line_and_one_who_is_refused_does_not_stop_the_others() {
    let service = service();
    let ran = service.bus.run(&["user", "enable", "--from", "-", "--reason", "pilot"], LIST);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        ran.out,
        "\
line 2: alice: switched on
line 4: bob: was on already
line 5: carol: Second factor not available here: no rule with require = \"chosen\" covers carol.
line 6: This is not the name of a user.
line 7: nobody: There is no user nobody.
line 8: dave: switched on
"
    );
    assert_eq!(ran.err, "2 switched on, 1 was on already, 3 refused.\n");
    assert_eq!(service.asked().len(), 5);
}

#[test]
fn the_report_for_programs_keeps_its_shape() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "alice\ncarol\n").unwrap();
    let arguments = ["user", "disable", "--from", file.path().to_str().unwrap(), "--reason", "end", "--json"];
    let ran = service().bus.run(&arguments, "");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let error = "Second factor not available here: no rule with require = \"chosen\" covers carol.";
    assert_eq!(
        ran.json(),
        json!({
            "required": false,
            "people": [
                { "line": 1, "user": "alice", "changed": true, "error": null },
                { "line": 2, "user": "carol", "changed": null, "error": error },
            ],
            "failed": 1,
        })
    );
}

#[test]
fn what_is_wrong_with_the_service_or_the_callers_rights_ends_the_list() {
    for (user, code) in [("broken", 3), ("busy", 1), ("root", 1)] {
        let service = service();
        let list = format!("alice\n{user}\ndave\n");
        let ran = service.bus.run(&["user", "enable", "--from", "-", "--reason", "pilot"], &list);
        assert_eq!((ran.code, ran.out.as_str()), (code, "line 1: alice: switched on\n"), "{ran:?}");
        assert!(ran.err.contains("error:"), "{ran:?}");
        assert_eq!(service.asked().len(), 2);
    }
}

#[test]
fn a_group_means_its_members() {
    let service = service();
    let ran = service.bus.run(&["user", "enable", "--group", "daemon", "--reason", "roll-out"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "daemon: switched on\n"), "{ran:?}");
    let ran = service.bus.run(&["user", "enable", "--group", "no-such-group", "--reason", "roll-out"], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("There is no group no-such-group."), "{ran:?}");
    assert_eq!(service.asked().len(), 1);
}

#[test]
fn a_list_that_is_not_there_or_names_nobody_asks_nothing_of_the_service() {
    let service = service();
    let ran = service.bus.run(&["user", "enable", "--from", "/nowhere/people", "--reason", "x"], "");
    assert!(ran.code == 1 && ran.err.contains("cannot be read"), "{ran:?}");
    let ran = service.bus.run(&["user", "enable", "--from", "-", "--reason", "x"], "# nobody\n\n");
    assert!(ran.code == 1 && ran.err.contains("names nobody"), "{ran:?}");
    assert!(service.asked().is_empty());
}
