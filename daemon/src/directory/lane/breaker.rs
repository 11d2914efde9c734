//! When a look-up may run, and when it would only wait for one that hangs.
//!
//! A look-up that has not returned within [`LOOKUP_LIMIT`] is overdue. The breaker opens with one that is overdue and that
//! no later look-up has outrun, and while it is open others are late at once. One at a time is let through to try, more
//! and more rarely until one of those that hang returns; the breaker closes with the first that returns in time. Kept
//! apart from clocks and threads: the time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::directory::LOOKUP_LIMIT;

/// The longest time between two tries.
const RAREST: Duration = Duration::from_secs(64);

/// What becomes of a look-up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It runs, under this number.
    Run(u64),
    /// It runs under this number and tries whether the name service is alive again.
    Try(u64),
    /// It does not run: it would be late.
    Late,
    /// All places are taken by look-ups that are in time yet.
    Full,
}

/// The look-ups of one kind that are under way.
#[derive(Debug)]
pub(super) struct Breaker {
    places: usize,
    tries: usize,
    under_way: BTreeMap<u64, Instant>,
    next: u64,
    /// The newest look-up that returned in time.
    alive: Option<u64>,
    newest_start: Option<Instant>,
    /// How many tries began since the breaker opened or an overdue look-up returned.
    tried: u32,
    is_open: bool,
}

impl Breaker {
    pub(super) const fn new(places: usize, tries: usize) -> Self {
        let under_way = BTreeMap::new();
        Self { places, tries, under_way, next: 0, alive: None, newest_start: None, tried: 0, is_open: false }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Decides about a look-up that comes now.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        let overdue: Vec<u64> = self.overdue(now);
        let count = overdue.len();
        // What a later look-up has outrun hangs by itself: the name service does not.
        let is_outrun = |number: &u64| self.alive.is_some_and(|alive| *number < alive);
        self.is_open |= count >= self.places || !overdue.iter().all(is_outrun);
        if !self.is_open {
            return if self.under_way.len() < self.places {
                Admission::Run(self.start(now))
            } else {
                Admission::Full
            };
        }
        let is_free = self.under_way.len() < self.places.saturating_add(self.tries);
        let is_alone = self.under_way.len() == count;
        let pause = if count == 0 { Duration::ZERO } else { pause(self.tried) };
        let is_time = self.newest_start.is_none_or(|start| now.duration_since(start) >= pause);
        if !(is_free && is_alone && is_time) {
            return Admission::Late;
        }
        self.tried = self.tried.saturating_add(1);
        Admission::Try(self.start(now))
    }

    /// Takes a place back. Only what `has_returned` says something about the name service.
    pub(super) fn free(&mut self, number: u64, has_returned: bool, now: Instant) {
        let Some(start) = self.under_way.remove(&number) else { return };
        if !has_returned {
            return;
        }
        self.tried = 0;
        if now.duration_since(start) < LOOKUP_LIMIT {
            self.alive = self.alive.max(Some(number));
            self.is_open = false;
        }
    }

    fn start(&mut self, now: Instant) -> u64 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.under_way.insert(number, now);
        self.newest_start = Some(now);
        number
    }

    fn overdue(&self, now: Instant) -> Vec<u64> {
        let is_overdue = |start: &Instant| now.duration_since(*start) >= LOOKUP_LIMIT;
        self.under_way.iter().filter(|(_, start)| is_overdue(start)).map(|(number, _)| *number).collect()
    }
}

