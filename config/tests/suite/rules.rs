//! What rules may not say, and what they do to each other.

use countersign_config::{ENTRY_LIMIT, RULE_LIMIT};

use crate::folder::{Folder, MINIMAL, errors_of, message_of, rule_fault_of, warnings_of};

#[test]
fn an_empty_condition_is_refused_because_it_would_match_everybody() {
    for key in ["users", "groups", "services", "networks", "hosts", "domains"] {
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
        "hosts = [\"web[12]\"]",
        "hosts = [\"!web1\"]",
        "hosts = [\"web 1\"]",
        "hosts = [\"\"]",
        "hosts = [\"web1\", \"WEB1\"]",
        "hosts = [\"w\u{e4}b\"]",
        "domains = [\"*.example.org\"]",
        "domains = [\"@example.org\"]",
        "domains = [\"example.org.\"]",
        "domains = [\"example.org\", \"EXAMPLE.ORG\"]",
        "domains = \"example.org\"",
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
        ("hosts = [\"web*\"]", "hosts = [\"web1\", \"WEB?.example.org\"]\nusers = [\"a\"]"),
        ("domains = [\"example.org\"]", "domains = [\"EXAMPLE.ORG\"]"),
        ("origin = \"directory\"", "domains = [\"example.org\"]"),
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
        ("origin = \"local\"", "domains = [\"example.org\"]"),
        ("hosts = [\"web*\"]", ""),
        ("hosts = [\"web*\"]", "hosts = [\"web1\", \"db1\"]"),
        ("hosts = [\"web?\"]", "hosts = [\"web*\"]"),
        ("hosts = [\"web*\"]\nusers = [\"a\"]", "hosts = [\"web*\"]"),
        ("domains = [\"example.org\"]", "domains = [\"example.org\", \"example.net\"]"),
        ("domains = [\"example.org\"]", "origin = \"directory\""),
    ] {
        assert_eq!(pair(first, second), Vec::new(), "{first} / {second}");
    }
}

#[test]
fn comparing_patterns_has_a_limit_too() {
    let patterns: Vec<String> =
        (0..ENTRY_LIMIT).map(|number| format!("\"{}{number:04}*\"", "a*".repeat(30))).collect();
    let hosts = patterns.join(", ");
    let rule = |n: usize| {
        format!("[[policy]]\nname = \"r{n}\"\nusers = [\"u\"]\nhosts = [{hosts}]\nrequire = \"always\"\n")
    };
    let text: String = (0..3).map(rule).collect();
    let found = warnings_of(&format!("{text}{MINIMAL}"));
    assert!(found.iter().any(|found| found.message.contains("too many to look for")), "{found:#?}");
}

#[test]
fn a_rule_that_matches_nobody_or_says_nothing_of_hosts_is_warned_of() {
    let of = |lines: &str| {
        let rule = format!("[[policy]]\nname = \"r\"\nrequire = \"always\"\n{lines}\n{MINIMAL}");
        warnings_of(&rule).into_iter().map(|found| found.message).collect::<Vec<_>>()
    };
    let nobody = "this rule matches nobody: people with origin = \"local\" are of no domain";
    assert_eq!(of("origin = \"local\"\ndomains = [\"example.org\"]"), [nobody]);
    assert_eq!(of("origin = \"directory\"\ndomains = [\"example.org\"]"), Vec::<String>::new());
    assert_eq!(of("hosts = [\"**\"]"), ["`**` matches every host"]);
    assert_eq!(of("hosts = [\"web*\"]"), Vec::<String>::new());
}

#[test]
fn backup_codes_alone_are_refused_because_nobody_could_come_by_them() {
    let fault = "backup codes come with another method, and `methods` has none";
    assert_eq!(rule_fault_of("methods = [\"backup\"]"), fault);
    assert_eq!(message_of(&format!("{MINIMAL}methods = [\"backup\"]")), fault);
    for methods in ["\"hotp\"", "\"hotp\", \"backup\"", "\"backup\", \"totp\""] {
        assert!(errors_of(&format!("{MINIMAL}methods = [{methods}]")).is_empty(), "{methods}");
    }
}

#[test]
fn the_time_to_enroll_in_has_a_range_and_zero_is_no_limit() {
    let of = |line: &str| {
        let loaded = Folder::new(format!("[default]\nrequire = \"always\"\n{line}\n")).load();
        loaded.map(|loaded| loaded.policy.default.enroll_within.map(|within| within.as_secs()))
    };
    let day = 24 * 60 * 60;
    assert_eq!(of(""), Ok(Some(7 * day)));
    for (line, within) in [
        ("enroll_within = 0", None),
        ("enroll_within = \"0\"", None),
        ("enroll_within = \"1h\"", Some(60 * 60)),
        ("enroll_within = \"90d\"", Some(90 * day)),
    ] {
        assert_eq!(of(line), Ok(within), "{line}");
    }
    for line in ["91d", "59m", "0s", "7 d", "-1d", "00", ""] {
        assert!(of(&format!("enroll_within = \"{line}\"")).is_err(), "{line}");
    }
    for line in ["7", "-0.0", "false", "[0]", "1"] {
        assert!(of(&format!("enroll_within = {line}")).is_err(), "{line}");
    }
}

#[test]
fn the_life_of_an_invitation_has_a_range() {
    let of = |life: &str| {
        let text = format!("[default]\nrequire = \"always\"\ninvite_for = \"{life}\"\n");
        Folder::new(text).load().map(|loaded| loaded.policy.default.invite_for_limit.as_secs()).ok()
    };
    assert_eq!(Folder::new(MINIMAL).load().unwrap().policy.default.invite_for_limit.as_secs(), 60 * 60);
    assert_eq!([of("1m"), of("3d"), of("7d")], [Some(60), Some(3 * 86_400), Some(7 * 86_400)]);
    assert_eq!([of("59s"), of("8d"), of("0"), of("soon")], [None; 4]);
}

#[test]
fn keys_of_enrolling_that_change_nothing_are_warned_of() {
    let of = |lines: &str| warnings_of(&format!("[default]\n{lines}\n")).len();
    for (lines, warnings) in [
        ("require = \"always\"\nenroll_within = \"3d\"\ninvite_for = \"1d\"", 0),
        ("require = \"chosen\"\nenroll = \"at-login\"\nenroll_within = \"3d\"", 0),
        ("require = \"enrolled\"\nenroll = \"invited\"\ninvite_for = \"1d\"", 0),
        ("require = \"always\"\nenroll = \"invited\"\nenroll_within = \"3d\"", 1),
        ("require = \"enrolled\"\nenroll_within = \"3d\"", 1),
        ("require = \"enrolled\"\ninvite_for = \"1d\"", 1),
        ("require = \"always\"\nenroll_within = 0\ninvite_for = \"1d\"", 1),
        // The first warning of each is that [default] asks nobody.
        ("require = \"never\"\nenroll_within = 0\ninvite_for = \"1d\"", 3),
        ("require = \"never\"\nenroll = \"invited\"", 2),
    ] {
        assert_eq!(of(lines), warnings, "{lines}");
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
