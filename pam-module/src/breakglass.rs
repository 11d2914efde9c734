//! Break-glass: who gets in on the local console without asking the service (SECURITY.md 8).
//!
//! Owns when the list counts: `login` as root, no remote host, a real console, an account of this host. Leaves the list
//! itself to the protocol crate. It is looked at before the service is asked, so that no hang of it delays the rescue;
//! each use is an alert in syslog and noted for the audit.

use std::path::Path;

use countersign_protocol::breakglass::{
    BREAKGLASS_FILE, BREAKGLASS_USES, BreakGlassError, is_console, local_uid, note_use, read_list,
};
use nix::unistd::geteuid;
use pam::items::{RHost, Tty};

use crate::handle::{Handle, Priority};

/// The one service that is a person at the console; display managers, sudo, su and sshd are not.
const LOGIN: &str = "login";

/// Tells whether this login passes by break-glass, and raises the alarm if it does.
pub(crate) fn opens(handle: &mut Handle<'_>) -> bool {
    let is_remote = handle.item(|item: RHost<'_>| item.0).is_none_or(|host| !host.is_empty());
    let has_remote = handle.has_item::<RHost<'_>>();
    if handle.service() != LOGIN || !geteuid().is_root() || (has_remote && is_remote) {
        return false;
    }
    let Some(tty) = handle.item(|item: Tty<'_>| item.0).filter(|tty| is_console(tty)) else { return false };
    let listed = match read_list(Path::new(BREAKGLASS_FILE)) {
        Ok(listed) => listed,
        Err(BreakGlassError::Unreadable { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => {
            return false;
        }
        Err(error) => {
            handle.log(Priority::Error, &format!("break-glass list not honored: {error}"));
            return false;
        }
    };
    let Ok(user) = handle.user() else { return false };
    let Some(uid) = local_uid(Path::new("/etc/passwd"), &user).filter(|uid| listed.contains(uid)) else {
        return false;
    };
    handle.log(Priority::Alert, &format!("BREAK-GLASS login of {user} (uid {uid}) on {tty} without a code"));
    if let Err(error) = note_use(Path::new(BREAKGLASS_USES), uid, &user, &tty) {
        handle.log(Priority::Error, &format!("break-glass use not noted for the audit: {error}"));
    }
    true
}
