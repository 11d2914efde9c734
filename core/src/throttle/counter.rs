//! When one bucket locks, for how long, and when only a reset helps.
//!
//! Owns the arithmetic of row D4. A lock counts from the failure that caused it and is never shortened by time that
//! goes backwards: callers pass the later of wall clock and newest committed time.

use super::{DAY, Limits, Standing, UNTIL_RESET};
use crate::time::WallTime;

/// The counters of one bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counter {
    /// Times of the wrong codes of the last 24 h, oldest first; never more than `Limits::daily`.
    pub recent: Vec<WallTime>,
    /// Wrong codes since the last right one or reset.
    pub in_a_row: u32,
    /// How often it locked since the last right code; the lock doubles with each.
    pub locks: u32,
    /// Until when it is or was locked; [`UNTIL_RESET`] after too many in a row.
    pub locked_until: Option<WallTime>,
}

impl Counter {
    pub(super) fn standing(&self, at: WallTime) -> Standing {
        self.end_of_lock(at).map_or(Standing::Open, Standing::until)
    }

    /// Tells when the lock ends, if there is one now.
    pub(super) fn end_of_lock(&self, at: WallTime) -> Option<WallTime> {
        self.locked_until.filter(|until| at < *until)
    }

    /// Copies the times of the last 24 h.
    pub(super) fn recent_at(&self, at: WallTime) -> Vec<WallTime> {
        self.recent.iter().copied().filter(|time| at.since(*time) < DAY).collect()
    }

    pub(super) fn charge(&mut self, at: WallTime, limits: &Limits) -> Standing {
        self.recent = self.recent_at(at);
        self.recent.push(at);
        let kept = usize::try_from(limits.daily).unwrap_or(usize::MAX).max(1);
        self.recent.drain(..self.recent.len().saturating_sub(kept));
        self.in_a_row = self.in_a_row.saturating_add(1);

        let end = if self.in_a_row >= limits.in_a_row {
            Some(UNTIL_RESET)
        } else {
            self.lock_of_row(at, limits).max(self.lock_of_day(at, limits, kept))
        };
        if end.is_some() {
            self.locked_until = end;
        }
        self.standing(at)
    }

    /// Locks where enough wrong codes in a row, since the last lock, lie within the window.
    fn lock_of_row(&mut self, at: WallTime, limits: &Limits) -> Option<WallTime> {
        let last_lock = self.locked_until.unwrap_or_default();
        let in_a_row = usize::try_from(self.in_a_row).unwrap_or(usize::MAX);
        let counted = self
            .recent
            .iter()
            .rev()
            .take(in_a_row)
            .filter(|time| **time >= last_lock && at.since(**time) < limits.window)
            .count();
        if counted < usize::try_from(limits.failures).unwrap_or(usize::MAX) {
            return None;
        }
        let doubled = 1_u32.checked_shl(self.locks).and_then(|factor| limits.lock.checked_mul(factor));
        self.locks = self.locks.saturating_add(1);
        Some(at.after(doubled.unwrap_or(limits.longest_lock).min(limits.longest_lock)))
    }

    /// Locks where the day's count is reached, until its oldest is 24 h old, and never for less than a lock.
    fn lock_of_day(&self, at: WallTime, limits: &Limits, kept: usize) -> Option<WallTime> {
        let oldest = self.recent.first().filter(|_| self.recent.len() >= kept)?;
        Some(oldest.after(DAY).max(at.after(limits.lock)))
    }
}
