//! The store in memory: the fake for tests of what stands above a store.
//!
//! Owns the same behaviour as the embedded store, as `conformance` sees it, without files and without sealing, and the
//! faults that a test injects. Nothing of it is durable; no setting of the service leads here.

mod fault;
mod outbox;
mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use countersign_core::account::{Account, AccountId, AccountKey, Revision};
use countersign_core::audit::{AuditEvent, Mark, Span};
use countersign_core::delivery::{Recipient, RequestId};
use countersign_core::restore::Restores;
use countersign_core::sending::RecipientUse;
use countersign_core::time::WallTime;

pub use fault::Fault;
use outbox::Outbox;

use super::encoding::column;
use super::outbox::{HostUse, Interrupted, Waiting};
use super::{
    BATCH_LIMIT, Change, DATA_KEY_LIMIT, LOAD_LIMIT, Page, Resealed, STORE_LIMIT, Spooled, Stale, Standing,
    Store, StoreError, StoredRecord, Stub, check_count, check_page, check_trim,
};

/// Accounts and audit in memory.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
struct State {
    accounts: BTreeMap<AccountKey, Kept>,
    ids: BTreeSet<AccountId>,
    outbox: Outbox,
    records: Vec<StoredRecord>,
    span: Span,
    newest_time: WallTime,
    data_keys: Vec<u32>,
    standing: Standing,
    spooled: ([u8; 16], u64),
    faults: VecDeque<Fault>,
    spoiled: BTreeSet<AccountKey>,
}

#[derive(Debug, Clone)]
struct Kept {
    account: Account,
    data_key: u32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            accounts: BTreeMap::new(),
            ids: BTreeSet::new(),
            outbox: Outbox::default(),
            records: Vec::new(),
            span: Span::default(),
            newest_time: WallTime::default(),
            data_keys: vec![1],
            standing: Standing {
                store: [0; 16],
                restores: Restores::default(),
                generation: 0,
                is_stamped: false,
            },
            spooled: ([0; 16], 0),
            faults: VecDeque::new(),
            spoiled: BTreeSet::new(),
        }
    }
}

