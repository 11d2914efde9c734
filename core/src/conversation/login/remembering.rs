//! Places from which a person is not asked for a while, in a login (row L7).
//!
//! Owns where remembering is offered and honored: in `auth`, asked by root, from a numeric address that is not this host's
//! own, for services whose prompts can show the offer, and only behind a first factor that is settled. In `account` the key
//! of an SSH login is not known, so that nothing could be compared with it. Leaves what a place is bound to to `remember`.

use std::net::IpAddr;
use std::time::Duration;

use crate::account::Account;
use crate::conversation::setup::can_draw;
use crate::factor::backup::is_backup_like;
use crate::factor::sent::{Alphabet, SentParameters};
use crate::login::{FirstFactor, Phase, Source};
use crate::remember::{Place, life};
use crate::time::Now;
use crate::typed::{canonical, is_separator};
use crate::words::Prompt;

use super::Login;
use super::renewing::Purpose;

/// What asks to be remembered, as a last word of its own.
const WISH: &str = "r";

impl Login {
    /// Tells the place, where one can be remembered.
    fn place(&self) -> Option<Place<'_>> {
        let request = &self.request;
        let Source::Address(address) = request.source else { return None };
        let address = address.to_canonical();
        let is_offered = is_of_one(address)
            && request.caller_uid == 0
            && request.phase == Phase::Auth
            && request.first_factor == FirstFactor::Settled
            && can_draw(request);
        let key = request.ssh.public_key.as_ref().map(|key| key.fingerprint.as_str());
        is_offered.then_some(Place { address, service: &request.service, key })
    }

    /// Tells where and for how long the person can be remembered.
    fn offer(&self) -> Option<(IpAddr, Duration)> {
        let place = self.place().filter(|_| self.purpose == Purpose::Entry)?;
        Some((place.address, life(&self.decision)?))
    }

    /// Tells the prompt that makes the offer.
    pub(super) fn offering_prompt(&self) -> Option<Prompt> {
        self.offer().map(|(source, life)| Prompt::CodeToRemember { source, life })
    }

    /// Tells whether the person is not asked here, because they gave a code here and asked for that.
    pub(super) fn is_remembered(&self, account: &Account, now: Now) -> bool {
        let is_known = |place| account.is_remembered(&place, &self.decision, now.latest());
        self.obstacle(account, now).is_none() && self.place().is_some_and(is_known)
    }

    /// Remembers the place in the account to commit; tells whether there was one.
    pub(super) fn remember(&self, account: &mut Account, now: Now) -> bool {
        let Some(place) = self.place().filter(|_| self.offer().is_some()) else { return false };
        account.remember(&place, &self.decision, now.latest());
        true
    }

    /// Parts an answer from the wish to be remembered, also where that is not offered: the code before it is read the same.
    pub(super) fn part_wish<'t>(&self, text: &'t str) -> (&'t str, bool) {
        part_wish(text, &self.policy.settings.sent)
    }
}

/// Tells whether an address is that of one other host: not this one, and none that each link has anew (its zone is not known).
const fn is_of_one(address: IpAddr) -> bool {
    let is_of_link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !is_of_link && !address.is_loopback() && !address.is_unspecified()
}

/// Parts an answer from a last word `r`. One that makes the answer a code by its form belongs to the code: it is read in
/// one way only, so that no answer is two guesses.
fn part_wish<'t>(text: &'t str, sent: &SentParameters) -> (&'t str, bool) {
    let text = text.trim_matches(is_separator);
    let is_wish = |word: &str| *canonical(word) == WISH;
    if is_wish(text) {
        return ("", true);
    }
    let Some((code, last)) = text.rsplit_once(char::is_whitespace) else { return (text, false) };
    if !is_wish(last) || is_whole(text, code, sent) {
        return (text, false);
    }
    (code.trim_end_matches(is_separator), true)
}

/// Tells whether an answer is a code only together with its last letter.
fn is_whole(text: &str, code: &str, sent: &SentParameters) -> bool {
    let is_sent_like = match sent.alphabet {
        Alphabet::Digits => false,
        Alphabet::Letters => canonical(text).len() == usize::from(sent.length),
    };
    let is_number = canonical(code).bytes().all(|byte| byte.is_ascii_digit());
    is_backup_like(text) || is_sent_like && !is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_one_other_host_is_a_place() {
        for (address, is_one) in [
            ("198.51.100.7", true),
            ("2001:db8::7", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("0.0.0.0", false),
            ("::", false),
            ("169.254.3.4", false),
            ("fe80::1", false),
        ] {
            assert_eq!(is_of_one(address.parse().unwrap()), is_one, "{address}");
        }
    }

    #[test]
    fn the_wish_is_a_last_word_of_its_own() {
        let sent = SentParameters::default();
        for (text, parted) in [
            ("493027 r", ("493027", true)),
            ("493 027  R ", ("493 027", true)),
            ("4930-2718\tr", ("4930-2718", true)),
            ("0123-45678-9ABC r", ("0123-45678-9ABC", true)),
            ("493027r", ("493027r", false)),
            ("493027", ("493027", false)),
            ("493027\u{3000}r", ("493027", true)),
            ("４９３０２７　ｒ", ("４９３０２７", true)),
            ("493\u{a0}027\u{202f}r\u{feff}", ("493\u{a0}027", true)),
            ("r", ("", true)),
            ("", ("", false)),
            ("493027 rr", ("493027 rr", false)),
        ] {
            assert_eq!(part_wish(text, &sent), parted, "{text:?}");
        }
    }

    #[test]
    fn a_code_that_ends_in_r_keeps_its_letter() {
        let letters = SentParameters { alphabet: Alphabet::Letters, ..SentParameters::default() };
        assert_eq!(part_wish("KMPQ RTV R", &letters), ("KMPQ RTV R", false));
        assert_eq!(part_wish("KMPQ RTVR r", &letters), ("KMPQ RTVR", true));
        assert_eq!(part_wish("493027 r", &letters), ("493027", true));
        let seven = SentParameters { length: 7, ..letters };
        assert_eq!(part_wish("493027 r", &seven), ("493027", true), "the code of an app");
        assert_eq!(part_wish("0123-45678-9AB r", &letters), ("0123-45678-9AB r", false));
    }
}
