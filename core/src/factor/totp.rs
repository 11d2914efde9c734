//! TOTP, RFC 6238.
//!
//! Owns the acceptance rule: the highest matching step within the window, and only if it is greater than the last
//! accepted one. The arithmetic is `totp-rs`; `factor/setup` writes what an authenticator app is set up with.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::secret::{Entropy, Secret, draw};
use crate::time::{Now, WallTime};

pub use super::setup::SHORT_URI;

/// The bits of a secret that we make, in bytes (RFC 4226 R6: 160 bits).
pub const SECRET_BYTES: usize = 20;

/// How far a phone's clock is looked for, either way (row L2: 30 minutes).
pub const DISTANT: Duration = Duration::from_mins(30);
/// The most steps of a time to come that are kept as used; the oldest make room.
pub const SPENT_LIMIT: usize = 32;
/// The hash of the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// HMAC-SHA-1, what every app knows.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// How many digits a code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Digits {
    /// Six.
    #[default]
    Six,
    /// Eight.
    Eight,
}

/// How long a step lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Period {
    /// 30 seconds.
    #[default]
    Thirty,
    /// 60 seconds.
    Sixty,
}

/// How many steps before and after the present one are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Window {
    /// One step either way (RFC 6238 5.2).
    #[default]
    OneStep,
    /// The present step only (`strict = true`).
    Strict,
}

/// The parameters of a new authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TotpParameters {
    /// Hash.
    pub algorithm: Algorithm,
    /// Digits.
    pub digits: Digits,
    /// Step.
    pub period: Period,
    /// Window used when a code is checked (of the policy, not of the factor).
    pub window: Window,
}

/// An authenticator app of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    /// The shared secret; at least 128 bits.
    pub secret: Secret<Vec<u8>>,
    /// Hash.
    pub algorithm: Algorithm,
    /// Digits.
    pub digits: Digits,
    /// Step.
    pub period: Period,
    /// The step of the code last accepted; none at or before it is accepted again.
    pub last_step: Option<u64>,
    /// Steps that count as used wherever `last_step` stands, oldest first; at most [`SPENT_LIMIT`]. They were accepted or told
    /// to be right while a clock was wrong, and their time may come again.
    pub spent: Vec<u64>,
}

/// How an answer stands to an authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Match {
    /// Right, and of a step greater than the last accepted one.
    Accepted {
        /// The step; the account keeps it before anyone is let in.
        step: u64,
    },
    /// The code last accepted, again.
    Repeated {
        /// How long until the next code comes.
        next: Duration,
    },
    /// Right for the wall clock, while the code last accepted is of a later time than any that could be right now: the
    /// clock of a host was ahead then.
    TooEarly,
    /// Anything else.
    Wrong,
}

impl Totp {
    /// Makes an authenticator with a new secret of 160 bits.
    #[must_use]
    pub fn generate(parameters: TotpParameters, entropy: &mut dyn Entropy) -> Self {
        let TotpParameters { algorithm, digits, period, window: _ } = parameters;
        let secret = Zeroizing::new(draw::<SECRET_BYTES>(entropy));
        Self {
            secret: Secret::new(secret.to_vec()),
            algorithm,
            digits,
            period,
            last_step: None,
            spent: Vec::new(),
        }
    }

    /// Checks an answer, which must be exactly the digits: callers bring it into its canonical form before.
    ///
    /// The highest step of the window that fits counts, and only if it is greater than the last accepted one; `at` is
    /// the wall clock. The work does not depend on which step fits.
    pub fn check(&self, code: &str, at: WallTime, window: Window) -> Match {
        let engine = self.engine();
        let present = at.as_seconds() / self.period.seconds();
        let reach = window.steps();
        let steps = present.saturating_sub(reach)..=present.saturating_add(reach);
        let highest = steps.filter(|step| self.fits(&engine, code, *step)).fold(None, |_, step| Some(step));
        let repeats = self.last_step.is_some_and(|last| self.fits(&engine, code, last));
        match highest {
            Some(step) if self.spent.contains(&step) => Match::Repeated { next: self.next_code(at) },
            Some(step) if self.last_step.is_none_or(|last| step > last) => Match::Accepted { step },
            _ if repeats => Match::Repeated { next: self.next_code(at) },
            Some(_) if self.is_ahead(at) => Match::TooEarly,
            _ => Match::Wrong,
        }
    }

    /// Tells whether the code last accepted is of a later time than any that could be right now.
    #[must_use]
    pub fn is_ahead(&self, at: WallTime) -> bool {
        let present = at.as_seconds() / self.period.seconds();
        self.last_step.is_some_and(|last| last > present.saturating_add(Window::OneStep.steps()))
    }

