//! One connection's bytes: written down as a listener on the line sees them, before TLS is taken off.
//!
//! Owns the line and what can be read from it. What the bytes mean is the session's business.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use data_encoding::BASE64_NOPAD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::Shared;

/// The longest line that is read, the text of a mail aside (RFC 5321, 4.5.3.1.6 allows 1000).
const MAX_LINE: usize = 16 * 1024;

/// A stream of which everything is written down.
pub(super) struct Tapped {
    stream: TcpStream,
    shared: Arc<Shared>,
}

/// A connection.
pub(super) enum Line {
    Clear(Tapped),
    Encrypted(Box<StreamOwned<ServerConnection, Tapped>>),
}

impl Line {
    pub(super) fn new(stream: TcpStream, shared: &Arc<Shared>) -> Self {
        Self::Clear(Tapped { stream, shared: Arc::clone(shared) })
    }

    /// Takes the line into TLS; an encrypted one stays as it is.
    pub(super) fn encrypt(self, config: &Arc<ServerConfig>) -> io::Result<Self> {
        let Self::Clear(mut tapped) = self else { return Ok(self) };
        let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            // What the client is to learn of a failure is sent by the failing call.
            connection.complete_io(&mut tapped)?;
        }
        Ok(Self::Encrypted(Box::new(StreamOwned::new(connection, tapped))))
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypted(_))
    }

    /// Reads to the end of a line, a byte at a time: what follows STARTTLS must not be taken along.
    pub(super) fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        while line.len() < MAX_LINE {
            if self.read(&mut byte)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            line.extend(byte);
            if line.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&line);
                return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
            }
        }
        Err(io::Error::other("a line without an end"))
    }

    pub(super) fn say(&mut self, reply: &str) -> io::Result<()> {
        self.write_all(format!("{reply}\r\n").as_bytes())?;
        self.flush()
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(tapped) => tapped.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(tapped) => tapped.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(tapped) => tapped.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

impl Read for Tapped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.shared.lock().line.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl Write for Tapped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.shared.lock().line.extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Whether bytes show a secret: as it is, or anywhere inside something in base64.
#[must_use]
pub fn shows(bytes: &[u8], secret: &str) -> bool {
    let is_there =
        |needle: &[u8]| !needle.is_empty() && bytes.windows(needle.len()).any(|part| part == needle);
    is_there(secret.as_bytes()) || (0..3).any(|shift| is_there(in_base64(secret, shift).as_bytes()))
}

/// The characters of base64 that stand for nothing but the secret when `shift` bytes of its group stand before it.
fn in_base64(secret: &str, shift: usize) -> String {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret.as_bytes());
    let text = BASE64_NOPAD.encode(&bytes);
    // The first and last characters may be shared with neighbors.
    let first = (shift * 8).div_ceil(6);
    let whole = bytes.len() * 8 / 6;
    text.get(first..whole).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_seen_in_base64_wherever_it_begins() {
        for before in ["", "\0", "\0a", "\0mailer\0"] {
            let said = BASE64_NOPAD.encode(format!("{before}s3cret-word and more").as_bytes());
            assert!(shows(format!("AUTH PLAIN {said}\r\n").as_bytes(), "s3cret-word"), "{before:?}");
        }
        assert!(shows(b"xx s3cret-word", "s3cret-word"));
        assert!(!shows(b"AUTH PLAIN AAAA", "s3cret-word"));
    }
}
