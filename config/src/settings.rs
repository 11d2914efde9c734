//! The settings of the main file: everything but the rules.
//!
//! Owns their defaults, ranges, and what they become in `core`. Leaves rules to `rules`.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use countersign_core::factor::sent::SentParameters;
use countersign_core::factor::totp::{Algorithm, Digits, Period, TotpParameters, Window};
use countersign_core::policy::{Echo, Settings};
use countersign_core::sending::{Channels, SendLimits};
use countersign_core::throttle::Limits;
use countersign_core::words::Language;
use countersign_core::words::texts::Texts;

use crate::diagnostics::{Findings, shorten};
use crate::duration;
use crate::keys;
use crate::names::{self, NameKind};
use crate::postgresql::{self, PostgresUrl, UrlRefusal};
use crate::sections::Section;
use crate::values::{Choices, Value};

/// The issuer in authenticator apps where the file names none.
pub(crate) const DEFAULT_ORGANIZATION: &str = "Countersign";
/// The groups on whose members the helpdesk may not act where the file names none.
pub(crate) const DEFAULT_PROTECTED_GROUPS: [&str; 4] = ["root", "sudo", "wheel", "countersign-helpdesk"];
/// The store where the file names none.
pub(crate) const DEFAULT_STORE: &str = "/var/lib/countersign/countersign.db";
/// The longest `organization`, in bytes: it stands in the QR code.
pub const ORGANIZATION_LIMIT: usize = 64;
/// The longest `help`, in bytes: it stands in prompts, and a PAM message is at most 511 bytes.
pub const HELP_LIMIT: usize = 200;
/// The longest path, in bytes.
const PATH_LIMIT: usize = 4095;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Where the store is and with what it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The database.
    pub database: Database,
    /// The file with the wrapping key; without it, the systemd credential `store-key`.
    pub key_file: Option<PathBuf>,
    /// Where names of `/etc/passwd` are unique.
    pub local_names: LocalNames,
}

/// The kind of store and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// The embedded store, in this file.
    Embedded(PathBuf),
    /// The store that a fleet shares.
    Fleet(Box<PostgresUrl>),
}

/// Where names of `/etc/passwd` are unique (row F2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LocalNames {
    /// On their host: `alice` of two hosts are two people.
    #[default]
    Host,
    /// In the fleet: `alice` is the same person on all its hosts.
    Fleet,
}

const LANGUAGES: Choices<Language> = Choices {
    now: &[
        ("en", Language::English),
        ("de", Language::German),
        ("fr", Language::French),
        ("es", Language::Spanish),
        ("zh", Language::Chinese),
        ("ja", Language::Japanese),
    ],
    later: &[],
};
const ECHOES: Choices<Echo> =
    Choices { now: &[("visible", Echo::Visible), ("hidden", Echo::Hidden)], later: &[] };
const LOCAL_NAMES: Choices<LocalNames> =
    Choices { now: &[("host", LocalNames::Host), ("fleet", LocalNames::Fleet)], later: &[] };
const ALGORITHMS: Choices<Algorithm> = Choices {
    now: &[("SHA1", Algorithm::Sha1), ("SHA256", Algorithm::Sha256), ("SHA512", Algorithm::Sha512)],
    later: &[],
};

/// Reads the settings at the top of the file and in its tables.
pub(crate) fn read(top: &Section<'_, '_>, findings: &mut Findings) -> (Settings, StoreSettings) {
    let settings = Settings {
        organization: organization(top, findings).unwrap_or_else(|| DEFAULT_ORGANIZATION.to_owned()),
        language: top.value("language").and_then(|it| it.choice(findings, LANGUAGES)).unwrap_or_default(),
        help: help(top, findings),
        echo: top.value("echo").and_then(|it| it.choice(findings, ECHOES)).unwrap_or_default(),
        protected_groups: protected_groups(top, findings),
        totp: totp(top, findings),
        limits: limits(top, findings),
        sent: SentParameters::default(),
        sending: SendLimits::default(),
        channels: Channels::default(),
        texts: Texts::default(),
    };
    (settings, store(top, findings))
}

