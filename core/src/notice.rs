//! What is told to a person by e-mail: every change of their factors, and that somebody may have their password.
//!
//! Owns what is told (rows S1, D4, H2, H3), to which addresses, and how many such messages a person gets. They go to the
//! addresses that were theirs before the change and to those that are after it, each a message of its own, in the commit of
//! the change. Leaves the words to `words::letter`, and who decides that something is told to the dialogues and acts.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::contact::{Contacts, EmailAddress};
use crate::delivery::{Outgoing, Purpose, Recipient, RequestId};
use crate::factor::{Factor, FactorKind};
use crate::login::{Host, Person, Source};
use crate::policy::Settings;
use crate::secret::Entropy;
use crate::sending::HOUR;
use crate::throttle::{DAY, Standing};
use crate::time::{Now, WallTime};
use crate::words::letter::{NoticeLetter, notice as write};

/// The most addresses that are told of one thing.
pub const ADDRESS_LIMIT: usize = 4;

/// Something that the person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A factor is active.
    FactorAdded {
        /// Its label, with its recipient where it has one.
        name: String,
    },
    /// A factor is gone.
    FactorRemoved {
        /// Its label.
        name: String,
    },
    /// A factor is active in the place of another.
    FactorReplaced {
        /// The label of the one that is gone.
        old: String,
        /// The label of the new one.
        new: String,
    },
    /// A factor has another name.
    FactorRenamed {
        /// The name it had.
        old: String,
        /// The name it has.
        new: String,
    },
    /// A new set of backup codes is valid.
    BackupCodesMade,
    /// A backup code was used.
    BackupCodeUsed {
        /// How many are left.
        left: usize,
    },
    /// The contact on file is another; both masked.
    ContactSet {
        /// What it was.
        old: Option<String>,
        /// What it is.
        new: Option<String>,
    },
    /// A place is remembered.
    PlaceRemembered {
        /// Its address.
        address: String,
    },
    /// Too many wrong codes locked.
    Locked {
        /// Where the last one came from.
        from: Source,
        /// The end of the lock; none where only a reset ends it.
        until: Option<WallTime>,
    },
    /// Wrong codes came from a source that is not known.
    WrongCodes {
        /// Where they came from.
        from: Source,
    },
    /// An administrator removed factors.
    Reset,
    /// An administrator ended a lock.
    Unlocked,
    /// An administrator had codes of apps or tokens accepted again.
    AcceptedAgain,
    /// An administrator made an invitation.
    Invited {
        /// When it dies.
        expires: WallTime,
    },
    /// An administrator switched the second factor on.
    SwitchedOn,
    /// An administrator switched it off.
    SwitchedOff,
}

impl Notice {
    /// Tells of a lock, with its end by the wall clock.
    #[must_use]
    pub fn locked(from: Source, standing: Standing, now: Now) -> Self {
        match standing {
            Standing::Locked { until } => Self::Locked { from, until: Some(now.on_wall(until)) },
            Standing::Open | Standing::NeedsReset => Self::Locked { from, until: None },
        }
    }
}

/// To whom, where and by which rules something is told.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// To whom.
    pub person: &'a Person,
    /// On which host it happened.
    pub host: &'a Host,
    /// The file.
    pub settings: &'a Settings,
}

/// The messages that tell a person of something, to be put into the outbox with the account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Told {
    /// One for each address.
    pub outgoing: Vec<Outgoing>,
    /// The record that nothing more can be sent to this person today; made with the last message that can be.
    pub alert: Option<AuditEvent>,
}

/// Writes the messages that tell a person of something, and counts them in the account to commit. `before` is the account
/// as it was: whoever was reached there is told that they are not any more.
///
/// None are made where no e-mail is configured, where the person has no address, or beyond half the caps of the person and of
/// the host: a notice never stands in the way of what it tells of, nor of the codes of the day.
pub fn notices(
    notice: &Notice,
    before: &Account,
    after: &mut Account,
    around: &Around<'_>,
    now: Now,
    entropy: &mut dyn Entropy,
) -> Told {
    let Around { person, host, settings } = *around;
    if !settings.channels.email {
        return Told::default();
    }
    let at = now.latest();
    let mut outgoing = Vec::new();
    for address in addresses(before, after, &person.contacts) {
        if !has_room(after, settings, outgoing.len(), at) {
            break;
        }
        let letter = NoticeLetter { notice, person: person.name.as_str(), host: &host.name, at: now.wall };
        let id = RequestId::random(entropy);
        after.note_send(id, Purpose::Notice, at);
        outgoing.push(Outgoing {
            id,
            recipient: Recipient::Email(address),
            purpose: Purpose::Notice,
            letter: write(&settings.voice(settings.language), &letter),
            queued: at,
            expires: at.after(DAY),
        });
    }
    let is_last = !outgoing.is_empty() && !fits_person(after, settings, at);
    let alert = is_last.then(|| AuditEvent {
        reason: Some("person-cap".to_owned()),
        ..AuditEvent::for_person(EventId::DeliveryAlert, now.wall, host, person, after, "service")
    });
    Told { outgoing, alert }
}

