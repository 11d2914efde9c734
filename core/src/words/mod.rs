//! Every sentence a person sees, by language.
//!
//! Owns the only place with sentences: conversations emit values, `say` makes text of them. One folder a
//! language with the same files, each matching every message without a catch-all, so that a new message does not compile
//! until every language has it.
//! Whatever comes from outside (labels, `help`, what was typed) is made printable here: no text of ours can carry a
//! terminal escape (SECURITY.md TH22).

mod chinese;
mod clock;
mod detail;
mod english;
mod french;
mod german;
mod japanese;
pub mod letter;
mod message;
pub mod policy;
#[cfg(test)]
mod samples;
mod sending;
mod spanish;
pub mod texts;
mod voice;

use crate::printable::is_printable;
use crate::time::WallTime;

pub use detail::{Direction, Drawn, Shows};
pub use message::{Message, Note, Prompt, Refusal, Setup};
pub use sending::{ListedWay, Resend, Sending};
pub use voice::{Voice, render};

/// A language of the dialogues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Chinese, written in simplified characters whatever the tag's script or region says.
    Chinese,
    /// Japanese.
    Japanese,
}

/// Every language, for tests and documentation.
pub const LANGUAGES: [Language; 6] = [
    Language::English,
    Language::German,
    Language::French,
    Language::Spanish,
    Language::Chinese,
    Language::Japanese,
];

impl Language {
    /// Reads a language tag or locale name (`de`, `de-AT`, `de_DE.UTF-8`, `zh-Hans-CN`); none where it names no language
    /// of ours.
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
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Chinese => "zh",
            Self::Japanese => "ja",
        }
    }
}

/// Says a message in a language.
#[must_use]
pub fn say(language: Language, message: &Message) -> String {
    match language {
        Language::English => english::say(message),
        Language::German => german::say(message),
        Language::French => french::say(message),
        Language::Spanish => spanish::say(message),
        Language::Chinese => chinese::say(message),
        Language::Japanese => japanese::say(message),
    }
}

/// Says in brackets what a prompt for a code offers besides, if anything.
fn offer(language: Language, prompt: Prompt) -> Option<String> {
    match language {
        Language::English => english::offer(prompt),
        Language::German => german::offer(prompt),
        Language::French => french::offer(prompt),
        Language::Spanish => spanish::offer(prompt),
        Language::Chinese => chinese::offer(prompt),
        Language::Japanese => japanese::offer(prompt),
    }
}

/// Writes a time as the sentences of a language do; the date only where it is not today's.
fn moment(language: Language, until: WallTime, now: WallTime) -> String {
    match language {
        Language::English => english::moment(until, now),
        Language::German => german::moment(until, now),
        Language::French => french::moment(until, now),
        Language::Spanish => spanish::moment(until, now),
        Language::Chinese => chinese::moment(until, now),
        Language::Japanese => japanese::moment(until, now),
    }
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
    use std::collections::BTreeSet;

    use super::samples::{PROMPTS, every_message};
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_language_is_read_from_tags_and_locale_names() {
        for (tag, language) in [
            ("de", Some(Language::German)),
            ("de_DE.UTF-8", Some(Language::German)),
            ("de-AT", Some(Language::German)),
            ("DE@euro", Some(Language::German)),
            ("en_US.UTF-8", Some(Language::English)),
            ("fr_CA.UTF-8", Some(Language::French)),
            ("es-419", Some(Language::Spanish)),
            ("zh", Some(Language::Chinese)),
            ("zh-Hans", Some(Language::Chinese)),
            ("zh_CN.GB18030", Some(Language::Chinese)),
            ("zh-Hant-TW", Some(Language::Chinese)),
            ("ja_JP.eucJP", Some(Language::Japanese)),
            ("C", None),
            ("C.UTF-8", None),
            ("", None),
            ("deutsch", None),
            ("fra", None),
            ("pt_BR.UTF-8", None),
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

    #[test]
    fn every_message_is_said_in_every_language() {
        for message in every_message() {
            let texts = LANGUAGES.map(|language| say(language, &message));
            let different: BTreeSet<&String> = texts.iter().collect();
            assert_eq!(different.len(), LANGUAGES.len(), "not translated: {texts:?}");
            for text in texts {
                let ends = text.ends_with(": ") || !text.ends_with(' ');
                assert!(!text.is_empty() && ends, "{text:?}");
                assert!(!text.contains("..") && text.chars().all(is_printable), "{text:?}");
            }
        }
    }

    /// What is to be typed, whom to ask, and what is meant: a translation must not lose it.
    fn kept(text: &str) -> BTreeSet<&str> {
        let typed = text.split('`').skip(1).step_by(2);
        let meant = ["the desk", "Pixel", "tablet", "ABCD", "16", "17", "30", "60", "00:01"];
        typed.chain(meant.into_iter().filter(|part| text.contains(part))).collect()
    }

    #[test]
    fn what_is_to_be_typed_and_what_is_meant_is_the_same_in_every_language() {
        for message in every_message() {
            let english = say(Language::English, &message);
            for language in LANGUAGES {
                let text = say(language, &message);
                assert_eq!(kept(&text), kept(&english), "{text:?}");
            }
        }
    }

    #[test]
    fn every_prompt_leaves_room_before_what_is_typed() {
        for (prompt, language) in
            PROMPTS.into_iter().flat_map(|prompt| LANGUAGES.map(|language| (prompt, language)))
        {
            let text = say(language, &Message::Prompt(prompt));
            assert!(text.ends_with(": "), "{text:?}");
        }
    }
}
