//! What a rule demands: `require`, `methods`, and how and by when people come by a factor.
//!
//! Owns what `[[policy]]` and `[default]` have in common, and the warnings about keys that change nothing there. Leaves
//! conditions to `rules`, and what people may choose to `terms`.

use std::time::Duration;

use countersign_core::account::RuleName;
use countersign_core::factor::Method;
use countersign_core::invitation::{INVITATION_LIFE, LONGEST_INVITATION};
use countersign_core::policy::{ENROLL_WITHIN, Enrollment, Matcher, Mode, Requirement, Rule};

use crate::diagnostics::{Findings, Place};
use crate::force::{self, Force};
use crate::names;
use crate::sections::Section;
use crate::sessions::Sessions;
use crate::terms::{self, Terms};
use crate::values::{Choices, Value};

/// The longest time to enroll in without an invitation (SECURITY.md 3), if it has an end at all.
pub const ENROLL_WITHIN_LIMIT: Duration = Duration::from_hours(90 * 24);
/// The shortest time to enroll in: less is over before a person has found their phone.
const ENROLL_WITHIN_LEAST: Duration = Duration::from_hours(1);
/// The shortest life of an invitation.
const INVITE_FOR_LEAST: Duration = Duration::from_mins(1);

const REQUIREMENTS: Choices<Requirement> = Choices {
    now: &[
        ("always", Requirement::Always),
        ("chosen", Requirement::Chosen),
        ("enrolled", Requirement::Enrolled),
        ("never", Requirement::Never),
    ],
    later: &[],
};
const METHODS: Choices<Method> = Choices {
    now: &[
        ("totp", Method::Totp),
        ("hotp", Method::Hotp),
        ("email", Method::Email),
        ("sms", Method::Sms),
        ("call", Method::Call),
        ("backup", Method::Backup),
    ],
    later: &[],
};
const ENROLLMENTS: Choices<Enrollment> = Choices {
    now: &[
        ("self-service", Enrollment::SelfService),
        ("at-login", Enrollment::AtLogin),
        ("invited", Enrollment::Invited),
    ],
    later: &[],
};

/// The keys that change nothing where nobody is asked.
const OF_ASKING: [&str; 12] = [
    "methods",
    "enroll",
    "enroll_within",
    "invite_for",
    "contacts",
    "skip",
    "remember",
    "mode",
    "accept",
    "enrolled_after",
    "fresh_for",
    "idle_timeout",
];

/// What a rule demands; what is wrong in the file has been noted, and has its default here.
#[derive(Debug, Clone)]
pub(crate) struct Demand<'s> {
    pub(crate) require: Option<Requirement>,
    pub(crate) methods: Vec<Method>,
    /// The methods that the file names, with their places.
    pub(crate) named: Vec<(Method, Place<'s>)>,
    pub(crate) enroll: Enrollment,
    pub(crate) enroll_within: Option<Duration>,
    pub(crate) invite_for: Duration,
    pub(crate) terms: Terms,
    pub(crate) force: Force,
    pub(crate) sessions: Sessions,
}

impl<'s> Demand<'s> {
    /// Reads it from a rule or from `[default]`.
    pub(crate) fn read(section: &Section<'_, 's>, findings: &mut Findings) -> Self {
        let require = section.value("require");
        if require.is_none() {
            let help = format!("write require = {}", REQUIREMENTS.names());
            findings.error(&section.place, format!("{} has no `require`", section.keys.table), help);
        }
        let invite_for = section
            .value("invite_for")
            .and_then(|value| value.duration(findings, INVITE_FOR_LEAST..=LONGEST_INVITATION));
        let named = methods(section, findings);
        let demand = Self {
            require: require.and_then(|value| value.choice(findings, REQUIREMENTS)),
            methods: if named.is_empty() {
                Method::DEFAULT.to_vec()
            } else {
                named.iter().map(|(method, _)| *method).collect()
            },
            named,
            enroll: section
                .value("enroll")
                .and_then(|value| value.choice(findings, ENROLLMENTS))
                .unwrap_or_default(),
            enroll_within: section
                .value("enroll_within")
                .map_or(Some(ENROLL_WITHIN), |value| enroll_within(&value, findings)),
            invite_for: invite_for.unwrap_or(INVITATION_LIFE),
            terms: Terms::read(section, findings),
            force: Force::read(section, findings),
            sessions: Sessions::read(section, findings),
        };
        demand.warn_of_no_effect(section, findings);
        demand
    }

