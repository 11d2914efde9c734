//! Conversations: the state machines behind every dialogue.
//!
//! Owns the contract between core and engine: an event and an account in, the next state and effects out. The engine
//! puts `next` in place only after the commit, and replies only then. `End` cannot decide anything any more.

mod answer;
pub mod enrollment;
pub mod login;
mod proof;
pub mod removal;
mod self_service;
mod setup;

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::account::Account;
use crate::audit::AuditEvent;
use crate::login::{Person, Source};
use crate::policy::Echo;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Language, Message, Prompt};

/// How long a conversation may last (DESIGN.md 4).
pub const CONVERSATION_LIMIT: Duration = Duration::from_mins(3);
/// How long a conversation may last while enrolling.
pub const ENROLLING_LIMIT: Duration = Duration::from_mins(10);
/// The longest answer, in bytes; the door refuses longer ones.
pub const ANSWER_LIMIT: usize = 256;
/// How many prompts one login has.
pub const PROMPT_LIMIT: u32 = 3;
/// How many prompts one enrollment has: more, because `new` and `invert` take one each.
pub const ENROLLING_PROMPT_LIMIT: u32 = 10;
/// How many wrong codes end an enrollment or a change.
pub const WRONG_LIMIT: u32 = 3;

/// What happened to a conversation.
#[derive(Clone)]
pub enum Event {
    /// It was begun; the first turn answers `Begin*`.
    Begun,
    /// The person answered the prompt.
    Answered(Zeroizing<String>),
    /// Its time is over.
    DeadlineReached,
    /// The owner cancelled it or left.
    ClientGone,
}

impl fmt::Debug for Event {
    /// Names the event; an answer may be a code, or a password typed at the wrong prompt, and is not shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Begun => "Begun",
            Self::Answered(_) => "Answered(…)",
            Self::DeadlineReached => "DeadlineReached",
            Self::ClientGone => "ClientGone",
        })
    }
}

/// What one event led to.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    /// The state to put in place after the commit.
    pub next: Conversation,
    /// What is to be done, commits and records before the reply.
    pub effects: Vec<Effect>,
}

/// What the engine is to do.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a turn has a handful of effects and they do not live long")]
pub enum Effect {
    /// Write the account; its `revision` is the one that the decision was made on.
    Commit(Box<Account>),
    /// Record an event, in the same commit.
    Record(AuditEvent),
    /// Answer the caller, after the commit. Exactly one a turn for `Begun` and `Answered`, none for the others.
    Reply(Reply),
}

/// What the caller is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Where the dialogue is.
    pub state: State,
    /// What to show, in order; with `State::Ask` the last line is the one prompt.
    pub lines: Vec<Line>,
}

/// Where a dialogue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The last line is a prompt, and an answer is awaited.
    Ask,
    /// The login ended.
    Verdict(Verdict),
    /// Another dialogue ended well.
    Done,
    /// Another dialogue ended without what was asked for.
    Failed,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verdict {
    /// A right code: let in.
    Allow,
    /// Refused.
    Deny,
    /// Refused while locked.
    LockOut,
    /// Policy asks for no code.
    Skip,
    /// Something did not work: refused.
    Unavailable,
}

impl Verdict {
    /// Tells the name used on the bus and in the audit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::LockOut => "lock-out",
            Self::Skip => "skip",
            Self::Unavailable => "unavailable",
        }
    }
}

/// One text to show or prompt with: messages, each on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it is shown.
    pub style: Style,
    /// What it says; joined by newlines.
    pub messages: Vec<Message>,
}

/// How a line is shown (DESIGN.md 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// Information.
    Information,
    /// Error.
    Error,
    /// A prompt whose answer is not seen.
    AskHidden,
    /// A prompt whose answer is seen.
    AskVisible,
    /// Shown once and drawn by the client: the setup URI, only where the context said `draws_qr`.
    ShowOnce,
}

