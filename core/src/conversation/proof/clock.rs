//! How far a phone's clock or a token's counter is off.
//!
//! Owns when the person is told: of a right code always, of wrong ones only where two successive ones agree.

use crate::factor::{Factor, FactorId, FactorKind, Hotp, Totp};
use crate::time::WallTime;
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
    let agrees = |one: &&Distant, other: &Distant| {
        one.factor == other.factor && one.step != other.step && one.offset.abs_diff(other.offset) <= 1
    };
    let fit = after.iter().find(|one| before.iter().any(|other| agrees(one, other)))?;
    let seconds = fit.offset.unsigned_abs().saturating_mul(fit.period);
    let minutes = (seconds.saturating_add(30) / 60).max(1);
    Some(Note::ClockOff { minutes, direction: direction(fit.offset) })
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
        assert_eq!(note, Some(Note::ClockOff { minutes: 11, direction: Direction::Behind }));
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
