//! What came back: answers after the commit, another try for what was stale, a refusal for all else.
//!
//! Owns the invariant that no reply leaves and no next state is put in place before its commit: only `committed` leads to
//! either.

use std::sync::{Arc, PoisonError};

use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::conversation::{Conversation, Event};
use countersign_core::factor::Method;
use countersign_core::login::Person;
use countersign_protocol::step::{State, Step};

use super::command::{Begun, ConversationId, EngineError};
use super::effects::{Fault, collect, unavailable};
use super::job::{Committed, Fate, Job, Landed, Outcome, Turned, Waiter, Work, goes_on};
use super::registry::{Ending, Entry, Finished, key_of};
use super::{Engine, STALE_LIMIT};

impl Engine {
    pub(super) fn land(&mut self, landed: Result<Vec<Landed>, tokio::task::JoinError>) {
        let landed = match landed {
            Ok(landed) => landed,
            // A panic in the store: nobody knows what was committed. The service starts anew, and every caller is refused.
            Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
        };
        for Landed { key, jobs, fate } in landed {
            if let Some(key) = key {
                self.aloft.remove(&key);
            }
            match fate {
                Fate::Committed(committed) => self.committed(jobs, &committed),
                Fate::Stale => self.again(jobs),
                Fate::Failed(fault) => {
                    for (job, _) in jobs {
                        self.refuse(job, &fault);
                    }
                }
            }
        }
    }

    fn committed(&mut self, jobs: Vec<(Job, Result<Outcome, Fault>)>, committed: &Committed) {
        let Committed { events, queued } = committed;
        if events.iter().any(shows_the_time) {
            self.here.timeline.settle();
        }
        for event in events {
            self.parts.journal.publish(event);
        }
        if *queued > 0 {
            self.messages.notify_one();
        }
        for (job, outcome) in jobs {
            match outcome {
                Ok(outcome) => self.conclude(job, outcome),
                Err(fault) => self.refuse(job, &fault),
            }
        }
    }

    /// Puts stale jobs in front, in their order; who came too late too often is refused.
    fn again(&mut self, jobs: Vec<(Job, Result<Outcome, Fault>)>) {
        for (mut job, _) in jobs.into_iter().rev() {
            job.stale = job.stale.saturating_add(1);
            if job.stale > STALE_LIMIT {
                self.refuse(job, &Fault::Contended);
            } else {
                self.waiting.push_front(job);
            }
        }
    }

    /// Answers what was committed, and puts the next state in place.
    fn conclude(&mut self, job: Job, outcome: Outcome) {
        match (job.work, outcome) {
            (Work::Turn { id, waiter, .. }, Outcome::Turn(turned)) => {
                self.turned(id, job.person, *turned, waiter);
            }
            (Work::Act { reply, .. }, Outcome::Act(done)) => {
                let _ = reply.send(Ok(done));
            }
            (Work::Delete { act, reply, .. }, Outcome::Deleted(done)) => {
                if done.is_ok() {
                    self.fresh.forget(&key_of(&act.target));
                }
                let _ = reply.send(Ok(done));
            }
            (Work::Forget { reply, .. }, Outcome::Forgotten(count)) => {
                let _ = reply.send(Ok(count));
            }
            (
                Work::Record { reply: Some(reply), .. }
                | Work::Delivered { reply, .. }
                | Work::Idled { reply, .. }
                | Work::PasswordChanged { reply, .. },
                Outcome::Recorded,
            ) => {
                let _ = reply.send(Ok(()));
            }
            (
                Work::Turn { .. }
                | Work::Act { .. }
                | Work::Delete { .. }
                | Work::Forget { .. }
                | Work::Idled { .. }
                | Work::Delivered { .. }
                | Work::PasswordChanged { .. }
                | Work::Record { .. },
                _,
            ) => {}
        }
    }

