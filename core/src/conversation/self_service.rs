//! What the dialogues of self-service share: who asks, the proof by a current code, how they end.
//!
//! Owns the rule that every change needs a current factor first (row S1), throttled in the bucket of the person's own
//! uid, and that every end is recorded. `proving` has the proof; what is changed is left to each dialogue. The account's epoch is noted at the
//! beginning: whatever changes the factors meanwhile, a reset above all, ends the dialogue.

mod proving;

use std::sync::Arc;

use crate::account::{Account, Epoch};
use crate::audit::{AuditEvent, EventId};
use crate::delivery::RequestId;
use crate::factor::Method;
use crate::factor::sent::{Bind, Binding};
use crate::login::{Existence, Host, Person, Source};
use crate::notice::{Around, Notice, notices};
use crate::policy::{EnrolledAfter, Policy};
use crate::secret::Entropy;
use crate::throttle::{Bucket, Standing};
use crate::time::Now;
use crate::words::{Language, Message, Refusal};

use super::login::locked;
use super::proof::{Charged, Check, Distant, Elsewhere};
use super::ways::Way;
use super::{Conversation, Departure, Effect, Line, Reply, State, Style, Tally, Turn, prompt_line, told};

pub(super) use proving::{Asked, Proof, Proven};

/// One change that a person makes to their own factors.
#[derive(Debug, Clone)]
pub(super) struct SelfService {
    pub(super) person: Person,
    pub(super) host: Host,
    pub(super) policy: Arc<Policy>,
    pub(super) language: Language,
    pub(super) tally: Tally,
    /// The account's epoch when the dialogue began.
    pub(super) epoch: Epoch,
    /// What is recorded when nothing comes of it.
    pub(super) failure: EventId,
    /// The method that it is about, for the record.
    pub(super) method: Option<Method>,
    /// Where the last wrong code would have fitted: two may tell about the phone's clock.
    pub(super) distant: Vec<Distant>,
    /// The way of proving that the person chose, or to which a code is sent.
    pub(super) way: Option<Way>,
    /// This dialogue among all, where codes are bound to it.
    pub(super) id: Option<RequestId>,
}

/// Why nothing comes of it: a word for the audit, a sentence for the person.
pub(super) struct Failure {
    pub(super) reason: &'static str,
    pub(super) text: Refusal,
}

impl SelfService {
    pub(super) fn new(
        person: Person,
        host: Host,
        language: Option<Language>,
        policy: Arc<Policy>,
        failure: EventId,
    ) -> Self {
        let language = language.unwrap_or(policy.settings.language);
        Self {
            person,
            host,
            policy,
            language,
            tally: Tally::default(),
            epoch: Epoch::default(),
            failure,
            method: None,
            distant: Vec::new(),
            way: None,
            id: None,
        }
    }

    /// Notes what the dialogue begins with.
    pub(super) fn open(&mut self, account: &Account, entropy: &mut dyn Entropy) {
        self.epoch = account.epoch;
        let is_bound = self.policy.settings.sent.bind == Bind::Login;
        self.id = is_bound.then(|| RequestId::random(entropy));
    }

    /// Tells from when on enrollments count.
    pub(super) fn enrolled_after(&self, now: Now) -> EnrolledAfter {
        self.policy.enrolled_after_of(&self.person, &self.host, now.latest()).into()
    }

    /// Looks at the account as the most lenient rule does, where under the strictest one nothing of it is left: what some rule
    /// honors has to be given before anything is set up that this rule would honor as well.
    pub(super) fn as_honored(&self, account: &Account, now: Now) -> Option<Account> {
        let at = now.latest();
        let honored = self.policy.honored_after_of(&self.person, &self.host, at);
        let seen = account.seen_from(honored, at);
        (!account.is_enrolled() && seen.is_enrolled()).then_some(seen)
    }

    /// Counts an answer.
    pub(super) fn answered(&self) -> Self {
        Self { tally: self.tally.answered(), ..self.clone() }
    }

    /// Counts an answer that is evaluated.
    pub(super) fn tried(&self) -> Self {
        Self { tally: self.tally.tried(), ..self.clone() }
    }

    /// Replies with a prompt; `into` makes the conversation of what has counted it.
    pub(super) fn ask(
        &self,
        effects: Vec<Effect>,
        messages: Vec<Message>,
        into: impl FnOnce(Self) -> Conversation,
    ) -> Turn {
        self.show(effects, vec![prompt_line(self.policy.settings.echo, messages)], into)
    }

    /// Replies with lines, the last of which is a prompt.
    pub(super) fn show(
        &self,
        mut effects: Vec<Effect>,
        lines: Vec<Line>,
        into: impl FnOnce(Self) -> Conversation,
    ) -> Turn {
        effects.push(Effect::Reply(Reply { state: State::Ask, lines }));
        let next = into(Self { tally: self.tally.prompted(), ..self.clone() });
        Turn { next, effects }
    }

    /// Tells why nothing may be evaluated or changed.
    pub(super) fn barrier(&self, account: &Account, now: Now) -> Option<Failure> {
        let help = self.help();
        let Existence::Known { uid, .. } = self.person.existence else {
            return Some(Failure { reason: "unknown-person", text: Refusal::EnrollmentClosed { help } });
        };
        if !self.policy.is_enabled {
            return Some(Failure { reason: "switched-off", text: Refusal::SwitchedOff });
        }
        if account.is_in_doubt() {
            return Some(Failure { reason: "restored", text: Refusal::Restored { help } });
        }
        if account.uids.get(&self.host.id).is_some_and(|seen| *seen != uid) {
            return Some(Failure { reason: "uid-changed", text: Refusal::UidChanged { help } });
        }
        if account.epoch != self.epoch {
            return Some(Failure { reason: "changed-meanwhile", text: Refusal::ChangedMeanwhile });
        }
        match account.throttle.standing(Bucket::Elevation(uid), now.latest()) {
            Standing::Open => None,
            standing @ (Standing::Locked { .. } | Standing::NeedsReset) => {
                Some(Failure { reason: "locked", text: locked(standing, now, help) })
            }
        }
    }

