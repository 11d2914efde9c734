//! What rules may not say, and what they do to each other.

use countersign_config::{ENTRY_LIMIT, RULE_LIMIT};

use crate::folder::{Folder, MINIMAL, errors_of, rule_fault_of, warnings_of};

#[test]
fn an_empty_condition_is_refused_because_it_would_match_everybody() {
    for key in ["users", "groups", "services", "networks"] {
        assert_eq!(rule_fault_of(&format!("{key} = []")), format!("`{key}` is empty"));
    }
    assert_eq!(rule_fault_of("methods = []"), "`methods` is empty, nobody could log in");
}

#[test]
fn what_looks_like_another_programs_pattern_is_refused() {
    for line in [
        "users = [\"%wheel\"]",
        "users = [\"@staff\"]",
        "users = [\"+\"]",
        "users = [\"*\"]",
        "groups = [\"!root\"]",
        "groups = [\"stud?\"]",
        "users = [\"\"]",
        "users = [\" alice\"]",
        "users = [\"a/b\"]",
        "services = [\"SSHD\"]",
        "services = [\"sudo -i\"]",
        "users = [\"a\\u0000\"]",
        "users = \"alice\"",
        "users = [1]",
        "users = [\"a\", \"a\"]",
        "networks = [\"local\", \"local\"]",
        "methods = [\"totp\", \"totp\"]",
    ] {
        assert_eq!(
            errors_of(&format!("[[policy]]\nname = \"r\"\nrequire = \"always\"\n{line}\n{MINIMAL}")).len(),
            1,
            "{line}"
        );
    }
}

#[test]
fn names_have_a_limit() {
    let of = |length: usize| {
        let name = "n".repeat(length);
        errors_of(&format!(
            "[[policy]]\nname = \"{name}\"\nusers = [\"{name}\"]\nrequire = \"always\"\n{MINIMAL}"
        ))
        .len()
    };
    assert_eq!((of(256), of(257)), (0, 2));
}

#[test]
fn lists_have_a_limit() {
    let of = |length: usize| {
        let users: Vec<String> = (0..length).map(|number| format!("\"u{number}\"")).collect();
        let users = users.join(", ");
        errors_of(&format!("[[policy]]\nname = \"r\"\nusers = [{users}]\nrequire = \"always\"\n{MINIMAL}"))
            .len()
    };
    assert_eq!((of(ENTRY_LIMIT), of(ENTRY_LIMIT + 1)), (0, 1));
}

#[test]
fn rules_have_a_limit_over_all_files() {
    let rules = |from: usize, to: usize| -> String {
        let rule =
            |n: usize| format!("[[policy]]\nname = \"r{n}\"\nusers = [\"u{n}\"]\nrequire = \"always\"\n");
        (from..to).map(rule).collect()
    };
    let folder = Folder::new(format!("{}{MINIMAL}", rules(0, 600)));
    folder.drop_in("10.toml", rules(600, RULE_LIMIT));
    assert_eq!(folder.load().unwrap().policy.rules.len(), RULE_LIMIT);
    folder.drop_in("20.toml", rules(RULE_LIMIT, RULE_LIMIT + 1));
    let found = folder.load().unwrap_err();
    assert!(
        found.iter().any(|found| found.message == "there are 1001 rules, at most 1000 are taken"),
        "{found:#?}"
    );
}

