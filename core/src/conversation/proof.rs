//! One code against what the person has: accepted, repeated, or wrong and charged.
//!
//! Owns what becomes of the account in each case; the result is always the account to commit, so that no caller can
//! evaluate without charging (invariant 4) or accept without using the code up (invariant 2). Every factor is looked
//! at, whichever fits. Leaves to the dialogues whether an answer may be evaluated at all.

use std::time::Duration;

use crate::account::Account;
use crate::factor::totp::Match;
use crate::factor::{Factor, FactorId, FactorKind, FactorState, Method};
use crate::policy::Settings;
use crate::throttle::{Bucket, Standing};
use crate::time::{Now, WallTime};
use crate::words::{Direction, Note};

/// One answer about to be evaluated.
pub(super) struct Trial<'a> {
    /// The account as committed.
    pub(super) account: &'a Account,
    /// Where a wrong code is counted.
    pub(super) bucket: Bucket,
    /// The instant.
    pub(super) now: Now,
    /// Window and limits.
    pub(super) settings: &'a Settings,
}

/// What came of it.
pub(super) enum Outcome {
    /// Right: commit this account.
    Right {
        /// With the code used up.
        account: Account,
        /// The method that fitted.
        method: Method,
    },
    /// The code last accepted: nothing to commit.
    Repeated {
        /// Until the next code.
        next: Duration,
    },
    /// Wrong: commit this account.
    Wrong(Charged),
}

/// What a wrong code left behind.
pub(super) struct Charged {
    /// With the code charged.
    pub(super) account: Account,
    /// Whether that locked.
    pub(super) standing: Standing,
    /// Where the code would have fitted within half an hour.
    pub(super) distant: Vec<Distant>,
}

/// A step outside the window at which a wrong code fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Distant {
    factor: FactorId,
    step: i64,
    offset: i64,
    period: u64,
}

impl Trial<'_> {
    /// Evaluates a code against the active factors of the given methods.
    pub(super) fn against_active(&self, code: &str, methods: &[Method]) -> Outcome {
        let usable = |factor: &&Factor| methods.contains(&factor.kind.method());
        let mut repeated = None;
        let mut right = None;
        for factor in self.account.active_factors().filter(usable) {
            let FactorKind::Totp(totp) = &factor.kind;
            match totp.check(code, self.now.wall, self.settings.totp.window) {
                Match::Accepted { step } => right = right.or(Some((factor, step))),
                Match::Repeated { next } => repeated = repeated.or(Some(next)),
                Match::Wrong => {}
            }
        }
        match (right, repeated) {
            (Some((factor, step)), _) => self.accept(factor, step),
            (None, Some(next)) => Outcome::Repeated { next },
            (None, None) => Outcome::Wrong(self.charge(code, self.account.active_factors().filter(usable))),
        }
    }

    /// Evaluates a code against one factor that is not active yet. A right one makes it active, in the account to
    /// commit; an error is the account with the code charged.
    pub(super) fn against_new(&self, code: &str, factor: &Factor) -> Result<Account, Box<Charged>> {
        let FactorKind::Totp(totp) = &factor.kind;
        match totp.check(code, self.now.wall, self.settings.totp.window) {
            Match::Accepted { step } => Ok(self.activate(factor, step)),
            // A new factor has accepted nothing yet; were it ever told so, the code is not a proof.
            Match::Repeated { .. } | Match::Wrong => {
                Err(Box::new(self.charge(code, std::iter::once(factor))))
            }
        }
    }

    fn accept(&self, factor: &Factor, step: u64) -> Outcome {
        let mut account = self.touched();
        let at = self.now.latest();
        account.throttle.succeed(self.bucket, at);
        for own in account.factors.iter_mut().filter(|own| own.id == factor.id) {
            use_up(own, step, at);
        }
        Outcome::Right { account, method: factor.kind.method() }
    }

    fn activate(&self, factor: &Factor, step: u64) -> Account {
        let mut account = self.touched();
        let at = self.now.latest();
        account.throttle.succeed(self.bucket, at);
        let mut active = factor.clone();
        active.state = FactorState::Active { since: at };
        use_up(&mut active, step, at);
        // Whatever else was pending belongs to an enrollment that this one has overtaken.
        account.factors.retain(|other| matches!(other.state, FactorState::Active { .. }));
        account.factors.push(active);
        account.epoch.0 = account.epoch.0.saturating_add(1);
        account
    }

    fn charge<'f>(&self, code: &str, factors: impl Iterator<Item = &'f Factor>) -> Charged {
        let mut account = self.touched();
        let standing = account.throttle.charge(self.bucket, self.now.latest(), &self.settings.limits);
        let distant = factors.flat_map(|factor| distant_fits(factor, code, self.now.wall)).collect();
        Charged { account, standing, distant }
    }

    fn touched(&self) -> Account {
        let mut account = self.account.clone();
        account.changed = account.changed.max(self.now.latest());
        account
    }
}

fn use_up(factor: &mut Factor, step: u64, at: WallTime) {
    let FactorKind::Totp(totp) = &mut factor.kind;
    totp.last_step = Some(step);
    factor.last_used = Some(at);
}

fn distant_fits(factor: &Factor, code: &str, at: WallTime) -> Vec<Distant> {
    let FactorKind::Totp(totp) = &factor.kind;
    let period = totp.period.seconds();
    let present = i64::try_from(at.as_seconds() / period).unwrap_or(i64::MAX);
    let fit = |offset| Distant { factor: factor.id, step: present.saturating_add(offset), offset, period };
    totp.distant_offsets(code, at).into_iter().map(fit).collect()
}

/// Tells by how much the phone's clock is off where two successive wrong codes agree on it.
///
/// They must be codes of different steps: one code typed twice says nothing, and an answer to it would tell a guesser
/// that it is going to be valid. The offsets may differ by one step, because typing takes time.
pub(super) fn clock_off(before: &[Distant], after: &[Distant]) -> Option<Note> {
    let agrees = |one: &&Distant, other: &Distant| {
        one.factor == other.factor && one.step != other.step && one.offset.abs_diff(other.offset) <= 1
    };
    let fit = after.iter().find(|one| before.iter().any(|other| agrees(one, other)))?;
    let seconds = fit.offset.unsigned_abs().saturating_mul(fit.period);
    let direction = if fit.offset > 0 { Direction::Ahead } else { Direction::Behind };
    Some(Note::ClockOff { minutes: (seconds.saturating_add(30) / 60).max(1), direction })
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
