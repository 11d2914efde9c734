//! Acts of the helpdesk and of root on a person: reset, unlock, resync, invite, switch on and off, contacts on file, delete.
//!
//! Owns who may act on whom, what an act changes, and its record; `inviting` has what opens a way to a factor, `resyncing`
//! what brings apps and tokens back into step, `choosing` row P2 `chosen`, `contacting` the contact on file, `deleting` what
//! is kept of users who are gone. The person is told of each by e-mail. Polkit answers before whether the caller is of the
//! helpdesk at all; whatever it says, the helpdesk never acts on root, on protected groups, or on itself (row H4).

mod choosing;
mod contacting;
mod deleting;
mod inviting;
mod resyncing;

use std::fmt;

use crate::account::{Account, Coverage, Epoch, UserName};
use crate::audit::{AuditEvent, EventId};
use crate::delivery::Outgoing;
use crate::factor::Method;
use crate::login::{Existence, Groups, Host, Person};
use crate::notice::{Around, Notice, Told, notices};
use crate::policy::Policy;
use crate::printable::is_printable;
use crate::secret::Entropy;
use crate::throttle::{Standing, Throttle};
use crate::time::Now;

pub use choosing::{NotCovered, Switch, set_chosen};
pub use contacting::{Entry, NewContacts, Telling, set_contact};
pub use deleting::{Kept, Presence, delete, deletion_refused};
pub use inviting::{Invited, Issued, invite};
pub use resyncing::resync;

/// The longest reason, in bytes.
pub const REASON_LIMIT: usize = 200;

/// One act on a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Who acts.
    pub actor: Actor,
    /// As whom they logged in, where that is known.
    pub login: Option<LoginUser>,
    /// Why.
    pub reason: Reason,
    /// On whom.
    pub target: Person,
    /// On which host.
    pub host: Host,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// uid 0.
    Root,
    /// Anybody else whom polkit let through.
    Other {
        /// The uid, from the bus.
        uid: u32,
        /// Its name.
        name: UserName,
    },
}

impl Actor {
    /// Tells whether the groups of a person decide about what may be done to them ([`may_act`]).
    #[must_use]
    pub const fn is_bound_by_groups(&self) -> bool {
        match self {
            Self::Root => false,
            Self::Other { .. } => true,
        }
    }
}

impl fmt::Display for Actor {
    /// Writes the actor as the audit keeps it: `root`, or `uid:1000 (dora)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("root"),
            Self::Other { uid, name } => write!(formatter, "uid:{uid} ({name})"),
        }
    }
}

/// As whom somebody logged in to this host, whoever they have become since: it tells administrators behind sudo apart. For the
/// record only; nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginUser {
    /// The uid.
    pub uid: u32,
    /// Its name.
    pub name: UserName,
}

/// Why an act is done: 1 to 200 printable bytes on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// A text that is not a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason has 1 to {REASON_LIMIT} printable bytes on one line")]
pub struct InvalidReason;

impl TryFrom<&str> for Reason {
    type Error = InvalidReason;

    fn try_from(text: &str) -> Result<Self, InvalidReason> {
        let text = text.trim();
        let fits = (1..=REASON_LIMIT).contains(&text.len()) && text.chars().all(is_printable);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidReason) }
    }
}

impl Reason {
    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why the helpdesk may not act on a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name service does not know the person, so nothing is known of their groups.
    #[error("only root can act on a person whom the name service does not know")]
    UnknownPerson,
    /// uid 0.
    #[error("only root can act on root")]
    TargetIsRoot,
    /// A member of a protected group.
    #[error("only root can act on members of group {0}")]
    Protected(String),
    /// The name service did not tell all groups, so a protected one may be among them.
    #[error("the groups of this person are not all known now; only root can act on them")]
    GroupsIncomplete,
    /// The actor itself.
    #[error("nobody can act on themselves")]
    Oneself,
    /// A deletion of a user whom the name service knows.
    #[error("the name service still knows {0}; use `countersign user reset`")]
    StillKnown(UserName),
}

impl Refusal {
    /// Tells the stable word that the audit keeps.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::UnknownPerson => "unknown-person",
            Self::TargetIsRoot => "target-is-root",
            Self::Protected(_) => "protected-group",
            Self::GroupsIncomplete => "groups-incomplete",
            Self::Oneself => "oneself",
            Self::StillKnown(_) => "still-known",
        }
    }
}

/// What of a person's factors is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of them.
    All,
    /// Those of one method.
    Only(Method),
}

/// An act that was decided; it holds once it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Done {
    /// The account to commit.
    pub account: Account,
    /// The record of the same commit.
    pub event: AuditEvent,
    /// How many factors were removed.
    pub removed: usize,
    /// How many apps and tokens were brought back into step.
    pub resynced: usize,
    /// Whether some bucket was locked before.
    pub was_locked: bool,
    /// Whether some bucket is locked still, because only a reset ends its lock.
    pub needs_reset: bool,
    /// What the person is told by e-mail, for the outbox in the same commit.
    pub outgoing: Vec<Outgoing>,
    /// A further record of the same commit: that nothing more can be sent to the person today.
    pub alert: Option<AuditEvent>,
    /// The invitation that was made, because the person cannot set up anything without one. Its code is told this once.
    pub invitation: Option<Issued>,
}

