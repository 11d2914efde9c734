//! One batch on its way to the store: load, decide, commit in one transaction.
//!
//! Owns the order of things: nothing is answered from here, and what comes back says for each person whether it was
//! committed, is stale, or failed. A person's jobs are decided one after the other, each on the result of the one
//! before, and become one change.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::account::{Account, AccountKey};
use countersign_core::audit::AuditEvent;
use countersign_core::conversation::{Conversation, Event};
use countersign_core::helpdesk::{self, Act, Done, Invited, Issued};
use countersign_core::login::{Existence, Host, Person};
use countersign_core::policy::Policy;
use countersign_core::remember::{self, Forgotten, Places};
use countersign_core::secret::Entropy;
use countersign_core::time::{Now, WallTime};
use tokio::time::{Instant, timeout_at};

use super::command::{ActDone, Deed, NotDone};
use super::effects::{Fault, collect};
use super::job::{Fate, Job, Landed, Outcome, Sheaf, Waiter, Work};
use super::registry::key_of;
use crate::host::clock::Clock;
use crate::store::{Change, STORE_LIMIT, Store, StoreError};

/// What a flight needs.
#[derive(Clone)]
pub struct Tools {
    /// Accounts and audit.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for new secrets and ids.
    pub entropy: Arc<Mutex<dyn Entropy + Send>>,
}

/// Loads, decides and commits one batch.
pub(super) async fn fly(tools: Tools, floor: WallTime, sheaves: Vec<Sheaf>) -> Vec<Landed> {
    let deadline = Instant::now() + STORE_LIMIT;
    let accounts = match timeout_at(deadline, load(&tools, &sheaves)).await {
        Ok(Ok(accounts)) => accounts,
        Ok(Err(fault)) => return fail(sheaves, &fault),
        Err(_) => return fail(sheaves, &Fault::Store("it did not load in time".to_owned())),
    };
    let mut landed = Vec::with_capacity(sheaves.len());
    let mut changes = Vec::new();
    let mut unread = Vec::new();
    for (sheaf, account) in sheaves.into_iter().zip(accounts) {
        match account {
            Ok(account) => {
                let (sheaf, change) = decide(&tools, floor, sheaf, account);
                changes.push(change);
                landed.push(sheaf);
            }
            Err(fault) => unread.extend(fail(vec![sheaf], &fault)),
        }
    }
    let fates = match timeout_at(deadline, commit(&tools, changes)).await {
        Ok(fates) => fates,
        Err(_) => Err(Fault::Store("it did not commit in time".to_owned())),
    };
    let mut landed = settle(landed, fates);
    landed.append(&mut unread);
    landed
}

/// What the store holds of one sheaf's person.
type Loaded = Result<Option<Account>, Fault>;

/// Reads the accounts of the sheaves, in their order. A record that cannot be read refuses its own person only.
async fn load(tools: &Tools, sheaves: &[Sheaf]) -> Result<Vec<Loaded>, Fault> {
    let keys: Vec<AccountKey> = sheaves.iter().filter_map(|sheaf| sheaf.key.clone()).collect();
    let loaded: Vec<Loaded> = match read(tools, &keys).await {
        Ok(accounts) => accounts.into_iter().map(Ok).collect(),
        Err(StoreError::Unreadable(_)) => one_by_one(tools, &keys).await,
        Err(error) => return Err(error.into()),
    };
    let mut loaded = loaded.into_iter();
    let account = |sheaf: &Sheaf| sheaf.key.as_ref().map_or(Ok(None), |_| loaded.next().unwrap_or(Ok(None)));
    Ok(sheaves.iter().map(account).collect())
}

async fn one_by_one(tools: &Tools, keys: &[AccountKey]) -> Vec<Loaded> {
    let mut loaded = Vec::with_capacity(keys.len());
    for key in keys {
        let read = read(tools, std::slice::from_ref(key)).await;
        loaded.push(read.map(|accounts| accounts.into_iter().next().flatten()).map_err(Fault::from));
    }
    loaded
}

async fn read(tools: &Tools, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let accounts = tools.store.load(keys).await?;
    if accounts.len() == keys.len() {
        Ok(accounts)
    } else {
        let cause = "it answered for other accounts than asked".to_owned();
        Err(StoreError::Failed { doing: "loading", cause })
    }
}

/// Decides the jobs of one person, each on the result of the one before.
fn decide(tools: &Tools, floor: WallTime, sheaf: Sheaf, stored: Option<Account>) -> (Landed, Change) {
    let mut draft = Draft { account: stored, is_changed: false, events: Vec::new() };
    let floor = draft.account.as_ref().map_or(floor, |account| floor.max(account.changed));
    let now = Now { wall: tools.clock.wall(), since_boot: tools.clock.since_boot(), floor };
    let jobs = sheaf
        .jobs
        .into_iter()
        .map(|job| {
            let outcome = catch_unwind(AssertUnwindSafe(|| draft.follow(&job, now, tools)));
            (job, outcome.unwrap_or(Err(Fault::Panicked)))
        })
        .collect();
    let Draft { account, is_changed, events } = draft;
    let change = Change { account: account.filter(|_| is_changed), events, ..Change::default() };
    // The fate is what the store says; until then it is the one that refuses.
    let fate = Fate::Failed(Fault::Store("it did not commit".to_owned()));
    (Landed { key: sheaf.key, jobs, fate }, change)
}

