//! Invitations by the helpdesk (row H3).
//!
//! Owns how long one lives: what was asked for, at most what the rules of the person allow. The code is told once and
//! kept as a keyed hash; a new invitation takes the place of an earlier one.

use std::time::Duration;

use super::{Act, Done, NotCovered, record};
use crate::account::Account;
use crate::audit::EventId;
use crate::invitation::INVITATION_LIFE;
use crate::notice::{Notice, Told};
use crate::policy::Policy;
use crate::secret::{Entropy, Secret};
use crate::throttle::Standing;
use crate::time::{Now, WallTime};

/// An invitation that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Its code, `XXXX-XXXX-XXXX`.
    pub code: Secret<String>,
    /// When it dies, by the wall clock.
    pub expires: WallTime,
}

/// An invitation that was decided; it holds once it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Invited {
    /// What to commit.
    pub done: Done,
    /// Its code, `XXXX-XXXX-XXXX`, told this once.
    pub code: Secret<String>,
    /// When it dies: earlier than was asked for where the person's rules allow no longer life.
    pub expires: WallTime,
}

/// Decides an invitation that lives for `life`, at most for what the rules of the person allow.
///
/// # Errors
/// [`NotCovered::SwitchedOff`] while the second factor is switched off: nothing can be set up then.
pub fn invite(
    account: &Account,
    act: &Act,
    life: Duration,
    policy: &Policy,
    entropy: &mut dyn Entropy,
    now: Now,
) -> Result<Invited, NotCovered> {
    if !policy.is_enabled {
        return Err(NotCovered::SwitchedOff);
    }
    let before = account;
    let mut account = account.clone();
    let at = now.latest();
    let was_locked = account.throttle.worst(at) != Standing::Open;
    let needs_reset = account.throttle.worst(at) == Standing::NeedsReset;
    let Issued { code, expires } = issue(&mut account, act, Some(life), policy, entropy, now);
    account.changed = account.changed.max(at);
    let event = record(EventId::InvitationMade, &account, act, now);
    let notice = Notice::Invited { expires };
    let Told { outgoing, alert } = act.tell(&notice, before, &mut account, policy, now, entropy);
    let done = Done {
        account,
        event,
        removed: 0,
        resynced: 0,
        was_locked,
        needs_reset,
        outgoing,
        alert,
        invitation: None,
    };
    Ok(Invited { done, code, expires })
}

/// Puts an invitation into an account.
pub(super) fn issue(
    account: &mut Account,
    act: &Act,
    life: Option<Duration>,
    policy: &Policy,
    entropy: &mut dyn Entropy,
    now: Now,
) -> Issued {
    let limit = policy.invitation_limit(&act.target, &act.host);
    let expires = now.latest().after(life.unwrap_or(INVITATION_LIFE).min(limit));
    let code = account.invite(expires, entropy);
    Issued { code, expires: now.on_wall(expires) }
}
