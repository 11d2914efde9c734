//! What another policy would change (row P7), and what watched rules would have done (row P4).
//!
//! Owns what counts as a change. Both policies are held against the very same facts by [`foresee`], hence by the functions
//! that open a login: nothing is decided here. `recorded` has the way back from a record to its login, `watched` what watched
//! rules left, `rows` the rows of a page. Leaves reading the audit and loading accounts to the daemon, and tells for whom
//! that is worth it.

mod recorded;
mod rows;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use super::explain::take_remembered_key;
use super::{Decision, Policy, Requirement};
use crate::account::{Account, AccountKey, HostId, RuleName, UserName};
use crate::conversation::login::{Course, foresee};
use crate::login::{AuditSession, Existence, Fresh, LoginRequest, Person};
use crate::time::Now;

use recorded::Ease;
use rows::shown;

pub use recorded::Recorded;
pub use rows::Rows;
pub use watched::Watched;

/// What is different for a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It is asked for a code, and was not.
    NewlyAsked,
    /// It is refused, or needs an invitation, and did not.
    NewlyRefused,
    /// A first factor has to be set up in it.
    NewlyEnrolling,
    /// It passes, and was asked.
    NoLongerAsked,
    /// It passes or is asked, and was refused.
    NoLongerRefused,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 5] = [
        Self::NewlyAsked,
        Self::NewlyRefused,
        Self::NewlyEnrolling,
        Self::NoLongerAsked,
        Self::NoLongerRefused,
    ];

    /// Tells the stable name, as the bus and `--json` have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewlyAsked => "newly-asked",
            Self::NewlyRefused => "newly-refused",
            Self::NewlyEnrolling => "newly-enrolling",
            Self::NoLongerAsked => "no-longer-asked",
            Self::NoLongerRefused => "no-longer-refused",
        }
    }
}

/// Tells what the way from one course to another changes for the person; nothing where both come to the same. Who needs an
/// invitation is as good as refused.
#[must_use]
pub const fn change(old: Course, new: Course) -> Option<Change> {
    match (old, new) {
        (Course::Pass, Course::Pass)
        | (Course::Ask, Course::Ask)
        | (Course::Enroll, Course::Enroll)
        | (Course::Invite | Course::Refuse, Course::Invite | Course::Refuse) => None,
        (Course::Pass | Course::Enroll, Course::Ask) => Some(Change::NewlyAsked),
        (Course::Pass | Course::Ask | Course::Enroll, Course::Invite | Course::Refuse) => {
            Some(Change::NewlyRefused)
        }
        (Course::Pass | Course::Ask | Course::Invite | Course::Refuse, Course::Enroll) => {
            Some(Change::NewlyEnrolling)
        }
        (Course::Ask | Course::Enroll, Course::Pass) => Some(Change::NoLongerAsked),
        (Course::Invite | Course::Refuse, Course::Pass | Course::Ask) => Some(Change::NoLongerRefused),
    }
}

/// A change for a person, as a page counts it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Changed {
    /// What is different.
    pub change: Change,
    /// For whom.
    pub user: UserName,
    /// In which service; printable.
    pub service: String,
    /// The rule that decides in the policy in force.
    pub old: RuleName,
    /// The rule that would decide.
    pub new: RuleName,
}

/// The policy in force and another one, side by side.
#[derive(Debug, Clone)]
pub struct Simulation {
    in_force: Arc<Policy>,
    other: Arc<Policy>,
    host: HostId,
    /// Whether what both say beside their rules leads every login on the same way.
    is_alike: bool,
}

/// A recorded login that may go on otherwise, depending on what is kept of its person.
#[derive(Debug, Clone)]
#[must_use]
pub struct Open {
    request: LoginRequest,
    ease: Ease,
}

impl Open {
    /// Tells whose account decides.
    #[must_use]
    pub fn key(&self) -> AccountKey {
        let Person { realm, name, .. } = &self.request.person;
        AccountKey { realm: realm.clone(), name: name.clone() }
    }

    /// Makes the login as it was, as far as what is kept of its person tells that still.
    fn request(&self, account: &Account, now: Now) -> LoginRequest {
        let mut request = self.request.clone();
        match self.ease {
            Ease::Fresh => {
                request.session = AuditSession::of(0);
                request.fresh = Some(Fresh { epoch: account.epoch, age: Duration::ZERO });
            }
            Ease::Remembered => take_remembered_key(&mut request, account, now.latest()),
            Ease::None => {}
        }
        request
    }
}

impl Simulation {
    /// Puts two policies side by side on a host. What this host made of the factor being switched on again, and its
    /// names, hold under both.
    #[must_use]
    pub fn new(in_force: Arc<Policy>, other: Arc<Policy>, host: HostId) -> Self {
        let of_host = |policy: &Policy| (policy.enrolled_after, policy.open_from, policy.fqdn.clone());
        let (enrolled_after, open_from, fqdn) = of_host(&in_force);
        let other = if of_host(&other) == of_host(&in_force) {
            other
        } else {
            Arc::new(Policy { enrolled_after, open_from, fqdn, ..Policy::clone(&other) })
        };
        let (old, new) = (&in_force.settings, &other.settings);
        let is_alike = (&old.channels, &old.sent, &old.sending, &old.totp, &old.limits)
            == (&new.channels, &new.sent, &new.sending, &new.totp, &new.limits);
        Self { in_force, other, host, is_alike }
    }

    /// Takes a recorded login up; nothing where it goes on as before whatever is kept of its person, so that nobody need look.
    /// Nobody whom the name service does not know ever gets in, so that nothing changes for them.
    #[must_use]
    pub fn open(&self, recorded: &Recorded) -> Option<Open> {
        let request = recorded.request(&self.host)?;
        if request.person.existence == Existence::Unknown {
            return None;
        }
        let (old, new) = (self.in_force.decide(&request), self.other.decide(&request));
        let is_settled = old == new && self.is_alike && self.covers_alike(&old, &request);
        (!is_settled).then_some(Open { request, ease: recorded.ease })
    }

    /// Tells whether all that depends on other rules of the person comes to the same: whether a first factor needs an
    /// invitation, which is asked only where everybody has to have one.
    fn covers_alike(&self, decision: &Decision, request: &LoginRequest) -> bool {
        match decision.require {
            Requirement::Never | Requirement::Enrolled => true,
            Requirement::Chosen | Requirement::Always => {
                let LoginRequest { person, host, .. } = request;
                self.in_force.covering(person, host).eq(self.other.covering(person, host))
            }
        }
    }

    /// Foresees the login under both; `account` is what is kept of its person now, or an unstored one.
    #[must_use]
    pub fn compare(&self, open: &Open, account: &Account, now: Now) -> Option<Changed> {
        let request = open.request(account, now);
        let old = foresee(request.clone(), &self.in_force, account, now);
        let new = foresee(request, &self.other, account, now);
        let change = change(old.outcome().0, new.outcome().0)?;
        let LoginRequest { person, service, .. } = &open.request;
        Some(Changed {
            change,
            user: person.name.clone(),
            service: shown(service),
            old: old.decision.rule,
            new: new.decision.rule,
        })
    }
}
