//! Whether a rule is in force, and for which enrollments: `mode`, `enrolled_after` (rows P3, P4).
//!
//! Owns what the file says of both, and the warnings where enrollments become void to another end than is meant: by
//! `enrolled_after`, or by `on_reenable = "enroll-again"`.
//! Leaves what a monitored login comes to, and which factors are void, to `core`.

use countersign_core::policy::switch::Reenable;
use countersign_core::policy::{Enrollment, Mode, Requirement};
use countersign_core::time::WallTime;
use toml::de::DeValue;
use toml::value::Datetime;

use crate::calendar;
use crate::diagnostics::Findings;
use crate::placed::PlacedRule;
use crate::sections::Section;
use crate::values::{Choices, Value};

const MODES: Choices<Mode> =
    Choices { now: &[("enforce", Mode::Enforce), ("monitor", Mode::Monitor)], later: &[] };

/// What a rule says of its force.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Force {
    /// The rule's own word, which goes before that at the top of the file.
    pub(crate) mode: Option<Mode>,
    pub(crate) enrolled_after: Option<WallTime>,
}

impl Force {
    /// Reads it from a rule or from `[default]`.
    pub(crate) fn read(section: &Section<'_, '_>, findings: &mut Findings) -> Self {
        Self {
            mode: mode(section, findings),
            enrolled_after: section
                .value("enrolled_after")
                .and_then(|value| enrolled_after(&value, findings)),
        }
    }
}

/// Reads `mode` of a rule, of `[default]`, or at the top of the file.
pub(crate) fn mode(section: &Section<'_, '_>, findings: &mut Findings) -> Option<Mode> {
    section.value("mode").and_then(|value| value.choice(findings, MODES))
}

/// Says what `mode = "monitor"` at the top means.
pub(crate) fn tell_monitored(top: &Section<'_, '_>, mode: Option<Mode>, findings: &mut Findings) {
    let (Some(value), Some(Mode::Monitor)) = (top.value("mode"), mode) else { return };
    let message = "rules without a `mode` of their own are only watched: they ask nobody for a code";
    findings.remark(&value.place, message, "countersign policy report shows what would have happened");
}

/// Says what `mode = "monitor"` in a rule means: it decides as any other does, and asks nobody.
pub(crate) fn tell_watched(placed: &PlacedRule<'_>, findings: &mut Findings) {
    if placed.own_mode == Some(Mode::Monitor) && placed.rule.require != Requirement::Never {
        let name = &placed.rule.name;
        let message = format!("`{name}` asks nobody yet, nor does a later rule ask those whom it matches");
        let help = "countersign policy report shows what would have happened";
        findings.remark(placed.place_of("mode"), message, help);
    }
}

/// Takes a moment whose offset is known: a deadline that moves with the host's time zone would be another on each host.
fn enrolled_after(value: &Value<'_, '_>, findings: &mut Findings) -> Option<WallTime> {
    let (written, is_quoted) = match value.content {
        DeValue::Datetime(written) => (Some(*written), false),
        DeValue::String(text) => (text.parse::<Datetime>().ok(), true),
        _ => (None, false),
    };
    let moment = written.as_ref().and_then(calendar::moment);
    if moment.is_some() && !is_quoted {
        return moment;
    }
    let message = "`enrolled_after` is a moment with its offset from UTC, without quotes";
    let suggestion = written.map(complete).filter(|moment| calendar::moment(moment).is_some());
    match suggestion {
        Some(moment) => findings.error(&value.place, message, format!("write enrolled_after = {moment}")),
        None => value.refuse(findings, message),
    }
    None
}

/// Puts what is missing into a moment: the beginning of the day, UTC.
fn complete(written: Datetime) -> Datetime {
    use toml::value::{Offset, Time};
    let midnight = Time { hour: 0, minute: 0, second: Some(0), nanosecond: None };
    Datetime {
        date: written.date,
        time: written.time.or(Some(midnight)),
        offset: written.offset.or(Some(Offset::Z)),
    }
}

/// What void enrollments do under a rule that was written without a thought of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Whose enrollment is void is not asked for a code.
    Opens,
    /// Whose enrollment is void can neither log in nor enroll.
    Closes,
}

/// Tells what void enrollments do where they open a door, or close one for good.
fn effect(require: Requirement, enroll: Enrollment) -> Option<Effect> {
    match (require, enroll) {
        (Requirement::Enrolled, _) => Some(Effect::Opens),
        (Requirement::Always | Requirement::Chosen, Enrollment::SelfService) => Some(Effect::Closes),
        (Requirement::Always | Requirement::Chosen, Enrollment::AtLogin | Enrollment::Invited)
        | (Requirement::Never, _) => None,
    }
}

/// Warns of what `enrolled_after` opens or closes.
pub(crate) fn warn_of_void(
    section: &Section<'_, '_>,
    require: Requirement,
    enroll: Enrollment,
    findings: &mut Findings,
) {
    let Some(value) = section.value("enrolled_after") else { return };
    let (message, help) = match effect(require, enroll) {
        Some(Effect::Opens) => (
            "whoever enrolled before gets in without a code: require = \"enrolled\" does not ask them",
            "write require = \"always\" and enroll = \"at-login\", or take `enrolled_after` out",
        ),
        Some(Effect::Closes) => (
            "whoever enrolled before does not get in here to set up anew",
            "write enroll = \"at-login\"; or \"invited\", and invite them: countersign user invite",
        ),
        None => return,
    };
    findings.warning(&value.place, message, help);
}

/// Warns of what `on_reenable = "enroll-again"` opens or closes, when the second factor is switched on again.
pub(crate) fn warn_of_switch(placed: &PlacedRule<'_>, reenable: Option<Reenable>, findings: &mut Findings) {
    match reenable {
        Some(Reenable::EnrollAgain) => {}
        Some(Reenable::Keep) | None => return,
    }
    let name = &placed.rule.name;
    let (message, help) = match effect(placed.rule.require, placed.rule.enroll) {
        Some(Effect::Opens) => (
            format!(
                "with \"enroll-again\" whoever enrolled before gets in under `{name}` without a code: require = \
                 \"enrolled\" does not ask them"
            ),
            "write require = \"always\" and enroll = \"at-login\", or on_reenable = \"keep\"",
        ),
        Some(Effect::Closes) => (
            format!(
                "with \"enroll-again\" whoever enrolled before does not get in under `{name}` to set up anew"
            ),
            "write enroll = \"at-login\"; or \"invited\", and invite them: countersign user invite",
        ),
        None => return,
    };
    findings.warning(placed.place_of("require"), message, help);
}
