//! A moment in the past as it is typed: a time ago, or a day.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

use crate::duration::Seconds;
use crate::time::Moment;

/// A moment in the past, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since(pub(crate) u64);

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "30m, 12h or 7d ago, or a day such as 2026-11-01";
        let now = Timestamp::now();
        let moment = if let Ok(Seconds(ago)) = text.parse() {
            now.as_second().saturating_sub(ago.into())
        } else {
            let day: Date = text.parse().map_err(|_| EXPECTED)?;
            let start = day.to_zoned(TimeZone::system()).and_then(|day| day.round(Unit::Second));
            start.map_err(|_| EXPECTED)?.timestamp().as_second()
        };
        u64::try_from(moment).map(Self).map_err(|_| EXPECTED)
    }
}

impl Since {
    /// Tells the moment for people and programs; none where no calendar reaches.
    pub(crate) fn moment(self) -> Option<Moment> {
        Moment::from_seconds(self.0)
    }
}

impl fmt::Display for Since {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.moment() {
            Some(moment) => formatter.write_str(&moment.with_zone()),
            None => formatter.write_str("the beginning"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_ago_or_a_day() {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap();
        let Since(hour) = "1h".parse().unwrap();
        assert!((now - 3600..=now - 3590).contains(&hour), "{hour}");
        let Since(day) = "2026-11-01".parse().unwrap();
        assert!(day.abs_diff(1_793_491_200) <= 14 * 3600, "{day}");
        for wrong in ["", "yesterday", "2026-13-01", "1x", "-1d", "1900-01-01"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }
}
