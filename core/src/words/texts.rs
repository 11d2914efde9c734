//! The organization's own wording (`[texts]`, row L14): sentences of the file that stand in the place of ours.
//!
//! Owns which sentences can be replaced and what a text may hold: one printable line of at most [`TEXT_LIMIT`] bytes, with
//! values only where there are any. A text replaces a sentence, never what has to be read: no key, drawing, code or list is
//! said by a place, and what a place must tell ([`Place::must_tell`]) has to stand in it. Leaves to `voice` where they are
//! said, to `config` where in the file they are wrong.

use std::collections::BTreeMap;
use std::fmt;

use super::{Language, shown};
use crate::printable::is_printable;

/// The longest text, in bytes.
pub const TEXT_LIMIT: usize = 511;

/// A sentence that can be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `code`: the prompt for a code.
    Code,
    /// `enroll`: the line above a new key.
    Enroll,
    /// `locked`: too many wrong codes, until a time.
    Locked,
    /// `not_enrolled`: a code is needed and none can be given.
    NotEnrolled,
    /// `invitation`: an invitation is needed.
    Invitation,
    /// `sent`: a code is on its way.
    Sent,
    /// `skip`: setting up can be put off.
    Skip,
    /// `mail`: the closing line of an e-mail.
    Mail,
}

/// A value in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placeholder {
    /// `{help}`: whom to ask; the file's `help`.
    Help,
    /// `{organization}`: the file's `organization`.
    Organization,
    /// `{recipient}`: the address or number, masked.
    Recipient,
    /// `{until}`: a time, as our own sentences write it.
    Until,
    /// `{days}`: a number of days.
    Days,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 8] = [
        Self::Code,
        Self::Enroll,
        Self::Locked,
        Self::NotEnrolled,
        Self::Invitation,
        Self::Sent,
        Self::Skip,
        Self::Mail,
    ];

    /// Tells the key in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Enroll => "enroll",
            Self::Locked => "locked",
            Self::NotEnrolled => "not_enrolled",
            Self::Invitation => "invitation",
            Self::Sent => "sent",
            Self::Skip => "skip",
            Self::Mail => "mail",
        }
    }

    /// Lists the values that there are here.
    #[must_use]
    pub const fn values(self) -> &'static [Placeholder] {
        use Placeholder::{Days, Help, Organization, Recipient, Until};
        match self {
            Self::Code | Self::Enroll | Self::NotEnrolled | Self::Invitation | Self::Mail => {
                &[Help, Organization]
            }
            Self::Locked => &[Help, Organization, Until],
            Self::Sent => &[Help, Organization, Recipient],
            Self::Skip => &[Help, Organization, Days],
        }
    }

    /// Tells what has to stand in the text: without it the person would not know how to go on.
    #[must_use]
    pub const fn must_tell(self) -> Option<&'static str> {
        match self {
            Self::Locked => Some("{until}"),
            Self::Sent => Some("{recipient}"),
            Self::Skip => Some("skip"),
            Self::Code | Self::Enroll | Self::NotEnrolled | Self::Invitation | Self::Mail => None,
        }
    }
}

impl Placeholder {
    /// Every placeholder.
    pub const ALL: [Self; 5] = [Self::Help, Self::Organization, Self::Recipient, Self::Until, Self::Days];

    /// Tells the word in braces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Organization => "organization",
            Self::Recipient => "recipient",
            Self::Until => "until",
            Self::Days => "days",
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{{{}}}", self.name())
    }
}

/// Why a text cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// There is no such sentence.
    #[error("no text is called `{}`", shown(.0))]
    UnknownKey(String),
    /// It says nothing.
    #[error("a text is not empty")]
    Empty,
    /// It is too long.
    #[error("a text has at most {TEXT_LIMIT} bytes")]
    TooLong,
    /// It holds what does not show as itself.
    #[error("a text is printable and on one line, without {}", .0.escape_default())]
    NotPrintable(char),
    /// A brace that begins or ends no placeholder.
    #[error("a brace stands only around a placeholder")]
    StrayBrace,
    /// What is in braces is no placeholder.
    #[error("`{{{}}}` is no placeholder", shown(.0))]
    UnknownPlaceholder(String),
    /// The placeholder has no value in this sentence.
    #[error("`{placeholder}` has no value in `{}`", .place.name())]
    NoValue {
        /// What is in braces.
        placeholder: Placeholder,
        /// The sentence.
        place: Place,
    },
    /// It leaves out what the person has to know.
    #[error("`{}` has to tell `{}`", .0.name(), .0.must_tell().unwrap_or_default())]
    LeavesOut(Place),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Value(Placeholder),
}

