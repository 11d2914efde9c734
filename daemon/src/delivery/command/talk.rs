//! What service and unit say to each other: a line each.
//!
//! Owns the three lines: the unit's `ready`, the order in JSON, the outcome. Each is limited before it is kept. An order
//! holds a code: it is wiped on both sides.

use std::io;

use countersign_core::delivery::{Channel, Outgoing};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What the unit says when it has read its configuration.
pub(super) const READY: &str = "ready";
/// The longest line, in bytes.
const LINE_LIMIT: u64 = 16 * 1024;

/// What is to be sent.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    channel: String,
    pub(super) number: String,
    pub(super) text: String,
}

impl Order {
    pub(super) fn of(message: &Outgoing) -> Self {
        Self {
            channel: message.recipient.channel().name().to_owned(),
            number: message.recipient.address().to_owned(),
            text: message.letter.text.expose().clone(),
        }
    }

    pub(super) fn written(&self) -> Zeroizing<String> {
        // Strings alone cannot fail; an empty order is refused by the other side.
        let mut line = Zeroizing::new(serde_json::to_string(self).unwrap_or_default());
        line.push('\n');
        line
    }

    pub(super) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// The channel; a command is behind text messages and calls only.
    pub(super) fn channel(&self) -> Option<Channel> {
        [Channel::Sms, Channel::Call].into_iter().find(|channel| channel.name() == self.channel)
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The command ended with this status.
    Exit(i32),
    /// A signal ended it.
    Killed,
    /// It took too long, and was ended.
    TimedOut,
    /// There is no such program, or it may not be run.
    NotStarted,
    /// The file names none.
    NotConfigured,
}

impl Outcome {
    pub(super) fn written(self) -> String {
        match self {
            Self::Exit(status) => format!("exit {status}\n"),
            Self::Killed => "killed\n".to_owned(),
            Self::TimedOut => "timed-out\n".to_owned(),
            Self::NotStarted => "not-started\n".to_owned(),
            Self::NotConfigured => "not-configured\n".to_owned(),
        }
    }

    pub(super) fn read(line: &str) -> Option<Self> {
        match line {
            "killed" => Some(Self::Killed),
            "timed-out" => Some(Self::TimedOut),
            "not-started" => Some(Self::NotStarted),
            "not-configured" => Some(Self::NotConfigured),
            _ => line.strip_prefix("exit ")?.parse().ok().map(Self::Exit),
        }
    }
}

/// Reads a line, without its end; nothing else is one, and no more than the limit is read.
pub(super) async fn hear(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    from.take(LINE_LIMIT).read_line(&mut line).await?;
    if line.pop() == Some('\n') { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_reads_back() {
        for outcome in [
            Outcome::Exit(0),
            Outcome::Exit(75),
            Outcome::Exit(255),
            Outcome::Killed,
            Outcome::TimedOut,
            Outcome::NotStarted,
            Outcome::NotConfigured,
        ] {
            assert_eq!(Outcome::read(outcome.written().trim_end()), Some(outcome));
        }
        for line in ["", "exit", "exit ", "exit 0 ", "exit x", "Killed", "ready"] {
            assert_eq!(Outcome::read(line), None, "{line}");
        }
    }

    #[tokio::test]
    async fn a_line_ends_and_has_a_limit() {
        assert_eq!(hear(&mut &b"ready\nmore"[..]).await.unwrap().as_str(), "ready");
        assert!(hear(&mut &b"ready"[..]).await.is_err());
        assert!(hear(&mut &b"\xff\n"[..]).await.is_err());
        let mut long = vec![b'x'; 20_000];
        long.push(b'\n');
        assert!(hear(&mut long.as_slice()).await.is_err());
    }

    #[test]
    fn an_order_names_a_channel_with_a_number_and_nothing_else() {
        let order = |channel: &str| format!(r#"{{"channel":"{channel}","number":"+49","text":"t"}}"#);
        assert_eq!(Order::read(&order("sms")).unwrap().channel(), Some(Channel::Sms));
        assert_eq!(Order::read(&order("call")).unwrap().channel(), Some(Channel::Call));
        assert_eq!(Order::read(&order("email")).unwrap().channel(), None);
        assert!(Order::read(r#"{"channel":"sms","number":"+49","text":"t","command":"sh"}"#).is_none());
        assert!(Order::read("\"sms\"").is_none());
    }
}
