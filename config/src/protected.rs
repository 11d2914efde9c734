//! Rules that ask less of the members of `protected_groups` than is due to them (row P5).
//!
//! Owns the warnings. The members of these groups can become root or reset other people's factors, so that a rule that
//! names them and asks for less than a code at each login is hardly meant, nor is one that lets them pass before the rule
//! that is meant for them. What rests on nothing but the usual groups is said only where some of them are known to exist.

use countersign_core::policy::{Enrollment, Matcher, Mode, Requirement, Rule, SshServer};

use crate::diagnostics::{Findings, Place};
use crate::duration;
use crate::known::{Asked, Known};
use crate::order::{self, COMPARISON_LIMIT};
use crate::placed::PlacedRule;
use crate::services;
use crate::terms::REMEMBER_AAL2;

/// The user who needs no group.
const ROOT: &str = "root";

/// What a rule eases, where that stands, and what to write.
struct Easing {
    key: &'static str,
    what: String,
    help: &'static str,
}

/// The protected groups, and what is known of them.
struct Protected {
    /// Those that may exist.
    possible: Vec<String>,
    /// Those that do.
    certain: Vec<String>,
}

/// Checks all rules.
pub(crate) fn check(
    rules: &[PlacedRule<'_>],
    default: Option<&PlacedRule<'_>>,
    groups: &[(String, Option<Place<'_>>)],
    asked: &mut Asked<'_>,
    findings: &mut Findings,
) {
    let protected = Protected::of(groups, asked);
    let sound = || rules.iter().filter(|placed| placed.is_sound);
    // Where sshd never takes a password of root, a key is what is left, and a rule for it eases nothing.
    let takes_passwords = asked.sshd().is_some_and(|text| SshServer::read(text).refuses_root().is_none());
    let is_for_key = |placed: &&PlacedRule<'_>| !takes_passwords && is_for_root_s_key(&placed.rule);
    for placed in sound().filter(|placed| !is_for_key(placed)) {
        if let Some(members) = protected.named_by(&placed.rule) {
            warn_of_easing(placed, &format!("{members} are protected, but here"), findings);
        }
    }
    warn_of_passing_before(rules, &protected, findings);
    let is_meant = |placed: &PlacedRule<'_>| asks(&placed.rule) && protected.named_by(&placed.rule).is_some();
    if protected.certain.is_empty() || sound().any(is_meant) {
        return;
    }
    let members = members_of(&protected.certain);
    for placed in
        sound().chain(default).filter(|placed| is_for_all(&placed.rule.matcher) && asks(&placed.rule))
    {
        warn_of_easing(placed, &format!("{members} are protected, and no rule is for them; here"), findings);
    }
    warn_of_forgotten(rules, default, &protected, findings);
}

impl Protected {
    fn of(groups: &[(String, Option<Place<'_>>)], asked: &mut Asked<'_>) -> Self {
        let with = |wanted: &dyn Fn(Known) -> bool, asked: &mut Asked<'_>| {
            let names = groups.iter().map(|(name, _)| name);
            names.filter(|name| wanted(asked.group(name))).cloned().collect()
        };
        Self {
            possible: with(&|known| known != Known::No, asked),
            certain: with(&|known| known == Known::Yes, asked),
        }
    }

    /// Tells the members of which protected groups a rule names: those of its groups, or root by name. A rule for users by
    /// name is an exemption that somebody thought of.
    fn named_by(&self, rule: &Rule) -> Option<String> {
        let Matcher { users, groups, .. } = &rule.matcher;
        if !users.is_empty() {
            return users.iter().any(|user| user == ROOT).then(|| format!("people like `{ROOT}`"));
        }
        let named: Vec<String> = self.possible.iter().filter(|name| groups.contains(name)).cloned().collect();
        (!named.is_empty()).then(|| members_of(&named))
    }
}

/// Warns of each key of a rule that eases what it asks for.
fn warn_of_easing(placed: &PlacedRule<'_>, who: &str, findings: &mut Findings) {
    if !services::is_typed_for(&placed.rule) {
        return;
    }
    for Easing { key, what, help } in easings(placed) {
        findings.warning(placed.place_of(key), format!("{who} they {what}"), help);
    }
}

/// Lists what a rule eases. Where it does not ask everybody, the rest does not matter.
fn easings(placed: &PlacedRule<'_>) -> Vec<Easing> {
    let rule = &placed.rule;
    let mut found = Vec::new();
    let mut ease = |key, what: &str, help| found.push(Easing { key, what: what.to_owned(), help });
    let always = "write require = \"always\"";
    match rule.require {
        Requirement::Never => ease("require", "are asked for no code", always),
        Requirement::Enrolled => ease("require", "are asked only once they have enrolled", always),
        Requirement::Chosen => ease("require", "are asked only where it was switched on for them", always),
        Requirement::Always => {}
    }
    if placed.own_mode == Some(Mode::Monitor) {
        ease(
            "mode",
            "are only watched, and asked for no code",
            "write mode = \"enforce\" once that is enough",
        );
    }
    if rule.require != Requirement::Always {
        return found;
    }
    if rule.skip.is_some() {
        ease("skip", "can put off setting up", "take it out");
    }
    if rule.enroll == Enrollment::AtLogin && rule.enroll_within.is_none() {
        let what = "can be set up for by whoever has their password, without an end";
        ease("enroll_within", what, "write enroll_within = \"7d\", or enroll = \"invited\"");
    }
    if let Some(time) = rule.remember.filter(|time| *time > REMEMBER_AAL2) {
        let what = format!("are remembered for {}", duration::write(time));
        ease("remember", &what, "write remember = \"24h\" or less");
    }
    found
}

/// Warns of rules for everybody that ask for less and stand before the rule that is meant for protected people.
fn warn_of_passing_before(rules: &[PlacedRule<'_>], protected: &Protected, findings: &mut Findings) {
    let mut left = COMPARISON_LIMIT;
    for (index, earlier) in rules.iter().enumerate().filter(|(_, placed)| lets_all_pass(placed)) {
        for later in rules.iter().skip(index).filter(|placed| placed.is_sound && asks(&placed.rule)) {
            let Some(members) = protected.named_by(&later.rule) else { continue };
            let Some(rest) = left.checked_sub(order::cost(&earlier.rule.matcher, &later.rule.matcher)) else {
                return;
            };
            left = rest;
            if order::overlaps(&earlier.rule.matcher, &later.rule.matcher) {
                let (other, line) = (&later.rule.name, later.whereabouts(earlier));
                let message =
                    format!("{members} are protected, but pass here, before `{other}`, {line}, asks them");
                let help =
                    format!("put `{other}` before this rule, or say for which users this one is meant");
                findings.warning(earlier.place_of("require"), message, help);
                break;
            }
        }
    }
}

/// Tells whether a rule lets people pass without a code whoever they are, where people type.
fn lets_all_pass(placed: &PlacedRule<'_>) -> bool {
    let PlacedRule { rule, is_sound, own_mode, .. } = placed;
    let is_weak = rule.require != Requirement::Always || *own_mode == Some(Mode::Monitor);
    *is_sound && is_weak && is_for_all(&rule.matcher) && services::is_typed_for(rule)
}

/// Warns where others have to give a code, and protected people are left to a `[default]` that asks for less.
fn warn_of_forgotten(
    rules: &[PlacedRule<'_>],
    default: Option<&PlacedRule<'_>>,
    protected: &Protected,
    findings: &mut Findings,
) {
    let Some(default) = default.filter(|default| default.rule.require != Requirement::Always) else { return };
    let is_asking = |placed: &&PlacedRule<'_>| placed.is_sound && asks(&placed.rule);
    let reaches_all = |placed: &PlacedRule<'_>| is_for_all(&placed.rule.matcher);
    let mut asking = rules.iter().filter(is_asking).peekable();
    let Some(others) = asking.peek().map(|placed| placed.rule.name.clone()) else { return };
    if asking.any(reaches_all) {
        return;
    }
    let members = members_of(&protected.certain);
    let message = format!("{members} are left to this, while `{others}` asks other people always");
    let help = format!("write a rule for them: groups = {:?}, require = \"always\"", protected.certain);
    findings.warning(default.place_of("require"), message, help);
}

/// Tells whether a rule asks everybody whom it matches for a code, sooner or later.
fn asks(rule: &Rule) -> bool {
    rule.require == Requirement::Always
}

/// Tells whether a rule is for root at sshd alone, where sshd by itself takes nothing but a key.
fn is_for_root_s_key(rule: &Rule) -> bool {
    rule.require == Requirement::Never && rule.matcher.users == [ROOT] && rule.matcher.services == ["sshd"]
}

/// Tells whether a rule matches people whoever they are.
fn is_for_all(matcher: &Matcher) -> bool {
    let Matcher { users, groups, origin, domains, services: _, networks: _, hosts: _ } = matcher;
    users.is_empty() && groups.is_empty() && origin.is_none() && domains.is_empty()
}

fn members_of(groups: &[String]) -> String {
    let quoted: Vec<String> = groups.iter().map(|name| format!("`{name}`")).collect();
    format!("members of {}", quoted.join(", "))
}