/// Tells whether the actor may act on the person.
///
/// # Errors
/// [`Refusal`]; anything that is not known for certain is a refusal.
pub fn may_act(actor: &Actor, target: &Person, policy: &Policy) -> Result<(), Refusal> {
    let Actor::Other { uid: actor_uid, name: actor_name } = actor else { return Ok(()) };
    let Existence::Known { uid, .. } = target.existence else { return Err(Refusal::UnknownPerson) };
    if uid == 0 {
        return Err(Refusal::TargetIsRoot);
    }
    if uid == *actor_uid || target.name == *actor_name {
        return Err(Refusal::Oneself);
    }
    let groups = target.groups.names();
    if let Some(group) = policy.settings.protected_groups.iter().find(|group| groups.contains(group)) {
        return Err(Refusal::Protected(group.clone()));
    }
    match target.groups {
        Groups::Complete(_) => Ok(()),
        Groups::Incomplete(_) => Err(Refusal::GroupsIncomplete),
    }
}

/// Decides a reset: factors (pending ones too), backup codes, invitation, counters, known sources, remembered places, codes
/// that were sent and what was put off go, what carries an older epoch is void, and every deadline begins anew. Where the person has nothing left and a rule lets them set
/// nothing up without an invitation, one is made.
pub fn reset(
    account: &Account,
    act: &Act,
    scope: Scope,
    policy: &Policy,
    entropy: &mut dyn Entropy,
    now: Now,
) -> Done {
    let before = account;
    let mut account = account.clone();
    let at = now.latest();
    let counted = policy.enrolled_after_of(&act.target, &act.host, at);
    let seen = account.seen_from(counted, at);
    let wants_invitation = policy.is_enabled && policy.wants_invitation(&act.target, &act.host, &seen, at);
    let held = account.factors.len();
    let was_locked = account.throttle.worst(at) != Standing::Open;
    account.factors.retain(|factor| match scope {
        Scope::All => false,
        Scope::Only(method) => factor.kind.method() != method,
    });
    if scope == Scope::Only(Method::Backup) || !account.is_enrolled() {
        account.backup_codes = None;
    }
    account.invitation = None;
    if account.factors.is_empty() {
        // Nothing is left that a reused uid could inherit: whoever bears the name now begins anew.
        account.uids.clear();
        // Nor anything that a restored store could have brought back.
        account.is_doubtful = false;
    }
    account.throttle = Throttle::default();
    account.known_sources.clear();
    account.remembered.clear();
    account.sent.clear();
    account.skipped = None;
    account.epoch = Epoch(account.epoch.0.saturating_add(1));
    account.coverage = account.coverage.map(|coverage| Coverage { since: at, ..coverage });
    account.changed = account.changed.max(at);

    let mut event = record(EventId::UserReset, &account, act, now);
    event.factor = match scope {
        Scope::All => None,
        Scope::Only(method) => Some(method.name().to_owned()),
    };
    let removed = held.saturating_sub(account.factors.len());
    let needs_one = wants_invitation && !account.seen_from(counted, at).is_enrolled();
    let invitation =
        if needs_one { Some(inviting::issue(&mut account, act, None, policy, entropy, now)) } else { None };
    event.change = invitation.as_ref().map(|_| "invitation".to_owned());
    let Told { outgoing, alert } = act.tell(&Notice::Reset, before, &mut account, policy, now, entropy);
    Done { removed, resynced: 0, was_locked, needs_reset: false, account, event, outgoing, alert, invitation }
}

/// Decides an unlock: locks and counts of all buckets end, except a lock that only a reset ends.
pub fn unlock(account: &Account, act: &Act, policy: &Policy, entropy: &mut dyn Entropy, now: Now) -> Done {
    let before = account;
    let mut account = account.clone();
    let at = now.latest();
    let was_locked = account.throttle.worst(at) != Standing::Open;
    account.throttle.unlock();
    account.changed = account.changed.max(at);
    let needs_reset = account.throttle.worst(at) != Standing::Open;
    let event = record(EventId::UserUnlocked, &account, act, now);
    let Told { outgoing, alert } = if was_locked {
        act.tell(&Notice::Unlocked, before, &mut account, policy, now, entropy)
    } else {
        Told::default()
    };
    Done {
        removed: 0,
        resynced: 0,
        was_locked,
        needs_reset,
        account,
        event,
        outgoing,
        alert,
        invitation: None,
    }
}

impl Act {
    /// Tells the person of it.
    fn tell(
        &self,
        notice: &Notice,
        before: &Account,
        after: &mut Account,
        policy: &Policy,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Told {
        let around = Around { person: &self.target, host: &self.host, settings: &policy.settings };
        notices(notice, before, after, &around, now, entropy)
    }
}

/// Makes the record of an act that was refused.
#[must_use]
pub fn refused(account: &Account, act: &Act, refusal: &Refusal, now: Now) -> AuditEvent {
    AuditEvent { reason: Some(refusal.word().to_owned()), ..about(EventId::ActRefused, account, act, now) }
}

fn record(event: EventId, account: &Account, act: &Act, now: Now) -> AuditEvent {
    AuditEvent { reason: Some(act.reason.as_str().to_owned()), ..about(event, account, act, now) }
}

fn about(event: EventId, account: &Account, act: &Act, now: Now) -> AuditEvent {
    let actor = act.actor.to_string();
    AuditEvent::for_person(event, now.wall, &act.host, &act.target, account, &actor)
        .by_login(act.login.as_ref())
}