    fn turned(&mut self, id: ConversationId, person: Option<Arc<Person>>, turned: Turned, waiter: Waiter) {
        let Turned { next, step, code_given, known_networks } = turned;
        if goes_on(step.as_ref()) {
            if let Some(entry) = self.registry.entry(id) {
                entry.conversation = Arc::new(next);
                entry.known_networks = known_networks;
                self.release(id);
            }
        } else {
            // Only root opens sessions. The logins of others (lockers) would crowd out those whose session is about to be opened.
            let ended = self.registry.remove(id).filter(|entry| entry.caller.uid == 0);
            if let (Some(step), Some(person), Some(Entry { session, .. })) = (&step, person, ended) {
                self.ended(id, person, Ending { state: step.state, code_given, session });
            }
        }
        match (waiter, step) {
            (Waiter::Begin(reply, ended), Some(step)) => {
                if reply.send(Ok(Begun { id, step, ended })).is_err() {
                    self.end(id, Event::ClientGone);
                }
            }
            (Waiter::Answer(reply), Some(step)) => {
                let _ = reply.send(Ok(step));
            }
            (Waiter::Begin(..) | Waiter::Answer(_) | Waiter::Nobody, _) => {}
        }
    }

    /// Keeps a login that was let in for its session hook, and the code that was given for the session it was asked for in.
    fn ended(&mut self, id: ConversationId, person: Arc<Person>, end: Ending) {
        let Ending { state, code_given, session } = end;
        if !matches!(state, State::Allow | State::Skip) {
            return;
        }
        let at = self.here.timeline.now().since_boot;
        if let (Some(session), Some(epoch)) = (session, code_given) {
            self.fresh.give(session, key_of(&person), epoch, at);
        }
        self.registry.finish(Finished { id, person, end, at });
    }

    /// Refuses what could not be decided or committed; the conversation is over.
    fn refuse(&mut self, job: Job, fault: &Fault) {
        tracing::error!(%fault, "a command was refused");
        match job.work {
            Work::Turn { id, conversation, waiter, .. } => {
                self.registry.remove(id);
                let step = self.unavailable(&conversation, &waiter, fault).ok_or(EngineError::Unavailable);
                match waiter {
                    Waiter::Begin(reply, ended) => {
                        let _ = reply.send(step.map(|step| Begun { id, step, ended }));
                    }
                    Waiter::Answer(reply) => {
                        let _ = reply.send(step);
                    }
                    Waiter::Nobody => {}
                }
            }
            Work::Act { reply, .. } => {
                let is_of_record = matches!(fault, Fault::Unreadable(_));
                let error = if is_of_record { EngineError::Unreadable } else { EngineError::Unavailable };
                let _ = reply.send(Err(error));
            }
            Work::Delete { reply, .. } => {
                let _ = reply.send(Err(EngineError::Unavailable));
            }
            Work::Forget { reply, .. } => {
                let _ = reply.send(Err(EngineError::Unavailable));
            }
            Work::Delivered { reply, .. }
            | Work::Idled { reply, .. }
            | Work::PasswordChanged { reply, .. } => {
                let _ = reply.send(Err(EngineError::Unavailable));
            }
            Work::Record { reply, .. } => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(EngineError::Unavailable));
                }
            }
        }
    }

    /// Makes the last step of a login that was refused because something did not work, and tells the journal: the audit
    /// cannot hold it. Other dialogues have no such step.
    fn unavailable(&self, conversation: &Conversation, waiter: &Waiter, fault: &Fault) -> Option<Step> {
        if matches!(waiter, Waiter::Nobody) {
            return None;
        }
        let entropy = &self.parts.tools.entropy;
        let now = self.here.timeline.now();
        let turn = {
            let mut entropy = entropy.lock().unwrap_or_else(PoisonError::into_inner);
            conversation.unavailable(fault.word(), now, &mut *entropy)?
        };
        let told = collect(turn.effects, true, conversation.voice()).ok();
        for event in told.iter().flat_map(|told| &told.events) {
            self.parts.journal.publish(event);
        }
        Some(told.and_then(|told| told.step).unwrap_or_else(unavailable))
    }
}

/// Tells whether an app, whose clock is its own, showed the code of the present.
fn shows_the_time(event: &AuditEvent) -> bool {
    matches!(event.event, EventId::LoginAllowed | EventId::TestPassed)
        && event.factor.as_deref() == Some(Method::Totp.name())
}
