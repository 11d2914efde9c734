//! Time as an argument: wall time, time since boot, and the timeline that no wall clock holds up.
//!
//! Owns the rule for a clock that was moved back: locks, waits and expiry use the timeline; TOTP, the audit and sentences
//! use the wall clock. Reads no clock.

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

/// A wall clock that is behind by more than this is at fault; less is a correction of every day, or two hosts of a fleet.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// The instant of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What the wall clock says.
    pub wall: WallTime,
    /// Time since boot (including suspend); deadlines in memory use it, because nobody can set it.
    pub since_boot: Duration,
    /// The timeline: the newest time that was ever taken, and the time since boot that has passed since then. It never goes
    /// back and never stands still.
    pub floor: WallTime,
    /// How far the wall clock is known to be behind; zero once a code of an app has shown that it is right.
    pub behind: Duration,
    /// Whether the wall clock was set ahead while this host was up: what is accepted now may be ahead of its time.
    pub is_leapt: bool,
}

impl Now {
    /// Makes the instant of a wall clock and a timeline of which nothing else is known.
    #[must_use]
    pub const fn at(wall: WallTime, since_boot: Duration, floor: WallTime) -> Self {
        Self { wall, since_boot, floor, behind: floor.since(wall), is_leapt: false }
    }

    /// Tells the time that locks, waits and expiry use: the later of wall clock and timeline. A duration on it is a real one,
    /// whatever happens to the wall clock.
    #[must_use]
    pub fn latest(&self) -> WallTime {
        self.wall.max(self.floor)
    }

    /// Tells whether the wall clock is known to be behind.
    #[must_use]
    pub fn is_clock_fault(&self) -> bool {
        self.behind > CLOCK_TOLERANCE
    }

    /// Tells what the wall clock says at a time of the timeline, for a person to read. A time before the wall clock went back
    /// is what it was then.
    #[must_use]
    pub fn on_wall(&self, time: WallTime) -> WallTime {
        if time > self.wall { time.before(self.latest().since(self.wall)) } else { time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(wall: u64, floor: u64) -> Now {
        Now::at(WallTime::from_seconds(wall), Duration::ZERO, WallTime::from_seconds(floor))
    }

    #[test]
    fn a_clock_behind_the_timeline_is_a_fault_and_locks_use_the_later() {
        assert!(now(100, 161).is_clock_fault());
        assert!(!now(100, 160).is_clock_fault(), "a correction of every day");
        assert_eq!(now(100, 161).latest(), WallTime::from_seconds(161));
        assert!(!now(161, 161).is_clock_fault());
        assert_eq!(now(162, 161).latest(), WallTime::from_seconds(162));
    }

    #[test]
    fn a_deadline_is_told_by_the_wall_clock() {
        let at = WallTime::from_seconds;
        // An hour ahead once, and right again.
        let now = now(10_000, 13_600);
        assert_eq!(now.on_wall(at(13_600 + 1_800)), at(10_000 + 1_800), "in half an hour");
        assert_eq!(now.on_wall(at(13_000)), at(9_400), "ten minutes ago");
        assert_eq!(now.on_wall(at(5_000)), at(5_000), "before the clock went back");
    }

    #[test]
    fn times_saturate_at_both_ends() {
        let [first, last] = [0, u64::MAX].map(WallTime::from_seconds);
        assert_eq!(first.before(Duration::from_secs(1)), first);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(first.since(last), Duration::ZERO);
    }
}
