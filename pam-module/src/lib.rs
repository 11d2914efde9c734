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

use countersign_protocol::conversation::run;
use countersign_protocol::error::{PeerError, ScreenError};
use countersign_protocol::outage;
use countersign_protocol::step::State;
use nix::unistd::geteuid;
use pam::constants::{PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};

use crate::client::Client;
use crate::facts::{LOGIN_VARIABLE, Phase, Program, USER_LIMIT};
use crate::handle::{CODE, Handle, LOGIN, PASSED, Priority};
use crate::options::{Duty, OptionError, Options};
use crate::outcome::{Failure, Outcome, account_code, authenticate_code};
use crate::screen::{Answers, PamScreen};

/// What the person is told where no sentence of the service is at hand (`countersign_protocol::outage`).
const UNAVAILABLE: &str = "Your code cannot be checked, because the service that checks it does not answer. Try again in a \
                           minute, or ask your administrator.";

struct Countersign;

mod entry {
    use super::Countersign;

    pam::pam_hooks!(Countersign);
}

impl PamHooks for Countersign {
    fn sm_authenticate(handle: &mut PamHandle, arguments: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(handle, |handle| authenticate(handle, &arguments))
    }

    /// Always succeeds and never talks: an IGNORE of the only auth module makes `pam_setcred` fail, and crond calls it
    /// without having authenticated anybody.
    fn sm_setcred(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(handle, |handle| {
            report::hide_login(handle);
            PamResultCode::PAM_SUCCESS
        })
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

fn authenticate(handle: &mut Handle<'_>, arguments: &[&CStr]) -> PamResultCode {
    let parsed = Options::parse(arguments);
    let program = parsed.as_ref().map_or(Program::Other, |options| facts::program(handle, options));
    let outcome = match parsed {
        Ok(Options { duty: Duty::FirstFactor, .. }) => return first_factor(handle, program),
        // It decides nothing: the code line behind it does.
        Ok(Options { duty: Duty::Combined { digits }, .. }) => match combined::split_answer(handle, digits) {
            Ok(()) => return PamResultCode::PAM_IGNORE,
            Err(failure) => Err(failure),
        },
        Ok(Options { duty: Duty::RequireAuth, .. }) => Err(OptionError::Misplaced.into()),
        Ok(Options { duty: Duty::Code | Duty::LateCode, .. }) if breakglass::opens(handle) => {
            return PamResultCode::PAM_IGNORE;
        }
        Ok(options @ Options { duty: Duty::Code | Duty::LateCode, .. }) => log_in(handle, &options, program),
        Err(error) => Err(error.into()),
    };
    tell_failure(handle, &outcome);
    if matches!(outcome, Ok(State::Deny | State::LockOut) | Err(Failure::Screen(ScreenError::Spent))) {
        handle.delay_failure();
    }
    authenticate_code(&outcome, program)
}

/// Tells syslog why there is no verdict, and the person where they cannot know it.
fn tell_failure(handle: &Handle<'_>, outcome: &Outcome) {
    let Err(failure) = outcome else { return };
    handle.log(Priority::Error, &format!("login refused: {failure}"));
    match failure {
        Failure::Screen(_) | Failure::User | Failure::UserChanged => {}
        Failure::Peer(_) | Failure::Endless | Failure::Option(_) | Failure::Internal(_) => {
            let locale = facts::locale(handle);
            handle.show(true, &outage::read(locale.as_deref()).unwrap_or_else(|| UNAVAILABLE.to_owned()));
        }
    }
}

/// Answers whether sshd, as root, has completed a public key: the one success without the service (DESIGN.md 5).
fn first_factor(handle: &Handle<'_>, program: Program) -> PamResultCode {
    let by_key =
        |methods: String| methods.lines().any(|method| method.split(' ').next() == Some("publickey"));
    let completed = handle.variable(facts::SSH_AUTH_INFO).is_some_and(by_key);
    if program == Program::Sshd && geteuid().is_root() && completed {
        PamResultCode::PAM_SUCCESS
    } else {
        PamResultCode::PAM_IGNORE
    }
}

/// Leads a login from Begin to its verdict, and notes a good one for `account` and for the session.
fn log_in(handle: &mut Handle<'_>, options: &Options, program: Program) -> Outcome {
    // An earlier round of the same handle must not vouch for this one.
    handle.keep(&PASSED, None)?;
    handle.keep(&LOGIN, None)?;
    handle.unset(LOGIN_VARIABLE);
    let answers = handle.take(&CODE).map_or(Answers::Asked, |code| Answers::Given(Some(code)));
    let (state, login) = ask_service(handle, options, Phase::Auth, answers)?;
    if matches!(state, State::Allow | State::Skip) {
        let user = named(handle)?;
        handle.keep(&PASSED, Some(user))?;
        // sshd opens the session in another process, to which the environment alone goes.
        if program != Program::Other {
            handle.set(LOGIN_VARIABLE, &login);
        }
        handle.keep(&LOGIN, Some(login))?;
    }
    Ok(state)
}

/// The backstop of SSH servers: a login that gave no code passes only where policy asks for none.
fn account(handle: &mut Handle<'_>, arguments: &[&CStr]) -> PamResultCode {
    let outcome = match Options::parse(arguments) {
        Ok(Options { duty: Duty::Code, .. }) => return PamResultCode::PAM_IGNORE,
        Ok(options @ Options { duty: Duty::RequireAuth, .. }) => match facts::program(handle, &options) {
            Program::Other => return PamResultCode::PAM_IGNORE,
            program @ (Program::Sshd | Program::UnnamedSsh) => ask_policy(handle, &options, program),
        },
        Ok(Options { duty: Duty::LateCode | Duty::FirstFactor | Duty::Combined { .. }, .. }) => {
            Err(OptionError::Misplaced.into())
        }
        Err(error) => Err(error.into()),
    };
    tell_failure(handle, &outcome);
    account_code(&outcome)
}

/// Tells whether this login passes without another code; never prompts.
fn ask_policy(handle: &mut Handle<'_>, options: &Options, program: Program) -> Outcome {
    if program == Program::UnnamedSsh {
        let text =
            "an SSH server that sshd= does not name: what it says of keys and addresses does not count";
        handle.log(Priority::Error, &format!("{}: {text}", handle.service()));
    }
    let user = named(handle)?;
    if let Some(passed) = handle.kept(&PASSED) {
        return if passed == user { Ok(State::Allow) } else { Err(Failure::UserChanged) };
    }
    ask_service(handle, options, Phase::Account, Answers::Given(None)).map(|(state, _)| state)
}

/// Asks the service about a login, and shows how it ends. Returns the verdict and the id of the login.
fn ask_service(
    handle: &mut Handle<'_>,
    options: &Options,
    phase: Phase,
    answers: Answers,
) -> Result<(State, String), Failure> {
    let user = named(handle)?;
    let facts = facts::gather(handle, options, phase);
    debug(handle, options, &format!("asking about {user}"));
    let mut screen = PamScreen { handle, answers, unread: None, told: None };
    let ended = runtime()?.block_on(async {
        let client = Client::connect(&options.socket, options.timeout).await?;
        let (mut dialogue, first) = client.begin(&user, facts).await?;
        let state = run(first, &mut screen, &mut dialogue).await?;
        Ok::<_, Failure>((state, dialogue.id().to_owned()))
    });
    let PamScreen { unread, told, .. } = screen;
    if !matches!(ended, Ok((State::Allow | State::Skip, _))) {
        if let (None, Some(unread)) = (&told, unread) {
            handle.show(true, &unread);
        }
        if phase == Phase::Account && ended.is_ok() {
            let told = told.as_deref().unwrap_or("no code");
            handle.log(Priority::Error, &format!("login of {user} refused: {told}"));
        }
    }
    let (state, login) = ended?;
    debug(handle, options, &format!("answered {}", state.name()));
    if state == State::Unavailable && told.is_none() {
        return Err(PeerError::Unavailable.into());
    }
    if named(handle)? == user { Ok((state, login)) } else { Err(Failure::UserChanged) }
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
