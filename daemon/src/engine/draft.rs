//! The jobs of one person, decided one after the other, each on the result of the one before.
//!
//! Owns turning them into one change. Leaves decisions to core, and loading and committing to `flight`. A message is queued
//! only by a decision that was made with what the outbox knows of its recipient and of this host; what was decided without
//! that is decided again.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::Duration;

use countersign_core::account::{Account, AccountKey, HostId, KnownSource};
use countersign_core::audit::{AuditEvent, EventId, Subject, TEXT_LIMIT};
use countersign_core::conversation::{Conversation, Event};
use countersign_core::delivery::{self, Finished, Outgoing, Progress, Purpose, Recipient, Report, RequestId};
use countersign_core::helpdesk::{self, Act, Done, Invited, Issued};
use countersign_core::idle;
use countersign_core::login::{Existence, Host, Person, network};
use countersign_core::policy::Policy;
use countersign_core::remember::{self, Forgotten, IdleSession, Idled, Places};
use countersign_core::secret::Entropy;
use countersign_core::sending::OutboxFacts;
use countersign_core::time::Now;

use super::command::{ActDone, Deed, NotDone, OnFile};
use super::effects::{Fault, collect};
use super::facts::{Facts, Opened};
use super::flight::{Here, Tools};
use super::job::{Fate, Job, Landed, Outcome, Sheaf, Turned, Waiter, Work};
use super::registry::key_of;
use crate::store::Change;
use crate::store::outbox::Queued;

/// Decides the jobs of one person. Without a change they are to be decided again.
pub(super) fn decide(
    tools: &Tools,
    facts: &mut Facts<'_>,
    wanted: &BTreeSet<Recipient>,
    here: &Here,
    sheaf: Sheaf,
    stored: Option<Account>,
) -> (Landed, Option<Change>) {
    let mut now = here.timeline.now();
    let ahead = stored.as_ref().and_then(|account| account.ahead_of(&now));
    if let Some(account) = stored.as_ref().filter(|_| ahead.is_none()) {
        // Another host may be a little ahead. An account goes on with its own time, and never back.
        now.floor = now.floor.max(account.changed);
    }
    let mut draft = Draft::new(stored, facts.open(wanted, now.latest()));
    if let Some(ahead) = ahead {
        draft.bound(ahead, &here.host, now);
    }
    let Sheaf { key, jobs } = sheaf;
    let follow = |job| {
        let outcome = catch_unwind(AssertUnwindSafe(|| draft.follow(&job, now, tools)));
        (job, outcome.unwrap_or(Err(Fault::Panicked)))
    };
    let mut jobs: Vec<(Job, Result<Outcome, Fault>)> = jobs.into_iter().map(follow).collect();
    // Who is decided again is told of what was tried, whatever was in the way.
    for (job, _) in &mut jobs {
        job.recipients.extend(draft.outgoing.iter().map(|queued| queued.outgoing.recipient.clone()));
    }
    if draft.is_uninformed {
        return (Landed { key, jobs, fate: Fate::Stale }, None);
    }
    // The fate is what the store says; until then it is the one that refuses.
    let fate = Fate::Failed(Fault::Store("it did not commit".to_owned()));
    (Landed { key, jobs, fate }, Some(draft.into_change()))
}

/// A person's account while their jobs of one batch are decided.
struct Draft<'a> {
    account: Option<Account>,
    is_changed: bool,
    events: Vec<AuditEvent>,
    outgoing: Vec<Queued>,
    redeemed: Vec<RequestId>,
    settled: Vec<(RequestId, Progress)>,
    known: Option<Opened<'a>>,
    /// Something was sent by a decision that did not know what the outbox knows.
    is_uninformed: bool,
}

impl<'a> Draft<'a> {
    const fn new(account: Option<Account>, known: Option<Opened<'a>>) -> Self {
        Self {
            account,
            is_changed: false,
            events: Vec::new(),
            outgoing: Vec::new(),
            redeemed: Vec::new(),
            settled: Vec::new(),
            known,
            is_uninformed: false,
        }
    }

    fn into_change(self) -> Change {
        let Self { account, is_changed, events, outgoing, redeemed, settled, known, is_uninformed: _ } = self;
        if let Some(known) = known {
            known.close(&outgoing);
        }
        Change { account: account.filter(|_| is_changed), events, outgoing, redeemed, settled }
    }

