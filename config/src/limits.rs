//! `[limits]`: when wrong codes lock, and how much is sent.
//!
//! Owns the ranges, which are those of SECURITY.md 3 and may only be moved with it, and figures that contradict each
//! other.

use std::time::Duration;

use countersign_core::sending::SendLimits;
use countersign_core::throttle::Limits;

use crate::diagnostics::Findings;
use crate::duration;
use crate::sections::Section;
use crate::tables;
use crate::values::Value;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The shortest wait before another code (SECURITY.md 3).
const RESEND_WAIT_LEAST: Duration = Duration::from_secs(30);
/// The most messages to one person in 24 hours: so many are kept in their account.
const MESSAGES_A_DAY: u32 = 200;
/// The most messages of one host in an hour: so many are read with every login that sends one.
const MESSAGES_AN_HOUR: u32 = 10_000;

/// Reads `[limits]`.
pub(crate) fn read(top: &Section<'_, '_>, findings: &mut Findings) -> (Limits, SendLimits) {
    match top.section("limits", &tables::LIMITS, findings) {
        Some(section) => (wrong_codes(&section, findings), sending(&section, findings)),
        None => (Limits::default(), SendLimits::default()),
    }
}

fn wrong_codes(section: &Section<'_, '_>, findings: &mut Findings) -> Limits {
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
    compare_limits(section, &limits, findings);
    limits
}

fn sending(section: &Section<'_, '_>, findings: &mut Findings) -> SendLimits {
    let standard = SendLimits::default();
    let mut duration =
        |key, range, or| section.value(key).and_then(|it| it.duration(findings, range)).unwrap_or(or);
    let wait = duration("resend_wait", RESEND_WAIT_LEAST..=HOUR, standard.wait);
    let longest_wait = duration("longest_resend_wait", RESEND_WAIT_LEAST..=HOUR, standard.longest_wait);
    let mut number =
        |key, most, or| section.value(key).and_then(|it| it.number(findings, 1..=most)).unwrap_or(or);
    let limits = SendLimits {
        wait,
        longest_wait,
        per_ten_minutes: number("codes_per_ten_minutes", 20, standard.per_ten_minutes),
        per_day: number("codes_per_day", 100, standard.per_day),
        all_per_day: number("messages_per_day", MESSAGES_A_DAY, standard.all_per_day),
        emails_per_hour: number("emails_per_hour", MESSAGES_AN_HOUR, standard.emails_per_hour),
        texts_per_hour: number("texts_per_hour", MESSAGES_AN_HOUR, standard.texts_per_hour),
    };
    compare_sending(section, &limits, findings);
    limits
}

/// Refuses figures of sending that contradict each other.
fn compare_sending(section: &Section<'_, '_>, limits: &SendLimits, findings: &mut Findings) {
    let SendLimits { wait, longest_wait, per_ten_minutes, per_day, all_per_day, .. } = limits;
    if wait > longest_wait {
        let value = section.value("resend_wait").or_else(|| section.value("longest_resend_wait"));
        let longest = duration::write(*longest_wait);
        let message = format!("`resend_wait` is longer than `longest_resend_wait`, which is {longest}");
        contradiction(section, value, message, "make `longest_resend_wait` the longer one", findings);
    }
    let pairs = [
        (("codes_per_ten_minutes", per_ten_minutes), ("codes_per_day", per_day)),
        (("codes_per_day", per_day), ("messages_per_day", all_per_day)),
    ];
    for ((less, few), (more, many)) in pairs {
        if many < few {
            let value = section.value(more).or_else(|| section.value(less));
            let message = format!("`{more}` is {many}, less than `{less}`, which is {few}");
            contradiction(section, value, message, &format!("make `{more}` the greater one"), findings);
        }
    }
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
