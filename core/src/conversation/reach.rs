//! Where codes may be sent when a way is set up (row L4).
//!
//! Owns what a rule lets a person choose: only what is on file, or any address or number that they name, within the
//! prefixes that the gateway serves. What is on file is never shown but masked. Leaves to the dialogues when they ask.

use crate::account::Account;
use crate::contact::{Contacts, EmailAddress, PhoneNumber};
use crate::delivery::{Channel, Recipient};
use crate::login::Person;
use crate::policy::{ContactRule, Settings};
use crate::sending::Channels;
use crate::words::{Message, Note, Prompt, Refusal, Sending, Setup};

use super::with_prompt;

/// The most addresses and numbers that one dialogue sends to: whoever has a password must not use us to write to others.
pub(super) const NAMED_LIMIT: u32 = 3;

/// What a person may name on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// This one only: it is on file.
    Only(Recipient),
    /// Any; this one is on file, if one is.
    Any(Option<Recipient>),
    /// None.
    Closed(Closed),
}

/// Why a channel is closed to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// The channel is not configured, or does not serve the number on file.
    NoChannel,
    /// Only what is on file is allowed, and nothing is.
    NothingOnFile,
}

impl Closed {
    /// Tells the stable word for the audit.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NoChannel => "no-channel",
            Self::NothingOnFile => "nothing-on-file",
        }
    }

    /// Says it.
    pub(super) const fn told(self, help: Option<String>) -> Refusal {
        match self {
            Self::NoChannel => Refusal::NoChannel { help },
            Self::NothingOnFile => Refusal::NothingOnFile { help },
        }
    }
}

impl Reach {
    /// Tells what a rule leaves to a person.
    pub(super) fn of(
        channel: Channel,
        rule: ContactRule,
        account: &Account,
        person: &Person,
        channels: &Channels,
    ) -> Self {
        if !channels.has(channel) {
            return Self::Closed(Closed::NoChannel);
        }
        let on_file = on_file(channel, &account.contacts.or(&person.contacts));
        match (rule, on_file) {
            (ContactRule::Any, on_file) => Self::Any(on_file.filter(|recipient| channels.reaches(recipient))),
            (ContactRule::OnFileFirst, None) => Self::Any(None),
            (ContactRule::OnFile, None) => Self::Closed(Closed::NothingOnFile),
            (ContactRule::OnFile | ContactRule::OnFileFirst, Some(recipient)) => {
                if channels.reaches(&recipient) {
                    Self::Only(recipient)
                } else {
                    Self::Closed(Closed::NoChannel)
                }
            }
        }
    }

    /// Tells whether a recipient may be set up.
    pub(super) fn takes(&self, recipient: &Recipient, channels: &Channels) -> bool {
        match self {
            Self::Only(only) => only == recipient,
            Self::Any(_) => channels.reaches(recipient),
            Self::Closed(_) => false,
        }
    }

    /// Lends what is on file.
    pub(super) const fn on_file(&self) -> Option<&Recipient> {
        match self {
            Self::Only(recipient) | Self::Any(Some(recipient)) => Some(recipient),
            Self::Any(None) | Self::Closed(_) => None,
        }
    }
}

fn on_file(channel: Channel, contacts: &Contacts) -> Option<Recipient> {
    let Contacts { email, phone } = contacts;
    match channel {
        Channel::Email => email.clone().map(Recipient::Email),
        Channel::Sms => phone.clone().map(Recipient::Sms),
        Channel::Call => phone.clone().map(Recipient::Call),
    }
}

/// Asks for an address or number; what is on file can be taken with Enter.
pub(super) fn question(before: Option<Message>, channel: Channel, reach: &Reach) -> Vec<Message> {
    let on_file = reach.on_file().map(|recipient| Setup::OnFile { recipient: recipient.masked() });
    let where_to = if before.is_none() { Some(Setup::WhereTo) } else { None };
    let prompt = match channel {
        Channel::Email => Prompt::NewAddress,
        Channel::Sms | Channel::Call => Prompt::NewNumber,
    };
    with_prompt(before.into_iter().chain(on_file.or(where_to).map(Message::Setup)), prompt)
}

