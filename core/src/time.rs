//! Time as an argument: wall time, time since boot, and the floor below which no clock may fall.
//!
//! Owns the rule for a clock that was moved back: locks and expiry use the later of wall clock and newest committed
//! time; TOTP uses the wall clock. Reads no clock.

use std::time::Duration;

/// Seconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(u64);

impl WallTime {
    /// Takes seconds since the Unix epoch.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Tells the seconds since the Unix epoch.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// Adds a duration (whole seconds, saturating).
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// Subtracts a duration (whole seconds, saturating at the epoch).
    #[must_use]
    pub const fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }

    /// Tells how long ago `earlier` was; zero where it lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

/// The instant of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What the wall clock says.
    pub wall: WallTime,
    /// Time since boot (including suspend); deadlines in memory use it, because nobody can set it.
    pub since_boot: Duration,
    /// The newest time ever committed to the store; the wall clock behind it is a clock fault.
    pub floor: WallTime,
}

impl Now {
    /// Tells the time that locks and expiry use: the later of wall clock and newest committed time.
    #[must_use]
    pub fn latest(&self) -> WallTime {
        self.wall.max(self.floor)
    }

    /// Tells whether the wall clock was moved back behind what was committed already.
    #[must_use]
    pub fn is_clock_fault(&self) -> bool {
        self.wall < self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(wall: u64, floor: u64) -> Now {
        Now {
            wall: WallTime::from_seconds(wall),
            since_boot: Duration::ZERO,
            floor: WallTime::from_seconds(floor),
        }
    }

    #[test]
    fn a_clock_behind_the_newest_committed_time_is_a_fault_and_locks_use_the_later() {
        assert!(now(10, 11).is_clock_fault());
        assert_eq!(now(10, 11).latest(), WallTime::from_seconds(11));
        assert!(!now(11, 11).is_clock_fault());
        assert_eq!(now(12, 11).latest(), WallTime::from_seconds(12));
    }

    #[test]
    fn times_saturate_at_both_ends() {
        let [first, last] = [0, u64::MAX].map(WallTime::from_seconds);
        assert_eq!(first.before(Duration::from_secs(1)), first);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(first.since(last), Duration::ZERO);
    }
}
