//! A connection before STARTTLS: it is read byte by byte, and not for ever.
//!
//! Owns that nothing which came in the clear is still there once TLS has begun: what stands behind the answer to STARTTLS
//! stays on the line, where it is no handshake, and the connection fails (the injection of CVE-2011-0411 and its kin). And
//! that a server which nobody has vouched for yet cannot make us read for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a server may say in one connection, in bytes: certificates and some hundred lines.
const LIMIT: usize = 256 * 1024;
/// The first byte of a TLS handshake (RFC 8446 5.1); no SMTP command begins with it.
const HANDSHAKE: u8 = 22;

/// The connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    is_clear: bool,
    left: usize,
}

impl Wire {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self { stream, is_clear: true, left: LIMIT }
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the server says too much")));
        }
        let most = if self.is_clear { 1 } else { self.left }.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        self.left = self.left.saturating_sub(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_clear &= bytes.first() != Some(&HANDSHAKE);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
