//! Letters: what is written in an e-mail, a text message, or spoken in a call.
//!
//! Owns their composition; the phrases have one file a language. Whatever comes from outside (names, host, organization,
//! `help`) is made printable and cut here, and escaped in HTML, so that it can add no header, no line, no markup and no
//! second message. A letter has no link and no image: nothing in it is to be followed. Leaves the way out to `delivery`.

mod gsm;
mod html;
mod trial;

use std::time::Duration;

use crate::delivery::{Channel, Letter};
use crate::factor::sent::in_groups;
use crate::login::Source;
use crate::notice::Notice;
use crate::secret::Secret;
use crate::time::WallTime;

use super::{Language, Voice, chinese, clock, english, french, german, japanese, shown, spanish};
use gsm::is_one_message;
use html::{escaped, page};

pub use trial::trial;

/// The most of a name that is written, in characters: more than a host name can have, less than a subject may hold.
const NAME_LIMIT: usize = 64;
/// What a letter with a code tells besides the code.
#[derive(Debug, Clone, Copy)]
pub struct CodeLetter<'a> {
    /// On which channel it goes.
    pub channel: Channel,
    /// Who logs in.
    pub person: &'a str,
    /// To which service.
    pub service: &'a str,
    /// On which host.
    pub host: &'a str,
    /// Where from.
    pub source: Source,
    /// When.
    pub at: WallTime,
    /// How long the code is good.
    pub lifetime: Duration,
}

/// What a letter with a notice tells.
#[derive(Debug, Clone, Copy)]
pub struct NoticeLetter<'a> {
    /// What happened.
    pub notice: &'a Notice,
    /// To whom it happened.
    pub person: &'a str,
    /// On which host.
    pub host: &'a str,
    /// When.
    pub at: WallTime,
}

/// The facts of a code letter as they are written: printable and cut.
pub(super) struct Facts {
    pub(super) organization: String,
    pub(super) person: String,
    pub(super) service: String,
    pub(super) host: String,
    pub(super) source: Source,
    pub(super) time: String,
    pub(super) life: Life,
    pub(super) help: Option<String>,
}

/// How long a code is good: in whole minutes where it is that, else in seconds.
#[derive(Clone, Copy)]
pub(super) enum Life {
    Minutes(u64),
    Seconds(u64),
}

/// What a language says around a code. No phrase holds the code itself.
pub(super) struct CodePhrases {
    /// Follows the code in the subject.
    pub(super) subject: String,
    /// Stands above the code.
    pub(super) heading: &'static str,
    /// Which login it is for, and how long it is good.
    pub(super) about: String,
    /// What to do when it was somebody else.
    pub(super) warning: String,
    /// Follows the code in a text message: the most telling first, the shortest last.
    pub(super) short: [String; 3],
    /// What a call says before the code, and before it is said again.
    pub(super) spoken: [String; 2],
}

/// What a language says of a notice.
pub(super) struct NoticePhrases {
    /// The end of the subject.
    pub(super) headline: &'static str,
    /// What happened, whole sentences.
    pub(super) sentence: String,
    /// To whom, where and when.
    pub(super) occasion: String,
    /// What to do when it was somebody else.
    pub(super) warning: String,
}

/// Writes the letter that brings a code.
#[must_use]
pub fn code(voice: &Voice<'_>, letter: &CodeLetter<'_>, code: &str) -> Letter {
    let facts = Facts::of(voice, letter);
    let phrases = match voice.language {
        Language::English => english::letter::code(&facts),
        Language::German => german::letter::code(&facts),
        Language::French => french::letter::code(&facts),
        Language::Spanish => spanish::letter::code(&facts),
        Language::Chinese => chinese::letter::code(&facts),
        Language::Japanese => japanese::letter::code(&facts),
    };
    match letter.channel {
        Channel::Email => code_mail(voice, &phrases, code),
        Channel::Sms => spoken_or_short(short_message(&phrases, code)),
        Channel::Call => spoken_or_short(call(&phrases, code)),
    }
}

