//! Where a login comes from, as far as it is remembered: when it is let through unasked, and what is kept of it.
//!
//! Owns the comparison: every single thing that a place is bound to has to be the same.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{PLACE_LIMIT, REMEMBER_LIMIT, Remembered};
use crate::account::{Account, Epoch};
use crate::policy::{Decision, Requirement};
use crate::time::{Now, WallTime};

/// Where a login comes from, as far as a remembered place is bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The numeric source.
    pub(crate) address: IpAddr,
    /// The PAM service.
    pub(crate) service: &'a str,
    /// The fingerprint of the key that sshd accepted, if any.
    pub(crate) key: Option<&'a str>,
}

impl Place<'_> {
    fn is_of(&self, remembered: &Remembered) -> bool {
        remembered.address == self.address.to_canonical()
            && remembered.service == self.service
            && remembered.key.as_deref() == self.key
    }
}

/// Tells for how long a rule remembers, at most [`REMEMBER_LIMIT`].
pub(crate) fn life(decision: &Decision) -> Option<Duration> {
    decision.remember.map(|life| life.min(REMEMBER_LIMIT)).filter(|life| !life.is_zero())
}

/// Writes the terms of a rule on which a place is remembered: when one of them changes, it is not any more. From when on
/// enrollments count is one: what is void since may be what the place was remembered by.
fn terms(decision: &Decision, at: WallTime) -> String {
    let require = match decision.require {
        Requirement::Always => "always",
        Requirement::Chosen => "chosen",
        Requirement::Enrolled => "enrolled",
        Requirement::Never => "never",
    };
    let methods: Vec<&str> = decision.methods.iter().map(|method| method.name()).collect();
    let seconds = life(decision).unwrap_or_default().as_secs();
    let after = decision.enrolled_after.at(at).map(|after| format!(";{}", after.as_seconds()));
    let text = format!("{require};{};{seconds}{}", methods.join(","), after.unwrap_or_default());
    let digest: [u8; 32] = Sha256::digest(text).into();
    data_encoding::HEXLOWER.encode(digest.get(..16).unwrap_or_default())
}

impl Account {
    /// Tells whether a login from this place is let through unasked under a decision.
    pub(crate) fn is_remembered(&self, place: &Place<'_>, decision: &Decision, at: WallTime) -> bool {
        let Some(life) = life(decision) else { return false };
        let terms = terms(decision, at);
        self.remembered_places(at).any(|known| {
            place.is_of(known)
                && known.rule == decision.rule
                && known.terms == terms
                && at < known.since.after(life.min(REMEMBER_LIMIT))
        })
    }

    /// Remembers a place in place of what was remembered of it; what is over is dropped, and the oldest makes room.
    pub(crate) fn remember(&mut self, place: &Place<'_>, decision: &Decision, at: WallTime) {
        let Some(life) = life(decision) else { return };
        let epoch = self.epoch;
        self.remembered.retain(|known| known.epoch == epoch && at < known.until && !place.is_of(known));
        let surplus = (self.remembered.len() + 1).saturating_sub(PLACE_LIMIT);
        self.remembered.drain(..surplus);
        self.remembered.push(Remembered {
            address: place.address.to_canonical(),
            service: place.service.to_owned(),
            key: place.key.map(str::to_owned),
            rule: decision.rule.clone(),
            terms: terms(decision, at),
            epoch,
            since: at,
            until: at.after(life),
        });
    }

    /// Ends whatever rests on the password: it was changed.
    pub fn password_changed(&mut self, now: Now) {
        self.epoch = Epoch(self.epoch.0.saturating_add(1));
        self.remembered.clear();
        self.sent.clear();
        self.changed = self.changed.max(now.latest());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKey, Realm, RuleName, UserName};
    use crate::factor::Method;
    use crate::policy::{Certainty, ContactRule, EnrolledAfter, Enrollment, Force};
    use crate::secret::Entropy;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    const DAY: Duration = Duration::from_hours(24);

    fn at(seconds: u64) -> WallTime {
        WallTime::from_seconds(seconds)
    }

    fn now(seconds: u64) -> Now {
        Now::at(at(seconds), Duration::ZERO, at(0))
    }

