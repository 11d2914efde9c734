//! What the person typed: nothing, a word, or a code.
//!
//! Owns the order in which an answer is read (DESIGN.md 3, "Answers"): words first, then codes. An answer that nobody
//! typed is "nothing" and costs nothing: empty ones, sshd's stand-in for people it will not let in
//! (`\b\n\r\177INCORRECT`), and whatever was not text before it reached us. Leaves to each dialogue which words mean
//! something in its state; a word that means nothing there is a wrong code.

use zeroize::Zeroizing;

use crate::factor::{Method, normalize};

use super::ANSWER_LIMIT;

/// An answer as it was read; it has no `Debug`, because it may be a code.
pub(super) enum Answer {
    /// Empty, or not typed by a person: asked again, not charged, counted as a prompt.
    Nothing,
    /// A command word.
    Word(Word),
    /// Anything else, normalized: a code to evaluate and charge.
    Code(Zeroizing<String>),
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

/// Reads an answer where `known` words mean something.
pub(super) fn read(text: &str, known: &[Word]) -> Answer {
    let typed = text.trim();
    let is_stand_in = |character: char| character.is_control() || character == char::REPLACEMENT_CHARACTER;
    if typed.is_empty() || typed.len() > ANSWER_LIMIT || typed.chars().any(is_stand_in) {
        return Answer::Nothing;
    }
    let code = Zeroizing::new(normalize(typed));
    let word = Word::SPELLINGS.into_iter().find(|(spelling, _)| code.as_str() == *spelling);
    match word {
        Some((_, word)) if known.contains(&word) => Answer::Word(word),
        Some(_) | None if code.is_empty() => Answer::Nothing,
        Some(_) | None => Answer::Code(code),
    }
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
    use super::*;

    #[test]
    fn what_nobody_typed_is_nothing() {
        let long = "1".repeat(ANSWER_LIMIT + 1);
        for text in
            ["", "   ", "\u{8}\n\r\u{7f}INCORRECT", "\r\n", "12\u{1b}[A3456", "\u{fffd}", "- -", &long]
        {
            assert!(matches!(read(text, &[Word::Help]), Answer::Nothing), "{text:?}");
        }
    }

    #[test]
    fn a_word_is_a_word_only_where_it_is_known() {
        assert!(matches!(read(" New ", &[Word::New]), Answer::Word(Word::New)));
        assert!(matches!(read("new", &[Word::Help]), Answer::Code(_)));
        assert!(matches!(read("?", &[Word::Help]), Answer::Word(Word::Help)));
        for yes in ["yes", "JA", "Oui", "si", "Sí", "是", "はい"] {
            assert!(matches!(read(yes, &[Word::Yes]), Answer::Word(Word::Yes)), "{yes}");
        }
    }

    #[test]
    fn a_code_is_read_without_its_spaces_and_dashes() {
        let Answer::Code(code) = read(" 123-456 ", &[]) else { panic!("a code") };
        assert_eq!(code.as_str(), "123456");
    }
}
