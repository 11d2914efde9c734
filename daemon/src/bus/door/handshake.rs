//! The service's side of the D-Bus authentication handshake, EXTERNAL only.
//!
//! Reads never past `BEGIN`, whatever the client sent behind it; at most 512 bytes and 8 commands.

use std::io;

use nix::sys::socket::{MsgFlags, recv};
use std::os::fd::AsRawFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;

/// How many bytes a handshake may have.
const BYTE_LIMIT: usize = 512;
/// How many commands a handshake may have.
const COMMAND_LIMIT: usize = 8;

/// Greets a client whose uid the kernel told.
pub(super) async fn greet(stream: &mut UnixStream, uid: u32, guid: &str) -> io::Result<()> {
    if stream.read_u8().await? != 0 {
        return Err(refused());
    }
    let mut budget = BYTE_LIMIT;
    let mut progress = Progress::Stranger;
    for _ in 0..COMMAND_LIMIT {
        let command = read_command(stream, &mut budget).await?;
        match progress.follow(&command, uid) {
            Answer::Begin => return Ok(()),
            Answer::Accept => reply(stream, &format!("OK {guid}\r\n")).await?,
            Answer::Ask => reply(stream, "DATA\r\n").await?,
            Answer::Unsupported => reply(stream, "ERROR\r\n").await?,
            Answer::Offer => reply(stream, "REJECTED EXTERNAL\r\n").await?,
            Answer::Refuse => {
                reply(stream, "REJECTED EXTERNAL\r\n").await?;
                return Err(refused());
            }
        }
    }
    Err(refused())
}

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Said nothing of itself.
    Stranger,
    /// Was asked for its identity.
    Asked,
    /// Is who it says.
    Accepted,
}

/// What a command is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Begin,
    Accept,
    Ask,
    Unsupported,
    Offer,
    Refuse,
}

impl Progress {
    fn follow(&mut self, command: &str, uid: u32) -> Answer {
        let mut words = command.split(' ');
        match (*self, words.next(), words.next(), words.next(), words.next()) {
            (Self::Accepted, Some("BEGIN"), None, ..) => Answer::Begin,
            (Self::Accepted, Some("NEGOTIATE_UNIX_FD"), None, ..) => Answer::Unsupported,
            (Self::Stranger, Some("AUTH"), None, ..) => Answer::Offer,
            (Self::Stranger, Some("AUTH"), Some("EXTERNAL"), None, _) => {
                *self = Self::Asked;
                Answer::Ask
            }
            (Self::Stranger, Some("AUTH"), Some("EXTERNAL"), Some(identity), None) => {
                self.identify(identity, uid)
            }
            (Self::Asked, Some("DATA"), None, ..) => self.identify("", uid),
            (Self::Asked, Some("DATA"), Some(identity), None, _) => self.identify(identity, uid),
            _ => Answer::Refuse,
        }
    }

    /// An empty identity means "what the kernel says"; any other must say the same.
    fn identify(&mut self, identity: &str, uid: u32) -> Answer {
        let claimed = data_encoding::HEXLOWER_PERMISSIVE.decode(identity.as_bytes());
        let fits = identity.is_empty() || claimed.is_ok_and(|claimed| claimed == uid.to_string().as_bytes());
        if !fits {
            return Answer::Refuse;
        }
        *self = Self::Accepted;
        Answer::Accept
    }
}

/// Reads one command up to its `\r\n`, and nothing behind it.
async fn read_command(stream: &mut UnixStream, budget: &mut usize) -> io::Result<String> {
    let mut command = Vec::new();
    loop {
        let (seen, is_whole) = peek(stream, *budget).await?;
        let mut bytes = vec![0; seen];
        stream.read_exact(&mut bytes).await?;
        *budget = budget.saturating_sub(seen);
        command.extend_from_slice(&bytes);
        if is_whole {
            let text = command.strip_suffix(b"\r\n").ok_or_else(refused)?;
            return String::from_utf8(text.to_vec()).map_err(|_| refused());
        }
        if *budget == 0 {
            return Err(refused());
        }
    }
}

/// Tells how many bytes there are up to the end of the line, and whether the end is among them.
async fn peek(stream: &UnixStream, budget: usize) -> io::Result<(usize, bool)> {
    let mut seen = [0; BYTE_LIMIT];
    let window = seen.get_mut(..budget).ok_or_else(refused)?;
    let count = stream
        .async_io(Interest::READABLE, || {
            recv(stream.as_raw_fd(), window, MsgFlags::MSG_PEEK).map_err(io::Error::from)
        })
        .await?;
    if count == 0 {
        return Err(refused());
    }
    let window = seen.get(..count).ok_or_else(refused)?;
    match window.iter().position(|byte| *byte == b'\n') {
        Some(end) => Ok((end.saturating_add(1), true)),
        None => Ok((count, false)),
    }
}

async fn reply(stream: &mut UnixStream, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).await
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "the handshake was refused")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(commands: &[&str]) -> Vec<Answer> {
        let mut progress = Progress::Stranger;
        commands.iter().map(|command| progress.follow(command, 1000)).collect()
    }

    #[test]
    fn each_way_of_saying_who_one_is_works() {
        let own = "AUTH EXTERNAL 31303030";
        assert_eq!(follow(&[own, "BEGIN"]), [Answer::Accept, Answer::Begin]);
        assert_eq!(follow(&["AUTH", own, "BEGIN"]), [Answer::Offer, Answer::Accept, Answer::Begin]);
        assert_eq!(follow(&["AUTH EXTERNAL", "DATA", "BEGIN"]), [Answer::Ask, Answer::Accept, Answer::Begin]);
        assert_eq!(follow(&["AUTH EXTERNAL", "DATA 31303030"]), [Answer::Ask, Answer::Accept]);
        assert_eq!(
            follow(&[own, "NEGOTIATE_UNIX_FD", "BEGIN"]),
            [Answer::Accept, Answer::Unsupported, Answer::Begin]
        );
    }

    #[test]
    fn nobody_begins_before_they_are_known() {
        assert_eq!(follow(&["BEGIN"]), [Answer::Refuse]);
        assert_eq!(follow(&["AUTH EXTERNAL", "BEGIN"]), [Answer::Ask, Answer::Refuse]);
        assert_eq!(follow(&["AUTH EXTERNAL 30"]), [Answer::Refuse]);
        assert_eq!(follow(&["AUTH EXTERNAL 3130303030"]), [Answer::Refuse]);
        assert_eq!(follow(&["AUTH EXTERNAL 31303030 x"]), [Answer::Refuse]);
    }
}