    /// Uses the code of a step up. Where the clock was set ahead, its time may come again: it is kept as used.
    pub(crate) fn accept(&mut self, step: u64, now: &Now) {
        self.last_step = self.last_step.max(Some(step));
        let present = now.wall.as_seconds() / self.period.seconds();
        self.spent.retain(|spent| now.is_leapt || *spent > present);
        if now.is_leapt {
            self.spend(step);
        }
    }

    /// Keeps a step as used.
    pub(crate) fn spend(&mut self, step: u64) {
        self.spent.retain(|spent| *spent != step);
        let surplus = (self.spent.len() + 1).saturating_sub(SPENT_LIMIT);
        self.spent.drain(..surplus);
        self.spent.push(step);
    }

    /// Begins anew at the present where the code last accepted is ahead of it. What was accepted in a time to come stays used,
    /// and so does what is right now. Tells whether anything changed.
    pub(crate) fn resync(&mut self, at: WallTime) -> bool {
        if !self.is_ahead(at) {
            return false;
        }
        if let Some(last) = self.last_step {
            self.spend(last);
        }
        let present = at.as_seconds() / self.period.seconds();
        self.last_step = Some(present.saturating_add(Window::OneStep.steps()));
        true
    }

    /// Lists by how many steps the phone's clock would be off if this code were its present one, within 30 minutes
    /// either way. Steps that were used up already are left out next to the present, where they mean no such thing.
    #[must_use]
    pub fn distant_offsets(&self, code: &str, at: WallTime) -> Vec<i64> {
        let engine = self.engine();
        let present = at.as_seconds() / self.period.seconds();
        let reach = i64::try_from(DISTANT.as_secs() / self.period.seconds()).unwrap_or(0);
        let is_used = |step: u64| self.last_step.is_some_and(|last| step <= last);
        (-reach..=reach)
            .filter(|offset| *offset != 0)
            .filter_map(|offset| Some((offset, present.checked_add_signed(offset)?)))
            .filter(|(offset, step)| offset.abs() > 1 || !is_used(*step))
            .filter(|(_, step)| self.fits(&engine, code, *step))
            .map(|(offset, _)| offset)
            .collect()
    }

    /// Tells by how many steps the phone's clock was off when it showed the code of this step.
    #[must_use]
    pub fn offset(&self, step: u64, at: WallTime) -> i64 {
        let present = at.as_seconds() / self.period.seconds();
        i64::try_from(step).unwrap_or(i64::MAX).saturating_sub(i64::try_from(present).unwrap_or(i64::MAX))
    }

    /// Prepares the arithmetic for single steps; the window is ours.
    fn engine(&self) -> totp_rs::Totp {
        let algorithm = match self.algorithm {
            Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
            Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
            Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
        };
        totp_rs::Builder::new()
            .with_algorithm(algorithm)
            .with_digits(self.digits.count())
            .with_step_duration(self.period.seconds())
            .with_skew(0)
            .with_secret(self.secret.expose().clone())
            .build_noncompliant()
    }

    /// Tells whether the code is that of the step; in constant time, and never for a step whose time has no number.
    fn fits(&self, engine: &totp_rs::Totp, code: &str, step: u64) -> bool {
        step.checked_mul(self.period.seconds()).is_some_and(|time| engine.check(code, time).is_some())
    }

    /// Tells how long until a code comes that was not used yet.
    fn next_code(&self, at: WallTime) -> Duration {
        let period = self.period.seconds();
        let present = at.as_seconds() / period;
        let last = self.last_step.filter(|_| !self.is_ahead(at)).unwrap_or(0);
        let next_step = present.max(last).saturating_add(1);
        WallTime::from_seconds(next_step.saturating_mul(period)).since(at)
    }
}

impl Period {
    /// Tells the seconds of a step.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Thirty => 30,
            Self::Sixty => 60,
        }
    }
}

impl Digits {
    /// Every number of digits.
    pub const ALL: [Self; 2] = [Self::Six, Self::Eight];

    /// Tells whether an answer, in its canonical form, can be a code of so many digits.
    pub(crate) fn fit(self, answer: &str) -> bool {
        answer.len() == usize::from(self.count()) && answer.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Tells the number.
    #[must_use]
    pub const fn count(self) -> u8 {
        match self {
            Self::Six => 6,
            Self::Eight => 8,
        }
    }
}

impl Window {
    const fn steps(self) -> u64 {
        match self {
            Self::OneStep => 1,
            Self::Strict => 0,
        }
    }
}
