//! Switching the second factor on and off for a person (row P2 `chosen`).
//!
//! Owns that this is refused where it would change nothing, because no rule asks.

use super::{Act, Done, record};
use crate::account::{Account, UserName};
use crate::audit::{AuditEvent, EventId};
use crate::notice::{Notice, Told};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::throttle::Standing;
use crate::time::Now;

/// Whether the second factor is on for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Why it cannot be switched: nothing would come of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCovered {
    /// No rule asks those who were chosen.
    #[error("Second factor not available here: no rule with require = \"chosen\" covers {0}")]
    NoRule(UserName),
    /// No rule asks anybody.
    #[error("Second factor not available here: it is switched off on this host")]
    SwitchedOff,
}

/// Decides a switch; whether it changed anything shows in the account's `chosen`. It stays through a reset.
///
/// # Errors
/// [`NotCovered`] where no rule with `require = "chosen"` could cover a login of the person, or while the second factor is
/// switched off.
pub fn set_chosen(
    account: &Account,
    act: &Act,
    switch: Switch,
    policy: &Policy,
    entropy: &mut dyn Entropy,
    now: Now,
) -> Result<Done, NotCovered> {
    if !policy.is_enabled {
        return Err(NotCovered::SwitchedOff);
    }
    if !policy.covers_chosen(&act.target, &act.host) {
        return Err(NotCovered::NoRule(act.target.name.clone()));
    }
    let before = account;
    let mut account = account.clone();
    let at = now.latest();
    let (chosen, change, notice) = match switch {
        Switch::On => (true, "on", Notice::SwitchedOn),
        Switch::Off => (false, "off", Notice::SwitchedOff),
    };
    account.chosen = chosen;
    account.changed = account.changed.max(at);
    let event =
        AuditEvent { change: Some(change.to_owned()), ..record(EventId::ChosenSet, &account, act, now) };
    let standing = account.throttle.worst(at);
    let Told { outgoing, alert } = if chosen == before.chosen {
        Told::default()
    } else {
        act.tell(&notice, before, &mut account, policy, now, entropy)
    };
    Ok(Done {
        account,
        event,
        removed: 0,
        resynced: 0,
        was_locked: standing != Standing::Open,
        needs_reset: standing == Standing::NeedsReset,
        outgoing,
        alert,
        invitation: None,
    })
}
