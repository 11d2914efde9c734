//! What rules and ways out do to each other: methods without a way, ways without a rule, and what each is worth.
//!
//! Owns the warnings and notes that neither shows by itself (rows P5, D2). Leaves whether something is sent to `core`.

use countersign_core::delivery::Channel;
use countersign_core::factor::Method;
use countersign_core::policy::Requirement;

use crate::diagnostics::{Findings, Place};
use crate::placed::PlacedRule;
use crate::terms::is_sent;

/// Checks all rules, `[default]` among them, against the ways out that are configured.
pub(crate) fn check<'r>(
    rules: impl Iterator<Item = &'r PlacedRule<'r>> + Clone,
    ways: &[(Channel, Place<'_>)],
    findings: &mut Findings,
) {
    let asking = rules.filter(|placed| placed.rule.require != Requirement::Never);
    for placed in asking.clone() {
        warn_of_missing_ways(placed, ways, findings);
        warn_of_no_way_at_all(placed, ways, findings);
        warn_of_messages_without_end(placed, findings);
    }
    if let Some(placed) = asking.clone().find(|placed| !placed.rule.accept.is_empty()) {
        tell_worth_of_keys(placed, findings);
    }
    for channel in Channel::ALL {
        let method = channel.method();
        let named = asking.clone().flat_map(|placed| &placed.methods).find(|(named, _)| *named == method);
        match (named, ways.iter().find(|(way, _)| *way == channel)) {
            (Some((_, place)), Some(_)) => tell_worth(channel, place, findings),
            (None, Some((_, place))) => tell_unused(channel, place, findings),
            (_, None) => {}
        }
    }
}

fn warn_of_missing_ways(placed: &PlacedRule<'_>, ways: &[(Channel, Place<'_>)], findings: &mut Findings) {
    for (method, place) in &placed.methods {
        let needed = Channel::ALL.into_iter().find(|channel| channel.method() == *method);
        let Some(channel) = needed.filter(|needed| !ways.iter().any(|(way, _)| way == needed)) else {
            continue;
        };
        let name = channel.name();
        let message = format!("`{name}` is not configured: nobody gets such codes");
        findings.warning(place, message, format!("write a section [{name}], or take it out"));
    }
}

/// Where people have to give a code, and the rule leaves them nothing but ways that are not there, nobody gets in.
fn warn_of_no_way_at_all(placed: &PlacedRule<'_>, ways: &[(Channel, Place<'_>)], findings: &mut Findings) {
    let rule = &placed.rule;
    let is_there = |method: &Method| ways.iter().any(|(channel, _)| channel.method() == *method);
    let mut primary = rule.methods.iter().filter(|method| **method != Method::Backup).peekable();
    let has_none = primary.peek().is_some() && primary.all(|method| is_sent(*method) && !is_there(method));
    if has_none && rule.require != Requirement::Enrolled {
        let message = format!("nobody gets in under `{}`: nobody can hold any of its methods", rule.name);
        let help = "add \"totp\", or write the section of one of them";
        findings.warning(placed.place_of("methods"), message, help);
    }
}

/// Row D2: where nothing but sent codes is there and no place is remembered, each login costs a message.
fn warn_of_messages_without_end(placed: &PlacedRule<'_>, findings: &mut Findings) {
    let rule = &placed.rule;
    let mut primary = rule.methods.iter().copied().filter(|method| *method != Method::Backup).peekable();
    let is_sent_only = primary.peek().is_some() && primary.all(is_sent);
    if is_sent_only && rule.remember.is_none() && rule.fresh_for.is_none() {
        let place = placed.methods.first().map_or(&placed.place, |(_, place)| place);
        let message = format!("each login under `{}` waits for a message", rule.name);
        let help = "write remember = \"12h\" (for sudo, fresh_for = \"15m\"), or add \"totp\" to `methods`";
        findings.warning(place, message, help);
    }
}

/// Says what codes of a method are worth, once, where the first rule names it.
fn tell_worth(channel: Channel, place: &Place<'_>, findings: &mut Findings) {
    let (message, help) = match channel {
        Channel::Email => (
            "who reads the mailbox has the code: by NIST SP 800-63B-4 3.1.3 e-mail is no out-of-band authenticator",
            "good against stolen passwords, if the mailbox has a factor of its own; name \"totp\" before it",
        ),
        Channel::Sms | Channel::Call => (
            "who takes the number over has the code: NIST SP 800-63B-4 3.1.3.3 restricts the telephone network",
            "let people set up \"totp\" or \"hotp\" as well, and tell them what such codes are worth",
        ),
    };
    findings.remark(place, message, help);
}

/// Says what a security key is worth, once, where the first rule accepts one.
fn tell_worth_of_keys(placed: &PlacedRule<'_>, findings: &mut Findings) {
    let message = "a security key alone is one factor, and only sshd can ask for the other";
    let help = "write `PubkeyAuthOptions verify-required` into sshd_config, so that the key asks for its PIN; or have \
                sshd ask for the password before it";
    findings.remark(placed.place_of("accept"), message, help);
}

fn tell_unused(channel: Channel, place: &Place<'_>, findings: &mut Findings) {
    let name = channel.name();
    let message = format!("no rule that asks for a code names the method `{name}`");
    match channel {
        // Notices of changes and locks go out in any case.
        Channel::Email => {
            let help = "it brings notices only; to send codes, name it in the `methods` of a rule";
            findings.remark(place, message, help);
        }
        Channel::Sms | Channel::Call => {
            findings.warning(place, message, "name it in the `methods` of a rule, or take the section out");
        }
    }
}
