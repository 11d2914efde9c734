//! What rules do to each other: names used twice, rules that are never reached, rules that let everybody pass.
//!
//! Owns the faults and warnings that no rule shows by itself. Leaves which rule decides to `core`.

use std::collections::BTreeMap;

use countersign_core::login::Origin;
use countersign_core::policy::{Matcher, Requirement};

use crate::diagnostics::Findings;
use crate::rules::{PlacedRule, RULE_LIMIT};
use crate::{host, network};

/// How many comparisons of entries are spent on looking for rules that are never reached.
const COMPARISON_LIMIT: usize = 2_000_000;
/// How many comparisons of characters count as one of entries.
const LETTERS_AN_ENTRY: usize = 16;

/// Checks all rules, in the order in which they are read.
pub(crate) fn check(rules: &[PlacedRule<'_>], findings: &mut Findings) {
    if let Some(beyond) = rules.get(RULE_LIMIT) {
        let message = format!("there are {} rules, at most {RULE_LIMIT} are taken", rules.len());
        findings.error(&beyond.place, message, "put users into groups, and one rule for each group");
        return;
    }
    refuse_repeated_names(rules, findings);
    for rule in rules {
        warn_of_open_door(rule, findings);
    }
    warn_of_unreachable(rules, findings);
}

fn refuse_repeated_names(rules: &[PlacedRule<'_>], findings: &mut Findings) {
    let mut first = BTreeMap::new();
    for placed in rules {
        let name = placed.rule.name.as_str();
        match first.get(name) {
            None => {
                first.insert(name, placed);
            }
            Some(earlier) => {
                let message = format!("there is a rule `{name}` already, {}", whereabouts(earlier, placed));
                findings.error(
                    &placed.place,
                    message,
                    "name each rule differently, the log knows it by its name",
                );
            }
        }
    }
}

fn warn_of_open_door(placed: &PlacedRule<'_>, findings: &mut Findings) {
    let PlacedRule { rule, place, methods: _, is_sound } = placed;
    if *is_sound && rule.require == Requirement::Never && rule.matcher == Matcher::default() {
        let message = format!("rule `{}` has no condition and asks nobody for a code", rule.name);
        findings.warning(
            place,
            message,
            "say for which users, groups, services, networks or hosts it is meant",
        );
    }
}

fn warn_of_unreachable(rules: &[PlacedRule<'_>], findings: &mut Findings) {
    let mut left = COMPARISON_LIMIT;
    for (index, later) in rules.iter().enumerate().filter(|(_, rule)| rule.is_sound) {
        for earlier in rules.iter().take(index).filter(|rule| rule.is_sound) {
            let Some(rest) = left.checked_sub(cost(&earlier.rule.matcher, &later.rule.matcher)) else {
                let message = "from here on, the rules are too many to look for those that are never reached";
                findings.warning(&later.place, message, "use groups and networks instead of single entries");
                return;
            };
            left = rest;
            if covers(&earlier.rule.matcher, &later.rule.matcher) {
                warn_of_shadow(earlier, later, findings);
                break;
            }
        }
    }
}

fn warn_of_shadow(earlier: &PlacedRule<'_>, later: &PlacedRule<'_>, findings: &mut Findings) {
    let message = format!(
        "rule `{}` is never reached: `{}`, {}, matches all that it matches",
        later.rule.name,
        earlier.rule.name,
        whereabouts(earlier, later)
    );
    findings.warning(&later.place, message, "put it before the other, or take it out");
}

/// Tells whether `earlier` matches every login that `later` matches.
fn covers(earlier: &Matcher, later: &Matcher) -> bool {
    let Matcher { users, groups, services, networks, origin, hosts, domains } = earlier;
    // Who is of a domain is of a directory.
    let later_origin = later.origin.or((!later.domains.is_empty()).then_some(Origin::Directory));
    includes(users, &later.users, |outer, inner| outer == inner)
        && includes(groups, &later.groups, |outer, inner| outer == inner)
        && includes(services, &later.services, |outer, inner| outer == inner)
        && includes(networks, &later.networks, network::covers)
        && (origin.is_none() || *origin == later_origin)
        && includes(hosts, &later.hosts, |outer, inner| host::covers(outer, inner))
        && includes(domains, &later.domains, |outer, inner| outer.eq_ignore_ascii_case(inner))
}

/// Tells whether one condition lets through whatever the other does; an empty one lets through everything.
fn includes<T>(outer: &[T], inner: &[T], contains: impl Fn(&T, &T) -> bool) -> bool {
    outer.is_empty()
        || (!inner.is_empty() && inner.iter().all(|entry| outer.iter().any(|other| contains(other, entry))))
}

/// How many comparisons `covers` makes at most.
fn cost(earlier: &Matcher, later: &Matcher) -> usize {
    let product = |outer: usize, inner: usize| outer.saturating_mul(inner);
    // A pattern is compared character by character, which is less work than an entry.
    let letters = |patterns: &[String]| patterns.iter().map(String::len).fold(0, usize::saturating_add);
    [
        product(earlier.users.len(), later.users.len()),
        product(earlier.groups.len(), later.groups.len()),
        product(earlier.services.len(), later.services.len()),
        product(earlier.networks.len(), later.networks.len()),
        product(letters(&earlier.hosts), letters(&later.hosts)) / LETTERS_AN_ENTRY,
        product(earlier.domains.len(), later.domains.len()),
    ]
    .into_iter()
    .fold(1, usize::saturating_add)
}

/// Tells where the earlier rule stands, seen from the later one.
fn whereabouts(earlier: &PlacedRule<'_>, later: &PlacedRule<'_>) -> String {
    let line = earlier.place.source.position(earlier.place.span.start).line;
    if earlier.place.source.path == later.place.source.path {
        format!("in line {line}")
    } else {
        let file = crate::printable::escape(&earlier.place.source.path.to_string_lossy());
        format!("in {file}, line {line}")
    }
}
