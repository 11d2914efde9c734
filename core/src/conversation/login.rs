//! The dialogue of one login.
//!
//! Owns who is asked, told or let through, and in which words. Policy is decided once, at the beginning, and holds to
//! the end (row P8). Leaves the evaluation of a code to `proof`, first enrollment to `enrolling`. Never lets in or
//! skips a person whom the name service does not know; never evaluates an answer while a bucket is locked.

mod enrolling;
mod opening;
mod record;

use std::sync::Arc;
use std::time::Duration;

use crate::account::{Account, Coverage, HostId};
use crate::audit::{AuditEvent, EventId};
use crate::login::{Existence, LoginRequest, Person, Source};
use crate::policy::{Decision, Policy};
use crate::secret::Entropy;
use crate::throttle::{Bucket, Standing};
use crate::time::{Now, WallTime};
use crate::words::{Language, Message, Note, Prompt, Refusal};

use super::answer::{Answer, Word, read};
use super::proof::{Charged, Distant, Outcome, Trial, clock_off};
use super::{
    CONVERSATION_LIMIT, Conversation, Departure, ENROLLING_LIMIT, Effect, Event, PROMPT_LIMIT, Reply, State,
    Tally, Turn, prompt_line, with_prompt,
};

use enrolling::Enrolling;
use opening::{Grounds, Manner};

pub(super) use opening::locked;

/// One login under way.
#[derive(Debug, Clone)]
pub struct Login {
    request: LoginRequest,
    policy: Arc<Policy>,
    decision: Decision,
    tally: Tally,
    stage: Stage,
}

/// Where the dialogue is.
#[derive(Debug, Clone)]
enum Stage {
    /// Nothing was asked yet.
    Begin,
    /// A code was asked for; the last wrong one may tell about the phone's clock.
    Asking {
        /// Where the last wrong code would have fitted.
        distant: Vec<Distant>,
    },
    /// The person was told why there is no way in; whatever is answered ends the login.
    Telling(Grounds),
    /// A first factor is being set up.
    Enrolling(Enrolling),
}

impl Login {
    /// Begins a login under the policy in force, which decides here, once.
    #[must_use]
    pub fn begin(request: LoginRequest, policy: Arc<Policy>) -> Conversation {
        let decision = policy.decide(&request);
        Conversation::Login(Box::new(Self {
            request,
            policy,
            decision,
            tally: Tally::default(),
            stage: Stage::Begin,
        }))
    }

    /// Decides what follows from an event.
    pub fn decide(&self, event: Event, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match event {
            Event::Begun => self.open(account, now, entropy),
            Event::Answered(text) => {
                let heard = Self { tally: self.tally.answered(), ..self.clone() };
                heard.hear(&text, account, now, entropy)
            }
            Event::DeadlineReached => self.abandon(account, now, Departure::Deadline),
            Event::ClientGone => self.abandon(account, now, Departure::Client),
        }
    }

    /// Tells how long the login may last from its beginning: longer once enrolling is offered.
    #[must_use]
    pub const fn time_limit(&self) -> Duration {
        match self.stage {
            Stage::Enrolling(_) => ENROLLING_LIMIT,
            Stage::Begin | Stage::Asking { .. } | Stage::Telling(_) => CONVERSATION_LIMIT,
        }
    }

    /// Tells the language of the dialogue: the context's, else the file's.
    #[must_use]
    pub fn language(&self) -> Language {
        self.request.language.unwrap_or(self.policy.settings.language)
    }

    /// Tells whether the person has given any answer.
    #[must_use]
    pub const fn answered(&self) -> bool {
        self.tally.answers > 0
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
        match &self.stage {
            // An answer to a question that was never asked: nothing of ours does that.
            Stage::Begin => self.unavailable(account, now),
            Stage::Asking { distant } => self.hear_code(text, distant, account, now),
            Stage::Telling(grounds) => self.refuse(Vec::new(), *grounds, Vec::new(), account, now),
            Stage::Enrolling(enrolling) => self.hear_enrolling(text, enrolling, account, now, entropy),
        }
    }

    fn hear_code(&self, text: &str, distant: &[Distant], account: &Account, now: Now) -> Turn {
        match read(text, &[Word::Help]) {
            Answer::Nothing => {
                self.ask_again(Vec::new(), Note::EnterCode { help: self.help() }, Vec::new(), account, now)
            }
            Answer::Word(_) => {
                self.ask_again(Vec::new(), Note::CodeWords { help: self.help() }, Vec::new(), account, now)
            }
            Answer::Code(code) => {
                let tried = Self { tally: self.tally.tried(), ..self.clone() };
                match tried.obstacle(account, now) {
                    Some(grounds) => tried.evaluate_nothing(grounds, account, now),
                    None => tried.evaluate(&code, distant, account, now),
                }
            }
        }
    }

