//! An invitation is asked for, because the person has nothing set up and may not set anything up without one.
//!
//! Owns that dialogue: a right invitation is used up in the commit that sets something up, a wrong one is charged like a
//! code and counted against the invitation (SECURITY.md TH24).

use crate::account::Account;
use crate::audit::EventId;
use crate::conversation::answer::{Answer, Expected, Word, read};
use crate::conversation::proof::Charged;
use crate::conversation::{Effect, Turn, with_prompt};
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Message, Note, Prompt, Refusal};

use super::enrolling::{Authority, Progress};
use super::opening::Grounds;
use super::{Login, Stage};

impl Login {
    /// Asks for the first time; whose login this is begins to be covered by its rule.
    pub(super) fn open_invitation(&self, account: &Account, now: Now) -> Turn {
        self.ask_invitation(self.begin_coverage(account, now), None)
    }

    pub(super) fn ask_invitation(&self, effects: Vec<Effect>, note: Option<Note>) -> Turn {
        let text = match note {
            Some(note) => Message::Note(note),
            None => Message::Refusal(Refusal::InvitationNeeded { help: self.help() }),
        };
        self.ask(effects, with_prompt([text], Prompt::Invitation), Stage::Inviting)
    }

    pub(super) fn hear_invitation(
        &self,
        text: &str,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(turn) = self.interrupted(account, now) {
            return turn;
        }
        match read(text, &[Word::Help], Expected::Invitation) {
            Answer::Nothing | Answer::Word(_) => self.invite_again(Vec::new(), None, account, now),
            Answer::Other(_) => self.invite_again(Vec::new(), Some(Note::NotACode), account, now),
            Answer::Code(code) => {
                let tried = Self { tally: self.tally.tried(), ..self.clone() };
                tried.take_invitation(&code, account, now, entropy, |login, effects, account| {
                    let note = Note::WrongInvitation { help: login.help() };
                    login.invite_again(effects, Some(note), account, now)
                })
            }
        }
    }

    /// Evaluates an invitation: a right one leads to setting up, which uses it up; a wrong one is charged and `go_on` says how
    /// it goes on.
    pub(super) fn take_invitation(
        &self,
        code: &str,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
        go_on: impl FnOnce(&Self, Vec<Effect>, &Account) -> Turn,
    ) -> Turn {
        let wrong: Box<Charged> = match self.check(account, now).against_invitation(code) {
            Ok(_) => {
                let invitation = account.invitation.as_ref().map(|invitation| invitation.hash);
                let progress = Progress { invitation, ..Progress::by(Authority::Invited) };
                return self.begin_setup(progress, account, now, entropy);
            }
            Err(charged) => charged,
        };
        self.charge(EventId::InvitationWrong, *wrong, now, |login, effects, _, account| {
            go_on(login, effects, account)
        })
    }

    fn invite_again(&self, effects: Vec<Effect>, note: Option<Note>, account: &Account, now: Now) -> Turn {
        if self.tally.is_spent() {
            let text = Message::Refusal(Refusal::NoRightCode);
            return self.refuse(effects, Grounds::NotEnrolled, vec![text], account, now);
        }
        self.ask_invitation(effects, note)
    }
}
