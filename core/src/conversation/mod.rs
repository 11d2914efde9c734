//! Conversations: the state machines behind every dialogue.
//!
//! Owns the contract between core and engine: an event and an account in, the next state and effects out. The engine
//! puts `next` in place only after the commit, and replies only then. `End` cannot decide anything any more.

pub mod enrollment;
pub mod login;
pub mod removal;

use std::time::Duration;

use zeroize::Zeroizing;

use crate::account::Account;
use crate::audit::AuditEvent;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::Message;

/// How long a conversation may last (DESIGN.md 4).
pub const CONVERSATION_LIMIT: Duration = Duration::from_secs(180);
/// How long a conversation may last while enrolling.
pub const ENROLLING_LIMIT: Duration = Duration::from_secs(600);
/// The longest answer, in bytes; the door refuses longer ones.
pub const ANSWER_LIMIT: usize = 256;
/// How many prompts one login has.
pub const PROMPT_LIMIT: u32 = 3;

/// What happened to a conversation.
#[derive(Debug, Clone)]
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

    /// Tells how long it may last from its beginning.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        match self {
            Self::Login(login) => login.time_limit(),
            Self::Enrollment(_) => ENROLLING_LIMIT,
            Self::Removal(_) | Self::End => CONVERSATION_LIMIT,
        }
    }
}
