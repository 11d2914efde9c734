//! The dialogue of one login.
//!
//! Owns who is asked, told or let through, and in which words. Policy is decided once, at the beginning, and holds to
//! the end (row P8). `opening` has the first turn, `asking` codes, `posting` those that are sent, `inviting`
//! invitations, `enrolling` the first factor, `saving` its backup codes, `renewing` what is said and asked where an
//! older one is void, `skipping` its being put off, `remembering` places, `freshness` codes given a while ago, `accepting` security
//! keys, `watching` decisions that are not in force, `foreseeing` what all of that comes to, `record` how it ends,
//! `telling` what goes out by e-mail. Leaves the evaluation of an answer to `proof`. Never lets in or skips a person
//! whom the name service does not know; never evaluates an answer while a bucket is locked.

mod accepting;
mod addressing;
mod asking;
mod choosing;
mod enrolling;
mod foreseeing;
mod freshness;
mod inviting;
mod opening;
mod posting;
mod record;
mod remembering;
mod renewing;
mod saving;
mod skipping;
mod telling;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use crate::account::{Account, AccountKey, Coverage, HostId};
use crate::delivery::{Channel, RequestId};
use crate::factor::sent::Bind;
use crate::login::{Existence, FirstFactor, LoginRequest, Person, Source};
use crate::policy::{Decision, Policy, Settings};
use crate::secret::Entropy;
use crate::throttle::{Bucket, Standing};
use crate::time::{Now, WallTime};
use crate::words::{Language, Message};

use super::answer::{Answer, Expected, Word, read};
use super::proof::{Check, Elsewhere};
use super::{
    CONVERSATION_LIMIT, Conversation, Departure, ENROLLING_LIMIT, Effect, Event, Reply, State, Tally, Turn,
    prompt_line,
};

use asking::Asking;
use enrolling::{Enrolling, Progress};
use opening::Grounds;
use renewing::{Purpose, say_what_is_void};
use saving::Saving;

pub use foreseeing::{Course, Foresight, foresee};
pub(super) use opening::locked;

/// One login under way.
#[derive(Debug, Clone)]
pub struct Login {
    request: LoginRequest,
    policy: Arc<Policy>,
    decision: Decision,
    /// This login among all, where codes are bound to it.
    id: Option<RequestId>,
    tally: Tally,
    /// What a code that is asked for opens.
    purpose: Purpose,
    /// Why a user who sees the prompts gets in without a code: they are asked only because others could watch.
    exempt: Option<&'static str>,
    stage: Stage,
}

/// Where the dialogue is.
#[derive(Debug, Clone)]
enum Stage {
    /// Nothing was asked yet.
    Begin,
    /// A code was asked for.
    Asking(Asking),
    /// An invitation was asked for.
    Inviting,
    /// The person was told why there is no way in; whatever is answered ends the login.
    Telling(Grounds),
    /// Which way to set up was asked for.
    Choosing(Progress),
    /// An address or number was asked for.
    Addressing(Channel, Progress),
    /// A first factor is being set up.
    Enrolling(Enrolling),
    /// It is set up, and its backup codes are shown.
    Saving(Saving),
}

impl Login {
    /// Begins a login under the policy in force, which decides here, once.
    #[must_use]
    pub fn begin(request: LoginRequest, policy: Arc<Policy>) -> Conversation {
        Conversation::Login(Box::new(Self::new(request, policy)))
    }

    fn new(request: LoginRequest, policy: Arc<Policy>) -> Self {
        let decision = policy.decide(&request);
        Self {
            request,
            policy,
            decision,
            id: None,
            tally: Tally::default(),
            purpose: Purpose::Entry,
            exempt: None,
            stage: Stage::Begin,
        }
    }

    /// Decides what follows from an event; `account` is as the decision sees it.
    pub(super) fn decide(
        &self,
        event: Event,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let turn = match event {
            Event::Begun => {
                let is_bound = self.policy.settings.sent.bind == Bind::Login;
                let may_ask = self.passage().is_none();
                let id = (is_bound && may_ask).then(|| RequestId::random(entropy));
                let begun = Self { id, ..self.clone() };
                let opened = say_what_is_void(begun.open(account, now, entropy), account);
                begun.offer_on(opened, account, now)
            }
            Event::Answered(text) => {
                let heard = Self { tally: self.tally.answered(), ..self.clone() };
                heard.hear(&text, account, now, entropy)
            }
            Event::DeadlineReached => self.abandon(account, now, Departure::Deadline),
            Event::ClientGone => self.abandon(account, now, Departure::Client),
            Event::Evicted => self.abandon(account, now, Departure::Evicted),
        };
        self.tell_by_mail(turn, account, now, entropy)
    }

