//! What the store in memory holds, and what a commit makes of it.
//!
//! Owns the rules that the databases have in their statements: a stale change writes nothing, and nothing is written that
//! no database can keep.

use countersign_core::account::{Account, AccountId, AccountKey, Revision};
use countersign_core::audit::{self, AuditEvent, Mark};
use countersign_core::restore::Trust;
use countersign_core::sending::OutboxFacts;
use countersign_core::time::WallTime;

use super::super::encoding::{check_letter, column};
use super::super::{Change, Stale, StoreError, StoredRecord};
use super::{Fault, Kept, State};

impl State {
    pub(super) fn take_fault(&mut self, concerns: impl Fn(Fault) -> bool) -> Option<Fault> {
        let index = self.faults.iter().position(|fault| concerns(*fault))?;
        self.faults.remove(index)
    }

    pub(super) fn key_of(&self, account: Option<AccountId>) -> Option<AccountKey> {
        let account = account?;
        self.accounts.values().find(|kept| kept.account.id == account).map(|kept| kept.account.key.clone())
    }

    pub(super) fn newest_key(&self) -> u32 {
        self.data_keys.iter().copied().max().unwrap_or_default()
    }

    pub(super) fn apply(&mut self, change: Change) -> Result<Revision, Stale> {
        let Change { account, events, outgoing, redeemed, settled } = change;
        if self.outbox.is_overtaken(&outgoing) {
            return Err(Stale);
        }
        let owner = account.as_ref().map(|account| account.id);
        let revision = account.map_or(Ok(Revision::default()), |account| self.write(account))?;
        for message in outgoing {
            self.outbox.insert(owner, message);
        }
        for id in redeemed {
            self.outbox.redeem(id);
        }
        for (id, progress) in settled {
            self.outbox.settle(id, progress);
        }
        for event in &events {
            self.append(event);
        }
        Ok(revision)
    }

    pub(super) fn append(&mut self, event: &AuditEvent) {
        let record = event.canonical();
        let (sequence, link) = (self.span.head.sequence + 1, audit::link(&self.span.head.link, &record));
        self.newest_time = self.newest_time.max(WallTime::from_seconds(event.at));
        self.span.head = Mark { sequence, link };
        self.records.push(StoredRecord { sequence, record, link });
    }

    pub(super) fn write(&mut self, mut account: Account) -> Result<Revision, Stale> {
        let is_current = match self.accounts.get(&account.key) {
            Some(kept) => kept.account.id == account.id && kept.account.revision == account.revision,
            None => !account.is_stored() && !self.ids.contains(&account.id),
        };
        if !is_current {
            return Err(Stale);
        }
        let revision = account.revision.next();
        account.revision = revision;
        account.outbox = OutboxFacts::default();
        (account.trust, account.held) = (Trust::Whole, None);
        self.newest_time = self.newest_time.max(account.changed);
        let data_key = self.newest_key();
        self.ids.insert(account.id);
        self.accounts.insert(account.key.clone(), Kept { account, data_key });
        Ok(revision)
    }

    /// Writes each account once more, as another host would.
    pub(super) fn overtake(&mut self, batch: &[Change]) {
        for account in batch.iter().filter_map(|change| change.account.as_ref()) {
            let next = account.revision.next();
            let other = Account { revision: next, ..account.clone() };
            let data_key = self.newest_key();
            self.ids.insert(account.id);
            let kept = self.accounts.entry(account.key.clone()).or_insert(Kept { account: other, data_key });
            kept.account.revision = kept.account.revision.max(next);
        }
    }

    /// Refuses what no database can keep, before anything is written.
    pub(super) fn commit(&mut self, batch: Vec<Change>) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
        for change in &batch {
            for event in &change.events {
                column(event.at)?;
            }
            if let Some(account) = &change.account {
                column(account.changed.as_seconds())?;
            }
            for message in &change.outgoing {
                check_letter(&message.outgoing)?;
                if self.outbox.has(message.outgoing.id) {
                    return Err(StoreError::Failed {
                        doing: "queueing a message",
                        cause: "its id is taken".to_owned(),
                    });
                }
            }
        }
        self.standing.generation += 1;
        Ok(batch.into_iter().map(|change| self.apply(change)).collect())
    }
}
