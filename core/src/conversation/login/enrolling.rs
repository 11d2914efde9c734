//! A first factor set up in the login that needs it (rows L3, L4).
//!
//! Owns the dialogue from what was shown or sent to the code that confirms it. The pending factor is committed before that,
//! so that a lost connection loses nothing; a later conversation asks for its code and never shows a key again. Wrong
//! codes are charged here as anywhere. `choosing` has what is set up, `addressing` addresses and numbers.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::answer::{Answer, Expected, Word, read};
use crate::conversation::proof::{Charged, Confirmed, Distant};
use crate::conversation::setup::{
    Shown, can_draw, new_factor, new_key, owner_name, pending, replace_pending, screen,
};
use crate::conversation::{Effect, Turn, WRONG_LIMIT, with_prompt};
use crate::factor::sent::SentParameters;
use crate::factor::{Factor, FactorId, FactorKind, Method};
use crate::invitation::is_invitation_like;
use crate::keyed::CodeHash;
use crate::qr::Look;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Drawn, Message, Note, Prompt, Refusal};

use super::addressing::prompt_of_sent;
use super::opening::Grounds;
use super::{Login, Stage};

/// By what right a first factor is set up here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authority {
    /// The rule lets people enroll at login.
    Rule,
    /// This conversation was given an invitation.
    Invited,
    /// An earlier conversation was: what it set up may be confirmed, and nothing else without a new invitation.
    Resumed,
}

/// What goes on from one key, address or number to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) authority: Authority,
    pub(super) wrong: u32,
    /// The invitation that was right and is used up by what is set up.
    pub(super) invitation: Option<CodeHash>,
    /// How many addresses and numbers codes were sent to.
    pub(super) named: u32,
}

/// A first factor that waits for its code.
#[derive(Debug, Clone)]
pub(super) struct Enrolling {
    factor: FactorId,
    /// How the QR code was drawn, where this conversation drew it.
    look: Option<Look>,
    progress: Progress,
    distant: Vec<Distant>,
    /// What is said first at the next prompt: that a code has not left.
    news: Option<Message>,
    prompt: Prompt,
}

impl Progress {
    pub(super) const fn by(authority: Authority) -> Self {
        Self { authority, wrong: 0, invitation: None, named: 0 }
    }
}

impl Enrolling {
    /// Waits for a code that was sent.
    pub(super) const fn of(factor: &Factor, progress: Progress) -> Self {
        let prompt = prompt_of_sent(progress.authority, factor);
        Self { factor: factor.id, look: None, progress, distant: Vec::new(), news: None, prompt }
    }
}

impl Login {
    /// Asks for the code of what was set up already, or sets up something new where that is permitted.
    pub(super) fn open_enrolling(
        &self,
        authority: Authority,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        self.resume_or_show(Progress::by(authority), account, now, entropy)
    }

    fn resume_or_show(
        &self,
        progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let waiting = pending(account, now.latest()).filter(|factor| self.is_reachable(factor, account));
        let Some(factor) = waiting else {
            return match progress.authority {
                Authority::Rule => self.begin_setup(progress, account, now, entropy),
                // What the invitation was used for is gone: reset meanwhile, or too old.
                Authority::Invited | Authority::Resumed => self.ask_invitation(Vec::new(), None),
            };
        };
        let asked = match progress.authority {
            Authority::Rule => Prompt::PendingCode(factor.kind.method()),
            Authority::Invited | Authority::Resumed => Prompt::PendingCodeOrInvitation(factor.kind.method()),
        };
        let progress = Progress { authority: progress.authority.after_leaving(), ..progress };
        if let FactorKind::Sent(recipient) = &factor.kind {
            return self.resume_sent(factor, recipient, progress, account, now, entropy);
        }
        let enrolling = Enrolling { prompt: Prompt::Code, ..Enrolling::of(factor, progress) };
        self.ask(Vec::new(), with_prompt([], asked), Stage::Enrolling(enrolling))
    }

    /// Tells whether [`Login::open_enrolling`] leads to something that can be confirmed, and not to a word of why not.
    pub(super) fn can_set_up(&self, authority: Authority, account: &Account, now: Now) -> bool {
        let mut waiting = pending(account, now.latest()).into_iter();
        waiting.any(|factor| self.is_reachable(factor, account))
            || self.can_begin_setup(Progress::by(authority), account, now)
    }

