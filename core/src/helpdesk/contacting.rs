//! The contact on file, as an administrator sets it (row H3).
//!
//! Owns that only the file changes: what is enrolled keeps its recipient until the person confirms a new one, so that the
//! helpdesk cannot turn somebody's codes to itself. The old address and the new one are told.

use super::{Act, Done, record};
use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::contact::{Contacts, EmailAddress, PhoneNumber};
use crate::notice::{Notice, Told, is_reached};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::throttle::Standing;
use crate::time::Now;

/// What becomes of one entry on file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<T> {
    /// It stays.
    Keep,
    /// It goes; what the name service says counts again.
    Clear,
    /// It is replaced.
    Set(T),
}

/// Who is told of a new contact on file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Telling {
    /// The old address and the new one.
    OldAndNew,
    /// The same, but nobody where there was no address before: with a list, the first contacts of everybody are put on
    /// file, and there is nobody to warn.
    WhoHadOne,
}

/// What becomes of the contact on file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContacts {
    /// Who is told.
    pub telling: Telling,
    /// The e-mail address.
    pub email: Entry<EmailAddress>,
    /// The telephone number.
    pub phone: Entry<PhoneNumber>,
}

impl<T: Clone> Entry<T> {
    fn applied(&self, old: Option<&T>) -> Option<T> {
        match self {
            Self::Keep => old.cloned(),
            Self::Clear => None,
            Self::Set(new) => Some(new.clone()),
        }
    }
}

impl NewContacts {
    /// Tells what is on file once it is applied.
    #[must_use]
    pub fn applied(&self, old: &Contacts) -> Contacts {
        Contacts {
            email: self.email.applied(old.email.as_ref()),
            phone: self.phone.applied(old.phone.as_ref()),
        }
    }
}

/// Decides a new contact on file; whether it changed anything shows in the account's `contacts`. Codes on their way to the
/// old one stay good, because they belong to what is enrolled.
pub fn set_contact(
    account: &Account,
    act: &Act,
    new: &NewContacts,
    policy: &Policy,
    entropy: &mut dyn Entropy,
    now: Now,
) -> Done {
    let before = account;
    let mut account = account.clone();
    let at = now.latest();
    let old = &before.contacts;
    account.contacts = new.applied(old);
    account.changed = account.changed.max(at);
    let known = &act.target.contacts;
    let is_told = new.telling == Telling::OldAndNew || is_reached(before, known);
    let told = if account.contacts == *old || !is_told {
        Told::default()
    } else {
        let notice =
            Notice::ContactSet { old: masked(&old.or(known)), new: masked(&account.contacts.or(known)) };
        act.tell(&notice, before, &mut account, policy, now, entropy)
    };
    let event = AuditEvent {
        change: what(new).map(str::to_owned),
        ..record(EventId::ContactSet, &account, act, now)
    };
    let standing = account.throttle.worst(at);
    Done {
        account,
        event,
        removed: 0,
        resynced: 0,
        was_locked: standing != Standing::Open,
        needs_reset: standing == Standing::NeedsReset,
        outgoing: told.outgoing,
        alert: told.alert,
        invitation: None,
    }
}

/// Names what was set, for the record; the contact itself is no business of the audit.
const fn what(new: &NewContacts) -> Option<&'static str> {
    match (&new.email, &new.phone) {
        (Entry::Keep, Entry::Keep) => None,
        (Entry::Clear | Entry::Set(_), Entry::Keep) => Some("email"),
        (Entry::Keep, Entry::Clear | Entry::Set(_)) => Some("phone"),
        (Entry::Clear | Entry::Set(_), Entry::Clear | Entry::Set(_)) => Some("email phone"),
    }
}

fn masked(contacts: &Contacts) -> Option<String> {
    let Contacts { email, phone } = contacts;
    let parts = [email.as_ref().map(EmailAddress::masked), phone.as_ref().map(PhoneNumber::masked)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
