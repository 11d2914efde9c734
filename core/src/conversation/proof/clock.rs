//! How far a phone's clock, this host's clock or a token's counter is off.
//!
//! Owns when the person is told: of a right code always, of wrong ones only where two successive ones agree, or where one
//! fits a known fault of this host's clock exactly.

use std::time::Duration;

use crate::factor::totp::{Match, Window};
use crate::factor::{Factor, FactorId, FactorKind, Hotp, Totp};
use crate::time::{CLOCK_TOLERANCE, Now, WallTime};
use crate::words::{Direction, Note};

use super::Place;

/// A step outside the window at which a wrong code fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conversation) struct Distant {
    factor: FactorId,
    step: i64,
    offset: i64,
    period: u64,
}

/// Tells by how much the clock or the counter was off when a code was right.
pub(super) fn drift(factor: &Factor, place: Place, at: WallTime) -> Option<Note> {
    match (&factor.kind, place) {
        (FactorKind::Totp(totp), Place::Step(step)) => clock_drift(totp, step, at),
        (FactorKind::Hotp(hotp), Place::Counter(counter)) => token_drift(hotp, counter),
        (FactorKind::Totp(_) | FactorKind::Hotp(_) | FactorKind::Sent(_), Place::Message(_))
        | (FactorKind::Totp(_) | FactorKind::Sent(_), Place::Counter(_))
        | (FactorKind::Hotp(_) | FactorKind::Sent(_), Place::Step(_)) => None,
    }
}

fn clock_drift(totp: &Totp, step: u64, at: WallTime) -> Option<Note> {
    let offset = totp.offset(step, at);
    let seconds = offset.unsigned_abs().saturating_mul(totp.period.seconds());
    (offset != 0).then_some(Note::PhoneOff { seconds, direction: direction(offset) })
}

fn token_drift(hotp: &Hotp, counter: u64) -> Option<Note> {
    let codes = counter.saturating_sub(hotp.counter);
    (codes > 0).then_some(Note::TokenAhead { codes })
}

/// Lists where a wrong code would have fitted within half an hour.
pub(super) fn distant_fits(factor: &Factor, code: &str, at: WallTime) -> Vec<Distant> {
    let FactorKind::Totp(totp) = &factor.kind else { return Vec::new() };
    let period = totp.period.seconds();
    let present = i64::try_from(at.as_seconds() / period).unwrap_or(i64::MAX);
    let fit = |offset| Distant { factor: factor.id, step: present.saturating_add(offset), offset, period };
    totp.distant_offsets(code, at).into_iter().map(fit).collect()
}

const fn direction(offset: i64) -> Direction {
    if offset > 0 { Direction::Ahead } else { Direction::Behind }
}

/// Tells by how much the phone's clock is off where two successive wrong codes agree on it.
///
/// They must be codes of different steps: one code typed twice says nothing, and an answer to it would tell a guesser
/// that it is going to be valid. The offsets may differ by one step, because typing takes time.
pub(in crate::conversation) fn clock_off(before: &[Distant], after: &[Distant]) -> Option<Note> {
    let (seconds, direction) = agreed(before, after)?;
    Some(Note::ClockOff { minutes: to_minutes(seconds), direction })
}

/// Tells by how many minutes this host's clock is behind, where two successive wrong codes agree on a distance that a known
/// fault of it explains.
pub(super) fn behind_by(before: &[Distant], after: &[Distant], now: &Now) -> Option<u64> {
    let (seconds, direction) = agreed(before, after).filter(|_| now.is_clock_fault())?;
    let is_explained = Duration::from_secs(seconds) <= now.behind.saturating_add(CLOCK_TOLERANCE);
    (direction == Direction::Ahead && is_explained).then(|| to_minutes(seconds))
}

/// Tells at which step a code fits the timeline, where the wall clock is known to be behind it. It is a step to come: nothing
/// is accepted by it.
pub(super) fn step_behind(totp: &Totp, code: &str, now: &Now) -> Option<u64> {
    if !now.is_clock_fault() {
        return None;
    }
    match totp.check(code, now.wall.after(now.behind), Window::OneStep) {
        Match::Accepted { step } => Some(step),
        Match::Repeated { .. } | Match::TooEarly | Match::Wrong => None,
    }
}

/// Tells by how many minutes this host's clock is known to be behind.
pub(super) fn minutes_behind(now: &Now) -> u64 {
    to_minutes(now.behind.as_secs())
}

/// Finds the distance on which two successive codes agree: the middle of both, because each is known to a step only.
fn agreed(before: &[Distant], after: &[Distant]) -> Option<(u64, Direction)> {
    let agrees = |one: &Distant, other: &&Distant| {
        one.factor == other.factor && one.step != other.step && one.offset.abs_diff(other.offset) <= 1
    };
    after.iter().find_map(|one| {
        let other = before.iter().find(|other| agrees(one, other))?;
        let steps = one.offset.unsigned_abs().saturating_add(other.offset.unsigned_abs());
        Some((steps.saturating_mul(one.period) / 2, direction(one.offset)))
    })
}

/// Rounds to the nearest minute, to one at least. Half a minute is rounded down: the code was read before it was checked.
const fn to_minutes(seconds: u64) -> u64 {
    let minutes = seconds.saturating_add(29) / 60;
    if minutes == 0 { 1 } else { minutes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn fit(step: i64, offset: i64) -> Distant {
        Distant { factor: FactorId(1), step, offset, period: 30 }
    }

    #[test]
    fn two_codes_at_one_distance_tell_the_clock() {
        let note = clock_off(&[fit(120, 20)], &[fit(121, 20)]);
        assert_eq!(note, Some(Note::ClockOff { minutes: 10, direction: Direction::Ahead }));
        let note = clock_off(&[fit(80, -20)], &[fit(81, -21)]);
        assert_eq!(note, Some(Note::ClockOff { minutes: 10, direction: Direction::Behind }));
    }

    #[test]
    fn a_distance_is_told_in_the_nearest_minute() {
        for (offsets, minutes) in [([16, 16], 8), ([16, 17], 8), ([17, 17], 8), ([17, 18], 9), ([2, 2], 1)] {
            let note = clock_off(&[fit(100, offsets[0])], &[fit(101, offsets[1])]);
            assert_eq!(note, Some(Note::ClockOff { minutes, direction: Direction::Ahead }), "{offsets:?}");
        }
    }

    #[test]
    fn a_known_fault_of_the_hosts_clock_explains_codes_that_are_ahead_by_as_much_or_less() {
        let at = WallTime::from_seconds;
        let behind = |seconds: u64| Now::at(at(10_000), Duration::ZERO, at(10_000 + seconds));
        let by = |offset: i64, seconds| behind_by(&[fit(100, offset)], &[fit(101, offset)], &behind(seconds));
        assert_eq!(by(40, 1_200), Some(20));
        assert_eq!(by(20, 1_200), Some(10));
        assert_eq!(by(50, 1_200), None, "further ahead than the fault");
        assert_eq!(by(-20, 1_200), None, "behind");
        assert_eq!(by(40, 0), None, "no fault is known");
    }

    #[test]
    fn one_code_typed_twice_tells_nothing() {
        assert_eq!(clock_off(&[fit(120, 20)], &[fit(120, 20)]), None);
        assert_eq!(clock_off(&[fit(120, 20)], &[fit(120, 19)]), None);
    }

    #[test]
    fn codes_of_different_distances_tell_nothing() {
        assert_eq!(clock_off(&[fit(120, 20)], &[fit(150, 48)]), None);
        assert_eq!(clock_off(&[], &[fit(120, 20)]), None);
    }
}