/// A person's account while their jobs of one batch are decided.
struct Draft {
    account: Option<Account>,
    is_changed: bool,
    events: Vec<AuditEvent>,
}

impl Draft {
    fn follow(&mut self, job: &Job, now: Now, tools: &Tools) -> Result<Outcome, Fault> {
        match &job.work {
            Work::Turn { conversation, event, waiter, .. } => {
                let person = job.person.as_deref().ok_or(Fault::UnknownPerson)?;
                self.turn(person, conversation, event, waiter, now, tools)
            }
            Work::Act { act, deed, policy, .. } => Ok(Outcome::Act(self.act(act, *deed, policy, now, tools))),
            Work::Forget { places, host, .. } => {
                let person = job.person.as_deref().ok_or(Fault::UnknownPerson)?;
                Ok(Outcome::Forgotten(self.forget(person, host, *places, now)))
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
        let account = match &self.account {
            Some(account) if is_known => account.clone(),
            Some(_) | None => Account::new(key_of(person), &mut *entropy),
        };
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
        Ok(Outcome::Turn(Box::new(turn.next), collected.step))
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
        deed: Deed,
        policy: &Policy,
        now: Now,
        tools: &Tools,
    ) -> Result<ActDone, NotDone> {
        let mut entropy = tools.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = self.account.clone();
        let account = stored.unwrap_or_else(|| Account::new(key_of(&act.target), &mut *entropy));
        if let Err(refusal) = helpdesk::may_act(&act.actor, &act.target, policy) {
            self.events.push(helpdesk::refused(&account, act, &refusal, now));
            return Err(refusal.into());
        }
        let Done { account: next, event, removed, was_locked, needs_reset, outgoing: _, alert, invitation } =
            do_deed(deed, &account, act, policy, &mut *entropy, now)?;
        let is_switched = next.chosen != account.chosen;
        // A person without an account has nothing to reset; the act is recorded all the same.
        if self.account.is_some() || invitation.is_some() || is_switched {
            self.account = Some(Account { revision: account.revision, ..next });
            self.is_changed = true;
        }
        self.events.push(event);
        self.events.extend(alert);
        Ok(ActDone { removed, was_locked, needs_reset, is_switched, invitation })
    }
}

/// Has core decide a deed that the actor may do.
fn do_deed(
    deed: Deed,
    account: &Account,
    act: &Act,
    policy: &Policy,
    entropy: &mut dyn Entropy,
    now: Now,
) -> Result<Done, NotDone> {
    Ok(match deed {
        Deed::Reset(scope) => helpdesk::reset(account, act, scope, policy, entropy, now),
        Deed::Unlock => helpdesk::unlock(account, act, policy, entropy, now),
        Deed::Invite(life) => {
            let Invited { done, code, expires } = helpdesk::invite(account, act, life, policy, entropy, now);
            Done { invitation: Some(Issued { code, expires }), ..done }
        }
        Deed::SetChosen(switch) => helpdesk::set_chosen(account, act, switch, policy, entropy, now)?,
    })
}

/// Commits the changes in one transaction; those that change nothing are committed already.
async fn commit(tools: &Tools, changes: Vec<Change>) -> Result<Vec<Fate>, Fault> {
    let is_empty = |change: &Change| change.account.is_none() && change.events.is_empty();
    let batch: Vec<Change> = changes.iter().filter(|change| !is_empty(change)).cloned().collect();
    let expected = batch.len();
    let results = if batch.is_empty() {
        Vec::new()
    } else {
        tools.store.commit(batch).await.map_err(|error| Fault::Store(error.to_string()))?
    };
    if results.len() != expected {
        return Err(Fault::Store("it answered for other changes than committed".to_owned()));
    }
    let mut results = results.into_iter();
    let fates = changes.into_iter().map(|change| {
        let committed = is_empty(&change) || matches!(results.next(), Some(Ok(_)));
        if !committed {
            return Fate::Stale;
        }
        let written = change.account.map(|account| account.changed).unwrap_or_default();
        let newest =
            change.events.iter().map(|event| WallTime::from_seconds(event.at)).fold(written, Ord::max);
        Fate::Committed(change.events, newest)
    });
    Ok(fates.collect())
}

fn settle(landed: Vec<Landed>, fates: Result<Vec<Fate>, Fault>) -> Vec<Landed> {
    match fates {
        Ok(fates) => landed.into_iter().zip(fates).map(|(sheaf, fate)| Landed { fate, ..sheaf }).collect(),
        Err(fault) => {
            landed.into_iter().map(|sheaf| Landed { fate: Fate::Failed(fault.clone()), ..sheaf }).collect()
        }
    }
}

fn fail(sheaves: Vec<Sheaf>, fault: &Fault) -> Vec<Landed> {
    let refuse = |job| (job, Err(fault.clone()));
    sheaves
        .into_iter()
        .map(|Sheaf { key, jobs }| Landed {
            key,
            jobs: jobs.into_iter().map(refuse).collect(),
            fate: Fate::Failed(fault.clone()),
        })
        .collect()
}