    /// Takes an account in that a host changed whose clock is ahead of this one's: no time of it lies further ahead than its
    /// rule lets it. Which host that was, is one of those at which the person was seen.
    fn bound(&mut self, ahead: Duration, host: &Host, now: Now) {
        let Some(account) = &mut self.account else { return };
        let others = account.uids.keys().filter(|other| **other != host.id);
        let others: Vec<&str> = others.map(HostId::as_str).collect();
        let reason = format!("another host ahead by {} s: {}", ahead.as_secs(), others.join(" "));
        let subject = Subject {
            user: account.key.name.to_string(),
            realm: account.key.realm.to_string(),
            account: Some(account.id.to_string()),
        };
        self.events.push(AuditEvent {
            subject: Some(subject),
            reason: Some(reason.chars().take(TEXT_LIMIT).collect()),
            ..AuditEvent::new(EventId::ClockFault, now.wall, &host.name, "service")
        });
        *account = account.bounded(now.latest());
        self.is_changed = true;
    }

    /// Lends what the outbox knows, for one decision.
    fn facts(&self) -> OutboxFacts {
        self.known.as_ref().map(|known| known.facts().clone()).unwrap_or_default()
    }

    fn queue(&mut self, messages: Vec<Outgoing>) {
        for outgoing in messages {
            let newest = self.known.as_ref().and_then(|known| known.newest(&outgoing.recipient));
            self.is_uninformed |=
                self.known.is_none() || (outgoing.purpose == Purpose::Code && newest.is_none());
            let queued = Queued { outgoing, seen: newest.unwrap_or_default() };
            if let Some(known) = &mut self.known {
                known.note(&queued);
            }
            self.outgoing.push(queued);
        }
    }

    fn follow(&mut self, job: &Job, now: Now, tools: &Tools) -> Result<Outcome, Fault> {
        match &job.work {
            Work::Turn { conversation, event, waiter, .. } => {
                let person = job.person.as_deref().ok_or(Fault::UnknownPerson)?;
                self.turn(person, conversation, event, waiter, now, tools)
            }
            Work::Act { act, deed, policy, .. } => Ok(Outcome::Act(self.act(act, deed, policy, now, tools))),
            // Deletions travel alone, through `removal`.
            Work::Delete { .. } => Err(Fault::Store("a deletion among other jobs".to_owned())),
            Work::Forget { places, host, .. } => {
                let person = job.person.as_deref().ok_or(Fault::UnknownPerson)?;
                Ok(Outcome::Forgotten(self.forget(person, host, *places, now)))
            }
            Work::Idled { session, step, host, .. } => {
                let person = job.person.as_deref().ok_or(Fault::UnknownPerson)?;
                self.idled(person, session, *step, host, now, tools);
                Ok(Outcome::Recorded)
            }
            Work::Delivered { key, report, host, .. } => {
                self.delivered(key.as_ref(), report, host, now);
                Ok(Outcome::Recorded)
            }
            Work::PasswordChanged { event, .. } => {
                self.events.push(AuditEvent::clone(event));
                if let Some(account) = self.account.as_mut().filter(|_| job.is_about_somebody_known()) {
                    account.password_changed(now);
                    self.is_changed = true;
                }
                Ok(Outcome::Recorded)
            }
            Work::Record { event, .. } => {
                self.events.push(AuditEvent::clone(event));
                Ok(Outcome::Recorded)
            }
        }
    }

    fn turn(
        &mut self,
        person: &Person,
        conversation: &Conversation,
        event: &Event,
        waiter: &Waiter,
        now: Now,
        tools: &Tools,
    ) -> Result<Outcome, Fault> {
        let is_known = matches!(person.existence, Existence::Known { .. });
        let mut entropy = tools.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing that lies in the store under the name of an unknown person may serve them.
        let mut account = match &self.account {
            Some(account) if is_known => account.clone(),
            Some(_) | None => tools.store.settle(Account::new(key_of(person), &mut *entropy)),
        };
        account.outbox = self.facts();
        let turn = conversation.decide(event.clone(), &account, now, &mut *entropy);
        let is_due = !matches!(waiter, Waiter::Nobody);
        let collected = collect(turn.effects, is_due, conversation.voice())?;
        if let Some(changed) = collected.account {
            if !is_known {
                return Err(Fault::UnknownPerson);
            }
            self.account = Some(Account { revision: account.revision, ..changed });
            self.is_changed = true;
        }
        self.events.extend(collected.events);
        self.redeemed.extend(collected.redeemed);
        self.queue(collected.outgoing);
        let (step, code_given) = (collected.step, collected.code_given);
        let known_networks = self.account.as_ref().filter(|_| is_known).map(|account| {
            let known = |known: &&KnownSource| known.covers(known.address, now.latest());
            account.known_sources.iter().filter(known).map(|known| network(known.address)).collect()
        });
        let known_networks = known_networks.unwrap_or_default();
        Ok(Outcome::Turn(Box::new(Turned { next: turn.next, step, code_given, known_networks })))
    }

