//! The message of trial, with which an administrator tries a way out. It holds no code, and nothing of any person.

use super::gsm::is_one_message;
use super::html::{escaped, page};
use super::{closing, name, spoken_or_short};
use crate::delivery::{Channel, Letter};
use crate::secret::Secret;
use crate::words::{Language, Voice, chinese, english, french, german, japanese, spanish};

/// Writes a message of trial.
#[must_use]
pub fn trial(voice: &Voice<'_>, channel: Channel, host: &str) -> Letter {
    let (organization, host) = (name(voice.organization), name(host));
    let [subject, text] = match voice.language {
        Language::English => english::letter::trial(&organization, &host),
        Language::German => german::letter::trial(&organization, &host),
        Language::French => french::letter::trial(&organization, &host),
        Language::Spanish => spanish::letter::trial(&organization, &host),
        Language::Chinese => chinese::letter::trial(&organization, &host),
        Language::Japanese => japanese::letter::trial(&organization, &host),
    };
    match channel {
        Channel::Email => mail(voice, format!("{host}: {subject}"), &text),
        Channel::Sms if !is_one_message(&text) => spoken_or_short(Secret::new(format!("{host}: {subject}"))),
        Channel::Sms | Channel::Call => spoken_or_short(Secret::new(text)),
    }
}

fn mail(voice: &Voice<'_>, subject: String, text: &str) -> Letter {
    let end = closing(voice);
    let body = ["<p>", &escaped(text), "</p>\n<p>", &escaped(&end), "</p>\n"].concat();
    Letter {
        html: Secret::new(page(voice.language, &subject, &body)),
        text: Secret::new(format!("{text}\n\n{end}\n")),
        subject: Secret::new(subject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::LANGUAGES;

    /// What somebody might get into a name: headers, markup, other directions, escapes.
    const HOSTILE: &str = "web1\r\nBcc: eve@example.org\n\n<script>alert(1)</script>\u{1b}[2J\u{202e}";

    fn parts(language: Language, channel: Channel, host: &str) -> [String; 3] {
        let voice = Voice { organization: "Example University", ..language.into() };
        let letter = trial(&voice, channel, host);
        [&letter.subject, &letter.text, &letter.html].map(|part| part.expose().clone())
    }

    #[test]
    fn a_message_of_trial_says_in_every_language_who_tries() {
        for language in LANGUAGES {
            let [subject, text, html] = parts(language, Channel::Email, "web1.example.org");
            assert!(subject.starts_with("web1.example.org: "), "{subject}");
            for fact in ["web1.example.org", "Example University"] {
                assert!(text.contains(fact) && html.contains(fact), "{text}");
            }
            for channel in [Channel::Sms, Channel::Call] {
                let [subject, text, html] = parts(language, channel, "web1");
                assert!(subject.is_empty() && html.is_empty() && text.contains("web1"), "{text}");
                assert!(!text.contains('\n') && is_one_message(&text), "{text}");
            }
        }
    }

    #[test]
    fn no_name_adds_a_header_a_line_or_markup() {
        for language in LANGUAGES {
            for channel in Channel::ALL {
                let [subject, text, html] = parts(language, channel, HOSTILE);
                assert!(!subject.contains(['\r', '\n', '\u{1b}', '\u{202e}']), "{subject:?}");
                assert!(
                    !text.contains(['\r', '\u{1b}', '\u{202e}']) && !html.contains("<script>"),
                    "{text:?}"
                );
            }
        }
    }
}
