//! The master switch: `enabled` and `on_reenable` (row P3).
//!
//! Owns how the file says it. Leaves what follows from it to `core::policy::switch`.

use countersign_core::policy::switch::{Reenable, Switch};

use crate::diagnostics::Findings;
use crate::sections::Section;
use crate::values::Choices;

const REENABLES: Choices<Reenable> =
    Choices { now: &[("enroll-again", Reenable::EnrollAgain), ("keep", Reenable::Keep)], later: &[] };

/// Reads the switch at the top of the file.
pub(crate) fn read(top: &Section<'_, '_>, findings: &mut Findings) -> Switch {
    Switch {
        is_enabled: top.value("enabled").and_then(|value| value.flag(findings)).unwrap_or(true),
        on_reenable: top.value("on_reenable").and_then(|value| value.choice(findings, REENABLES)),
    }
}
