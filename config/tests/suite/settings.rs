//! What the settings of the file become, and what they may not say.

use std::path::Path;
use std::time::Duration;

use countersign_config::{Database, LocalNames, PostgresUrl, Severity, check, interpret};
use countersign_core::audit::retention::Retention;
use countersign_core::factor::Method;
use countersign_core::factor::totp::{Algorithm, Digits, Period, Window};
use countersign_core::login::Origin;
use countersign_core::policy::{Echo, Enrollment, Network, Requirement};
use countersign_core::throttle::Limits;
use countersign_core::words::{LANGUAGES, Language};

use crate::folder::{Folder, MINIMAL, errors_of, fault_of, message_of, rule_fault_of};

#[test]
fn the_shortest_file_has_the_documented_defaults() {
    let loaded = Folder::new(MINIMAL).load().unwrap();
    let settings = loaded.policy.settings;
    assert_eq!(settings.organization, "Countersign");
    assert_eq!(settings.language, Language::English);
    assert_eq!(settings.help, None);
    assert_eq!(settings.echo, Echo::Visible);
    assert_eq!(settings.protected_groups, ["root", "sudo", "wheel", "countersign-helpdesk"]);
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(loaded.store.database, Database::Embedded("/var/lib/countersign/countersign.db".into()));
    assert_eq!(loaded.store.local_names, LocalNames::Host);
    assert_eq!(loaded.store.key_file, None);
    assert_eq!(loaded.policy.default.name.as_str(), "default");
    assert_eq!(loaded.policy.default.require, Requirement::Enrolled);
    assert_eq!(loaded.policy.default.methods, [Method::Totp, Method::Hotp, Method::Backup]);
    assert_eq!(loaded.policy.default.enroll, Enrollment::SelfService);
}

#[test]
fn the_shipped_file_and_the_examples_are_right_and_raise_no_warning() {
    let mut files = vec![std::path::PathBuf::from("countersign.toml")];
    files.extend(std::fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path()));
    assert!(files.len() >= 4);
    for file in files {
        let mut found = check(&file, None);
        found.retain(|found| found.severity != Severity::Note);
        assert!(found.is_empty(), "{}", found.iter().map(|found| format!("{found}\n")).collect::<String>());
    }
}

#[test]
fn the_shipped_file_asks_nobody_who_has_not_enrolled_and_says_what_is_the_default_anyway() {
    let shipped = std::fs::read_to_string("countersign.toml").unwrap();
    let [shipped, minimal] = [shipped.as_str(), MINIMAL].map(|text| Folder::new(text).load().unwrap());
    assert!(shipped.policy.rules.is_empty());
    assert_eq!(shipped.policy.default, minimal.policy.default);
    assert_eq!(shipped.policy.settings, minimal.policy.settings);
    assert_eq!(shipped.store, minimal.store);
}

#[test]
fn the_defaults_in_the_comments_of_the_shipped_file_are_the_defaults() {
    let shipped = std::fs::read_to_string("countersign.toml").unwrap();
    let (settings, _) = shipped.split_once("# Rules are read").unwrap();
    let uncommented: String = settings
        .lines()
        .filter(|line| !line.contains("no default"))
        .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let stated = format!("{uncommented}{MINIMAL}");
    assert!(stated.contains("\nwrong_codes_in_a_row = 100") && stated.contains("\norganization = "));
    let [stated, real] = [stated.as_str(), MINIMAL].map(|text| Folder::new(text).load().unwrap());
    assert_eq!(stated.policy.settings, real.policy.settings);
}

