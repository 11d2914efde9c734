//! Properties: no file makes the loader panic, and what a policy says is what was written.

use std::fmt::Write as _;

use countersign_config::check;
use countersign_core::login::Origin;
use countersign_core::policy::{Accepted, Enrollment, Mode, Network, Policy, Requirement, Rule};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use crate::folder::Folder;

/// Words that lead a random file into every corner of the loader.
const WORDS: [&str; 66] = [
    "[[policy]]\n",
    "[default]\n",
    "[store]\n",
    "[limits]\n",
    "[totp]\n",
    "\n",
    " = ",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    "name",
    "users",
    "networks",
    "require",
    "methods",
    "url",
    "lock",
    "digits",
    "\"always\"",
    "\"totp\"",
    "hosts",
    "\"we?*\"",
    "enroll_within",
    "\"backup\"",
    "[]",
    "\"10.0.0.1/8\"",
    "\"15m\"",
    "7",
    "\u{202e}",
    "\u{1b}",
    "\"\\u0000\"",
    "[email]\n",
    "[sms]\n",
    "[sent]\n",
    "[texts]\n",
    "server",
    "\"smtps://mail\"",
    "from",
    "\"a@example.org\"",
    "command",
    "\"/bin/send\"",
    "headers",
    "body",
    "'<a b=\"{text}\">{number}'",
    "'{\"to\":\"{number}\",\"t\":{text}}'",
    "\"https://sms/{credential:a}\"",
    "skip",
    "until",
    "2027-01-31",
    "code",
    "\"{help}\"",
    "enabled",
    "false",
    "on_reenable",
    "mode",
    "\"monitor\"",
    "accept",
    "[\"ssh-security-key\"]",
    "enrolled_after",
    "2026-11-01T00:00:00-09:30",
    "fresh_for",
    "idle_timeout",
    "9999-12-31T23:59:60+23:59",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_survived(bytes in vec(any::<u8>(), 0..600)) {
        let folder = Folder::new(&bytes);
        folder.drop_in("10.toml", &bytes);
        for found in check(&folder.main(), Some(&folder.drop_ins())) {
            prop_assert!(!found.to_string().is_empty());
        }
    }

    #[test]
    fn random_configurations_are_survived(picks in vec(any::<prop::sample::Index>(), 0..60)) {
        let text: String = picks.iter().map(|pick| *pick.get(&WORDS)).collect();
        let folder = Folder::new(&text);
        folder.drop_in("10.toml", &text);
        for found in check(&folder.main(), Some(&folder.drop_ins())) {
            prop_assert!(!found.to_string().is_empty());
        }
    }

    #[test]
    fn a_valid_policy_is_read_as_it_was_written(rules in vec(rule(), 0..8), help in option::of("[a-zA-Z0-9 äß+,.]{0,40}[a-z]")) {
        let help = help.map(|help| help.trim().to_owned());
        let text = write(&rules, help.as_deref());
        let loaded = Folder::new(&text).load();
        let Policy { rules: read, settings, .. } = loaded.map_err(|found| TestCaseError::fail(format!("{text}\n{found:#?}")))?.policy;
        prop_assert_eq!(settings.help, help);
        prop_assert_eq!(read.len(), rules.len());
        for (number, (read, written)) in read.iter().zip(&rules).enumerate() {
            prop_assert_eq!(read.name.as_str(), format!("rule {number}"));
            prop_assert_eq!(written, &Written::of(read));
        }
    }
}

#[test]
fn nested_values_are_survived() {
    for depth in [1, 100, 10_000, 500_000] {
        for opening in ["[", "{ a = "] {
            let folder = Folder::new(format!("users = {}", opening.repeat(depth)));
            assert!(!check(&folder.main(), None).is_empty(), "{depth} {opening}");
        }
    }
}

/// A rule as it is written, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    users: Vec<String>,
    services: Vec<String>,
    networks: Vec<String>,
    origin: Option<&'static str>,
    hosts: Vec<String>,
    domains: Vec<String>,
    require: &'static str,
    enroll: &'static str,
    enroll_within: Option<u64>,
    invite_for: u64,
    mode: &'static str,
    accepts_keys: bool,
    enrolled_after: Option<u64>,
    fresh_for: Option<u64>,
    idle_timeout: Option<u64>,
}