    /// Makes a new key, keeps it pending, shows it once.
    pub(super) fn show_new(
        &self,
        method: Method,
        mut progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let Some(kind) = new_key(method, &self.policy, entropy) else {
            return self.tell(Grounds::NotEnrolled, account, now);
        };
        let at = now.latest();
        let mut account = account.clone();
        let Some(used) = self.use_invitation(&mut account, &mut progress, now) else {
            return self.ask_invitation(Vec::new(), None);
        };
        let factor = new_factor(&account, None, kind, at, entropy);
        let look = if can_draw(&self.request) { Some(Look::LightBlocks) } else { None };
        let enrolling = Enrolling { look, prompt: Prompt::Code, ..Enrolling::of(&factor, progress) };
        let messages = self.screen(&factor, look);
        replace_pending(&mut account, factor);
        self.cover(&mut account, at);
        self.note_uid(&mut account);
        account.changed = account.changed.max(at);
        let begun = self.factor_event(EventId::EnrollmentBegun, method, &account, now);
        let mut effects = vec![Effect::Commit(Box::new(account))];
        effects.extend(used.into_iter().chain([begun]).map(Effect::Record));
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
        if let Some(turn) = self.interrupted(account, now) {
            return turn;
        }
        let Some(factor) = pending(account, now.latest()).filter(|factor| factor.id == enrolling.factor)
        else {
            // It has expired, or another login of the same person has replaced it: what this screen shows is void.
            if self.tally.is_spent_enrolling() {
                return self.give_up(Vec::new(), account, now);
            }
            return self.resume_or_show(enrolling.progress, account, now, entropy);
        };
        let mut enrolling = enrolling.clone();
        enrolling.news = self.news_of(factor, account, now);
        let answer = read(text, enrolling.words(factor), enrolling.expected(factor, &self.settings().sent));
        if self.tally.is_spent_enrolling() && !matches!(answer, Answer::Code(_)) {
            return self.give_up(Vec::new(), account, now);
        }
        match answer {
            Answer::Nothing if enrolling.news.is_some() => self.wait_with(Vec::new(), Vec::new(), enrolling),
            Answer::Nothing => {
                let entered = self.nothing_entered_of(factor, account, now);
                let words = || Message::Note(self.words_note(&factor.kind, &enrolling));
                self.wait_with(Vec::new(), vec![entered.unwrap_or_else(words)], enrolling)
            }
            Answer::Word(word) => self.hear_enrolling_word(word, enrolling, account, now, entropy),
            Answer::Other(_) => {
                let notes = [Note::NotACode, self.words_note(&factor.kind, &enrolling)];
                self.wait_with(Vec::new(), notes.map(Message::Note).to_vec(), enrolling)
            }
            Answer::Code(code) => {
                let tried = Self { tally: self.tally.tried(), ..self.clone() };
                if enrolling.progress.authority == Authority::Resumed && is_invitation_like(&code) {
                    return tried.renew(&code, &enrolling, account, now, entropy);
                }
                tried.confirm(&code, &enrolling, factor, account, now, entropy)
            }
        }
    }

