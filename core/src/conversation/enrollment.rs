//! Setting up a factor by oneself (row S1).
//!
//! Owns the dialogue `countersign enroll` leads: a current code first (before the very first factor `yes`, or an
//! invitation where a rule wants one), then the key, shown once, then a code from it. The new secret stays in this
//! conversation until that code is right; nothing pending is left behind when the person walks away. `opening` has who
//! may begin, `confirming` how it ends.

mod confirming;
mod opening;

use std::sync::Arc;

use crate::account::Account;
use crate::audit::EventId;
use crate::factor::{Factor, FactorId, Label, Method};
use crate::login::{Host, Person};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Language, Message, Setup};

use super::proof::Distant;
use super::self_service::{Proof, SelfService};
use super::setup::{Shown, new_factor, new_key, owner_name, screen, uri};
use super::{Conversation, Departure, Effect, Event, Line, Style, Tally, Turn, prompt_line};

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
    /// The factor that the new one replaces, by label; an empty text means the only one of the kind.
    pub replace: Option<String>,
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
    /// What was asked to be replaced.
    replace: Option<String>,
    /// The factor that it is.
    old: Option<FactorId>,
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
    /// An invitation was asked for, before the very first factor.
    Inviting,
    /// A current code was asked for.
    Proving,
    /// The key was shown and a code from it asked for.
    Confirming(Confirming),
    /// The factor is set up, and its backup codes are shown.
    Saving(Setup),
}

/// A new factor that waits for its code.
#[derive(Debug, Clone)]
struct Confirming {
    factor: Box<Factor>,
    /// Where the last wrong code would have fitted.
    distant: Vec<Distant>,
}

impl Enrollment {
    /// Begins an enrollment under the policy in force.
    #[must_use]
    pub fn begin(request: EnrollmentRequest, policy: Arc<Policy>) -> Conversation {
        let EnrollmentRequest { person, host, method, label, replace, draws_qr, language } = request;
        let mut service = SelfService::new(person, host, language, policy, EventId::EnrollmentFailed);
        service.method = Some(method);
        let stage = Stage::Begin;
        Conversation::Enrollment(Box::new(Self {
            service,
            method,
            label,
            replace,
            old: None,
            draws_qr,
            stage,
        }))
    }

    /// Decides what follows from an event.
    pub fn decide(&self, event: Event, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match event {
            Event::Begun => self.open(account, now),
            Event::Answered(text) => {
                let heard = Self { service: self.service.answered(), ..self.clone() };
                heard.hear(&text, account, now, entropy)
            }
            Event::DeadlineReached => self.service.abandon(account, now, Departure::Deadline),
            Event::ClientGone => self.service.abandon(account, now, Departure::Client),
        }
    }

    pub(super) const fn service(&self) -> &SelfService {
        &self.service
    }

    fn hear(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match &self.stage {
            Stage::Begin => self.service.out_of_order(account, now),
            Stage::Agreeing => self.hear_agreement(text, account, now, entropy),
            Stage::Inviting => self.hear_invitation(text, account, now, entropy),
            Stage::Proving => match self.service.prove(text, account, now) {
                Proof::Proven(proven, used) => {
                    let commit = Effect::Commit(Box::new(proven.clone()));
                    self.show(vec![commit], used.told(), &proven, now, entropy)
                }
                Proof::Again { service, effects, messages } => {
                    Self { service, ..self.clone() }.ask(effects, messages, Stage::Proving)
                }
                Proof::Over(turn) => turn,
            },
            Stage::Confirming(confirming) => self.hear_confirmation(text, confirming, account, now, entropy),
            Stage::Saving(result) => self.service.hear_saved(text, account, now, result.clone(), |service| {
                Conversation::Enrollment(Box::new(Self { service, ..self.clone() }))
            }),
        }
    }

    /// Shows a new key, once.
    fn show(
        &self,
        mut effects: Vec<Effect>,
        before: Option<Message>,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let policy = &self.service.policy;
        let label = self.label_of_new(account);
        let Some(kind) = new_key(self.method, policy, entropy) else {
            return self.service.out_of_order(account, now);
        };
        let factor = new_factor(account, label.as_ref(), kind, now.latest(), entropy);
        let owner = owner_name(&self.service.person, &self.service.host);
        let mut lines = Vec::new();
        let shown = if self.draws_qr { Shown::ByClient } else { Shown::AsText };
        if self.draws_qr {
            let uri = uri(&factor.kind, policy, &owner).map(|uri| Message::Setup(Setup::Uri(uri)));
            lines.extend(uri.map(|uri| Line { style: Style::ShowOnce, messages: vec![uri] }));
        }
        let messages = before.into_iter().chain(screen(&factor.kind, policy, &owner, shown)).collect();
        lines.push(prompt_line(policy.settings.echo, messages));
        effects.push(Effect::Record(self.service.event(EventId::EnrollmentBegun, account, now)));
        // The prompts and codes of the proof are not those of the confirmation.
        let tally = Tally { prompts: 0, codes: 0, ..self.service.tally };
        let service = SelfService { tally, ..self.service.clone() };
        let confirming = Confirming { factor: Box::new(factor), distant: Vec::new() };
        let stage = Stage::Confirming(confirming);
        service.show(effects, lines, |service| self.at(service, stage))
    }

    /// The label of the new factor: what the person said, else that of the one it replaces.
    fn label_of_new(&self, account: &Account) -> Option<Label> {
        let inherited = || self.old.and_then(|old| account.factor(old)).map(|old| old.label.clone());
        self.label.clone().or_else(inherited)
    }

    fn ask(&self, effects: Vec<Effect>, messages: Vec<Message>, stage: Stage) -> Turn {
        self.service.ask(effects, messages, |service| self.at(service, stage))
    }

    fn at(&self, service: SelfService, stage: Stage) -> Conversation {
        Conversation::Enrollment(Box::new(Self { service, stage, ..self.clone() }))
    }
}
