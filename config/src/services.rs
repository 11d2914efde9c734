//! PAM services as rules name them: which are misspelt, forgotten, or of no use to a key.
//!
//! Owns what is known of the services of common systems, and the warnings that come of it. Leaves names that this host does
//! not have to `pam_services`.

use countersign_core::policy::{Requirement, Rule};

use crate::diagnostics::Findings;
use crate::pam_services::{Doubt, doubt_service};
use crate::placed::PlacedRule;

/// Services with which a session begins, so that no code was given in it before.
const BEGINNING: [&str; 13] = [
    "sshd",
    "login",
    "remote",
    "gdm-password",
    "gdm-fingerprint",
    "gdm-smartcard",
    "sddm",
    "lightdm",
    "lxdm",
    "xdm",
    "greetd",
    "xrdp-sesman",
    "cockpit",
];
/// Services that go on in the session of another, or that no person begins.
const WITHIN: [&str; 9] =
    ["sudo", "sudo-i", "su", "su-l", "runuser", "runuser-l", "polkit-1", "cron", "crond"];
/// Services in which people become somebody else, besides those with which a session begins.
const RAISING: [&str; 5] = ["sudo", "sudo-i", "su", "su-l", "polkit-1"];
/// Two services for what people take for one (FIELD-NOTES: `sudo -i` has a file of its own on some systems).
const PAIRS: [(&str, &str, &str); 2] = [("sudo", "sudo-i", "sudo -i"), ("su", "su-l", "su -")];

/// Tells whether a service may be that of an SSH server: `sshd`, or one that is not known as another program's.
#[must_use]
pub fn may_be_ssh(service: &str) -> bool {
    service == "sshd" || !BEGINNING.iter().chain(&WITHIN).any(|known| *known == service)
}

/// Tells whether people type for some service of a rule.
pub(crate) fn is_typed_for(rule: &Rule) -> bool {
    let services = &rule.matcher.services;
    services.is_empty() || has_any(services, &BEGINNING) || has_any(services, &RAISING)
}

/// Checks the services of all rules, and the keys that hang on them.
pub(crate) fn check(rules: &[PlacedRule<'_>], default: Option<&PlacedRule<'_>>, findings: &mut Findings) {
    for placed in rules.iter().filter(|placed| placed.is_sound) {
        warn_of_doubtful(placed, findings);
        warn_of_no_effect(placed, findings);
    }
    warn_of_forgotten(rules, default, findings);
}

fn warn_of_doubtful(placed: &PlacedRule<'_>, findings: &mut Findings) {
    for (index, service) in placed.rule.matcher.services.iter().enumerate() {
        let Some(Doubt { message, help }) = doubt_service(service, findings.services()) else { continue };
        findings.warning(placed.place_of_entry("services", index), message, help);
    }
}

fn warn_of_no_effect(placed: &PlacedRule<'_>, findings: &mut Findings) {
    let rule = &placed.rule;
    let services = &rule.matcher.services;
    if rule.require == Requirement::Never || services.is_empty() {
        return;
    }
    let mut warn = |key, message: &str, help: &str| findings.warning(placed.place_of(key), message, help);
    if !rule.accept.is_empty() && !services.iter().any(|service| may_be_ssh(service)) {
        let message = "`accept` has no effect here: `services` has no \"sshd\", which alone sees keys";
        warn("accept", message, "take it out, or add \"sshd\" to `services`");
    }
    if rule.fresh_for.is_some() && has_only(services, &BEGINNING) {
        let message = "`fresh_for` has no effect here: with these services a session begins, and no code was given in it";
        warn(
            "fresh_for",
            message,
            "write it in a rule for \"sudo\" and \"su\"; for logins there is `remember`",
        );
    }
    if rule.idle_timeout.is_some() && has_only(services, &WITHIN) {
        let message = "`idle_timeout` has no effect here: these services begin no session that could be idle";
        warn("idle_timeout", message, "write it in a rule for \"sshd\" and \"login\"");
    }
}

/// Warns of `sudo` without `sudo-i` and the like, where the other is left to a `[default]` that asks for less.
fn warn_of_forgotten(rules: &[PlacedRule<'_>], default: Option<&PlacedRule<'_>>, findings: &mut Findings) {
    let asks_all = |placed: &PlacedRule<'_>| {
        placed.rule.require == Requirement::Always && placed.rule.matcher.services.is_empty()
    };
    if rules.iter().chain(default).any(asks_all) {
        return;
    }
    for (first, second, command) in PAIRS {
        let names = |placed: &&PlacedRule<'_>, wanted: &str| {
            placed.rule.matcher.services.iter().any(|service| service == wanted)
        };
        if rules.iter().any(|placed| names(&placed, second)) {
            continue;
        }
        let asks = |placed: &&PlacedRule<'_>| placed.is_sound && placed.rule.require == Requirement::Always;
        let Some(placed) = rules.iter().filter(asks).find(|placed| names(placed, first)) else { continue };
        let services = &placed.rule.matcher.services;
        let index = services.iter().position(|service| service == first).unwrap_or_default();
        let message = format!("`{command}` asks for no code on systems that have a service `{second}`");
        let help = format!("write \"{first}\", \"{second}\"");
        findings.warning(placed.place_of_entry("services", index), message, help);
    }
}

fn has_any(services: &[String], known: &[&str]) -> bool {
    services.iter().any(|service| known.contains(&service.as_str()))
}

fn has_only(services: &[String], known: &[&str]) -> bool {
    services.iter().all(|service| known.contains(&service.as_str()))
}