/// Lists the addresses that are told, each once: of active factors first, before and after, then those on file. What was
/// enrolled too early counts: its owner is the first who has to know that something else was set up.
fn addresses(before: &Account, after: &Account, known: &Contacts) -> Vec<EmailAddress> {
    let of_either = before.active_factors().chain(after.active_factors());
    let of_factors = of_either.chain(before.void_factors()).filter_map(address_of).cloned();
    let on_file = [before, after].map(|account| account.contacts.or(known).email);
    let mut addresses: Vec<EmailAddress> = Vec::with_capacity(ADDRESS_LIMIT);
    for address in of_factors.chain(on_file.into_iter().flatten()) {
        if addresses.len() < ADDRESS_LIMIT && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

const fn address_of(factor: &Factor) -> Option<&EmailAddress> {
    match &factor.kind {
        FactorKind::Sent(Recipient::Email(address)) => Some(address),
        FactorKind::Sent(Recipient::Sms(_) | Recipient::Call(_))
        | FactorKind::Totp(_)
        | FactorKind::Hotp(_) => None,
    }
}

/// Tells whether a person has an address at which they are told of things.
#[must_use]
pub fn is_reached(account: &Account, known: &Contacts) -> bool {
    !addresses(account, account, known).is_empty()
}

/// Tells whether one more notice fits under half the hard caps: of the person for a day, and of the host for an hour,
/// so that a list of contacts or a wave of guesses never uses up what codes need.
fn has_room(account: &Account, settings: &Settings, made: usize, at: WallTime) -> bool {
    let limits = &settings.sending;
    let of_host = account.outbox.emails.iter().filter(|sent| at.since(**sent) < HOUR).count();
    fits_person(account, settings, at)
        && fits(of_host.saturating_add(made), limits.emails_per_hour.div_ceil(2))
}

/// Tells whether one more notice fits under the person's cap of the day, of which notices take half at most: nobody who makes
/// them come (guesses, acts) keeps the person from a code.
fn fits_person(account: &Account, settings: &Settings, at: WallTime) -> bool {
    let of_day = || account.sends.iter().filter(|send| at.since(send.at) < DAY);
    let notices = of_day().filter(|send| send.purpose == Purpose::Notice).count();
    let limit = settings.sending.all_per_day;
    fits(of_day().count(), limit) && fits(notices, limit.div_ceil(2))
}

fn fits(count: usize, limit: u32) -> bool {
    u32::try_from(count).is_ok_and(|count| count < limit)
}

/// Names a factor in a notice: its label, and where its codes are sent.
#[must_use]
pub fn name_of(factor: &Factor) -> String {
    match &factor.kind {
        FactorKind::Sent(recipient) => format!("{} ({})", factor.label, recipient.masked()),
        FactorKind::Totp(_) | FactorKind::Hotp(_) => factor.label.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::account::{AccountKey, HostId, Realm, UserName};
    use crate::contact::PhoneNumber;
    use crate::factor::{FactorId, FactorState, Label, Method};
    use crate::login::{Existence, Groups, Origin};
    use crate::policy::Echo;
    use crate::sending::{Channels, Send};
    use crate::words::Language;

    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, buffer: &mut [u8]) {
            self.0 += 1;
            buffer.fill(self.0);
        }
    }

    const NOW: Now =
        Now::at(WallTime::from_seconds(1_772_632_920), Duration::from_mins(1), WallTime::from_seconds(0));

    fn address(text: &str) -> EmailAddress {
        EmailAddress::try_from(text).unwrap()
    }

    fn person(email: Option<&str>) -> Person {
        Person {
            name: UserName::try_from("alice").unwrap(),
            realm: Realm::try_from("local:0123").unwrap(),
            existence: Existence::Known { uid: 1000, origin: Origin::Local },
            groups: Groups::Complete(Vec::new()),
            contacts: Contacts { email: email.map(address), phone: None },
        }
    }

    fn settings() -> Settings {
        Settings {
            organization: "Example University".into(),
            language: Language::English,
            help: None,
            echo: Echo::Visible,
            protected_groups: Vec::new(),
            totp: crate::factor::totp::TotpParameters::default(),
            limits: crate::throttle::Limits::default(),
            sent: crate::factor::sent::SentParameters::default(),
            sending: crate::sending::SendLimits::default(),
            channels: Channels { email: true, ..Channels::default() },
            texts: crate::words::texts::Texts::default(),
        }
    }

    fn account(factors: &[Recipient]) -> Account {
        let person = person(None);
        let mut account =
            Account::new(AccountKey { realm: person.realm, name: person.name }, &mut Counting(0));
        account.factors = (1..).zip(factors).map(|(id, recipient)| factor(id, recipient)).collect();
        account
    }

    fn factor(id: u32, recipient: &Recipient) -> Factor {
        Factor {
            id: FactorId(id),
            label: Label::numbered(Method::Email, id),
            state: FactorState::Active { since: NOW.wall },
            last_used: None,
            kind: FactorKind::Sent(recipient.clone()),
        }
    }

    fn mailbox(text: &str) -> Recipient {
        Recipient::Email(address(text))
    }

    fn tell(before: &Account, after: &mut Account, person: &Person, settings: &Settings) -> Vec<String> {
        let host = Host { name: "web1".into(), id: HostId::try_from("feed").unwrap() };
        let around = Around { person, host: &host, settings };
        let Told { outgoing: made, alert } =
            notices(&Notice::Reset, before, after, &around, NOW, &mut Counting(100));
        let notices = after.sends.iter().filter(|send| send.purpose == Purpose::Notice).count();
        let is_full = after.sends.len() == 60 || notices == 30;
        assert_eq!(alert.is_some(), !made.is_empty() && is_full, "recorded with the last");
        assert!(made.iter().all(|message| message.purpose == Purpose::Notice));
        made.iter().map(|message| message.recipient.address().to_owned()).collect()
    }

    #[test]
    fn old_and_new_address_are_told_each_once_and_nobody_else() {
        let before = account(&[
            mailbox("old@example.org"),
            Recipient::Sms(PhoneNumber::try_from("+491712345642").unwrap()),
        ]);
        let mut after = account(&[mailbox("new@example.org"), mailbox("old@example.org")]);
        after.contacts.email = Some(address("file@example.org"));
        let told = tell(&before, &mut after, &person(Some("known@example.org")), &settings());
        assert_eq!(told, ["old@example.org", "new@example.org", "known@example.org", "file@example.org"]);
        assert_eq!(after.sends.len(), 4, "each is counted");
    }

    #[test]
    fn a_pending_address_is_told_nothing() {
        let mut pending = account(&[mailbox("eve@example.org")]);
        pending.factors[0].state = FactorState::Pending { since: NOW.wall };
        assert!(tell(&account(&[]), &mut pending, &person(None), &settings()).is_empty());
    }

    #[test]
    fn at_most_four_addresses_are_told() {
        let many: Vec<Recipient> = (0..9).map(|number| mailbox(&format!("a{number}@example.org"))).collect();
        assert_eq!(tell(&account(&many), &mut account(&[]), &person(None), &settings()).len(), ADDRESS_LIMIT);
    }

    #[test]
    fn nothing_is_told_without_email_or_an_address() {
        let before = account(&[mailbox("old@example.org")]);
        let off = Settings { channels: Channels::default(), ..settings() };
        assert!(tell(&before, &mut account(&[]), &person(None), &off).is_empty());
        assert!(tell(&account(&[]), &mut account(&[]), &person(None), &settings()).is_empty());
    }

    #[test]
    fn no_notice_is_made_beyond_the_caps_of_the_person_and_the_host() {
        let before = account(&[mailbox("old@example.org"), mailbox("two@example.org")]);
        let send = Send { at: NOW.wall, request: RequestId([0; 16]), purpose: Purpose::Code, is_used: true };
        let mut full = account(&[]);
        full.sends = vec![send; 59];
        assert_eq!(tell(&before, &mut full, &person(None), &settings()), ["old@example.org"]);
        assert!(tell(&before, &mut full, &person(None), &settings()).is_empty());
        let notice = Send { purpose: Purpose::Notice, ..send };
        let mut alarmed = account(&[]);
        alarmed.sends = vec![notice; 29];
        assert_eq!(tell(&before, &mut alarmed, &person(None), &settings()), ["old@example.org"]);
        assert!(tell(&before, &mut alarmed, &person(None), &settings()).is_empty(), "half is left for codes");
        let mut busy = account(&[]);
        busy.outbox.emails = vec![NOW.wall; 499];
        assert_eq!(tell(&before, &mut busy, &person(None), &settings()), ["old@example.org"]);
    }
}
