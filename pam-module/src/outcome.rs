//! From what happened to the code that libpam gets.
//!
//! Owns the one total table (DESIGN.md 5). Invariant: `PAM_SUCCESS` and `PAM_IGNORE` come from an explicit `Allow` or
//! `Skip` of the service, from nothing else.

use countersign_protocol::error::{ConversationError, PeerError, ScreenError};
use countersign_protocol::step::State;
use pam::constants::PamResultCode;

use crate::facts::Program;
use crate::options::OptionError;

/// The service of sshd.
pub(crate) const SSHD: &str = "sshd";

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The service failed, or what listens is not the service.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The person could not be talked to.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// The service asked without end.
    #[error("the service asked without end")]
    Endless,
    /// The line in the PAM configuration is wrong.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// libpam has no usable name of the person.
    #[error("no usable user name")]
    User,
    /// The name changed while we were talking about somebody.
    #[error("the user name changed during the login")]
    UserChanged,
    /// A fault of our own: a panic, or no memory or descriptor for the runtime.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl From<ConversationError> for Failure {
    fn from(error: ConversationError) -> Self {
        match error {
            ConversationError::Screen(error) => Self::Screen(error),
            ConversationError::Peer(error) => Self::Peer(error),
            ConversationError::TooManyPrompts(_) => Self::Endless,
        }
    }
}

/// What a phase ended with.
pub(crate) type Outcome = Result<State, Failure>;

/// Tells the code of `pam_sm_authenticate`.
pub(crate) fn authenticate_code(outcome: &Outcome, program: Program) -> PamResultCode {
    match outcome {
        Ok(State::Allow) => PamResultCode::PAM_SUCCESS,
        Ok(State::Skip) => PamResultCode::PAM_IGNORE,
        // GDM hangs on PAM_MAXTRIES; sshd stops offering the method, as it should.
        Ok(State::LockOut) if program != Program::Other => PamResultCode::PAM_MAXTRIES,
        Ok(State::Deny | State::LockOut) => PamResultCode::PAM_AUTH_ERR,
        // A login that ends in a state of another dialogue, or in a prompt, is malformed.
        Ok(State::Unavailable | State::Ask | State::Done | State::Failed) => {
            PamResultCode::PAM_AUTHINFO_UNAVAIL
        }
        Err(failure) => failure_code(failure),
    }
}

/// Tells the code of `pam_sm_acct_mgmt` under `require_auth`: whoever policy lets in without asking is left to the
/// other lines, all else is refused.
pub(crate) fn account_code(outcome: &Outcome) -> PamResultCode {
    match outcome {
        Ok(State::Allow | State::Skip) => PamResultCode::PAM_IGNORE,
        Ok(State::Deny | State::LockOut | State::Unavailable | State::Ask | State::Done | State::Failed) => {
            PamResultCode::PAM_PERM_DENIED
        }
        Err(failure @ (Failure::Option(_) | Failure::Internal(_))) => failure_code(failure),
        Err(
            Failure::Peer(_) | Failure::Screen(_) | Failure::Endless | Failure::User | Failure::UserChanged,
        ) => PamResultCode::PAM_PERM_DENIED,
    }
}

/// Tells the code of a failure; each refuses.
fn failure_code(failure: &Failure) -> PamResultCode {
    match failure {
        Failure::Peer(PeerError::NotPermitted) => PamResultCode::PAM_PERM_DENIED,
        Failure::Peer(
            PeerError::InvalidArgument(_)
            | PeerError::LimitReached
            | PeerError::Unavailable
            | PeerError::NoSuchUser
            | PeerError::Refused(_)
            | PeerError::Unexpected(_)
            | PeerError::Gone(_)
            | PeerError::WrongOwner(_)
            | PeerError::TimedOut
            | PeerError::MalformedReply
            | PeerError::MalformedStep(_),
        )
        | Failure::Endless => PamResultCode::PAM_AUTHINFO_UNAVAIL,
        Failure::Screen(ScreenError::Absent | ScreenError::Failed) => PamResultCode::PAM_CONV_ERR,
        Failure::Screen(ScreenError::TooLong | ScreenError::Spent) | Failure::User | Failure::UserChanged => {
            PamResultCode::PAM_AUTH_ERR
        }
        Failure::Option(_) => PamResultCode::PAM_SERVICE_ERR,
        Failure::Internal(_) => PamResultCode::PAM_SYSTEM_ERR,
    }
}

#[cfg(test)]
#[path = "../tests/outcome.rs"]
mod tests;
