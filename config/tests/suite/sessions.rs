//! Modes, void enrollments, fresh codes, security keys and idle sessions: what the file says of them.

use std::time::Duration;

use countersign_core::policy::Mode::{self, Enforce, Monitor};
use countersign_core::policy::{Accepted, Rule};
use countersign_core::time::WallTime;

use crate::folder::{Folder, MINIMAL, errors_of, notes_of, rule_fault_of, warnings_of};

/// What `[default]` becomes with some lines.
fn default_with(lines: &str) -> Rule {
    let text = format!("[default]\nrequire = \"always\"\nenroll = \"at-login\"\n{lines}\n");
    Folder::new(text).load().unwrap().policy.default
}

fn messages_of(lines: &str) -> Vec<String> {
    let text = format!("[[policy]]\nname = \"r\"\nusers = [\"alice\"]\n{lines}\n{MINIMAL}");
    warnings_of(&text).into_iter().map(|found| found.message).collect()
}

#[test]
fn without_a_word_rules_are_in_force_and_nothing_eases_them() {
    let rule = default_with("");
    assert_eq!((rule.mode, rule.accept, rule.enrolled_after), (Enforce, Vec::new(), None));
    assert_eq!((rule.fresh_for, rule.idle_timeout), (None, None));
}

#[test]
fn the_mode_at_the_top_is_that_of_every_rule_without_a_word_of_its_own() {
    let modes_of = |top: &str, default: &str| -> Vec<Mode> {
        let rule = |name: &str, line: &str| {
            format!("[[policy]]\nname = \"{name}\"\nusers = [\"{name}\"]\nrequire = \"always\"\n{line}\n")
        };
        let folder = Folder::new(format!("{top}\n{}{MINIMAL}{default}", rule("a", "mode = \"enforce\"")));
        folder.drop_in("10.toml", rule("b", ""));
        folder.drop_in("20.toml", rule("c", "mode = \"monitor\""));
        let policy = folder.load().unwrap().policy;
        policy.rules.iter().chain([&policy.default]).map(|rule| rule.mode).collect()
    };
    assert_eq!(modes_of("", ""), [Enforce, Enforce, Monitor, Enforce]);
    assert_eq!(modes_of("mode = \"enforce\"", "mode = \"monitor\""), [Enforce, Enforce, Monitor, Monitor]);
    assert_eq!(modes_of("mode = \"monitor\"", ""), [Enforce, Monitor, Monitor, Monitor]);
    assert_eq!(modes_of("mode = \"monitor\"", "mode = \"enforce\""), [Enforce, Monitor, Monitor, Enforce]);
}

#[test]
fn every_key_of_sessions_reaches_the_policy() {
    let rule = default_with(
        "accept = [\"ssh-security-key\"]\nfresh_for = \"15m\"\nidle_timeout = \"4h\"\nenrolled_after = 2026-11-01T00:00:00Z",
    );
    assert_eq!(rule.accept, [Accepted::SshSecurityKey]);
    assert_eq!(rule.fresh_for, Some(Duration::from_mins(15)));
    assert_eq!(rule.idle_timeout, Some(Duration::from_hours(4)));
    assert_eq!(rule.enrolled_after, Some(WallTime::from_seconds(1_793_491_200)));
}

#[test]
fn times_of_sessions_have_a_range() {
    let is_taken = |line: &str| errors_of(&format!("{MINIMAL}{line}")).is_empty();
    for line in
        ["fresh_for = \"1m\"", "fresh_for = \"12h\"", "idle_timeout = \"10m\"", "idle_timeout = \"7d\""]
    {
        assert!(is_taken(line), "{line}");
    }
    for line in [
        "fresh_for = \"59s\"",
        "fresh_for = \"721m\"",
        "fresh_for = 15",
        "fresh_for = \"0\"",
        "idle_timeout = \"9m\"",
        "idle_timeout = \"8d\"",
        "idle_timeout = 0",
    ] {
        assert!(!is_taken(line), "{line}");
    }
}

#[test]
fn a_moment_without_its_offset_or_in_quotes_is_refused_with_the_one_to_write() {
    for (written, help) in [
        ("2026-11-01T00:00:00", "write enrolled_after = 2026-11-01T00:00:00Z"),
        ("2026-11-01 12:30:00", "write enrolled_after = 2026-11-01T12:30:00Z"),
        ("2026-11-01", "write enrolled_after = 2026-11-01T00:00:00Z"),
        ("\"2026-11-01T00:00:00+01:00\"", "write enrolled_after = 2026-11-01T00:00:00+01:00"),
        ("\"2026-11-01\"", "write enrolled_after = 2026-11-01T00:00:00Z"),
        ("12:00:00", "write for example enrolled_after = 2026-11-01T00:00:00Z"),
        ("\"soon\"", "write for example enrolled_after = 2026-11-01T00:00:00Z"),
        ("1793491200", "write for example enrolled_after = 2026-11-01T00:00:00Z"),
        ("1969-12-31T23:59:59Z", "write for example enrolled_after = 2026-11-01T00:00:00Z"),
    ] {
        let found = errors_of(&format!("{MINIMAL}enrolled_after = {written}"));
        let [only] = found.as_slice() else { panic!("{written}: {found:#?}") };
        assert_eq!(
            only.message, "`enrolled_after` is a moment with its offset from UTC, without quotes",
            "{written}"
        );
        assert_eq!(only.help.as_deref(), Some(help), "{written}");
    }
}