    /// Tells how long the login may last from its beginning: longer once enrolling is offered.
    #[must_use]
    pub const fn time_limit(&self) -> Duration {
        match self.stage {
            Stage::Choosing(_) | Stage::Addressing(..) | Stage::Enrolling(_) | Stage::Saving(_) => {
                ENROLLING_LIMIT
            }
            Stage::Begin | Stage::Asking(_) | Stage::Inviting | Stage::Telling(_) => CONVERSATION_LIMIT,
        }
    }

    /// Tells the language of the dialogue: the context's, else the file's.
    #[must_use]
    pub fn language(&self) -> Language {
        self.request.language.unwrap_or(self.policy.settings.language)
    }

    /// Lends what holds for all rules of the policy under which the login began.
    pub(super) fn settings(&self) -> &Settings {
        &self.policy.settings
    }

    /// Tells whether the person has given any answer.
    #[must_use]
    pub const fn answered(&self) -> bool {
        self.tally.answers > 0
    }

    /// Lends the decision under which the login began.
    pub(super) const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Tells who logs in.
    #[must_use]
    pub const fn person(&self) -> &Person {
        &self.request.person
    }

    /// Tells where from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.request.source
    }

    fn hear(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let text = match self.hear_skip(text, account, now) {
            Ok(turn) => return turn,
            Err(text) => text,
        };
        let turn = self.hear_at_stage(text, account, now, entropy);
        match read(text, &[Word::Help], Expected::NoCode) {
            Answer::Word(Word::Help) => self.offer_on(turn, account, now),
            Answer::Nothing | Answer::Word(_) | Answer::Code(_) | Answer::Other(_) => turn,
        }
    }

    fn hear_at_stage(&self, text: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match &self.stage {
            // An answer to a question that was never asked: nothing of ours does that.
            Stage::Begin => self.unavailable("out-of-order", account, now),
            Stage::Asking(asking) => match self.purpose {
                Purpose::Entry => self.hear_code(text, asking, account, now, entropy),
                Purpose::Renewal => self.hear_renewal(text, asking, account, now, entropy),
            },
            Stage::Inviting => self.hear_invitation(text, account, now, entropy),
            Stage::Telling(grounds) => self.refuse(Vec::new(), *grounds, Vec::new(), account, now),
            Stage::Choosing(progress) => self.hear_choice(text, *progress, account, now, entropy),
            Stage::Addressing(channel, progress) => {
                self.hear_address(text, (*channel, *progress), account, now, entropy)
            }
            Stage::Enrolling(enrolling) => self.hear_enrolling(text, enrolling, account, now, entropy),
            Stage::Saving(saving) => self.hear_saved(text, saving, account, now),
        }
    }

    /// Replies with a prompt.
    fn ask(&self, mut effects: Vec<Effect>, messages: Vec<Message>, stage: Stage) -> Turn {
        let line = prompt_line(self.policy.settings.echo, messages);
        effects.push(Effect::Reply(Reply { state: State::Ask, lines: vec![line] }));
        let next = Self { tally: self.tally.prompted(), stage, ..self.clone() };
        Turn { next: Conversation::Login(Box::new(next)), effects }
    }

    fn check<'a>(&'a self, account: &'a Account, now: Now) -> Check<'a> {
        let (bucket, binding) = (self.bucket(account, now), self.binding());
        let elsewhere = match self.request.first_factor {
            FirstFactor::Settled => Elsewhere::Told,
            FirstFactor::Late => Elsewhere::Wrong,
        };
        Check {
            account,
            bucket,
            now,
            settings: &self.policy.settings,
            binding,
            host: self.host_id(),
            elsewhere,
        }
    }

    fn bucket(&self, account: &Account, now: Now) -> Bucket {
        Bucket::of(&self.request, account, now.latest())
    }

    fn standing(&self, account: &Account, now: Now) -> Standing {
        account.throttle.standing(self.bucket(account, now), now.latest())
    }

    fn help(&self) -> Option<String> {
        self.policy.settings.help.clone()
    }

    /// Notes since when the deciding rule covers the person, unless another of theirs was first.
    fn cover(&self, account: &mut Account, at: WallTime) {
        let LoginRequest { person, host, .. } = &self.request;
        let rule = &self.decision.rule;
        if self.policy.covered_since(rule, person, host, account).is_none() {
            account.coverage = Some(Coverage { rule: rule.clone(), since: at });
        }
    }

    /// Notes the uid under which the person is known on this host.
    fn note_uid(&self, account: &mut Account) {
        if let Existence::Known { uid, .. } = self.request.person.existence {
            account.uids.insert(self.host_id().clone(), uid);
        }
    }

    /// Makes an account that stands in for the person's own, of which nothing is known.
    pub(super) fn unknown_account(&self, entropy: &mut dyn Entropy) -> Account {
        let Person { realm, name, .. } = &self.request.person;
        Account::new(AccountKey { realm: realm.clone(), name: name.clone() }, entropy)
    }

    const fn host_id(&self) -> &HostId {
        &self.request.host.id
    }
}
