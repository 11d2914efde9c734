//! A first factor set up in the login that needs it (row L3).
//!
//! Owns the dialogue from the QR code to the code that confirms it. The pending factor is committed before it is shown,
//! so that a lost connection loses nothing; a later conversation asks for its code and never shows the key again. Wrong
//! codes are charged here as anywhere.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::answer::{Answer, Word, read};
use crate::conversation::proof::{Distant, clock_off};
use crate::conversation::setup::{Shown, can_draw, new_factor, owner_name, pending, replace_pending, screen};
use crate::conversation::{ENROLLING_PROMPT_LIMIT, Effect, Turn, WRONG_LIMIT, with_prompt};
use crate::factor::{Factor, FactorId, FactorKind};
use crate::qr::Look;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Drawn, Message, Note, Prompt, Refusal, Setup};

use super::opening::Grounds;
use super::{Login, Stage};

/// A first factor that waits for its code.
#[derive(Debug, Clone)]
pub(super) struct Enrolling {
    factor: FactorId,
    /// How the QR code was drawn, where this conversation drew it.
    look: Option<Look>,
    wrong: u32,
    distant: Vec<Distant>,
}

impl Login {
    pub(super) fn open_enrolling(&self, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        self.resume_or_show(0, account, now, entropy)
    }

    /// Asks for the code of the app that was set up already, or sets up a new one.
    fn resume_or_show(&self, wrong: u32, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let Some(factor) = pending(account, now.latest()) else {
            return self.show_new(wrong, account, now, entropy);
        };
        let enrolling = Enrolling { factor: factor.id, look: None, wrong, distant: Vec::new() };
        self.ask(Vec::new(), with_prompt([], Prompt::PendingCode), Stage::Enrolling(enrolling))
    }

    fn show_new(&self, wrong: u32, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let at = now.latest();
        let mut account = account.clone();
        let factor = new_factor(&account, None, &self.policy, at, entropy);
        let look = if can_draw(&self.request.service) { Some(Look::LightBlocks) } else { None };
        let enrolling = Enrolling { factor: factor.id, look, wrong, distant: Vec::new() };
        let messages = self.screen(&factor, look);
        replace_pending(&mut account, factor);
        self.cover(&mut account, at);
        self.note_uid(&mut account);
        account.changed = account.changed.max(at);
        let record = self.factor_event(EventId::EnrollmentBegun, &account, now);
        let effects = vec![Effect::Commit(Box::new(account)), Effect::Record(record)];
        self.ask(effects, messages, Stage::Enrolling(enrolling))
    }

    pub(super) fn hear_enrolling(
        &self,
        text: &str,
        enrolling: &Enrolling,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(grounds) = self.barrier(account, now) {
            return self.refuse(Vec::new(), grounds, vec![self.explain(grounds, now)], account, now);
        }
        if account.is_enrolled() {
            // Another login of the same person was quicker: from here on this is a login like any other.
            let note = Note::EnterCode { help: self.help() };
            return self.ask_again(Vec::new(), note, Vec::new(), account, now);
        }
        let Some(factor) = pending(account, now.latest()).filter(|factor| factor.id == enrolling.factor)
        else {
            // It has expired, or another login of the same person has replaced it: the key on this screen is void.
            if self.tally.prompts >= ENROLLING_PROMPT_LIMIT {
                return self.give_up(Vec::new(), account, now);
            }
            return self.resume_or_show(enrolling.wrong, account, now, entropy);
        };
        let answer = read(text, &WORDS);
        if self.tally.prompts >= ENROLLING_PROMPT_LIMIT && !matches!(answer, Answer::Code(_)) {
            return self.give_up(Vec::new(), account, now);
        }
        match answer {
            Answer::Nothing => self.wait(Vec::new(), Note::EnterNewCode, enrolling.clone()),
            Answer::Word(Word::New) => self.show_new(enrolling.wrong, account, now, entropy),
            Answer::Word(Word::Invert) => self.invert(enrolling, factor),
            Answer::Word(Word::Help | Word::Yes) => {
                self.wait(Vec::new(), words_note(enrolling), enrolling.clone())
            }
            Answer::Code(code) => {
                let tried = Self { tally: self.tally.tried(), ..self.clone() };
                tried.confirm(&code, enrolling, factor, account, now)
            }
        }
    }

    fn confirm(
        &self,
        code: &str,
        enrolling: &Enrolling,
        factor: &Factor,
        account: &Account,
        now: Now,
    ) -> Turn {
        match self.trial(account, now).against_new(code, factor) {
            Ok(account) => {
                let records = vec![self.factor_event(EventId::EnrollmentCompleted, &account, now)];
                let told = Setup::Completed { label: factor.label.to_string() };
                self.allow(records, account, factor.kind.method(), vec![Message::Setup(told)], now)
            }
            Err(charged) => {
                let note = clock_off(&enrolling.distant, &charged.distant).unwrap_or(Note::WrongCode);
                let wrong = enrolling.wrong.saturating_add(1);
                self.charge(*charged, now, |login, effects, distant, account| {
                    if wrong >= WRONG_LIMIT || login.tally.prompts >= ENROLLING_PROMPT_LIMIT {
                        return login.give_up(effects, account, now);
                    }
                    login.wait(effects, note, Enrolling { wrong, distant, ..enrolling.clone() })
                })
            }
        }
    }

    /// Draws the QR code the other way; only the conversation that drew it may, so that it is shown once.
    fn invert(&self, enrolling: &Enrolling, factor: &Factor) -> Turn {
        let look = match enrolling.look {
            Some(Look::LightBlocks) => Look::DarkBlocks,
            Some(Look::DarkBlocks) => Look::LightBlocks,
            None => return self.wait(Vec::new(), words_note(enrolling), enrolling.clone()),
        };
        let enrolling = Enrolling { look: Some(look), ..enrolling.clone() };
        self.ask(Vec::new(), self.screen(factor, Some(look)), Stage::Enrolling(enrolling))
    }

    fn wait(&self, effects: Vec<Effect>, note: Note, enrolling: Enrolling) -> Turn {
        self.ask(effects, with_prompt([Message::Note(note)], Prompt::Code), Stage::Enrolling(enrolling))
    }

    fn give_up(&self, effects: Vec<Effect>, account: &Account, now: Now) -> Turn {
        let text = Message::Refusal(Refusal::NoRightCode);
        self.refuse(effects, Grounds::WrongCode, vec![text], account, now)
    }

    fn screen(&self, factor: &Factor, look: Option<Look>) -> Vec<Message> {
        let FactorKind::Totp(totp) = &factor.kind;
        let shown = look.map_or(Shown::AsText, Shown::Drawn);
        screen(totp, &self.policy, &owner_name(&self.request.person, &self.request.host), shown)
    }

    fn factor_event(&self, id: EventId, account: &Account, now: Now) -> AuditEvent {
        AuditEvent { factor: Some("totp".to_owned()), ..self.event(id, account, now) }
    }
}

/// The words that mean something while enrolling.
const WORDS: [Word; 3] = [Word::Help, Word::New, Word::Invert];

const fn words_note(enrolling: &Enrolling) -> Note {
    let drawn = if enrolling.look.is_some() { Drawn::Yes } else { Drawn::No };
    Note::EnrollingWords { drawn }
}
