//! A code is put on its way: in a login after its first factor, in an enrollment, before a change.
//!
//! Owns what these dialogues share: whether one may be sent now, the message, the records, and what the person is told.
//! Whoever posts a code commits it in the same turn; the outbox sends it after that, so that no gateway ever delays a
//! prompt (row D3). Leaves the waits and caps to `sending`, the words to `words`.

use crate::account::{Account, HostId};
use crate::audit::{AuditEvent, EventId};
use crate::delivery::{Channel, Failure, Progress, Recipient};
use crate::factor::FactorId;
use crate::factor::sent::{Binding, SentCode};
use crate::login::{Host, Person};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::sending::{NotNow, Request};
use crate::throttle::DAY;
use crate::time::Now;
use crate::words::letter::{self, CodeLetter};
use crate::words::{Language, ListedWay, Message, Resend, Sending};

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
        /// Why, and what else there is.
        told: Sending,
        /// The record of it.
        effects: Vec<Effect>,
    },
}

impl Mailing<'_> {
    /// Has a code sent to a factor, where that may be; `others` is what else there is. `event` makes a record of the dialogue.
    pub(super) fn post(
        &self,
        (factor, recipient): (FactorId, &Recipient),
        others: Vec<ListedWay>,
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
        if let Err(why) = self.may_send(recipient, account, now) {
            let reason = Some(why.word().to_owned());
            let effects =
                vec![Effect::Record(AuditEvent { reason, ..record(EventId::CodeNotSent, account) })];
            let told = self.not_now(why, (factor, recipient), others, account, now);
            return Posted::NotNow { told, effects };
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

    fn may_send(&self, recipient: &Recipient, account: &Account, now: Now) -> Result<(), NotNow> {
        let settings = &self.policy.settings;
        account.may_send(recipient, &settings.channels, &settings.sending, now.latest())
    }

    /// Tells why no code can be sent now, and what else there is; nothing where one can.
    pub(super) fn why_not(
        &self,
        to: (FactorId, &Recipient),
        others: Vec<ListedWay>,
        account: &Account,
        now: Now,
    ) -> Option<Sending> {
        let why = self.may_send(to.1, account, now).err()?;
        Some(self.not_now(why, to, others, account, now))
    }

    /// Tells why no code is sent, and what else there is. Where the wait is that of a code for a different login, the user learns
    /// that it is not good here.
    fn not_now(
        &self,
        why: NotNow,
        (factor, recipient): (FactorId, &Recipient),
        others: Vec<ListedWay>,
        account: &Account,
        now: Now,
    ) -> Sending {
        let at = now.latest();
        let help = self.policy.settings.help.clone();
        match why {
            NotNow::Wait { until } => {
                let seconds = until.since(at).as_secs();
                let mut elsewhere = account.codes_elsewhere(self.binding, &self.host.id, now);
                if elsewhere.any(|code| code.factor == factor) {
                    return Sending::Elsewhere { resend: Resend::In(seconds), others };
                }
                Sending::Wait { seconds, others }
            }
            NotNow::Cap { until } | NotNow::HostCap { until } if until.since(at) <= DAY => {
                Sending::Cap { until: now.on_wall(until), now: now.wall, others, help }
            }
            // With a cap of nothing there is no time to name.
            NotNow::Cap { .. } | NotNow::HostCap { .. } | NotNow::Unreachable => {
                Sending::Unreachable { recipient: recipient.masked(), others, help }
            }
        }
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

/// Tells of a code that has not left, or of which nobody knows whether it did; nothing where it is on its way or accepted.
pub(super) fn undelivered(
    code: &SentCode,
    recipient: &Recipient,
    others: impl FnOnce() -> Vec<ListedWay>,
    (host, now): (&HostId, Now),
) -> Option<Message> {
    let progress = code.progress(host, now);
    let recipient = recipient.masked();
    Some(Message::Sending(match progress {
        Progress::Queued | Progress::Sent => return None,
        Progress::Deferred => Sending::Deferred { recipient, others: others() },
        Progress::Failed(Failure::Unknown) => Sending::Doubtful { recipient, others: others() },
        Progress::Failed(Failure::Refused | Failure::Unreachable | Failure::NotConfigured) => {
            Sending::Failed { recipient, others: others() }
        }
    }))
}

/// Tells how far a code is that has been sent before, as long as nothing is wrong with it.
pub(super) fn under_way(
    code: &SentCode,
    recipient: &Recipient,
    (host, now): (&HostId, Now),
    accepted: impl FnOnce(String) -> Sending,
) -> Option<Message> {
    match code.progress(host, now) {
        Progress::Queued => Some(Message::Sending(Sending::OnItsWay { recipient: recipient.masked() })),
        Progress::Sent => Some(Message::Sending(accepted(recipient.masked()))),
        Progress::Deferred | Progress::Failed(_) => None,
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
