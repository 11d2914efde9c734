//! The counters of wrong codes, in buckets by where they came from (row D4).
//!
//! Owns the limits, the standing of each bucket, and how many buckets there are. One throttle per person covers all
//! methods, services and hosts; buckets keep a stranger from locking the owner out. `bucket` says which one an answer
//! belongs to, `counter` when one locks, `room` which dialogue makes room for another. Memory is bounded: whoever makes room hands their counts on.

mod bucket;
mod counter;
mod room;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::{Now, WallTime};

pub use bucket::{Bucket, Counted};
pub use counter::Counter;
pub use room::{Seat, make_room};

/// The most uids counted apart for one person; a further one takes over the counts of the least recently charged.
pub const ELEVATION_LIMIT: usize = 16;
/// The span of the count that right codes do not clear.
pub const DAY: Duration = Duration::from_hours(24);
/// The end of a lock that only a reset ends: the greatest time that every store can keep (63 bits).
pub const UNTIL_RESET: WallTime = WallTime::from_seconds(u64::MAX >> 1);

/// The figures of row D4; `[limits]` of the file may change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many wrong codes in a row within `window` lock.
    pub failures: u32,
    /// The window of `failures`.
    pub window: Duration,
    /// The first lock; each further one doubles.
    pub lock: Duration,
    /// The longest lock.
    pub longest_lock: Duration,
    /// So many wrong codes within 24 h lock, however many right ones lie between.
    pub daily: u32,
    /// So many wrong codes in a row need a reset.
    pub in_a_row: u32,
}

impl Default for Limits {
    /// SECURITY.md 3: PCI (≤ 10, ≥ 30 min), CIS (≤ 5, ≥ 900 s), NIST 800-63B 3.2.2 (100 in a row).
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::from_mins(15),
            lock: Duration::from_mins(30),
            longest_lock: Duration::from_hours(24),
            daily: 20,
            in_a_row: 100,
        }
    }
}

/// All counters of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Throttle {
    /// One counter a bucket; at most [`ELEVATION_LIMIT`] elevation buckets.
    pub buckets: BTreeMap<Bucket, Counter>,
}

/// Whether an answer may be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Standing {
    /// It may.
    Open,
    /// Not until then.
    Locked {
        /// The end of the lock.
        until: WallTime,
    },
    /// Not before a reset.
    NeedsReset,
}

impl Throttle {
    /// Tells whether an answer from this bucket may be evaluated; `at` is [`Now::latest`](crate::time::Now::latest),
    /// so that a clock moved back shortens no lock.
    pub fn standing(&self, bucket: Bucket, at: WallTime) -> Standing {
        if let Some(counter) = self.buckets.get(&bucket) {
            return counter.standing(at);
        }
        if bucket.is_elevation() && self.is_full() { self.overflow(at) } else { Standing::Open }
    }

    /// Tells the worst standing of all buckets.
    pub fn worst(&self, at: WallTime) -> Standing {
        let locked_until = self.buckets.values().filter_map(|counter| counter.end_of_lock(at)).max();
        locked_until.map_or(Standing::Open, Standing::until)
    }

    /// Counts one wrong code and tells the standing afterwards. While the bucket is locked nothing is counted: refused
    /// answers neither extend a lock nor shorten it.
    pub fn charge(&mut self, bucket: Bucket, at: WallTime, limits: &Limits) -> Standing {
        let before = self.standing(bucket, at);
        if before != Standing::Open {
            return before;
        }
        if !self.buckets.contains_key(&bucket) && bucket.is_elevation() && self.is_full() {
            self.hand_over(bucket, at);
        }
        self.buckets.entry(bucket).or_default().charge(at, limits)
    }

    /// Takes note of a right code: the row of wrong ones and the doubling end, the count of 24 h stays. A locked bucket
    /// stays as it is, because nothing may be evaluated in it.
    pub fn succeed(&mut self, bucket: Bucket, at: WallTime) {
        let Some(counter) = self.buckets.get_mut(&bucket) else { return };
        if counter.standing(at) != Standing::Open {
            return;
        }
        let recent = counter.recent_at(at);
        *counter = Counter { recent, ..Counter::default() };
        if counter.recent.is_empty() {
            self.buckets.remove(&bucket);
        }
    }

    /// Ends the locks and counts of all buckets, for the helpdesk; what is locked until a reset stays locked, and the
    /// row of wrong codes goes on, because an unlocking is not a right code.
    pub fn unlock(&mut self) {
        for counter in self.buckets.values_mut().filter(|counter| counter.locked_until != Some(UNTIL_RESET)) {
            *counter = Counter { in_a_row: counter.in_a_row, ..Counter::default() };
        }
        self.buckets.retain(|_, counter| counter.in_a_row > 0);
    }

    fn elevations(&self) -> impl Iterator<Item = (&Bucket, &Counter)> {
        self.buckets.iter().filter(|(bucket, _)| bucket.is_elevation())
    }

    fn is_full(&self) -> bool {
        self.elevations().count() >= ELEVATION_LIMIT
    }

    /// Tells the standing of a uid for which there is no room: open as long as one of the others can make room, else
    /// locked with them until the first lock ends.
    fn overflow(&self, at: WallTime) -> Standing {
        let mut first_end = UNTIL_RESET;
        for (_, counter) in self.elevations() {
            match counter.end_of_lock(at) {
                Some(end) => first_end = first_end.min(end),
                None => return Standing::Open,
            }
        }
        Standing::until(first_end)
    }

    /// Gives the counts of the least recently charged uid that is not locked to a new one, so that going through many
    /// uids is no way around the limits.
    fn hand_over(&mut self, to: Bucket, at: WallTime) {
        let least_recent = self
            .elevations()
            .filter(|(_, counter)| counter.end_of_lock(at).is_none())
            .min_by_key(|(_, counter)| counter.recent.last().copied())
            .map(|(bucket, _)| *bucket);
        if let Some(counter) = least_recent.and_then(|from| self.buckets.remove(&from)) {
            self.buckets.insert(to, counter);
        }
    }
}

impl Standing {
    /// Makes of the end of a lock what the wall clock says then.
    pub fn on_wall(self, now: Now) -> Self {
        match self {
            Self::Locked { until } => Self::Locked { until: now.on_wall(until) },
            Self::Open | Self::NeedsReset => self,
        }
    }

    fn until(until: WallTime) -> Self {
        if until >= UNTIL_RESET { Self::NeedsReset } else { Self::Locked { until } }
    }
}
