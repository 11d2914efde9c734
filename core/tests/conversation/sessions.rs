//! The sessions of the kernel in which codes were given, as the engine keeps them (row L16).

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_core::account::Epoch;
use countersign_core::login::{AuditSession, Fresh, LoginRequest, Person};

/// A code that was given.
#[derive(Debug, Clone)]
struct Given {
    person: Person,
    epoch: Epoch,
    since_boot: Duration,
}

/// What is known of sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// The session in which the last login was begun.
    current: Option<AuditSession>,
    /// The code by which the last login was let in that was in no session.
    opening: Option<Given>,
    codes: BTreeMap<AuditSession, Given>,
}

impl Sessions {
    /// Adds what is known of the session in which a login is made.
    pub(crate) fn enter(&mut self, request: LoginRequest, since_boot: Duration) -> LoginRequest {
        self.current = request.session;
        let known = request.session.and_then(|session| self.codes.get(&session));
        let fresh = known
            .filter(|given| given.person == request.person)
            .map(|given| Fresh { epoch: given.epoch, age: since_boot.saturating_sub(given.since_boot) });
        LoginRequest { fresh, ..request }
    }

    /// Notes a code that was given in the login under way.
    pub(crate) fn note(&mut self, person: &Person, epoch: Epoch, since_boot: Duration) {
        let given = Given { person: person.clone(), epoch, since_boot };
        match self.current {
            Some(session) => {
                self.codes.insert(session, given);
            }
            None => self.opening = Some(given),
        }
    }

    /// Notes that the last login opened a session.
    pub(crate) fn open(&mut self, number: &str) {
        let given = self.opening.take().expect("a code that was given");
        self.codes.insert(session(number), given);
    }

    /// Notes that a session is over.
    pub(crate) fn close(&mut self, number: &str) {
        self.codes.remove(&session(number));
    }
}

/// Reads the number of a session.
pub(crate) fn session(number: &str) -> AuditSession {
    AuditSession::of(number.parse().expect("a number")).expect("a session")
}
