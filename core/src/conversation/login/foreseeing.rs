//! What a login would come to, without going through it.
//!
//! Owns the foresight behind `policy explain`, `policy simulate` and monitored rules. It is made by the very functions that
//! open a login, so that what is foretold is what happens.

use std::sync::Arc;

use crate::account::Account;
use crate::login::LoginRequest;
use crate::policy::{Decision, Policy};
use crate::time::Now;

use super::Login;
use super::accepting::SECURITY_KEY;
use super::opening::{Grounds, Way};

/// How a login goes on at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Course {
    /// It passes without a code.
    Pass,
    /// A code is asked for.
    Ask,
    /// A first factor is set up.
    Enroll,
    /// An invitation is asked for.
    Invite,
    /// It is refused.
    Refuse,
}

impl Course {
    /// Tells the stable name, as the audit, the bus and `--json` have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Ask => "ask",
            Self::Enroll => "enroll",
            Self::Invite => "invite",
            Self::Refuse => "refuse",
        }
    }
}

/// What a login would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Foresight {
    /// The decision that it would be made under.
    pub decision: Decision,
    /// How it would go on if the decision were in force.
    pub course: Course,
    /// Why, as the audit would say it; nothing where a code or an invitation is simply asked for.
    pub reason: Option<&'static str>,
    /// How it goes on in fact, and why.
    outcome: (Course, Option<&'static str>),
}

impl Foresight {
    /// Tells how the login goes on in fact: past everything where the rule is only watched, or the factor switched off; people
    /// who are not known are refused even there.
    #[must_use]
    pub const fn outcome(&self) -> (Course, Option<&'static str>) {
        self.outcome
    }
}

impl Way {
    /// Tells what it comes to, and why.
    pub(super) const fn course(&self) -> (Course, Option<&'static str>) {
        match self {
            Self::Skip(reason) => (Course::Pass, Some(reason)),
            Self::Accept => (Course::Pass, Some(SECURITY_KEY)),
            Self::Refuse(grounds) | Self::Tell(grounds) => (Course::Refuse, Some(grounds.reason())),
            Self::Shut(_) => (Course::Refuse, Some(Grounds::NotEnrolled.reason())),
            Self::Ask => (Course::Ask, None),
            Self::Enroll(_) | Self::Renew => (Course::Enroll, None),
            Self::Invite => (Course::Invite, None),
        }
    }
}

/// Foresees a login. `account` is what is kept of its person, or an unstored one.
pub fn foresee(request: LoginRequest, policy: &Arc<Policy>, account: &Account, now: Now) -> Foresight {
    let login = Login::new(request, Arc::clone(policy));
    let account = account.seen_from(login.decision.enrolled_after, now.latest());
    let would = login.way(&account, now);
    let (course, reason) = would.course();
    let outcome = login.passage().unwrap_or(would).course();
    Foresight { decision: login.decision, course, reason, outcome }
}
