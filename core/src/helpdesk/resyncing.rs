//! Apps and tokens whose codes are accepted again (row H3).
//!
//! Owns what the helpdesk changes after a clock or a counter was off. An app whose last code lies in a time to come begins
//! anew at the present; a token may be looked for further ahead. No code that was used is good again: the last one of an
//! app stays used, and so does every one that its account has kept; a token never counts back.

use super::{Act, Done, record};
use crate::account::Account;
use crate::audit::EventId;
use crate::factor::FactorKind;
use crate::notice::{Notice, Told};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::throttle::Standing;
use crate::time::Now;

/// Decides that the codes of a person's apps and tokens are accepted again, by the wall clock as it is now.
pub fn resync(account: &Account, act: &Act, policy: &Policy, entropy: &mut dyn Entropy, now: Now) -> Done {
    let before = account;
    let mut account = account.clone();
    let at = now.latest();
    let mut resynced = 0;
    for factor in &mut account.factors {
        let is_changed = match &mut factor.kind {
            FactorKind::Totp(totp) => totp.resync(now.wall),
            FactorKind::Hotp(hotp) => {
                hotp.is_wide = true;
                true
            }
            FactorKind::Sent(_) => false,
        };
        resynced += usize::from(is_changed);
    }
    account.changed = account.changed.max(at);
    let event = record(EventId::FactorResynced, &account, act, now);
    let Told { outgoing, alert } = if resynced > 0 {
        act.tell(&Notice::AcceptedAgain, before, &mut account, policy, now, entropy)
    } else {
        Told::default()
    };
    Done {
        was_locked: account.throttle.worst(at) != Standing::Open,
        needs_reset: account.throttle.worst(at) == Standing::NeedsReset,
        removed: 0,
        resynced,
        account,
        event,
        outgoing,
        alert,
        invitation: None,
    }
}
