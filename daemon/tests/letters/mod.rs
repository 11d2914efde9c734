//! A message with a code, as core would write it, for tests of the ways out.

use countersign_core::contact::{EmailAddress, PhoneNumber};
use countersign_core::delivery::{Letter, Outgoing, Purpose, Recipient, RequestId};
use countersign_core::secret::Secret;
use countersign_core::time::WallTime;
use countersignd::host::entropy::SystemEntropy;

/// The code; it stands in every part of the message.
pub(crate) const CODE: &str = "4930-2718";

/// A message to an e-mail address.
pub(crate) fn mail(to: &str) -> Outgoing {
    let letter = Letter {
        subject: Secret::new(format!("{CODE} is your code for straße.example.org")),
        text: Secret::new(format!("Your code: {CODE}\n\nFür den Fall, dass Sie es nicht waren: …\n.\nEnde")),
        html: Secret::new(format!("<p>Your code: <b>{CODE}</b></p><p>日本語</p>")),
    };
    message(Recipient::Email(EmailAddress::try_from(to).unwrap()), letter)
}

/// A text message.
pub(crate) fn sms(to: &str, text: &str) -> Outgoing {
    let letter = Letter {
        subject: Secret::new(String::new()),
        text: Secret::new(text.to_owned()),
        html: Secret::new(String::new()),
    };
    message(Recipient::Sms(PhoneNumber::try_from(to).unwrap()), letter)
}

fn message(recipient: Recipient, letter: Letter) -> Outgoing {
    let queued = WallTime::from_seconds(1_790_000_000);
    Outgoing {
        id: RequestId::random(&mut SystemEntropy),
        recipient,
        purpose: Purpose::Code,
        letter,
        queued,
        expires: WallTime::from_seconds(1_790_000_300),
    }
}