    /// Answers a code that may not be evaluated; where others could watch, as if it had been wrong.
    fn evaluate_nothing(&self, grounds: Grounds, account: &Account, now: Now) -> Turn {
        match self.manner(grounds) {
            // The record is written for the sake of time as well: a wrong code takes a commit.
            Manner::Pretend => {
                let record = AuditEvent {
                    reason: Some("not-evaluated".into()),
                    ..self.event(EventId::CodeWrong, account, now)
                };
                self.ask_again(vec![Effect::Record(record)], Note::WrongCode, Vec::new(), account, now)
            }
            Manner::Tell => {
                let text = self.explain(grounds, now);
                self.refuse(Vec::new(), grounds, vec![text], account, now)
            }
        }
    }

    fn evaluate(&self, code: &str, before: &[Distant], account: &Account, now: Now) -> Turn {
        let trial = self.trial(account, now);
        match trial.against_active(code, &self.decision.methods) {
            Outcome::Right { account, method } => self.allow(Vec::new(), account, method, Vec::new(), now),
            Outcome::Repeated { next } => {
                let record = self.event(EventId::CodeRepeated, account, now);
                let note = match self.manner(Grounds::WrongCode) {
                    Manner::Tell => Note::RepeatedCode { next },
                    Manner::Pretend => Note::WrongCode,
                };
                self.ask_again(vec![Effect::Record(record)], note, Vec::new(), account, now)
            }
            Outcome::Wrong(charged) => {
                let note = self.note_of(before, &charged);
                self.charge(charged, now, |login, effects, distant, account| {
                    login.ask_again(effects, note, distant, account, now)
                })
            }
        }
    }

    /// Commits a charged answer; the login ends if that locked, else `go_on` says how it goes on.
    fn charge(
        &self,
        charged: Charged,
        now: Now,
        go_on: impl FnOnce(&Self, Vec<Effect>, Vec<Distant>, &Account) -> Turn,
    ) -> Turn {
        let Charged { mut account, standing, distant } = charged;
        self.cover(&mut account, now.latest());
        let mut effects = vec![Effect::Commit(Box::new(account.clone()))];
        effects.push(Effect::Record(self.event(EventId::CodeWrong, &account, now)));
        if standing == Standing::Open {
            return go_on(self, effects, distant, &account);
        }
        effects.push(Effect::Record(self.event(EventId::ThrottleLocked, &account, now)));
        let grounds = Grounds::Locked(standing);
        match self.manner(grounds) {
            Manner::Pretend => go_on(self, effects, distant, &account),
            Manner::Tell => self.refuse(effects, grounds, vec![self.explain(grounds, now)], &account, now),
        }
    }

    fn note_of(&self, before: &[Distant], charged: &Charged) -> Note {
        match self.manner(Grounds::WrongCode) {
            Manner::Tell => clock_off(before, &charged.distant).unwrap_or(Note::WrongCode),
            Manner::Pretend => Note::WrongCode,
        }
    }

    /// Asks for a code once more, or refuses when the prompts are used up.
    fn ask_again(
        &self,
        effects: Vec<Effect>,
        note: Note,
        distant: Vec<Distant>,
        account: &Account,
        now: Now,
    ) -> Turn {
        if self.tally.prompts >= PROMPT_LIMIT {
            let grounds = self.obstacle(account, now).unwrap_or(Grounds::WrongCode);
            return self.refuse(effects, grounds, vec![Message::Refusal(Refusal::NoRightCode)], account, now);
        }
        self.ask(effects, with_prompt([Message::Note(note)], Prompt::Code), Stage::Asking { distant })
    }

    /// Replies with a prompt.
    fn ask(&self, mut effects: Vec<Effect>, messages: Vec<Message>, stage: Stage) -> Turn {
        let line = prompt_line(self.policy.settings.echo, messages);
        effects.push(Effect::Reply(Reply { state: State::Ask, lines: vec![line] }));
        let next = Self { tally: self.tally.prompted(), stage, ..self.clone() };
        Turn { next: Conversation::Login(Box::new(next)), effects }
    }

    fn trial<'a>(&'a self, account: &'a Account, now: Now) -> Trial<'a> {
        Trial { account, bucket: self.bucket(account, now), now, settings: &self.policy.settings }
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

    /// Notes since when the deciding rule covers the person.
    fn cover(&self, account: &mut Account, at: WallTime) {
        let rule = &self.decision.rule;
        if account.coverage.as_ref().is_none_or(|coverage| coverage.rule != *rule) {
            account.coverage = Some(Coverage { rule: rule.clone(), since: at });
        }
    }

    /// Notes the uid under which the person is known on this host.
    fn note_uid(&self, account: &mut Account) {
        if let Existence::Known { uid, .. } = self.request.person.existence {
            account.uids.insert(self.host_id().clone(), uid);
        }
    }

    const fn host_id(&self) -> &HostId {
        &self.request.host.id
    }
}
