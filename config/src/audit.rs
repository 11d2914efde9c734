//! `[audit]`: how much of the audit is kept.
//!
//! Owns the ranges. Which records go, and that the cap never takes young ones, is `core::audit::retention`'s.

use std::time::Duration;

use countersign_core::audit::retention::{Retention, SPARED};

use crate::diagnostics::Findings;
use crate::sections::Section;
use crate::tables;

/// The longest time for which records are kept: ten years.
const KEEP_MOST: Duration = Duration::from_hours(24 * 3650);
/// The fewest and the most records that can be asked for; fewer are gone before anybody reads them.
const RECORDS: std::ops::RangeInclusive<u32> = 100_000..=1_000_000_000;

/// Reads `[audit]`.
pub(crate) fn read(top: &Section<'_, '_>, findings: &mut Findings) -> Retention {
    let standard = Retention::default();
    let Some(section) = top.section("audit", &tables::AUDIT, findings) else { return standard };
    let keep = section.value("keep").and_then(|it| it.duration(findings, SPARED..=KEEP_MOST));
    let most = section.value("max_records").and_then(|it| it.number(findings, RECORDS));
    Retention { keep: keep.unwrap_or(standard.keep), most: most.map_or(standard.most, u64::from) }
}
