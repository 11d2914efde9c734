//! Who gets a code sent, and how often (rows D2, TH19).
//!
//! Owns the waits and caps of sending, per person, per recipient and per host, and the one way in which a code comes into
//! being: `Account::send` makes the code, counts the send and writes the message, all in the account to commit. What was counted
//! lies in the store: in the account for the person, in the outbox for recipient and host, read with the account
//! ([`OutboxFacts`]). Nothing is sent before the first factor, to anybody unknown, unenrolled or locked: the dialogues
//! ask only after that.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::account::{Account, HostId};
use crate::contact::{Country, PhoneNumber};
use crate::delivery::{Channel, Letter, Outgoing, Progress, Purpose, Recipient, RequestId};
use crate::factor::sent::{Binding, SentCode, SentParameters};
use crate::factor::{Factor, FactorId, FactorKind};
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

    /// Tells whether a number can be put on file: a configured channel serves it, or none is configured that serves numbers.
    #[must_use]
    pub fn takes(&self, number: &PhoneNumber) -> bool {
        let of_channels = [self.sms.as_ref(), self.call.as_ref()];
        let mut configured = of_channels.into_iter().flatten().peekable();
        configured.peek().is_none() || configured.any(|numbers| numbers.serves(number.as_str()))
    }

    /// Tells whether something may be sent to a recipient: the channel is configured and the number within its prefixes.
    #[must_use]
    pub fn reaches(&self, recipient: &Recipient) -> bool {
        let channel = recipient.channel();
        match self.numbers(channel) {
            None => self.has(channel),
            Some(numbers) => numbers.serves(recipient.address()),
        }
    }
}

impl Numbers {
    fn serves(&self, number: &str) -> bool {
        let Self { country: _, allow_prefixes } = self;
        allow_prefixes.is_empty() || allow_prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()))
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

impl Send {
    /// Tells whether it is a code of the last day that was not used.
    fn counts(&self, at: WallTime) -> bool {
        at.since(self.at) < DAY && self.purpose == Purpose::Code && !self.is_used
    }
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

impl NotNow {
    /// Tells the stable word for the audit.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wait { .. } => "wait",
            Self::Cap { .. } => "cap",
            Self::HostCap { .. } => "host-cap",
            Self::Unreachable => "unreachable",
        }
    }
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
        let own = self.unused_codes(at);
        let theirs =
            self.outbox.recipients.get(recipient).map(|known| known.unused.as_slice()).unwrap_or_default();
        let share = self.share_of(recipient);
        let caps = [
            cap(&self.messages(at), DAY, limits.all_per_day, at),
            cap(&own, SHORT, limits.per_ten_minutes, at),
            cap(&own, DAY, limits.per_day, at),
            cap(theirs, SHORT, limits.per_ten_minutes.div_ceil(share), at),
            cap(theirs, DAY, limits.per_day.div_ceil(share), at),
        ];
        if let Some(until) = caps.into_iter().flatten().max() {
            return Err(NotNow::Cap { until });
        }
        if let Some(until) = self.wait(&own, theirs, limits, at) {
            return Err(NotNow::Wait { until });
        }
        let (sent, limit) = match recipient.channel() {
            Channel::Email => (&self.outbox.emails, limits.emails_per_hour),
            Channel::Sms | Channel::Call => (&self.outbox.texts, limits.texts_per_hour),
        };
        cap(sent, HOUR, limit, at).map_or(Ok(()), |until| Err(NotNow::HostCap { until }))
    }

    /// Tells which part of a recipient's caps is for this person: the whole where it is theirs, half where it is only being
    /// set up. Whoever names the address of somebody else leaves that person the other half for their logins.
    fn share_of(&self, recipient: &Recipient) -> u32 {
        let is_it = |factor: &Factor| matches!(&factor.kind, FactorKind::Sent(own) if own == recipient);
        if self.active_factors().any(is_it) { 1 } else { 2 }
    }

    /// Tells until when to wait after the last code, to this person or to this recipient. A right code ends the wait:
    /// what was sent before it no longer counts. One that did not go out doubles no wait, and another way is open at once;
    /// only the same recipient is left alone for the first wait.
    fn wait(
        &self,
        own: &[WallTime],
        theirs: &[WallTime],
        limits: &SendLimits,
        at: WallTime,
    ) -> Option<WallTime> {
        let is_used = |send: &Send| send.purpose == Purpose::Code && send.is_used;
        let used = self.sends.iter().rposition(is_used);
        let used_at = used.and_then(|place| self.sends.get(place)).map(|send| send.at);
        // What was not used and is older than the last that was no longer counts; of the recipient's only times are known.
        let older = used.map_or(0, |place| self.unused_among(place, at));
        let own = own.get(older..).unwrap_or_default();
        let theirs: Vec<WallTime> =
            theirs.iter().copied().filter(|time| used_at.is_none_or(|used| *time >= used)).collect();
        let failed = self.last_failed().filter(|failed| own.last() == Some(failed));
        match failed {
            Some(failed) if theirs.last() == Some(&failed) => {
                let end = failed.after(limits.wait);
                (end > at).then_some(end)
            }
            Some(_) => wait(&theirs, limits, at),
            None => wait(own, limits, at).max(wait(&theirs, limits, at)),
        }
    }

    /// Tells when the newest code was sent, if it did not go out.
    fn last_failed(&self) -> Option<WallTime> {
        let last = self.sends.iter().rfind(|send| send.purpose == Purpose::Code)?;
        let is_it = |code: &&SentCode| code.request == last.request;
        let code = self.sent.iter().find(is_it)?;
        matches!(code.progress, Progress::Failed(_)).then_some(last.at)
    }

    /// Lists when messages of the last day went to the person, used or not.
    fn messages(&self, at: WallTime) -> Vec<WallTime> {
        self.sends.iter().filter(|send| at.since(send.at) < DAY).map(|send| send.at).collect()
    }

    /// Lists when codes of the last day went to the person that were not used.
    fn unused_codes(&self, at: WallTime) -> Vec<WallTime> {
        self.sends.iter().filter(|send| send.counts(at)).map(|send| send.at).collect()
    }

    /// Counts those of them among the first sends.
    fn unused_among(&self, first: usize, at: WallTime) -> usize {
        self.sends.iter().take(first).filter(|send| send.counts(at)).count()
    }

    /// Names the caps of which the message that was just counted used up four fifths, or the last of it. Each is named
    /// when it is reached, not with every message after that.
    pub(crate) fn caps_nearly_reached(
        &self,
        channel: Channel,
        limits: &SendLimits,
        at: WallTime,
    ) -> Vec<&'static str> {
        let (name, times, limit) = match channel {
            Channel::Email => ("emails", &self.outbox.emails, limits.emails_per_hour),
            Channel::Sms | Channel::Call => ("texts", &self.outbox.texts, limits.texts_per_hour),
        };
        // The facts were read before this message.
        let of_host = times.iter().filter(|time| at.since(**time) < HOUR).count().saturating_add(1);
        let counts = [("person", self.messages(at).len(), limits.all_per_day), (name, of_host, limit)];
        let reached = counts.into_iter().filter(|(_, count, limit)| is_alarming(*count, *limit));
        reached.map(|(name, _, _)| name).collect()
    }
}

