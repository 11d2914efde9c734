//! Invitations: one-time codes with which an unenrolled person sets up a first factor (rows H3, L3).
//!
//! Owns their form, life and end: used once, bound to the person by the account's key, dead at its time or after five
//! wrong tries. Leaves to `helpdesk` who makes one and to the dialogues where one is asked for.

use std::time::Duration;

use crate::account::Account;
use crate::keyed::{CodeHash, Purpose};
use crate::letters;
use crate::secret::{Entropy, Secret};
use crate::time::WallTime;

/// How an invitation is written: `XXXX-XXXX-XXXX`, 60 bits.
const GROUPS: [usize; 3] = [4, 4, 4];
/// The characters of an invitation.
const LETTERS: usize = 12;
/// So many wrong tries kill an invitation (SECURITY.md A40).
pub const INVITATION_TRIES: u32 = 5;
/// How long an invitation lives where nothing else is said.
pub const INVITATION_LIFE: Duration = Duration::from_hours(1);
/// The longest life that a rule may allow.
pub const LONGEST_INVITATION: Duration = Duration::from_hours(7 * 24);

/// An invitation that waits to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Of its code.
    pub hash: CodeHash,
    /// When it dies.
    pub expires: WallTime,
    /// Wrong tries so far.
    pub wrong: u32,
}

impl Invitation {
    /// Tells whether it can be used still.
    #[must_use]
    pub fn is_live(&self, at: WallTime) -> bool {
        at < self.expires && self.wrong < INVITATION_TRIES
    }
}

/// Tells whether an answer has the form of an invitation.
pub(crate) fn is_invitation_like(answer: &str) -> bool {
    letters::read(answer, LETTERS).is_some()
}

impl Account {
    /// Makes an invitation in place of any earlier one and tells its code, this once.
    pub fn invite(&mut self, expires: WallTime, entropy: &mut dyn Entropy) -> Secret<String> {
        let code = letters::draw(&GROUPS, entropy);
        let letters = letters::read(&code, LETTERS).unwrap_or_default();
        let hash = CodeHash::of(&self.code_key, Purpose::Invitation, &letters);
        self.invitation = Some(Invitation { hash, expires, wrong: 0 });
        Secret::new(code.to_string())
    }

    /// Tells whether an answer is this person's live invitation; as much work where there is none.
    pub(crate) fn fits_invitation(&self, answer: &str, at: WallTime) -> bool {
        let letters = letters::read(answer, LETTERS);
        let is_formed = letters.is_some();
        let hash = CodeHash::of(&self.code_key, Purpose::Invitation, &letters.unwrap_or_default());
        let known = self.invitation.as_ref().map_or(CodeHash::NONE, |invitation| invitation.hash);
        let is_live = self.invitation.as_ref().is_some_and(|invitation| invitation.is_live(at));
        let is_equal = known == hash;
        is_equal && is_formed && is_live
    }

    /// Counts a wrong try; the last one kills the invitation. Tells whether it did.
    pub(crate) fn miss_invitation(&mut self) -> bool {
        let Some(invitation) = &mut self.invitation else { return false };
        invitation.wrong = invitation.wrong.saturating_add(1);
        let is_dead = invitation.wrong >= INVITATION_TRIES;
        if is_dead {
            self.invitation = None;
        }
        is_dead
    }

    /// Tells whether an invitation of this person can be used.
    #[must_use]
    pub fn is_invited(&self, at: WallTime) -> bool {
        self.invitation.as_ref().is_some_and(|invitation| invitation.is_live(at))
    }
}
