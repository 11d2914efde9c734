//! The session and password hooks, which only report to the service.
//!
//! Owns what is reported and when. Nothing here decides about a login: whatever fails is an IGNORE and a line in syslog, for
//! a session under `debug` only. A changed password that the service did not hear of leaves places remembered, so that the
//! line is always there.

use std::ffi::CStr;
use std::time::Duration;

use nix::unistd::geteuid;
use pam::constants::{PamFlag, PamResultCode};
use pam::items::User;
use zbus::DynamicType;
use zbus::export::serde::Serialize;

use crate::client::Client;
use crate::facts::{LOGIN_VARIABLE, USER_LIMIT};
use crate::handle::{Handle, LOGIN, OPENED, Priority, audit_session};
use crate::options::Options;

/// How long a report may hold up a session that is already allowed.
const REPORT: Duration = Duration::from_secs(2);
/// `PAM_UPDATE_AUTHTOK`: the second round of a password change, after everybody has agreed.
const UPDATE: PamFlag = 0x2000;

/// The report of a changed password.
const PASSWORD_CHANGED: &str = "PasswordChanged";

/// Takes the id of the login out of the environment, which becomes the user's, and keeps it for the session hook: sshd
/// sets credentials and opens the session in one process, after it has authenticated in another.
pub(crate) fn hide_login(handle: &mut Handle<'_>) {
    let Some(login) = handle.variable(LOGIN_VARIABLE) else { return };
    handle.unset(LOGIN_VARIABLE);
    if handle.kept(&LOGIN).is_none() {
        // Without memory no code is fresh in this session.
        let _ = handle.keep(&LOGIN, Some(login));
    }
}

/// Ties the login of this session to the kernel's session id.
pub(crate) fn session_opened(handle: &mut Handle<'_>, arguments: &[&CStr]) -> PamResultCode {
    hide_login(handle);
    let (Some(login), Some(session)) = (handle.take(&LOGIN), audit_session()) else {
        return PamResultCode::PAM_IGNORE;
    };
    // Kept also where the service is late: it may have heard of the session all the same.
    match handle.keep(&OPENED, Some((login.clone(), session))) {
        Ok(()) => report(handle, arguments, "SessionOpened", &(login, session)),
        Err(_) => PamResultCode::PAM_IGNORE,
    }
}

/// Tells that the session which this handle opened is over. One that it did not open is not its to end.
pub(crate) fn session_closed(handle: &mut Handle<'_>, arguments: &[&CStr]) -> PamResultCode {
    match handle.take(&OPENED) {
        Some(opened) => report(handle, arguments, "SessionClosed", &opened),
        None => PamResultCode::PAM_IGNORE,
    }
}

/// Tells that the password of this person was changed.
pub(crate) fn password_changed(handle: &Handle<'_>, arguments: &[&CStr], flags: PamFlag) -> PamResultCode {
    match handle.item(|item: User<'_>| item.0) {
        Some(user) if flags & UPDATE != 0 && user.len() <= USER_LIMIT => {
            report(handle, arguments, PASSWORD_CHANGED, &(user,))
        }
        _ => PamResultCode::PAM_IGNORE,
    }
}

fn report<B>(handle: &Handle<'_>, arguments: &[&CStr], member: &str, body: &B) -> PamResultCode
where
    B: Serialize + DynamicType,
{
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            handle.log(Priority::Error, &format!("not reported: {error}"));
            return PamResultCode::PAM_IGNORE;
        }
    };
    // The service takes reports from root only.
    let (true, Ok(runtime)) = (geteuid().is_root(), crate::runtime()) else {
        return PamResultCode::PAM_IGNORE;
    };
    let reported = runtime.block_on(async {
        Client::connect(&options.socket, options.timeout.min(REPORT)).await?.report(member, body).await
    });
    match reported {
        Ok(()) => PamResultCode::PAM_SUCCESS,
        Err(error) => {
            let text = format!("not reported: {error}");
            if member == PASSWORD_CHANGED {
                handle.log(Priority::Error, &text);
            } else {
                crate::debug(handle, &options, &text);
            }
            PamResultCode::PAM_IGNORE
        }
    }
}
