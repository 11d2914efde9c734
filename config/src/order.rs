//! What rules do to each other: names used twice, rules that are never reached, rules that let everybody pass.
//!
//! Owns the faults and warnings that no rule shows by itself. Leaves which rule decides to `core`.

use std::collections::BTreeMap;

use countersign_core::login::Origin;
use countersign_core::policy::{Matcher, Mode, Network, Requirement};

use crate::diagnostics::Findings;
use crate::placed::PlacedRule;
use crate::rules::RULE_LIMIT;
use crate::{host, network};

/// How many comparisons of entries are spent on looking for rules that are never reached.
pub(crate) const COMPARISON_LIMIT: usize = 2_000_000;
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
                let message = format!("there is a rule `{name}` already, {}", earlier.whereabouts(placed));
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
    let PlacedRule { rule, place, .. } = placed;
    if placed.is_sound && rule.require == Requirement::Never && rule.matcher == Matcher::default() {
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
    let (name, other, line) = (&later.rule.name, &earlier.rule.name, earlier.whereabouts(later));
    let mut message =
        format!("rule `{name}` is never reached: `{other}`, {line}, matches all that it matches");
    if (earlier.rule.mode, later.rule.mode) == (Mode::Monitor, Mode::Enforce) {
        // A monitored rule decides as any other does, and lets everybody pass.
        message.push_str(", and is only watched: nobody is asked");
    }
    findings.warning(&later.place, message, "put it before the other, or take it out");
}

/// Tells whether `earlier` matches every login that `later` matches.
pub(crate) fn covers(earlier: &Matcher, later: &Matcher) -> bool {
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

/// Tells whether some login may match both; hosts and groups are not held against each other.
pub(crate) fn overlaps(one: &Matcher, other: &Matcher) -> bool {
    let Matcher { services, networks, .. } = one;
    let network = |one: &Network, other: &Network| network::covers(one, other) || network::covers(other, one);
    shares(services, &other.services, |one, other| one == other) && shares(networks, &other.networks, network)
}

/// Tells whether something fits both conditions; everything fits an empty one.
fn shares<T>(one: &[T], other: &[T], fits: impl Fn(&T, &T) -> bool) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|left| other.iter().any(|right| fits(left, right)))
}

/// How many comparisons `covers` makes at most.
pub(crate) fn cost(earlier: &Matcher, later: &Matcher) -> usize {
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
