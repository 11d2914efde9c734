//! Trying a code without a login (row S1, `test`).
//!
//! Owns a dialogue that proves a code exactly as a login does: same counters, a wrong code is charged, a right one used
//! up. It tells what the code came from and how far the clock or the counter is off.

use std::sync::Arc;

use crate::account::Account;
use crate::audit::EventId;
use crate::login::{Host, Person};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Language, Message, Setup};

use super::proof::Used;
use super::self_service::{Asked, Failure, Proof, Proven, SelfService, done};
use super::{Conversation, Departure, Effect, Event, Turn};

/// What a person asks for.
#[derive(Debug, Clone)]
pub struct TrialRequest {
    /// Who asks, as the bus established it.
    pub person: Person,
    /// This host.
    pub host: Host,
    /// The language of the client.
    pub language: Option<Language>,
}

/// One trial under way.
#[derive(Debug, Clone)]
pub struct Trial {
    service: SelfService,
    stage: Stage,
}

/// Where the dialogue is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Nothing was asked yet.
    Begin,
    /// A code was asked for.
    Proving,
}

impl Trial {
    /// Begins a trial under the policy in force.
    #[must_use]
    pub fn begin(request: TrialRequest, policy: Arc<Policy>) -> Conversation {
        let TrialRequest { person, host, language } = request;
        let service = SelfService::new(person, host, language, policy, EventId::TestFailed);
        Conversation::Trial(Box::new(Self { service, stage: Stage::Begin }))
    }

    /// Decides what follows from an event.
    pub(super) fn decide(
        &self,
        event: Event,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        match event {
            Event::Begun => self.open(account, now, entropy),
            Event::Answered(text) => {
                let heard = Self { service: self.service.answered(), ..self.clone() };
                heard.hear(&text, account, now, entropy)
            }
            Event::DeadlineReached => self.service.abandon(account, now, Departure::Deadline),
            Event::ClientGone => self.service.abandon(account, now, Departure::Client),
            Event::Evicted => self.service.abandon(account, now, Departure::Evicted),
        }
    }

    pub(super) const fn service(&self) -> &SelfService {
        &self.service
    }

    fn open(&self, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        if !matches!(self.stage, Stage::Begin) {
            return self.service.out_of_order(account, now);
        }
        let mut opened = self.clone();
        opened.service.open(account, entropy);
        let nothing = (!account.is_enrolled()).then(Failure::nothing_set_up);
        if let Some(failure) = opened.service.barrier(account, now).or(nothing) {
            return opened.service.fail(Vec::new(), failure, account, now);
        }
        Self::ask(opened.service.open_proof(account, now, entropy))
    }

    fn hear(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        if matches!(self.stage, Stage::Begin) {
            return self.service.out_of_order(account, now);
        }
        match self.service.prove(text, account, now, entropy) {
            Proof::Proven(proven) => self.pass(*proven, now),
            Proof::Again(asked) => Self::ask(*asked),
            Proof::Over(turn) => turn,
        }
    }

    fn pass(&self, proven: Proven, now: Now) -> Turn {
        let Proven { account, used, effects: further } = proven;
        let mut passed = self.clone();
        passed.service.method = Some(used.method);
        let record = passed.service.event(EventId::TestPassed, &account, now);
        let effects = vec![Effect::Commit(Box::new(account)), Effect::Record(record)];
        let told = used.told();
        let Used { method, label, drift, .. } = used;
        let result = Message::Setup(Setup::TestPassed { method, label });
        done(effects, [result].into_iter().chain(drift.map(Message::Note)).chain(told).collect())
            .and_all(further)
    }

    fn ask(asked: Asked) -> Turn {
        let Asked { service, effects, messages } = asked;
        service.ask(effects, messages, |service| {
            Conversation::Trial(Box::new(Self { service, stage: Stage::Proving }))
        })
    }
}