    /// Takes the end of a message in: into the account, the audit and the outbox at once.
    fn delivered(&mut self, key: Option<&AccountKey>, report: &Report, host: &Host, now: Now) {
        let Finished { account, event } = delivery::finished(key, self.account.as_ref(), report, host, now);
        if account.is_some() {
            self.account = account;
            self.is_changed = true;
        }
        self.events.extend(event);
        self.settled.push((report.request, report.progress));
    }

    /// Takes a step about an idle session in; who has no account has nothing that ends with it.
    fn idled(
        &mut self,
        person: &Person,
        session: &IdleSession,
        step: idle::Step,
        host: &Host,
        now: Now,
        tools: &Tools,
    ) {
        let mut entropy = tools.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let account = self.account.clone();
        let account =
            account.unwrap_or_else(|| tools.store.settle(Account::new(key_of(person), &mut *entropy)));
        let Some(Idled { account: after, event }) =
            remember::idled(&account, person, host, session, step, now)
        else {
            return;
        };
        if after.is_some() {
            self.account = after;
            self.is_changed = true;
        }
        self.events.push(event);
    }

    /// Forgets places; who has no account has none.
    fn forget(&mut self, person: &Person, host: &Host, places: Places, now: Now) -> usize {
        let forgotten =
            self.account.as_ref().and_then(|account| remember::forget(account, person, host, places, now));
        let Some(Forgotten { account, event, count }) = forgotten else { return 0 };
        self.account = Some(account);
        self.is_changed = true;
        self.events.push(event);
        count
    }

    fn act(
        &mut self,
        act: &Act,
        deed: &Deed,
        policy: &Policy,
        now: Now,
        tools: &Tools,
    ) -> Result<ActDone, NotDone> {
        let mut entropy = tools.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = self.account.clone();
        let mut account =
            stored.unwrap_or_else(|| tools.store.settle(Account::new(key_of(&act.target), &mut *entropy)));
        account.outbox = self.facts();
        if let Err(refusal) = helpdesk::may_act(&act.actor, &act.target, policy) {
            self.events.push(helpdesk::refused(&account, act, &refusal, now));
            return Err(refusal.into());
        }
        let done = do_deed(deed, &account, act, policy, &mut *entropy, now)?;
        let Done {
            account: next,
            event,
            removed,
            resynced,
            was_locked,
            needs_reset,
            outgoing,
            alert,
            invitation,
        } = done;
        let is_switched = next.chosen != account.chosen;
        let is_cleared = next.is_doubtful != account.is_doubtful;
        let is_new = next.contacts != account.contacts;
        let on_file = OnFile { contacts: next.contacts.or(&act.target.contacts), is_new };
        // A person without an account has nothing to reset; the act is recorded all the same.
        if self.account.is_some() || invitation.is_some() || is_switched || is_new || is_cleared {
            self.account = Some(Account { revision: account.revision, ..next });
            self.is_changed = true;
        }
        self.events.push(event);
        self.events.extend(alert);
        drop(entropy);
        self.queue(outgoing);
        Ok(ActDone { removed, resynced, was_locked, needs_reset, is_switched, on_file, invitation })
    }
}

/// Has core decide a deed that the actor may do.
fn do_deed(
    deed: &Deed,
    account: &Account,
    act: &Act,
    policy: &Policy,
    entropy: &mut dyn Entropy,
    now: Now,
) -> Result<Done, NotDone> {
    Ok(match deed {
        Deed::Reset(scope) => helpdesk::reset(account, act, *scope, policy, entropy, now),
        Deed::Unlock => helpdesk::unlock(account, act, policy, entropy, now),
        Deed::Resync => helpdesk::resync(account, act, policy, entropy, now),
        Deed::Invite(life) => {
            let Invited { done, code, expires } =
                helpdesk::invite(account, act, *life, policy, entropy, now)?;
            Done { invitation: Some(Issued { code, expires }), ..done }
        }
        Deed::SetChosen(switch) => helpdesk::set_chosen(account, act, *switch, policy, entropy, now)?,
        Deed::SetContact(new) => helpdesk::set_contact(account, act, new, policy, entropy, now),
    })
}
