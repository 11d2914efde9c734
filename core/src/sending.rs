//! Who gets a code sent, and how often (rows D2, TH19).
//!
//! Owns the waits and caps of sending, per person, per recipient and per host, and the one way in which a code comes into
//! being: [`send`] makes the code, counts the send and writes the message, all in the account to commit. What was counted
//! lies in the store: in the account for the person, in the outbox for recipient and host, read with the account
//! ([`OutboxFacts`]). Nothing is sent before the first factor, to anybody unknown, unenrolled or locked: the dialogues
//! ask only after that.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::account::{Account, HostId};
use crate::contact::Country;
use crate::delivery::{Channel, Letter, Outgoing, Purpose, Recipient, RequestId};
use crate::factor::FactorId;
use crate::factor::sent::{Binding, SentParameters};
use crate::secret::{Entropy, Secret};
use crate::throttle::DAY;
use crate::time::{Now, WallTime};

/// The span of the cap on messages of a host.
pub const HOUR: Duration = Duration::from_hours(1);
/// The span of the short cap.
const SHORT: Duration = Duration::from_mins(10);

/// `[limits]` of the file, as far as it is about sending; the defaults are row D2's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimits {
    /// The first wait before another code.
    pub wait: Duration,
    /// It doubles with each code that is not used, up to this.
    pub longest_wait: Duration,
    /// Codes within ten minutes that are not used, per person and per recipient.
    pub per_ten_minutes: u32,
    /// Codes within 24 h that are not used, per person and per recipient.
    pub per_day: u32,
    /// Messages within 24 h to one person, used or not.
    pub all_per_day: u32,
    /// E-mails within an hour from one host.
    pub emails_per_hour: u32,
    /// Text messages and calls together within an hour from one host.
    pub texts_per_hour: u32,
}

impl Default for SendLimits {
    fn default() -> Self {
        Self {
            wait: Duration::from_mins(1),
            longest_wait: Duration::from_mins(5),
            per_ten_minutes: 5,
            per_day: 10,
            all_per_day: 60,
            emails_per_hour: 1000,
            texts_per_hour: 200,
        }
    }
}

/// Which channels are configured, and to whom they may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Channels {
    /// Whether `[email]` is configured.
    pub email: bool,
    /// `[sms]`.
    pub sms: Option<Numbers>,
    /// `[call]`.
    pub call: Option<Numbers>,
}

/// Which numbers a gateway may be given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers {
    /// The country whose numbers may be written without their code.
    pub country: Option<Country>,
    /// Beginnings of numbers that are served; all where none is named.
    pub allow_prefixes: Vec<String>,
}

impl Channels {
    /// Tells whether a channel is configured.
    #[must_use]
    pub const fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.email,
            Channel::Sms => self.sms.is_some(),
            Channel::Call => self.call.is_some(),
        }
    }

    /// Tells how numbers of a channel are read and limited; nothing for e-mail.
    #[must_use]
    pub const fn numbers(&self, channel: Channel) -> Option<&Numbers> {
        match channel {
            Channel::Email => None,
            Channel::Sms => self.sms.as_ref(),
            Channel::Call => self.call.as_ref(),
        }
    }

    /// Tells whether something may be sent to a recipient: the channel is configured and the number within its prefixes.
    #[must_use]
    pub fn reaches(&self, recipient: &Recipient) -> bool {
        let channel = recipient.channel();
        match self.numbers(channel) {
            None => self.has(channel),
            Some(Numbers { allow_prefixes, .. }) => {
                allow_prefixes.is_empty()
                    || allow_prefixes.iter().any(|prefix| recipient.address().starts_with(prefix.as_str()))
            }
        }
    }
}

/// One message that went to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Send {
    /// When.
    pub at: WallTime,
    /// Which.
    pub request: RequestId,
    /// Why.
    pub purpose: Purpose,
    /// Whether its code was used: then it no longer counts, but against the last cap.
    pub is_used: bool,
}

/// What the outbox knows beyond the account; read with it, never part of its record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxFacts {
    /// What was sent to the person's recipients, by whomever.
    pub recipients: BTreeMap<Recipient, RecipientUse>,
    /// E-mails from this host within the last hour, oldest first, at most as many as the cap.
    pub emails: Vec<WallTime>,
    /// Text messages and calls from this host within the last hour, likewise.
    pub texts: Vec<WallTime>,
}

/// What was sent to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecipientUse {
    /// The place of the newest code in the outbox; the commit is stale if there is a newer one.
    pub newest: u64,
    /// The codes of the last 24 h that were not used, oldest first.
    pub unused: Vec<WallTime>,
}

/// Why nothing is sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// The wait after the last one is not over.
    Wait {
        /// When it is.
        until: WallTime,
    },
    /// The person's or the recipient's cap is reached.
    Cap {
        /// When one more is possible.
        until: WallTime,
    },
    /// The host's cap is reached.
    HostCap {
        /// When one more is possible.
        until: WallTime,
    },
    /// The channel is not configured, or does not serve this number.
    Unreachable,
}

