//! Removing a factor by oneself (row S1).
//!
//! Owns the refusal to remove the last factor where a rule needs one. A current code comes first; using it up and
//! removing the factor are one commit. Backup codes go with the last factor.

use std::sync::Arc;

use crate::account::Account;
use crate::audit::EventId;
use crate::factor::{Factor, FactorId};
use crate::login::{Host, Person};
use crate::notice::{Notice, name_of};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Language, Message, Note, Refusal, Setup};

use super::naming::find;
use super::self_service::{Asked, Failure, Proof, Proven, SelfService, done};
use super::{Conversation, Departure, Effect, Event, Turn};

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
        let service = SelfService::new(person, host, language, policy, EventId::RemovalFailed);
        Conversation::Removal(Box::new(Self { service, wanted: factor, stage: Stage::Begin }))
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
        if let Some(failure) = opened.service.barrier(account, now) {
            return opened.service.fail(Vec::new(), failure, account, now);
        }
        match find(account, &self.wanted).and_then(|factor| opened.check_last(factor, account)) {
            Ok(factor) => {
                opened.service.method = Some(factor.kind.method());
                let mut asked = opened.service.open_proof(account, now, entropy);
                if account.active_factors().all(|other| other.id == factor.id) {
                    let before_prompt = asked.messages.len().saturating_sub(1);
                    asked.messages.insert(before_prompt, Message::Note(Note::LastMethod));
                }
                opened.ask(asked, factor.id)
            }
            Err(failure) => opened.service.fail(Vec::new(), failure, account, now),
        }
    }

    fn check_last<'a>(&self, factor: &'a Factor, account: &Account) -> Result<&'a Factor, Failure> {
        if !account.is_enrolled() {
            return Err(Failure::nothing_set_up());
        }
        let SelfService { person, host, policy, .. } = &self.service;
        let others = account.active_factors().filter(|other| other.id != factor.id).count();
        if others == 0 && policy.needs_factor(person, host, account) {
            return Err(Failure { reason: "last-factor", text: Refusal::LastFactor });
        }
        Ok(factor)
    }

    fn hear(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let Stage::Proving(id) = self.stage else {
            return self.service.out_of_order(account, now);
        };
        match self.service.prove(text, account, now, entropy) {
            Proof::Proven(proven) => self.remove(id, account, *proven, now, entropy),
            Proof::Again(asked) => self.ask(*asked, id),
            Proof::Over(turn) => turn,
        }
    }

    fn remove(
        &self,
        id: FactorId,
        before: &Account,
        proven: Proven,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let Proven { mut account, used, effects: mut further } = proven;
        let factor = account.factor(id);
        let label = factor.map(|factor| factor.label.to_string()).unwrap_or_default();
        let notice = Notice::FactorRemoved { name: factor.map(name_of).unwrap_or_default() };
        account.factors.retain(|factor| factor.id != id);
        account.epoch.0 = account.epoch.0.saturating_add(1);
        if !account.is_enrolled() {
            // Backup codes stand in for a factor; without one they would be a factor of their own.
            account.backup_codes = None;
        }
        let told = used.told().filter(|_| account.backup_codes.is_some());
        further.extend(self.service.notify(&notice, before, &mut account, now, entropy));
        let record = self.service.event(EventId::FactorRemoved, &account, now);
        let effects = vec![Effect::Commit(Box::new(account)), Effect::Record(record)];
        done(effects, told.into_iter().chain([Message::Setup(Setup::Removed { label })]).collect())
            .and_all(further)
    }

    fn ask(&self, asked: Asked, id: FactorId) -> Turn {
        let Self { wanted, .. } = self.clone();
        let Asked { service, effects, messages } = asked;
        service.ask(effects, messages, |service| {
            Conversation::Removal(Box::new(Self { service, wanted, stage: Stage::Proving(id) }))
        })
    }
}
