//! `user set-contact` and `user import`: one person, and a list.

use std::fmt::Write as _;

use serde_json::json;

use crate::service::{Script, Service};

fn service() -> Service {
    Service::start(Script::default())
}

#[test]
fn what_is_to_be_on_file_and_what_is_not_is_passed_on() {
    for (arguments, options) in [
        (&["--email", "alice@example.org"][..], "email=\"alice@example.org\""),
        (&["--phone", "+49 171 2345642", "--clear-email"], "email=\"\" phone=\"+49 171 2345642\""),
        (&["--clear-phone", "--clear-email"], "email=\"\" phone=\"\""),
    ] {
        let service = service();
        let all = [&["user", "set-contact", "alice", "--reason", "form 12"], arguments].concat();
        let ran = service.bus.run(&all, "");
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
        assert_eq!(service.asked(), [format!("SetContact alice {options} reason=\"form 12\"")]);
    }
}

#[test]
fn what_is_on_file_now_is_told_masked() {
    let service = service();
    let arguments = ["user", "set-contact", "alice", "--phone", "+491712345642", "--reason", "form 12"];
    let ran = service.bus.run(&arguments, "");
    assert_eq!(ran.err, "alice: on file now: a•••@example.org, •••• 42.\n");
    let ran = service.bus.run(&[&arguments[..], &["--json"]].concat(), "");
    let told = json!({ "user": "alice", "changed": true, "email": "a•••@example.org", "phone": "•••• 42" });
    assert_eq!(ran.json(), told);
    let ran =
        service.bus.run(&["user", "set-contact", "bob", "--email", "b@example.org", "--reason", "x"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "bob: on file as before: a•••@example.org.\n"));
}

const LIST: &str = "user,email,phone\nalice,alice@example.org,\nnobody,n@example.org,\ncarol,not-one,\nsame,,030 1234\n,x@example.org,\nempty,,\n";

const REPORT: &str =
    "line 3: nobody: no such user\nline 4: carol: not an e-mail address\nline 6: No user is named.\n";

#[test]
fn a_list_with_bad_lines_changes_nothing_and_names_each_of_them() {
    let service = service();
    let ran = service.bus.run(&["user", "import", "-", "--reason", "registry"], LIST);
    assert_eq!((ran.code, ran.out.as_str()), (1, REPORT), "{ran:?}");
    assert!(ran.err.starts_with("1 person would have another contact on file, 2 people the same; 3 lines refused.\nerror: Nothing was imported."), "{ran:?}");
    assert!(ran.err.contains("--keep-going"), "{ran:?}");
    assert_eq!(service.asked(), ["ImportContacts 4 rows, alice to same check=true"]);
}

#[test]
fn with_keep_going_the_good_lines_are_imported_and_the_exit_tells_of_the_bad_ones() {
    let service = service();
    let ran = service.bus.run(&["user", "import", "-", "--reason", "registry", "--keep-going"], LIST);
    assert_eq!((ran.code, ran.out.as_str()), (1, REPORT), "{ran:?}");
    assert_eq!(ran.err, "1 person has another contact on file, 2 people the same; 3 lines refused.\n");
    assert_eq!(
        service.asked(),
        [
            "ImportContacts 4 rows, alice to same check=true",
            "ImportContacts 2 rows, alice to same reason=\"registry\""
        ]
    );
}

#[test]
fn a_dry_run_needs_no_reason_and_only_checks() {
    let service = service();
    let ran = service.bus.run(&["user", "import", "-", "--dry-run"], "phone;user\n030 1234;alice\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.err, "1 person would have another contact on file, 0 people the same; 0 lines refused.\n");
    assert_eq!(service.asked(), ["ImportContacts 1 rows, alice to alice check=true"]);
    let ran = service.bus.run(&["user", "import", "-", "--dry-run"], LIST);
    assert_eq!((ran.code, ran.out.as_str()), (1, REPORT), "{ran:?}");
}

#[test]
fn a_long_list_goes_in_batches_and_on_from_where_the_service_came_to() {
    let service = service();
    let mut list = "user,email\n".to_owned();
    for number in 0..700 {
        writeln!(list, "user{number:03},user{number:03}@example.org").unwrap();
    }
    let ran = service.bus.run(&["user", "import", "-", "--reason", "registry"], &list);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert!(ran.err.starts_with("700 people have another contact on file"), "{ran:?}");
    let asked = service.asked();
    assert_eq!(
        asked[..3],
        [
            "ImportContacts 500 rows, user000 to user499 check=true",
            "ImportContacts 400 rows, user300 to user699 check=true",
            "ImportContacts 100 rows, user600 to user699 check=true",
        ]
    );
    assert_eq!(asked.len(), 6);
}

#[test]
fn the_report_of_a_list_for_programs_keeps_its_shape() {
    let ran = service().bus.run(&["user", "import", "-", "--reason", "registry", "--json"], LIST);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let expected = json!({
        "imported": false, "changed": 1, "unchanged": 2,
        "refused": [
            { "line": 3, "user": "nobody", "error": "no such user" },
            { "line": 4, "user": "carol", "error": "not an e-mail address" },
            { "line": 6, "user": null, "error": "No user is named." },
        ],
    });
    assert_eq!(ran.json(), expected);
}

#[test]
fn a_service_that_fails_in_the_middle_is_told_with_what_to_do() {
    let list = "user,email\nalice,a@example.org\nbroken,b@example.org\n";
    let ran = service().bus.run(&["user", "import", "-", "--reason", "registry"], list);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("The store did not answer") && ran.err.contains("Import it again"), "{ran:?}");
}

#[test]
fn a_list_that_is_none_asks_nothing_of_the_service() {
    let service = service();
    for (list, says) in [
        ("user,mail\nalice,a@example.org\n", "no column is called \"mail\""),
        ("", "the column user is missing"),
        ("user,email\n", "names nobody"),
    ] {
        let ran = service.bus.run(&["user", "import", "-", "--dry-run"], list);
        assert!(ran.code == 1 && ran.err.contains(says), "{ran:?}");
    }
    let ran = service.bus.run(&["user", "import", "/nowhere/contacts.csv", "--dry-run"], "");
    assert!(ran.code == 1 && ran.err.contains("cannot be read"), "{ran:?}");
    assert!(service.asked().is_empty());
}
