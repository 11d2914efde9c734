//! The session and password hooks, which only report to the service.
//!
//! Owns what is reported and when. Nothing here decides about a login: whatever fails is a line under `debug` and an
//! IGNORE.

use std::ffi::CStr;
use std::time::Duration;

use countersign_protocol::error::PeerError;
use nix::unistd::geteuid;
use pam::constants::{PamFlag, PamResultCode};

use crate::client::Client;
use crate::facts::{LOGIN_VARIABLE, USER_LIMIT};
use crate::handle::{Handle, Priority, audit_session};
use crate::options::Options;

/// How long a report may hold up a session that is already allowed.
const REPORT: Duration = Duration::from_secs(2);
/// `PAM_UPDATE_AUTHTOK`: the second round of a password change, after everybody has agreed.
const UPDATE: PamFlag = 0x2000;

/// Ties the login of this session to the kernel's session id. The id is taken out of the environment in any case.
pub(crate) fn session_opened(handle: &mut Handle<'_>, arguments: &[&CStr]) -> PamResultCode {
    let login = handle.variable(LOGIN_VARIABLE);
    handle.unset(LOGIN_VARIABLE);
    let (Some(login), Some(session)) = (login, audit_session()) else { return PamResultCode::PAM_IGNORE };
    report(handle, arguments, async |client: Client| client.session_opened(&login, session).await)
}

/// Tells that the password of this person was changed.
pub(crate) fn password_changed(
    handle: &mut Handle<'_>,
    arguments: &[&CStr],
    flags: PamFlag,
) -> PamResultCode {
    let user = handle.user().unwrap_or_default();
    if flags & UPDATE == 0 || user.is_empty() || user.len() > USER_LIMIT {
        return PamResultCode::PAM_IGNORE;
    }
    report(handle, arguments, async |client: Client| client.password_changed(&user).await)
}

fn report(
    handle: &Handle<'_>,
    arguments: &[&CStr],
    send: impl AsyncFnOnce(Client) -> Result<(), PeerError>,
) -> PamResultCode {
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
        let client = Client::connect(&options.socket, options.timeout.min(REPORT)).await?;
        send(client).await
    });
    match reported {
        Ok(()) => PamResultCode::PAM_SUCCESS,
        Err(error) => {
            crate::debug(handle, &options, &format!("not reported: {error}"));
            PamResultCode::PAM_IGNORE
        }
    }
}