/// How long a try waits after the last: 2 s, 4 s, 8 s, … 64 s.
fn pause(tried: u32) -> Duration {
    let factor = 1_u32.checked_shl(tried).unwrap_or(u32::MAX);
    LOOKUP_LIMIT.checked_mul(factor).map_or(RAREST, |pause| pause.min(RAREST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn run(breaker: &mut Breaker, at: Instant) -> u64 {
        match breaker.admit(at) {
            Admission::Run(number) | Admission::Try(number) => number,
            other @ (Admission::Late | Admission::Full) => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_overdue_look_up_makes_others_late_at_once_until_one_returns_in_time() {
        let (mut breaker, start) = (Breaker::new(6, 2), Instant::now());
        let hung = run(&mut breaker, start);
        run(&mut breaker, start + SECOND);
        assert!(!breaker.is_open());
        // The second is still in time: it is the one that may find out.
        assert_eq!(breaker.admit(start + LOOKUP_LIMIT), Admission::Late);
        let Admission::Try(first) = breaker.admit(start + 3 * SECOND) else {
            panic!("nobody tries");
        };
        assert_eq!(breaker.admit(start + 3 * SECOND), Admission::Late);
        breaker.free(hung, true, start + 3 * SECOND);
        assert!(breaker.is_open(), "an overdue look-up that returns is no sign of life");
        breaker.free(first, true, start + 4 * SECOND);
        assert!(!breaker.is_open());
        run(&mut breaker, start + 4 * SECOND);
    }

    #[test]
    fn a_look_up_that_hangs_alone_opens_nothing() {
        let (mut breaker, start) = (Breaker::new(6, 2), Instant::now());
        run(&mut breaker, start);
        for second in 1..100 {
            let at = start + second * SECOND;
            let number = run(&mut breaker, at);
            breaker.free(number, true, at);
            assert!(!breaker.is_open());
        }
    }

    #[test]
    fn places_taken_for_ever_leave_tries_and_nobody_waits() {
        let (mut breaker, start) = (Breaker::new(2, 1), Instant::now());
        run(&mut breaker, start);
        run(&mut breaker, start);
        assert_eq!(breaker.admit(start + SECOND), Admission::Full);
        assert!(matches!(breaker.admit(start + 3 * SECOND), Admission::Try(_)));
        for hour in 1..10 {
            assert_eq!(breaker.admit(start + hour * 3600 * SECOND), Admission::Late);
        }
    }

    #[test]
    fn a_lane_full_of_look_ups_that_hang_by_themselves_is_tried_and_not_waited_for() {
        let (mut breaker, start) = (Breaker::new(2, 1), Instant::now());
        run(&mut breaker, start);
        run(&mut breaker, start);
        let later = start + 100 * SECOND;
        let number = run(&mut breaker, later);
        breaker.free(number, true, later);
        assert!(matches!(breaker.admit(later + 100 * SECOND), Admission::Try(_)));
    }

    #[test]
    fn tries_become_rarer_until_one_that_hangs_returns() {
        let pauses: Vec<u64> = (0..8).map(|tried| pause(tried).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(pause(u32::MAX), RAREST);
        let (mut breaker, start) = (Breaker::new(6, 4), Instant::now());
        let hung = run(&mut breaker, start);
        let tried = run(&mut breaker, start + 3 * SECOND);
        assert_eq!(breaker.admit(start + 6 * SECOND), Admission::Late);
        breaker.free(hung, true, start + 6 * SECOND);
        assert_eq!(breaker.admit(start + 6 * SECOND), Admission::Try(tried + 1));
    }

    #[test]
    fn what_did_not_run_is_no_sign_of_life() {
        let (mut breaker, start) = (Breaker::new(6, 2), Instant::now());
        run(&mut breaker, start);
        let tried = run(&mut breaker, start + 3 * SECOND);
        breaker.free(tried, false, start + 3 * SECOND);
        assert!(breaker.is_open());
    }

    proptest! {
        #[test]
        fn look_ups_under_way_are_bounded_and_at_most_one_tries(steps in prop::collection::vec((0_u8..4, 0_u64..5_000), 1..200)) {
            let (mut breaker, mut now) = (Breaker::new(3, 2), Instant::now());
            for (step, wait) in steps {
                now += Duration::from_millis(wait);
                let young = breaker.under_way.len() - breaker.overdue(now).len();
                match (step, breaker.admit(now)) {
                    (_, Admission::Try(_)) => prop_assert_eq!(young, 0),
                    (0, Admission::Run(number)) => breaker.free(number, true, now),
                    (_, Admission::Full) => prop_assert!(young > 0),
                    (_, Admission::Run(_) | Admission::Late) => {}
                }
                let oldest = breaker.under_way.keys().next().copied();
                if let Some(oldest) = oldest.filter(|_| step == 1) {
                    breaker.free(oldest, true, now);
                }
                prop_assert!(breaker.under_way.len() <= 5);
            }
        }
    }
}
