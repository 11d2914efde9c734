//! What is said to somebody whose enrollment is void (row P3): an app that worked yesterday is refused, and they have to know why
//! they are to set one up again.
//!
//! Owns where that stands: first on the first screen of setting up, of an invitation, or of a refusal because nothing is set up.

use crate::account::Account;
use crate::conversation::{Conversation, Effect, Reply, Turn};
use crate::words::{Message, Note};

use super::Stage;
use super::opening::Grounds;

/// Adds it to the first turn.
pub(super) fn say_what_is_void(mut turn: Turn, account: &Account) -> Turn {
    let Conversation::Login(next) = &turn.next else { return turn };
    if account.void_factors().next().is_none() || !next.stage.is_about_setting_up() {
        return turn;
    }
    for effect in &mut turn.effects {
        if let Effect::Reply(Reply { lines, .. }) = effect
            && let Some(line) = lines.last_mut()
        {
            line.messages.insert(0, Message::Note(Note::NoLongerValid));
        }
    }
    turn
}

impl Stage {
    /// Tells whether the person is here because they have nothing set up.
    const fn is_about_setting_up(&self) -> bool {
        match self {
            Self::Telling(Grounds::NotEnrolled)
            | Self::Inviting
            | Self::Choosing(_)
            | Self::Addressing(..)
            | Self::Enrolling(_) => true,
            Self::Begin | Self::Asking(_) | Self::Telling(_) | Self::Saving(_) => false,
        }
    }
}