/// Writes the letter that tells of a change or of danger; notices go by e-mail only.
#[must_use]
pub fn notice(voice: &Voice<'_>, letter: &NoticeLetter<'_>) -> Letter {
    let NoticeLetter { notice, person, host, at } = *letter;
    let [person, host] = [person, host].map(name);
    let (help, time) = (voice.help.map(shown), moment(at));
    let facts = Occasion { person: &person, host: &host, time: &time, help: help.as_deref() };
    let phrases = match voice.language {
        Language::English => english::letter::notice(notice, &facts),
        Language::German => german::letter::notice(notice, &facts),
        Language::French => french::letter::notice(notice, &facts),
        Language::Spanish => spanish::letter::notice(notice, &facts),
        Language::Chinese => chinese::letter::notice(notice, &facts),
        Language::Japanese => japanese::letter::notice(notice, &facts),
    };
    let NoticePhrases { headline, sentence, occasion, warning } = phrases;
    let subject = format!("{host}: {headline}");
    let paragraphs = [sentence, occasion, warning, closing(voice)];
    let html: String = paragraphs
        .iter()
        .flat_map(|paragraph| ["<p>".to_owned(), escaped(paragraph), "</p>\n".to_owned()])
        .collect();
    Letter {
        html: Secret::new(page(voice.language, &subject, &html)),
        text: Secret::new(paragraphs.join("\n\n") + "\n"),
        subject: Secret::new(subject),
    }
}

/// To whom, where and when something happened, printable and cut.
pub(super) struct Occasion<'a> {
    pub(super) person: &'a str,
    pub(super) host: &'a str,
    pub(super) time: &'a str,
    pub(super) help: Option<&'a str>,
}

impl Facts {
    fn of(voice: &Voice<'_>, letter: &CodeLetter<'_>) -> Self {
        let seconds = letter.lifetime.as_secs();
        let life =
            if seconds.is_multiple_of(60) { Life::Minutes(seconds / 60) } else { Life::Seconds(seconds) };
        Self {
            organization: name(voice.organization),
            person: name(letter.person),
            service: name(letter.service),
            host: name(letter.host),
            source: letter.source,
            time: moment(letter.at),
            life,
            help: voice.help.map(shown),
        }
    }
}

/// The mail: the code is the first word of its subject, so that it is seen without opening.
fn code_mail(voice: &Voice<'_>, phrases: &CodePhrases, code: &str) -> Letter {
    let CodePhrases { subject, heading, about, warning, .. } = phrases;
    let closing = closing(voice);
    let word = in_groups(code, '-');
    let grouped = in_groups(code, ' ');
    // `concat` allocates once, so that no copy of the code stays behind.
    let subject = Secret::new([word.expose(), " ", subject].concat());
    let text =
        [heading, "\n\n    ", grouped.expose(), "\n\n", about, "\n\n", warning, "\n\n", &closing, "\n"];
    let [heading, about, warning, end] =
        [heading, about.as_str(), warning.as_str(), closing.as_str()].map(escaped);
    let body = Secret::new(
        [
            "<p>",
            &heading,
            "</p>\n<p style=\"font-size:1.8em;font-weight:bold;font-family:monospace\">",
            grouped.expose(),
            "</p>\n<p>",
            &about,
            "</p>\n<p>",
            &warning,
            "</p>\n<p>",
            &end,
            "</p>\n",
        ]
        .concat(),
    );
    let html = Secret::new(page(voice.language, subject.expose(), body.expose()));
    Letter { subject, text: Secret::new(text.concat()), html }
}

/// The text message: the longest of the phrases with which it is one message.
fn short_message(phrases: &CodePhrases, code: &str) -> Secret<String> {
    let grouped = in_groups(code, ' ');
    let written = phrases.short.iter().map(|rest| Secret::new([grouped.expose(), " ", rest].concat()));
    let mut last = Secret::new(grouped.expose().clone());
    for text in written {
        if is_one_message(text.expose()) {
            return text;
        }
        last = text;
    }
    last
}

/// The call: character by character, twice.
fn call(phrases: &CodePhrases, code: &str) -> Secret<String> {
    let mut spelled = Secret::new(String::with_capacity(code.len().saturating_mul(3)));
    for (position, character) in code.chars().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        spelled = Secret::new([spelled.expose(), comma, character.encode_utf8(&mut [0; 4])].concat());
    }
    let [first, again] = &phrases.spoken;
    Secret::new([first, " ", spelled.expose(), ". ", again, " ", spelled.expose(), "."].concat())
}

fn spoken_or_short(text: Secret<String>) -> Letter {
    Letter { subject: Secret::new(String::new()), text, html: Secret::new(String::new()) }
}

/// The last line of a mail: the organization's own, else its name.
fn closing(voice: &Voice<'_>) -> String {
    voice.close_mail().unwrap_or_else(|| name(voice.organization))
}

pub(super) fn name(text: &str) -> String {
    shown(text).chars().take(NAME_LIMIT).collect()
}