    fn decision(days: u32) -> Decision {
        Decision {
            rule: RuleName::try_from("students").unwrap(),
            require: Requirement::Always,
            methods: vec![Method::Totp],
            enroll: Enrollment::SelfService,
            enroll_within: None,
            contacts: ContactRule::default(),
            skip: None,
            remember: Some(DAY * days),
            force: Force::InForce,
            accept: Vec::new(),
            enrolled_after: EnrolledAfter::default(),
            fresh_for: None,
            idle_timeout: None,
            certainty: Certainty::Certain,
        }
    }

    fn place(last: u8) -> Place<'static> {
        Place { address: IpAddr::from([198, 51, 100, last]), service: "sshd", key: None }
    }

    fn account() -> Account {
        let key = AccountKey {
            realm: Realm::try_from("local:0123").unwrap(),
            name: UserName::try_from("alice").unwrap(),
        };
        let mut account = Account::new(key, &mut Zeros);
        account.remember(&place(7), &decision(30), at(1_000));
        account
    }

    #[test]
    fn a_place_holds_for_its_address_service_and_key_until_it_is_over() {
        let account = account();
        let end = at(1_000).after(DAY * 30);
        let before = at(end.as_seconds() - 1);
        let holds = |place: &Place<'_>, at| account.is_remembered(place, &decision(30), at);
        assert!(holds(&place(7), at(1_000)) && holds(&place(7), before));
        assert!(!holds(&place(7), end));
        assert!(!holds(&place(8), before));
        assert!(!holds(&Place { service: "login", ..place(7) }, before));
        assert!(!holds(&Place { key: Some("SHA256:x"), ..place(7) }, before));
        let mapped = "::ffff:198.51.100.7".parse().unwrap();
        assert!(holds(&Place { address: mapped, ..place(7) }, before));
    }

    #[test]
    fn a_change_of_the_terms_or_of_the_epoch_ends_it() {
        let account = account();
        let changed = [
            Decision { require: Requirement::Enrolled, ..decision(30) },
            Decision { methods: vec![Method::Totp, Method::Email], ..decision(30) },
            Decision { rule: RuleName::try_from("staff").unwrap(), ..decision(30) },
            Decision { remember: None, ..decision(30) },
            Decision { enrolled_after: Some(at(500)).into(), ..decision(30) },
            decision(29),
        ];
        for decision in changed {
            assert!(!account.is_remembered(&place(7), &decision, at(2_000)), "{decision:?}");
        }
        let to_come = Decision { enrolled_after: Some(at(3_000)).into(), ..decision(30) };
        assert!(account.is_remembered(&place(7), &to_come, at(2_000)));
        assert!(!account.is_remembered(&place(7), &to_come, at(3_000)));
        let other = Account { epoch: Epoch(1), ..account.clone() };
        assert!(!other.is_remembered(&place(7), &decision(30), at(2_000)));
        let mut changed = account;
        changed.password_changed(now(2_000));
        assert!(!changed.is_remembered(&place(7), &decision(30), at(2_000)));
        assert_eq!(changed.changed, at(2_000));
    }

    #[test]
    fn no_rule_remembers_for_more_than_thirty_days() {
        let mut account = account();
        account.remember(&place(9), &decision(400), at(1_000));
        let end = at(1_000).after(REMEMBER_LIMIT);
        assert!(!account.is_remembered(&place(9), &decision(400), end));
        assert!(account.is_remembered(&place(9), &decision(400), at(end.as_seconds() - 1)));
    }

    #[test]
    fn the_oldest_place_makes_room_and_one_place_is_kept_once() {
        let mut account = account();
        for last in 0..100 {
            account.remember(&place(last), &decision(30), at(2_000 + u64::from(last)));
        }
        account.remember(&place(99), &decision(30), at(3_000));
        assert_eq!(account.remembered.len(), PLACE_LIMIT);
        assert_eq!(account.remembered_places(at(3_000)).filter(|known| place(99).is_of(known)).count(), 1);
        assert!(!account.is_remembered(&place(7), &decision(30), at(3_000)));
    }
}
