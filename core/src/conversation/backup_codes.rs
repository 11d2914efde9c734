//! Making new backup codes by oneself (rows S1, M6).
//!
//! Owns that the old set dies in the commit that makes the new one, before it is shown. A current code comes first.
//! Hanging up below the new codes leaves them valid.

use std::sync::Arc;

use crate::account::Account;
use crate::audit::EventId;
use crate::factor::Method;
use crate::login::{Host, Person};
use crate::notice::Notice;
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Language, Message, Refusal, Setup};

use super::self_service::{Asked, Failure, Proof, Proven, SelfService};
use super::sheet::show;
use super::{Conversation, Departure, Effect, Event, Turn};

/// What a person asks for.
#[derive(Debug, Clone)]
pub struct BackupCodesRequest {
    /// Who asks, as the bus established it.
    pub person: Person,
    /// This host.
    pub host: Host,
    /// The language of the client.
    pub language: Option<Language>,
}

/// One making of codes under way.
#[derive(Debug, Clone)]
pub struct BackupCodes {
    service: SelfService,
    stage: Stage,
}

/// Where the dialogue is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Nothing was asked yet.
    Begin,
    /// A current code was asked for.
    Proving,
    /// The codes are shown.
    Saving,
}

impl BackupCodes {
    /// Begins under the policy in force.
    #[must_use]
    pub fn begin(request: BackupCodesRequest, policy: Arc<Policy>) -> Conversation {
        let BackupCodesRequest { person, host, language } = request;
        let mut service = SelfService::new(person, host, language, policy, EventId::BackupCodesFailed);
        service.method = Some(Method::Backup);
        Conversation::BackupCodes(Box::new(Self { service, stage: Stage::Begin }))
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
        if let Some(failure) = opened.service.barrier(account, now).or_else(|| opened.objection(account)) {
            return opened.service.fail(Vec::new(), failure, account, now);
        }
        let Asked { service, effects, messages } = opened.service.open_proof(account, now, entropy);
        Self { service, ..opened }.ask(effects, messages, Stage::Proving)
    }

    fn objection(&self, account: &Account) -> Option<Failure> {
        let SelfService { person, host, policy, .. } = &self.service;
        if !policy.allows_enrollment(person, host, Method::Backup) {
            let text = Refusal::EnrollmentClosed { help: self.service.help() };
            return Some(Failure { reason: "not-permitted", text });
        }
        (!account.is_enrolled()).then(Failure::nothing_set_up)
    }

    fn hear(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match self.stage {
            Stage::Begin => self.service.out_of_order(account, now),
            Stage::Proving => match self.service.prove(text, account, now, entropy) {
                Proof::Proven(proven) => self.make(account, *proven, now, entropy),
                Proof::Again(asked) => {
                    let Asked { service, effects, messages } = *asked;
                    Self { service, ..self.clone() }.ask(effects, messages, Stage::Proving)
                }
                Proof::Over(turn) => turn,
            },
            Stage::Saving => self.service.hear_saved(text, account, now, Setup::BackupCodesMade, |service| {
                Conversation::BackupCodes(Box::new(Self { service, stage: Stage::Saving }))
            }),
        }
    }

    fn make(&self, before: &Account, proven: Proven, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let Proven { mut account, used: _, effects: mut further } = proven;
        let sheet = account.make_backup_codes(now.latest(), entropy);
        account.epoch.0 = account.epoch.0.saturating_add(1);
        let mut made = self.clone();
        made.service = self.service.saving(&account);
        further.extend(made.service.notify(&Notice::BackupCodesMade, before, &mut account, now, entropy));
        let record = made.service.event(EventId::BackupCodesMade, &account, now);
        let effects = vec![Effect::Commit(Box::new(account)), Effect::Record(record)];
        made.ask(effects, show([], sheet), Stage::Saving).and_all(further)
    }

    fn ask(&self, effects: Vec<Effect>, messages: Vec<Message>, stage: Stage) -> Turn {
        self.service
            .ask(effects, messages, |service| Conversation::BackupCodes(Box::new(Self { service, stage })))
    }
}
