//! The rules of the file: `[[policy]]` and `[default]`.
//!
//! Owns reading one rule: its conditions and what it demands. Leaves names to `names`, and what rules do to each other
//! to `order`.

use countersign_core::account::RuleName;
use countersign_core::factor::Method;
use countersign_core::invitation::INVITATION_LIFE;
use countersign_core::login::Origin;
use countersign_core::policy::{ENROLL_WITHIN, Enrollment, Matcher, Network, Requirement, Rule};

use crate::diagnostics::{Findings, Place, shorten};
use crate::keys;
use crate::names::{self, NameKind};
use crate::network;
use crate::sections::Section;
use crate::source::Source;
use crate::values::{Choices, NAME_LIMIT, Text};

/// The most rules of all files together.
pub const RULE_LIMIT: usize = 1000;
/// The name of the rule for what no other matches.
pub(crate) const DEFAULT_NAME: &str = "default";

/// A rule with the place of its name.
#[derive(Debug, Clone)]
pub(crate) struct PlacedRule<'s> {
    pub(crate) rule: Rule,
    pub(crate) place: Place<'s>,
    /// Whether it was read without a fault.
    pub(crate) is_sound: bool,
}

const REQUIREMENTS: Choices<Requirement> = Choices {
    now: &[
        ("always", Requirement::Always),
        ("enrolled", Requirement::Enrolled),
        ("never", Requirement::Never),
    ],
    later: &["chosen"],
};
const METHODS: Choices<Method> =
    Choices { now: &[("totp", Method::Totp)], later: &["hotp", "email", "sms", "call", "backup"] };
const ENROLLMENTS: Choices<Enrollment> = Choices {
    now: &[("self-service", Enrollment::SelfService), ("at-login", Enrollment::AtLogin)],
    later: &["invited"],
};
const ORIGINS: Choices<Origin> =
    Choices { now: &[("local", Origin::Local), ("directory", Origin::Directory)], later: &[] };

/// Reads one `[[policy]]`; none where it has no name to know it by.
pub(crate) fn read<'s>(section: &Section<'_, 's>, findings: &mut Findings) -> Option<PlacedRule<'s>> {
    let errors = findings.errors();
    let name = rule_name(section, findings);
    let matcher = matcher(section, findings);
    let (require, methods, enroll) = demand(section, findings);
    let (name, place) = name?;
    let rule = Rule {
        name,
        matcher,
        require: require.unwrap_or(Requirement::Always),
        methods,
        enroll,
        enroll_within: Some(ENROLL_WITHIN),
        invite_for_limit: INVITATION_LIFE,
    };
    Some(PlacedRule { rule, place, is_sound: findings.errors() == errors })
}

/// Reads `[default]`, which every main file has.
pub(crate) fn read_default(top: &Section<'_, '_>, source: &Source, findings: &mut Findings) -> Option<Rule> {
    if top.value("default").is_none() {
        let help = "write at the end:\n[default]\nrequire = \"enrolled\"";
        findings.error(&source.place(source.text.len()..source.text.len()), "there is no [default]", help);
        return None;
    }
    let section = top.section("default", &keys::DEFAULT, findings)?;
    let (require, methods, enroll) = demand(&section, findings);
    if require == Some(Requirement::Never) {
        let place = section.value("require").map_or_else(|| section.place.clone(), |value| value.place);
        let help = "write require = \"enrolled\" to ask at least those who have enrolled";
        findings.warning(&place, "whom no rule matches is never asked, even when enrolled", help);
    }
    let name = RuleName::try_from(DEFAULT_NAME).ok()?;
    Some(Rule {
        name,
        matcher: Matcher::default(),
        require: require?,
        methods,
        enroll,
        enroll_within: Some(ENROLL_WITHIN),
        invite_for_limit: INVITATION_LIFE,
    })
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
    Matcher {
        users: listed("users", NameKind::User),
        groups: listed("groups", NameKind::Group),
        services: listed("services", NameKind::Service),
        networks: networks(section, findings),
        origin: section.value("origin").and_then(|value| value.choice(findings, ORIGINS)),
        hosts: Vec::new(),
        domains: Vec::new(),
    }
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

/// Reads what rules and `[default]` have in common.
fn demand(
    section: &Section<'_, '_>,
    findings: &mut Findings,
) -> (Option<Requirement>, Vec<Method>, Enrollment) {
    let require = section.value("require");
    if require.is_none() {
        let help = "write require = \"always\", \"enrolled\" or \"never\"";
        findings.error(&section.place, format!("{} has no `require`", section.keys.table), help);
    }
    let require = require.and_then(|value| value.choice(findings, REQUIREMENTS));
    let methods = methods(section, findings);
    let enroll =
        section.value("enroll").and_then(|value| value.choice(findings, ENROLLMENTS)).unwrap_or_default();
    warn_of_no_effect(section, require, enroll, findings);
    (require, methods, enroll)
}

fn methods(section: &Section<'_, '_>, findings: &mut Findings) -> Vec<Method> {
    let Some(value) = section.value("methods") else { return vec![Method::Totp] };
    let Some(entries) = value.list(findings) else { return vec![Method::Totp] };
    if value.is_empty_list() {
        value.refuse(findings, "`methods` is empty, nobody could log in");
    }
    let mut methods = Vec::new();
    for entry in entries {
        match METHODS.take(&entry, "methods", findings) {
            Some(method) if methods.contains(&method) => names::repeated(&entry, findings),
            Some(method) => methods.push(method),
            None => {}
        }
    }
    methods
}

/// Says where a value changes nothing, because nothing is ever ignored in silence.
fn warn_of_no_effect(
    section: &Section<'_, '_>,
    require: Option<Requirement>,
    enroll: Enrollment,
    findings: &mut Findings,
) {
    if require == Some(Requirement::Never) {
        for value in ["methods", "enroll"].into_iter().filter_map(|key| section.value(key)) {
            let message = format!("`{}` has no effect with require = \"never\"", value.key);
            findings.warning(&value.place, message, "take it out");
        }
    }
    if require == Some(Requirement::Enrolled)
        && enroll == Enrollment::AtLogin
        && let Some(value) = section.value("enroll")
    {
        let message = "nobody is asked to enroll at login with require = \"enrolled\"";
        findings.warning(&value.place, message, "write require = \"always\", or take `enroll` out");
    }
}
