//! The client's way onto the service's own socket.
//!
//! Owns connecting without blocking, the check of who listens, and the client's half of the handshake. Leaves the time
//! limit to the caller: each step waits as long as it is let. Invariant: nothing of the environment is read, and no
//! byte of D-Bus is sent to anybody but root or the service's own user.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect as connect_descriptor, recv, send, socket,
};
use nix::unistd::{User, geteuid};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::sleep;

use crate::error::PeerError;
use crate::frame::framed;
use crate::names::SERVICE_USER;

/// How long to wait before a full backlog is tried again (DESIGN.md 5).
const BACKLOG: Duration = Duration::from_millis(20);
/// The longest line of the handshake, in bytes (DESIGN.md 4).
const HANDSHAKE_LIMIT: usize = 512;

/// Connects to the service at `path`, looks who listens, and shakes hands.
///
/// # Errors
///
/// [`PeerError::Gone`] where nobody or no D-Bus server listens, [`PeerError::WrongOwner`] where it is somebody else's.
pub async fn connect(path: &Path) -> Result<zbus::Connection, PeerError> {
    let stream = connect_without_blocking(path).await.map_err(|error| gone("connect", &error))?;
    check_owner(&stream)?;
    let guid = shake_hands(&stream).await.map_err(|error| gone("handshake", &error))?;
    Ok(zbus::connection::Builder::authenticated_socket(framed(stream), guid.as_str()).p2p().build().await?)
}

fn gone(doing: &str, error: &io::Error) -> PeerError {
    PeerError::Gone(format!("{doing}: {error}"))
}

/// Connects; a full backlog is tried again until the caller's time is over.
async fn connect_without_blocking(path: &Path) -> io::Result<UnixStream> {
    let address = UnixAddr::new(path)?;
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let descriptor: OwnedFd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    loop {
        match connect_descriptor(descriptor.as_raw_fd(), &address) {
            Ok(()) => break,
            Err(Errno::EAGAIN) => sleep(BACKLOG).await,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    UnixStream::from_std(std::os::unix::net::UnixStream::from(descriptor))
}

/// Checks who listens: root (systemd holds the socket) or the service's own user.
fn check_owner(stream: &UnixStream) -> Result<(), PeerError> {
    let uid = stream.peer_cred().map_err(|error| gone("peer", &error))?.uid();
    if is_of_service(uid) { Ok(()) } else { Err(PeerError::WrongOwner(uid)) }
}

/// Tells whether a uid is root's or the service's own.
pub(crate) fn is_of_service(uid: u32) -> bool {
    let service = || User::from_name(SERVICE_USER).ok().flatten().map(|user| user.uid.as_raw());
    uid == 0 || service() == Some(uid)
}

/// The client's half of `AUTH EXTERNAL` (D-Bus specification, "Authentication Protocol"); returns the server's guid.
///
/// By hand and not by zbus: these four lines are all that the own socket speaks, and nothing is read ahead.
async fn shake_hands(stream: &UnixStream) -> io::Result<String> {
    // In hexadecimal an ASCII digit is a 3 and itself.
    let uid: String = geteuid().to_string().chars().flat_map(|digit| ['3', digit]).collect();
    write(stream, format!("\0AUTH EXTERNAL {uid}\r\n").as_bytes()).await?;
    let line = read_line(stream).await?;
    let guid = line.strip_prefix("OK ").filter(|guid| is_guid(guid)).ok_or(io::ErrorKind::InvalidData)?;
    write(stream, b"BEGIN\r\n").await?;
    Ok(guid.to_owned())
}

fn is_guid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes all of a short line. With `MSG_NOSIGNAL`, as the host may have left SIGPIPE at its default.
async fn write(stream: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    let flags = MsgFlags::MSG_NOSIGNAL;
    let sent = stream.async_io(Interest::WRITABLE, || Ok(send(stream.as_raw_fd(), bytes, flags)?)).await?;
    if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Reads one line, which is all that the server may have sent by now.
async fn read_line(stream: &UnixStream) -> io::Result<String> {
    let mut line = Vec::with_capacity(HANDSHAKE_LIMIT);
    while line.len() < HANDSHAKE_LIMIT {
        let mut part = [0; HANDSHAKE_LIMIT];
        let flags = MsgFlags::empty();
        let read =
            stream.async_io(Interest::READABLE, || Ok(recv(stream.as_raw_fd(), &mut part, flags)?)).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.extend(part.iter().take(read));
        if line.ends_with(b"\r\n") {
            line.truncate(line.len() - 2);
            return String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into());
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}
