//! Every sentence a person sees, by language.
//!
//! Owns the only place with sentences: conversations emit values, `say` makes text of them. One file a language, each
//! matching every message without a catch-all, so that a new message does not compile until every language has it.
//! Whatever comes from outside (labels, `help`, what was typed) is made printable here: no text of ours can carry a
//! terminal escape (SECURITY.md TH22).

mod clock;
mod english;
mod german;

use std::time::Duration;

use crate::conversation::{Reply, Style};
use crate::printable::is_printable;
use crate::secret::Secret;
use crate::time::WallTime;

/// A language of the dialogues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// Every language, for tests and documentation.
pub const LANGUAGES: [Language; 2] = [Language::English, Language::German];

impl Language {
    /// Reads a language tag or locale name (`de`, `de-AT`, `de_DE.UTF-8`); none where it names no language of ours.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_', '.', '@']).next().unwrap_or_default();
        LANGUAGES.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// Tells the tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

/// Something to say, as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// What an answer is asked with; always the last of its line.
    Prompt(Prompt),
    /// What is said of the answer before.
    Note(Note),
    /// Why something is not done.
    Refusal(Refusal),
    /// What is shown and told while a factor is set up or taken away.
    Setup(Setup),
}

/// What an answer is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// A code from any factor.
    Code,
    /// A code from a factor that is enrolled already, before a change.
    CurrentCode,
    /// A code from the app that was set up before the connection was lost, or `new`.
    PendingCode,
    /// `yes`, before the first factor.
    Yes,
    /// Nothing: the dialogue is over and the text above had to be in a prompt to be seen.
    Close,
}

/// What is said of the answer before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A wrong code.
    WrongCode,
    /// The code last accepted was repeated.
    RepeatedCode {
        /// Until the next code.
        next: Duration,
    },
    /// Two wrong codes fit the same distance from our clock.
    ClockOff {
        /// How far the phone's clock is off.
        minutes: u64,
        /// In which direction.
        direction: Direction,
    },
    /// Nothing was entered.
    EnterCode {
        /// Whom to ask.
        help: Option<String>,
    },
    /// Nothing was entered while enrolling.
    EnterNewCode,
    /// What can be typed at a code prompt.
    CodeWords {
        /// Whom to ask.
        help: Option<String>,
    },
    /// What can be typed while enrolling.
    EnrollingWords {
        /// Whether a QR code was drawn that can be redrawn.
        drawn: Drawn,
    },
}

/// Whether a QR code stands on the person's screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// It does.
    Yes,
    /// It does not: text only, or shown in another conversation.
    No,
}

/// Which way a clock is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It runs ahead of ours.
    Ahead,
    /// It runs behind ours.
    Behind,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Too many wrong codes, until a time (row L17).
    Locked {
        /// The end of the lock.
        until: WallTime,
        /// The present, to leave out the date of today.
        now: WallTime,
        /// Whom to ask.
        help: Option<String>,
    },
    /// Too many wrong codes, until a reset.
    NeedsReset {
        /// Whom to ask.
        help: Option<String>,
    },
    /// A code is needed and none can be given.
    NotEnrolled {
        /// Whom to ask.
        help: Option<String>,
    },
    /// A code is needed; the person can set one up in the session that asks.
    EnrollFirst,
    /// The uid of this name changed.
    UidChanged {
        /// Whom to ask.
        help: Option<String>,
    },
    /// The login ended without a right code.
    NoRightCode,
    /// Something did not work.
    Unavailable,
    /// No rule lets the person set this up.
    EnrollmentClosed {
        /// Whom to ask.
        help: Option<String>,
    },
    /// As many factors as one person may hold.
    TooManyFactors {
        /// The limit.
        limit: usize,
    },
    /// A factor has this label already.
    LabelTaken {
        /// The label.
        label: String,
    },
    /// No factor is called so.
    NoSuchFactor {
        /// What was asked for.
        name: String,
    },
    /// Several factors are called so.
    AmbiguousFactor {
        /// Their labels.
        labels: Vec<String>,
    },
    /// The last factor, where a rule needs one.
    LastFactor,
    /// The person did not go on.
    NothingChanged,
    /// The account was changed by somebody else in the meantime.
    ChangedMeanwhile,
}

/// What is shown and told while a factor is set up or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// Above the QR code.
    Scan,
    /// Above the key, where the client draws the QR code.
    ScanOrEnterKey,
    /// Above the key, where no QR code is drawn.
    EnterKey,
    /// The QR code, drawn.
    Drawing(Secret<String>),
    /// The key in groups of four.
    Key {
        /// The key.
        key: Secret<String>,
        /// Whether a QR code stands above it.
        drawn: Drawn,
    },
    /// The setup URI, for a client that draws.
    Uri(Secret<String>),
    /// What the first factor means.
    FirstFactor,
    /// A factor is active.
    Completed {
        /// Its label.
        label: String,
    },
    /// A factor is gone.
    Removed {
        /// Its label.
        label: String,
    },
}

/// Says a message in a language.
#[must_use]
pub fn say(language: Language, message: &Message) -> String {
    match language {
        Language::English => english::say(message),
        Language::German => german::say(message),
    }
}

