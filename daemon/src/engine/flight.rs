//! One batch on its way to the store: load, decide, commit in one transaction.
//!
//! Owns the order of things: nothing is answered from here, and what comes back says for each person whether it was
//! committed, is stale, or failed. Leaves deciding to `draft`, and what the outbox knows to `facts`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use countersign_core::account::{Account, AccountKey};
use countersign_core::delivery::{Channel, Recipient};
use countersign_core::login::Host;
use countersign_core::secret::Entropy;
use countersign_core::time::WallTime;
use tokio::time::{Instant, timeout_at};

use super::draft::decide;
use super::effects::Fault;
use super::facts::{self, Facts, HostCounter};
use super::job::{Committed, Fate, Landed, Sheaf};
use super::rescue::rescue;
use crate::host::clock::Clock;
use crate::host::timeline::Timeline;
use crate::spool::Spool;
use crate::store::{self, Change, STORE_LIMIT, Store};

/// What a flight needs.
#[derive(Clone)]
pub struct Tools {
    /// Accounts and audit.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for new secrets and ids.
    pub entropy: Arc<Mutex<dyn Entropy + Send>>,
    /// Records of logins that need no store, while there is none.
    pub spool: Arc<Spool>,
}

/// Which host this is, and its time.
#[derive(Clone)]
pub(super) struct Here {
    pub(super) timeline: Arc<Timeline>,
    pub(super) host: Host,
}

/// Loads, decides and commits one batch; where the store fails, lets in whoever needs no store.
pub(super) async fn fly(
    tools: Tools,
    counter: Arc<HostCounter>,
    here: Here,
    sheaves: Vec<Sheaf>,
) -> Vec<Landed> {
    let landed = attempt(&tools, &counter, &here, sheaves).await;
    rescue(&tools, &here, landed).await
}

async fn attempt(tools: &Tools, counter: &HostCounter, here: &Here, sheaves: Vec<Sheaf>) -> Vec<Landed> {
    if sheaves.is_empty() {
        return Vec::new();
    }
    let deadline = Instant::now() + STORE_LIMIT;
    let accounts = match timeout_at(deadline, load(tools, &sheaves)).await {
        Ok(Ok(accounts)) => accounts,
        Ok(Err(fault)) => return fail(sheaves, &fault),
        Err(_) => return fail(sheaves, &Fault::Store("it did not load in time".to_owned())),
    };
    let wanted: Vec<_> = sheaves
        .iter()
        .zip(&accounts)
        .map(|(sheaf, account)| facts::wanted(sheaf, account.as_ref().ok().and_then(Option::as_ref)))
        .collect();
    let at = here.timeline.now().latest();
    let known = match timeout_at(deadline, Facts::load(tools, counter, &wanted, at)).await {
        Ok(known) => known,
        Err(_) => Err(Fault::Store("its outbox did not answer in time".to_owned())),
    };
    let people = sheaves.into_iter().zip(accounts).zip(wanted).collect();
    let Decisions { landed, changes, mut others } = decide_all(tools, counter, known, here, people);
    let reserved: Vec<_> = changes.iter().map(|change| facts::reserved(&change.outgoing)).collect();
    let fates = match timeout_at(deadline, commit(tools, changes)).await {
        Ok(fates) => fates,
        Err(_) => Err(Fault::Store("it did not commit in time".to_owned())),
    };
    release(counter, &fates, &reserved);
    let mut landed = settle(landed, fates);
    landed.append(&mut others);
    landed
}

/// What a batch came to before it is committed.
#[derive(Default)]
struct Decisions {
    /// Those to commit, and what is to be committed for each.
    landed: Vec<Landed>,
    changes: Vec<Change>,
    /// Those that are not: refused, or to be decided again.
    others: Vec<Landed>,
}

/// Decides for each person with what is known; where the outbox does not answer, those who need it are refused.
fn decide_all(
    tools: &Tools,
    counter: &HostCounter,
    known: Result<Facts<'_>, Fault>,
    here: &Here,
    people: Vec<((Sheaf, Loaded), BTreeSet<Recipient>)>,
) -> Decisions {
    let (mut facts, unknown) = match known {
        Ok(facts) => (facts, None),
        Err(fault) => (Facts::none(counter), Some(fault)),
    };
    let mut decisions = Decisions::default();
    for ((sheaf, account), wanted) in people {
        let refused = unknown.as_ref().filter(|_| !wanted.is_empty()).cloned();
        match refused.map_or(account, Err) {
            Ok(account) => match decide(tools, &mut facts, &wanted, here, sheaf, account) {
                (landed, Some(change)) => {
                    decisions.changes.push(change);
                    decisions.landed.push(landed);
                }
                (landed, None) => decisions.others.push(landed),
            },
            Err(fault) => decisions.others.extend(fail(vec![sheaf], &fault)),
        }
    }
    decisions
}

/// Takes back what was counted for the host and is not in the store.
fn release(counter: &HostCounter, fates: &Result<Vec<Fate>, Fault>, reserved: &[Vec<(Channel, WallTime)>]) {
    let Ok(fates) = fates else {
        if reserved.iter().any(|reserved| !reserved.is_empty()) {
            counter.forget();
        }
        return;
    };
    for (fate, reserved) in fates.iter().zip(reserved) {
        if matches!(fate, Fate::Stale) {
            counter.release(reserved);
        }
    }
}

/// What the store holds of one sheaf's person.
type Loaded = Result<Option<Account>, Fault>;

/// Reads the accounts of the sheaves, in their order. A record that cannot be read refuses its own person only.
async fn load(tools: &Tools, sheaves: &[Sheaf]) -> Result<Vec<Loaded>, Fault> {
    let keys: Vec<AccountKey> = sheaves.iter().filter_map(|sheaf| sheaf.key.clone()).collect();
    let mut loaded = store::load_each(&*tools.store, &keys).await?.into_iter();
    let mut account = |_: &AccountKey| loaded.next().unwrap_or(Ok(None)).map_err(Fault::from);
    Ok(sheaves.iter().map(|sheaf| sheaf.key.as_ref().map_or(Ok(None), &mut account)).collect())
}

/// Commits the changes in one transaction; those that change nothing are committed already.
async fn commit(tools: &Tools, changes: Vec<Change>) -> Result<Vec<Fate>, Fault> {
    let batch: Vec<Change> = changes.iter().filter(|change| !change.is_empty()).cloned().collect();
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
        let committed = change.is_empty() || matches!(results.next(), Some(Ok(_)));
        if !committed {
            return Fate::Stale;
        }
        Fate::Committed(Committed { events: change.events, queued: change.outgoing.len() })
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
