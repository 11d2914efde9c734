//! One message in the form that a mail server takes.
//!
//! Owns the header: exactly one recipient, and nothing in it that another could have written but the subject, which is
//! core's. Everything is ASCII on the line, so that no server has to know more than RFC 5321.

use std::time::{Duration, SystemTime};

use countersign_config::EmailServer;
use countersign_core::delivery::{Outgoing, Recipient};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use zeroize::Zeroizing;

/// A message ready to be sent.
pub(super) struct Prepared {
    /// The sender of the envelope.
    pub(super) from: Address,
    /// Its only recipient.
    pub(super) to: Address,
    /// Header and body.
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// Header fields that say that nobody wrote this by hand, so that no machine answers it.
macro_rules! constant_header {
    ($type:ident, $name:literal, $value:literal) => {
        #[derive(Clone)]
        struct $type;

        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self)
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), $value.to_owned())
            }
        }
    };
}

constant_header!(AutoSubmitted, "Auto-Submitted", "auto-generated"); // RFC 3834
constant_header!(AutoResponseSuppress, "X-Auto-Response-Suppress", "All"); // Exchange and Outlook

/// Writes a message.
///
/// # Errors
/// Why it cannot be written as an e-mail.
pub(super) fn prepare(message: &Outgoing, server: &EmailServer) -> Result<Prepared, String> {
    let Recipient::Email(recipient) = &message.recipient else {
        return Err("the recipient is not an e-mail address".to_owned());
    };
    let parsed =
        |address: &str| address.parse::<Address>().map_err(|_| "an address does not parse".to_owned());
    let (from, to) = (parsed(server.from.as_str())?, parsed(recipient.as_str())?);
    let letter = &message.letter;
    let id = format!("<{}@{}>", message.id, server.from.domain());
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(message.queued.as_seconds());
    let mail = Message::builder()
        .from(Mailbox::new(server.from_name.clone(), from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(letter.subject.expose().clone())
        .date(written)
        .message_id(Some(id))
        .header(AutoSubmitted)
        .header(AutoResponseSuppress)
        .multipart(MultiPart::alternative_plain_html(
            letter.text.expose().clone(),
            letter.html.expose().clone(),
        ))
        .map_err(|error| error.to_string())?;
    Ok(Prepared { from, to, bytes: Zeroizing::new(mail.formatted()) })
}