#[test]
fn rules_that_an_earlier_one_covers_are_warned_of() {
    let pair = |first: &str, second: &str| {
        warnings_of(&format!(
            "[[policy]]\nname = \"first\"\nrequire = \"always\"\n{first}\n\
             [[policy]]\nname = \"second\"\nrequire = \"always\"\n{second}\n{MINIMAL}"
        ))
    };
    for (first, second) in [
        ("", "users = [\"a\"]"),
        ("users = [\"a\", \"b\"]", "users = [\"b\"]"),
        (
            "networks = [\"10.0.0.0/8\"]",
            "networks = [\"10.1.0.0/16\", \"10.2.0.0/16\"]\nservices = [\"sshd\"]",
        ),
        ("origin = \"local\"", "origin = \"local\"\ngroups = [\"g\"]"),
        ("services = [\"sshd\"]", "services = [\"sshd\"]"),
    ] {
        let found = pair(first, second);
        assert_eq!(found.len(), 1, "{first} / {second}");
        assert!(
            found[0].message.starts_with("rule `second` is never reached: `first`, in line 2"),
            "{found:#?}"
        );
    }
    for (first, second) in [
        ("users = [\"a\"]", ""),
        ("users = [\"a\"]", "groups = [\"a\"]"),
        ("users = [\"a\"]", "users = [\"a\", \"b\"]"),
        ("networks = [\"10.1.0.0/16\"]", "networks = [\"10.0.0.0/8\"]"),
        ("networks = [\"0.0.0.0/0\", \"::/0\"]", "networks = [\"local\"]"),
        ("origin = \"local\"", "groups = [\"g\"]"),
        ("origin = \"local\"", "origin = \"directory\""),
    ] {
        assert_eq!(pair(first, second), Vec::new(), "{first} / {second}");
    }
}

#[test]
fn looking_for_covered_rules_has_a_limit() {
    let entries: Vec<String> =
        (0..ENTRY_LIMIT).map(|number| format!("\"10.{}.{}.0/24\"", number / 250, number % 250)).collect();
    let networks = entries.join(", ");
    let rule = |n: usize| {
        format!(
            "[[policy]]\nname = \"r{n}\"\nusers = [\"u{n}\"]\nnetworks = [{networks}]\nrequire = \"always\"\n"
        )
    };
    let text: String = (0..20).map(rule).collect();
    let found = warnings_of(&format!("{text}{MINIMAL}"));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("too many to look for"), "{found:#?}");
}

#[test]
fn open_doors_are_warned_of() {
    let found = warnings_of(&format!("[[policy]]\nname = \"all\"\nrequire = \"never\"\n{MINIMAL}"));
    assert_eq!(found[0].message, "rule `all` has no condition and asks nobody for a code");
    assert_eq!(warnings_of("[default]\nrequire = \"never\"").len(), 1);
    assert_eq!(warnings_of(&format!("protected_groups = []\n{MINIMAL}")).len(), 1);
    let without_effect =
        "[[policy]]\nname = \"r\"\nusers = [\"a\"]\nrequire = \"never\"\nmethods = [\"totp\"]\n";
    assert_eq!(warnings_of(&format!("{without_effect}{MINIMAL}")).len(), 1);
    assert_eq!(warnings_of(&format!("{MINIMAL}enroll = \"at-login\"")).len(), 1);
}

#[test]
fn warnings_do_not_keep_a_policy_from_being_loaded() {
    let loaded = Folder::new("[default]\nrequire = \"never\"").load().unwrap();
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn settings_in_a_drop_in_are_refused() {
    for (text, errors) in [
        ("language = \"en\"", 1),
        (MINIMAL, 1),
        ("[store]\nurl = \"sqlite:///a\"", 1),
        ("remember = 1", 1),
        ("", 0),
    ] {
        let folder = Folder::new(MINIMAL);
        folder.drop_in("10.toml", text);
        assert_eq!(folder.load().map_or_else(|found| found.len(), |_| 0), errors, "{text}");
    }
}

#[test]
fn a_name_may_be_used_once_in_all_files() {
    let rule = |user: &str| format!("[[policy]]\nname = \"r\"\nusers = [\"{user}\"]\nrequire = \"always\"\n");
    let found = errors_of(&format!("{}{}{MINIMAL}", rule("a"), rule("b")));
    assert_eq!(found[0].message, "there is a rule `r` already, in line 2");
    let folder = Folder::new(format!("{}{MINIMAL}", rule("a")));
    folder.drop_in("10.toml", rule("b"));
    assert_eq!(folder.load().unwrap_err().len(), 1);
}
