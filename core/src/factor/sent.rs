//! Codes that are sent (row D1): eight digits, five minutes, five tries, bound to who asked from where.
//!
//! Owns their form, life, binding and use. Only keyed hashes are kept, in the account, so that a code survives a lost
//! connection and a restart, and is used once across hosts. A code belongs to a binding: any other login can neither use
//! it nor burn it. Leaves to `sending` who gets one, and how often.

use std::time::Duration;

use zeroize::Zeroizing;

use super::FactorId;
use crate::account::{Account, Epoch, HostId};
use crate::delivery::{Progress, RequestId};
use crate::keyed::{CodeHash, Purpose};
use crate::login::Source;
use crate::secret::{Entropy, Secret, draw};
use crate::time::{Now, WallTime};
use crate::typed::canonical;

/// So many wrong tries kill a code (SECURITY.md 3).
pub const SENT_TRIES: u32 = 5;
/// So often a right code of a different login is told to be one; after that it is a wrong code like any other. Enough for a user
/// who reconnects and tries again, and none too many for somebody who wants to know whether a guess was right.
pub const ELSEWHERE_TRIES: u32 = 5;
/// A message that is on its way for so long hangs. A mail server that takes mail answers within a few seconds.
pub const ON_ITS_WAY: Duration = Duration::from_secs(15);
/// The most codes of one person that live at once.
pub const SENT_LIMIT: usize = 3;
/// The longest life that the file may give a code.
pub const SENT_LIFE_LIMIT: Duration = Duration::from_mins(10);
/// How long the file may make a code.
pub const SENT_LENGTHS: std::ops::RangeInclusive<u8> = 6..=10;
/// Letters and digits that are not mistaken for each other and spell no word: no vowels, no 0 1 2 5 8 B I L N O S U Y Z.
const LETTERS: &[u8] = b"34679CDFGHJKMPQRTVWX";
const DIGITS: &[u8] = b"0123456789";

/// What codes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Alphabet {
    /// Digits.
    #[default]
    Digits,
    /// Letters and digits without look-alikes.
    Letters,
}

/// To what a code is bound besides the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Bind {
    /// Service, numeric source and key: a code that came late is good in the next login of the same kind.
    #[default]
    Place,
    /// The one login that asked (ASVS 6.6.2).
    Login,
}

/// `[sent]` of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentParameters {
    /// How many characters a code has, one of [`SENT_LENGTHS`].
    pub length: u8,
    /// Of which.
    pub alphabet: Alphabet,
    /// How long it lives.
    pub lifetime: Duration,
    /// To what it is bound.
    pub bind: Bind,
}

impl Default for SentParameters {
    /// SECURITY.md 3: 8 digits, 300 s.
    fn default() -> Self {
        Self {
            length: 8,
            alphabet: Alphabet::default(),
            lifetime: Duration::from_mins(5),
            bind: Bind::default(),
        }
    }
}

impl SentParameters {
    /// Tells whether an answer, in its canonical form, can be a code of this form.
    pub(crate) fn fit(&self, answer: &str) -> bool {
        let letters = self.alphabet.letters();
        let is_letter = |byte: u8| letters.contains(&byte.to_ascii_uppercase());
        answer.len() == usize::from(self.length) && answer.bytes().all(is_letter)
    }
}

impl Alphabet {
    const fn letters(self) -> &'static [u8] {
        match self {
            Self::Digits => DIGITS,
            Self::Letters => LETTERS,
        }
    }
}

/// The kind of login that a code is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The PAM service.
    pub service: String,
    /// Where from.
    pub source: Source,
    /// The fingerprint of the key that sshd accepted, if any.
    pub key: Option<String>,
    /// The one login, where the file binds codes to it.
    pub login: Option<RequestId>,
}

/// A code that was sent and not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCode {
    /// The message that brings it.
    pub request: RequestId,
    /// The factor that it is sent to; it may be pending.
    pub factor: FactorId,
    /// The kind of login that it is good for.
    pub binding: Binding,
    /// Of the code.
    pub hash: CodeHash,
    /// The account's epoch: any change of factors voids the code.
    pub epoch: Epoch,
    /// When it was made, by the wall clock.
    pub made: WallTime,
    /// How long the host that made it had been up.
    pub since_boot: Duration,
    /// Which host that was.
    pub host: HostId,
    /// How long it lives.
    pub lifetime: Duration,
    /// Wrong tries so far.
    pub wrong: u32,
    /// How often it was given in a different login, and told to be of another.
    pub elsewhere: u32,
    /// How far the message is.
    pub progress: Progress,
}

impl SentCode {
    /// Tells how long it lives yet; zero when it is dead. The later of both clocks counts: the wall clock, and on the
    /// host that made it the time since boot, which nobody can set. After a reboot the latter is less than what really
    /// passed, so that it never ends a life too early.
    #[must_use]
    pub fn life_left(&self, host: &HostId, now: Now) -> Duration {
        self.lifetime.saturating_sub(self.age(host, now))
    }

