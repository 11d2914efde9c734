//! What can be said of codes that are sent, as values; the languages have the words.

use crate::factor::Method;
use crate::time::WallTime;

use super::shown;

/// One way in which a code can be given, as it stands in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedWay {
    /// What to type to choose it; what needs no choosing has none.
    pub number: Option<usize>,
    /// What it is.
    pub method: Method,
    /// To whom its codes are sent, masked.
    pub recipient: Option<String>,
}

/// What is said of codes that are sent. Recipients are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// A new one was put into the outbox.
    OnItsWay {
        /// To whom.
        recipient: String,
    },
    /// The one that was sent before is good for this login as well.
    StillValid {
        /// To whom.
        recipient: String,
    },
    /// It has not been accepted for delivery yet; it is tried again.
    Deferred {
        /// To whom.
        recipient: String,
        /// What else there is.
        others: Vec<ListedWay>,
    },
    /// It did not go out.
    Failed {
        /// To whom.
        recipient: String,
        /// What else there is.
        others: Vec<ListedWay>,
    },
    /// Nobody knows whether it went out; it is not sent twice.
    Doubtful {
        /// To whom.
        recipient: String,
        /// What else there is.
        others: Vec<ListedWay>,
    },
    /// Another one is asked for too early.
    Wait {
        /// How long to wait.
        seconds: u64,
        /// What else there is.
        others: Vec<ListedWay>,
    },
    /// It was sent for a different login.
    Elsewhere {
        /// Whether another one can be had here.
        resend: Resend,
        /// What else there is.
        others: Vec<ListedWay>,
    },
    /// Too many were asked for.
    Cap {
        /// When one more is possible.
        until: WallTime,
        /// The present, to leave out the date of today.
        now: WallTime,
        /// What else there is.
        others: Vec<ListedWay>,
        /// Whom to ask.
        help: Option<String>,
    },
    /// The channel is not configured, or does not serve the number.
    Unreachable {
        /// To whom.
        recipient: String,
        /// What else there is.
        others: Vec<ListedWay>,
        /// Whom to ask.
        help: Option<String>,
    },
    /// A wrong code, where the person waits for one that is sent.
    WrongCode {
        /// Whether another one can be had.
        resend: Resend,
    },
    /// Nothing was entered, where the person waits for a code that is sent.
    EnterCode {
        /// To whom it was sent.
        recipient: String,
    },
    /// There is no way that could be chosen.
    NothingToChoose {
        /// Whom to ask.
        help: Option<String>,
    },
}

/// Whether another code can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// At once.
    Now,
    /// After so many seconds.
    In(u64),
    /// Not soon.
    No,
}

impl ListedWay {
    /// Writes it with its number, name and recipient: `2 email a•••@example.org`.
    pub(super) fn written(&self, name: &str) -> String {
        let number = self.number.map(|number| number.to_string());
        let recipient = self.recipient.as_deref().map(shown);
        let parts = [number.as_deref(), Some(name), recipient.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}
