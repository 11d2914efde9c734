//! Times of day for the sentences: the core knows no time zone, so they are UTC and say so.

use std::time::Duration;

use crate::time::WallTime;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// A minute of the calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calendar {
    pub(super) year: u64,
    pub(super) month: u64,
    pub(super) day: u64,
    pub(super) hour: u64,
    pub(super) minute: u64,
}

/// A span in the greatest unit that says it without a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Days(u64),
    Hours(u64),
    /// What is less than a minute counts as one.
    Minutes(u64),
}

/// Tells a span as it is said.
pub(super) fn span(span: Duration) -> Span {
    let minutes = span.as_secs().div_ceil(MINUTE);
    let day = DAY / MINUTE;
    match minutes {
        _ if minutes > 0 && minutes.is_multiple_of(day) => Span::Days(minutes / day),
        _ if minutes > 0 && minutes.is_multiple_of(60) => Span::Hours(minutes / 60),
        _ => Span::Minutes(minutes.max(1)),
    }
}

/// Tells the first full minute that is not before `time`: who tries again then is not too early.
pub(super) fn minute_after(time: WallTime) -> WallTime {
    WallTime::from_seconds(time.as_seconds().div_ceil(MINUTE).saturating_mul(MINUTE))
}

/// Tells whether two times lie on the same day, UTC.
pub(super) fn is_same_day(one: WallTime, other: WallTime) -> bool {
    one.as_seconds() / DAY == other.as_seconds() / DAY
}

/// Tells the calendar's view of a time (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(super) fn calendar(time: WallTime) -> Calendar {
    let seconds = time.as_seconds();
    // Days are counted from 0000-03-01, so that a leap day is the last of its year.
    let days = seconds / DAY + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    Calendar { year, month, day, hour: seconds % DAY / 3_600, minute: seconds % 3_600 / MINUTE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> (u64, u64, u64, u64, u64) {
        let Calendar { year, month, day, hour, minute } = calendar(WallTime::from_seconds(seconds));
        (year, month, day, hour, minute)
    }

    #[test]
    fn known_instants_have_their_dates() {
        assert_eq!(at(0), (1970, 1, 1, 0, 0));
        assert_eq!(at(951_782_399), (2000, 2, 28, 23, 59));
        assert_eq!(at(951_782_400), (2000, 2, 29, 0, 0));
        assert_eq!(at(1_111_111_109), (2005, 3, 18, 1, 58));
        assert_eq!(at(1_798_761_599), (2026, 12, 31, 23, 59));
    }

    #[test]
    fn a_span_is_said_in_its_greatest_unit() {
        let minutes = |number| span(Duration::from_mins(number));
        assert_eq!(minutes(30 * 24 * 60), Span::Days(30));
        assert_eq!(minutes(25 * 60), Span::Hours(25));
        assert_eq!(minutes(90), Span::Minutes(90));
        assert_eq!(minutes(0), Span::Minutes(1));
    }

    #[test]
    fn a_lock_is_never_said_to_end_before_it_does() {
        assert_eq!(minute_after(WallTime::from_seconds(61)), WallTime::from_seconds(120));
        assert_eq!(minute_after(WallTime::from_seconds(120)), WallTime::from_seconds(120));
    }
}