    /// Says where a key changes nothing, because nothing is ever ignored in silence.
    fn warn_of_no_effect(&self, section: &Section<'_, '_>, findings: &mut Findings) {
        let Some(require) = self.require else { return };
        for key in OF_ASKING {
            let Some(value) = section.value(key) else { continue };
            if let Some((message, help)) = self.no_effect_of(key, require) {
                findings.warning(&value.place, message, help);
            }
        }
        force::warn_of_void(section, require, self.enroll, findings);
    }

    fn no_effect_of(&self, key: &str, require: Requirement) -> Option<(String, &'static str)> {
        let with = |other: &str| format!("`{key}` has no effect with {other}");
        match (key, require, self.enroll) {
            // Under `mode` at the top it says that this rule is in force.
            ("mode", Requirement::Never, _) if self.force.mode == Some(Mode::Enforce) => None,
            (_, Requirement::Never, _) => Some((with("require = \"never\""), "take it out")),
            ("enroll", Requirement::Enrolled, Enrollment::AtLogin) => Some((
                "nobody is asked to enroll at login with require = \"enrolled\"".to_owned(),
                "write require = \"always\", or take `enroll` out",
            )),
            ("enroll_within", _, Enrollment::Invited) => {
                Some((with("enroll = \"invited\", which asks for an invitation at once"), "take it out"))
            }
            ("enroll_within", Requirement::Enrolled, _) => {
                Some((with("require = \"enrolled\", under which nobody has to enroll"), "take it out"))
            }
            ("invite_for", _, _) if !self.asks_for_invitations(require) => Some((
                "`invite_for` has no effect where no invitation is ever asked for".to_owned(),
                "take it out, or write enroll = \"invited\"",
            )),
            _ => terms::no_effect(key, require, &self.methods),
        }
    }

    /// Turns it into a rule.
    pub(crate) fn into_rule(self, name: RuleName, matcher: Matcher, require: Requirement) -> Rule {
        let Self { require: _, methods, named: _, enroll, enroll_within, invite_for, terms, force, sessions } =
            self;
        let Terms { contacts, skip, remember } = terms;
        let Force { mode, enrolled_after } = force;
        let Sessions { accept, fresh_for, idle_timeout } = sessions;
        Rule {
            name,
            matcher,
            require,
            methods,
            enroll,
            enroll_within,
            invite_for_limit: invite_for,
            contacts,
            skip,
            remember,
            mode: mode.unwrap_or_default(),
            accept,
            enrolled_after,
            fresh_for,
            idle_timeout,
        }
    }

    /// Tells whether there is somebody whom the rule lets enroll with an invitation only, now or when their time is over.
    fn asks_for_invitations(&self, require: Requirement) -> bool {
        let has_end = self.enroll_within.is_some() && require != Requirement::Enrolled;
        self.enroll == Enrollment::Invited || has_end
    }
}

/// Takes a time to enroll in; 0 is no limit.
fn enroll_within(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Duration> {
    if value.is_zero() {
        return None;
    }
    let within = value.duration(findings, ENROLL_WITHIN_LEAST..=ENROLL_WITHIN_LIMIT);
    Some(within.unwrap_or(ENROLL_WITHIN))
}

/// Takes the methods that the file names; none where it names none.
fn methods<'s>(section: &Section<'_, 's>, findings: &mut Findings) -> Vec<(Method, Place<'s>)> {
    let Some(value) = section.value("methods") else { return Vec::new() };
    let Some(entries) = value.list(findings) else { return Vec::new() };
    if value.is_empty_list() {
        value.refuse(findings, "`methods` is empty, nobody could log in");
    }
    let mut methods: Vec<(Method, Place<'s>)> = Vec::new();
    for entry in entries.iter().cloned() {
        match METHODS.take(&entry, "methods", findings) {
            Some(method) if methods.iter().any(|(named, _)| *named == method) => {
                names::repeated(&entry, findings);
            }
            Some(method) => methods.push((method, entry.place)),
            None => {}
        }
    }
    if let ([(Method::Backup, _)], 1) = (methods.as_slice(), entries.len()) {
        value.refuse(findings, "backup codes come with another method, and `methods` has none");
    }
    methods
}