    /// Commits a charged answer; what locked ends the dialogue, and is told by e-mail too.
    pub(super) fn charge(
        &self,
        id: EventId,
        charged: Charged,
        before: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Result<(Account, Vec<Effect>), Turn> {
        let (id, reason) = charged.record(id);
        let Charged { mut account, standing, .. } = charged;
        let messages = match standing {
            Standing::Open => Vec::new(),
            locked @ (Standing::Locked { .. } | Standing::NeedsReset) => {
                let notice = Notice::locked(Source::Local, locked, now);
                self.notify(&notice, before, &mut account, now, entropy)
            }
        };
        let mut effects = vec![
            Effect::Commit(Box::new(account.clone())),
            Effect::Record(AuditEvent { reason, ..self.event(id, &account, now) }),
        ];
        effects.extend(messages);
        if standing == Standing::Open {
            return Ok((account, effects));
        }
        effects.push(Effect::Record(self.event(EventId::ThrottleLocked, &account, now)));
        let failure = Failure { reason: "locked", text: locked(standing, now, self.help()) };
        Err(self.fail(effects, failure, &account, now))
    }

    pub(super) fn check<'a>(&'a self, account: &'a Account, now: Now) -> Check<'a> {
        let (settings, binding, host) = (&self.policy.settings, self.binding(), &self.host.id);
        let elsewhere = Elsewhere::Told;
        Check { account, bucket: self.bucket(), now, settings, binding, host, elsewhere }
    }

    /// Tells which codes that were sent are good here.
    pub(super) fn binding(&self) -> Binding {
        Binding { service: "countersign".to_owned(), source: Source::Local, key: None, login: self.id }
    }

    fn bucket(&self) -> Bucket {
        match self.person.existence {
            Existence::Known { uid, .. } => Bucket::Elevation(uid),
            Existence::Unknown => Bucket::UnknownSource,
        }
    }

    /// Notes the uid under which the person is known on this host.
    pub(super) fn note_uid(&self, account: &mut Account) {
        if let Existence::Known { uid, .. } = self.person.existence {
            account.uids.insert(self.host.id.clone(), uid);
        }
    }

    /// Tells the person of something by e-mail, counted in the account to commit.
    pub(super) fn notify(
        &self,
        notice: &Notice,
        before: &Account,
        after: &mut Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Vec<Effect> {
        let around = Around { person: &self.person, host: &self.host, settings: &self.policy.settings };
        told(notices(notice, before, after, &around, now, entropy))
    }

    pub(super) fn help(&self) -> Option<String> {
        self.policy.settings.help.clone()
    }

    pub(super) fn event(&self, id: EventId, account: &Account, now: Now) -> AuditEvent {
        AuditEvent {
            factor: self.method.map(|method| method.name().to_owned()),
            policy: Some(self.policy.digest.clone()),
            ..AuditEvent::for_person(id, now.wall, &self.host, &self.person, account, "self")
        }
    }

    /// Ends without what was asked for.
    pub(super) fn fail(
        &self,
        mut effects: Vec<Effect>,
        failure: Failure,
        account: &Account,
        now: Now,
    ) -> Turn {
        effects.push(Effect::Record(self.failed(failure.reason, account, now)));
        let line = Line { style: Style::Error, messages: vec![Message::Refusal(failure.text)] };
        effects.push(Effect::Reply(Reply { state: State::Failed, lines: vec![line] }));
        Turn { next: Conversation::End, effects }
    }

    /// Ends without an answer; recorded where a question had been asked.
    pub(super) fn abandon(&self, account: &Account, now: Now, departure: Departure) -> Turn {
        let asked = self.tally.prompts > 0;
        let record = || Effect::Record(self.failed(departure.reason(), account, now));
        Turn { next: Conversation::End, effects: if asked { vec![record()] } else { Vec::new() } }
    }

    fn failed(&self, reason: &str, account: &Account, now: Now) -> AuditEvent {
        AuditEvent {
            reason: Some(reason.to_owned()),
            attempts: Some(self.tally.codes),
            ..self.event(self.failure, account, now)
        }
    }

    /// An answer to a question that was never asked.
    pub(super) fn out_of_order(&self, account: &Account, now: Now) -> Turn {
        let failure = Failure { reason: "out-of-order", text: Refusal::Unavailable { help: self.help() } };
        self.fail(Vec::new(), failure, account, now)
    }
}

impl Failure {
    pub(super) const fn wrong_code() -> Self {
        Self { reason: "wrong-code", text: Refusal::NoRightCode }
    }

    /// There is nothing to prove oneself with, and nothing that could be changed.
    pub(super) const fn nothing_set_up() -> Self {
        Self { reason: "not-enrolled", text: Refusal::NothingSetUp }
    }
}

/// Ends well.
pub(super) fn done(mut effects: Vec<Effect>, messages: Vec<Message>) -> Turn {
    let line = Line { style: Style::Information, messages };
    effects.push(Effect::Reply(Reply { state: State::Done, lines: vec![line] }));
    Turn { next: Conversation::End, effects }
}
