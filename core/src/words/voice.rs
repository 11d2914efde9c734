//! Who speaks: a language, and what the organization says in its own words.
//!
//! Owns where an own text stands in the place of one of our sentences, and the size of a screen. Whatever the file says, a
//! prompt ends like ours, every message is one line, and what is composed fits a screen: where own texts would make it too
//! large, our sentences stand (SECURITY.md TH22).

use crate::conversation::{Reply, Style};
use crate::factor::Method;

use super::texts::{Place, Texts, Values};
use super::{Language, Message, Note, Prompt, Refusal, Sending, Setup, moment, say};

/// The largest composed screen, in bytes (DESIGN.md 7).
const SCREEN_LIMIT: usize = 4_096;

/// Who speaks.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'a> {
    /// In which language.
    pub language: Language,
    /// What the organization says in its own words.
    pub texts: &'a Texts,
    /// What it is called.
    pub organization: &'a str,
    /// Whom to ask.
    pub help: Option<&'a str>,
}

/// A language alone: every sentence is ours.
impl From<Language> for Voice<'_> {
    fn from(language: Language) -> Self {
        Self { language, texts: Texts::none(), organization: "", help: None }
    }
}

impl Voice<'_> {
    /// Says a message: in the organization's words where it has any, else in ours.
    #[must_use]
    pub fn say(&self, message: &Message) -> String {
        self.say_own(message).unwrap_or_else(|| say(self.language, message))
    }

    /// Says the closing line of an e-mail, if the organization has one.
    #[must_use]
    pub fn close_mail(&self) -> Option<String> {
        self.texts.say(Place::Mail, self.language, &self.values())
    }

    fn say_own(&self, message: &Message) -> Option<String> {
        let values = self.values();
        let (place, values) = match message {
            Message::Prompt(Prompt::Code | Prompt::CodeOrOther) => {
                let text = self.texts.say(Place::Code, self.language, &values)?;
                return Some(prompting(&text));
            }
            Message::Note(Note::MaySkip { days, .. }) => {
                let days = days.map(|days| days.to_string());
                (Place::Skip, Values { days, ..values })
            }
            Message::Sending(Sending::OnItsWay { recipient }) => {
                (Place::Sent, Values { recipient: Some(recipient.clone()), ..values })
            }
            Message::Prompt(_) | Message::Note(_) | Message::Sending(_) => return None,
            Message::Refusal(refusal) => (Place::of_refusal(refusal)?, self.values_of(refusal, values)),
            Message::Setup(setup) => (Place::of_setup(setup)?, values),
        };
        self.texts.say(place, self.language, &values)
    }

    fn values(&self) -> Values<'_> {
        Values { help: self.help, organization: Some(self.organization), ..Values::default() }
    }

    fn values_of<'a>(&self, refusal: &Refusal, values: Values<'a>) -> Values<'a> {
        let Refusal::Locked { until, now, .. } = refusal else { return values };
        Values { until: Some(moment(self.language, *until, *now)), ..values }
    }
}

impl Place {
    const fn of_refusal(refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::Locked { .. } => Some(Self::Locked),
            Refusal::NotEnrolled { .. } => Some(Self::NotEnrolled),
            Refusal::InvitationNeeded { .. } => Some(Self::Invitation),
            _ => None,
        }
    }

    /// The key of a token is counter-based, and a client that draws shows two ways: those keep our words, which say so.
    const fn of_setup(setup: &Setup) -> Option<Self> {
        match setup {
            Setup::Scan | Setup::EnterKey { method: Method::Totp } => Some(Self::Enroll),
            _ => None,
        }
    }
}

/// Makes a prompt of a text: it ends as every prompt does.
fn prompting(text: &str) -> String {
    let text = text.trim_end_matches('：');
    if text.ends_with(':') { format!("{text} ") } else { format!("{text}: ") }
}

/// Makes the lines of a reply: each with its style, its messages joined by newlines.
#[must_use]
pub fn render<'a>(voice: impl Into<Voice<'a>>, reply: &Reply) -> Vec<(Style, String)> {
    let voice = voice.into();
    let lines = compose(reply, |message| voice.say(message));
    let size: usize = lines.iter().map(|(_, text)| text.len()).sum();
    if size <= SCREEN_LIMIT { lines } else { compose(reply, |message| say(voice.language, message)) }
}

fn compose(reply: &Reply, say: impl Fn(&Message) -> String) -> Vec<(Style, String)> {
    let line = |messages: &[Message]| messages.iter().map(&say).collect::<Vec<_>>().join("\n");
    reply.lines.iter().map(|it| (it.style, line(&it.messages))).collect()
}