/// Makes the lines of a reply: each with its style, its messages joined by newlines.
#[must_use]
pub fn render(language: Language, reply: &Reply) -> Vec<(Style, String)> {
    reply
        .lines
        .iter()
        .map(|line| {
            let texts: Vec<String> = line.messages.iter().map(|message| say(language, message)).collect();
            (line.style, texts.join("\n"))
        })
        .collect()
}

/// The most of a foreign text that is shown, in characters: `help` is one line, labels have 64 bytes.
const FOREIGN_LIMIT: usize = 200;

/// Makes a text from outside fit for a terminal: no control characters, no marks that turn the direction of text.
fn shown(text: &str) -> String {
    let replace = |character: char| if is_printable(character) { character } else { '?' };
    text.chars().take(FOREIGN_LIMIT).map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_read_from_tags_and_locale_names() {
        for (tag, language) in [
            ("de", Some(Language::German)),
            ("de_DE.UTF-8", Some(Language::German)),
            ("de-AT", Some(Language::German)),
            ("DE@euro", Some(Language::German)),
            ("en_US.UTF-8", Some(Language::English)),
            ("C", None),
            ("C.UTF-8", None),
            ("", None),
            ("deutsch", None),
            ("fr", None),
        ] {
            assert_eq!(Language::from_tag(tag), language, "{tag}");
        }
    }

    #[test]
    fn a_hostile_label_cannot_reach_the_terminal() {
        let label = "a\u{1b}[2J\u{202e}b\n".to_owned();
        for language in LANGUAGES {
            let text = say(language, &Message::Setup(Setup::Removed { label: label.clone() }));
            assert!(text.contains("a?[2J?b?"), "{text}");
        }
    }

    #[test]
    fn a_foreign_text_is_cut() {
        assert_eq!(shown(&"x".repeat(10_000)).len(), FOREIGN_LIMIT);
    }

    #[test]
    fn a_secret_in_a_message_is_not_in_its_debug_form() {
        let key = Message::Setup(Setup::Key { key: Secret::new("ABCD EFGH".to_owned()), drawn: Drawn::No });
        assert!(!format!("{key:?}").contains("ABCD"));
    }

    /// One message of every kind that holds words of ours.
    fn every_message() -> Vec<Message> {
        let help = || Some("the desk".to_owned());
        let label = || "phone".to_owned();
        let key = || Secret::new("ABCD".to_owned());
        let [now, until] = [WallTime::from_seconds(0), WallTime::from_seconds(60)];
        let prompts =
            [Prompt::CurrentCode, Prompt::PendingCode, Prompt::Yes, Prompt::Close].map(Message::Prompt);
        let notes = [
            Note::WrongCode,
            Note::RepeatedCode { next: Duration::from_secs(17) },
            Note::ClockOff { minutes: 1, direction: Direction::Ahead },
            Note::ClockOff { minutes: 2, direction: Direction::Behind },
            Note::EnterCode { help: help() },
            Note::EnterNewCode,
            Note::CodeWords { help: None },
            Note::EnrollingWords { drawn: Drawn::Yes },
            Note::EnrollingWords { drawn: Drawn::No },
        ];
        let refusals = [
            Refusal::Locked { until, now, help: help() },
            Refusal::NeedsReset { help: help() },
            Refusal::NotEnrolled { help: help() },
            Refusal::EnrollFirst,
            Refusal::UidChanged { help: help() },
            Refusal::NoRightCode,
            Refusal::Unavailable,
            Refusal::EnrollmentClosed { help: help() },
            Refusal::TooManyFactors { limit: 16 },
            Refusal::LabelTaken { label: label() },
            Refusal::NoSuchFactor { name: label() },
            Refusal::AmbiguousFactor { labels: vec![label()] },
            Refusal::LastFactor,
            Refusal::NothingChanged,
            Refusal::ChangedMeanwhile,
        ];
        let setups = [
            Setup::Scan,
            Setup::ScanOrEnterKey,
            Setup::EnterKey,
            Setup::Key { key: key(), drawn: Drawn::Yes },
            Setup::Key { key: key(), drawn: Drawn::No },
            Setup::FirstFactor,
            Setup::Completed { label: label() },
            Setup::Removed { label: label() },
        ];
        let spoken = notes.map(Message::Note).into_iter().chain(refusals.map(Message::Refusal));
        prompts.into_iter().chain(spoken).chain(setups.map(Message::Setup)).collect()
    }

    #[test]
    fn every_message_is_said_in_every_language() {
        for message in every_message() {
            let [english, german] = LANGUAGES.map(|language| say(language, &message));
            assert_ne!(english, german, "not translated");
            for text in [english, german] {
                let ends = text.ends_with(": ") || !text.ends_with(' ');
                assert!(!text.is_empty() && ends, "{text:?}");
                assert!(!text.contains("..") && !text.contains('\n'), "{text:?}");
            }
        }
    }

    #[test]
    fn every_prompt_leaves_room_before_what_is_typed() {
        let prompts = [Prompt::Code, Prompt::CurrentCode, Prompt::PendingCode, Prompt::Yes, Prompt::Close];
        for (prompt, language) in
            prompts.into_iter().flat_map(|prompt| LANGUAGES.map(|language| (prompt, language)))
        {
            let text = say(language, &Message::Prompt(prompt));
            assert!(text.ends_with(": "), "{text:?}");
        }
    }
}
