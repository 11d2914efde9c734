//! The guard on every connection: no frame over a limit is ever allocated, no descriptor is ever taken.
//!
//! Owns the two halves of a unix stream that zbus reads and writes through. zbus itself allocates what a header claims,
//! up to 128 MiB, before the first byte of it has come; here the claim is measured first. Leaves parsing to zbus and
//! the handshake to whoever made the connection. Invariant: at most one frame of at most the limit is in memory.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use zbus::Message;
use zbus::connection::socket::{ReadHalf, Socket, Split, WriteHalf};
use zbus::export::async_trait::async_trait;
use zbus::fdo::ConnectionCredentials;

use crate::names::FRAME_LIMIT;

/// The fixed beginning of every frame, in bytes; it says how long the whole is.
pub const HEADER: usize = 16;
/// The longest frame that D-Bus allows at all, in bytes; a longer one cannot be skipped, only hung up on.
const PROTOCOL_LIMIT: usize = 128 * 1024 * 1024;
/// How much of a frame that is dropped is read at once, in bytes.
const DRAIN: usize = 4096;

/// What becomes of a frame over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oversized {
    /// The connection ends: the own socket, where each client has a connection to itself.
    Close,
    /// The frame is read away and dropped: the system bus, where one sender must not cut off all others.
    Drop,
}

/// A header that no frame within the limit begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The first byte names no byte order.
    #[error("not a D-Bus frame")]
    NotAFrame,
    /// The frame is over the limit.
    #[error("a frame of {0} bytes is over the limit")]
    TooLong(usize),
    /// The frame announces descriptors.
    #[error("a frame with descriptors")]
    Descriptors,
}

impl From<FrameError> for zbus::Error {
    fn from(error: FrameError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error).into()
    }
}

/// A unix stream whose frames are guarded, for `zbus::connection::Builder::authenticated_socket` (the own socket) or
/// `Builder::socket` (the system bus, where zbus shakes hands).
#[derive(Debug)]
pub struct Framed {
    stream: UnixStream,
    limit: usize,
    oversized: Oversized,
}

/// Guards a connection of the own socket: a frame over [`FRAME_LIMIT`] ends it.
#[must_use]
pub fn framed(stream: UnixStream) -> Framed {
    Framed { stream, limit: FRAME_LIMIT, oversized: Oversized::Close }
}

/// Guards the connection to the system bus: a frame over `limit` bytes is dropped and the next one read.
#[must_use]
pub fn draining(stream: UnixStream, limit: usize) -> Framed {
    Framed { stream, limit, oversized: Oversized::Drop }
}

impl Socket for Framed {
    type ReadHalf = FramedReader;
    type WriteHalf = FramedWriter;

    fn split(self) -> Split<FramedReader, FramedWriter> {
        let Self { stream, limit, oversized } = self;
        let (read, write) = stream.into_split();
        Split::new(FramedReader { bytes: Bytes(read), limit, oversized }, FramedWriter(write))
    }
}

/// The read half of a [`Framed`].
#[derive(Debug)]
pub struct FramedReader {
    bytes: Bytes,
    limit: usize,
    oversized: Oversized,
}

#[async_trait]
impl ReadHalf for FramedReader {
    async fn receive_message(
        &mut self,
        seq: u64,
        early: &mut Vec<u8>,
        early_descriptors: &mut Vec<OwnedFd>,
    ) -> zbus::Result<Message> {
        early_descriptors.clear();
        let received = self.next(seq, early).await;
        if received.is_err() {
            // zbus stops reading but keeps the socket as long as anyone holds the connection: hang up here.
            let _ = hang_up(self.bytes.0.as_ref());
        }
        received
    }

    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.bytes.recvmsg(buffer).await
    }

    async fn peer_credentials(&mut self) -> io::Result<ConnectionCredentials> {
        self.bytes.peer_credentials().await
    }
}

impl FramedReader {
    /// Receives the next frame that may be received.
    async fn next(&mut self, seq: u64, early: &mut Vec<u8>) -> zbus::Result<Message> {
        loop {
            let mut header = [0; HEADER];
            self.bytes.fill(&mut header, early).await?;
            let length = frame_length(&header)?;
            if length > self.limit {
                self.refuse(length, early).await?;
                continue;
            }
            let after = early.split_off(early.len().min(length - HEADER));
            let mut frame = [header.as_slice(), early].concat();
            *early = after;
            let message = self.bytes.receive_message(seq, &mut frame, &mut Vec::new()).await?;
            if message.header().unix_fds().unwrap_or(0) == 0 {
                return Ok(message);
            }
            if self.oversized == Oversized::Close {
                return Err(FrameError::Descriptors.into());
            }
        }
    }