impl Written {
    fn of(rule: &Rule) -> Self {
        let network = |network: &Network| match network {
            Network::Local => "local".to_owned(),
            Network::Range(range) => range.to_string(),
        };
        Self {
            users: rule.matcher.users.clone(),
            services: rule.matcher.services.clone(),
            networks: rule.matcher.networks.iter().map(network).collect(),
            origin: rule.matcher.origin.map(|origin| match origin {
                Origin::Local => "local",
                Origin::Directory => "directory",
            }),
            hosts: rule.matcher.hosts.clone(),
            domains: rule.matcher.domains.clone(),
            require: match rule.require {
                Requirement::Always => "always",
                Requirement::Chosen => "chosen",
                Requirement::Enrolled => "enrolled",
                Requirement::Never => "never",
            },
            enroll: match rule.enroll {
                Enrollment::SelfService => "self-service",
                Enrollment::AtLogin => "at-login",
                Enrollment::Invited => "invited",
            },
            enroll_within: rule.enroll_within.map(|within| within.as_secs() / HOUR),
            invite_for: rule.invite_for_limit.as_secs() / MINUTE,
            mode: match rule.mode {
                Mode::Enforce => "enforce",
                Mode::Monitor => "monitor",
            },
            accepts_keys: rule.accept == [Accepted::SshSecurityKey],
            enrolled_after: rule.enrolled_after.map(|after| after.as_seconds() / HOUR - 24),
            fresh_for: rule.fresh_for.map(|time| time.as_secs() / MINUTE),
            idle_timeout: rule.idle_timeout.map(|time| time.as_secs() / MINUTE),
        }
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

fn rule() -> impl Strategy<Value = Written> {
    let names = |pattern| btree_set(pattern, 0..4).prop_map(|names| names.into_iter().collect());
    let network = prop_oneof![
        Just("local".to_owned()),
        any::<u8>().prop_map(|byte| format!("10.{byte}.0.0/16")),
        any::<u16>().prop_map(|word| format!("2001:db8:{:x}::/48", word | 1)),
    ];
    let networks = btree_set(network, 0..4).prop_map(|networks| networks.into_iter().collect());
    let origin = option::of(prop::sample::select(vec!["local", "directory"]));
    let require = prop::sample::select(vec!["always", "chosen", "enrolled", "never"]);
    let enroll = prop::sample::select(vec!["self-service", "at-login", "invited"]);
    let who = (names("[a-zäé_][a-z0-9_.@$-]{0,20}"), names("[a-z][a-z0-9-]{0,10}"), networks, origin);
    let where_at = (names("[a-z*?][a-z0-9.?-]{0,10}"), names("[a-z]{1,5}([.][a-z]{1,5}){0,2}"));
    let times = (option::of(1..=90 * 24_u64), 1..=7 * 24 * 60_u64);
    let mode = prop::sample::select(vec!["enforce", "monitor"]);
    let hours = option::of(0..24_u64);
    let of_sessions = (option::of(1..=12 * 60_u64), option::of(10..=7 * 24 * 60_u64));
    let force = (mode, any::<bool>(), hours, of_sessions);
    let written = (who, where_at, require, enroll, times, force);
    written.prop_map(|(who, (hosts, domains), require, enroll, times, force)| {
        let (users, services, networks, origin) = who;
        let (enroll_within, invite_for) = times;
        let (mode, accepts_keys, enrolled_after, (fresh_for, idle_timeout)) = force;
        Written {
            users,
            services,
            networks,
            origin,
            hosts,
            domains,
            require,
            enroll,
            enroll_within,
            invite_for,
            mode,
            accepts_keys,
            enrolled_after,
            fresh_for,
            idle_timeout,
        }
    })
}

fn write(rules: &[Written], help: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(help) = help {
        writeln!(text, "help = {help:?}").unwrap();
    }
    for (number, rule) in rules.iter().enumerate() {
        writeln!(text, "[[policy]]\nname = \"rule {number}\"").unwrap();
        for (key, list) in [
            ("users", &rule.users),
            ("services", &rule.services),
            ("networks", &rule.networks),
            ("hosts", &rule.hosts),
            ("domains", &rule.domains),
        ] {
            if !list.is_empty() {
                writeln!(text, "{key} = {list:?}").unwrap();
            }
        }
        if let Some(origin) = rule.origin {
            writeln!(text, "origin = \"{origin}\"").unwrap();
        }
        writeln!(text, "require = \"{}\"\nenroll = \"{}\"", rule.require, rule.enroll).unwrap();
        let within = rule.enroll_within.map_or_else(|| "0".to_owned(), |hours| format!("{hours}h"));
        writeln!(text, "enroll_within = \"{within}\"\ninvite_for = \"{}m\"", rule.invite_for).unwrap();
        writeln!(text, "mode = \"{}\"", rule.mode).unwrap();
        if rule.accepts_keys {
            writeln!(text, "accept = [\"ssh-security-key\"]").unwrap();
        }
        if let Some(hours) = rule.enrolled_after {
            // The second of January in Greenwich, as it is written five hours east of it.
            let (day, hour) = (2 + (hours + 5) / 24, (hours + 5) % 24);
            writeln!(text, "enrolled_after = 1970-01-{day:02}T{hour:02}:00:00+05:00").unwrap();
        }
        for (key, minutes) in [("fresh_for", rule.fresh_for), ("idle_timeout", rule.idle_timeout)] {
            if let Some(minutes) = minutes {
                writeln!(text, "{key} = \"{minutes}m\"").unwrap();
            }
        }
    }
    text + crate::folder::MINIMAL
}
