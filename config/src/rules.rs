//! The rules of the file: `[[policy]]` and `[default]`.
//!
//! Owns reading one rule and its conditions. Leaves what it demands to `demand`, names to `names`, and what rules do to
//! each other to `order`.

use countersign_core::account::RuleName;
use countersign_core::login::Origin;
use countersign_core::policy::{Matcher, Network, Requirement};

use crate::demand::Demand;
use crate::diagnostics::{Findings, Place, shorten};
use crate::names::{self, NameKind};
use crate::placed::{PlacedRule, Places};
use crate::sections::Section;
use crate::source::Source;
use crate::values::{Choices, NAME_LIMIT, Text};
use crate::{domain, host, network, tables};

/// The most rules of all files together.
pub const RULE_LIMIT: usize = 1000;
/// The name of the rule for what no other matches.
pub(crate) const DEFAULT_NAME: &str = "default";

const ORIGINS: Choices<Origin> =
    Choices { now: &[("local", Origin::Local), ("directory", Origin::Directory)], later: &[] };

/// Reads one `[[policy]]`; none where it has no name to know it by.
pub(crate) fn read<'s>(section: &Section<'_, 's>, findings: &mut Findings) -> Option<PlacedRule<'s>> {
    let errors = findings.errors();
    let name = rule_name(section, findings);
    let matcher = matcher(section, findings);
    let demand = Demand::read(section, findings);
    let (name, place) = name?;
    let require = demand.require.unwrap_or(Requirement::Always);
    let (methods, own_mode) = (demand.named.clone(), demand.force.mode);
    let rule = demand.into_rule(name, matcher, require);
    let (is_sound, places) = (findings.errors() == errors, Places::of(section));
    Some(PlacedRule { rule, place, methods, own_mode, is_sound, places })
}

/// Reads `[default]`, which every main file has.
pub(crate) fn read_default<'s>(
    top: &Section<'_, 's>,
    source: &Source,
    findings: &mut Findings,
) -> Option<PlacedRule<'s>> {
    if top.value("default").is_none() {
        let help = "write at the end:\n[default]\nrequire = \"enrolled\"";
        findings.error(&source.place(source.text.len()..source.text.len()), "there is no [default]", help);
        return None;
    }
    let section = top.section("default", &tables::DEFAULT, findings)?;
    let errors = findings.errors();
    let demand = Demand::read(&section, findings);
    if demand.require == Some(Requirement::Never) {
        let place = section.value("require").map_or_else(|| section.place.clone(), |value| value.place);
        let help = "write require = \"enrolled\" to ask at least those who have enrolled";
        findings.warning(&place, "whom no rule matches is never asked, even when enrolled", help);
    }
    let (name, require) = (RuleName::try_from(DEFAULT_NAME).ok()?, demand.require?);
    let (methods, own_mode) = (demand.named.clone(), demand.force.mode);
    let rule = demand.into_rule(name, Matcher::default(), require);
    let (is_sound, places) = (findings.errors() == errors, Places::of(&section));
    Some(PlacedRule { rule, place: section.place, methods, own_mode, is_sound, places })
}

fn rule_name<'s>(section: &Section<'_, 's>, findings: &mut Findings) -> Option<(RuleName, Place<'s>)> {
    let Some(value) = section.value("name") else {
        findings.error(
            &section.place,
            "this rule has no name",
            "write name = \"…\", by which the log knows it",
        );
        return None;
    };
    let text = value.text(findings)?;
    if !text.is_showable(NAME_LIMIT, findings) {
        return None;
    }
    if text.text == DEFAULT_NAME {
        let help = "name it otherwise, or write [default]";
        findings.error(&text.place, "`default` is the name of what decides where no rule matches", help);
        return None;
    }
    let Ok(name) = RuleName::try_from(text.text) else {
        findings.error(&text.place, "this is not the name of a rule", "write a name without `/`");
        return None;
    };
    Some((name, text.place))
}

fn matcher(section: &Section<'_, '_>, findings: &mut Findings) -> Matcher {
    let mut listed = |key, kind| {
        let entries = conditions(section, key, findings);
        names::literal(&entries, kind, findings)
    };
    let matcher = Matcher {
        users: listed("users", NameKind::User),
        groups: listed("groups", NameKind::Group),
        services: listed("services", NameKind::Service),
        networks: networks(section, findings),
        origin: section.value("origin").and_then(|value| value.choice(findings, ORIGINS)),
        hosts: host::patterns(&conditions(section, "hosts", findings), findings),
        domains: domain::names(&conditions(section, "domains", findings), findings),
    };
    if matcher.origin == Some(Origin::Local)
        && let Some(value) = section.value("domains")
    {
        let message = "this rule matches nobody: people with origin = \"local\" are of no domain";
        findings.warning(&value.place, message, "take `domains` or `origin` out");
    }
    matcher
}

/// Takes the list of a condition; an empty one is refused, because to `core` it means everybody.
fn conditions<'t, 's>(
    section: &Section<'t, 's>,
    key: &'static str,
    findings: &mut Findings,
) -> Vec<Text<'t, 's>> {
    let Some(value) = section.value(key) else { return Vec::new() };
    let Some(entries) = value.list(findings) else { return Vec::new() };
    if value.is_empty_list() {
        let help = format!("take `{key}` out to match all, or list what is meant");
        findings.error(&value.place, format!("`{key}` is empty"), help);
    }
    entries
}

fn networks(section: &Section<'_, '_>, findings: &mut Findings) -> Vec<Network> {
    let mut networks = Vec::new();
    for entry in conditions(section, "networks", findings) {
        match network::parse(entry.text) {
            Ok(network) if networks.contains(&network) => names::repeated(&entry, findings),
            Ok(network) => networks.push(network),
            Err(bad) => {
                findings.error(&entry.place, format!("`{}`: {}", shorten(entry.text), bad.message), bad.help);
            }
        }
    }
    networks
}
