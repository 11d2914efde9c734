//! A first factor set up in the login that needs it (row L3).
//!
//! Owns the dialogue from the QR code to the code that confirms it. The pending factor is committed before it is shown,
//! so that a lost connection loses nothing; a later conversation asks for its code and never shows the key again. Wrong
//! codes are charged here as anywhere.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::answer::{Answer, Word, read};
use crate::conversation::proof::{Charged, Confirmed, Distant, clock_off};
use crate::conversation::setup::{
    Shown, can_draw, new_factor, new_key, owner_name, pending, replace_pending, screen,
};
use crate::conversation::{ENROLLING_PROMPT_LIMIT, Effect, Turn, WRONG_LIMIT, with_prompt};
use crate::factor::{Factor, FactorId, Method};
use crate::invitation::is_invitation_like;
use crate::qr::Look;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Drawn, Message, Note, Prompt, Refusal};

use super::asking::Asking;
use super::opening::Grounds;
use super::{Login, Stage};

/// By what right a first factor is set up here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authority {
    /// The rule lets people enroll at login.
    Rule,
    /// This conversation used an invitation up.
    Invited,
    /// An earlier conversation did: its key may be confirmed, and no other is shown without a new invitation.
    Resumed,
}

/// What goes on from one key to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) authority: Authority,
    pub(super) wrong: u32,
}

/// A first factor that waits for its code.
#[derive(Debug, Clone)]
pub(super) struct Enrolling {
    factor: FactorId,
    /// How the QR code was drawn, where this conversation drew it.
    look: Option<Look>,
    progress: Progress,
    distant: Vec<Distant>,
}

impl Login {
    pub(super) fn open_enrolling(
        &self,
        authority: Authority,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        self.resume_or_show(Progress { authority, wrong: 0 }, account, now, entropy)
    }

    /// Asks for the code of the app that was set up already, or sets up a new one where that is permitted.
    fn resume_or_show(
        &self,
        progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let Some(factor) = pending(account, now.latest()) else {
            return match progress.authority {
                Authority::Rule => self.show_new(Vec::new(), progress, account, now, entropy),
                // What the invitation was used for is gone: reset meanwhile, or too old.
                Authority::Invited | Authority::Resumed => self.ask_invitation(Vec::new(), None),
            };
        };
        let prompt = match progress.authority {
            Authority::Rule => Prompt::PendingCode,
            Authority::Invited | Authority::Resumed => Prompt::PendingCodeOrInvitation,
        };
        let progress = Progress { authority: progress.authority.after_leaving(), ..progress };
        let enrolling = Enrolling { factor: factor.id, look: None, progress, distant: Vec::new() };
        self.ask(Vec::new(), with_prompt([], prompt), Stage::Enrolling(enrolling))
    }

