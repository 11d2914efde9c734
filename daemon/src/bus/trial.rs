//! The answer of `Admin.TestDelivery`: what became of a message of trial.
//!
//! Owns whom it may go to (one recipient, whom the file lets the channel serve), its record, and the words on the wire. It
//! goes past the outbox, so that an administrator hears what the other side says; how many trials there may be at once is
//! the delivery's.

use std::time::Duration;

use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::delivery::{Channel, Outgoing, Purpose, Recipient, RequestId};
use countersign_core::policy::Policy;
use countersign_core::sending::Channels;
use countersign_core::words::letter;

use super::caller::Pass;
use super::facts::{OwnedFacts, put};
use super::{BusError, Service, contacts};
use crate::delivery::Attempt;
use crate::host::entropy::SystemEntropy;

/// What is not sent by then is not sent.
const LIFE: Duration = Duration::from_mins(1);

/// Sends a message of trial and tells what became of it.
///
/// # Errors
/// [`BusError::InvalidArgument`] for what is no channel or recipient, [`BusError::Refused`] for a recipient whom the file
/// leaves out, [`BusError::Unavailable`] where it cannot be recorded.
pub(super) async fn send(
    service: &Service,
    pass: &Pass,
    channel: &str,
    recipient: &str,
) -> Result<OwnedFacts, BusError> {
    let policy = service.engine.policy();
    let recipient = whom(channel, recipient, &policy.settings.channels)?;
    let actor = service.actor(&pass.caller).await?;
    let attempt = service.delivery.trial(&message(service, &policy, recipient.clone())).await;
    let (outcome, said) = told(attempt);
    let engine = &service.engine;
    let host = &engine.host().name;
    let event = AuditEvent::new(EventId::DeliveryTested, engine.wall(), host, &actor.to_string());
    let mut event = event.by_login(pass.login.as_ref());
    event.factor = Some(recipient.channel().name().to_owned());
    event.reason = Some(outcome.to_owned());
    engine.record(event).await?;
    let mut facts = OwnedFacts::new();
    put(&mut facts, "outcome", outcome);
    put(&mut facts, "said", said);
    Ok(facts)
}

fn whom(channel: &str, text: &str, channels: &Channels) -> Result<Recipient, BusError> {
    let channel = Channel::ALL
        .into_iter()
        .find(|known| known.name() == channel)
        .ok_or(BusError::InvalidArgument("no channel of that name".into()))?;
    let recipient = match channel {
        Channel::Email => Recipient::Email(contacts::email(text)?),
        Channel::Sms => Recipient::Sms(contacts::phone(text, channels)?),
        Channel::Call => Recipient::Call(contacts::phone(text, channels)?),
    };
    // What is not configured is told by the attempt, with what is missing.
    if channels.has(channel) && !channels.reaches(&recipient) {
        let name = channel.name();
        return Err(BusError::Refused(format!(
            "the number begins with none of those in `allow_prefixes` of [{name}]"
        )));
    }
    Ok(recipient)
}

fn message(service: &Service, policy: &Policy, recipient: Recipient) -> Outgoing {
    let (engine, settings) = (&service.engine, &policy.settings);
    let queued = engine.now().latest();
    let voice = settings.voice(settings.language);
    Outgoing {
        id: RequestId::random(&mut SystemEntropy),
        letter: letter::trial(&voice, recipient.channel(), &engine.host().name),
        recipient,
        purpose: Purpose::Trial,
        queued,
        expires: queued.after(LIFE),
    }
}

/// Tells the word for what became of it, and what the other side said; nothing where it took the message.
fn told(attempt: Attempt) -> (&'static str, String) {
    match attempt {
        Attempt::Taken => ("taken", String::new()),
        Attempt::Refused(said) => ("refused", said),
        Attempt::NotNow(said) => ("not-now", said),
        Attempt::Unknown(said) => ("unknown", said),
        Attempt::NotConfigured(said) => ("not-configured", said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::contact::Country;
    use countersign_core::sending::Numbers;

    #[test]
    fn a_trial_goes_to_one_recipient_whom_the_file_lets_the_channel_serve() {
        let country = Country::try_from("DE").ok();
        let sms = Some(Numbers { country, allow_prefixes: vec!["+49".to_owned()] });
        let channels = Channels { sms, ..Channels::default() };
        let ask = |channel, text| whom(channel, text, &channels);
        assert_eq!(ask("sms", "030 123456").unwrap().address(), "+4930123456");
        assert_eq!(ask("email", "alice@example.org").unwrap().channel(), Channel::Email);
        assert!(matches!(ask("sms", "+43 1 234567"), Err(BusError::Refused(_))));
        assert!(ask("call", "+43 1 234567").is_ok(), "that it is not configured is told by the attempt");
        for (channel, text) in [
            ("fax", "+4930123456"),
            ("email", "alice@example.org,eve@example.org"),
            ("email", "-oX@example.org"),
            ("sms", "+4930123456\r\n+4930999999"),
            ("totp", "alice@example.org"),
        ] {
            assert!(matches!(ask(channel, text), Err(BusError::InvalidArgument(_))), "{channel} {text}");
        }
    }

    #[test]
    fn every_end_has_its_word() {
        let said = || "550".to_owned();
        let ends = [
            Attempt::Taken,
            Attempt::Refused(said()),
            Attempt::NotNow(said()),
            Attempt::Unknown(said()),
            Attempt::NotConfigured(said()),
        ];
        let words = ends.map(|end| told(end).0);
        assert_eq!(words, ["taken", "refused", "not-now", "unknown", "not-configured"]);
    }
}