fn organization(top: &Section<'_, '_>, findings: &mut Findings) -> Option<String> {
    let text = top.value("organization")?.text(findings)?;
    if !text.is_showable(ORGANIZATION_LIMIT, findings) {
        return None;
    }
    if text.text.contains(':') {
        // The otpauth label is `issuer:account`.
        let help = format!(
            "write \"{}\"",
            text.text.replace(':', " ").split_whitespace().collect::<Vec<_>>().join(" ")
        );
        findings.error(&text.place, "authenticator apps take no issuer with a colon", help);
        return None;
    }
    Some(text.text.to_owned())
}

fn help(top: &Section<'_, '_>, findings: &mut Findings) -> Option<String> {
    let text = top.value("help")?.text(findings)?;
    text.is_showable(HELP_LIMIT, findings).then(|| text.text.to_owned())
}

fn protected_groups(top: &Section<'_, '_>, findings: &mut Findings) -> Vec<String> {
    let Some(value) = top.value("protected_groups") else {
        return DEFAULT_PROTECTED_GROUPS.map(str::to_owned).to_vec();
    };
    let Some(entries) = value.list(findings) else { return Vec::new() };
    if value.is_empty_list() {
        let help = "list the groups of your administrators";
        findings.warning(&value.place, "the helpdesk may then act on everybody but root", help);
    }
    names::literal(&entries, NameKind::Group, findings)
}

fn totp(top: &Section<'_, '_>, findings: &mut Findings) -> TotpParameters {
    let Some(section) = top.section("totp", &keys::TOTP, findings) else { return TotpParameters::default() };
    TotpParameters {
        algorithm: section.value("algorithm").and_then(|it| algorithm(&it, findings)).unwrap_or_default(),
        digits: section.value("digits").and_then(|it| digits(&it, findings)).unwrap_or_default(),
        period: section.value("period").and_then(|it| period(&it, findings)).unwrap_or_default(),
        window: match section.value("strict").and_then(|it| it.flag(findings)) {
            Some(true) => Window::Strict,
            Some(false) | None => Window::OneStep,
        },
    }
}

