//! Unit tests of the return-code table, over all inputs.

use countersign_protocol::step::{MalformedStep, STATES};

use super::*;

const PROGRAMS: [Program; 3] = [Program::Sshd, Program::UnnamedSsh, Program::Other];

fn failures() -> Vec<(Failure, PamResultCode)> {
    let unavailable = [
        PeerError::InvalidArgument(String::new()),
        PeerError::LimitReached,
        PeerError::Unavailable,
        PeerError::NoSuchUser,
        PeerError::Refused(String::new()),
        PeerError::Unexpected(String::new()),
        PeerError::Gone(String::new()),
        PeerError::WrongOwner(1000),
        PeerError::TimedOut,
        PeerError::MalformedReply,
        PeerError::MalformedStep(MalformedStep::State),
    ];
    let peer =
        unavailable.into_iter().map(|error| (Failure::Peer(error), PamResultCode::PAM_AUTHINFO_UNAVAIL));
    let own = [
        (Failure::Peer(PeerError::NotPermitted), PamResultCode::PAM_PERM_DENIED),
        (Failure::Screen(ScreenError::Absent), PamResultCode::PAM_CONV_ERR),
        (Failure::Screen(ScreenError::Failed), PamResultCode::PAM_CONV_ERR),
        (Failure::Screen(ScreenError::TooLong), PamResultCode::PAM_AUTH_ERR),
        (Failure::Screen(ScreenError::Spent), PamResultCode::PAM_AUTH_ERR),
        (Failure::Endless, PamResultCode::PAM_AUTHINFO_UNAVAIL),
        (Failure::Option(OptionError::Timeout), PamResultCode::PAM_SERVICE_ERR),
        (Failure::User, PamResultCode::PAM_AUTH_ERR),
        (Failure::UserChanged, PamResultCode::PAM_AUTH_ERR),
        (Failure::Internal("panic"), PamResultCode::PAM_SYSTEM_ERR),
    ];
    peer.chain(own).collect()
}

#[test]
fn every_state_has_its_code() {
    for (state, _) in STATES {
        for program in PROGRAMS {
            let expected = match state {
                State::Allow => PamResultCode::PAM_SUCCESS,
                State::Skip => PamResultCode::PAM_IGNORE,
                State::LockOut if program != Program::Other => PamResultCode::PAM_MAXTRIES,
                State::Deny | State::LockOut => PamResultCode::PAM_AUTH_ERR,
                State::Ask | State::Unavailable | State::Done | State::Failed => {
                    PamResultCode::PAM_AUTHINFO_UNAVAIL
                }
            };
            assert_eq!(authenticate_code(&Ok(state), program), expected);
        }
    }
}

#[test]
fn every_failure_has_its_code_and_none_lets_in() {
    for (failure, code) in failures() {
        for program in PROGRAMS {
            assert_eq!(authenticate_code(&Err(failure.clone()), program), code);
        }
        let account = account_code(&Err(failure.clone()));
        let expected = match failure {
            Failure::Option(_) | Failure::Internal(_) => code,
            _ => PamResultCode::PAM_PERM_DENIED,
        };
        assert_eq!(account, expected);
        for code in [account, authenticate_code(&Err(failure), Program::Sshd)] {
            assert!(code != PamResultCode::PAM_SUCCESS && code != PamResultCode::PAM_IGNORE);
        }
    }
}

#[test]
fn the_account_phase_passes_only_allow_and_skip() {
    for (state, _) in STATES {
        let passes = matches!(state, State::Allow | State::Skip);
        let expected = if passes { PamResultCode::PAM_IGNORE } else { PamResultCode::PAM_PERM_DENIED };
        assert_eq!(account_code(&Ok(state)), expected);
    }
}