impl Memory {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets something go wrong once; faults of the same call happen in the order in which they were injected.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push_back(fault);
    }

    /// Makes the record of one account unreadable from now on, as a flipped bit would.
    pub fn spoil(&self, key: AccountKey) {
        self.lock().spoiled.insert(key);
    }

    fn outbox(&self, doing: &'static str) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.lock();
        match state.take_fault(|fault| fault == Fault::FailOutbox) {
            Some(_) => Err(injected(doing)),
            None => Ok(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn load(&self, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError> {
        check_count("accounts in a load", keys.len(), LOAD_LIMIT)?;
        let mut state = self.lock();
        if state.take_fault(|fault| fault == Fault::FailLoad).is_some() {
            return Err(injected("reading accounts"));
        }
        if keys.iter().any(|key| state.spoiled.contains(key)) {
            return Err(StoreError::Unreadable("spoiled by a test".to_owned()));
        }
        Ok(keys.iter().map(|key| state.accounts.get(key).map(|kept| kept.account.clone())).collect())
    }

    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
        check_count("changes in a batch", batch.len(), BATCH_LIMIT)?;
        let fault = self.lock().take_fault(|fault| !matches!(fault, Fault::FailLoad | Fault::FailOutbox));
        match fault {
            Some(Fault::FailCommit | Fault::FailLoad | Fault::FailOutbox) => {
                return Err(injected("committing"));
            }
            Some(Fault::HangCommit) => {
                tokio::time::sleep(STORE_LIMIT).await;
                return Err(StoreError::TimedOut(STORE_LIMIT));
            }
            Some(Fault::LoseAnswer) => {
                self.lock().commit(batch)?;
                return Err(StoreError::TimedOut(STORE_LIMIT));
            }
            Some(Fault::Overtake) => self.lock().overtake(&batch),
            None => {}
        }
        self.lock().commit(batch)
    }

    async fn page(&self, after: Option<&AccountKey>, limit: u16) -> Result<Page, StoreError> {
        check_page(limit)?;
        let state = self.lock();
        let mut rest =
            state.accounts.iter().filter(|(key, _)| after.is_none_or(|after| *key > after)).peekable();
        let found: Vec<Account> =
            rest.by_ref().take(limit.into()).map(|(_, kept)| kept.account.clone()).collect();
        let next = rest.peek().and_then(|_| found.last().map(|account| account.key.clone()));
        let total = count(state.accounts.len());
        let (accounts, spoiled): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|account| !state.spoiled.contains(&account.key));
        let unreadable = spoiled.iter().map(Stub::of).collect();
        Ok(Page { accounts, unreadable, next, total })
    }

    async fn stub(&self, key: &AccountKey) -> Result<Option<Stub>, StoreError> {
        Ok(self.lock().accounts.get(key).map(|kept| Stub::of(&kept.account)))
    }

    async fn remove(&self, account: &Stub, events: Vec<AuditEvent>) -> Result<Result<(), Stale>, StoreError> {
        if self.lock().take_fault(|fault| fault == Fault::FailCommit).is_some() {
            return Err(injected("removing an account"));
        }
        let mut state = self.lock();
        for event in &events {
            column(event.at)?;
        }
        if state.accounts.get(&account.key).is_none_or(|kept| Stub::of(&kept.account) != *account) {
            return Ok(Err(Stale));
        }
        state.accounts.remove(&account.key);
        state.ids.remove(&account.id);
        state.spoiled.remove(&account.key);
        state.outbox.forget(account.id);
        let recorded = state.apply(Change { events, ..Change::default() });
        Ok(recorded.map(drop))
    }

    async fn audit(&self, after: u64, limit: u16) -> Result<Vec<StoredRecord>, StoreError> {
        check_page(limit)?;
        let state = self.lock();
        Ok(state
            .records
            .iter()
            .filter(|record| record.sequence > after)
            .take(limit.into())
            .cloned()
            .collect())
    }

    async fn audit_span(&self) -> Result<Span, StoreError> {
        Ok(self.lock().span)
    }

    async fn trim_audit(&self, up_to: u64) -> Result<Span, StoreError> {
        let mut state = self.lock();
        if check_trim(&state.span, up_to)? {
            let removed: Vec<StoredRecord> =
                state.records.extract_if(.., |record| record.sequence <= up_to).collect();
            if let Some(last) = removed.last() {
                state.span.anchor = Mark { sequence: last.sequence, link: last.link };
            }
        }
        Ok(state.span)
    }

    async fn newest_time(&self) -> Result<WallTime, StoreError> {
        Ok(self.lock().newest_time)
    }

    async fn rotate_key(&self) -> Result<u32, StoreError> {
        let mut state = self.lock();
        if state.data_keys.len() >= DATA_KEY_LIMIT {
            let cause =
                format!("there are {DATA_KEY_LIMIT} data keys; reseal first, which forgets the old ones");
            return Err(StoreError::Failed { doing: "making a data key", cause });
        }
        let number = state.newest_key() + 1;
        state.data_keys.push(number);
        Ok(number)
    }

    async fn reseal(&self, after: Option<AccountId>, limit: u16) -> Result<Resealed, StoreError> {
        check_page(limit)?;
        let mut state = self.lock();
        let newest = state.newest_key();
        let total = count(state.accounts.len());
        let mut rows: Vec<&mut Kept> = state
            .accounts
            .values_mut()
            .filter(|kept| after.is_none_or(|after| kept.account.id > after))
            .collect();
        rows.sort_by_key(|kept| kept.account.id);
        rows.truncate(limit.into());
        for kept in &mut rows {
            kept.data_key = newest;
        }
        let is_last = rows.len() < usize::from(limit);
        let step = Resealed {
            next: rows.last().filter(|_| !is_last).map(|kept| kept.account.id),
            done: count(rows.len()),
            total,
        };
        if is_last {
            let State { accounts, data_keys, .. } = &mut *state;
            data_keys.retain(|key| *key == newest || accounts.values().any(|kept| kept.data_key == *key));
        }
        Ok(step)
    }

    async fn standing(&self) -> Result<Standing, StoreError> {
        Ok(self.lock().standing)
    }

    async fn note_stamp(&self) -> Result<(), StoreError> {
        self.lock().standing.is_stamped = true;
        Ok(())
    }

    async fn accept_restore(&self, restores: Restores) -> Result<(), StoreError> {
        let mut state = self.lock();
        let before = state.standing.restores;
        if before.era < restores.era {
            state.standing.restores = Restores { doubted: before.doubted.max(restores.doubted), ..restores };
        }
        Ok(())
    }

    async fn import(&self, spooled: &Spooled) -> Result<(), StoreError> {
        check_count("records of a spool", spooled.events.len(), BATCH_LIMIT)?;
        let mut state = self.lock();
        let Spooled { spool, first, events } = spooled;
        let done = Some(state.spooled).filter(|(known, _)| known == spool).map_or(0, |(_, done)| done);
        for (number, event) in (*first..).zip(events) {
            if number > done {
                state.append(event);
                state.spooled = (*spool, number);
            }
        }
        Ok(())
    }

    async fn recipient_uses(
        &self,
        recipients: &[Recipient],
        at: WallTime,
    ) -> Result<BTreeMap<Recipient, RecipientUse>, StoreError> {
        check_count("recipients in a question", recipients.len(), LOAD_LIMIT)?;
        Ok(self.outbox("reading the outbox")?.outbox.uses(recipients, at))
    }

    async fn host_use(&self, at: WallTime) -> Result<HostUse, StoreError> {
        Ok(self.outbox("reading the outbox")?.outbox.host_use(at))
    }

    async fn due(&self, at: WallTime, limit: u16) -> Result<Vec<Waiting>, StoreError> {
        check_page(limit)?;
        let state = self.outbox("reading the outbox")?;
        let waiting = |row: &outbox::Row| Waiting {
            id: row.outgoing.id,
            account: state.key_of(row.account),
            outgoing: row.outgoing.clone(),
            attempts: row.attempts,
        };
        Ok(state.outbox.due(at).take(limit.into()).map(waiting).collect())
    }

    async fn claim(&self, id: RequestId) -> Result<bool, StoreError> {
        Ok(self.outbox("claiming a message")?.outbox.claim(id))
    }

    async fn put_off(&self, id: RequestId, until: WallTime) -> Result<bool, StoreError> {
        Ok(self.outbox("putting a message off")?.outbox.put_off(id, until))
    }

    async fn interrupted(&self, limit: u16) -> Result<Vec<Interrupted>, StoreError> {
        check_page(limit)?;
        let state = self.outbox("reading the outbox")?;
        let interrupted = |row: &outbox::Row| Interrupted {
            id: row.outgoing.id,
            account: state.key_of(row.account),
            channel: row.outgoing.recipient.channel(),
            purpose: row.outgoing.purpose,
        };
        Ok(state.outbox.trying().take(limit.into()).map(interrupted).collect())
    }

    async fn purge(&self, at: WallTime) -> Result<u64, StoreError> {
        Ok(self.outbox("removing old messages")?.outbox.purge(at))
    }
}

fn injected(doing: &'static str) -> StoreError {
    StoreError::Failed { doing, cause: "injected by a test".to_owned() }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::conformance::{event, get, key, plain, put, suite};

    mod conformance {
        use super::*;

        suite! { (Arc::new(Memory::new()), ()) }
    }

    fn changes(account: &Account) -> Vec<Change> {
        vec![Change { account: Some(account.clone()), events: vec![event(1)], ..Change::default() }]
    }

    #[tokio::test]
    async fn a_failed_commit_writes_nothing_and_the_next_one_works() {
        let store = Memory::new();
        store.inject(Fault::FailCommit);
        assert!(matches!(store.commit(changes(&plain("alice"))).await, Err(StoreError::Failed { .. })));
        assert_eq!(get(&store, &key("alice")).await, None);
        put(&store, &mut plain("alice")).await;
    }

    #[tokio::test]
    async fn a_failed_load_leaves_commits_alone() {
        let store = Memory::new();
        store.inject(Fault::FailLoad);
        put(&store, &mut plain("alice")).await;
        assert!(store.load(&[key("alice")]).await.is_err());
        assert!(get(&store, &key("alice")).await.is_some());
    }

    #[tokio::test]
    async fn an_overtaken_commit_is_stale_and_can_be_decided_again() {
        let store = Memory::new();
        let mut alice = plain("alice");
        put(&store, &mut alice).await;
        for account in [alice, plain("bob")] {
            store.inject(Fault::Overtake);
            assert_eq!(store.commit(changes(&account)).await.unwrap(), [Err(Stale)]);
            put(&store, &mut get(&store, &account.key).await.unwrap()).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_commit_times_out_and_writes_nothing() {
        let store = Memory::new();
        store.inject(Fault::HangCommit);
        assert!(matches!(store.commit(changes(&plain("alice"))).await, Err(StoreError::TimedOut(_))));
        assert_eq!(get(&store, &key("alice")).await, None);
    }

    #[tokio::test]
    async fn a_lost_answer_is_written_all_the_same() {
        let store = Memory::new();
        store.inject(Fault::LoseAnswer);
        assert!(matches!(store.commit(changes(&plain("alice"))).await, Err(StoreError::TimedOut(_))));
        assert!(get(&store, &key("alice")).await.is_some());
        assert_eq!(store.audit(0, 10).await.unwrap().len(), 1);
    }
}
