//! What a caller is told when there is no answer.
//!
//! Owns the mapping to D-Bus error names. A verdict is never an error, and no text says which half of a login was wrong.

use std::borrow::Cow;

use countersign_protocol::names::error as names;
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

use crate::directory::DirectoryError;
use crate::engine::command::{EngineError, NotDone};

/// An object that is not there, in D-Bus' own words: another's conversation is as good as none.
const UNKNOWN_OBJECT: &str = "org.freedesktop.DBus.Error.UnknownObject";

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The caller may not do this.
    #[error("not permitted")]
    NotPermitted,
    /// The caller may not do this, for want of a role or of polkit.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// An argument is malformed or over its limit.
    #[error("{0}")]
    InvalidArgument(Cow<'static, str>),
    /// A limit of DESIGN.md 4 is reached.
    #[error("too many at the same time, try again")]
    LimitReached,
    /// The store, the name service or the engine failed or was late.
    #[error("the service cannot do this now")]
    Unavailable,
    /// No such person, for callers who may know.
    #[error("no such user")]
    NoSuchUser,
    /// Refused by a rule.
    #[error("{0}")]
    Refused(String),
    /// No such conversation, or another's.
    #[error("no such conversation")]
    UnknownConversation,
}

/// Which role a call needs, or why nobody can tell whether the caller has it; the caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// root.
    #[error("only root can do this")]
    Root,
    /// What polkit takes for an administrator.
    #[error("only an administrator can do this")]
    Administrator,
    /// A member of the group of the helpdesk.
    #[error("only the helpdesk (members of the group countersign-helpdesk) and administrators can do this")]
    Helpdesk,
    /// The caller is a member, and polkit says no all the same.
    #[error(
        "polkit refuses this, though you are in the group countersign-helpdesk; are the polkit rules of Countersign installed?"
    )]
    RulesMissing,
    /// Nobody answers for polkit.
    #[error("polkit is not running, and without it only root can do this")]
    NoPolkit,
    /// polkit was late, or gave no answer to rely on.
    #[error("polkit did not tell whether you may do this; only root can do it now")]
    PolkitFailed,
}

impl BusError {
    /// Tells whether something is wrong with the one person that a row of a list is about, and not with the caller or the
    /// service.
    pub(super) const fn is_of_person(&self) -> bool {
        match self {
            Self::InvalidArgument(_) | Self::NoSuchUser | Self::Refused(_) => true,
            Self::NotPermitted
            | Self::Forbidden(_)
            | Self::LimitReached
            | Self::Unavailable
            | Self::UnknownConversation => false,
        }
    }

    const fn on_wire(&self) -> &'static str {
        match self {
            Self::NotPermitted | Self::Forbidden(_) => names::NOT_PERMITTED,
            Self::InvalidArgument(_) => names::INVALID_ARGUMENT,
            Self::LimitReached => names::LIMIT_REACHED,
            Self::Unavailable => names::UNAVAILABLE,
            Self::NoSuchUser => names::NO_SUCH_USER,
            Self::Refused(_) => names::REFUSED,
            Self::UnknownConversation => UNKNOWN_OBJECT,
        }
    }
}

impl zbus::DBusError for BusError {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        Message::error(call, self.name()).build(&(self.to_string(),))
    }

    fn name(&self) -> ErrorName<'_> {
        ErrorName::from_static_str_unchecked(self.on_wire())
    }

    fn description(&self) -> Option<&str> {
        match self {
            Self::InvalidArgument(text) => Some(text),
            Self::Refused(text) => Some(text),
            Self::NotPermitted
            | Self::Forbidden(_)
            | Self::LimitReached
            | Self::Unavailable
            | Self::NoSuchUser
            | Self::UnknownConversation => None,
        }
    }
}

impl From<EngineError> for BusError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NoConversation => Self::UnknownConversation,
            EngineError::LimitReached => Self::LimitReached,
            EngineError::Unavailable => Self::Unavailable,
            EngineError::Unreadable => Self::Refused(error.to_string()),
        }
    }
}

impl From<DirectoryError> for BusError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::InvalidName => Self::InvalidArgument("not the name of a user".into()),
            DirectoryError::Failed(_) | DirectoryError::TimedOut => {
                tracing::error!(%error, "the name service did not answer");
                Self::Unavailable
            }
        }
    }
}

impl From<NotDone> for BusError {
    fn from(reason: NotDone) -> Self {
        Self::Refused(reason.to_string())
    }
}
