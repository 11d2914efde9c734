//! `[limits]`: when wrong codes lock.
//!
//! Owns the ranges, which are those of SECURITY.md 3 and may only be moved with it, and figures that contradict each
//! other.

use std::time::Duration;

use countersign_core::throttle::Limits;

use crate::diagnostics::Findings;
use crate::duration;
use crate::sections::Section;
use crate::tables;
use crate::values::Value;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Reads `[limits]`.
pub(crate) fn read(top: &Section<'_, '_>, findings: &mut Findings) -> Limits {
    let Some(section) = top.section("limits", &tables::LIMITS, findings) else { return Limits::default() };
    let standard = Limits::default();
    let mut number =
        |key, range, or| section.value(key).and_then(|it| it.number(findings, range)).unwrap_or(or);
    let failures = number("wrong_codes", 1..=10, standard.failures);
    let daily = number("wrong_codes_per_day", 1..=100, standard.daily);
    let in_a_row = number("wrong_codes_in_a_row", 1..=100, standard.in_a_row);
    let mut duration =
        |key, range, or| section.value(key).and_then(|it| it.duration(findings, range)).unwrap_or(or);
    let limits = Limits {
        failures,
        window: duration("within", 5 * MINUTE..=DAY, standard.window),
        lock: duration("lock", MINUTE..=DAY, standard.lock),
        longest_lock: duration("longest_lock", HOUR..=7 * DAY, standard.longest_lock),
        daily,
        in_a_row,
    };
    compare_limits(&section, &limits, findings);
    limits
}

/// Refuses figures that contradict each other.
fn compare_limits(section: &Section<'_, '_>, limits: &Limits, findings: &mut Findings) {
    let Limits { failures, window: _, lock, longest_lock, daily, in_a_row } = limits;
    if lock > longest_lock {
        let value = section.value("lock").or_else(|| section.value("longest_lock"));
        let message =
            format!("`lock` is longer than `longest_lock`, which is {}", duration::write(*longest_lock));
        contradiction(section, value, message, "make `longest_lock` the longer one", findings);
    }
    for (key, figure) in [("wrong_codes_per_day", daily), ("wrong_codes_in_a_row", in_a_row)] {
        if figure < failures {
            let value = section.value(key).or_else(|| section.value("wrong_codes"));
            let message = format!("`{key}` is {figure}, less than `wrong_codes`, which is {failures}");
            contradiction(section, value, message, "make `wrong_codes` the smallest of the three", findings);
        }
    }
}

fn contradiction(
    section: &Section<'_, '_>,
    value: Option<Value<'_, '_>>,
    message: String,
    help: &str,
    findings: &mut Findings,
) {
    let place = value.map_or_else(|| section.place.clone(), |value| value.place);
    findings.error(&place, message, help);
}
