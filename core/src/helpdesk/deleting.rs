//! Deleting what is kept of a user (row H2).
//!
//! Owns whose account may go: that of a user whom the name service no longer knows, or one whose record cannot be read.
//! Everybody else is reset instead. The audit keeps the name. Leaves to the daemon what the name service says.

use super::{Act, Actor, Refusal, may_act};
use crate::account::{Account, AccountId};
use crate::audit::{AuditEvent, EventId, Subject};
use crate::policy::Policy;
use crate::time::Now;

/// The name that is uid 0 on every host.
const ROOT: &str = "root";

/// What the name service of this host says of the user whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It knows the user.
    Known,
    /// It answered, and the user is gone.
    Gone,
    /// It cannot tell: the user belongs to another host, to a directory that this host does not use, or is hidden by a local
    /// user of the same name.
    Untold,
}

/// What the store has of the user.
#[derive(Debug, Clone, Copy)]
pub enum Kept<'a> {
    /// An account.
    Readable(&'a Account),
    /// A record that cannot be read, under this id.
    Unreadable(AccountId),
}

/// Decides whether an account may be deleted; gives the record of the same commit.
///
/// # Errors
/// [`Refusal`]; anything that is not known for certain is a refusal.
pub fn delete(
    kept: Kept<'_>,
    act: &Act,
    presence: Presence,
    policy: &Policy,
    now: Now,
) -> Result<AuditEvent, Refusal> {
    may_delete(kept, act, presence, policy)?;
    let change = match kept {
        Kept::Readable(_) => "gone",
        Kept::Unreadable(_) => "unreadable",
    };
    Ok(AuditEvent {
        reason: Some(act.reason.as_str().to_owned()),
        change: Some(change.to_owned()),
        ..about(EventId::UserDeleted, kept, act, now)
    })
}

/// Makes the record of a deletion that was refused.
#[must_use]
pub fn deletion_refused(kept: Kept<'_>, act: &Act, refusal: &Refusal, now: Now) -> AuditEvent {
    AuditEvent { reason: Some(refusal.word().to_owned()), ..about(EventId::ActRefused, kept, act, now) }
}

fn may_delete(kept: Kept<'_>, act: &Act, presence: Presence, policy: &Policy) -> Result<(), Refusal> {
    let Act { actor, target, .. } = act;
    match (presence, kept) {
        (Presence::Known, Kept::Readable(_)) => return Err(Refusal::StillKnown(target.name.clone())),
        (Presence::Known, Kept::Unreadable(_)) => return may_act(actor, target, policy),
        (Presence::Gone | Presence::Untold, _) => {}
    }
    let Actor::Other { name, .. } = actor else { return Ok(()) };
    let was_root = match kept {
        Kept::Readable(account) => account.uids.values().any(|uid| *uid == 0),
        Kept::Unreadable(_) => false,
    };
    if was_root || target.name.as_str() == ROOT {
        return Err(Refusal::TargetIsRoot);
    }
    if target.name == *name {
        return Err(Refusal::Oneself);
    }
    match presence {
        Presence::Gone => Ok(()),
        Presence::Known | Presence::Untold => Err(Refusal::UnknownPerson),
    }
}

fn about(event: EventId, kept: Kept<'_>, act: &Act, now: Now) -> AuditEvent {
    let id = match kept {
        Kept::Readable(account) => account.id,
        Kept::Unreadable(id) => id,
    };
    let subject = Subject {
        user: act.target.name.as_str().to_owned(),
        realm: act.target.realm.as_str().to_owned(),
        account: Some(id.to_string()),
    };
    let actor = act.actor.to_string();
    let event = AuditEvent::new(event, now.wall, &act.host.name, &actor).by_login(act.login.as_ref());
    AuditEvent { subject: Some(subject), ..event }
}