/// The state of a dialogue.
#[derive(Debug, Clone)]
pub enum Conversation {
    /// A login.
    Login(Box<login::Login>),
    /// Setting up a factor by oneself.
    Enrollment(Box<enrollment::Enrollment>),
    /// Removing a factor by oneself.
    Removal(Box<removal::Removal>),
    /// Over; decides nothing any more.
    End,
}

impl Conversation {
    /// Decides what follows from an event.
    ///
    /// `account` is the account as committed so far (an unstored one for a person without), `now` the instant,
    /// `entropy` randomness for new secrets.
    pub fn decide(&self, event: Event, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match self {
            Self::Login(login) => login.decide(event, account, now, entropy),
            Self::Enrollment(enrollment) => enrollment.decide(event, account, now, entropy),
            Self::Removal(removal) => removal.decide(event, account, now, entropy),
            Self::End => Turn { next: Self::End, effects: Vec::new() },
        }
    }

    /// Tells how long it may last from its beginning; a turn may change it.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        match self {
            Self::Login(login) => login.time_limit(),
            Self::Enrollment(_) => ENROLLING_LIMIT,
            Self::Removal(_) | Self::End => CONVERSATION_LIMIT,
        }
    }

    /// Tells the language of the dialogue.
    #[must_use]
    pub fn language(&self) -> Language {
        match self {
            Self::Login(login) => login.language(),
            Self::Enrollment(enrollment) => enrollment.language(),
            Self::Removal(removal) => removal.language(),
            Self::End => Language::default(),
        }
    }

    /// Tells whether the person has given any answer: a conversation without one is the first to make room.
    #[must_use]
    pub fn answered(&self) -> bool {
        match self {
            Self::Login(login) => login.answered(),
            Self::Enrollment(enrollment) => enrollment.answered(),
            Self::Removal(removal) => removal.answered(),
            Self::End => false,
        }
    }

    /// Tells whose dialogue it is; nobody's when it is over.
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Login(login) => Some(login.person()),
            Self::Enrollment(enrollment) => Some(enrollment.person()),
            Self::Removal(removal) => Some(removal.person()),
            Self::End => None,
        }
    }

    /// Tells where a login comes from; self-service is on this host.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Login(login) => Some(login.source()),
            Self::Enrollment(_) | Self::Removal(_) => Some(Source::Local),
            Self::End => None,
        }
    }
}

/// Why a conversation ended without its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Departure {
    /// Its time was over.
    Deadline,
    /// The owner left.
    Client,
}

impl Departure {
    const fn reason(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Client => "client-gone",
        }
    }
}

/// What a dialogue has asked and heard so far; every bound on its length is counted here.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// Prompts shown.
    prompts: u32,
    /// Answers given, of whatever kind.
    answers: u32,
    /// Answers treated as codes.
    codes: u32,
}

impl Tally {
    const fn answered(self) -> Self {
        Self { answers: self.answers.saturating_add(1), ..self }
    }

    const fn tried(self) -> Self {
        Self { codes: self.codes.saturating_add(1), ..self }
    }

    const fn prompted(self) -> Self {
        Self { prompts: self.prompts.saturating_add(1), ..self }
    }
}

/// Makes the line of a prompt; `messages` ends with a [`Message::Prompt`].
fn prompt_line(echo: Echo, messages: Vec<Message>) -> Line {
    let style = match echo {
        Echo::Visible => Style::AskVisible,
        Echo::Hidden => Style::AskHidden,
    };
    Line { style, messages }
}

/// Adds a prompt to what is to be said before it.
fn with_prompt(before: impl IntoIterator<Item = Message>, prompt: Prompt) -> Vec<Message> {
    before.into_iter().chain([Message::Prompt(prompt)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_does_not_show_itself() {
        let event = Event::Answered(Zeroizing::new("493027".to_owned()));
        assert_eq!(format!("{event:?}"), "Answered(…)");
    }
}
