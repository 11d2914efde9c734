//! Every sentence a person sees, by language.
//!
//! Owns the only place with sentences: conversations emit values, `say` makes text of them. One file a language, each
//! matching every message without a catch-all, so that a new message does not compile until every language has it.
//! Whatever comes from outside (labels, `help`, what was typed) is made printable here: no text of ours can carry a
//! terminal escape (SECURITY.md TH22).

mod clock;
mod english;
mod german;
mod message;
#[cfg(test)]
mod samples;

use crate::conversation::{Reply, Style};
use crate::printable::is_printable;

pub use message::{Direction, Drawn, Message, Note, Prompt, Refusal, Setup};

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
        for (prompt, language) in
            PROMPTS.into_iter().flat_map(|prompt| LANGUAGES.map(|language| (prompt, language)))
        {
            let text = say(language, &Message::Prompt(prompt));
            assert!(text.ends_with(": "), "{text:?}");
        }
    }
}
