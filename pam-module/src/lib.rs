//! `pam_countersign.so`: the second factor at PAM.
//!
//! Owns the entry points and what each phase does. Leaves every decision to the service. Invariant: in somebody else's
//! process nothing outlives a call but the silent panic hook, and whatever goes wrong refuses.

mod breakglass;
mod client;
mod combined;
mod facts;
mod handle;
mod options;
mod outcome;
mod report;
mod screen;

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Once;

use countersign_protocol::conversation::{Peer, run};
use countersign_protocol::error::PeerError;
use countersign_protocol::step::State;
use nix::unistd::geteuid;
use pam::constants::{PAM_SILENT, PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};

use crate::client::Client;
use crate::facts::{LOGIN_VARIABLE, Phase, USER_LIMIT};
use crate::handle::{Handle, Priority};
use crate::options::{Duty, OptionError, Options};
use crate::outcome::{Failure, Outcome, SSHD, account_code, authenticate_code};
use crate::screen::{PamScreen, Prepared};

/// What a person is told when the service cannot be asked. The one sentence of the module: the others come from there.
const UNAVAILABLE: &str = "The second factor cannot be checked at the moment. Please try again later.";

struct Countersign;

mod entry {
    use super::Countersign;

    pam::pam_hooks!(Countersign);
}

impl PamHooks for Countersign {
    fn sm_authenticate(handle: &mut PamHandle, arguments: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        guarded(handle, |handle| authenticate(handle, &arguments, flags))
    }

    /// Always succeeds and never talks: an IGNORE of the only auth module makes `pam_setcred` fail, and crond calls it
    /// without having authenticated anybody.
    fn sm_setcred(_: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        PamResultCode::PAM_SUCCESS
    }

    fn acct_mgmt(handle: &mut PamHandle, arguments: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(handle, |handle| account(handle, &arguments))
    }

    fn sm_open_session(handle: &mut PamHandle, arguments: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(handle, |handle| report::session_opened(handle, &arguments))
    }

    fn sm_close_session(handle: &mut PamHandle, arguments: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(handle, |handle| report::session_closed(handle, &arguments))
    }

    fn sm_chauthtok(handle: &mut PamHandle, arguments: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        guarded(handle, |handle| report::password_changed(handle, &arguments, flags))
    }
}

