//! HOTP, RFC 4226: tokens that count.
//!
//! Owns the acceptance rule: the next expected code or one of the ten after it, and never one at or before the last
//! accepted. A code further ahead is no proof, but two such in a row are (RFC 4226 7.4). The arithmetic is `totp-rs`,
//! whose step is the counter when a step lasts one second.

use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use super::setup;
use super::totp::{Digits, SECRET_BYTES};
use crate::secret::{Entropy, Secret, draw};

/// How many codes after the expected one are accepted (RFC 4226 7.4, row M2).
pub const LOOK_AHEAD: u64 = 10;
/// How many codes after those are looked at to bring the counters together again.
pub const RESYNC: u64 = 100;
/// How many are looked at once the helpdesk has said that the token is far ahead (row H3).
pub const WIDE_RESYNC: u64 = 1000;

/// A token of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hotp {
    /// The shared secret; at least 128 bits.
    pub secret: Secret<Vec<u8>>,
    /// Digits.
    pub digits: Digits,
    /// The counter of the next expected code; none before it is accepted again.
    pub counter: u64,
    /// The counter whose code, if it is the very next answer, brings the counters together.
    pub resync: Option<u64>,
    /// Whether the helpdesk had the token looked for further ahead; ends with the next right code.
    pub is_wide: bool,
}

/// How an answer stands to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum HotpMatch {
    /// Right; the account keeps the counter after it before anyone is let in.
    Accepted {
        /// The counter of the code.
        counter: u64,
    },
    /// No proof: a code further ahead than is accepted.
    Ahead {
        /// The counter of the code that has to follow.
        next: u64,
    },
    /// The code last accepted, again.
    Repeated,
    /// Anything else.
    Wrong,
}

impl Hotp {
    /// Makes a token with a new secret of 160 bits that has counted nothing yet.
    #[must_use]
    pub fn generate(digits: Digits, entropy: &mut dyn Entropy) -> Self {
        let secret = Zeroizing::new(draw::<SECRET_BYTES>(entropy));
        Self { secret: Secret::new(secret.to_vec()), digits, counter: 0, resync: None, is_wide: false }
    }

    /// Checks an answer, which must be exactly the digits: callers bring it into its canonical form before.
    ///
    /// The highest counter that fits counts, so that what was typed fits no later one of the window; the work does not
    /// depend on which one fits.
    pub fn check(&self, code: &str) -> HotpMatch {
        let engine = self.engine();
        let fits = |counter: u64| engine.check(code, counter).is_some();
        let highest = |counters: RangeInclusive<u64>| {
            counters.filter(|counter| fits(*counter)).fold(None, |_, counter| Some(counter))
        };
        let last_near = self.counter.saturating_add(LOOK_AHEAD);
        let near = highest(self.counter..=last_near);
        let reach = if self.is_wide { WIDE_RESYNC } else { RESYNC };
        let far = highest(last_near.saturating_add(1)..=last_near.saturating_add(reach));
        let resumed = self.resync.filter(|expected| *expected >= self.counter && fits(*expected));
        let repeats = self.counter.checked_sub(1).is_some_and(fits);
        match (resumed.max(near), far) {
            (Some(counter), _) => HotpMatch::Accepted { counter },
            (None, _) if repeats => HotpMatch::Repeated,
            (None, Some(counter)) => HotpMatch::Ahead { next: counter.saturating_add(1) },
            (None, None) => HotpMatch::Wrong,
        }
    }

    /// Uses the code of a counter up, and all before it.
    pub(crate) fn accept(&mut self, counter: u64) {
        self.counter = self.counter.max(counter.saturating_add(1));
        self.resync = None;
        self.is_wide = false;
    }

    /// Writes the setup URI that apps and programmers of tokens read.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Secret<String> {
        let digits = self.digits.parameter();
        let parameters = format!("{digits}&counter={}", self.counter);
        setup::uri("hotp", self.secret.expose(), &parameters, issuer, account)
    }

    /// Writes the key for typing: base32 in groups of four.
    #[must_use]
    pub fn key_in_groups(&self) -> Secret<String> {
        setup::key_in_groups(self.secret.expose())
    }

    fn engine(&self) -> totp_rs::Totp {
        totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_digits(self.digits.count())
            .with_step_duration(1)
            .with_skew(0)
            .with_secret(self.secret.expose().clone())
            .build_noncompliant()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4226 appendix D.
    const VECTORS: [&str; 10] =
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];

    fn token(counter: u64) -> Hotp {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        Hotp { secret, digits: Digits::Six, counter, resync: None, is_wide: false }
    }

    fn code(counter: u64) -> String {
        token(0).engine().generate(counter).to_string()
    }

    #[test]
    fn the_vectors_of_the_standard_are_accepted_in_turn() {
        let mut token = token(0);
        for (counter, vector) in (0..).zip(VECTORS) {
            assert_eq!(code(counter), vector);
            assert_eq!(token.check(vector), HotpMatch::Accepted { counter });
            token.accept(counter);
            assert_eq!(token.counter, counter + 1);
        }
    }

    #[test]
    fn ten_codes_may_be_skipped_and_no_more() {
        assert_eq!(token(0).check(&code(10)), HotpMatch::Accepted { counter: 10 });
        assert_eq!(token(0).check(&code(11)), HotpMatch::Ahead { next: 12 });
        assert_eq!(token(0).check(&code(110)), HotpMatch::Ahead { next: 111 });
        assert_eq!(token(0).check(&code(111)), HotpMatch::Wrong);
    }

    #[test]
    fn an_older_code_is_wrong_and_the_last_one_is_a_repetition() {
        assert_eq!(token(5).check(&code(4)), HotpMatch::Repeated);
        assert_eq!(token(5).check(&code(3)), HotpMatch::Wrong);
    }

    #[test]
    fn a_token_far_ahead_is_found_once_the_helpdesk_says_so_and_needs_two_codes_still() {
        let mut token = Hotp { is_wide: true, ..token(0) };
        assert_eq!(token.check(&code(1010)), HotpMatch::Ahead { next: 1011 });
        assert_eq!(token.check(&code(1011)), HotpMatch::Wrong);
        token.resync = Some(1011);
        assert_eq!(token.check(&code(1011)), HotpMatch::Accepted { counter: 1011 });
        token.accept(1011);
        assert_eq!(token.check(&code(1012 + 111)), HotpMatch::Wrong, "it ends with a right code");
    }

    #[test]
    fn two_codes_in_a_row_bring_the_counters_together() {
        let mut token = token(0);
        token.resync = Some(51);
        assert_eq!(token.check(&code(51)), HotpMatch::Accepted { counter: 51 });
        assert_eq!(token.check(&code(52)), HotpMatch::Ahead { next: 53 });
        token.accept(51);
        assert_eq!((token.counter, token.resync), (52, None));
    }

    #[test]
    fn the_counter_never_goes_back_and_its_end_is_no_overflow() {
        let mut token = token(7);
        token.accept(3);
        assert_eq!(token.counter, 7);
        token.counter = u64::MAX - 3;
        assert_eq!(token.check("abc"), HotpMatch::Wrong);
        token.accept(u64::MAX);
        assert_eq!(token.counter, u64::MAX);
    }

    #[test]
    fn the_uri_names_kind_and_counter() {
        let uri = token(7).uri("Example", "alice");
        assert!(uri.expose().starts_with("otpauth://hotp/"), "{}", uri.expose());
        assert!(uri.expose().contains("&counter=7"), "{}", uri.expose());
    }
}