    fn hear_enrolling_word(
        &self,
        word: Word,
        enrolling: Enrolling,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let Some(factor) = account.factor(enrolling.factor) else {
            return self.resume_or_show(enrolling.progress, account, now, entropy);
        };
        match (word, &factor.kind) {
            (Word::New, _) if enrolling.progress.authority != Authority::Resumed => {
                self.begin_setup(enrolling.progress, account, now, entropy)
            }
            (Word::Resend, FactorKind::Sent(recipient)) => {
                self.send_again(factor, recipient, enrolling, account, now, entropy)
            }
            (Word::Invert, FactorKind::Totp(_) | FactorKind::Hotp(_)) => self.invert(&enrolling, factor),
            (_, kind) => {
                let note = self.words_note(kind, &enrolling);
                self.wait_with(Vec::new(), vec![Message::Note(note)], enrolling)
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
            Ok(Confirmed { account: confirmed, request }) => {
                let redemption = request.map(Effect::Redeem);
                return self.complete(account, confirmed, factor, now, entropy).and(redemption);
            }
            Err(charged) => charged,
        };
        let charged = charged.unless_host_clock(&enrolling.distant, account, &now, self.settings());
        let clock = charged.clock_note(&enrolling.distant);
        let note = match &factor.kind {
            FactorKind::Sent(recipient) => self.wrong_sent(recipient, &charged, now),
            FactorKind::Totp(_) | FactorKind::Hotp(_) => Message::Note(clock.unwrap_or(Note::WrongCode)),
        };
        self.charge(EventId::CodeWrong, charged, now, |login, effects, distant, account| {
            login.miss(effects, note, Enrolling { distant, ..enrolling.clone() }, account, now)
        })
    }

    /// Takes a new invitation for something new, in the place of what was lost.
    fn renew(
        &self,
        code: &str,
        enrolling: &Enrolling,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        self.take_invitation(code, account, now, entropy, |login, effects, account| {
            let note = Message::Note(Note::WrongInvitation { help: login.help() });
            login.miss(effects, note, enrolling.clone(), account, now)
        })
    }

    /// Counts a wrong answer; the last one ends the login.
    fn miss(
        &self,
        effects: Vec<Effect>,
        note: Message,
        mut enrolling: Enrolling,
        account: &Account,
        now: Now,
    ) -> Turn {
        enrolling.progress.wrong = enrolling.progress.wrong.saturating_add(1);
        if enrolling.progress.wrong >= WRONG_LIMIT || self.tally.is_spent_enrolling() {
            return self.give_up(effects, account, now);
        }
        self.wait_with(effects, vec![note], enrolling)
    }

    /// Draws the QR code the other way; only the conversation that drew it may, so that it is shown once.
    fn invert(&self, enrolling: &Enrolling, factor: &Factor) -> Turn {
        let look = match enrolling.look {
            Some(Look::LightBlocks) => Look::DarkBlocks,
            Some(Look::DarkBlocks) => Look::LightBlocks,
            None => {
                let note = Message::Note(self.words_note(&factor.kind, enrolling));
                return self.wait_with(Vec::new(), vec![note], enrolling.clone());
            }
        };
        let enrolling = Enrolling { look: Some(look), ..enrolling.clone() };
        self.ask(Vec::new(), self.screen(factor, Some(look)), Stage::Enrolling(enrolling))
    }

    /// Asks for the code once more.
    pub(super) fn wait_with(
        &self,
        effects: Vec<Effect>,
        notes: Vec<Message>,
        mut enrolling: Enrolling,
    ) -> Turn {
        let before = enrolling.news.take().into_iter().chain(notes);
        self.ask(effects, with_prompt(before, enrolling.prompt), Stage::Enrolling(enrolling))
    }

    pub(super) fn give_up(&self, effects: Vec<Effect>, account: &Account, now: Now) -> Turn {
        let text = Message::Refusal(Refusal::NoRightCode);
        self.refuse(effects, Grounds::WrongCode, vec![text], account, now)
    }

    fn screen(&self, factor: &Factor, look: Option<Look>) -> Vec<Message> {
        let shown = look.map_or(Shown::AsText, Shown::Drawn);
        screen(&factor.kind, &self.policy, &owner_name(&self.request.person, &self.request.host), shown)
    }

    /// Tells what can be set up by the rule: the first method that it names and for which there is a channel.
    pub(super) fn enrollable(&self) -> Option<Method> {
        let channels = &self.policy.settings.channels;
        let has_channel = |method: &Method| method.channel().is_none_or(|channel| channels.has(channel));
        let mut methods = self.decision.methods.iter().copied();
        methods.find(|method| method.is_enrollable() && has_channel(method))
    }

    fn words_note(&self, kind: &FactorKind, enrolling: &Enrolling) -> Note {
        let drawn = if enrolling.look.is_some() { Drawn::Yes } else { Drawn::No };
        match (kind, enrolling.progress.authority) {
            (FactorKind::Sent(_), Authority::Rule | Authority::Invited) => Note::SentWords,
            (FactorKind::Sent(_), Authority::Resumed) => Note::SentWordsOrInvitation { help: self.help() },
            (key, Authority::Rule | Authority::Invited) => {
                Note::EnrollingWords { drawn, method: key.method() }
            }
            (key, Authority::Resumed) => Note::RenewByInvitation { method: key.method(), help: self.help() },
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
    /// The same where a new code has just been put on its way.
    pub(super) fn without_news(self) -> Self {
        Self { news: None, ..self }
    }

    /// By what right it is set up.
    pub(super) const fn authority(&self) -> Authority {
        self.progress.authority
    }

    /// What can be a code here: of what is set up, and where a new key needs one, an invitation.
    const fn expected<'a>(&self, factor: &'a Factor, sent: &'a SentParameters) -> Expected<'a> {
        match self.progress.authority {
            Authority::Rule | Authority::Invited => Expected::CodeOf(&factor.kind, sent),
            Authority::Resumed => Expected::CodeOrInvitation(&factor.kind, sent),
        }
    }

    /// The words that mean something here.
    const fn words(&self, factor: &Factor) -> &'static [Word] {
        match (&factor.kind, self.progress.authority) {
            (FactorKind::Sent(_), _) => &[Word::Help, Word::New, Word::Resend],
            (_, Authority::Rule | Authority::Invited) => &[Word::Help, Word::New, Word::Invert],
            (_, Authority::Resumed) => &[Word::Help, Word::New],
        }
    }
}
