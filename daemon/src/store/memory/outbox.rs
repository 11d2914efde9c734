//! The outbox of the store in memory.
//!
//! Owns the rows and what may become of each. Behaves as the tables of the databases do, as `conformance` sees it.

use std::collections::BTreeMap;

use countersign_core::account::AccountId;
use countersign_core::delivery::{Outgoing, Progress, Purpose, Recipient, RequestId};
use countersign_core::sending::{HOUR, RecipientUse};
use countersign_core::throttle::DAY;
use countersign_core::time::WallTime;

use crate::store::outbox::{
    HOST_USE_LIMIT, HostUse, PURGE_LIMIT, Queued, USE_LIMIT, counted, final_word, is_old,
};

/// What was put in within the last days.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox {
    rows: Vec<Row>,
    last: u64,
}

/// One message.
#[derive(Debug, Clone)]
pub(super) struct Row {
    sequence: u64,
    recipient: String,
    state: State,
    next_at: WallTime,
    is_used: bool,
    /// Whose it is.
    pub(super) account: Option<AccountId>,
    /// The message; what it says is gone when it is settled.
    pub(super) outgoing: Outgoing,
    /// How often it was tried.
    pub(super) attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    Trying,
    Final,
}

impl Outbox {
    /// Tells whether a newer code went to a recipient of these messages than the decision saw.
    pub(super) fn is_overtaken(&self, outgoing: &[Queued]) -> bool {
        outgoing.iter().any(|Queued { outgoing, seen }| {
            outgoing.purpose == Purpose::Code && self.newest(&counted(&outgoing.recipient)) > *seen
        })
    }

    fn codes<'a>(&'a self, recipient: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows
            .iter()
            .filter(move |row| row.recipient == recipient && row.outgoing.purpose == Purpose::Code)
    }

    fn newest(&self, recipient: &str) -> u64 {
        self.codes(recipient).map(|row| row.sequence).max().unwrap_or_default()
    }

    pub(super) fn insert(&mut self, account: Option<AccountId>, Queued { outgoing, seen: _ }: Queued) {
        self.last += 1;
        self.rows.push(Row {
            sequence: self.last,
            recipient: counted(&outgoing.recipient),
            state: State::Queued,
            next_at: WallTime::default(),
            is_used: false,
            account,
            outgoing,
            attempts: 0,
        });
    }

    /// Takes an account that is removed from its messages; what was not sent never is.
    pub(super) fn forget(&mut self, account: AccountId) {
        for row in self.rows.iter_mut().filter(|row| row.account == Some(account)) {
            row.account = None;
            row.state = State::Final;
        }
    }

    pub(super) fn has(&self, id: RequestId) -> bool {
        self.rows.iter().any(|row| row.outgoing.id == id)
    }

    fn row(&mut self, id: RequestId, state: State) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.outgoing.id == id && row.state == state)
    }

    pub(super) fn redeem(&mut self, id: RequestId) {
        for row in self.rows.iter_mut().filter(|row| row.outgoing.id == id) {
            row.is_used = true;
        }
    }

    pub(super) fn settle(&mut self, id: RequestId, progress: Progress) {
        if final_word(progress).is_none() {
            return;
        }
        for row in self.rows.iter_mut().filter(|row| row.outgoing.id == id) {
            row.state = State::Final;
        }
    }

    pub(super) fn uses(&self, recipients: &[Recipient], at: WallTime) -> BTreeMap<Recipient, RecipientUse> {
        let of = |recipient: &Recipient| {
            let name = counted(recipient);
            let unused = |row: &&Row| !row.is_used && row.outgoing.queued.after(DAY) > at;
            let mut unused: Vec<WallTime> =
                self.codes(&name).filter(unused).map(|row| row.outgoing.queued).collect();
            unused.drain(..unused.len().saturating_sub(USE_LIMIT.into()));
            (recipient.clone(), RecipientUse { newest: self.newest(&name), unused })
        };
        recipients.iter().map(of).collect()
    }

    pub(super) fn host_use(&self, at: WallTime) -> HostUse {
        let mut used = HostUse::default();
        let most = usize::try_from(HOST_USE_LIMIT).unwrap_or(usize::MAX);
        for row in self.rows.iter().filter(|row| row.outgoing.queued.after(HOUR) > at).take(most) {
            used.note(row.outgoing.recipient.channel(), row.outgoing.queued);
        }
        used
    }

    pub(super) fn due(&self, at: WallTime) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.state == State::Queued && row.next_at <= at)
    }

    pub(super) fn trying(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.state == State::Trying)
    }

    pub(super) fn claim(&mut self, id: RequestId) -> bool {
        let Some(row) = self.row(id, State::Queued) else { return false };
        row.state = State::Trying;
        row.attempts += 1;
        true
    }

    pub(super) fn put_off(&mut self, id: RequestId, until: WallTime) -> bool {
        let Some(row) = self.row(id, State::Trying) else { return false };
        row.state = State::Queued;
        row.next_at = until;
        true
    }

    pub(super) fn purge(&mut self, at: WallTime) -> u64 {
        let mut removed = 0;
        self.rows.retain(|row| {
            let goes = removed < u64::from(PURGE_LIMIT) && is_old(row.outgoing.expires, at);
            removed += u64::from(goes);
            !goes
        });
        removed
    }
}