/// Reads an address or number as a person types it.
pub(super) fn read_recipient(
    channel: Channel,
    text: &str,
    settings: &Settings,
) -> Result<Recipient, Message> {
    let (text, channels) = (text.trim(), &settings.channels);
    let country = channels.numbers(channel).and_then(|numbers| numbers.country);
    let number = || PhoneNumber::read(text, country).map_err(|_| Message::Note(Note::NotANumber));
    let recipient = match channel {
        Channel::Email => {
            let address = EmailAddress::read(text).map_err(|_| Message::Note(Note::NotAnAddress))?;
            Recipient::Email(address)
        }
        Channel::Sms => Recipient::Sms(number()?),
        Channel::Call => Recipient::Call(number()?),
    };
    if channels.reaches(&recipient) {
        return Ok(recipient);
    }
    let recipient = recipient.masked();
    Err(Message::Sending(Sending::Unreachable { recipient, others: Vec::new(), help: settings.help.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKey, Realm, UserName};
    use crate::contact::Country;
    use crate::login::{Existence, Groups};
    use crate::secret::Entropy;
    use crate::sending::Numbers;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn person(phone: Option<&str>) -> Person {
        Person {
            name: UserName::try_from("alice").unwrap(),
            realm: Realm::try_from("local:0123").unwrap(),
            existence: Existence::Unknown,
            groups: Groups::Complete(Vec::new()),
            contacts: Contacts { email: None, phone: phone.map(|text| PhoneNumber::try_from(text).unwrap()) },
        }
    }

    fn channels() -> Channels {
        let numbers = Numbers {
            country: Country::try_from("DE").ok(),
            allow_prefixes: vec!["+49".into(), "+43".into()],
        };
        Channels { email: true, sms: Some(numbers), call: None }
    }

    fn settings() -> Settings {
        Settings {
            organization: String::new(),
            language: crate::words::Language::English,
            help: None,
            echo: crate::policy::Echo::Visible,
            protected_groups: Vec::new(),
            totp: crate::factor::totp::TotpParameters::default(),
            limits: crate::throttle::Limits::default(),
            sent: crate::factor::sent::SentParameters::default(),
            sending: crate::sending::SendLimits::default(),
            channels: channels(),
            texts: crate::words::texts::Texts::default(),
        }
    }

    fn reach(channel: Channel, rule: ContactRule, phone: Option<&str>) -> Reach {
        let person = person(phone);
        let key = AccountKey { realm: person.realm.clone(), name: person.name.clone() };
        Reach::of(channel, rule, &Account::new(key, &mut Zeros), &person, &channels())
    }

    fn sms(text: &str) -> Recipient {
        Recipient::Sms(PhoneNumber::try_from(text).unwrap())
    }

    #[test]
    fn a_rule_leaves_what_is_on_file_or_any() {
        let ours = "+491712345642";
        let first = ContactRule::OnFileFirst;
        assert_eq!(reach(Channel::Sms, first, Some(ours)), Reach::Only(sms(ours)));
        assert_eq!(reach(Channel::Sms, first, None), Reach::Any(None));
        assert_eq!(reach(Channel::Sms, ContactRule::OnFile, Some(ours)), Reach::Only(sms(ours)));
        assert_eq!(reach(Channel::Sms, ContactRule::OnFile, None), Reach::Closed(Closed::NothingOnFile));
        assert_eq!(reach(Channel::Sms, ContactRule::Any, Some(ours)), Reach::Any(Some(sms(ours))));
        assert_eq!(reach(Channel::Email, first, Some(ours)), Reach::Any(None), "a number is no address");
    }

    #[test]
    fn a_channel_that_is_not_configured_or_does_not_serve_the_number_is_closed() {
        for rule in [ContactRule::OnFileFirst, ContactRule::OnFile, ContactRule::Any] {
            assert_eq!(reach(Channel::Call, rule, Some("+491712345642")), Reach::Closed(Closed::NoChannel));
        }
        let abroad = Some("+12025550123");
        assert_eq!(reach(Channel::Sms, ContactRule::OnFile, abroad), Reach::Closed(Closed::NoChannel));
        assert_eq!(reach(Channel::Sms, ContactRule::Any, abroad), Reach::Any(None));
        assert!(!Reach::Any(None).takes(&sms("+12025550123"), &channels()));
    }

    #[test]
    fn only_what_the_gateway_serves_is_read() {
        let read = |text: &str| read_recipient(Channel::Sms, text, &settings());
        assert_eq!(read(" 0171 2345642 "), Ok(sms("+491712345642")));
        assert!(matches!(read("+1 202 555 0123"), Err(Message::Sending(Sending::Unreachable { .. }))));
        for bad in ["", "x", "+49\n30", "-oX", "0171 2345642; rm"] {
            assert_eq!(read(bad), Err(Message::Note(Note::NotANumber)), "{bad:?}");
        }
        let long = format!("{}@example.org", "x".repeat(4096));
        for bad in
            ["alice", "a@example.org\r\nBcc: eve@example.org", "a@x.org,b@x.org", "-oX@example.org", &long]
        {
            let read = read_recipient(Channel::Email, bad, &settings());
            assert_eq!(read, Err(Message::Note(Note::NotAnAddress)), "{bad:?}");
        }
    }
}
