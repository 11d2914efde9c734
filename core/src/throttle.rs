//! The counters of wrong codes, in buckets by where they came from (row D4).
//!
//! Owns when a bucket is locked, for how long, and when only a reset helps. One throttle per person covers all methods,
//! services and hosts; buckets keep a stranger from locking the owner out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::WallTime;

/// Where wrong codes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Login or display manager on a seat of this host.
    Console,
    /// sudo, su, polkit, self-service: by the uid that asks.
    Elevation(u32),
    /// A numeric source with a right code in the last 30 days.
    KnownSource,
    /// Everything else.
    UnknownSource,
}

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
            window: Duration::from_secs(15 * 60),
            lock: Duration::from_secs(30 * 60),
            longest_lock: Duration::from_secs(24 * 60 * 60),
            daily: 20,
            in_a_row: 100,
        }
    }
}

/// The counters of one bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counter {
    /// Times of the wrong codes of the last 24 h, oldest first; never more than `Limits::daily`.
    pub recent: Vec<WallTime>,
    /// Wrong codes since the last right one or reset.
    pub in_a_row: u32,
    /// How often it locked since the last right code; the lock doubles with each.
    pub locks: u32,
    /// Until when it is locked.
    pub locked_until: Option<WallTime>,
}

/// All counters of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Throttle {
    /// One counter a bucket; at most 16 elevation buckets, the least recently used making room.
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
