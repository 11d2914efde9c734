//! Who may set up a factor, and what is asked before the key is shown.

use crate::account::{Account, FACTOR_LIMIT};
use crate::audit::EventId;
use crate::conversation::answer::{Answer, Expected, Word, read};
use crate::conversation::naming::{check_label, find, only};
use crate::conversation::self_service::{Asked, Failure};
use crate::conversation::{Effect, Turn, with_prompt};
use crate::factor::FactorId;
use crate::policy::Terms;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Message, Note, Prompt, Refusal, Setup};

use super::{Draft, Enrollment, Stage};

impl Enrollment {
    pub(super) fn open(&self, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        if !matches!(self.stage, Stage::Begin) {
            return self.service.out_of_order(account, now);
        }
        let mut opened = self.clone();
        opened.service.open(account, entropy);
        if let Some(failure) = opened.service.barrier(account, now) {
            return opened.service.fail(Vec::new(), failure, account, now);
        }
        match opened.permit(account, now) {
            Ok((terms, old)) => {
                opened.old = old;
                opened.ask_first(terms, account, now, entropy)
            }
            Err(failure) => opened.service.fail(Vec::new(), failure, account, now),
        }
    }

    fn ask_first(&self, terms: Terms, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match (terms, self.service.as_honored(account, now)) {
            _ if account.is_enrolled() => self.ask_proof(account, now, entropy),
            (Terms::Free, Some(honored)) => self.ask_proof(&honored, now, entropy),
            (Terms::Free, None) => {
                let void = account.void_factors().next().map(|_| Message::Note(Note::NoLongerValid));
                let texts = void.into_iter().chain([Message::Setup(Setup::FirstFactor)]);
                self.ask(Vec::new(), with_prompt(texts, Prompt::Yes), Stage::Agreeing)
            }
            (Terms::Invitation | Terms::Closed, _) => self.ask_invitation(Vec::new(), None),
        }
    }

    fn ask_proof(&self, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let Asked { service, effects, messages } = self.service.open_proof(account, now, entropy);
        Self { service, ..self.clone() }.ask(effects, messages, Stage::Proving)
    }

    fn ask_invitation(&self, effects: Vec<Effect>, note: Option<Note>) -> Turn {
        let needed = Refusal::InvitationNeeded { help: self.service.help() };
        let text = note.map_or(Message::Refusal(needed), Message::Note);
        self.ask(effects, with_prompt([text], Prompt::Invitation), Stage::Inviting)
    }

    /// Tells on what terms this person can set this up, and which factor it replaces.
    fn permit(&self, account: &Account, now: Now) -> Result<(Terms, Option<FactorId>), Failure> {
        let (person, host) = (&self.service.person, &self.service.host);
        let terms = self.service.policy.terms(person, host, self.method, account, now.latest());
        if !self.method.is_enrollable() || terms == Terms::Closed {
            let text = Refusal::EnrollmentClosed { help: self.service.help() };
            return Err(Failure { reason: "not-permitted", text });
        }
        self.check_reach(account)?;
        let old = self.replaced(account)?;
        if old.is_none() && account.active_factors().count() >= FACTOR_LIMIT {
            let text = Refusal::TooManyFactors { limit: FACTOR_LIMIT };
            return Err(Failure { reason: "too-many-factors", text });
        }
        if let Some(label) = &self.label {
            check_label(account, label, old.as_slice())?;
        }
        Ok((terms, old))
    }

    fn replaced(&self, account: &Account) -> Result<Option<FactorId>, Failure> {
        let Some(name) = &self.replace else { return Ok(None) };
        let of_kind = account.active_factors().filter(|factor| factor.kind.method() == self.method);
        let factor =
            if name.trim().is_empty() { only(of_kind, self.method.name())? } else { find(account, name)? };
        Ok(Some(factor.id))
    }

    pub(super) fn hear_agreement(
        &self,
        text: &str,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(failure) = self.service.barrier(account, now) {
            return self.service.fail(Vec::new(), failure, account, now);
        }
        match read(text, &[Word::Yes], Expected::NoCode) {
            Answer::Word(_) => self.set_up(Draft::unchanged(account), now, entropy),
            Answer::Nothing if !self.service.tally.is_spent() => {
                self.ask(Vec::new(), with_prompt([], Prompt::Yes), Stage::Agreeing)
            }
            Answer::Nothing | Answer::Code(_) | Answer::Other(_) => {
                let failure = Failure { reason: "declined", text: Refusal::NothingChanged };
                self.service.fail(Vec::new(), failure, account, now)
            }
        }
    }

    pub(super) fn hear_invitation(
        &self,
        text: &str,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(failure) = self.service.barrier(account, now) {
            return self.service.fail(Vec::new(), failure, account, now);
        }
        let code = match read(text, &[Word::Help], Expected::Invitation) {
            Answer::Nothing | Answer::Word(_) => return self.invite_again(Vec::new(), None, account, now),
            Answer::Other(_) => {
                return self.invite_again(Vec::new(), Some(Note::NotACode), account, now);
            }
            Answer::Code(code) => code,
        };
        let tried = Self { service: self.service.tried(), ..self.clone() };
        match tried.service.check(account, now).against_invitation(&code) {
            Ok(invited) => {
                let record = tried.service.event(EventId::InvitationUsed, &invited, now);
                let effects = vec![Effect::Record(record)];
                let draft = Draft { account: invited, is_changed: true, effects, before: Vec::new() };
                tried.set_up(draft, now, entropy)
            }
            Err(charged) => {
                match tried.service.charge(EventId::InvitationWrong, *charged, account, now, entropy) {
                    Ok((account, effects)) => {
                        let note = Note::WrongInvitation { help: tried.service.help() };
                        tried.invite_again(effects, Some(note), &account, now)
                    }
                    Err(turn) => turn,
                }
            }
        }
    }

    fn invite_again(&self, effects: Vec<Effect>, note: Option<Note>, account: &Account, now: Now) -> Turn {
        if self.service.tally.is_spent() {
            return self.service.fail(effects, Failure::wrong_code(), account, now);
        }
        self.ask_invitation(effects, note)
    }
}