/// A time that is read the same everywhere.
pub(super) fn moment(at: WallTime) -> String {
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(at);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::LANGUAGES;

    const CODE: &str = "49302718";
    /// What somebody might get into a name: headers, markup, other directions, escapes, too much of it.
    const HOSTILE: &str =
        "Eve\r\nBcc: eve@example.org\n\n<script>alert(1)</script>\"'&\u{1b}[2J\u{202e}\u{2028}";

    fn voice(language: Language) -> Voice<'static> {
        let organization = "Example University";
        Voice { organization, help: Some("IT helpdesk, +49 30 1234"), ..language.into() }
    }

    fn letter(channel: Channel) -> CodeLetter<'static> {
        CodeLetter {
            channel,
            person: "alice",
            service: "sshd",
            host: "web1.example.org",
            source: Source::Address("198.51.100.7".parse().unwrap()),
            at: WallTime::from_seconds(1_772_632_920),
            lifetime: Duration::from_mins(5),
        }
    }

    fn hostile(channel: Channel, text: &str) -> CodeLetter<'_> {
        CodeLetter { person: text, service: text, host: text, ..letter(channel) }
    }

    fn mail(language: Language) -> [String; 3] {
        parts(&code(&voice(language), &letter(Channel::Email), CODE))
    }

    fn parts(letter: &Letter) -> [String; 3] {
        [&letter.subject, &letter.text, &letter.html].map(|part| part.expose().clone())
    }

    #[test]
    fn the_code_is_the_first_word_of_the_subject_and_stands_in_groups_in_both_parts() {
        let [subject, text, html] = mail(Language::English);
        assert_eq!(subject, "4930-2718 is your code for sshd on web1.example.org");
        assert_eq!(
            text,
            "Your code:\n\n    4930 2718\n\nIt is for the login of alice to sshd on web1.example.org, from \
             198.51.100.7, asked for on 2026-03-04 14:02 UTC. It is good for 5 minutes, once.\n\nIf this was not \
             you, somebody may know your password: give this code to nobody, and tell IT helpdesk, +49 30 1234.\n\n\
             Example University\n"
        );
        assert!(html.contains(">4930 2718<"), "{html}");
    }

    #[test]
    fn a_mail_says_who_logs_in_to_what_from_where_and_when_in_every_language() {
        for language in LANGUAGES {
            let [subject, text, html] = mail(language);
            assert_eq!(subject.split(' ').next(), Some("4930-2718"), "{subject}");
            for fact in [
                "4930 2718",
                "alice",
                "sshd",
                "web1.example.org",
                "198.51.100.7",
                "2026-03-04 14:02 UTC",
                "5",
                "+49 30 1234",
            ] {
                assert!(text.contains(fact) && html.contains(fact), "{fact}: {text}");
            }
            for source in [Source::Local, Source::Unknown] {
                let letter = CodeLetter { source, ..letter(Channel::Email) };
                assert!(!code(&voice(language), &letter, CODE).text.expose().contains("local"));
            }
        }
    }

    #[test]
    fn a_hostile_name_adds_no_header_no_line_and_no_markup() {
        let long = "x".repeat(100_000);
        for (language, text) in
            LANGUAGES.into_iter().flat_map(|language| [(language, HOSTILE), (language, &*long)])
        {
            let plain = parts(&code(&voice(language), &letter(Channel::Email), CODE));
            let [subject, body, html] = parts(&code(
                &Voice { organization: text, help: Some(text), ..language.into() },
                &hostile(Channel::Email, text),
                CODE,
            ));
            for part in [&subject, &body, &html] {
                assert!(!part.contains(['\r', '\u{1b}', '\u{202e}', '\u{2028}']), "{part:?}");
                assert!(part.len() < 4_000, "{}", part.len());
            }
            assert!(!subject.contains('\n') && subject.len() < 300, "{subject:?}");
            assert!(!html.contains("<script") && !html.contains("\"'"), "{html}");
            let lines = |text: &str| text.lines().count();
            assert_eq!((lines(&body), lines(&html)), (lines(&plain[1]), lines(&plain[2])));
            for channel in [Channel::Sms, Channel::Call] {
                let [subject, body, html] = parts(&code(
                    &Voice { organization: text, help: Some(text), ..language.into() },
                    &hostile(channel, text),
                    CODE,
                ));
                assert!(subject.is_empty() && html.is_empty());
                assert_eq!(lines(&body), 1, "{body:?}");
                assert!(!body.contains('\r') && body.len() < 500, "{body:?}");
            }
        }
    }

    #[test]
    fn a_letter_has_no_link_and_no_image() {
        for language in LANGUAGES {
            let notice = NoticeLetter {
                notice: &Notice::Reset,
                person: "alice",
                host: "web1.example.org",
                at: WallTime::from_seconds(0),
            };
            for letter in [
                code(&voice(language), &letter(Channel::Email), CODE),
                super::notice(&voice(language), &notice),
            ] {
                let html = letter.html.expose().to_ascii_lowercase();
                assert!(
                    !["http", "href", "src=", "<img", "url("].iter().any(|part| html.contains(part)),
                    "{html}"
                );
            }
        }
    }

    #[test]
    fn a_text_message_is_one_line_and_one_message_with_the_code_first() {
        for language in LANGUAGES {
            for life in [30, 60, 300, 600] {
                let letter = CodeLetter { lifetime: Duration::from_secs(life), ..letter(Channel::Sms) };
                let text = code(&voice(language), &letter, "CDFG34").text;
                assert!(text.expose().starts_with("CDF G34 "), "{text:?}");
                assert!(
                    gsm::is_one_message(text.expose()) && !text.expose().contains('\n'),
                    "{}",
                    text.expose()
                );
            }
            let long = "x".repeat(300);
            let text = code(&voice(language), &hostile(Channel::Sms, &long), CODE).text;
            assert!(gsm::is_one_message(text.expose()), "{}", text.expose());
        }
        let text = code(&voice(Language::English), &letter(Channel::Sms), CODE).text;
        let whole = "4930 2718 is your code for sshd on web1.example.org, from 198.51.100.7. Good for 5 minutes. Give it to nobody.";
        assert_eq!(text.expose(), whole);
    }

    #[test]
    fn a_western_language_names_service_host_and_source_in_one_text_message() {
        for language in [Language::English, Language::German, Language::French, Language::Spanish] {
            let text = code(&voice(language), &letter(Channel::Sms), CODE).text;
            assert!(
                text.expose().contains("web1.example.org") && text.expose().contains("198.51.100.7"),
                "{language:?}"
            );
        }
    }

    #[test]
    fn a_call_speaks_digit_by_digit_and_twice() {
        for language in LANGUAGES {
            let spoken = code(&voice(language), &letter(Channel::Call), CODE).text;
            assert_eq!(spoken.expose().matches("4, 9, 3, 0, 2, 7, 1, 8").count(), 2, "{}", spoken.expose());
            assert!(!spoken.expose().contains("4930"));
        }
    }

    #[test]
    fn every_notice_is_said_in_every_language_with_all_that_it_is_about() {
        let name = || "phone <1>".to_owned();
        let other = || "tablet".to_owned();
        let from = Source::Address("198.51.100.7".parse().unwrap());
        let at = WallTime::from_seconds(1_772_632_920);
        let all = [
            (Notice::FactorAdded { name: name() }, vec!["phone"]),
            (Notice::FactorRemoved { name: name() }, vec!["phone"]),
            (Notice::FactorReplaced { old: name(), new: other() }, vec!["phone", "tablet"]),
            (Notice::FactorRenamed { old: name(), new: other() }, vec!["phone", "tablet"]),
            (Notice::BackupCodesMade, vec![]),
            (Notice::BackupCodeUsed { left: 7 }, vec!["7"]),
            (Notice::ContactSet { old: Some("a•••@x.org".into()), new: None }, vec!["a•••@x.org"]),
            (Notice::PlaceRemembered { address: "198.51.100.7".into() }, vec!["198.51.100.7"]),
            (Notice::Locked { from, until: Some(at) }, vec!["198.51.100.7", "14:02"]),
            (Notice::Locked { from: Source::Local, until: None }, vec![]),
            (Notice::WrongCodes { from }, vec!["198.51.100.7"]),
            (Notice::Reset, vec![]),
            (Notice::Unlocked, vec![]),
            (Notice::AcceptedAgain, vec![]),
            (Notice::Invited { expires: at }, vec!["2026-03-04 14:02 UTC"]),
            (Notice::SwitchedOn, vec![]),
            (Notice::SwitchedOff, vec![]),
        ];
        for (told, facts) in &all {
            let mut seen = std::collections::BTreeSet::new();
            for language in LANGUAGES {
                let letter = NoticeLetter { notice: told, person: "alice", host: "web1.example.org", at };
                let [subject, text, html] = parts(&notice(&voice(language), &letter));
                assert!(subject.starts_with("web1.example.org: "), "{subject}");
                for fact in facts.iter().chain(&[
                    "alice",
                    "2026-03-04 14:02 UTC",
                    "IT helpdesk",
                    "Example University",
                ]) {
                    assert!(text.contains(fact) && html.contains(fact), "{fact}: {text}");
                }
                assert!(!html.contains("<1>") && !text.contains(['\r', '\u{1b}']), "{html}");
                assert!(seen.insert(subject), "{told:?} is not translated");
            }
        }
    }

    #[test]
    fn a_letter_does_not_show_itself() {
        let letter = code(&voice(Language::English), &letter(Channel::Email), CODE);
        assert!(!format!("{letter:?}").contains("2718"));
    }
}
