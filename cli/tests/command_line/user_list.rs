//! `user list`: page by page, in three forms.

use countersign_protocol::proxies::OwnedFacts;

use crate::service::{Script, Service, facts, standing};

fn people(people: usize) -> Service {
    Service::start(Script { people, ..Script::default() })
}

#[test]
fn two_and_a_half_thousand_people_come_in_three_pages() {
    let service = people(2500);
    let ran = service.bus.run(&["user", "list", "--csv"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 2501);
    assert_eq!(lines[0], "user,rule,methods,last_used,locked,email,phone,state");
    assert_eq!(lines[1], "user00000,students,totp,2026-11-03T14:32:00Z,,,,");
    assert!(lines[2500].starts_with("user02499,"));
    assert_eq!(service.asked(), ["ListUsers \"\" 1000", "ListUsers \"999\" 1000", "ListUsers \"1999\" 1000"]);
}

#[test]
fn the_columns_of_a_table_stay_where_they_are_from_page_to_page() {
    let service = people(2500);
    let ran = service.bus.run(&["user", "list"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "2500 people.\n"));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 2501);
    assert_eq!(lines[0], "USER       RULE      METHODS  LAST USED         LOCKED  EMAIL  PHONE");
    for line in [lines[1], lines[1000], lines[1001], lines[2500]] {
        assert_eq!(&line[9..], "  students  totp     2026-11-03 14:32  -       -      -", "{line}");
    }
}

#[test]
fn the_json_of_a_list_is_one_object_with_every_person() {
    let service = people(2500);
    let list = service.bus.run(&["user", "list", "--json"], "").json();
    assert_eq!(list["total"], 2500);
    assert_eq!(list["users"].as_array().unwrap().len(), 2500);
    assert_eq!(list["users"][2499]["user"], "user02499");
    assert_eq!(list["users"][0]["factors"][0]["label"], "phone");
}

/// Somebody who is gone, a row as services wrote it that tell nothing of them, a record that cannot be read, and nonsense.
fn bad_rows() -> Vec<OwnedFacts> {
    let gone = standing("gone", vec![("gone", true.into()), ("realm", "local:h1".into())]);
    let bare = facts([("user", "bare".into()), ("realm", "local:h1".into()), ("gone", true.into())]);
    let unreadable = standing("spoiled", vec![("unreadable", true.into()), ("gone", false.into())]);
    let garbled = standing("garbled", vec![("factors", 7_u32.into())]);
    vec![gone, bare, unreadable, garbled, facts([("user", 7_u32.into())])]
}

#[test]
fn one_bad_row_never_hides_the_others() {
    let start = || Service::start(Script { people: 2, bad_rows: bad_rows(), ..Script::default() });
    let ran = start().bus.run(&["user", "list", "--csv"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let states: Vec<(&str, &str)> = ran
        .out
        .lines()
        .skip(1)
        .map(|line| (line.split(',').next().unwrap(), line.rsplit(',').next().unwrap()))
        .collect();
    assert_eq!(
        states,
        [
            ("user00000", ""),
            ("user00001", ""),
            ("gone", "gone"),
            ("bare", "unreadable"),
            ("spoiled", "unreadable"),
            ("garbled", "unreadable"),
            ("?", "unreadable"),
        ]
    );
    let list = start().bus.run(&["user", "list", "--json"], "").json();
    assert_eq!(list["total"], 7);
    let row = |place: usize| list["users"][place].clone();
    assert_eq!((row(2)["gone"].clone(), row(2)["realm"].clone()), (true.into(), "local:h1".into()));
    assert_eq!(
        (row(0)["gone"].clone(), row(0)["unreadable"].clone()),
        (serde_json::Value::Null, false.into())
    );
    assert_eq!(row(4)["unreadable"], true);
    let ran = start().bus.run(&["user", "list"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "7 people.\n"));
    let line =
        |place: usize| ran.out.lines().nth(place).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    assert_eq!(
        (line(1), line(3), line(6)),
        ("students".to_owned(), "(gone)".to_owned(), "(unreadable)".to_owned())
    );
}

#[test]
fn nobody_is_an_empty_list() {
    let service = people(0);
    assert_eq!(
        service.bus.run(&["user", "list", "--json"], "").json(),
        serde_json::json!({ "users": [], "total": 0 })
    );
    let ran = service.bus.run(&["user", "list"], "");
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", "Nobody has set up anything yet.\n"));
}

#[test]
fn a_list_that_does_not_get_on_is_a_failure() {
    let service = Service::start(Script { people: 10, never_ends: true, ..Script::default() });
    let ran = service.bus.run(&["user", "list"], "");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("makes no sense"), "{ran:?}");
    assert_eq!(service.asked().len(), 2);
}

#[test]
fn two_forms_at_once_are_a_wrong_usage() {
    let service = people(1);
    let ran = service.bus.run(&["user", "list", "--csv", "--json"], "");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let service = people(2500);
    let mut child = service
        .bus
        .command(&["user", "list", "--csv"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}