/// The texts of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    texts: BTreeMap<(Place, Option<Language>), Vec<Piece>>,
}

static NONE: Texts = Texts { texts: BTreeMap::new() };

impl Texts {
    /// Lends the texts of nobody: every sentence is ours.
    #[must_use]
    pub fn none() -> &'static Self {
        &NONE
    }

    /// Takes a text for one language, or for all that have none of their own.
    ///
    /// # Errors
    /// [`InvalidText`], each variant for what it says; nothing is changed then.
    pub fn set(&mut self, key: &str, language: Option<Language>, text: &str) -> Result<(), InvalidText> {
        let place = Place::ALL.into_iter().find(|place| place.name() == key);
        let place = place.ok_or_else(|| InvalidText::UnknownKey(key.to_owned()))?;
        let pieces = read(place, text.trim())?;
        self.texts.insert((place, language), pieces);
        Ok(())
    }

    /// Says what the organization says here; none where it says nothing, or where a value is missing.
    pub(super) fn say(&self, place: Place, language: Language, values: &Values<'_>) -> Option<String> {
        let pieces = self.texts.get(&(place, Some(language))).or_else(|| self.texts.get(&(place, None)))?;
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) => Some(text.clone()),
                Piece::Value(placeholder) => values.of(*placeholder).map(shown),
            })
            .collect()
    }
}

/// What stands for the placeholders.
#[derive(Debug, Clone, Default)]
pub(super) struct Values<'a> {
    pub(super) help: Option<&'a str>,
    pub(super) organization: Option<&'a str>,
    pub(super) recipient: Option<String>,
    pub(super) until: Option<String>,
    pub(super) days: Option<String>,
}

impl Values<'_> {
    fn of(&self, placeholder: Placeholder) -> Option<&str> {
        match placeholder {
            Placeholder::Help => self.help,
            Placeholder::Organization => self.organization,
            Placeholder::Recipient => self.recipient.as_deref(),
            Placeholder::Until => self.until.as_deref(),
            Placeholder::Days => self.days.as_deref(),
        }
    }
}

fn read(place: Place, text: &str) -> Result<Vec<Piece>, InvalidText> {
    if text.is_empty() {
        return Err(InvalidText::Empty);
    }
    if text.len() > TEXT_LIMIT {
        return Err(InvalidText::TooLong);
    }
    if let Some(character) = text.chars().find(|character| !is_printable(*character)) {
        return Err(InvalidText::NotPrintable(character));
    }
    if place.must_tell().is_some_and(|told| !text.contains(told)) {
        return Err(InvalidText::LeavesOut(place));
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or(InvalidText::StrayBrace)?;
        let placeholder = Placeholder::ALL.into_iter().find(|placeholder| placeholder.name() == name);
        let placeholder = placeholder.ok_or_else(|| InvalidText::UnknownPlaceholder(name.to_owned()))?;
        if !place.values().contains(&placeholder) {
            return Err(InvalidText::NoValue { placeholder, place });
        }
        push_plain(&mut pieces, plain)?;
        pieces.push(Piece::Value(placeholder));
        rest = after;
    }
    push_plain(&mut pieces, rest)?;
    Ok(pieces)
}

