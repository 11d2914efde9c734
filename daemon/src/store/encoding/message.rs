//! A message of the outbox as a row: what is counted in the open, recipient and words under a seal.
//!
//! Owns the row and its translation, both ways. The open half is bound into the seal, so that a message cannot be brought
//! to life again, moved to another person or made to last longer. The recipient stands in the open only as a keyed hash:
//! whoever reads the file learns neither addresses nor codes.

use countersign_core::account::AccountId;
use countersign_core::contact::{EmailAddress, PhoneNumber};
use countersign_core::delivery::{Channel, Letter, Outgoing, Recipient, RequestId};
use countersign_core::secret::Secret;
use countersign_core::time::WallTime;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::super::StoreError;
use super::super::outbox::{MESSAGE_LIMIT, channel_of, counted, purpose_of, purpose_word};
use super::super::sealing::{DataKey, KeyRing, Place, RecipientKey};
use super::column;

/// What the seal of a row holds.
const SEAL_KIND: &str = "message";
/// The form of what is sealed: address, subject, text, HTML, each with its length before it.
const VERSION: u8 = 1;
const PARTS: usize = 4;

/// A message as a database keeps it until it is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct MessageRow {
    /// The message's id.
    pub(in crate::store) id: [u8; 16],
    /// The account, where it is somebody's.
    pub(in crate::store) account: Option<[u8; 16]>,
    /// Keyed hash of the recipient.
    pub(in crate::store) recipient: [u8; 32],
    /// The channel's name.
    pub(in crate::store) channel: String,
    /// The word of its purpose.
    pub(in crate::store) purpose: String,
    /// When it was asked for.
    pub(in crate::store) queued: i64,
    /// After that it is not worth sending.
    pub(in crate::store) expires: i64,
    /// The number of the data key that sealed.
    pub(in crate::store) data_key: u32,
    /// Recipient and words.
    pub(in crate::store) sealed: Vec<u8>,
}

impl MessageRow {
    /// Writes a message, sealed by a data key.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it is longer than a message may be; [`StoreError::Key`] without randomness.
    pub(in crate::store) fn of(
        outgoing: &Outgoing,
        account: Option<AccountId>,
        recipients: &RecipientKey,
        key: &DataKey,
    ) -> Result<Self, StoreError> {
        let Outgoing { id, recipient, purpose, letter: _, queued, expires } = outgoing;
        let mut row = Self {
            id: id.0,
            account: account.map(|account| account.0),
            recipient: recipients.digest(&counted(recipient)),
            channel: recipient.channel().name().to_owned(),
            purpose: purpose_word(*purpose).to_owned(),
            queued: column(queued.as_seconds())?,
            expires: column(expires.as_seconds())?,
            data_key: key.number(),
            sealed: Vec::new(),
        };
        row.sealed = key.seal(row.place(&row.digest()), &write(outgoing)?)?;
        Ok(row)
    }

    /// Reads the message.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for anything altered, swapped or newer; [`StoreError::Key`] if the data key is missing.
    pub(in crate::store) fn read(&self, keys: &KeyRing) -> Result<Outgoing, StoreError> {
        let broken = |what: &str| {
            let id = RequestId(self.id);
            StoreError::Unreadable(format!("message {id}: {what}"))
        };
        let plain = keys
            .key(self.data_key)?
            .open(self.place(&self.digest()), &self.sealed)
            .map_err(|_| broken("its seal is broken, of another row, or of a newer version"))?;
        let time = |value: i64| {
            u64::try_from(value).map(WallTime::from_seconds).map_err(|_| broken("a time of it is negative"))
        };
        let channel = channel_of(&self.channel).ok_or_else(|| broken("its channel is none"))?;
        let [address, subject, text, html] =
            read(&plain).ok_or_else(|| broken("its content is not as written"))?;
        Ok(Outgoing {
            id: RequestId(self.id),
            recipient: recipient(channel, &address).ok_or_else(|| broken("its recipient is none"))?,
            purpose: purpose_of(&self.purpose).ok_or_else(|| broken("its purpose is none"))?,
            letter: Letter { subject, text, html },
            queued: time(self.queued)?,
            expires: time(self.expires)?,
        })
    }

    fn place<'a>(&self, open_half: &'a [u8; 32]) -> Place<'a> {
        // The id of a message is as random as an account's; the kind keeps them apart.
        Place { account: AccountId(self.id), kind: SEAL_KIND, open_half }
    }

    /// SHA-256 over all that is not sealed and never changes while the message waits.
    fn digest(&self) -> [u8; 32] {
        let Self { id, account, recipient, channel, purpose, queued, expires, data_key: _, sealed: _ } = self;
        let mut hash = Sha256::new();
        hash.update(id);
        hash.update([u8::from(account.is_some())]);
        hash.update(account.unwrap_or_default());
        hash.update(recipient);
        for word in [channel, purpose] {
            hash.update(word.as_bytes());
            hash.update([0]);
        }
        for number in [*queued, *expires] {
            hash.update(number.to_be_bytes());
        }
        hash.finalize().into()
    }
}

/// Refuses a message that is longer than one may be.
///
/// # Errors
/// [`StoreError::Failed`], and for times that no database can keep.
pub(in crate::store) fn check_letter(outgoing: &Outgoing) -> Result<usize, StoreError> {
    column(outgoing.queued.as_seconds())?;
    column(outgoing.expires.as_seconds())?;
    let size =
        parts(outgoing).iter().map(|part| part.len().saturating_add(size_of::<u32>())).sum::<usize>() + 1;
    if size <= MESSAGE_LIMIT {
        return Ok(size);
    }
    let cause = format!("a message is longer than {MESSAGE_LIMIT} bytes");
    Err(StoreError::Failed { doing: "queueing a message", cause })
}

fn parts(outgoing: &Outgoing) -> [&str; PARTS] {
    let Letter { subject, text, html } = &outgoing.letter;
    [outgoing.recipient.address(), subject.expose(), text.expose(), html.expose()]
}

/// Writes what is sealed into a buffer that never moves.
fn write(outgoing: &Outgoing) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let mut plain = Zeroizing::new(Vec::with_capacity(check_letter(outgoing)?));
    plain.push(VERSION);
    for part in parts(outgoing) {
        plain.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        plain.extend_from_slice(part.as_bytes());
    }
    Ok(plain)
}

fn read(plain: &[u8]) -> Option<[Secret<String>; PARTS]> {
    let (&[VERSION], mut rest) = plain.split_first_chunk::<1>()? else { return None };
    let mut parts = Vec::with_capacity(PARTS);
    for _ in 0..PARTS {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (part, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        parts.push(Secret::new(std::str::from_utf8(part).ok()?.to_owned()));
        rest = after;
    }
    if rest.is_empty() { parts.try_into().ok() } else { None }
}

fn recipient(channel: Channel, address: &Secret<String>) -> Option<Recipient> {
    let text = address.expose().as_str();
    match channel {
        Channel::Email => EmailAddress::try_from(text).ok().map(Recipient::Email),
        Channel::Sms => PhoneNumber::try_from(text).ok().map(Recipient::Sms),
        Channel::Call => PhoneNumber::try_from(text).ok().map(Recipient::Call),
    }
}
