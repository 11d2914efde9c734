//! Logins under a decision that is not in force: its rule is only watched, or the second factor is switched off (rows P3, P4).
//!
//! Owns that nobody is asked, stopped or sent anything there, that nothing is kept of such a login but its record, and that
//! the record says what would have happened. People whom the name service does not know are refused as under a rule that
//! asks for nothing: they are never let in.

use crate::account::Account;
use crate::audit::AuditEvent;
use crate::conversation::Turn;
use crate::login::Existence;
use crate::policy::Force;
use crate::time::Now;

use super::Login;
use super::opening::{Grounds, Way};

impl Login {
    /// Tells how the login goes on whatever the rule demands; nothing where the decision is in force.
    pub(super) const fn passage(&self) -> Option<Way> {
        let reason = match self.decision.force {
            Force::InForce => return None,
            Force::Monitored => "monitored",
            Force::SwitchedOff => "switched-off",
        };
        Some(match self.request.person.existence {
            Existence::Known { .. } => Way::Skip(reason),
            Existence::Unknown => Way::Refuse(Grounds::UnknownPerson),
        })
    }

    /// Goes that way, and records what would have happened otherwise.
    pub(super) fn pass_by(&self, passage: &Way, would: &Way, account: &Account, now: Now) -> Turn {
        let Way::Skip(reason) = passage else {
            return self.refuse(Vec::new(), Grounds::UnknownPerson, Vec::new(), account, now);
        };
        let (course, why) = would.course();
        self.skip(account, now, |event| AuditEvent {
            reason: Some((*reason).to_owned()),
            would: Some(course.name().to_owned()),
            would_because: why.map(str::to_owned),
            ..event
        })
    }
}