fn is_setting(line: &str) -> bool {
    line.split_once(" = ")
        .is_some_and(|(key, _)| key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'))
}

#[test]
fn every_setting_reaches_the_policy() {
    // As a text: the files that it names are on no host.
    let text = r#"
        organization = "Universität Zürich"
        language = "de"
        help = "IT, +41 44 1234"
        echo = "hidden"
        protected_groups = ["wheel"]
        store = { url = "sqlite:///srv/c.db", key_file = "/etc/countersign/key" }
        totp = { algorithm = "sha256", digits = 8, period = "60s", strict = true }
        [limits]
        wrong_codes = 3
        within = "10m"
        lock = "1h"
        longest_lock = "2d"
        wrong_codes_per_day = 9
        wrong_codes_in_a_row = 50
        [[policy]]
        name = "students"
        users = ["alice", "HOME\\bob"]
        groups = ["domain users"]
        services = ["sshd"]
        networks = ["local", "10.0.0.0/8", "2001:db8::/32"]
        origin = "directory"
        require = "always"
        methods = ["totp"]
        enroll = "at-login"
        [default]
        require = "enrolled"
        "#;
    let loaded = interpret(&[("countersign.toml".to_owned(), text.to_owned())]).unwrap();
    let settings = loaded.policy.settings;
    assert_eq!(settings.organization, "Universität Zürich");
    assert_eq!((settings.language, settings.echo), (Language::German, Echo::Hidden));
    assert_eq!(settings.help.as_deref(), Some("IT, +41 44 1234"));
    assert_eq!(settings.protected_groups, ["wheel"]);
    assert_eq!((settings.totp.algorithm, settings.totp.digits), (Algorithm::Sha256, Digits::Eight));
    assert_eq!((settings.totp.period, settings.totp.window), (Period::Sixty, Window::Strict));
    let limits = Limits {
        failures: 3,
        window: Duration::from_mins(10),
        lock: Duration::from_hours(1),
        longest_lock: Duration::from_hours(48),
        daily: 9,
        in_a_row: 50,
    };
    assert_eq!(settings.limits, limits);
    assert_eq!(loaded.store.database, Database::Embedded("/srv/c.db".into()));
    assert_eq!(loaded.store.key_file.as_deref(), Some(Path::new("/etc/countersign/key")));

    let [rule] = loaded.policy.rules.as_slice() else { panic!() };
    assert_eq!(rule.matcher.users, ["alice", "HOME\\bob"]);
    assert_eq!(rule.matcher.groups, ["domain users"]);
    assert_eq!(rule.matcher.services, ["sshd"]);
    let ranges = ["10.0.0.0/8", "2001:db8::/32"].map(|text| Network::Range(text.parse().unwrap()));
    assert_eq!(rule.matcher.networks, [Network::Local, ranges[0], ranges[1]]);
    assert_eq!(rule.matcher.origin, Some(Origin::Directory));
    assert_eq!((rule.require, rule.enroll), (Requirement::Always, Enrollment::AtLogin));
}

#[test]
fn keys_of_later_versions_are_refused_by_name() {
    let line = "require_verified_domains = true";
    let expected = "`require_verified_domains` is not in this version";
    assert_eq!(fault_of(line), expected);
    assert_eq!(rule_fault_of(line), expected);
    assert_eq!(message_of(&format!("{MINIMAL}{line}")), expected);
    let email = "[email]\nserver = \"smtps://mail\"\nfrom = \"a@example.org\"";
    assert_eq!(message_of(&format!("{email}\n{line}\n{MINIMAL}")), expected);
}

#[test]
fn every_language_is_read_by_its_tag() {
    for language in LANGUAGES {
        let text = format!("language = \"{}\"\n{MINIMAL}", language.tag());
        assert_eq!(Folder::new(&text).load().unwrap().policy.settings.language, language);
    }
}

#[test]
fn figures_outside_their_range_are_refused() {
    let good = [
        "wrong_codes = 1",
        "wrong_codes = 10",
        "within = \"5m\"",
        "within = \"1d\"",
        "lock = \"1m\"",
        "longest_lock = \"7d\"",
        "wrong_codes_per_day = 100",
        "wrong_codes_in_a_row = 5",
    ];
    for line in good {
        assert_eq!(errors_of(&format!("[limits]\n{line}\n{MINIMAL}")), Vec::new(), "{line}");
    }
    let bad = [
        "wrong_codes = 0",
        "wrong_codes = 11",
        "wrong_codes = -1",
        "wrong_codes = 4294967301",
        "within = \"4m\"",
        "within = \"25h\"",
        "lock = \"59s\"",
        "lock = \"0s\"",
        "longest_lock = \"8d\"",
        "longest_lock = \"59m\"",
        "wrong_codes_per_day = 0",
        "wrong_codes_per_day = 101",
        "wrong_codes_in_a_row = 101",
        "wrong_codes = 99999999999999999999999",
        "lock = \"99999999999999999999d\"",
        "wrong_codes = 5.0",
        "wrong_codes = \"5\"",
    ];
    for line in bad {
        assert_eq!(errors_of(&format!("[limits]\n{line}\n{MINIMAL}")).len(), 1, "{line}");
    }
}

#[test]
fn figures_that_contradict_each_other_are_refused() {
    for limits in [
        "lock = \"3h\"\nlongest_lock = \"2h\"",
        "wrong_codes_per_day = 4",
        "wrong_codes = 6\nwrong_codes_in_a_row = 5",
    ] {
        assert_eq!(errors_of(&format!("[limits]\n{limits}\n{MINIMAL}")).len(), 1, "{limits}");
    }
    assert_eq!(
        errors_of(&format!("[limits]\nwrong_codes = 3\nwrong_codes_per_day = 3\n{MINIMAL}")),
        Vec::new()
    );
}

#[test]
fn a_fleet_has_its_servers_and_may_share_names() {
    let url = "postgresql://db1,db2/countersign?target_session_attrs=read-write&sslmode=verify-full";
    let text = format!("store = {{ url = \"{url}\", local_names = \"fleet\" }}\n{MINIMAL}");
    let store = Folder::new(&text).load().unwrap().store;
    assert_eq!(store.database, Database::Fleet(Box::new(PostgresUrl::parse(url).unwrap())));
    assert_eq!(store.local_names, LocalNames::Fleet);
    let message = fault_of("store = { local_names = \"fleet\" }");
    assert_eq!(message, "a store of one host knows no names of a fleet");
    let message = fault_of("store = { url = \"postgresql://db1/c?sslmode=disable\" }");
    assert_eq!(message, "`sslmode=disable` is for servers on this host only");
}

#[test]
fn only_an_absolute_plain_path_is_a_store() {
    let bad = [
        "sqlite://relative.db",
        "sqlite:///a/../b.db",
        "sqlite:///a//b.db",
        "sqlite:///a/./b",
        "sqlite:///",
        "sqlite:///dir/",
        "sqlite:///a?mode=memory",
        "sqlite:///a%2e",
        "sqlite::memory:",
        "/a.db",
        "mysql:///a",
        "",
        "sqlite:///a\\u0000b",
        "sqlite:///a\\nb",
        "sqlite:///a/..",
        "SQLITE:///a",
    ];
    for url in bad {
        assert_eq!(errors_of(&format!("store.url = \"{url}\"\n{MINIMAL}")).len(), 1, "{url}");
    }
    assert_eq!(errors_of(&format!("store.key_file = \"key\"\n{MINIMAL}")).len(), 1);
}

#[test]
fn texts_that_people_see_are_printable_and_short() {
    for text in ["\\u001b[2J", "a\\u0007", "a\\rb", "a\\nb", "\\u202eabc", "a\\u200b", "", "  ", " a", "a "] {
        for key in ["organization", "help"] {
            assert_eq!(errors_of(&format!("{key} = \"{text}\"\n{MINIMAL}")).len(), 1, "{key} = {text:?}");
        }
    }
    for (key, limit) in [("organization", 64), ("help", 200)] {
        let of = |length: usize| errors_of(&format!("{key} = \"{}\"\n{MINIMAL}", "x".repeat(length)));
        assert_eq!((of(limit).len(), of(limit + 1).len()), (0, 1), "{key}");
        let wide = format!("{key} = \"{}\"\n{MINIMAL}", "ü".repeat(limit / 2 + 1));
        assert_eq!(errors_of(&wide).len(), 1, "the limit counts bytes");
    }
    assert_eq!(fault_of("organization = \"a:b\""), "authenticator apps take no issuer with a colon");
}

#[test]
fn wrong_shapes_are_refused() {
    for text in [
        "policy = 1",
        "policy = [1]",
        "[policy]\nname = \"r\"",
        "store = 1",
        "limits = []",
        "totp = true",
        "default = 1",
    ] {
        let text = if text.starts_with("default") { text.to_owned() } else { format!("{text}\n{MINIMAL}") };
        assert_eq!(errors_of(&text).len(), 1, "{text}");
    }
}

#[test]
fn the_audit_is_kept_for_400_days_and_within_its_ranges() {
    let kept = |lines: &str| Folder::new(format!("{lines}\n{MINIMAL}")).load().unwrap().audit;
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    assert_eq!(kept(""), Retention { keep: days(400), most: 5_000_000 });
    let longest = "[audit]\nkeep = \"3650d\"\nmax_records = 1000000000";
    assert_eq!(kept(longest), Retention { keep: days(3650), most: 1_000_000_000 });
    assert_eq!(kept("[audit]\nkeep = \"30d\"").keep, days(30));
    for line in [
        "keep = \"29d\"",
        "keep = \"3651d\"",
        "keep = 400",
        "max_records = 99999",
        "max_records = 1000000001",
        "size = 1",
    ] {
        assert_eq!(errors_of(&format!("[audit]\n{line}\n{MINIMAL}")).len(), 1, "{line}");
    }
}
