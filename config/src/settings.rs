//! The settings of the main file: everything but the rules.
//!
//! Owns their defaults, ranges, and what they become in `core`. Leaves rules to `rules`.

use std::time::Duration;

use countersign_core::factor::totp::{Algorithm, Digits, Period, TotpParameters, Window};
use countersign_core::policy::{Echo, Settings};
use countersign_core::sending::Channels;
use countersign_core::words::Language;

use crate::diagnostics::Findings;
use crate::limits;
use crate::names::{self, NameKind};
use crate::sections::Section;
use crate::sent;
use crate::store::{self, StoreSettings};
use crate::tables;
use crate::values::{Choices, Value};
use crate::wording;

/// The issuer in authenticator apps where the file names none.
pub(crate) const DEFAULT_ORGANIZATION: &str = "Countersign";
/// The groups on whose members the helpdesk may not act where the file names none.
pub(crate) const DEFAULT_PROTECTED_GROUPS: [&str; 4] = ["root", "sudo", "wheel", "countersign-helpdesk"];
/// The longest `organization`, in bytes: it stands in the QR code.
pub const ORGANIZATION_LIMIT: usize = 64;
/// The longest `help`, in bytes: it stands in prompts, and a PAM message is at most 511 bytes.
pub const HELP_LIMIT: usize = 200;

const MINUTE: Duration = Duration::from_mins(1);

pub(crate) const LANGUAGES: Choices<Language> = Choices {
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
const ALGORITHMS: Choices<Algorithm> = Choices {
    now: &[("SHA1", Algorithm::Sha1), ("SHA256", Algorithm::Sha256), ("SHA512", Algorithm::Sha512)],
    later: &[],
};

/// Reads the settings at the top of the file and in its tables.
pub(crate) fn read(
    top: &Section<'_, '_>,
    channels: Channels,
    findings: &mut Findings,
) -> (Settings, StoreSettings) {
    let (limits, sending) = limits::read(top, findings);
    let help = help(top, findings);
    let settings = Settings {
        organization: organization(top, findings).unwrap_or_else(|| DEFAULT_ORGANIZATION.to_owned()),
        language: top.value("language").and_then(|it| it.choice(findings, LANGUAGES)).unwrap_or_default(),
        echo: top.value("echo").and_then(|it| it.choice(findings, ECHOES)).unwrap_or_default(),
        protected_groups: protected_groups(top, findings),
        totp: totp(top, findings),
        limits,
        sent: sent::read(top, findings),
        sending,
        channels,
        texts: wording::read(top, help.is_some(), findings),
        help,
    };
    (settings, store::read(top, findings))
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
    let Some(section) = top.section("totp", &tables::TOTP, findings) else {
        return TotpParameters::default();
    };
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