    fn age(&self, host: &HostId, now: Now) -> Duration {
        let by_wall = now.latest().since(self.made);
        let by_boot =
            if *host == self.host { now.since_boot.saturating_sub(self.since_boot) } else { Duration::ZERO };
        by_wall.max(by_boot)
    }

    /// Tells how far its message is, as the user is told: one that hangs is put off, whatever comes of it.
    #[must_use]
    pub fn progress(&self, host: &HostId, now: Now) -> Progress {
        match self.progress {
            Progress::Queued if self.age(host, now) >= ON_ITS_WAY => Progress::Deferred,
            Progress::Queued => Progress::Queued,
            settled @ (Progress::Deferred | Progress::Sent | Progress::Failed(_)) => settled,
        }
    }

    /// Tells whether it did not go out, or nobody knows whether it did.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        matches!(self.progress, Progress::Failed(_))
    }

    /// Tells whether it can be used.
    #[must_use]
    pub fn is_live(&self, epoch: Epoch, host: &HostId, now: Now) -> bool {
        self.epoch == epoch && self.wrong < SENT_TRIES && !self.life_left(host, now).is_zero()
    }
}

/// Draws a code: every character as likely, from the given randomness only.
pub(crate) fn draw_code(parameters: &SentParameters, entropy: &mut dyn Entropy) -> Secret<String> {
    let alphabet = parameters.alphabet.letters();
    let length = usize::from(parameters.length);
    let mut code = Zeroizing::new(String::with_capacity(length));
    // The bytes beyond the last whole multiple of the alphabet's size would make the first characters more likely.
    let size = alphabet.len().max(1);
    let fair = 256 - 256 % size;
    while code.len() < length {
        let byte = usize::from(u8::from_le_bytes(draw(entropy)));
        let letter = if byte < fair { alphabet.get(byte % size) } else { None };
        code.extend(letter.map(|letter| char::from(*letter)));
    }
    Secret::new(String::clone(&code))
}

/// Writes a code in groups, as it is shown: `4930 2718`; a mail's subject takes a dash, so that it is one word.
#[must_use]
pub fn in_groups(code: &str, between: char) -> Secret<String> {
    let groups: &[usize] = match code.len() {
        6 => &[3, 3],
        7 => &[3, 4],
        8 => &[4, 4],
        9 => &[3, 3, 3],
        10 => &[5, 5],
        _ => &[],
    };
    let mut grouped = String::with_capacity(code.len().saturating_add(groups.len()));
    let mut ends = groups.iter().scan(0, |end, group| {
        *end += group;
        Some(*end)
    });
    let mut end = ends.next();
    for (position, character) in code.chars().enumerate() {
        if end == Some(position) {
            grouped.push(between);
            end = ends.next();
        }
        grouped.push(character);
    }
    Secret::new(grouped)
}

impl Account {
    /// Lists the codes that a login of this kind could use now.
    pub fn live_codes(&self, binding: &Binding, host: &HostId, now: Now) -> impl Iterator<Item = &SentCode> {
        self.sent.iter().filter(move |code| code.binding == *binding && code.is_live(self.epoch, host, now))
    }

    /// Finds the live code that an answer is, for a login of this kind and sent to one of the factors that `counts`. As
    /// much work is done where there are fewer codes or none (SECURITY.md TH05).
    pub(crate) fn find_sent_code(
        &self,
        answer: &str,
        (binding, host): (&Binding, &HostId),
        now: Now,
        counts: impl Fn(FactorId) -> bool,
    ) -> Option<&SentCode> {
        self.find_among(answer, self.live_codes(binding, host, now).filter(|code| counts(code.factor)))
    }

    /// Finds the live code of a different login that an answer is, sent to one of the factors that `counts` and not told of too
    /// often; with as much work as [`Account::find_sent_code`].
    pub(crate) fn find_code_elsewhere(
        &self,
        answer: &str,
        (binding, host): (&Binding, &HostId),
        now: Now,
        counts: impl Fn(FactorId) -> bool,
    ) -> Option<&SentCode> {
        let elsewhere = self.codes_elsewhere(binding, host, now);
        self.find_among(
            answer,
            elsewhere.filter(|code| counts(code.factor) && code.elsewhere < ELSEWHERE_TRIES),
        )
    }

    /// Lists the live codes that a login of this kind cannot use, because they were sent for a different one.
    pub(crate) fn codes_elsewhere(
        &self,
        binding: &Binding,
        host: &HostId,
        now: Now,
    ) -> impl Iterator<Item = &SentCode> {
        self.sent.iter().filter(move |code| code.binding != *binding && code.is_live(self.epoch, host, now))
    }

