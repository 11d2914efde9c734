//! Giving a factor another name by oneself (row S1).
//!
//! Owns that a name is free when it is asked for and still when it is given. A current code comes first; using it up and
//! renaming the factor are one commit.

use std::sync::Arc;

use crate::account::Account;
use crate::audit::EventId;
use crate::factor::{FactorId, Label, Method};
use crate::login::{Host, Person};
use crate::notice::Notice;
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Language, Message, Setup};

use super::naming::{check_label, find};
use super::self_service::{Asked, Failure, Proof, Proven, SelfService, done};
use super::{Conversation, Departure, Effect, Event, Turn};

/// What a person asks for.
#[derive(Debug, Clone)]
pub struct RenamingRequest {
    /// Who asks, as the bus established it.
    pub person: Person,
    /// This host.
    pub host: Host,
    /// The factor: its label, its id, or its method where that fits one only.
    pub factor: String,
    /// Its new name.
    pub label: Label,
    /// The language of the client.
    pub language: Option<Language>,
}

/// One renaming under way.
#[derive(Debug, Clone)]
pub struct Renaming {
    service: SelfService,
    wanted: String,
    label: Label,
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

impl Renaming {
    /// Begins a renaming under the policy in force.
    #[must_use]
    pub fn begin(request: RenamingRequest, policy: Arc<Policy>) -> Conversation {
        let RenamingRequest { person, host, factor, label, language } = request;
        let service = SelfService::new(person, host, language, policy, EventId::RenamingFailed);
        Conversation::Renaming(Box::new(Self { service, wanted: factor, label, stage: Stage::Begin }))
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
        match opened.find(account) {
            Ok((id, method)) => {
                opened.service.method = Some(method);
                opened.ask(opened.service.open_proof(account, now, entropy), id)
            }
            Err(failure) => opened.service.fail(Vec::new(), failure, account, now),
        }
    }

    fn find(&self, account: &Account) -> Result<(FactorId, Method), Failure> {
        let factor = find(account, &self.wanted)?;
        if !account.is_enrolled() {
            return Err(Failure::nothing_set_up());
        }
        check_label(account, &self.label, &[factor.id])?;
        Ok((factor.id, factor.kind.method()))
    }

    fn hear(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let Stage::Proving(id) = self.stage else {
            return self.service.out_of_order(account, now);
        };
        match self.service.prove(text, account, now, entropy) {
            Proof::Proven(proven) => self.rename(id, account, *proven, now, entropy),
            Proof::Again(asked) => self.ask(*asked, id),
            Proof::Over(turn) => turn,
        }
    }

    fn rename(
        &self,
        id: FactorId,
        before: &Account,
        proven: Proven,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let Proven { mut account, used, effects: mut further } = proven;
        let told = used.told().into_iter();
        // The code is used up whatever comes of it; another renaming may have taken the name meanwhile.
        if let Err(failure) = check_label(&account, &self.label, &[id]) {
            let commit = Effect::Commit(Box::new(account.clone()));
            return self.service.fail(vec![commit], failure, &account, now).and_all(further);
        }
        let mut old = String::new();
        for factor in account.factors.iter_mut().filter(|factor| factor.id == id) {
            old = factor.label.to_string();
            factor.label = self.label.clone();
        }
        let notice = Notice::FactorRenamed { old: old.clone(), new: self.label.to_string() };
        further.extend(self.service.notify(&notice, before, &mut account, now, entropy));
        let record = self.service.event(EventId::FactorRenamed, &account, now);
        let effects = vec![Effect::Commit(Box::new(account)), Effect::Record(record)];
        let renamed = Message::Setup(Setup::Renamed { old, new: self.label.to_string() });
        done(effects, told.chain([renamed]).collect()).and_all(further)
    }

    fn ask(&self, asked: Asked, id: FactorId) -> Turn {
        let Self { wanted, label, .. } = self.clone();
        let Asked { service, effects, messages } = asked;
        service.ask(effects, messages, |service| {
            Conversation::Renaming(Box::new(Self { service, wanted, label, stage: Stage::Proving(id) }))
        })
    }
}
