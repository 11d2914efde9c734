//! How long records are kept, and which go first.
//!
//! Owns the one decision of retention: up to which record the beginning of the chain goes. Records go from the beginning
//! only, so that what is kept is one whole chain behind its anchor. Leaves the removing to the store.
//!
//! The cap on their number is there so that the disk does not fill. It never takes what is younger than [`SPARED`]:
//! else whoever floods the audit would wash away the traces of the day before.

use std::time::Duration;

use super::chain::Span;
use crate::time::WallTime;

/// Records younger than this are never removed, however many there are.
pub const SPARED: Duration = Duration::from_hours(24 * 30);

/// How much of the audit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Records older than this go; at least [`SPARED`].
    pub keep: Duration,
    /// At most so many are kept, but for those that are spared.
    pub most: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep: Duration::from_hours(24 * 400), most: 5_000_000 }
    }
}

/// Tells up to which record the beginning of the chain goes, if any of it does. `records` are the oldest ones, in their
/// order, with their numbers and times; a record without a readable time stays, and with it all that follows. A record that
/// lies in the future was made while the clock was ahead: it is older than the ones that follow, and goes with them.
#[must_use]
pub fn cut(
    span: &Span,
    records: impl Iterator<Item = (u64, Option<WallTime>)>,
    retention: &Retention,
    now: WallTime,
) -> Option<u64> {
    let old = now.before(retention.keep.max(SPARED));
    let spared = now.before(SPARED);
    let room = span.head.sequence.saturating_sub(retention.most);
    let is_old = |sequence: u64, at: WallTime| at < old || (at < spared && sequence <= room);
    records
        .map_while(|(sequence, at)| Some((sequence, at?)))
        .take_while(|(sequence, at)| (is_old(*sequence, *at) || *at > now) && *sequence < span.head.sequence)
        .filter(|(sequence, at)| is_old(*sequence, *at))
        .last()
        .map(|(sequence, _)| sequence)
}
