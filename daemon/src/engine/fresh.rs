//! The codes that were given in sessions of the kernel (row L16).
//!
//! Owns which person gave one in which session, and which login opened that session. In memory only: after a restart
//! people are asked again. Leaves to core whether a code is fresh enough. Invariant: what one person gave in one session is
//! told for that person in that session alone, and the table never grows beyond its limit.

use std::collections::VecDeque;
use std::time::Duration;

use countersign_core::account::{AccountKey, Epoch};
use countersign_core::login::{AuditSession, Fresh};

use super::command::ConversationId;

/// How many codes, and how many openings of sessions, are kept; the oldest make room.
pub(super) const LIMIT: usize = 4096;

/// A code that was given.
#[derive(Debug)]
struct Given {
    session: AuditSession,
    person: AccountKey,
    epoch: Epoch,
    at: Duration,
}

/// A session and the login that it began with.
#[derive(Debug)]
struct Opening {
    session: AuditSession,
    login: ConversationId,
}

/// The table, oldest first.
#[derive(Debug, Default)]
pub(super) struct FreshCodes {
    given: VecDeque<Given>,
    openings: VecDeque<Opening>,
}

impl FreshCodes {
    /// Notes that a person gave a code in a session; it takes the place of their last one there.
    pub(super) fn give(&mut self, session: AuditSession, person: AccountKey, epoch: Epoch, at: Duration) {
        self.given.retain(|given| (given.session, &given.person) != (session, &person));
        if self.given.len() >= LIMIT {
            self.given.pop_front();
        }
        self.given.push_back(Given { session, person, epoch, at });
    }

    /// Forgets every code of a person: who bears the name next gave none of them.
    pub(super) fn forget(&mut self, person: &AccountKey) {
        self.given.retain(|given| given.person != *person);
    }

    /// Notes that a login opened a session. A session is opened once: a second login that says so opens nothing.
    pub(super) fn open(&mut self, session: AuditSession, login: ConversationId) {
        if self.openings.iter().any(|opening| opening.session == session) {
            return;
        }
        if self.openings.len() >= LIMIT {
            self.openings.pop_front();
        }
        self.openings.push_back(Opening { session, login });
    }

    /// Tells the last code that a person gave in a session.
    pub(super) fn find(
        &self,
        session: AuditSession,
        person: &AccountKey,
        since_boot: Duration,
    ) -> Option<Fresh> {
        let given = self.given.iter().find(|given| given.session == session && given.person == *person)?;
        // A time since boot never goes back; if it did, nothing would be fresh.
        let age = since_boot.checked_sub(given.at)?;
        Some(Fresh { epoch: given.epoch, age })
    }

    /// Ends what was given in a session, where this login opened it; tells whether it did.
    pub(super) fn close(&mut self, session: AuditSession, login: ConversationId) -> bool {
        let is_opener = |opening: &Opening| opening.session == session && opening.login == login;
        let Some(place) = self.openings.iter().position(is_opener) else { return false };
        self.openings.remove(place);
        self.end(session);
        true
    }

    /// Ends what was given in a session, whoever opened it.
    pub(super) fn end(&mut self, session: AuditSession) {
        self.given.retain(|given| given.session != session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::account::{Realm, UserName};

    use crate::host::entropy::SystemEntropy;

    const AT: Duration = Duration::from_secs(100);
    const LATER: Duration = Duration::from_secs(160);
    const FRESH: Fresh = Fresh { epoch: Epoch(3), age: Duration::from_mins(1) };

    fn session(number: u32) -> AuditSession {
        AuditSession::of(number).unwrap()
    }

    fn key(name: &str) -> AccountKey {
        let realm = Realm::try_from("local:h1").unwrap();
        AccountKey { realm, name: UserName::try_from(name).unwrap() }
    }

    fn login() -> ConversationId {
        ConversationId::random(&mut SystemEntropy)
    }

    /// A table in which alice gave a code in session 7.
    fn table() -> FreshCodes {
        let mut codes = FreshCodes::default();
        codes.give(session(7), key("alice"), Epoch(3), AT);
        codes
    }

    #[test]
    fn a_code_is_found_for_its_person_in_its_session_alone() {
        let codes = table();
        assert_eq!(codes.find(session(7), &key("alice"), LATER), Some(FRESH));
        assert_eq!(codes.find(session(8), &key("alice"), LATER), None);
        assert_eq!(codes.find(session(7), &key("bob"), LATER), None);
        let namesake = AccountKey { realm: Realm::try_from("EXAMPLE.ORG").unwrap(), ..key("alice") };
        assert_eq!(codes.find(session(7), &namesake, LATER), None, "the same name of another realm");
        assert_eq!(FreshCodes::default().find(session(7), &key("alice"), LATER), None, "after a restart");
        assert_eq!(codes.find(session(7), &key("alice"), Duration::ZERO), None, "a time that went back");
    }

    #[test]
    fn another_persons_code_in_the_session_takes_nothing_from_the_first() {
        let mut codes = table();
        codes.give(session(7), key("bob"), Epoch(0), LATER);
        assert_eq!(codes.find(session(7), &key("alice"), LATER), Some(FRESH));
        codes.give(session(7), key("alice"), Epoch(4), LATER);
        let newer = Fresh { epoch: Epoch(4), age: Duration::ZERO };
        assert_eq!(codes.find(session(7), &key("alice"), LATER), Some(newer));
        assert_eq!(codes.given.len(), 2);
    }

    #[test]
    fn the_login_that_opened_the_session_ends_everything_in_it_and_no_other_login_does() {
        let mut codes = table();
        let (opener, other) = (login(), login());
        codes.open(session(7), opener);
        codes.open(session(7), other);
        codes.open(session(8), other);
        codes.give(session(7), key("bob"), Epoch(0), AT);
        codes.give(session(8), key("alice"), Epoch(3), AT);
        assert!(!codes.close(session(7), other));
        assert!(codes.find(session(7), &key("alice"), LATER).is_some());
        assert!(codes.close(session(7), opener));
        assert_eq!(codes.find(session(7), &key("alice"), LATER), None);
        assert_eq!(codes.find(session(7), &key("bob"), LATER), None);
        assert_eq!(codes.find(session(8), &key("alice"), LATER), Some(FRESH));
        assert!(!codes.close(session(7), opener), "closed twice");
    }

    #[test]
    fn of_too_many_the_oldest_goes() {
        let mut codes = table();
        let opener = login();
        codes.open(session(7), opener);
        for number in 0..u32::try_from(LIMIT).unwrap() {
            codes.give(session(1000 + number), key("bob"), Epoch(0), AT);
            codes.open(session(1000 + number), login());
        }
        assert_eq!((codes.given.len(), codes.openings.len()), (LIMIT, LIMIT));
        assert_eq!(codes.find(session(7), &key("alice"), LATER), None);
        assert!(codes.find(session(1000), &key("bob"), LATER).is_some());
        assert!(!codes.close(session(7), opener));
    }
}
