//! Who speaks: a language, and what the organization says in its own words.
//!
//! Owns where an own text stands in the place of one of our sentences, and the size of a screen. Whatever the file says, a
//! prompt ends like ours, every message is one line, and what is composed fits a screen: where own texts would make it too
//! large, our sentences stand (SECURITY.md TH22).

use crate::conversation::{Reply, Style};
use crate::factor::Method;

use super::texts::{Place, Texts, Values};
use super::{Language, Message, Note, Prompt, Refusal, Sending, Setup, moment, offer, say};

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
            Message::Prompt(prompt) => return self.ask_own(*prompt),
            Message::Note(Note::MaySkip { days, .. }) => {
                let days = days.map(|days| days.to_string());
                (Place::Skip, Values { days, ..values })
            }
            Message::Sending(Sending::OnItsWay { recipient }) => {
                (Place::Sent, Values { recipient: Some(recipient.clone()), ..values })
            }
            Message::Note(_) | Message::Sending(_) => return None,
            Message::Refusal(refusal) => (Place::of_refusal(refusal)?, self.values_of(refusal, values)),
            Message::Setup(setup) => (Place::of_setup(setup)?, values),
        };
        self.texts.say(place, self.language, &values)
    }

    /// Asks in the organization's words; what the prompt offers besides stays, unless the text offers it itself.
    fn ask_own(&self, prompt: Prompt) -> Option<String> {
        let (Prompt::Code | Prompt::CodeOrOther | Prompt::CodeToRemember { .. }) = prompt else {
            return None;
        };
        let text = self.texts.say(Place::Code, self.language, &self.values())?;
        let is_offered = matches!(prompt, Prompt::CodeOrOther) && text.contains('?');
        let offer = offer(self.language, prompt).filter(|_| !is_offered);
        Some(offer.map_or_else(|| prompting(&text), |offer| prompting(&offering(&text, &offer))))
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

/// Puts an offer before the colon of a text. A bracket of full width brings its own space.
fn offering(text: &str, offer: &str) -> String {
    let text = text.trim_end_matches([':', '：', ' ', '\u{a0}']);
    let space = if offer.starts_with('（') { "" } else { " " };
    format!("{text}{space}{offer}")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::LANGUAGES;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    const TO_REMEMBER: Prompt = Prompt::CodeToRemember {
        source: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 17)),
        life: Duration::from_hours(720),
    };

    fn asked(text: &str, language: Language, prompt: Prompt) -> String {
        let mut texts = Texts::default();
        texts.set("code", None, text).unwrap();
        Voice { texts: &texts, ..Voice::from(language) }.say(&Message::Prompt(prompt))
    }

    #[test]
    fn what_a_prompt_offers_stays_beside_an_own_text() {
        assert_eq!(
            asked("Uni code:", Language::English, Prompt::CodeOrOther),
            "Uni code (`?` for other ways): "
        );
        assert_eq!(
            asked("口令：", Language::Chinese, Prompt::CodeOrOther),
            "口令（输入 `?` 查看其他方式）: "
        );
        for language in LANGUAGES {
            let text = asked("Uni code", language, TO_REMEMBER);
            assert!(text.starts_with("Uni code") && text.ends_with(": "), "{text}");
            assert!(text.contains("`r`") && text.contains("198.51.100.17") && text.contains("30"), "{text}");
        }
    }

    #[test]
    fn what_an_own_text_offers_itself_is_not_offered_twice() {
        let text = "Uni code (? for other ways):";
        assert_eq!(asked(text, Language::English, Prompt::CodeOrOther), "Uni code (? for other ways): ");
        assert!(asked(text, Language::English, TO_REMEMBER).contains("`r`"));
    }

    #[test]
    fn prompts_for_anything_else_stay_ours() {
        for prompt in [Prompt::CodeOf(Method::Backup), Prompt::CurrentCode, Prompt::Saved, Prompt::Invitation]
        {
            assert_eq!(
                asked("Uni code", Language::English, prompt),
                say(Language::English, &Message::Prompt(prompt))
            );
        }
    }

    #[test]
    fn what_is_on_its_way_and_what_can_be_skipped_is_told_with_its_values() {
        let mut texts = Texts::default();
        texts.set("sent", None, "Look into {recipient}.").unwrap();
        texts.set("skip", None, "Type `skip`; {days} days are left.").unwrap();
        let voice = Voice { texts: &texts, ..Voice::from(Language::English) };
        let sent = Message::Sending(Sending::OnItsWay { recipient: "a•••@example.org".to_owned() });
        assert_eq!(voice.say(&sent), "Look into a•••@example.org.");
        let skip = |days| voice.say(&Message::Note(Note::MaySkip { days, times: None }));
        assert_eq!(skip(Some(5)), "Type `skip`; 5 days are left.");
        assert!(skip(None).starts_with("Type `skip` to do this later."), "our sentence stands");
    }
}
