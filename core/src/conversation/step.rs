//! What a conversation answers: a state, and lines to show (DESIGN.md 6).
//!
//! Owns the form of a reply; what must be read stands in the text of its prompt.

use crate::policy::Echo;
use crate::words::{Message, Prompt};

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

/// Makes the line of a prompt; `messages` ends with a [`Message::Prompt`].
pub(super) fn prompt_line(echo: Echo, messages: Vec<Message>) -> Line {
    let style = match echo {
        Echo::Visible => Style::AskVisible,
        Echo::Hidden => Style::AskHidden,
    };
    Line { style, messages }
}

/// Adds a prompt to what is to be said before it.
pub(super) fn with_prompt(before: impl IntoIterator<Item = Message>, prompt: Prompt) -> Vec<Message> {
    before.into_iter().chain([Message::Prompt(prompt)]).collect()
}
