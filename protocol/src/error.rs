//! What can go wrong between a client and the service.
//!
//! Owns the errors of the conversation loop and the reading of D-Bus errors. A verdict is never an error, and an error
//! is never a verdict: whoever gets one of these refuses.

use zbus::fdo;

use crate::names::error as known;
use crate::step::{MalformedStep, is_shown};

/// The longest text that is taken from an error of the service, in bytes.
const TEXT_LIMIT: usize = 511;

/// The service did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The caller may not do this.
    #[error("not permitted")]
    NotPermitted,
    /// An argument is malformed or over its limit.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    /// Too many conversations or connections.
    #[error("a limit of the service is reached")]
    LimitReached,
    /// The service says that it cannot decide now.
    #[error("the service is not able to decide")]
    Unavailable,
    /// No such person.
    #[error("no such user")]
    NoSuchUser,
    /// A rule refuses, for the reason in the text.
    #[error("{0}")]
    Refused(String),
    /// An error that the service does not define.
    #[error("an unexpected error of the service: {0}")]
    Unexpected(String),
    /// No connection, or it ended.
    #[error("no connection to the service: {0}")]
    Gone(String),
    /// Somebody else than the service listens.
    #[error("user id {0} listens in the place of the service")]
    WrongOwner(u32),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The reply is not of the agreed type.
    #[error("a malformed reply")]
    MalformedReply,
    /// The reply holds a step that breaks the contract.
    #[error("a malformed step: {0}")]
    MalformedStep(#[from] MalformedStep),
}

impl PeerError {
    /// Tells whether the service may still hold a conversation that is to be cancelled.
    #[must_use]
    pub const fn leaves_conversation_open(&self) -> bool {
        match self {
            Self::InvalidArgument(_)
            | Self::Unexpected(_)
            | Self::MalformedReply
            | Self::MalformedStep(_) => true,
            Self::NotPermitted
            | Self::LimitReached
            | Self::Unavailable
            | Self::NoSuchUser
            | Self::Refused(_)
            | Self::Gone(_)
            | Self::WrongOwner(_)
            | Self::TimedOut => false,
        }
    }
}

impl From<zbus::Error> for PeerError {
    fn from(error: zbus::Error) -> Self {
        match &error {
            zbus::Error::FDO(error) => Self::from_standard(error),
            zbus::Error::MethodError(name, text, _) => Self::from_own(name, text.as_deref()),
            other => Self::Gone(printable(&other.to_string())),
        }
    }
}

impl PeerError {
    /// Reads an error of the D-Bus specification, from the bus or from the object server.
    fn from_standard(error: &fdo::Error) -> Self {
        match error {
            fdo::Error::AccessDenied(_) => Self::NotPermitted,
            fdo::Error::ServiceUnknown(text)
            | fdo::Error::NameHasNoOwner(text)
            | fdo::Error::NoReply(text)
            | fdo::Error::Disconnected(text) => Self::Gone(printable(text)),
            other => Self::Unexpected(printable(&other.to_string())),
        }
    }

    /// Reads an error by its name.
    fn from_own(name: &str, text: Option<&str>) -> Self {
        let text = || printable(text.unwrap_or_default());
        match name {
            known::NOT_PERMITTED => Self::NotPermitted,
            known::INVALID_ARGUMENT => Self::InvalidArgument(text()),
            known::LIMIT_REACHED => Self::LimitReached,
            known::UNAVAILABLE => Self::Unavailable,
            known::NO_SUCH_USER => Self::NoSuchUser,
            known::REFUSED => Self::Refused(text()),
            other => Self::Unexpected(printable(other)),
        }
    }
}

/// Makes one printable line of at most 511 bytes out of somebody else's text.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        let character = if is_shown(character) && character != '\n' { character } else { ' ' };
        if line.len() + character.len_utf8() > TEXT_LIMIT {
            break;
        }
        line.push(character);
    }
    line
}

/// The person could not be shown a line or asked for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScreenError {
    /// There is nobody to talk to.
    #[error("no conversation")]
    Absent,
    /// Showing or asking failed, or the person hung up.
    #[error("the conversation failed")]
    Failed,
    /// The answer is longer than any code or word.
    #[error("an answer over its limit")]
    TooLong,
    /// The one answer that this client has did not end the dialogue.
    #[error("no further answer")]
    Spent,
}

/// A dialogue that ended without a final state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversationError {
    /// The person's side failed.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// The service's side failed.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The service asked without end.
    #[error("more than {0} prompts in one dialogue")]
    TooManyPrompts(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_service_becomes_one_short_printable_line() {
        assert_eq!(printable("a\nb\u{1b}[2J\u{202e}c"), "a b [2J c");
        let long = printable(&"ä".repeat(TEXT_LIMIT));
        assert!(long.len() <= TEXT_LIMIT && long.chars().all(|character| character == 'ä'));
    }

    #[test]
    fn what_is_not_an_error_of_the_service_is_a_lost_connection() {
        let error = PeerError::from(zbus::Error::InterfaceNotFound);
        assert!(matches!(error, PeerError::Gone(_)));
    }
}