fn push_plain(pieces: &mut Vec<Piece>, plain: &str) -> Result<(), InvalidText> {
    if plain.contains('}') {
        return Err(InvalidText::StrayBrace);
    }
    if !plain.is_empty() {
        pieces.push(Piece::Plain(plain.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(key: &str, text: &str) -> Option<InvalidText> {
        let mut texts = Texts::default();
        let fault = texts.set(key, None, text).err();
        assert!(fault.is_none() || texts == *Texts::none(), "what is refused changes nothing");
        fault
    }

    #[test]
    fn a_text_is_one_printable_line_of_at_most_511_bytes() {
        for character in ['\n', '\r', '\u{1b}', '\u{7}', '\0', '\u{9b}', '\u{202e}', '\u{2028}', '\u{200b}'] {
            let text = format!("a{character}b");
            assert_eq!(fault("code", &text), Some(InvalidText::NotPrintable(character)));
        }
        assert_eq!(fault("code", "  "), Some(InvalidText::Empty));
        assert_eq!(fault("code", &"x".repeat(TEXT_LIMIT)), None);
        assert_eq!(fault("code", &"x".repeat(TEXT_LIMIT + 1)), Some(InvalidText::TooLong));
        assert_eq!(fault("code", &"学".repeat(171)), Some(InvalidText::TooLong));
    }

    #[test]
    fn only_known_texts_and_placeholders_are_taken() {
        assert_eq!(fault("kode", "x"), Some(InvalidText::UnknownKey("kode".to_owned())));
        assert_eq!(fault("code", "{code}"), Some(InvalidText::UnknownPlaceholder("code".to_owned())));
        assert_eq!(fault("code", "{}"), Some(InvalidText::UnknownPlaceholder(String::new())));
        assert_eq!(
            fault("code", "{until}"),
            Some(InvalidText::NoValue { placeholder: Placeholder::Until, place: Place::Code })
        );
        for text in ["{help", "help}", "{help}}", "a } b {help}"] {
            assert_eq!(fault("code", text), Some(InvalidText::StrayBrace), "{text}");
        }
        assert_eq!(fault("code", "{{help}}"), Some(InvalidText::UnknownPlaceholder("{help".to_owned())));
    }

    #[test]
    fn what_a_person_has_to_know_cannot_be_left_out() {
        assert_eq!(fault("locked", "Ask {help}."), Some(InvalidText::LeavesOut(Place::Locked)));
        assert_eq!(fault("sent", "A code is on its way."), Some(InvalidText::LeavesOut(Place::Sent)));
        assert_eq!(fault("skip", "You may put it off."), Some(InvalidText::LeavesOut(Place::Skip)));
        assert_eq!(fault("locked", "Locked until {until}."), None);
        assert_eq!(fault("sent", "Look at {recipient}."), None);
        assert_eq!(fault("skip", "{days} days left: type `skip`."), None);
    }

    #[test]
    fn every_placeholder_has_a_value_somewhere() {
        for placeholder in Placeholder::ALL {
            assert!(Place::ALL.iter().any(|place| place.values().contains(&placeholder)), "{placeholder}");
        }
    }

    #[test]
    fn the_text_of_a_language_goes_before_that_for_all() {
        let mut texts = Texts::default();
        texts.set("code", None, "Uni code").unwrap();
        texts.set("code", Some(Language::German), "Uni-Code").unwrap();
        let say = |language| texts.say(Place::Code, language, &Values::default());
        assert_eq!(say(Language::German).as_deref(), Some("Uni-Code"));
        assert_eq!(say(Language::Japanese).as_deref(), Some("Uni code"));
        assert_eq!(texts.say(Place::Mail, Language::German, &Values::default()), None);
    }

    #[test]
    fn a_text_without_one_of_its_values_is_not_said() {
        let mut texts = Texts::default();
        texts.set("not_enrolled", None, "Ask {help} of {organization}.").unwrap();
        let say = |help| {
            let values = Values { help, organization: Some("Example"), ..Values::default() };
            texts.say(Place::NotEnrolled, Language::English, &values)
        };
        assert_eq!(say(Some("the desk")).as_deref(), Some("Ask the desk of Example."));
        assert_eq!(say(None), None);
    }

    #[test]
    fn every_fault_says_what_to_do_without_a_full_stop() {
        for (key, text) in [("k\u{1b}", "x"), ("code", "{\u{202e}"), ("code", "{x}"), ("locked", "x")] {
            let told = fault(key, text).map(|fault| fault.to_string()).unwrap_or_default();
            assert!(!told.is_empty() && !told.ends_with('.'), "{told}");
            assert!(told.chars().all(is_printable), "{told}");
        }
    }
}
