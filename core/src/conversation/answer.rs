//! What the person typed: nothing, a word, a code, or something else.
//!
//! Owns the order in which an answer is read (DESIGN.md 3, "Answers"), once it is in its canonical form: words first, then
//! codes. An answer that nobody typed is "nothing": empty ones, sshd's stand-in for people it will not let in
//! (`\b\n\r\177INCORRECT`), and whatever was not text before it reached us. What cannot be a code is never evaluated and
//! never charged (row M8). Leaves to each dialogue which words mean something in its state.

use zeroize::Zeroizing;

use crate::factor::sent::SentParameters;
use crate::factor::{FactorKind, Method, is_code_like};
use crate::invitation::is_invitation_like;
use crate::typed::{canonical, is_separator};

use super::ANSWER_LIMIT;

/// An answer as it was read; it has no `Debug`, because it may be a code.
pub(super) enum Answer {
    /// Empty, or not typed by a person: asked again, not charged.
    Nothing,
    /// A command word.
    Word(Word),
    /// In its canonical form, what can be a code here: to be evaluated and charged.
    Code(Zeroizing<String>),
    /// In its canonical form, anything else: a number of the list, a label, a word that means nothing here, a slip.
    Other(Zeroizing<String>),
}

/// What can be a code where an answer is awaited.
#[derive(Clone, Copy)]
pub(super) enum Expected<'a> {
    /// Nothing.
    NoCode,
    /// A code of any factor, under this `[sent]`.
    Code(&'a SentParameters),
    /// A code of this factor.
    CodeOf(&'a FactorKind, &'a SentParameters),
    /// The same, or an invitation.
    CodeOrInvitation(&'a FactorKind, &'a SentParameters),
    /// An invitation.
    Invitation,
}

impl Expected<'_> {
    fn takes(self, answer: &str) -> bool {
        match self {
            Self::NoCode => false,
            Self::Code(sent) => is_code_like(answer, sent),
            Self::CodeOf(kind, sent) => kind.is_code_like(answer, sent),
            Self::CodeOrInvitation(kind, sent) => {
                kind.is_code_like(answer, sent) || is_invitation_like(answer)
            }
            Self::Invitation => is_invitation_like(answer),
        }
    }
}

/// The command words that a dialogue may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// `?`: what can be typed here.
    Help,
    /// `new`: a new key.
    New,
    /// `invert`: the QR code the other way.
    Invert,
    /// `yes`.
    Yes,
    /// `saved`: the backup codes are written down.
    Saved,
    /// `resend`: another code.
    Resend,
    /// `skip`: setting up is put off.
    Skip,
    /// The name of a way to choose.
    Way(Method),
}

