//! Removing a factor by oneself (row S1).
//!
//! Owns which factor a name means, and the refusal to remove the last one where a rule needs one. A current code comes
//! first; using it up and removing the factor are one commit.

use std::sync::Arc;

use crate::account::{Account, Epoch};
use crate::audit::EventId;
use crate::factor::{Factor, FactorId};
use crate::login::{Host, Person};
use crate::policy::Policy;
use crate::time::Now;
use crate::words::{Language, Message, Prompt, Refusal, Setup};

use super::self_service::{Failure, Proof, SelfService, done};
use super::{Conversation, Departure, Effect, Event, Reply, State, Tally, Turn, prompt_line, with_prompt};
use crate::secret::Entropy;

/// What a person asks for.
#[derive(Debug, Clone)]
pub struct RemovalRequest {
    /// Who asks, as the bus established it.
    pub person: Person,
    /// This host.
    pub host: Host,
    /// The factor: its label, its id, or its method where that fits one only.
    pub factor: String,
    /// The language of the client.
    pub language: Option<Language>,
}

/// One removal under way.
#[derive(Debug, Clone)]
pub struct Removal {
    service: SelfService,
    wanted: String,
    stage: Stage,
}

/// Where the dialogue is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Nothing was asked yet.
    Begin,
    /// A current code was asked for.
    Proving(FactorId),
}

impl Removal {
    /// Begins a removal under the policy in force.
    #[must_use]
    pub fn begin(request: RemovalRequest, policy: Arc<Policy>) -> Conversation {
        let RemovalRequest { person, host, factor, language } = request;
        let language = language.unwrap_or(policy.settings.language);
        let service = SelfService {
            person,
            host,
            policy,
            language,
            tally: Tally::default(),
            epoch: Epoch::default(),
            failure: EventId::RemovalFailed,
        };
        Conversation::Removal(Box::new(Self { service, wanted: factor, stage: Stage::Begin }))
    }

    /// Decides what follows from an event.
    pub fn decide(&self, event: Event, account: &Account, now: Now, _entropy: &mut dyn Entropy) -> Turn {
        match event {
            Event::Begun => self.open(account, now),
            Event::Answered(text) => {
                let mut heard = self.clone();
                heard.service.tally = self.service.tally.answered();
                heard.hear(&text, account, now)
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
        if let Some(failure) = opened.service.barrier(account, now) {
            return opened.service.fail(Vec::new(), failure, account, now);
        }
        match opened.find(account).and_then(|factor| opened.check_last(factor, account)) {
            Ok(id) => opened.ask(Vec::new(), with_prompt([], Prompt::CurrentCode), id),
            Err(failure) => opened.service.fail(Vec::new(), failure, account, now),
        }
    }

    /// Finds the factor that is meant: by label, else by id, else by method.
    fn find<'a>(&self, account: &'a Account) -> Result<&'a Factor, Failure> {
        let wanted = self.wanted.trim();
        let by_label = |factor: &&Factor| factor.label.as_str().eq_ignore_ascii_case(wanted);
        let by_id = |factor: &&Factor| factor.id.0.to_string() == wanted;
        let by_method = |factor: &&Factor| factor.kind.method().name().eq_ignore_ascii_case(wanted);
        if let Some(factor) = account.active_factors().find(by_label) {
            return Ok(factor);
        }
        if let Some(factor) = account.active_factors().find(by_id) {
            return Ok(factor);
        }
        let fitting: Vec<&Factor> = account.active_factors().filter(by_method).collect();
        match fitting.as_slice() {
            [] => Err(Failure {
                reason: "no-such-factor",
                text: Refusal::NoSuchFactor { name: wanted.to_owned() },
            }),
            [factor] => Ok(factor),
            several => {
                let labels = several.iter().map(|factor| factor.label.to_string()).collect();
                Err(Failure { reason: "ambiguous-factor", text: Refusal::AmbiguousFactor { labels } })
            }
        }
    }

    fn check_last(&self, factor: &Factor, account: &Account) -> Result<FactorId, Failure> {
        let others = account.active_factors().filter(|other| other.id != factor.id).count();
        if others == 0 && self.service.policy.needs_factor(&self.service.person) {
            return Err(Failure { reason: "last-factor", text: Refusal::LastFactor });
        }
        Ok(factor.id)
    }

    fn hear(&self, text: &str, account: &Account, now: Now) -> Turn {
        let Stage::Proving(id) = self.stage else {
            return self.service.out_of_order(account, now);
        };
        match self.service.prove(text, account, now) {
            Proof::Proven(proven) => self.remove(id, proven, now),
            Proof::Again { service, effects, note } => {
                let again = Self { service, ..self.clone() };
                again.ask(effects, with_prompt([Message::Note(note)], Prompt::CurrentCode), id)
            }
            Proof::Over(turn) => turn,
        }
    }

    fn remove(&self, id: FactorId, mut account: Account, now: Now) -> Turn {
        let label = account.factor(id).map(|factor| factor.label.to_string()).unwrap_or_default();
        account.factors.retain(|factor| factor.id != id);
        account.epoch.0 = account.epoch.0.saturating_add(1);
        let record = self.service.event(EventId::FactorRemoved, &account, now);
        let effects = vec![Effect::Commit(Box::new(account)), Effect::Record(record)];
        done(effects, Message::Setup(Setup::Removed { label }))
    }

    fn ask(&self, mut effects: Vec<Effect>, messages: Vec<Message>, id: FactorId) -> Turn {
        let line = prompt_line(self.service.policy.settings.echo, messages);
        effects.push(Effect::Reply(Reply { state: State::Ask, lines: vec![line] }));
        let mut next = Self { stage: Stage::Proving(id), ..self.clone() };
        next.service.tally = self.service.tally.prompted();
        Turn { next: Conversation::Removal(Box::new(next)), effects }
    }
}
