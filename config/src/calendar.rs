//! Days and moments of the file as wall time, UTC.
//!
//! Owns the reckoning, from 1970 on. Leaves to `terms` and `force` which of them a key takes.

use countersign_core::time::WallTime;
use toml::value::{Date, Datetime, Offset, Time};

const DAY_SECONDS: u64 = 24 * 60 * 60;
const HOUR_SECONDS: u64 = 60 * 60;

/// Tells the last second of a day.
pub(crate) fn end_of_day(date: Date) -> Option<WallTime> {
    let end = beginning_of_day(date)?.checked_add(DAY_SECONDS - 1)?;
    Some(WallTime::from_seconds(end))
}

/// Tells the second of a moment whose offset from UTC is known; none of any other date or time.
pub(crate) fn moment(written: &Datetime) -> Option<WallTime> {
    let Datetime { date: Some(date), time: Some(time), offset: Some(offset) } = written else { return None };
    let Time { hour, minute, second, nanosecond: _ } = *time;
    let of_day = u64::from(hour) * HOUR_SECONDS + u64::from(minute) * 60 + u64::from(second.unwrap_or(0));
    let local = beginning_of_day(*date)?.checked_add(of_day)?;
    let east = match *offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes) * 60,
    };
    // What is east of Greenwich has the hour earlier.
    local.checked_add_signed(east.checked_neg()?).map(WallTime::from_seconds)
}

/// Tells the first second of a day (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn beginning_of_day(date: Date) -> Option<u64> {
    let Date { year, month, day } = date;
    // The year begins in March, so that the leap day is its last.
    let year = u64::from(year).checked_sub(u64::from(month <= 2))?;
    let month = (u64::from(month) + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + u64::from(day).checked_sub(1)?;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year;
    days.checked_sub(719_468)?.checked_mul(DAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_with_its_last_second() {
        for (year, month, day, seconds) in [
            (1970, 1, 1, 86_399),
            (2000, 2, 29, 951_868_799),
            (2027, 1, 31, 1_801_439_999),
            (2026, 12, 31, 1_798_761_599),
            (2100, 3, 1, 4_107_628_799),
        ] {
            let date = Date { year, month, day };
            assert_eq!(end_of_day(date), Some(WallTime::from_seconds(seconds)), "{date}");
        }
        assert_eq!(end_of_day(Date { year: 1969, month: 12, day: 31 }), None);
        assert_eq!(end_of_day(Date { year: 0, month: 1, day: 1 }), None);
    }

    #[test]
    fn a_moment_is_the_same_second_wherever_it_is_written() {
        let of = |text: &str| moment(&text.parse().unwrap()).map(WallTime::as_seconds);
        assert_eq!(of("1970-01-01T00:00:00Z"), Some(0));
        for text in [
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00.999Z",
            "2026-11-01 00:00:00+00:00",
            "2026-11-01T01:00:00+01:00",
            "2026-10-31T14:30:00-09:30",
            "2026-11-01t05:45:00+05:45",
        ] {
            assert_eq!(of(text), Some(1_793_491_200), "{text}");
        }
        assert_eq!(of("1970-01-01T00:00:00+00:01"), None);
        for text in ["2026-11-01T00:00:00", "2026-11-01", "12:00:00"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
