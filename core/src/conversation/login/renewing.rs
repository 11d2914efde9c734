//! Somebody whose enrollment is void (row P3): an app that worked yesterday is refused, and they have to know why they are to set
//! one up again.
//!
//! Owns where that stands: first on the first screen of setting up, of an invitation, or of a refusal because nothing is set up.
//! Owns too what comes before setting up where another rule in force still honors what is void here: a code of it, or an
//! invitation. Whoever has the password alone would else make a factor that the other rule honors as well. Such a code lets
//! nobody in; it is evaluated, charged, counted and recorded like every other.

use crate::account::Account;
use crate::conversation::answer::{Answer, Expected, read};
use crate::conversation::proof::Used;
use crate::conversation::{Conversation, Effect, Reply, Turn};
use crate::factor::Method;
use crate::login::LoginRequest;
use crate::notice::Notice;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Message, Note, Refusal};

use super::asking::Asking;
use super::enrolling::Authority;
use super::opening::Grounds;
use super::{Login, Stage};

/// What a code that is asked for opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The way in.
    Entry,
    /// The way to setting up anew what is void here.
    Renewal,
}

/// Adds it to the first turn.
pub(super) fn say_what_is_void(turn: Turn, account: &Account) -> Turn {
    let Conversation::Login(next) = &turn.next else { return turn };
    let note = match next.purpose {
        Purpose::Renewal => Note::RenewByCode,
        Purpose::Entry if account.void_factors().next().is_some() && next.stage.is_about_setting_up() => {
            Note::NoLongerValid
        }
        Purpose::Entry => return turn,
    };
    say_first(turn, &Message::Note(note))
}

/// Adds a word before all others of a reply.
fn say_first(mut turn: Turn, message: &Message) -> Turn {
    for effect in &mut turn.effects {
        if let Effect::Reply(Reply { lines, .. }) = effect
            && let Some(line) = lines.last_mut()
        {
            line.messages.insert(0, message.clone());
        }
    }
    turn
}

impl Login {
    /// Looks at the account as the most lenient rule in force does, where under this one nothing of it is left.
    pub(super) fn as_honored(&self, account: &Account, now: Now) -> Option<Account> {
        let LoginRequest { person, host, .. } = &self.request;
        let at = now.latest();
        let seen = account.seen_from(self.policy.honored_after_of(person, host, at), at);
        (!account.is_enrolled() && seen.is_enrolled()).then_some(seen)
    }

    /// Tells whose codes are taken: those that the rule names, and before setting up anew whatever else is honored.
    pub(super) fn methods(&self) -> &[Method] {
        match self.purpose {
            Purpose::Entry => &self.decision.methods,
            Purpose::Renewal => &Method::ALL,
        }
    }

    /// Asks for a code of what is honored elsewhere, and sends one where that is the only way.
    pub(super) fn open_renewal(&self, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let asking = Self { purpose: Purpose::Renewal, ..self.clone() };
        match self.as_honored(account, now) {
            Some(honored) => asking.open_asking(&honored, now, entropy),
            None => self.unavailable("out-of-order", account, now),
        }
    }

    /// Hears a code of what is honored elsewhere, or an invitation.
    pub(super) fn hear_renewal(
        &self,
        text: &str,
        asking: &Asking,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let after = Self { purpose: Purpose::Entry, ..self.clone() };
        if let Some(turn) = after.interrupted(account, now) {
            return turn;
        }
        let Some(honored) = self.as_honored(account, now) else {
            // It was reset or removed meanwhile.
            let text = Message::Refusal(Refusal::ChangedMeanwhile);
            return after.refuse(Vec::new(), Grounds::Changed, vec![text], account, now);
        };
        let Answer::Code(code) = read(text, &[], Expected::Invitation) else {
            return self.hear_code(text, asking, &honored, now, entropy);
        };
        let tried = Self { tally: after.tally.tried(), ..after };
        tried.take_invitation(&code, account, now, entropy, |login, effects, account| {
            let again = Self { purpose: Purpose::Renewal, ..login.clone() };
            let note = Message::Note(Note::WrongInvitation { help: login.help() });
            let honored = login.as_honored(account, now);
            let seen = honored.as_ref().unwrap_or(account);
            again.ask_code(effects, vec![note], Asking::default(), seen, now)
        })
    }

    /// Goes on to setting up from a code that was right, which is used up in the same commit.
    pub(super) fn renew_by(
        &self,
        used: &Used,
        before: &Account,
        mut after: Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let mut told = Vec::new();
        if let Some(left) = used.backup_codes_left() {
            told = self.notify(&Notice::BackupCodeUsed { left }, before, &mut after, now, entropy);
        }
        self.cover(&mut after, now.latest());
        self.note_uid(&mut after);
        let proven = Self { purpose: Purpose::Entry, ..self.clone() };
        let after = after.seen_from(self.decision.enrolled_after, now.latest());
        let turn = proven.open_enrolling(Authority::Rule, &after, now, entropy);
        let is_kept = turn.effects.iter().any(|effect| matches!(effect, Effect::Commit(_)));
        let commit = if is_kept { None } else { Some(Effect::Commit(Box::new(after))) };
        let turn = turn.and_all(told).and(used.redemption()).and(commit);
        used.told().iter().fold(turn, say_first)
    }
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
