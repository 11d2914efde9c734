//! The answer of `Admin.SimulatePolicy`: what another file would have changed for the logins of the audit (row P7).
//!
//! Owns pages, the few turns at a time, and whose accounts are loaded: only of people for whom both policies do not plainly
//! say the same. What a change is, and what each policy would do, is `core::policy::simulate`'s.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_core::account::{Account, AccountKey};
use countersign_core::audit::AuditEvent;
use countersign_core::policy::Policy;
use countersign_core::policy::simulate::{Changed, Open, Recorded, Rows, Simulation};
use countersign_core::time::Now;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use zbus::OwnedVariant;

use super::facts::{OwnedFacts, put};
use super::memo::{Memo, Recall};
use super::walk::{Walk, aside, since};
use super::{BusError, Service};
use crate::engine::Handle;
use crate::host::entropy::SystemEntropy;
use crate::store::Loaded;

/// How many callers may go through the audit at the same time.
const TURNS: usize = 2;
/// After so many different rows a page ends.
const ROW_LIMIT: usize = 1000;
/// How long what one page leaves waits for the next one.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// A row on the wire: change, user, service, old rule, new rule, count.
pub(super) type Row = (String, String, String, String, String, u64);

/// A page of changes.
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// The record up to which was looked.
    pub(super) next: u64,
    /// The newest record.
    pub(super) newest: u64,
    pub(super) facts: OwnedFacts,
}

/// What goes through the whole audit, for all callers.
#[derive(Debug)]
pub(super) struct Replays {
    turns: Arc<Semaphore>,
    last: Arc<Mutex<Option<Kept>>>,
}

/// What one page leaves for the next: its files need not be read anew, nor what was decided be decided again.
#[derive(Debug)]
struct Kept {
    known: Known,
    policy: Arc<Policy>,
    memo: Memo,
    at: Instant,
}

/// Of which files of which caller a policy was made.
type Known = (u32, [u8; 32]);

impl Default for Replays {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(TURNS)), last: Arc::default() }
    }
}

