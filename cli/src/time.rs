//! Moments as people and programs read them: the person's own clock for people, RFC 3339 in UTC for `--json`.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

/// A moment that the service named, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Timestamp);

impl Moment {
    /// Reads seconds since 1970; none where no calendar reaches.
    pub(crate) fn from_seconds(seconds: u64) -> Option<Self> {
        let seconds = i64::try_from(seconds).ok()?;
        Timestamp::from_second(seconds).ok().map(Self)
    }

    /// Tells the moment in UTC, as RFC 3339 writes it.
    pub(crate) fn in_utc(self) -> String {
        self.0.to_string()
    }

    /// Tells the moment to the second, for a list in which things follow each other closely.
    pub(crate) fn with_seconds(self) -> String {
        self.0.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Tells the moment with the zone's name, for a sentence that somebody acts on.
    pub(crate) fn with_zone(self) -> String {
        self.0.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// Tells the first full minute that is not before the moment, as the prompts do: until then it is so, and who tries
    /// again then is not too early.
    pub(crate) fn next_minute(self) -> Self {
        let seconds = self.0.as_second();
        let over = seconds.rem_euclid(60);
        let rest = if over == 0 { 0 } else { 60_i64.saturating_sub(over) };
        Timestamp::from_second(seconds.saturating_add(rest)).map_or(self, Self)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.0.to_zoned(TimeZone::system());
        write!(formatter, "{}", local.strftime("%Y-%m-%d %H:%M"))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_utc_in_rfc_3339() {
        let moment = Moment::from_seconds(1_793_629_920).unwrap();
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-11-02T14:32:00Z\"");
    }

    #[test]
    fn an_end_is_rounded_up_to_the_minute_as_the_prompts_do() {
        let up = |seconds| Moment::from_seconds(seconds).unwrap().next_minute().in_utc();
        assert_eq!(up(1_793_629_920), "2026-11-02T14:32:00Z");
        assert_eq!(up(1_793_629_921), "2026-11-02T14:33:00Z");
        assert_eq!(up(1_793_629_979), "2026-11-02T14:33:00Z");
    }

    #[test]
    fn a_time_beyond_every_calendar_is_no_moment() {
        assert_eq!(Moment::from_seconds(u64::MAX), None);
        assert_eq!(Moment::from_seconds(1 << 50), None);
    }
}
