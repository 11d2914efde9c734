//! Places from which a person is not asked for a while (row L7).
//!
//! Owns what a remembered place is bound to and when it ends: person, service, numeric source, key, the terms of the rule
//! and the account's epoch. Never a host name, never loopback, never without a numeric source. Owns, too, its
//! being forgotten; `idling` has what ends with an idle session. Leaves to the login where it is offered.

mod idling;
mod place;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::account::{Account, Epoch, RuleName};
use crate::audit::{AuditEvent, EventId};
use crate::login::{Host, Person};
use crate::time::{Now, WallTime};

pub use idling::{IdleSession, Idled, idled};
pub(crate) use place::{Place, life};

/// The longest time that a rule may remember a place for (SECURITY.md 3: AAL1).
pub const REMEMBER_LIMIT: Duration = Duration::from_hours(30 * 24);
/// The most places of one person; the oldest makes room.
pub const PLACE_LIMIT: usize = 16;

/// A place from which a code was given and that is to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The numeric source, mapped IPv6 brought back to IPv4.
    pub address: IpAddr,
    /// The PAM service.
    pub service: String,
    /// The fingerprint of the key that sshd accepted, if any.
    pub key: Option<String>,
    /// The rule that offered it.
    pub rule: RuleName,
    /// A digest of that rule's requirement, methods and time: when one of them changes, this ends.
    pub terms: String,
    /// The account's epoch: any change of factor or password, a reset and a lock end it.
    pub epoch: Epoch,
    /// Since when.
    pub since: WallTime,
    /// Until when.
    pub until: WallTime,
}

/// What a person has put off (row L5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The rule that let them.
    pub rule: RuleName,
    /// How often it was counted.
    pub count: u32,
    /// When it was counted last; at most one is in 24 h.
    pub counted: WallTime,
}

/// Which places are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Places {
    /// Every place.
    All,
    /// Those of one address, whatever the service and the key.
    Of(IpAddr),
}

impl fmt::Display for Places {
    /// Writes them as the audit keeps them: `all`, or the address.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Of(address) => address.to_canonical().fmt(formatter),
        }
    }
}

impl Account {
    /// Lists the places that are remembered at a time, oldest first. Whether the rule's terms still are what they were is
    /// looked at where a login is decided.
    pub fn remembered_places(&self, at: WallTime) -> impl Iterator<Item = &Remembered> {
        self.remembered.iter().filter(move |place| place.epoch == self.epoch && at < place.until)
    }
}

/// Places that were forgotten; it holds once it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The account to commit.
    pub account: Account,
    /// The record of it.
    pub event: AuditEvent,
    /// How many places it were.
    pub count: usize,
}

