//! Which idle sessions were told, locked or hung up, and when.
//!
//! Owns what is known of an idleness from one look to the next, in memory only: after a restart people are told again.
//! Time is measured by the last use of the session itself. Invariants: a use since then ends what was known; and so does a
//! clock that was set, by which a notice would be shorter than it says.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// By how much the clocks may differ between two looks.
const STEP: Duration = Duration::from_mins(1);

/// A session: the name that logind has for it, and its first process.
pub(super) type Key = (String, u32);

/// A session about which something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Done {
    /// Since when it was idle, in seconds since 1970.
    since: u64,
    /// For how long it was by then.
    after: Duration,
}

/// What was done about idle sessions.
#[derive(Debug, Default)]
pub(super) struct Told {
    sessions: HashMap<Key, Done>,
    /// The wall time and the time since boot of the last look.
    last: Option<(u64, Duration)>,
}

impl Told {
    /// Begins a look at everything; tells whether what was known is forgotten, because the clock was set.
    pub(super) fn look(&mut self, wall: u64, since_boot: Duration) -> bool {
        let is_set = self.last.is_some_and(|(last_wall, last_boot)| {
            let by_wall = Duration::from_secs(wall.saturating_sub(last_wall));
            by_wall.abs_diff(since_boot.saturating_sub(last_boot)) > STEP || wall < last_wall
        });
        self.last = Some((wall, since_boot));
        if is_set {
            self.sessions.clear();
        }
        is_set
    }

    /// Tells how long ago something was done in this idleness of a session.
    pub(super) fn ago(&mut self, key: &Key, since: u64, idle: Duration) -> Option<Duration> {
        let done = *self.sessions.get(key)?;
        if since > done.since {
            self.sessions.remove(key);
            return None;
        }
        idle.checked_sub(done.after)
    }

    /// Notes that something was done.
    pub(super) fn note(&mut self, key: Key, since: u64, idle: Duration) {
        self.sessions.insert(key, Done { since, after: idle });
    }

    /// Forgets the sessions that are over.
    pub(super) fn keep_only(&mut self, there: &HashSet<Key>) {
        self.sessions.retain(|key, _| there.contains(key));
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.sessions.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn key() -> Key {
        ("7".to_owned(), 4711)
    }

    fn told() -> Told {
        let mut told = Told::default();
        told.note(key(), 1000, HOUR);
        told
    }

    #[test]
    fn the_time_since_is_that_of_the_same_idleness() {
        let mut told = told();
        let later = HOUR + Duration::from_mins(5);
        assert_eq!(told.ago(&key(), 1000, later), Some(Duration::from_mins(5)));
        assert_eq!(told.ago(&("7".to_owned(), 12), 1000, later), None, "another session of that name");
        assert_eq!(told.ago(&key(), 1001, later), None, "used since");
        assert_eq!(told.ago(&key(), 1000, later), None, "and forgotten");
    }

    #[test]
    fn a_clock_that_was_set_makes_everything_unknown_and_one_that_runs_does_not() {
        for (wall, since_boot, is_set) in [
            (130, 30, false),
            (100, 30, false),
            (99, 0, true),
            (161, 0, true),
            (3700, 30, true),
            (130, 3600, true),
        ] {
            let mut told = told();
            assert!(!told.look(100, Duration::ZERO));
            assert_eq!(told.look(wall, Duration::from_secs(since_boot)), is_set, "{wall} {since_boot}");
            assert_eq!(told.ago(&key(), 1000, HOUR).is_none(), is_set);
        }
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut told = told();
        told.keep_only(&HashSet::from([key()]));
        assert!(told.ago(&key(), 1000, HOUR).is_some());
        told.keep_only(&HashSet::new());
        assert_eq!(told.ago(&key(), 1000, HOUR), None);
    }
}