impl Account {
    /// Tells whether a code may be sent to a recipient now.
    ///
    /// # Errors
    /// [`NotNow`], the latest of all that stand in the way.
    pub fn may_send(
        &self,
        recipient: &Recipient,
        channels: &Channels,
        limits: &SendLimits,
        at: WallTime,
    ) -> Result<(), NotNow> {
        if !channels.reaches(recipient) {
            return Err(NotNow::Unreachable);
        }
        let recent = |send: &&Send| at.since(send.at) < DAY;
        let all: Vec<WallTime> = self.sends.iter().filter(recent).map(|send| send.at).collect();
        let own: Vec<WallTime> = self
            .sends
            .iter()
            .filter(recent)
            .filter(|send| send.purpose == Purpose::Code && !send.is_used)
            .map(|send| send.at)
            .collect();
        let theirs =
            self.outbox.recipients.get(recipient).map(|known| known.unused.as_slice()).unwrap_or_default();
        let caps = [
            cap(&all, DAY, limits.all_per_day, at),
            cap(&own, SHORT, limits.per_ten_minutes, at),
            cap(&own, DAY, limits.per_day, at),
            cap(theirs, SHORT, limits.per_ten_minutes, at),
            cap(theirs, DAY, limits.per_day, at),
        ];
        if let Some(until) = caps.into_iter().flatten().max() {
            return Err(NotNow::Cap { until });
        }
        if let Some(until) = wait(&own, limits, at).max(wait(theirs, limits, at)) {
            return Err(NotNow::Wait { until });
        }
        let (sent, limit) = match recipient.channel() {
            Channel::Email => (&self.outbox.emails, limits.emails_per_hour),
            Channel::Sms | Channel::Call => (&self.outbox.texts, limits.texts_per_hour),
        };
        cap(sent, HOUR, limit, at).map_or(Ok(()), |until| Err(NotNow::HostCap { until }))
    }
}

/// Tells when one more fits under a cap, if it is reached now.
fn cap(times: &[WallTime], span: Duration, limit: u32, at: WallTime) -> Option<WallTime> {
    let within: Vec<WallTime> = times.iter().copied().filter(|time| at.since(*time) < span).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let first_that_has_to_go = within.len().checked_sub(limit)?;
    Some(within.get(first_that_has_to_go).map_or(UNTIL_FAR, |time| time.after(span)))
}

/// With a cap of nothing there is no time at which one fits.
const UNTIL_FAR: WallTime = WallTime::from_seconds(u64::MAX >> 1);

/// Tells until when to wait after the last one: the wait doubles with each of the last hour.
fn wait(times: &[WallTime], limits: &SendLimits, at: WallTime) -> Option<WallTime> {
    let within: Vec<WallTime> = times.iter().copied().filter(|time| at.since(*time) < HOUR).collect();
    let last = within.last()?;
    let doublings = u32::try_from(within.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let doubled = 1_u32.checked_shl(doublings).and_then(|factor| limits.wait.checked_mul(factor));
    let end = last.after(doubled.unwrap_or(limits.longest_wait).min(limits.longest_wait));
    (end > at).then_some(end)
}

/// A code about to be sent.
pub struct Request<'a> {
    /// The factor that it is sent to; it may be pending.
    pub factor: FactorId,
    /// Its address or number.
    pub recipient: &'a Recipient,
    /// The kind of login that it will be good for.
    pub binding: Binding,
    /// `[sent]`.
    pub parameters: &'a SentParameters,
    /// This host.
    pub host: &'a HostId,
    /// Writes the message around the code.
    pub write: &'a dyn Fn(&str) -> Letter,
}

impl Account {
    /// Makes a code and the message that brings it, and counts the send; to be asked only after [`Account::may_send`].
    /// The account is to be committed together with the message.
    pub(crate) fn send(&mut self, request: &Request<'_>, now: Now, entropy: &mut dyn Entropy) -> Outgoing {
        let id = RequestId::random(entropy);
        let at = now.latest();
        let Request { factor, recipient, binding, parameters, host, write } = request;
        let code: Secret<String> =
            self.make_sent_code(*factor, id, binding.clone(), parameters, (host, now), entropy);
        self.note_send(id, Purpose::Code, at);
        Outgoing {
            id,
            recipient: (*recipient).clone(),
            purpose: Purpose::Code,
            letter: write(code.expose()),
            queued: at,
            expires: at.after(parameters.lifetime),
        }
    }

    /// Counts a message; what is older than a day is forgotten.
    pub(crate) fn note_send(&mut self, request: RequestId, purpose: Purpose, at: WallTime) {
        self.sends.retain(|send| at.since(send.at) < DAY);
        self.sends.push(Send { at, request, purpose, is_used: false });
        let surplus = self.sends.len().saturating_sub(SENDS_LIMIT);
        self.sends.drain(..surplus);
        self.changed = self.changed.max(at);
    }
}

/// The most sends that an account keeps: the greatest cap of a day that the file may set.
pub const SENDS_LIMIT: usize = 200;
