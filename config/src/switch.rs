//! The master switch: `enabled` and `on_reenable` (row P3).
//!
//! Owns what the file says of it. Leaves to the daemon what was in force before, and so whether anything is switched.

use crate::diagnostics::Findings;
use crate::sections::Section;
use crate::values::Choices;

/// What the file says of the master switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// Whether the second factor is on; the policy has the same.
    pub is_enabled: bool,
    /// What becomes of the enrollments from before it was off, when it is on again; none where the file does not say.
    pub on_reenable: Option<Reenable>,
}

/// What becomes of enrollments when the second factor is switched on again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reenable {
    /// They are void: everybody enrolls again.
    EnrollAgain,
    /// They are kept.
    Keep,
}

const REENABLES: Choices<Reenable> =
    Choices { now: &[("enroll-again", Reenable::EnrollAgain), ("keep", Reenable::Keep)], later: &[] };

/// Reads the switch at the top of the file.
pub(crate) fn read(top: &Section<'_, '_>, findings: &mut Findings) -> Switch {
    Switch {
        is_enabled: top.value("enabled").and_then(|value| value.flag(findings)).unwrap_or(true),
        on_reenable: top.value("on_reenable").and_then(|value| value.choice(findings, REENABLES)),
    }
}
