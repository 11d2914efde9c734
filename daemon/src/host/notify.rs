//! The service manager: the listening socket that it passes, readiness, and the watchdog.
//!
//! Without systemd the service binds the socket that its arguments name, and tells nobody.

use std::fs;
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::Path;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::{UnixListener, UnixStream};

/// Takes the listening socket that systemd passed, else binds the path.
///
/// # Errors
/// Where neither is to be had: nothing was passed and no path named, more than one socket was passed, or the path is
/// in use.
pub async fn listener(path: Option<&Path>) -> io::Result<UnixListener> {
    if let Some(path) = path {
        return bind(path).await;
    }
    let mut passed = sd_notify::listen_fds()?;
    match (passed.next(), passed.next()) {
        (Some(descriptor), None) => adopt(descriptor),
        (Some(_), Some(_)) => Err(io::Error::other("systemd passed more than one socket")),
        (None, _) => Err(io::Error::other("systemd passed no socket, and no --socket is given")),
    }
}

fn adopt(descriptor: RawFd) -> io::Result<UnixListener> {
    // SAFETY: systemd passed this descriptor to this process (LISTEN_PID was compared), and it is taken here alone.
    let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let listener = StdListener::from(descriptor);
    // Fails for anything that is not a unix socket.
    listener.local_addr()?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Binds a path of its own, as tests do. A socket that nobody listens on any more makes room.
async fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something that is no socket"));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there"));
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// Tells the manager that the service is ready, and what it does.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Tells the manager what the service does.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// Tells the manager that the service ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells the manager that the service is alive.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the manager wants to hear that the service is alive; none without a watchdog.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 3)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager was not told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_makes_room_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login.sock");
        drop(listener(Some(&path)).await.unwrap());
        let first = listener(Some(&path)).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        assert_eq!(listener(Some(&path)).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        let file = folder.path().join("file");
        fs::write(&file, "precious").unwrap();
        assert_eq!(listener(Some(&file)).await.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    }
}
