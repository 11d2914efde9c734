//! What another policy would change (row P7), and what watched rules would have done (row P4).
//!
//! Owns the way back from a record to the login that it is about, what counts as a change, and the rows of a page. Both
//! policies are held against the very same facts by [`foresee`], hence by the functions that open a login: nothing is
//! decided here. Leaves reading the audit and loading accounts to the daemon, and tells for whom that is worth it.
//!
//! What a record does not hold is taken as it must have been: a login that passed by a fresh code had one, one that passed
//! because its place is remembered came with the key of that place. Else the first factor was settled, and root called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::explain::take_remembered_key;
use super::{Decision, Policy, Requirement};
use crate::account::{Account, AccountKey, HostId, Realm, RuleName, UserName};
use crate::audit::{AuditEvent, EventId, LoginFacts};
use crate::contact::Contacts;
use crate::conversation::login::{Course, foresee};
use crate::login::{
    Existence, FirstFactor, Fresh, Groups, Host, LoginRequest, Origin, Person, Phase, PublicKey, Source,
    SshFacts,
};
use crate::printable::is_printable;
use crate::time::Now;

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

/// A login that was recorded, with what rules ask about and nothing else: two logins that are equal here are decided alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recorded {
    host: String,
    user: String,
    realm: String,
    facts: LoginFacts,
    ease: Ease,
}

/// What a login passed by, where its record does not hold all of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ease {
    /// By a code given in the same session.
    Fresh,
    /// By a remembered place.
    Remembered,
    /// By neither.
    None,
}

impl Recorded {
    /// Takes the login that a record ends; nothing where it ends none.
    #[must_use]
    pub fn of(event: AuditEvent) -> Option<Self> {
        if !ends_login(event.event) {
            return None;
        }
        let (subject, mut facts) = (event.subject?, event.login?);
        facts.tty = None;
        let ease = match event.reason.as_deref() {
            Some("fresh") => Ease::Fresh,
            Some("remembered") => Ease::Remembered,
            Some(_) | None => Ease::None,
        };
        Some(Self { host: event.host, user: subject.user, realm: subject.realm, facts, ease })
    }

    /// Makes the login once more; nothing for a record that is none of ours.
    #[must_use]
    pub fn request(&self, host: &HostId) -> Option<LoginRequest> {
        let Self { host: host_name, user, realm, facts, ease: _ } = self;
        let public_key = facts.key_type.clone();
        Some(LoginRequest {
            person: person(user, realm, facts)?,
            service: facts.service.clone(),
            phase: phase(&facts.phase)?,
            source: source(&facts.source)?,
            tty: None,
            ssh: SshFacts {
                public_key: public_key.map(|algorithm| PublicKey { algorithm, fingerprint: String::new() }),
            },
            requesting_uid: facts.requesting_uid,
            caller_uid: 0,
            first_factor: FirstFactor::Settled,
            session: None,
            fresh: None,
            host: Host { name: host_name.clone(), id: host.clone() },
            language: None,
        })
    }
}

/// Tells whether a record is the last of its login.
const fn ends_login(event: EventId) -> bool {
    matches!(
        event,
        EventId::LoginAllowed
            | EventId::LoginDenied
            | EventId::LoginLockedOut
            | EventId::LoginSkipped
            | EventId::LoginUnavailable
            | EventId::LoginAbandoned
    )
}

fn person(user: &str, realm: &str, facts: &LoginFacts) -> Option<Person> {
    let existence = match (facts.origin.as_str(), facts.uid) {
        ("local", Some(uid)) => Existence::Known { uid, origin: Origin::Local },
        ("directory", Some(uid)) => Existence::Known { uid, origin: Origin::Directory },
        ("unknown", None) => Existence::Unknown,
        _ => return None,
    };
    let groups = facts.groups.clone();
    Some(Person {
        name: UserName::try_from(user).ok()?,
        realm: Realm::try_from(realm).ok()?,
        existence,
        groups: if facts.groups_complete { Groups::Complete(groups) } else { Groups::Incomplete(groups) },
        contacts: Contacts::default(),
    })
}

fn phase(text: &str) -> Option<Phase> {
    match text {
        "auth" => Some(Phase::Auth),
        "account" => Some(Phase::Account),
        _ => None,
    }
}

fn source(text: &str) -> Option<Source> {
    match text {
        "local" => Some(Source::Local),
        "unknown" => Some(Source::Unknown),
        address => address.parse().ok().map(Source::Address),
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
            Ease::Fresh => request.fresh = Some(Fresh { epoch: account.epoch, age: Duration::ZERO }),
            Ease::Remembered => take_remembered_key(&mut request, account, now.latest()),
            Ease::None => {}
        }
        request
    }
}

impl Simulation {
    /// Puts two policies side by side on a host. What this host made void when the factor was switched on again holds under
    /// both.
    #[must_use]
    pub fn new(in_force: Arc<Policy>, other: Arc<Policy>, host: HostId) -> Self {
        let enrolled_after = in_force.enrolled_after;
        let other = if other.enrolled_after == enrolled_after {
            other
        } else {
            Arc::new(Policy { enrolled_after, ..Policy::clone(&other) })
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

/// What a watched rule would have done to a login, as a page counts it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watched {
    /// How the login would have gone on.
    pub course: Course,
    /// Whose login.
    pub user: UserName,
    /// The rule.
    pub rule: RuleName,
    /// The service; printable.
    pub service: String,
    /// Why, as the audit would have said it; empty where a code is simply asked for.
    pub why: String,
}

impl Watched {
    /// Takes what a record says of a login that was only watched; nothing for any other.
    #[must_use]
    pub fn of(event: &AuditEvent) -> Option<Self> {
        let is_watched = event.event == EventId::LoginSkipped && event.reason.as_deref() == Some("monitored");
        if !is_watched {
            return None;
        }
        let courses = [Course::Pass, Course::Ask, Course::Enroll, Course::Invite, Course::Refuse];
        let would = event.would.as_deref()?;
        Some(Self {
            course: courses.into_iter().find(|course| course.name() == would)?,
            user: UserName::try_from(event.subject.as_ref()?.user.as_str()).ok()?,
            rule: RuleName::try_from(event.rule.as_deref()?).ok()?,
            service: shown(&event.login.as_ref()?.service),
            why: event.would_because.as_deref().map(shown).unwrap_or_default(),
        })
    }
}

/// The rows of one page: each different one once, with how often it was met.
#[derive(Debug, Clone)]
pub struct Rows<R> {
    counts: BTreeMap<R, u64>,
    limit: usize,
}

impl<R: Ord> Rows<R> {
    /// Makes room for so many different rows.
    #[must_use]
    pub const fn up_to(limit: usize) -> Self {
        Self { counts: BTreeMap::new(), limit }
    }

    /// Counts a row. One that is one too many is counted still, so that nothing is lost: ask first for room.
    pub fn count(&mut self, row: R, times: u64) {
        let count = self.counts.entry(row).or_default();
        *count = count.saturating_add(times);
    }

    /// Tells whether there is room for another row.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.counts.len() < self.limit
    }

    /// Gives the rows out, in their order.
    pub fn into_counts(self) -> impl Iterator<Item = (R, u64)> {
        self.counts.into_iter()
    }
}

/// Makes a text of a record fit for one line of a terminal: the audit keeps what a caller said.
fn shown(text: &str) -> String {
    text.chars().map(|character| if is_printable(character) { character } else { '?' }).collect()
}