#[test]
fn what_is_nothing_to_accept_is_refused() {
    assert_eq!(rule_fault_of("accept = []"), "`accept` is empty");
    assert_eq!(rule_fault_of("accept = [\"ssh-key\"]"), "`ssh-key` is not a value of `accept`");
    let twice = "accept = [\"ssh-security-key\", \"ssh-security-key\"]";
    assert_eq!(rule_fault_of(twice), "`ssh-security-key` stands here twice");
    assert_eq!(rule_fault_of("mode = \"watch\""), "`watch` is not a value of `mode`");
}

#[test]
fn keys_of_sessions_that_change_nothing_are_warned_of() {
    for (key, value) in [
        ("accept", "[\"ssh-security-key\"]"),
        ("fresh_for", "\"15m\""),
        ("idle_timeout", "\"4h\""),
        ("enrolled_after", "2026-11-01T00:00:00Z"),
        ("mode", "\"monitor\""),
    ] {
        let found = messages_of(&format!("require = \"never\"\n{key} = {value}"));
        assert_eq!(found, [format!("`{key}` has no effect with require = \"never\"")]);
    }
    assert_eq!(messages_of("require = \"never\"\nmode = \"enforce\""), Vec::<String>::new());
    for (services, line, warnings) in [
        ("\"sudo\", \"sudo-i\"", "accept = [\"ssh-security-key\"]", 1),
        ("\"login\", \"sshd\"", "accept = [\"ssh-security-key\"]", 0),
        ("\"sshd\", \"login\"", "fresh_for = \"15m\"", 1),
        ("\"sshd\", \"sudo\", \"sudo-i\"", "fresh_for = \"15m\"", 0),
        ("\"our-own\"", "fresh_for = \"15m\"", 0),
        ("\"sudo\", \"sudo-i\", \"polkit-1\"", "idle_timeout = \"4h\"", 1),
        ("\"sudo\", \"sudo-i\", \"sshd\"", "idle_timeout = \"4h\"", 0),
        ("\"our-own\"", "idle_timeout = \"4h\"", 0),
    ] {
        let found = messages_of(&format!("services = [{services}]\nrequire = \"always\"\n{line}"));
        assert_eq!(found.len(), warnings, "{services} {line}: {found:?}");
    }
}

#[test]
fn void_enrollments_that_open_a_door_or_close_it_for_good_are_warned_of() {
    let after = "enrolled_after = 2026-11-01T00:00:00Z";
    let open = "whoever enrolled before gets in without a code: require = \"enrolled\" does not ask them";
    let shut = "whoever enrolled before does not get in here to set up anew";
    assert_eq!(messages_of(&format!("require = \"enrolled\"\n{after}")), [open]);
    for require in ["always", "chosen"] {
        assert_eq!(messages_of(&format!("require = \"{require}\"\n{after}")), [shut]);
        for enroll in ["at-login", "invited"] {
            let lines = format!("require = \"{require}\"\nenroll = \"{enroll}\"\n{after}");
            assert_eq!(messages_of(&lines), Vec::<String>::new());
        }
    }
}

#[test]
fn what_is_only_watched_and_what_a_key_is_worth_are_noted() {
    let notes = |top: &str, lines: &str| -> Vec<String> {
        let text = format!("{top}\n[[policy]]\nname = \"r\"\nusers = [\"alice\"]\n{lines}\n{MINIMAL}");
        notes_of(&text).into_iter().map(|found| found.message).collect()
    };
    let asking = "require = \"always\"";
    let watched = "`r` asks nobody yet, nor does a later rule ask those whom it matches";
    assert_eq!(notes("", &format!("{asking}\nmode = \"monitor\"")), [watched]);
    let all = "rules without a `mode` of their own are only watched: they ask nobody for a code";
    assert_eq!(notes("mode = \"monitor\"", asking), [all]);
    let worth = "a security key alone is one factor, and only sshd can ask for the other";
    assert_eq!(notes("", &format!("{asking}\naccept = [\"ssh-security-key\"]")), [worth]);
    assert_eq!(notes("", asking), Vec::<String>::new());
}

#[test]
fn a_message_each_login_is_fine_where_a_code_stays_fresh() {
    let gateway = "[sms]\nurl = \"https://sms.example.org/{number}/{text}\"\nallow_prefixes = [\"+49\"]\n";
    let of =
        |line: &str| warnings_of(&format!("{gateway}{MINIMAL}methods = [\"sms\", \"backup\"]\n{line}")).len();
    assert_eq!((of(""), of("fresh_for = \"15m\""), of("remember = \"12h\"")), (1, 0, 0));
}

#[test]
fn methods_that_nobody_can_hold_are_warned_of_where_a_code_has_to_be_given() {
    let nobody = |lines: &str| {
        let text = format!("[default]\nremember = \"12h\"\n{lines}\n");
        warnings_of(&text)
            .iter()
            .filter(|found| found.message.starts_with("nobody gets in under `default`"))
            .count()
    };
    assert_eq!(nobody("require = \"always\"\nmethods = [\"email\", \"sms\", \"backup\"]"), 1);
    assert_eq!(nobody("require = \"always\"\nmethods = [\"email\", \"totp\"]"), 0);
    assert_eq!(nobody("require = \"enrolled\"\nmethods = [\"email\"]"), 0);
}