    fn find_among<'a>(
        &self,
        answer: &str,
        mut live: impl Iterator<Item = &'a SentCode>,
    ) -> Option<&'a SentCode> {
        let hash = CodeHash::of(&self.code_key, Purpose::Sent, answer);
        let mut found = None;
        for _ in 0..SENT_LIMIT {
            let code = live.next();
            let is_it = code.map_or(CodeHash::NONE, |code| code.hash) == hash;
            found = if is_it { code } else { found };
        }
        found
    }

    /// Counts that a code was given in a different login.
    pub(crate) fn note_code_elsewhere(&mut self, request: RequestId) {
        for code in self.sent.iter_mut().filter(|code| code.request == request) {
            code.elsewhere = code.elsewhere.saturating_add(1);
        }
    }

    /// Makes a new code; it replaces whatever was sent for the same kind of login, and the oldest makes room. Tells the
    /// code, this once.
    pub(crate) fn make_sent_code(
        &mut self,
        factor: FactorId,
        request: RequestId,
        binding: Binding,
        parameters: &SentParameters,
        (host, now): (&HostId, Now),
        entropy: &mut dyn Entropy,
    ) -> Secret<String> {
        let code = draw_code(parameters, entropy);
        let typed = canonical(code.expose());
        let hash = CodeHash::of(&self.code_key, Purpose::Sent, &typed);
        let epoch = self.epoch;
        self.sent.retain(|sent| sent.binding != binding && sent.is_live(epoch, host, now));
        let surplus = (self.sent.len() + 1).saturating_sub(SENT_LIMIT);
        self.sent.drain(..surplus);
        self.sent.push(SentCode {
            request,
            factor,
            binding,
            hash,
            epoch,
            made: now.latest(),
            since_boot: now.since_boot,
            host: host.clone(),
            lifetime: parameters.lifetime,
            wrong: 0,
            elsewhere: 0,
            progress: Progress::Queued,
        });
        code
    }

    /// Counts a wrong try against every live code of this kind of login; those with too many are gone.
    pub(crate) fn miss_sent_codes(&mut self, binding: &Binding, host: &HostId, now: Now) {
        let epoch = self.epoch;
        for code in &mut self.sent {
            if code.binding == *binding && code.is_live(epoch, host, now) {
                code.wrong = code.wrong.saturating_add(1);
            }
        }
        self.sent.retain(|code| code.is_live(epoch, host, now));
    }

    /// Uses a code up: it is gone, and its send is given back (row D2).
    pub(crate) fn spend_sent_code(&mut self, request: RequestId) {
        self.sent.retain(|code| code.request != request);
        for send in &mut self.sends {
            send.is_used |= send.request == request;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Randomness that repeats (splitmix64), a byte at a time.
    struct Seeded(u64);

    impl Entropy for Seeded {
        fn fill(&mut self, buffer: &mut [u8]) {
            for byte in buffer {
                self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                [*byte, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
            }
        }
    }

    /// The chi-square statistic of how often each character came, against all as likely.
    fn chi_square(counts: &[u32]) -> f64 {
        let expected =
            f64::from(counts.iter().sum::<u32>()) / f64::from(u32::try_from(counts.len()).unwrap());
        counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
    }

    /// A32. The bounds are those of p = 0.001 for 9 and for 19 degrees of freedom.
    #[test]
    fn a_million_codes_are_uniform_in_every_place_and_keep_their_leading_zeros() {
        let mut entropy = Seeded(1);
        for (alphabet, letters, codes, bound) in
            [(Alphabet::Digits, DIGITS, 1_000_000, 27.88), (Alphabet::Letters, LETTERS, 100_000, 43.82)]
        {
            let parameters = SentParameters { alphabet, ..SentParameters::default() };
            let mut counts = vec![vec![0_u32; letters.len()]; 8];
            for _ in 0..codes {
                let code = draw_code(&parameters, &mut entropy);
                assert_eq!(code.expose().len(), 8);
                for (place, byte) in code.expose().bytes().enumerate() {
                    let letter = letters.iter().position(|letter| *letter == byte).expect("of the alphabet");
                    counts[place][letter] += 1;
                }
            }
            for place in counts {
                assert!(chi_square(&place) < bound, "{alphabet:?}: {place:?}");
            }
        }
    }

    #[test]
    fn bytes_that_would_favor_some_characters_are_drawn_again() {
        struct Bytes(Vec<u8>);
        impl Entropy for Bytes {
            fn fill(&mut self, buffer: &mut [u8]) {
                for byte in buffer {
                    *byte = self.0.remove(0);
                }
            }
        }
        let parameters = SentParameters { length: 6, ..SentParameters::default() };
        let mut entropy = Bytes(vec![250, 0, 255, 9, 249, 251, 10, 1, 2]);
        assert_eq!(draw_code(&parameters, &mut entropy).expose(), "099012");
    }

    #[test]
    fn no_code_can_spell_a_word_or_an_answer() {
        assert!(LETTERS.iter().all(|letter| !b"AEIOUY015BILNSZ28".contains(letter)));
        let unique: std::collections::BTreeSet<&u8> = LETTERS.iter().collect();
        assert_eq!(unique.len(), LETTERS.len());
    }

    #[test]
    fn a_code_is_shown_in_groups_whatever_its_length() {
        for (code, grouped) in [
            ("123456", "123-456"),
            ("1234567", "123-4567"),
            ("12345678", "1234-5678"),
            ("123456789", "123-456-789"),
            ("1234567890", "12345-67890"),
        ] {
            assert_eq!(in_groups(code, '-').expose(), grouped);
        }
    }
}
