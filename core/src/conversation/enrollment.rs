//! Setting up a factor by oneself (row S1).
//!
//! Owns the dialogue `countersign enroll` leads: a current code first (or `yes`, before the very first factor), then
//! the key, shown once, then a code from it. The new secret stays in this conversation until that code is right;
//! nothing pending is left behind when the person walks away.

use std::sync::Arc;

use crate::account::{Account, Epoch, FACTOR_LIMIT};
use crate::audit::EventId;
use crate::factor::{Factor, FactorKind, Label, Method};
use crate::login::{Host, Person};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Drawn, Language, Message, Note, Prompt, Refusal, Setup};

use super::answer::{Answer, Word, read};
use super::proof::{Distant, clock_off};
use super::self_service::{Failure, Proof, SelfService, done};
use super::setup::{Shown, has_label, new_factor, owner_name, screen, uri};
use super::{
    Conversation, Departure, ENROLLING_PROMPT_LIMIT, Effect, Event, Line, PROMPT_LIMIT, Reply, State, Style,
    Tally, Turn, WRONG_LIMIT, prompt_line, with_prompt,
};

/// What a person asks for.
#[derive(Debug, Clone)]
pub struct EnrollmentRequest {
    /// Who asks, as the bus established it.
    pub person: Person,
    /// This host.
    pub host: Host,
    /// The kind of factor.
    pub method: Method,
    /// The person's name for it; else one is made.
    pub label: Option<Label>,
    /// Whether the client draws the QR code from the setup URI.
    pub draws_qr: bool,
    /// The language of the client.
    pub language: Option<Language>,
}

/// One enrollment under way.
#[derive(Debug, Clone)]
pub struct Enrollment {
    service: SelfService,
    method: Method,
    label: Option<Label>,
    draws_qr: bool,
    stage: Stage,
}

/// Where the dialogue is.
#[derive(Debug, Clone)]
enum Stage {
    /// Nothing was asked yet.
    Begin,
    /// `yes` was asked for, before the very first factor.
    Agreeing,
    /// A current code was asked for.
    Proving,
    /// The key was shown and a code from it asked for.
    Confirming { factor: Box<Factor>, distant: Vec<Distant> },
}

impl Enrollment {
    /// Begins an enrollment under the policy in force.
    #[must_use]
    pub fn begin(request: EnrollmentRequest, policy: Arc<Policy>) -> Conversation {
        let EnrollmentRequest { person, host, method, label, draws_qr, language } = request;
        let language = language.unwrap_or(policy.settings.language);
        let service = SelfService {
            person,
            host,
            policy,
            language,
            tally: Tally::default(),
            epoch: Epoch::default(),
            failure: EventId::EnrollmentFailed,
        };
        Conversation::Enrollment(Box::new(Self { service, method, label, draws_qr, stage: Stage::Begin }))
    }

    /// Decides what follows from an event.
    pub fn decide(&self, event: Event, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match event {
            Event::Begun => self.open(account, now),
            Event::Answered(text) => {
                let mut heard = self.clone();
                heard.service.tally = self.service.tally.answered();
                heard.hear(&text, account, now, entropy)
            }
            Event::DeadlineReached => self.service.abandon(account, now, Departure::Deadline),
            Event::ClientGone => self.service.abandon(account, now, Departure::Client),
        }
    }