fn algorithm(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Algorithm> {
    let mut text = value.text(findings)?;
    let folded = text.text.to_ascii_uppercase();
    text.text =
        ALGORITHMS.now.iter().map(|(name, _)| *name).find(|name| *name == folded).unwrap_or(text.text);
    ALGORITHMS.take(&text, value.key, findings)
}

fn digits(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Digits> {
    match value.number(findings, 6..=8)? {
        6 => Some(Digits::Six),
        8 => Some(Digits::Eight),
        _ => {
            value.refuse(findings, "`digits` is 6 or 8");
            None
        }
    }
}

fn period(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Period> {
    match value.duration(findings, Duration::from_secs(30)..=MINUTE)?.as_secs() {
        30 => Some(Period::Thirty),
        60 => Some(Period::Sixty),
        _ => {
            value.refuse(findings, "`period` is \"30s\" or \"60s\"");
            None
        }
    }
}

/// Reads `[limits]`; the ranges are those of SECURITY.md 3 and may only be moved with it.
fn limits(top: &Section<'_, '_>, findings: &mut Findings) -> Limits {
    let Some(section) = top.section("limits", &keys::LIMITS, findings) else { return Limits::default() };
    let standard = Limits::default();
    let mut number =
        |key, range, or| section.value(key).and_then(|it| it.number(findings, range)).unwrap_or(or);
    let failures = number("wrong_codes", 1..=10, standard.failures);
    let daily = number("wrong_codes_per_day", 1..=100, standard.daily);
    let in_a_row = number("wrong_codes_in_a_row", 1..=100, standard.in_a_row);
    let mut duration =
        |key, range, or| section.value(key).and_then(|it| it.duration(findings, range)).unwrap_or(or);
    let limits = Limits {
        failures,
        window: duration("within", 5 * MINUTE..=DAY, standard.window),
        lock: duration("lock", MINUTE..=DAY, standard.lock),
        longest_lock: duration("longest_lock", HOUR..=7 * DAY, standard.longest_lock),
        daily,
        in_a_row,
    };
    compare_limits(&section, &limits, findings);
    limits
}

/// Refuses figures that contradict each other.
fn compare_limits(section: &Section<'_, '_>, limits: &Limits, findings: &mut Findings) {
    let Limits { failures, window: _, lock, longest_lock, daily, in_a_row } = limits;
    if lock > longest_lock {
        let value = section.value("lock").or_else(|| section.value("longest_lock"));
        let message =
            format!("`lock` is longer than `longest_lock`, which is {}", duration::write(*longest_lock));
        contradiction(section, value, message, "make `longest_lock` the longer one", findings);
    }
    for (key, figure) in [("wrong_codes_per_day", daily), ("wrong_codes_in_a_row", in_a_row)] {
        if figure < failures {
            let value = section.value(key).or_else(|| section.value("wrong_codes"));
            let message = format!("`{key}` is {figure}, less than `wrong_codes`, which is {failures}");
            contradiction(section, value, message, "make `wrong_codes` the smallest of the three", findings);
        }
    }
}

fn contradiction(
    section: &Section<'_, '_>,
    value: Option<Value<'_, '_>>,
    message: String,
    help: &str,
    findings: &mut Findings,
) {
    let place = value.map_or_else(|| section.place.clone(), |value| value.place);
    findings.error(&place, message, help);
}

fn store(top: &Section<'_, '_>, findings: &mut Findings) -> StoreSettings {
    let standard = || Database::Embedded(PathBuf::from(DEFAULT_STORE));
    let Some(section) = top.section("store", &keys::STORE, findings) else {
        return StoreSettings { database: standard(), key_file: None, local_names: LocalNames::default() };
    };
    let url = section.value("url");
    let database = url.as_ref().map_or_else(|| Some(standard()), |it| database(it, findings));
    let key_file = section.value("key_file").and_then(|it| {
        let text = it.text(findings)?;
        absolute(text.text, &it, findings)
    });
    let names = section.value("local_names");
    let local_names = names.as_ref().and_then(|it| it.choice(findings, LOCAL_NAMES)).unwrap_or_default();
    if let (LocalNames::Fleet, Some(Database::Embedded(_)), Some(value)) = (local_names, &database, &names) {
        let help = "take it out, or name the fleet's store: url = \"postgresql://…\"";
        findings.error(&value.place, "a store of one host knows no names of a fleet", help);
    }
    StoreSettings { database: database.unwrap_or_else(standard), key_file, local_names }
}

fn database(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Database> {
    let url = value.text(findings)?.text;
    if postgresql::is_postgresql(url) {
        return PostgresUrl::parse(url)
            .map(|url| Database::Fleet(Box::new(url)))
            .map_err(|UrlRefusal { message, help }| findings.error(&value.place, message, help))
            .ok();
    }
    let Some(path) = url.strip_prefix("sqlite://") else {
        value.refuse(findings, format!("`{}` is not the URL of a store", shorten(url)));
        return None;
    };
    if path.contains(['?', '#', '%']) {
        value.refuse(findings, "this URL takes a plain path only, without ?, # and %");
        return None;
    }
    absolute(path, value, findings).map(Database::Embedded)
}

fn absolute(path: &str, value: &Value<'_, '_>, findings: &mut Findings) -> Option<PathBuf> {
    let taken = plain_path(path);
    if taken.is_none() {
        value.refuse(findings, format!("`{}` is not the absolute path of a file", shorten(path)));
    }
    taken
}

/// Takes an absolute path of a file, spelt in one way only.
pub(crate) fn plain_path(path: &str) -> Option<PathBuf> {
    let has_detour = Path::new(path).components().any(|part| matches!(part, Component::ParentDir));
    let is_plain =
        !path.contains("//") && !path.contains("/./") && !path.ends_with(['/', '.']) && !has_detour;
    let is_shown = crate::printable::first_unprintable(path).is_none();
    (path.starts_with('/') && is_plain && is_shown && path.len() <= PATH_LIMIT).then(|| PathBuf::from(path))
}