impl Word {
    /// The spellings: English everywhere, and each language's own yes, because a question that is read in it invites it.
    const SPELLINGS: [(&'static str, Self); 22] = [
        ("?", Self::Help),
        ("new", Self::New),
        ("invert", Self::Invert),
        ("yes", Self::Yes),
        ("ja", Self::Yes),
        ("oui", Self::Yes),
        ("si", Self::Yes),
        ("sí", Self::Yes),
        ("是", Self::Yes),
        ("はい", Self::Yes),
        ("saved", Self::Saved),
        ("app", Self::Way(Method::Totp)),
        ("totp", Self::Way(Method::Totp)),
        ("token", Self::Way(Method::Hotp)),
        ("hotp", Self::Way(Method::Hotp)),
        ("email", Self::Way(Method::Email)),
        ("sms", Self::Way(Method::Sms)),
        ("call", Self::Way(Method::Call)),
        ("resend", Self::Resend),
        ("skip", Self::Skip),
        ("backup", Self::Way(Method::Backup)),
        ("backupcode", Self::Way(Method::Backup)),
    ];
}

/// Reads an answer where `known` words mean something and a code has the `expected` form.
pub(super) fn read(text: &str, known: &[Word], expected: Expected<'_>) -> Answer {
    let typed = text.trim_matches(is_separator);
    let is_stand_in = |character: char| character.is_control() || character == char::REPLACEMENT_CHARACTER;
    if typed.is_empty() || typed.len() > ANSWER_LIMIT || typed.chars().any(is_stand_in) {
        return Answer::Nothing;
    }
    let answer = canonical(typed);
    let word = Word::SPELLINGS.into_iter().find(|(spelling, _)| answer.as_str() == *spelling);
    match word {
        Some((_, word)) if known.contains(&word) => Answer::Word(word),
        Some(_) | None if expected.takes(&answer) => Answer::Code(answer),
        Some(_) | None => Answer::Other(answer),
    }
}

/// Tells whether an answer that is no code looks like the choice of a way: a short number, or words.
pub(super) fn is_choice_like(answer: &str) -> bool {
    answer.len() <= 2 || !answer.bytes().all(|byte| byte.is_ascii_digit())
}

/// What means something at a prompt for codes.
pub(super) const AT_CODES: [Word; 8] = [
    Word::Help,
    Word::Resend,
    Word::Way(Method::Totp),
    Word::Way(Method::Hotp),
    Word::Way(Method::Email),
    Word::Way(Method::Sms),
    Word::Way(Method::Call),
    Word::Way(Method::Backup),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::factor::sent::{Alphabet, Bind};

    const CODE: Expected<'_> = Expected::Code(&SentParameters {
        length: 8,
        alphabet: Alphabet::Digits,
        lifetime: Duration::from_mins(5),
        bind: Bind::Place,
    });

    #[test]
    fn what_nobody_typed_is_nothing() {
        let long = "1".repeat(ANSWER_LIMIT + 1);
        for text in [
            "",
            "   ",
            "\u{8}\n\r\u{7f}INCORRECT",
            "\r\n",
            "12\u{1b}[A3456",
            "\u{fffd}",
            "- -",
            "\u{3000}\u{200b}",
            &long,
        ] {
            assert!(matches!(read(text, &[Word::Help], CODE), Answer::Nothing), "{text:?}");
        }
    }

    #[test]
    fn a_word_is_a_word_only_where_it_is_known() {
        assert!(matches!(read(" New ", &[Word::New], CODE), Answer::Word(Word::New)));
        assert!(matches!(read("new", &[Word::Help], CODE), Answer::Other(_)));
        for help in ["?", "？"] {
            assert!(matches!(read(help, &[Word::Help], CODE), Answer::Word(Word::Help)));
        }
        for yes in ["yes", "JA", "Oui", "si", "Sí", "是", "はい"] {
            assert!(matches!(read(yes, &[Word::Yes], CODE), Answer::Word(Word::Yes)), "{yes}");
        }
    }

    #[test]
    fn a_code_is_read_without_its_separators() {
        for typed in [" 123-456 ", "\u{feff}123\u{202f}456", "１２３　４５６", "123\u{2013}456\u{200b}"]
        {
            let Answer::Code(code) = read(typed, &[], CODE) else { panic!("a code") };
            assert_eq!(code.as_str(), "123456");
        }
    }

    #[test]
    fn only_what_has_the_form_of_a_code_is_one() {
        let letters = SentParameters { alphabet: Alphabet::Letters, ..SentParameters::default() };
        for (typed, is_code) in [
            ("493027", true),
            ("49302718", true),
            ("0123-45678-9abc", true),
            ("9", false),
            ("49302", false),
            ("4930271", false),
            ("493027189", false),
            ("mail", false),
            ("skip", false),
            ("KMPQ RTVR", false),
            ("0123-4567-89ab", false),
            ("٤٩٣٠٢٧", false),
        ] {
            assert_eq!(matches!(read(typed, &[], CODE), Answer::Code(_)), is_code, "{typed}");
        }
        let is_code = |typed| matches!(read(typed, &[], Expected::Code(&letters)), Answer::Code(_));
        assert!(is_code("kmpq rtvr") && is_code("49302718"));
        assert!(!is_code("password"), "no vowels");
        assert!(matches!(read("0123-4567-89ab", &[], Expected::Invitation), Answer::Code(_)));
        assert!(matches!(read("493027", &[], Expected::Invitation), Answer::Other(_)));
    }
}
