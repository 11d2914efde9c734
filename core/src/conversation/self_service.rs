//! What the dialogues of self-service share: who asks, the proof by a current code, how they end.
//!
//! Owns the rule that every change needs a current factor first (row S1), throttled in the bucket of the person's own
//! uid, and that every end is recorded. Leaves to `enrollment` and `removal` what is changed. The account's epoch is
//! noted at the beginning: whatever changes the factors meanwhile, a reset above all, ends the dialogue.

use std::sync::Arc;

use crate::account::{Account, Epoch};
use crate::audit::{AuditEvent, EventId};
use crate::factor::Method;
use crate::login::{Existence, Host, Person};
use crate::policy::Policy;
use crate::throttle::{Bucket, Standing};
use crate::time::Now;
use crate::words::{Language, Message, Note, Refusal};

use super::answer::{Answer, Word, read};
use super::login::locked;
use super::proof::{Charged, Outcome, Trial};
use super::{Conversation, Departure, Effect, Line, PROMPT_LIMIT, Reply, State, Style, Tally, Turn};

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
}

/// Why nothing comes of it: a word for the audit, a sentence for the person.
pub(super) struct Failure {
    pub(super) reason: &'static str,
    pub(super) text: Refusal,
}

/// What came of a current code.
pub(super) enum Proof {
    /// It was right; this account is to be committed, with whatever follows from it.
    Proven(Account),
    /// Another one is asked for.
    Again {
        /// The state that has counted it.
        service: SelfService,
        effects: Vec<Effect>,
        note: Note,
    },
    /// The dialogue is over.
    Over(Turn),
}

/// The methods that prove who asks: any that the person has.
const PROVING: [Method; 1] = [Method::Totp];

impl SelfService {
    /// Tells why nothing may be evaluated or changed.
    pub(super) fn barrier(&self, account: &Account, now: Now) -> Option<Failure> {
        let help = self.help();
        let Existence::Known { uid, .. } = self.person.existence else {
            return Some(Failure { reason: "unknown-person", text: Refusal::EnrollmentClosed { help } });
        };
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

    /// Evaluates an answer as a current code.
    pub(super) fn prove(&self, text: &str, account: &Account, now: Now) -> Proof {
        if let Some(failure) = self.barrier(account, now) {
            return Proof::Over(self.fail(Vec::new(), failure, account, now));
        }
        match read(text, &[Word::Help]) {
            Answer::Nothing => self.again(Vec::new(), Note::EnterCode { help: self.help() }, account, now),
            Answer::Word(_) => self.again(Vec::new(), Note::CodeWords { help: self.help() }, account, now),
            Answer::Code(code) => {
                let tried = Self { tally: self.tally.tried(), ..self.clone() };
                tried.evaluate(&code, account, now)
            }
        }
    }

    fn evaluate(&self, code: &str, account: &Account, now: Now) -> Proof {
        match self.trial(account, now).against_active(code, &PROVING) {
            Outcome::Right { account, .. } => Proof::Proven(account),
            Outcome::Repeated { next } => {
                let record = Effect::Record(self.event(EventId::CodeRepeated, account, now));
                self.again(vec![record], Note::RepeatedCode { next }, account, now)
            }
            Outcome::Wrong(charged) => match self.charge(charged, now) {
                Ok((account, effects)) => self.again(effects, Note::WrongCode, &account, now),
                Err(turn) => Proof::Over(turn),
            },
        }
    }

    /// Commits a charged answer; what locked ends the dialogue.
    pub(super) fn charge(&self, charged: Charged, now: Now) -> Result<(Account, Vec<Effect>), Turn> {
        let Charged { account, standing, .. } = charged;
        let mut effects = vec![
            Effect::Commit(Box::new(account.clone())),
            Effect::Record(self.event(EventId::CodeWrong, &account, now)),
        ];
        if standing == Standing::Open {
            return Ok((account, effects));
        }
        effects.push(Effect::Record(self.event(EventId::ThrottleLocked, &account, now)));
        let failure = Failure { reason: "locked", text: locked(standing, now, self.help()) };
        Err(self.fail(effects, failure, &account, now))
    }

    fn again(&self, effects: Vec<Effect>, note: Note, account: &Account, now: Now) -> Proof {
        if self.tally.prompts < PROMPT_LIMIT {
            return Proof::Again { service: self.clone(), effects, note };
        }
        Proof::Over(self.fail(effects, Failure::wrong_code(), account, now))
    }

    pub(super) fn trial<'a>(&'a self, account: &'a Account, now: Now) -> Trial<'a> {
        Trial { account, bucket: self.bucket(), now, settings: &self.policy.settings }
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

    pub(super) fn help(&self) -> Option<String> {
        self.policy.settings.help.clone()
    }

    pub(super) fn event(&self, id: EventId, account: &Account, now: Now) -> AuditEvent {
        AuditEvent {
            factor: Some(Method::Totp.name().to_owned()),
            policy: Some(self.policy.digest.clone()),
            ..AuditEvent::for_person(id, now.latest(), &self.host, &self.person, account, "self")
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
        let failure = Failure { reason: "out-of-order", text: Refusal::Unavailable };
        self.fail(Vec::new(), failure, account, now)
    }
}

impl Failure {
    pub(super) const fn wrong_code() -> Self {
        Self { reason: "wrong-code", text: Refusal::NoRightCode }
    }
}

/// Ends well.
pub(super) fn done(mut effects: Vec<Effect>, message: Message) -> Turn {
    let line = Line { style: Style::Information, messages: vec![message] };
    effects.push(Effect::Reply(Reply { state: State::Done, lines: vec![line] }));
    Turn { next: Conversation::End, effects }
}