    /// Tells the language of the dialogue.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.service.language
    }

    /// Tells whether the person has given any answer.
    #[must_use]
    pub const fn answered(&self) -> bool {
        self.service.tally.answers > 0
    }

    /// Tells who asks.
    #[must_use]
    pub const fn person(&self) -> &Person {
        &self.service.person
    }

    fn open(&self, account: &Account, now: Now) -> Turn {
        if !matches!(self.stage, Stage::Begin) {
            return self.service.out_of_order(account, now);
        }
        let mut opened = self.clone();
        opened.service.epoch = account.epoch;
        if let Some(failure) = opened.service.barrier(account, now).or_else(|| opened.objection(account)) {
            return opened.service.fail(Vec::new(), failure, account, now);
        }
        if account.is_enrolled() {
            opened.ask(Vec::new(), with_prompt([], Prompt::CurrentCode), Stage::Proving)
        } else {
            let text = Message::Setup(Setup::FirstFactor);
            opened.ask(Vec::new(), with_prompt([text], Prompt::Yes), Stage::Agreeing)
        }
    }

    /// Tells why this person cannot set this up.
    fn objection(&self, account: &Account) -> Option<Failure> {
        if !self.service.policy.allows_enrollment(&self.service.person, self.method) {
            let text = Refusal::EnrollmentClosed { help: self.service.help() };
            return Some(Failure { reason: "not-permitted", text });
        }
        if account.active_factors().count() >= FACTOR_LIMIT {
            let text = Refusal::TooManyFactors { limit: FACTOR_LIMIT };
            return Some(Failure { reason: "too-many-factors", text });
        }
        let label = self.label.as_ref().filter(|label| has_label(account, label))?;
        let text = Refusal::LabelTaken { label: label.to_string() };
        Some(Failure { reason: "label-taken", text })
    }

    fn hear(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match &self.stage {
            Stage::Begin => self.service.out_of_order(account, now),
            Stage::Agreeing => self.hear_agreement(text, account, now, entropy),
            Stage::Proving => match self.service.prove(text, account, now) {
                Proof::Proven(proven) => {
                    let commit = Effect::Commit(Box::new(proven.clone()));
                    self.show(vec![commit], &proven, now, entropy)
                }
                Proof::Again { service, effects, note } => {
                    let again = Self { service, ..self.clone() };
                    again.ask(
                        effects,
                        with_prompt([Message::Note(note)], Prompt::CurrentCode),
                        Stage::Proving,
                    )
                }
                Proof::Over(turn) => turn,
            },
            Stage::Confirming { factor, distant } => {
                self.hear_confirmation(text, factor, distant, account, now)
            }
        }
    }

    fn hear_agreement(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        if let Some(failure) = self.service.barrier(account, now) {
            return self.service.fail(Vec::new(), failure, account, now);
        }
        match read(text, &[Word::Yes]) {
            Answer::Word(_) => self.show(Vec::new(), account, now, entropy),
            Answer::Nothing if self.service.tally.prompts < PROMPT_LIMIT => {
                self.ask(Vec::new(), with_prompt([], Prompt::Yes), Stage::Agreeing)
            }
            Answer::Nothing | Answer::Code(_) => {
                let failure = Failure { reason: "declined", text: Refusal::NothingChanged };
                self.service.fail(Vec::new(), failure, account, now)
            }
        }
    }

    /// Shows a new key, once.
    fn show(&self, mut effects: Vec<Effect>, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let policy = &self.service.policy;
        let factor = new_factor(account, self.label.as_ref(), policy, now.latest(), entropy);
        let FactorKind::Totp(totp) = &factor.kind;
        let owner = owner_name(&self.service.person, &self.service.host);
        let mut lines = Vec::new();
        let shown = if self.draws_qr { Shown::ByClient } else { Shown::AsText };
        if self.draws_qr {
            let messages = vec![Message::Setup(Setup::Uri(uri(totp, policy, &owner)))];
            lines.push(Line { style: Style::ShowOnce, messages });
        }
        lines.push(prompt_line(policy.settings.echo, screen(totp, policy, &owner, shown)));
        effects.push(Effect::Record(self.service.event(EventId::EnrollmentBegun, account, now)));
        // The prompts and codes of the proof are not those of the confirmation.
        let mut fresh = self.clone();
        fresh.service.tally = Tally { prompts: 0, codes: 0, ..self.service.tally };
        fresh.reply(effects, lines, Stage::Confirming { factor: Box::new(factor), distant: Vec::new() })
    }

    fn hear_confirmation(
        &self,
        text: &str,
        factor: &Factor,
        distant: &[Distant],
        account: &Account,
        now: Now,
    ) -> Turn {
        if let Some(failure) = self.service.barrier(account, now) {
            return self.service.fail(Vec::new(), failure, account, now);
        }
        let stay = || Stage::Confirming { factor: Box::new(factor.clone()), distant: distant.to_vec() };
        match read(text, &[Word::Help]) {
            Answer::Nothing => self.ask_again(Vec::new(), Note::EnterNewCode, stay(), account, now),
            Answer::Word(_) => {
                let note = Note::EnrollingWords { drawn: Drawn::No };
                self.ask_again(Vec::new(), note, stay(), account, now)
            }
            Answer::Code(code) => {
                let mut tried = self.clone();
                tried.service.tally = self.service.tally.tried();
                tried.confirm(&code, factor, distant, account, now)
            }
        }
    }

    fn confirm(&self, code: &str, factor: &Factor, before: &[Distant], account: &Account, now: Now) -> Turn {
        let stay = |distant| Stage::Confirming { factor: Box::new(factor.clone()), distant };
        match self.service.trial(account, now).against_new(code, factor) {
            Ok(account) => self.complete(account, factor, now),
            Err(charged) => {
                let note = clock_off(before, &charged.distant).unwrap_or(Note::WrongCode);
                let stage = stay(charged.distant.clone());
                match self.service.charge(*charged, now) {
                    Ok((account, effects)) => self.ask_again(effects, note, stage, &account, now),
                    Err(turn) => turn,
                }
            }
        }
    }

    fn complete(&self, mut account: Account, factor: &Factor, now: Now) -> Turn {
        self.service.note_uid(&mut account);
        let record = self.service.event(EventId::EnrollmentCompleted, &account, now);
        let effects = vec![Effect::Commit(Box::new(account)), Effect::Record(record)];
        done(effects, Message::Setup(Setup::Completed { label: factor.label.to_string() }))
    }

    fn ask_again(&self, effects: Vec<Effect>, note: Note, stage: Stage, account: &Account, now: Now) -> Turn {
        let tally = self.service.tally;
        if tally.codes >= WRONG_LIMIT || tally.prompts >= ENROLLING_PROMPT_LIMIT {
            return self.service.fail(effects, Failure::wrong_code(), account, now);
        }
        self.ask(effects, with_prompt([Message::Note(note)], Prompt::Code), stage)
    }

    fn ask(&self, effects: Vec<Effect>, messages: Vec<Message>, stage: Stage) -> Turn {
        self.reply(effects, vec![prompt_line(self.service.policy.settings.echo, messages)], stage)
    }

    fn reply(&self, mut effects: Vec<Effect>, lines: Vec<Line>, stage: Stage) -> Turn {
        effects.push(Effect::Reply(Reply { state: State::Ask, lines }));
        let mut next = Self { stage, ..self.clone() };
        next.service.tally = self.service.tally.prompted();
        Turn { next: Conversation::Enrollment(Box::new(next)), effects }
    }
}
