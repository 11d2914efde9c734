//! The deletion of an account on its way to the store.
//!
//! Owns that it is decided on what lies there, readable or not, and that account and record go in one transaction. Leaves
//! deciding to core. It travels alone: no other job of the person is decided on what is about to go.

use countersign_core::account::{Account, AccountKey};
use countersign_core::audit::AuditEvent;
use countersign_core::helpdesk::{self, Act, Kept, Presence};
use countersign_core::policy::Policy;
use tokio::time::{Instant, timeout_at};

use super::command::NotDone;
use super::effects::Fault;
use super::flight::Tools;
use super::job::{Committed, Fate, Landed, Outcome, Sheaf, Work};
use super::registry::key_of;
use crate::host::timeline::Timeline;
use crate::store::{self, Change, STORE_LIMIT, Stub};

/// What an account came to, with what is in the store now.
type Done = (Result<(), NotDone>, Fate);

/// Carries deletions out, one after the other.
pub(super) async fn remove_all(tools: &Tools, timeline: &Timeline, sheaves: Vec<Sheaf>) -> Vec<Landed> {
    let mut landed = Vec::new();
    for sheaf in sheaves {
        landed.push(remove(tools, timeline, sheaf).await);
    }
    landed
}

async fn remove(tools: &Tools, timeline: &Timeline, sheaf: Sheaf) -> Landed {
    let Sheaf { key, jobs } = sheaf;
    let deadline = Instant::now() + STORE_LIMIT;
    let (mut ended, mut fate) = (Vec::new(), committed(Vec::new()));
    for job in jobs {
        let Work::Delete { act, presence, policy, .. } = &job.work else {
            let fault = Fault::Store("a job among deletions".to_owned());
            fate = Fate::Failed(fault.clone());
            ended.push((job, Err(fault)));
            continue;
        };
        let done = timeout_at(deadline, one(tools, timeline, act, *presence, policy)).await;
        let done = done.unwrap_or_else(|_| Err(Fault::Store("it did not answer in time".to_owned())));
        let outcome = match done {
            Ok((outcome, its_fate)) => {
                fate = its_fate;
                Ok(Outcome::Deleted(outcome))
            }
            Err(fault) => {
                fate = Fate::Failed(fault.clone());
                Err(fault)
            }
        };
        ended.push((job, outcome));
    }
    Landed { key, jobs: ended, fate }
}

async fn one(
    tools: &Tools,
    timeline: &Timeline,
    act: &Act,
    presence: Presence,
    policy: &Policy,
) -> Result<Done, Fault> {
    let key = key_of(&act.target);
    let Some(stub) = tools.store.stub(&key).await? else {
        return Ok((Err(NotDone::NoAccount(key.name)), committed(Vec::new())));
    };
    let account = match load(tools, &key).await? {
        Ok(None) => return Ok((Ok(()), Fate::Stale)),
        Ok(Some(account)) => Some(account),
        Err(()) => None,
    };
    let kept = account.as_ref().map_or(Kept::Unreadable(stub.id), Kept::Readable);
    let now = timeline.now();
    match helpdesk::delete(kept, act, presence, policy, now) {
        Ok(event) => {
            let stub = account.as_ref().map_or(stub, Stub::of);
            let removed = tools.store.remove(&stub, vec![event.clone()]).await?;
            Ok((Ok(()), removed.map_or(Fate::Stale, |()| committed(vec![event]))))
        }
        Err(refusal) => {
            let event = helpdesk::deletion_refused(kept, act, &refusal, now);
            let change = Change { events: vec![event.clone()], ..Change::default() };
            let _ = tools.store.commit(vec![change]).await?;
            Ok((Err(refusal.into()), committed(vec![event])))
        }
    }
}

/// Reads the account of a key, or that its record cannot be read.
async fn load(tools: &Tools, key: &AccountKey) -> Result<Result<Option<Account>, ()>, Fault> {
    let mut loaded = store::load_each(&*tools.store, std::slice::from_ref(key)).await?;
    Ok(loaded.pop().unwrap_or(Ok(None)).map_err(|_| ()))
}

fn committed(events: Vec<AuditEvent>) -> Fate {
    Fate::Committed(Committed { events, queued: 0 })
}
