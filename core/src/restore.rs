//! What a restored store can still be believed about (SECURITY.md TH07).
//!
//! Owns which accounts are refused, what an accepted restore invalidates, and which changes a copy would undo. Leaves
//! detecting a restore to the service. Invariant: what was used up, revoked or set up after a copy was taken never lets
//! anyone in when that copy comes back.

use crate::account::{Account, Epoch};
use crate::contact::Contacts;
use crate::factor::{FactorId, FactorKind, FactorState};

/// How far an accepted restore raises the epoch: further than all changes since any copy, which are lost and not known.
const EPOCH_STEP: u64 = 1 << 32;

/// How far what is at hand of an account can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// It is what was committed last.
    #[default]
    Whole,
    /// It comes from a restored store that no administrator has accepted yet.
    Restored,
    /// The store did not answer: nothing is known.
    Unread,
}

/// The restores of a store that were accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restores {
    /// Number of accepted restores.
    pub era: u64,
    /// The last of them that left every account doubtful; 0 for none.
    pub doubted: u64,
}

/// What a person can sign in with, and how they are reached: what a copy of the store must not bring back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdings {
    factors: Vec<(FactorId, bool)>,
    is_chosen: bool,
    is_doubtful: bool,
    contacts: Contacts,
}

impl Account {
    /// Tells whether this account could hold something revoked: then only policy that needs no account lets the person in.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.is_doubtful || self.trust != Trust::Whole
    }

    /// Lists what the person holds.
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        let is_active = |state: FactorState| matches!(state, FactorState::Active { .. });
        Holdings {
            factors: self.factors.iter().map(|factor| (factor.id, is_active(factor.state))).collect(),
            is_chosen: self.chosen,
            is_doubtful: self.is_doubtful,
            contacts: self.contacts.clone(),
        }
    }

    /// Tells whether the account differs from the value that was read in what the person holds. An account that was not
    /// read does.
    #[must_use]
    pub fn has_altered(&self) -> bool {
        self.held.as_ref() != Some(&self.holdings())
    }

    /// Takes the account through the restores that were accepted since it was committed. Backup codes and HOTP counters may
    /// have been used up after the copy was taken, so codes are void and the owner of a token is refused until a reset;
    /// places, invitations, sent codes and fresh codes may have been revoked. TOTP steps are bounded by their window.
    #[must_use]
    pub fn after(self, restores: Restores) -> Self {
        if self.era >= restores.era {
            return self;
        }
        let has_counter = self.factors.iter().any(|factor| matches!(factor.kind, FactorKind::Hotp(_)));
        Self {
            backup_codes: None,
            invitation: None,
            remembered: Vec::new(),
            sent: Vec::new(),
            skipped: None,
            epoch: Epoch(self.epoch.0.saturating_add(EPOCH_STEP)),
            is_doubtful: self.is_doubtful || has_counter || self.era < restores.doubted,
            era: restores.era,
            ..self
        }
    }
}