/// Runs a hook so that a panic neither prints on the host's terminal nor passes the border.
fn guarded(handle: &mut PamHandle, hook: impl FnOnce(&mut Handle<'_>) -> PamResultCode) -> PamResultCode {
    static SILENT: Once = Once::new();
    SILENT.call_once(|| set_hook(Box::new(|_| {})));
    let mut handle = Handle::new(handle);
    catch_unwind(AssertUnwindSafe(|| hook(&mut handle))).unwrap_or_else(|payload| {
        // Dropping a payload can panic in its turn.
        std::mem::forget(payload);
        handle.log(Priority::Critical, "internal error: refused");
        PamResultCode::PAM_SYSTEM_ERR
    })
}

fn authenticate(handle: &mut Handle<'_>, arguments: &[&CStr], flags: PamFlag) -> PamResultCode {
    let service = handle.service();
    let outcome = match Options::parse(arguments) {
        Ok(Options { duty: Duty::FirstFactor, .. }) => return first_factor(handle, &service),
        // It decides nothing: the code line behind it does.
        Ok(Options { duty: Duty::Combined { digits }, .. }) => match combined::split_answer(handle, digits) {
            Ok(()) => return PamResultCode::PAM_IGNORE,
            Err(failure) => Err(failure),
        },
        Ok(Options { duty: Duty::RequireAuth, .. }) => Err(OptionError::Misplaced.into()),
        Ok(Options { duty: Duty::Code | Duty::LateCode, .. }) if breakglass::opens(handle, &service) => {
            return PamResultCode::PAM_IGNORE;
        }
        Ok(options @ Options { duty: Duty::Code | Duty::LateCode, .. }) => log_in(handle, &options, flags),
        Err(error) => Err(error.into()),
    };
    log_failure(handle, &outcome);
    match outcome {
        Ok(State::Deny | State::LockOut) => handle.delay_failure(),
        Err(Failure::Peer(_) | Failure::Endless) if flags & PAM_SILENT == 0 => handle.show(true, UNAVAILABLE),
        Ok(_) | Err(_) => {}
    }
    authenticate_code(&outcome, &service)
}

fn log_failure(handle: &Handle<'_>, outcome: &Outcome) {
    if let Err(failure) = outcome {
        handle.log(Priority::Error, &format!("login refused: {failure}"));
    }
}

/// Answers whether sshd, as root, has completed a public key: the one success without the service (DESIGN.md 5).
fn first_factor(handle: &Handle<'_>, service: &str) -> PamResultCode {
    let by_key =
        |methods: String| methods.lines().any(|method| method.split(' ').next() == Some("publickey"));
    let completed = handle.variable(facts::SSH_AUTH_INFO).is_some_and(by_key);
    if service == SSHD && geteuid().is_root() && completed {
        PamResultCode::PAM_SUCCESS
    } else {
        PamResultCode::PAM_IGNORE
    }
}

/// Leads a login from Begin to its verdict, and notes a good one for `account` and for the session.
fn log_in(handle: &mut Handle<'_>, options: &Options, flags: PamFlag) -> Outcome {
    // An earlier round of the same handle must not vouch for this one.
    handle.note(None).map_err(|_| Failure::Internal("no memory"))?;
    handle.unset(LOGIN_VARIABLE);
    let user = named(handle)?;
    let facts = facts::gather(handle, options, Phase::Auth);
    debug(handle, options, &format!("asking about {user}"));
    let silent = flags & PAM_SILENT != 0;
    let prepared = handle.take_kept_code().map(|code| Prepared(Some(code)));
    let (state, login) = runtime()?.block_on(async {
        let client = Client::connect(&options.socket, options.timeout).await?;
        let (mut dialogue, first) = client.begin(&user, facts).await?;
        let state = run(first, &mut PamScreen { handle, prepared, silent }, &mut dialogue).await?;
        Ok::<_, Failure>((state, dialogue.id().to_owned()))
    })?;
    debug(handle, options, &format!("answered {}", state.name()));
    if named(handle)? != user {
        return Err(Failure::UserChanged);
    }
    if matches!(state, State::Allow | State::Skip) {
        handle.note(Some(user)).map_err(|_| Failure::Internal("no memory"))?;
        handle.set(LOGIN_VARIABLE, &login);
    }
    Ok(state)
}

/// The backstop of sshd: a login that gave no code passes only where policy asks for none.
fn account(handle: &mut Handle<'_>, arguments: &[&CStr]) -> PamResultCode {
    let outcome = match Options::parse(arguments) {
        Ok(Options { duty: Duty::Code, .. }) => return PamResultCode::PAM_IGNORE,
        Ok(Options { duty: Duty::RequireAuth, .. }) if handle.service() != SSHD => {
            return PamResultCode::PAM_IGNORE;
        }
        Ok(options @ Options { duty: Duty::RequireAuth, .. }) => ask_policy(handle, &options),
        Ok(Options { duty: Duty::LateCode | Duty::FirstFactor | Duty::Combined { .. }, .. }) => {
            Err(OptionError::Misplaced.into())
        }
        Err(error) => Err(error.into()),
    };
    log_failure(handle, &outcome);
    account_code(&outcome)
}

/// Tells whether this login passes without another code; never prompts.
fn ask_policy(handle: &mut Handle<'_>, options: &Options) -> Outcome {
    let user = named(handle)?;
    if let Some(passed) = handle.passed() {
        return if passed == user { Ok(State::Allow) } else { Err(Failure::UserChanged) };
    }
    let facts = facts::gather(handle, options, Phase::Account);
    let state = runtime()?.block_on(async {
        let client = Client::connect(&options.socket, options.timeout).await?;
        let (mut dialogue, step) = client.begin(&user, facts).await?;
        if step.state == State::Ask {
            dialogue.cancel().await;
        }
        Ok::<_, PeerError>(step.state)
    })?;
    debug(handle, options, &format!("answered {}", state.name()));
    if named(handle)? == user { Ok(state) } else { Err(Failure::UserChanged) }
}

/// Tells the name that libpam has now.
fn named(handle: &mut Handle<'_>) -> Result<String, Failure> {
    let user = handle.user().map_err(|_| Failure::User)?;
    if user.is_empty() || user.len() > USER_LIMIT { Err(Failure::User) } else { Ok(user) }
}

/// One runtime a call: no thread, and its two descriptors go with it.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(|_| Failure::Internal("no runtime"))
}

fn debug(handle: &Handle<'_>, options: &Options, text: &str) {
    options.debug.then(|| handle.log(Priority::Debug, text));
}

#[cfg(test)]
#[path = "../tests/entry.rs"]
mod tests;