    /// Makes a new key, keeps it pending, shows it once.
    pub(super) fn show_new(
        &self,
        records: Vec<AuditEvent>,
        progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let Some(method) = self.enrollable() else {
            return self.tell(Grounds::NotEnrolled, account, now);
        };
        let Some(kind) = new_key(method, &self.policy, entropy) else {
            return self.tell(Grounds::NotEnrolled, account, now);
        };
        let at = now.latest();
        let mut account = account.clone();
        let factor = new_factor(&account, None, kind, at, entropy);
        let look = if can_draw(&self.request.service) { Some(Look::LightBlocks) } else { None };
        let enrolling = Enrolling { factor: factor.id, look, progress, distant: Vec::new() };
        let messages = self.screen(&factor, look);
        replace_pending(&mut account, factor);
        self.cover(&mut account, at);
        self.note_uid(&mut account);
        account.changed = account.changed.max(at);
        let begun = self.factor_event(EventId::EnrollmentBegun, method, &account, now);
        let mut effects = vec![Effect::Commit(Box::new(account))];
        effects.extend(records.into_iter().chain([begun]).map(Effect::Record));
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
            return self.ask_again(Vec::new(), Some(note), Asking::default(), account, now);
        }
        let Some(factor) = pending(account, now.latest()).filter(|factor| factor.id == enrolling.factor)
        else {
            // It has expired, or another login of the same person has replaced it: the key on this screen is void.
            if self.tally.prompts >= ENROLLING_PROMPT_LIMIT {
                return self.give_up(Vec::new(), account, now);
            }
            return self.resume_or_show(enrolling.progress, account, now, entropy);
        };
        let answer = read(text, enrolling.words());
        if self.tally.prompts >= ENROLLING_PROMPT_LIMIT && !matches!(answer, Answer::Code(_)) {
            return self.give_up(Vec::new(), account, now);
        }
        match answer {
            Answer::Nothing => self.wait(Vec::new(), Note::EnterNewCode, enrolling.clone()),
            Answer::Word(Word::New) if enrolling.progress.authority != Authority::Resumed => {
                self.show_new(Vec::new(), enrolling.progress, account, now, entropy)
            }
            Answer::Word(Word::Invert) => self.invert(enrolling, factor),
            Answer::Word(
                Word::Help | Word::New | Word::Yes | Word::Saved | Word::Resend | Word::Skip | Word::Way(_),
            ) => self.wait(Vec::new(), self.words_note(enrolling), enrolling.clone()),
            Answer::Code(code) => {
                let tried = Self { tally: self.tally.tried(), ..self.clone() };
                if enrolling.progress.authority == Authority::Resumed && is_invitation_like(&code) {
                    return tried.renew(&code, enrolling, account, now, entropy);
                }
                tried.confirm(&code, enrolling, factor, account, now, entropy)
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
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let charged: Box<Charged> = match self.check(account, now).against_new(code, factor) {
            Ok(Confirmed { account, request }) => {
                let redemption = request.map(Effect::Redeem);
                return self.complete(account, factor, now, entropy).and(redemption);
            }
            Err(charged) => charged,
        };
        let note = clock_off(&enrolling.distant, &charged.distant).unwrap_or(Note::WrongCode);
        self.charge(EventId::CodeWrong, *charged, now, |login, effects, distant, account| {
            login.miss(effects, note, Enrolling { distant, ..enrolling.clone() }, account, now)
        })
    }

    /// Takes a new invitation for a new key, in the place of one that was lost.
    fn renew(
        &self,
        code: &str,
        enrolling: &Enrolling,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        self.take_invitation(code, account, now, entropy, |login, effects, account| {
            let note = Note::WrongInvitation { help: login.help() };
            login.miss(effects, note, enrolling.clone(), account, now)
        })
    }

    /// Counts a wrong answer; the last one ends the login.
    fn miss(
        &self,
        effects: Vec<Effect>,
        note: Note,
        mut enrolling: Enrolling,
        account: &Account,
        now: Now,
    ) -> Turn {
        enrolling.progress.wrong = enrolling.progress.wrong.saturating_add(1);
        if enrolling.progress.wrong >= WRONG_LIMIT || self.tally.prompts >= ENROLLING_PROMPT_LIMIT {
            return self.give_up(effects, account, now);
        }
        self.wait(effects, note, enrolling)
    }

    /// Draws the QR code the other way; only the conversation that drew it may, so that it is shown once.
    fn invert(&self, enrolling: &Enrolling, factor: &Factor) -> Turn {
        let look = match enrolling.look {
            Some(Look::LightBlocks) => Look::DarkBlocks,
            Some(Look::DarkBlocks) => Look::LightBlocks,
            None => return self.wait(Vec::new(), self.words_note(enrolling), enrolling.clone()),
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
        let shown = look.map_or(Shown::AsText, Shown::Drawn);
        screen(&factor.kind, &self.policy, &owner_name(&self.request.person, &self.request.host), shown)
    }

    /// Tells what can be set up in this login: the first that the rule names.
    pub(super) fn enrollable(&self) -> Option<Method> {
        self.decision.methods.iter().copied().find(|method| method.is_enrollable())
    }

    fn words_note(&self, enrolling: &Enrolling) -> Note {
        let drawn = if enrolling.look.is_some() { Drawn::Yes } else { Drawn::No };
        match enrolling.progress.authority {
            Authority::Rule | Authority::Invited => Note::EnrollingWords { drawn },
            Authority::Resumed => Note::RenewByInvitation { help: self.help() },
        }
    }

    pub(super) fn factor_event(
        &self,
        id: EventId,
        method: Method,
        account: &Account,
        now: Now,
    ) -> AuditEvent {
        AuditEvent { factor: Some(method.name().to_owned()), ..self.event(id, account, now) }
    }
}

impl Authority {
    /// What is left of it in a conversation that did not draw the key on the screen.
    const fn after_leaving(self) -> Self {
        match self {
            Self::Rule => Self::Rule,
            Self::Invited | Self::Resumed => Self::Resumed,
        }
    }
}

impl Enrolling {
    /// The words that mean something here.
    const fn words(&self) -> &'static [Word] {
        match self.progress.authority {
            Authority::Rule | Authority::Invited => &[Word::Help, Word::New, Word::Invert],
            Authority::Resumed => &[Word::Help, Word::New],
        }
    }
}
