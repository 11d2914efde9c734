//! What a simulation has decided already: equal logins are decided once.
//!
//! Owns the bounds: so many logins, each by a keyed hash of 128 bits whose keys nobody knows, and each different change once.
//! It holds for one policy in force; what is kept of people counts as it was when it was looked at.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use countersign_core::policy::Policy;
use countersign_core::policy::simulate::{Changed, Recorded};

/// How many logins are kept; later ones are decided each time.
const LIMIT: usize = 250_000;

/// What is known of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recall<'a> {
    /// No equal one was met.
    Nothing,
    /// It goes on as before.
    Same,
    /// It goes on otherwise.
    Changed(&'a Changed),
}

/// What was decided.
#[derive(Debug)]
pub(super) struct Memo {
    in_force: Arc<Policy>,
    keys: [RandomState; 2],
    /// By the hashes of a login: what changes for it, as a place in `changes`.
    decided: HashMap<(u64, u64), Option<usize>>,
    changes: Vec<Changed>,
    places: HashMap<Changed, usize>,
    limit: usize,
}

impl Memo {
    /// Knows nothing yet under the policy in force.
    pub(super) fn under(in_force: &Arc<Policy>) -> Self {
        Self {
            in_force: Arc::clone(in_force),
            keys: [RandomState::new(), RandomState::new()],
            decided: HashMap::new(),
            changes: Vec::new(),
            places: HashMap::new(),
            limit: LIMIT,
        }
    }

    /// Tells whether what is known holds under the policy in force.
    pub(super) fn is_of(&self, in_force: &Arc<Policy>) -> bool {
        Arc::ptr_eq(&self.in_force, in_force)
    }

    /// Tells what was decided of an equal login.
    pub(super) fn recall(&self, recorded: &Recorded) -> Recall<'_> {
        match self.decided.get(&self.hashes(recorded)) {
            None => Recall::Nothing,
            Some(place) => {
                place.and_then(|place| self.changes.get(place)).map_or(Recall::Same, Recall::Changed)
            }
        }
    }

    /// Notes what was decided of a login, where there is room.
    pub(super) fn note(&mut self, recorded: &Recorded, changed: Option<&Changed>) {
        if self.decided.len() >= self.limit {
            return;
        }
        let place = changed.map(|changed| {
            let next = self.changes.len();
            let place = *self.places.entry(changed.clone()).or_insert(next);
            if place == next {
                self.changes.push(changed.clone());
            }
            place
        });
        self.decided.insert(self.hashes(recorded), place);
    }

    fn hashes(&self, recorded: &Recorded) -> (u64, u64) {
        let [one, other] = &self.keys;
        (one.hash_one(recorded), other.hash_one(recorded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::account::{RuleName, UserName};
    use countersign_core::audit::{AuditEvent, EventId, LoginFacts, Subject};
    use countersign_core::policy::simulate::Change;
    use countersign_core::time::WallTime;

    fn policy() -> Arc<Policy> {
        let file = ("countersign.toml".to_owned(), "[default]\nrequire = \"enrolled\"\n".to_owned());
        Arc::new(countersign_config::interpret(&[file]).unwrap().policy)
    }

    fn login(user: &str) -> Recorded {
        let facts = LoginFacts {
            uid: Some(1000),
            origin: "local".to_owned(),
            groups: Vec::new(),
            groups_complete: true,
            service: "sshd".to_owned(),
            phase: "auth".to_owned(),
            source: "unknown".to_owned(),
            tty: None,
            key_type: None,
            requesting_uid: None,
        };
        let subject = Subject { user: user.to_owned(), realm: "local:h1".to_owned(), account: None };
        let event = AuditEvent::new(EventId::LoginAllowed, WallTime::from_seconds(1), "h1", "self");
        Recorded::of(AuditEvent { subject: Some(subject), login: Some(facts), ..event }).unwrap()
    }

    fn changed(user: &str) -> Changed {
        let rule = RuleName::try_from("all").unwrap();
        Changed {
            change: Change::NewlyAsked,
            user: UserName::try_from(user).unwrap(),
            service: "sshd".to_owned(),
            old: rule.clone(),
            new: rule,
        }
    }

    #[test]
    fn what_was_decided_is_recalled_for_an_equal_login_and_for_no_other() {
        let mut memo = Memo::under(&policy());
        memo.note(&login("alice"), Some(&changed("alice")));
        memo.note(&login("bob"), None);
        assert_eq!(memo.recall(&login("alice")), Recall::Changed(&changed("alice")));
        assert_eq!(memo.recall(&login("bob")), Recall::Same);
        assert_eq!(memo.recall(&login("carol")), Recall::Nothing);
    }

    #[test]
    fn only_so_much_is_kept_and_only_under_the_policy_in_force() {
        let in_force = policy();
        let mut memo = Memo { limit: 2, ..Memo::under(&in_force) };
        for user in ["a", "b", "c", "d"] {
            memo.note(&login(user), Some(&changed(user)));
        }
        assert_eq!((memo.decided.len(), memo.changes.len()), (2, 2));
        assert_eq!(memo.recall(&login("c")), Recall::Nothing);
        assert!(memo.is_of(&in_force) && !memo.is_of(&policy()));
    }
}
