//! What counts in place of a code, and how long a session may be idle: `accept`, `fresh_for`, `idle_timeout` (rows M10,
//! L16, L8).
//!
//! Owns their ranges. Leaves to `services` where they change nothing, and what they mean at a login to `core`.

use std::time::Duration;

use countersign_core::policy::{Accepted, FRESH_LIMIT};

use crate::diagnostics::Findings;
use crate::names;
use crate::sections::Section;
use crate::values::Choices;

const ACCEPTED: Choices<Accepted> =
    Choices { now: &[("ssh-security-key", Accepted::SshSecurityKey)], later: &[] };

/// The shortest time for which a code given in a session is enough.
const FRESH_LEAST: Duration = Duration::from_mins(1);
/// The shortest and the longest time that a session may be idle: people are told five minutes before.
const IDLE: std::ops::RangeInclusive<Duration> = Duration::from_mins(10)..=Duration::from_hours(7 * 24);

/// What a rule says of sessions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions {
    pub(crate) accept: Vec<Accepted>,
    pub(crate) fresh_for: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
}

impl Sessions {
    /// Reads it from a rule or from `[default]`.
    pub(crate) fn read(section: &Section<'_, '_>, findings: &mut Findings) -> Self {
        Self {
            accept: accept(section, findings),
            fresh_for: section
                .value("fresh_for")
                .and_then(|value| value.duration(findings, FRESH_LEAST..=FRESH_LIMIT)),
            idle_timeout: section.value("idle_timeout").and_then(|value| value.duration(findings, IDLE)),
        }
    }
}

fn accept(section: &Section<'_, '_>, findings: &mut Findings) -> Vec<Accepted> {
    let Some(value) = section.value("accept") else { return Vec::new() };
    let Some(entries) = value.list(findings) else { return Vec::new() };
    if value.is_empty_list() {
        findings.error(&value.place, "`accept` is empty", "take it out, or list what is meant");
    }
    let mut accepted = Vec::new();
    for entry in &entries {
        match ACCEPTED.take(entry, "accept", findings) {
            Some(kind) if accepted.contains(&kind) => names::repeated(entry, findings),
            Some(kind) => accepted.push(kind),
            None => {}
        }
    }
    accepted
}