impl Replays {
    /// Takes a turn; over when dropped.
    ///
    /// # Errors
    /// [`BusError::LimitReached`] where all are taken.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, BusError> {
        Arc::clone(&self.turns).try_acquire_owned().map_err(|_| BusError::LimitReached)
    }

    /// Takes what an earlier page of the same caller and files left, or reads the files, which need not be in force. Mistakes
    /// in them are an answer.
    async fn take(
        &self,
        uid: u32,
        files: Vec<(String, String)>,
        in_force: &Arc<Policy>,
    ) -> Result<Result<Kept, Vec<String>>, BusError> {
        let known = (uid, digest(&files));
        let kept = self.lock().take_if(|kept| kept.known == known);
        if let Some(kept) = kept {
            let memo = if kept.memo.is_of(in_force) { kept.memo } else { Memo::under(in_force) };
            return Ok(Ok(Kept { memo, ..kept }));
        }
        let read = aside(move || countersign_config::interpret(&files)).await?;
        Ok(match read {
            Ok(loaded) => {
                let (policy, memo) = (Arc::new(loaded.policy), Memo::under(in_force));
                Ok(Kept { known, policy, memo, at: Instant::now() })
            }
            Err(mistakes) => Err(mistakes.iter().map(ToString::to_string).collect()),
        })
    }

    /// Keeps what is of use for the next page, for a while: who asked may have gone away.
    fn keep(&self, known: Known, policy: Arc<Policy>, memo: Memo) {
        let at = Instant::now();
        *self.lock() = Some(Kept { known, policy, memo, at });
        let last = Arc::clone(&self.last);
        tokio::spawn(async move {
            sleep(KEPT_FOR).await;
            drop(last.lock().unwrap_or_else(PoisonError::into_inner).take_if(|kept| kept.at == at));
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SHA-256 of names and texts, each with its length before it.
fn digest(files: &[(String, String)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in files.iter().flat_map(|(name, text)| [name, text]) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Replays a page of the records behind `after` under other files.
///
/// # Errors
/// [`BusError::InvalidArgument`], [`BusError::LimitReached`], [`BusError::Unavailable`]; files with mistakes are an answer.
pub(super) async fn answer(
    service: &Service,
    uid: u32,
    files: Vec<(String, String)>,
    options: &HashMap<String, OwnedVariant>,
    after: u64,
) -> Result<Page, BusError> {
    let _turn = service.replays.enter()?;
    let since = since(options)?;
    let engine = &service.engine;
    let in_force = engine.policy();
    let Kept { known, policy: other, memo, at: _ } = match service.replays.take(uid, files, &in_force).await?
    {
        Ok(kept) => kept,
        Err(mistakes) => return refused(engine, mistakes).await,
    };
    let mut facts = OwnedFacts::new();
    put(&mut facts, "policy", in_force.digest.as_str());
    put(&mut facts, "other", other.digest.as_str());
    let now = now(engine).await?;
    let mut walk = Walk::begin(engine, after, since).await?;
    let simulation = Simulation::new(in_force, Arc::clone(&other), engine.host().id.clone());
    let mut tally =
        Tally { simulation, memo, waiting: HashMap::new(), rows: Rows::up_to(ROW_LIMIT), looked: 0 };
    while tally.rows.has_room()
        && let Some(records) = walk.bite().await?
    {
        tally = aside(move || tally.read(&records, since)).await?;
        if !tally.waiting.is_empty() {
            let accounts = load(engine, tally.keys()).await?;
            tally = aside(move || tally.settle(&accounts, now)).await?;
        }
    }
    let (next, newest) = walk.reached();
    if next < newest {
        service.replays.keep(known, other, tally.memo);
    }
    put(&mut facts, "looked", tally.looked);
    Ok(Page { rows: tally.rows.into_counts().map(row).collect(), next, newest, facts })
}

/// Answers what is wrong with the files, and nothing else.
async fn refused(engine: &Handle, mistakes: Vec<String>) -> Result<Page, BusError> {
    let newest = engine.audit_span().await?.head.sequence;
    let mut facts = OwnedFacts::new();
    put(&mut facts, "looked", 0_u64);
    put(&mut facts, "mistakes", mistakes);
    Ok(Page { rows: Vec::new(), next: newest, newest, facts })
}

async fn now(engine: &Handle) -> Result<Now, BusError> {
    engine.latest().await?;
    Ok(engine.now())
}

/// The accounts of a bite; an account that nobody has yet is a new one, one that cannot be read is absent.
async fn load(engine: &Handle, keys: Vec<AccountKey>) -> Result<HashMap<AccountKey, Account>, BusError> {
    let loaded = engine.accounts(&keys).await?;
    let account = |(key, loaded): (AccountKey, Loaded)| {
        let account = loaded.ok()?.unwrap_or_else(|| Account::new(key.clone(), &mut SystemEntropy));
        Some((key, account))
    };
    Ok(keys.into_iter().zip(loaded).filter_map(account).collect())
}

fn row((changed, count): (Changed, u64)) -> Row {
    let Changed { change, user, service, old, new } = changed;
    let name = |name: &str| name.to_owned();
    (name(change.name()), name(user.as_str()), service, name(old.as_str()), name(new.as_str()), count)
}

/// What a page has come to.
struct Tally {
    simulation: Simulation,
    memo: Memo,
    /// Logins that wait for the account of their person, each with how often it was met. No more than a bite has records,
    /// hence than one load takes.
    waiting: HashMap<Recorded, (Open, u64)>,
    rows: Rows<Changed>,
    looked: u64,
}

impl Tally {
    fn read(mut self, records: &[String], since: Option<u64>) -> Self {
        for record in records {
            let Ok(event) = AuditEvent::from_canonical(record) else { continue };
            if since.is_some_and(|since| event.at < since) {
                continue;
            }
            if let Some(recorded) = Recorded::of(event) {
                self.looked = self.looked.saturating_add(1);
                self.take(recorded);
            }
        }
        self
    }

    fn take(&mut self, recorded: Recorded) {
        match self.memo.recall(&recorded) {
            Recall::Nothing => {}
            Recall::Same => return,
            Recall::Changed(changed) => return self.rows.count(changed.clone(), 1),
        }
        match self.waiting.entry(recorded) {
            Entry::Occupied(mut met) => met.get_mut().1 = met.get().1.saturating_add(1),
            Entry::Vacant(new) => match self.simulation.open(new.key()) {
                Some(open) => {
                    new.insert((open, 1));
                }
                None => self.memo.note(new.key(), None),
            },
        }
    }

    /// Lists whose accounts are waited for, each once.
    fn keys(&self) -> Vec<AccountKey> {
        let mut keys: Vec<AccountKey> = self.waiting.values().map(|(open, _)| open.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Decides what waited.
    fn settle(mut self, accounts: &HashMap<AccountKey, Account>, now: Now) -> Self {
        for (recorded, (open, count)) in std::mem::take(&mut self.waiting) {
            // What an unreadable record would come to is not known: its login is refused today as under the other files.
            let account = accounts.get(&open.key());
            let changed = account.and_then(|account| self.simulation.compare(&open, account, now));
            self.memo.note(&recorded, changed.as_ref());
            if let Some(changed) = changed {
                self.rows.count(changed, count);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_caller_waits_for_a_turn() {
        let replays = Replays::default();
        let turns = [replays.enter().unwrap(), replays.enter().unwrap()];
        assert_eq!(replays.enter().unwrap_err(), BusError::LimitReached);
        drop(turns);
        assert!(replays.enter().is_ok());
    }

    #[test]
    fn files_are_told_apart_by_where_names_and_texts_end() {
        let files = |parts: &[(&str, &str)]| {
            digest(
                &parts
                    .iter()
                    .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                    .collect::<Vec<_>>(),
            )
        };
        assert_ne!(files(&[("ab", "c")]), files(&[("a", "bc")]));
        assert_ne!(files(&[("a", "b"), ("c", "d")]), files(&[("a", "bcd")]));
        assert_eq!(files(&[("a", "b")]), files(&[("a", "b")]));
    }
}
