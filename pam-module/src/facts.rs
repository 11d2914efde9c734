//! What the module tells the service about a login (DESIGN.md 6, the context of `Begin`).
//!
//! Owns which facts are read and how long they may be. All come from libpam and the kernel, none from the environment of
//! the process. Leaves to the service which of them count. A fact over its limit is left out: a missing one is the strictest.

use std::ffi::CStr;

use countersign_protocol::proxies::Facts;
use pam::items::{RHost, RUser, Tty};
use zbus::Variant;

use crate::handle::{Handle, audit_session};
use crate::options::{Duty, Options};
use crate::outcome::SSHD;

/// Where sshd lists the methods that a login has completed.
pub(crate) const SSH_AUTH_INFO: &CStr = c"SSH_AUTH_INFO_0";
/// Where sshd writes the addresses of a connection.
const SSH_CONNECTION: &CStr = c"SSH_CONNECTION";
/// Where auth leaves the single-use id of a login by ssh, until credentials are set.
pub(crate) const LOGIN_VARIABLE: &CStr = c"COUNTERSIGN_LOGIN";
/// The longest user name, in bytes (`LOGIN_NAME_MAX`).
pub(crate) const USER_LIMIT: usize = 256;
/// The longest fact, in bytes; a host name has at most 253.
const FACT_LIMIT: usize = 512;
/// The longest list of completed methods, in bytes (DESIGN.md 3).
const SSH_AUTH_INFO_LIMIT: usize = 8 * 1024;

/// Which hook asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `pam_sm_authenticate`.
    Auth,
    /// `pam_sm_acct_mgmt`.
    Account,
}

/// Which program asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// sshd, by its service or by `sshd=` on the line: what it says of keys and addresses counts.
    Sshd,
    /// An SSH server whose service the line does not name: it is held to the same rules, and its word does not count.
    UnnamedSsh,
    /// Any other.
    Other,
}

/// Tells which program asks. sshd puts `SSH_CONNECTION` into the PAM environment and calls its terminal `ssh` before any
/// hook runs; a program that somebody starts from an ssh session inherits neither.
pub(crate) fn program(handle: &Handle<'_>, options: &Options) -> Program {
    let service = handle.service();
    if service == SSHD || options.sshd.contains(&service) {
        Program::Sshd
    } else if handle.has_variable(SSH_CONNECTION)
        || handle.item(|item: Tty<'_>| item.0).as_deref() == Some("ssh")
    {
        Program::UnnamedSsh
    } else {
        Program::Other
    }
}

/// Reads the facts of a login.
pub(crate) fn gather(handle: &Handle<'_>, options: &Options, phase: Phase) -> Facts<'static> {
    let service = handle.service();
    let is_sshd = program(handle, options) == Program::Sshd;
    let ssh = |name: &CStr| if is_sshd { handle.variable(name) } else { None };
    let (phase, session) = match phase {
        Phase::Auth => ("auth", audit_session()),
        Phase::Account => ("account", None),
    };
    let late = (options.duty == Duty::LateCode).then(|| "late".to_owned());
    let facts = [
        ("phase", Some(phase.to_owned()), FACT_LIMIT),
        ("tty", handle.item(|item: Tty<'_>| item.0), FACT_LIMIT),
        ("remote_host", handle.item(|item: RHost<'_>| item.0), FACT_LIMIT),
        ("requesting_user", handle.item(|item: RUser<'_>| item.0), USER_LIMIT),
        ("ssh_connection", ssh(SSH_CONNECTION), FACT_LIMIT),
        ("ssh_auth_info", ssh(SSH_AUTH_INFO), SSH_AUTH_INFO_LIMIT),
        ("locale", locale(handle), FACT_LIMIT),
        ("first_factor", late, FACT_LIMIT),
        ("service", Some(service.clone()), FACT_LIMIT),
    ];
    let present = |(name, value, limit): (&'static str, Option<String>, usize)| {
        let value = value.filter(|value| !value.is_empty() && value.len() <= limit)?;
        Some((name, Variant::from(value)))
    };
    // In the kernel's session around this process a code may have been given already.
    let session = session.map(|session| ("session_id", Variant::from(session)));
    let alias = (is_sshd && service != SSHD).then(|| ("ssh_server", Variant::from(true)));
    facts.into_iter().filter_map(present).chain(session).chain(alias).collect()
}

/// Tells the language of the login, where the application has put it into the PAM environment.
pub(crate) fn locale(handle: &Handle<'_>) -> Option<String> {
    let names = [c"LC_ALL", c"LC_MESSAGES", c"LANG"];
    names.into_iter().filter_map(|name| handle.variable(name)).find(|value| !value.is_empty())
}
