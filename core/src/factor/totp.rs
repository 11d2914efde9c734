//! TOTP, RFC 6238.
//!
//! Owns the acceptance rule: the highest matching step within the window, and only if it is greater than the last
//! accepted one. The arithmetic is `totp-rs`.

use crate::secret::Secret;

/// The bits of a secret that we make, in bytes (RFC 4226 R6: 160 bits).
pub const SECRET_BYTES: usize = 20;

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
}
