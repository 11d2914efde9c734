//! A code is put on its way: in a login after its first factor, in an enrollment, before a change.
//!
//! Owns what these dialogues share: whether one may be sent now, the message, the records, and what the person is told.
//! Whoever posts a code commits it in the same turn; the outbox sends it after that, so that no gateway ever delays a
//! prompt (row D3). Leaves the waits and caps to `sending`, the words to `words`.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::delivery::{Channel, Failure, Progress, Recipient};
use crate::factor::FactorId;
use crate::factor::sent::Binding;
use crate::login::{Host, Person};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::sending::{NotNow, Request};
use crate::throttle::DAY;
use crate::time::Now;
use crate::words::letter::{self, CodeLetter};
use crate::words::{Language, ListedWay, Resend, Sending};

use super::Effect;

/// For whom and for what codes are sent in one dialogue.
pub(super) struct Mailing<'a> {
    pub(super) policy: &'a Policy,
    pub(super) language: Language,
    pub(super) person: &'a Person,
    pub(super) host: &'a Host,
    /// The kind of login that a code will be good for.
    pub(super) binding: &'a Binding,
}

/// What came of asking for a code.
pub(super) enum Posted {
    /// It is on its way once the effects are carried out: the last of them but the records is the message.
    OnItsWay {
        /// With the code; to be committed.
        account: Box<Account>,
        /// The message and its records, without the commit.
        effects: Vec<Effect>,
    },
    /// It is not sent.
    NotNow {
        /// Why.
        why: NotNow,
        /// The record of it.
        effects: Vec<Effect>,
    },
}

impl Mailing<'_> {
    /// Has a code sent to a factor, where that may be. `event` makes a record of the dialogue.
    pub(super) fn post(
        &self,
        (factor, recipient): (FactorId, &Recipient),
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
        event: impl Fn(EventId, &Account) -> AuditEvent,
    ) -> Posted {
        let settings = &self.policy.settings;
        let channel = recipient.channel();
        let record = |id, account: &Account| AuditEvent {
            factor: Some(channel.name().to_owned()),
            ..event(id, account)
        };
        if let Err(why) = account.may_send(recipient, &settings.channels, &settings.sending, now.latest()) {
            let reason = Some(why.word().to_owned());
            let effects =
                vec![Effect::Record(AuditEvent { reason, ..record(EventId::CodeNotSent, account) })];
            return Posted::NotNow { why, effects };
        }
        let mut account = Box::new(account.clone());
        let request = Request {
            factor,
            recipient,
            binding: self.binding.clone(),
            parameters: &settings.sent,
            host: &self.host.id,
            write: &|code| letter::code(&settings.voice(self.language), &self.letter(channel, now), code),
        };
        let outgoing = account.send(&request, now, entropy);
        let message = Some(outgoing.id.to_string());
        let sent = AuditEvent { message, ..record(EventId::CodeSent, &account) };
        let mut effects = vec![Effect::Deliver(Box::new(outgoing)), Effect::Record(sent)];
        for cap in account.caps_nearly_reached(channel, &settings.sending, now.latest()) {
            let reason = Some(cap.to_owned());
            effects.push(Effect::Record(AuditEvent { reason, ..record(EventId::DeliveryAlert, &account) }));
        }
        Posted::OnItsWay { account, effects }
    }

    fn letter(&self, channel: Channel, now: Now) -> CodeLetter<'_> {
        CodeLetter {
            channel,
            person: self.person.name.as_str(),
            service: &self.binding.service,
            host: &self.host.name,
            source: self.binding.source,
            at: now.wall,
            lifetime: self.policy.settings.sent.lifetime,
        }
    }
}

/// Tells of a code that did not go out, or of which nobody knows whether it did.
pub(super) fn undelivered(progress: Progress, recipient: &Recipient, others: Vec<ListedWay>) -> Sending {
    let recipient = recipient.masked();
    match progress {
        Progress::Failed(Failure::Unknown) => Sending::Doubtful { recipient, others },
        Progress::Failed(Failure::Refused | Failure::Unreachable | Failure::NotConfigured)
        | Progress::Queued
        | Progress::Sent => Sending::Failed { recipient, others },
    }
}

/// Tells why no code is sent, and what else there is.
pub(super) fn not_now(
    why: NotNow,
    recipient: &Recipient,
    others: Vec<ListedWay>,
    help: Option<String>,
    now: Now,
) -> Sending {
    let at = now.latest();
    match why {
        NotNow::Wait { until } => Sending::Wait { seconds: until.since(at).as_secs() },
        NotNow::Cap { until } | NotNow::HostCap { until } if until.since(at) <= DAY => {
            Sending::Cap { until, now: at, others, help }
        }
        // With a cap of nothing there is no time to name.
        NotNow::Cap { .. } | NotNow::HostCap { .. } | NotNow::Unreachable => {
            Sending::Unreachable { recipient: recipient.masked(), others, help }
        }
    }
}

/// Tells whether another code can be had for a recipient.
pub(super) fn resend(account: &Account, recipient: &Recipient, policy: &Policy, now: Now) -> Resend {
    let at = now.latest();
    match account.may_send(recipient, &policy.settings.channels, &policy.settings.sending, at) {
        Ok(()) => Resend::Now,
        Err(NotNow::Wait { until }) => Resend::In(until.since(at).as_secs()),
        Err(NotNow::Cap { .. } | NotNow::HostCap { .. } | NotNow::Unreachable) => Resend::No,
    }
}
