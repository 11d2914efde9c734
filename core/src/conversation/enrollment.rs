//! Setting up a factor by oneself (row S1).
//!
//! Owns the dialogue `countersign enroll` leads: a current code first (before the very first factor `yes`, or an
//! invitation where a rule wants one), then the key, shown once, then a code from it. The new secret stays in this
//! conversation until that code is right; nothing pending is left behind when the person walks away. `opening` has who
//! may begin, `addressing` addresses and numbers, `confirming` how it ends.

mod addressing;
mod confirming;
mod opening;

use std::sync::Arc;

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::delivery::Channel;
use crate::factor::{Factor, FactorId, Label, Method};
use crate::login::{Host, Person};
use crate::policy::Policy;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Language, Message, Setup};

use super::proof::Distant;
use super::self_service::{Asked, Proof, Proven, SelfService};
use super::setup::{Shown, new_factor, new_key, owner_name, screen, uri};
use super::{Conversation, Departure, Effect, Event, Line, Style, Turn, prompt_line};

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
    /// The address or number that codes are to be sent to, as the person wrote it; else it is asked for, where the rules
    /// leave a choice.
    pub recipient: Option<String>,
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
    /// What was asked for as the address or number, until it was read.
    recipient: Option<String>,
    /// How many addresses and numbers codes were sent to.
    named: u32,
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
    /// An address or number was asked for.
    Addressing(Channel),
    /// The key was shown, or a code sent, and a code asked for.
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

/// What comes before something is shown or sent.
struct Draft {
    account: Account,
    /// Whether the account is to be committed.
    is_changed: bool,
    /// What belongs into the same commit.
    effects: Vec<Effect>,
    /// What is said first.
    before: Vec<Message>,
}

impl Draft {
    fn of(proven: Proven) -> Self {
        let Proven { account, used, effects } = proven;
        Self { account, is_changed: true, effects, before: used.told().into_iter().collect() }
    }

    fn unchanged(account: &Account) -> Self {
        Self { account: account.clone(), is_changed: false, effects: Vec::new(), before: Vec::new() }
    }

    /// Makes the effects, and hands on what is said first.
    fn commit(self, records: Vec<AuditEvent>) -> (Vec<Effect>, Vec<Message>) {
        let Self { account, is_changed, effects, before } = self;
        let commit = is_changed.then(|| Effect::Commit(Box::new(account)));
        (commit.into_iter().chain(effects).chain(records.into_iter().map(Effect::Record)).collect(), before)
    }
}

impl Enrollment {
    /// Begins an enrollment under the policy in force.
    #[must_use]
    pub fn begin(request: EnrollmentRequest, policy: Arc<Policy>) -> Conversation {
        let EnrollmentRequest { person, host, method, label, replace, recipient, draws_qr, language } =
            request;
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
            recipient,
            named: 0,
            stage,
        }))
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

    fn hear(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match &self.stage {
            Stage::Begin => self.service.out_of_order(account, now),
            Stage::Agreeing => self.hear_agreement(text, account, now, entropy),
            Stage::Inviting => self.hear_invitation(text, account, now, entropy),
            Stage::Proving => self.hear_proof(text, account, now, entropy),
            Stage::Addressing(channel) => self.hear_address(text, *channel, account, now, entropy),
            Stage::Confirming(confirming) => self.hear_confirmation(text, confirming, account, now, entropy),
            Stage::Saving(result) => self.service.hear_saved(text, account, now, result.clone(), |service| {
                Conversation::Enrollment(Box::new(Self { service, ..self.clone() }))
            }),
        }
    }

    fn hear_proof(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let honored = self.service.as_honored(account, now);
        match self.service.prove(text, honored.as_ref().unwrap_or(account), now, entropy) {
            Proof::Proven(proven) => self.set_up(Draft::of(*proven), now, entropy),
            Proof::Again(asked) => {
                let Asked { service, effects, messages } = *asked;
                Self { service, ..self.clone() }.ask(effects, messages, Stage::Proving)
            }
            Proof::Over(turn) => turn,
        }
    }

    /// Sets up what was asked for: shows a key, or sends a code.
    fn set_up(&self, draft: Draft, now: Now, entropy: &mut dyn Entropy) -> Turn {
        // The prompts and codes of the proof are not those of the confirmation.
        let service = SelfService { tally: self.service.tally.renewed(), ..self.service.clone() };
        let fresh = Self { service, ..self.clone() };
        match self.method.channel() {
            None => fresh.show(draft, now, entropy),
            Some(channel) => fresh.address(channel, draft, now, entropy),
        }
    }

    /// Shows a new key, once.
    fn show(&self, draft: Draft, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let policy = &self.service.policy;
        let label = self.label_of_new(&draft.account);
        let Some(kind) = new_key(self.method, policy, entropy) else {
            return self.service.out_of_order(&draft.account, now);
        };
        let factor = new_factor(&draft.account, label.as_ref(), kind, now.latest(), entropy);
        let owner = owner_name(&self.service.person, &self.service.host);
        let mut lines = Vec::new();
        let shown = if self.draws_qr { Shown::ByClient } else { Shown::AsText };
        if self.draws_qr {
            let uri = uri(&factor.kind, policy, &owner).map(|uri| Message::Setup(Setup::Uri(uri)));
            lines.extend(uri.map(|uri| Line { style: Style::ShowOnce, messages: vec![uri] }));
        }
        let begun = self.service.event(EventId::EnrollmentBegun, &draft.account, now);
        let (effects, before) = draft.commit(vec![begun]);
        let messages = before.into_iter().chain(screen(&factor.kind, policy, &owner, shown)).collect();
        lines.push(prompt_line(policy.settings.echo, messages));
        let confirming = Confirming { factor: Box::new(factor), distant: Vec::new() };
        self.service.show(effects, lines, |service| self.at(service, Stage::Confirming(confirming)))
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
