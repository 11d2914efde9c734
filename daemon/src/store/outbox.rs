//! The outbox as every store keeps it: messages on their way, and what was sent to whom in the last day.
//!
//! Owns the values that go in and come out, and the words of a row's state. A message goes in with the account that it was
//! decided with, in one commit, and its content is emptied when it is settled; the rest of the row stays for a day, so that
//! sends are counted the same by all hosts and after a restart. Leaves sending to `delivery`, and who may be sent
//! something to core.

use countersign_core::account::AccountKey;
use countersign_core::delivery::{Channel, Outgoing, Progress, Purpose, Recipient, RequestId};
use countersign_core::throttle::DAY;
use countersign_core::time::WallTime;

/// The longest content of a message, in bytes; what core writes takes a few thousand.
pub const MESSAGE_LIMIT: usize = 256 * 1024;
/// The most codes of one recipient that are told: more than any cap of a day that the file may set.
pub const USE_LIMIT: u16 = 256;
/// The most messages of one hour that are told of a host: more than any cap that the file may set.
pub const HOST_USE_LIMIT: u32 = 100_000;
/// The most old rows that are removed in one call.
pub const PURGE_LIMIT: u16 = 1000;

/// A message to put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The message.
    pub outgoing: Outgoing,
    /// The place of the newest code to the same recipient that the decision saw; 0 where it saw none. Only codes are
    /// compared: where there is a newer one, the change is [`Stale`](super::Stale).
    pub seen: u64,
}

/// A message that waits to be sent from this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: RequestId,
    /// Whose it is; a trial is nobody's.
    pub account: Option<AccountKey>,
    /// The message.
    pub outgoing: Outgoing,
    /// How often it was tried.
    pub attempts: u32,
}

/// A message that was being tried when the service ended: nobody knows whether it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// Its id.
    pub id: RequestId,
    /// Whose it is; a trial is nobody's.
    pub account: Option<AccountKey>,
    /// Its channel.
    pub channel: Channel,
    /// Why it was sent.
    pub purpose: Purpose,
}

/// What was sent from this host within the last hour, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostUse {
    /// E-mails.
    pub emails: Vec<WallTime>,
    /// Text messages and calls.
    pub texts: Vec<WallTime>,
}

impl HostUse {
    /// Takes in one message.
    pub fn note(&mut self, channel: Channel, at: WallTime) {
        self.of(channel).push(at);
    }

    /// Lends the times that a channel counts toward.
    pub const fn of(&mut self, channel: Channel) -> &mut Vec<WallTime> {
        match channel {
            Channel::Email => &mut self.emails,
            Channel::Sms | Channel::Call => &mut self.texts,
        }
    }
}

/// Tells whether a row may be removed: its content is worth nothing, and it counts no more.
pub(super) fn is_old(expires: WallTime, at: WallTime) -> bool {
    expires.after(DAY) <= at
}

/// Writes a recipient as it is counted: two spellings of one mailbox are one.
pub(super) fn counted(recipient: &Recipient) -> String {
    format!("{}:{}", recipient.channel().name(), recipient.address().to_ascii_lowercase())
}

/// The word of a message that was taken.
pub(super) const SENT: &str = "sent";

/// Tells the word that a final state has in a row; none for what is not final.
pub(super) const fn final_word(progress: Progress) -> Option<&'static str> {
    match progress {
        Progress::Queued | Progress::Deferred => None,
        Progress::Sent => Some(SENT),
        Progress::Failed(failure) => Some(failure.word()),
    }
}

/// Tells the word of a purpose in a row.
pub(super) const fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Code => "code",
        Purpose::Notice => "notice",
        Purpose::Trial => "trial",
    }
}

/// Reads the word of a purpose.
pub(super) fn purpose_of(word: &str) -> Option<Purpose> {
    [Purpose::Code, Purpose::Notice, Purpose::Trial]
        .into_iter()
        .find(|purpose| purpose_word(*purpose) == word)
}

/// Reads the name of a channel.
pub(super) fn channel_of(name: &str) -> Option<Channel> {
    Channel::ALL.into_iter().find(|channel| channel.name() == name)
}
