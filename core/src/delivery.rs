//! What is sent to a person: to whom, over which channel, which words, until when.
//!
//! Owns the values that go into the outbox and what comes back from it. A message has exactly one recipient and one id;
//! the id is the message's everywhere, so that it goes out at most once. Leaves the way out to the daemon, the wording to
//! `words`.

use std::fmt;

use crate::account::{Account, AccountKey};
use crate::audit::{AuditEvent, EventId, Subject};
use crate::contact::{EmailAddress, PhoneNumber};
use crate::factor::Method;
use crate::factor::sent::SentCode;
use crate::login::Host;
use crate::secret::{Entropy, Secret, draw};
use crate::time::{Now, WallTime};

/// The ways on which a code can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// E-mail (row M3).
    Email,
    /// Text message (row M4).
    Sms,
    /// Voice call (row M5).
    Call,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 3] = [Self::Email, Self::Sms, Self::Call];

    /// Tells the method whose codes go this way.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::Email => Method::Email,
            Self::Sms => Method::Sms,
            Self::Call => Method::Call,
        }
    }

    /// Tells the name used in the file, on the bus and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.method().name()
    }
}

/// One person's address or number on one channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// An e-mail address.
    Email(EmailAddress),
    /// A number that gets text messages.
    Sms(PhoneNumber),
    /// A number that is called.
    Call(PhoneNumber),
}

impl Recipient {
    /// Tells the channel.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Sms(_) => Channel::Sms,
            Self::Call(_) => Channel::Call,
        }
    }

    /// Lends the address or number.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Email(address) => address.as_str(),
            Self::Sms(number) | Self::Call(number) => number.as_str(),
        }
    }

    /// Writes it so that only its owner knows it again.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Email(address) => address.masked(),
            Self::Sms(number) | Self::Call(number) => number.masked(),
        }
    }
}

/// Identifies one message; random, in the outbox, in the `Message-ID`, and in the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// Draws an id.
    #[must_use]
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        Self(draw(entropy))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// What a message says. It may hold a code: it is wiped, sealed in the outbox, and never shown by `Debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The subject of an e-mail, one line; the code is its first word. Empty on the other channels.
    pub subject: Secret<String>,
    /// The text: of an e-mail with newlines; of a text message one line; of a call what is spoken, digit by digit.
    pub text: Secret<String>,
    /// The HTML of an e-mail, whole and escaped. Empty on the other channels.
    pub html: Secret<String>,
}

/// Why a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// It brings a code: it is throttled (row D2), and worthless after its life.
    Code,
    /// It tells of a change or of danger (rows S1, D4).
    Notice,
    /// An administrator tries the way out (`delivery test`).
    Trial,
}

/// One message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its id.
    pub id: RequestId,
    /// To whom: exactly one.
    pub recipient: Recipient,
    /// Why.
    pub purpose: Purpose,
    /// What it says.
    pub letter: Letter,
    /// When it was asked for.
    pub queued: WallTime,
    /// After that it is not worth sending.
    pub expires: WallTime,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// In the outbox, or being tried.
    Queued,
    /// Not accepted at the first try; it is tried again.
    Deferred,
    /// The server or gateway took it.
    Sent,
    /// It did not go out, or nobody knows whether it did.
    Failed(Failure),
}

/// Why a message did not go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The server or gateway refused it for good.
    Refused,
    /// The server or gateway could not be reached, or put it off until the message was worth nothing.
    Unreachable,
    /// The connection was lost, or the service stopped, when it may have been taken: it is not sent twice.
    Unknown,
    /// The channel is not configured (any more), or its credentials are missing.
    NotConfigured,
}

impl Failure {
    /// Every failure.
    pub const ALL: [Self; 4] = [Self::Refused, Self::Unreachable, Self::Unknown, Self::NotConfigured];

    /// Tells the stable word for audit and store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
            Self::NotConfigured => "not-configured",
        }
    }
}

/// How a message ended, as the outbox reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Which message.
    pub request: RequestId,
    /// Its channel.
    pub channel: Channel,
    /// Why it was sent.
    pub purpose: Purpose,
    /// Final status, or [`Progress::Deferred`].
    pub progress: Progress,
}

/// What follows from the end of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Finished {
    /// The account to commit, where the code of the message can still be used.
    pub account: Option<Account>,
    /// The record of the same commit. A notice or trial that went out has none of its own.
    pub event: Option<AuditEvent>,
}

/// Takes the end of a message, or that it was put off, into the account of its person, so that the next prompt tells of it on whichever connection
/// and host it is shown. A trial has no person; an account that is not the message's any more is left as it is.
pub fn finished(
    key: Option<&AccountKey>,
    account: Option<&Account>,
    report: &Report,
    host: &Host,
    now: Now,
) -> Finished {
    let Report { request, channel, purpose, progress } = *report;
    let ended = match (progress, purpose) {
        (Progress::Queued | Progress::Deferred, _) | (Progress::Sent, Purpose::Notice | Purpose::Trial) => {
            None
        }
        (Progress::Sent, Purpose::Code) => Some((EventId::CodeDelivered, None)),
        (Progress::Failed(failure), _) => Some((EventId::DeliveryFailed, Some(failure.word().to_owned()))),
    };
    let event = ended.map(|(event, reason)| AuditEvent {
        subject: key.map(|key| Subject {
            user: key.name.to_string(),
            realm: key.realm.to_string(),
            account: account.map(|account| account.id.to_string()),
        }),
        factor: Some(channel.name().to_owned()),
        message: Some(request.to_string()),
        reason,
        ..AuditEvent::new(event, now.wall, &host.name, "service")
    });
    // A report of an attempt may come after that of a later one.
    let is_news = |code: &SentCode| match progress {
        Progress::Queued => false,
        Progress::Deferred => code.progress == Progress::Queued,
        Progress::Sent | Progress::Failed(_) => true,
    };
    let waits = |code: &SentCode| code.request == request && is_news(code);
    let account = account.filter(|account| account.sent.iter().any(waits)).cloned().map(|mut account| {
        for code in account.sent.iter_mut().filter(|code| code.request == request) {
            code.progress = progress;
        }
        account.changed = account.changed.max(now.latest());
        account
    });
    Finished { account, event }
}