/// Decides that the person wants places to be forgotten; nothing where none of them is remembered. It asks for no code: it
/// only takes away, and who sits at a session that is not theirs could at most have the owner asked for a code.
#[must_use]
pub fn forget(
    account: &Account,
    person: &Person,
    host: &Host,
    places: Places,
    now: Now,
) -> Option<Forgotten> {
    let at = now.latest();
    let is_meant = |place: &Remembered| match places {
        Places::All => true,
        Places::Of(address) => place.address == address.to_canonical(),
    };
    let count = account.remembered_places(at).filter(|place| is_meant(place)).count();
    if count == 0 {
        return None;
    }
    let mut account = account.clone();
    account.remembered.retain(|place| !is_meant(place));
    account.changed = account.changed.max(at);
    let event = AuditEvent {
        reason: Some(places.to_string()),
        ..AuditEvent::for_person(EventId::PlaceForgotten, now.wall, host, person, &account, "self")
    };
    Some(Forgotten { account, event, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKey, HostId, Realm, UserName};
    use crate::contact::Contacts;
    use crate::idle::Step;
    use crate::login::{Existence, Groups, Origin, Source};
    use crate::secret::Entropy;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    const SINCE: WallTime = WallTime::from_seconds(1_000);
    const UNTIL: WallTime = WallTime::from_seconds(2_000);

    fn now(seconds: u64) -> Now {
        let wall = WallTime::from_seconds(seconds);
        Now::at(wall, Duration::ZERO, WallTime::default())
    }

    fn place(address: &str, service: &str, epoch: u64) -> Remembered {
        Remembered {
            address: address.parse().unwrap(),
            service: service.to_owned(),
            key: None,
            rule: RuleName::try_from("students").unwrap(),
            terms: String::new(),
            epoch: Epoch(epoch),
            since: SINCE,
            until: UNTIL,
        }
    }

    fn alice() -> (Account, Person, Host) {
        let id = HostId::try_from("h1").unwrap();
        let (realm, name) = (Realm::try_from("local:h1").unwrap(), UserName::try_from("alice").unwrap());
        let mut account = Account::new(AccountKey { realm: realm.clone(), name: name.clone() }, &mut Zeros);
        account.remembered = vec![
            place("198.51.100.7", "sshd", 0),
            place("198.51.100.7", "login", 0),
            place("2001:db8::7", "sshd", 0),
            place("192.0.2.1", "sshd", 7),
        ];
        let existence = Existence::Known { uid: 1000, origin: Origin::Local };
        let groups = Groups::Complete(Vec::new());
        let person = Person { name, realm, existence, groups, contacts: Contacts::default() };
        (account, person, Host { name: "host".to_owned(), id })
    }

    #[test]
    fn places_of_another_epoch_and_those_whose_time_is_over_are_not_listed() {
        let (account, ..) = alice();
        let listed = |at| account.remembered_places(WallTime::from_seconds(at)).count();
        assert_eq!((listed(1_000), listed(1_999), listed(2_000)), (3, 3, 0));
    }

    #[test]
    fn what_is_forgotten_is_of_one_address_or_everything() {
        let (account, person, host) = alice();
        let mapped = Places::Of("::ffff:198.51.100.7".parse().unwrap());
        let Forgotten { account: left, event, count } =
            forget(&account, &person, &host, mapped, now(1_500)).unwrap();
        let services: Vec<&str> = left.remembered.iter().map(|place| place.service.as_str()).collect();
        assert_eq!((count, services), (2, vec!["sshd", "sshd"]));
        assert_eq!((event.event, event.reason.as_deref()), (EventId::PlaceForgotten, Some("198.51.100.7")));
        assert_eq!(event.actor, "self");
        let all = forget(&account, &person, &host, Places::All, now(1_500)).unwrap();
        assert_eq!((all.count, all.account.remembered.len()), (3, 0));
        assert_eq!(all.event.reason.as_deref(), Some("all"));
    }

    fn session(service: &str, source: Source) -> IdleSession {
        let rule = RuleName::try_from("students").ok();
        IdleSession { service: service.to_owned(), source, tty: Some("pts/3".to_owned()), rule }
    }

    #[test]
    fn a_session_ended_for_idleness_ends_what_was_remembered_of_its_place() {
        let (account, person, host) = alice();
        let address = Source::Address("::ffff:198.51.100.7".parse().unwrap());
        for (step, change) in [(Step::HangUp, "hung-up"), (Step::Lock, "locked")] {
            let session = session("sshd", address);
            let idled = idled(&account, &person, &host, &session, step, now(1_500)).unwrap();
            let left = idled.account.unwrap();
            let places: Vec<(String, &str)> =
                left.remembered.iter().map(|place| (place.address.to_string(), &*place.service)).collect();
            let [login, six, other] =
                [("198.51.100.7", "login"), ("2001:db8::7", "sshd"), ("192.0.2.1", "sshd")]
                    .map(|(address, service)| (address.to_owned(), service));
            assert_eq!(places, [login, six, other]);
            assert_eq!(left.changed, WallTime::from_seconds(1_500));
            assert_eq!(idled.event.event, EventId::SessionIdle);
            assert_eq!(idled.event.change.as_deref(), Some(change));
            assert_eq!(idled.event.reason.as_deref(), Some("sshd pts/3 198.51.100.7"));
            assert_eq!(
                (idled.event.actor.as_str(), idled.event.rule.as_deref()),
                ("service", Some("students"))
            );
        }
    }

    #[test]
    fn telling_an_idle_session_is_recorded_and_ends_nothing() {
        let (account, person, host) = alice();
        let address = Source::Address("198.51.100.7".parse().unwrap());
        let told = Step::Tell { minutes_left: 5 };
        let after = |session, step| idled(&account, &person, &host, &session, step, now(1_500));
        let (of_told, of_local, of_other) = (
            after(session("sshd", address), told).unwrap(),
            after(session("login", Source::Local), Step::HangUp).unwrap(),
            after(session("cockpit", address), Step::HangUp).unwrap(),
        );
        assert_eq!((of_told.account, of_local.account, of_other.account), (None, None, None));
        assert_eq!(of_told.event.change.as_deref(), Some("told"));
        assert_eq!(of_local.event.reason.as_deref(), Some("login pts/3 local"));
        assert_eq!(after(session("sshd", address), Step::Leave), None);
    }

    #[test]
    fn where_nothing_is_remembered_nothing_is_changed_or_recorded() {
        let (account, person, host) = alice();
        let elsewhere = Places::Of("192.0.2.1".parse().unwrap());
        assert_eq!(forget(&account, &person, &host, elsewhere, now(1_500)), None);
        assert_eq!(forget(&account, &person, &host, Places::All, now(2_000)), None);
    }
}
