//! The clocks: the one place that reads them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_core::time::WallTime;
use nix::time::{ClockId, clock_gettime};

/// A source of time; the engine's tests have one that they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// Tells the wall time.
    fn wall(&self) -> WallTime;
    /// Tells the time since boot, suspend included; it never goes back.
    fn since_boot(&self) -> Duration;
}

/// The kernel's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> WallTime {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime::from_seconds(since_epoch.as_secs())
    }

    fn since_boot(&self) -> Duration {
        // CLOCK_BOOTTIME exists on every Linux that systemd runs on; were it missing, time would stand still and every
        // conversation would end by the wall time of its lock instead.
        clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_move_forward() {
        let clock = SystemClock;
        let (wall, boot) = (clock.wall(), clock.since_boot());
        assert!(wall.as_seconds() > 1_700_000_000);
        assert!(boot > Duration::ZERO);
        assert!(clock.since_boot() >= boot);
    }
}