/// Tells whether a count has just come to four fifths of a cap, or to the cap.
fn is_alarming(count: usize, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let four_fifths = limit.saturating_mul(4).div_ceil(5);
    count == four_fifths || count == limit
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKey, Realm, UserName};
    use crate::contact::{EmailAddress, PhoneNumber};
    use crate::factor::{FactorState, Label, Method};

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    const START: u64 = 1_000_000;

    fn at(seconds: u64) -> WallTime {
        WallTime::from_seconds(START + seconds)
    }

    fn account(sends: &[(u64, Purpose, bool)]) -> Account {
        let key = AccountKey {
            realm: Realm::try_from("local:0123").unwrap(),
            name: UserName::try_from("alice").unwrap(),
        };
        let mut account = Account::new(key, &mut Zeros);
        account.sends = sends
            .iter()
            .map(|(seconds, purpose, is_used)| Send {
                at: at(*seconds),
                request: RequestId([0; 16]),
                purpose: *purpose,
                is_used: *is_used,
            })
            .collect();
        account
    }

    /// Makes the mailbox one that the person has confirmed.
    fn with_mailbox(mut account: Account) -> Account {
        account.factors.push(Factor {
            id: FactorId(1),
            label: Label::numbered(Method::Email, 1),
            state: FactorState::Active { since: at(0) },
            last_used: None,
            kind: FactorKind::Sent(mailbox()),
        });
        account
    }

    fn codes(times: &[u64]) -> Account {
        account(&times.iter().map(|seconds| (*seconds, Purpose::Code, false)).collect::<Vec<_>>())
    }

    fn mailbox() -> Recipient {
        Recipient::Email(EmailAddress::try_from("alice@example.org").unwrap())
    }

    fn channels() -> Channels {
        Channels {
            email: true,
            sms: Some(Numbers { country: None, allow_prefixes: vec!["+49".into()] }),
            call: None,
        }
    }

    fn may(account: &Account, seconds: u64) -> Result<(), NotNow> {
        account.may_send(&mailbox(), &channels(), &SendLimits::default(), at(seconds))
    }

    fn wait_until(seconds: u64) -> Result<(), NotNow> {
        Err(NotNow::Wait { until: at(seconds) })
    }

    fn cap_until(seconds: u64) -> Result<(), NotNow> {
        Err(NotNow::Cap { until: at(seconds) })
    }

    #[test]
    fn the_wait_doubles_to_five_minutes_with_each_code_of_the_last_hour() {
        for (times, last, wait) in [
            (&[0][..], 0, 60),
            (&[0, 60], 60, 120),
            (&[0, 60, 180], 180, 240),
            (&[0, 60, 180, 420], 420, 300),
        ] {
            let account = codes(times);
            assert_eq!(may(&account, last + wait - 1), wait_until(last + wait), "{times:?}");
            assert_eq!(may(&account, last + wait), Ok(()), "{times:?}");
        }
        assert_eq!(may(&codes(&[0, 3_600]), 3_660), Ok(()), "what is older than an hour doubles nothing");
    }

    #[test]
    fn the_caps_count_what_was_not_used_and_notices_only_under_the_last() {
        let five = codes(&[0, 100, 200, 300, 400]);
        assert_eq!(may(&five, 599), cap_until(600));
        let ten: Vec<u64> = (0..10).map(|number| number * 4_000).collect();
        assert_eq!(may(&codes(&ten), 86_399), cap_until(86_400));
        assert_eq!(may(&codes(&ten), 86_400), Ok(()));
        let used: Vec<_> = (0..60).map(|second| (second, Purpose::Code, true)).collect();
        assert_eq!(may(&account(&used), 500), cap_until(86_400), "sixty a day, used or not");
        assert_eq!(may(&account(&used[1..]), 500), Ok(()));
        let notices: Vec<_> = (0..60).map(|second| (second, Purpose::Notice, false)).collect();
        assert_eq!(may(&account(&notices), 500), cap_until(86_400));
        assert_eq!(may(&account(&notices[1..]), 60), Ok(()), "a notice makes nobody wait");
    }

    #[test]
    fn a_right_code_ends_the_wait_and_gives_its_own_send_back() {
        let account = account(&[(0, Purpose::Code, false), (60, Purpose::Code, true)]);
        assert_eq!(may(&account, 61), Ok(()));
        let mut after = account;
        after.sends.push(Send {
            at: at(61),
            request: RequestId([1; 16]),
            purpose: Purpose::Code,
            is_used: false,
        });
        assert_eq!(may(&after, 120), wait_until(121), "it begins with the first wait");
    }

    #[test]
    fn what_others_had_sent_to_the_recipient_counts_as_well() {
        let mut account = with_mailbox(codes(&[]));
        let theirs = RecipientUse { newest: 5, unused: [0, 60, 180, 420, 599].map(at).to_vec() };
        account.outbox.recipients.insert(mailbox(), theirs);
        assert_eq!(may(&account, 599), cap_until(600));
        assert_eq!(may(&account, 660), wait_until(899));
        let other = Recipient::Email(EmailAddress::try_from("b@example.org").unwrap());
        assert_eq!(account.may_send(&other, &channels(), &SendLimits::default(), at(599)), Ok(()));
    }

    /// Else whoever may name any address could keep somebody from all codes by setting up theirs again and again.
    #[test]
    fn an_address_that_is_only_being_set_up_leaves_its_owner_half_of_the_caps() {
        let sent =
            |times: &[u64]| RecipientUse { newest: 9, unused: times.iter().copied().map(at).collect() };
        for (times, now, cap) in
            [(&[0, 100, 400][..], 599, 600), (&[0, 4_000, 8_000, 12_000, 16_000], 80_000, 86_400)]
        {
            let mut stranger = codes(&[]);
            stranger.outbox.recipients.insert(mailbox(), sent(times));
            assert_eq!(may(&stranger, now), cap_until(cap), "{times:?}");
            let mut owner = with_mailbox(codes(&[]));
            owner.outbox.recipients.insert(mailbox(), sent(times));
            assert_eq!(may(&owner, now.max(700)), Ok(()), "{times:?}");
        }
    }

    #[test]
    fn numbers_outside_the_prefixes_and_channels_that_are_not_there_get_nothing() {
        let account = codes(&[]);
        let number = |text: &str| PhoneNumber::try_from(text).unwrap();
        let may =
            |recipient: Recipient| account.may_send(&recipient, &channels(), &SendLimits::default(), at(0));
        assert_eq!(may(Recipient::Sms(number("+491712345642"))), Ok(()));
        assert_eq!(may(Recipient::Sms(number("+881612345678"))), Err(NotNow::Unreachable));
        assert_eq!(may(Recipient::Call(number("+491712345642"))), Err(NotNow::Unreachable));
    }

    #[test]
    fn a_cap_of_nothing_sends_nothing() {
        let limits = SendLimits { per_day: 0, ..SendLimits::default() };
        let refused = codes(&[]).may_send(&mailbox(), &channels(), &limits, at(0));
        assert_eq!(refused, Err(NotNow::Cap { until: UNTIL_FAR }));
    }

    #[test]
    fn an_account_keeps_no_more_sends_than_the_limit() {
        let mut account = codes(&[]);
        for second in 0..1_000 {
            account.note_send(RequestId([0; 16]), Purpose::Notice, at(second));
        }
        assert_eq!(account.sends.len(), SENDS_LIMIT);
        account.note_send(RequestId([0; 16]), Purpose::Notice, at(90_000));
        assert_eq!(account.sends.len(), 1, "what is older than a day is forgotten");
    }

    #[test]
    fn four_fifths_of_a_cap_and_all_of_it_are_alarming() {
        let alarming: Vec<usize> = (0..70).filter(|count| is_alarming(*count, 60)).collect();
        assert_eq!(alarming, [48, 60]);
        assert!(is_alarming(1, 1));
    }
}