    /// Ends the connection over a frame that is too long, or reads the frame away.
    async fn refuse(&mut self, length: usize, early: &mut Vec<u8>) -> zbus::Result<()> {
        if self.oversized == Oversized::Close || length > PROTOCOL_LIMIT {
            return Err(FrameError::TooLong(length).into());
        }
        let mut rest = length - HEADER;
        let mut sink = [0; DRAIN];
        while rest > 0 {
            let (part, _) = sink.split_at_mut(rest.min(DRAIN));
            self.bytes.fill(part, early).await?;
            rest -= part.len();
        }
        Ok(())
    }
}

/// Tells how long the frame is that begins with `header`, in bytes.
///
/// D-Bus specification, "Message Format": byte order, type, flags, version, length of the body, serial, length of the
/// header fields; the body begins at a multiple of eight.
///
/// # Errors
///
/// [`FrameError::NotAFrame`] where the byte order is neither `l` nor `B`; [`FrameError::TooLong`] where the sum is no length.
pub fn frame_length(header: &[u8; HEADER]) -> Result<usize, FrameError> {
    let [order, _, _, _, b0, b1, b2, b3, _, _, _, _, f0, f1, f2, f3] = *header;
    let number = match order {
        b'l' => u32::from_le_bytes,
        b'B' => u32::from_be_bytes,
        _ => return Err(FrameError::NotAFrame),
    };
    let (body, fields) = (u64::from(number([b0, b1, b2, b3])), u64::from(number([f0, f1, f2, f3])));
    let before_fields = u64::try_from(HEADER).unwrap_or(u64::MAX);
    let length = (before_fields + fields).next_multiple_of(8) + body;
    usize::try_from(length).map_err(|_| FrameError::TooLong(usize::MAX))
}

/// The bytes of the stream. Read without room for control messages, so that the kernel closes descriptors sent along.
#[derive(Debug)]
struct Bytes(OwnedReadHalf);

impl Bytes {
    /// Fills `buffer`, first from what the handshake had read too much.
    async fn fill(&mut self, buffer: &mut [u8], early: &mut Vec<u8>) -> io::Result<()> {
        let at_hand = early.len().min(buffer.len());
        let (first, mut rest) = buffer.split_at_mut(at_hand);
        for (to, from) in first.iter_mut().zip(early.drain(..at_hand)) {
            *to = from;
        }
        while !rest.is_empty() {
            let (read, _) = self.recvmsg(rest).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            rest = rest.get_mut(read..).unwrap_or_default();
        }
        Ok(())
    }
}

#[async_trait]
impl ReadHalf for Bytes {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        loop {
            self.0.readable().await?;
            match self.0.try_read(buffer) {
                Ok(read) => return Ok((read, Vec::new())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn peer_credentials(&mut self) -> io::Result<ConnectionCredentials> {
        credentials(self.0.as_ref())
    }
}

/// The write half of a [`Framed`].
#[derive(Debug)]
pub struct FramedWriter(OwnedWriteHalf);

#[async_trait]
impl WriteHalf for FramedWriter {
    async fn sendmsg(&mut self, buffer: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
        if !descriptors.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        loop {
            self.0.writable().await?;
            let stream: &UnixStream = self.0.as_ref();
            // With MSG_NOSIGNAL: a login program that has left SIGPIPE at its default must not die of a lost service.
            let sent = stream
                .try_io(Interest::WRITABLE, || Ok(send(stream.as_raw_fd(), buffer, MsgFlags::MSG_NOSIGNAL)?));
            match sent {
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                result => return result,
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        hang_up(self.0.as_ref())
    }

    async fn peer_credentials(&mut self) -> io::Result<ConnectionCredentials> {
        credentials(self.0.as_ref())
    }
}

/// Ends the connection both ways: the reader of our own side has to notice too, whatever the peer does.
fn hang_up(stream: &UnixStream) -> io::Result<()> {
    match shutdown(stream.as_raw_fd(), Shutdown::Both) {
        Ok(()) | Err(Errno::ENOTCONN) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Tells what the kernel knows of the peer.
fn credentials(stream: &UnixStream) -> io::Result<ConnectionCredentials> {
    let peer = stream.peer_cred()?;
    let credentials = ConnectionCredentials::default().set_unix_user_id(peer.uid());
    Ok(match peer.pid().and_then(|pid| u32::try_from(pid).ok()) {
        Some(pid) => credentials.set_process_id(pid),
        None => credentials,
    })
}
