//! What ends with a session that nobody used (row L8).
//!
//! Owns the record of each step that was taken about an idle session, and that a place is forgotten from which a session was
//! ended or locked: the person gives a code at their next login from there.

use std::net::IpAddr;

use crate::account::{Account, RuleName};
use crate::audit::{AuditEvent, EventId};
use crate::idle::Step;
use crate::login::{Host, Person, Source};
use crate::time::Now;

/// A session that is idle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleSession {
    /// The PAM service that opened it.
    pub service: String,
    /// Where its login came from.
    pub source: Source,
    /// Its terminal or seat, where it has one.
    pub tty: Option<String>,
    /// The rule whose limit it is, where that is known.
    pub rule: Option<RuleName>,
}

/// What a step about an idle session leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Idled {
    /// The account to commit; none where nothing was remembered that ends.
    pub account: Option<Account>,
    /// The record, in the same commit.
    pub event: AuditEvent,
}

/// Decides what becomes of what was remembered for a session about which a step was taken; nothing where none was.
#[must_use]
pub fn idled(
    account: &Account,
    person: &Person,
    host: &Host,
    session: &IdleSession,
    step: Step,
    now: Now,
) -> Option<Idled> {
    let change = step.change()?;
    let event = AuditEvent {
        change: Some(change.to_owned()),
        reason: Some(session.place()),
        rule: session.rule.as_ref().map(|rule| rule.as_str().to_owned()),
        ..AuditEvent::for_person(EventId::SessionIdle, now.wall, host, person, account, "service")
    };
    let address = match (step, session.source) {
        (Step::HangUp | Step::Lock, Source::Address(address)) => address.to_canonical(),
        (Step::HangUp | Step::Lock, Source::Local | Source::Unknown)
        | (Step::Leave | Step::Tell { .. }, _) => {
            return Some(Idled { account: None, event });
        }
    };
    let account = session.forgotten_from(address, account, now);
    Some(Idled { account, event })
}

impl IdleSession {
    /// Makes the account without what was remembered of the session's place, whatever the key; none where that was nothing.
    fn forgotten_from(&self, address: IpAddr, account: &Account, now: Now) -> Option<Account> {
        let mut after = account.clone();
        after.remembered.retain(|place| place.address != address || place.service != self.service);
        if after.remembered.len() == account.remembered.len() {
            return None;
        }
        after.changed = after.changed.max(now.latest());
        Some(after)
    }

    /// Writes where the session is, as the audit keeps it: `sshd pts/3 198.51.100.7`.
    fn place(&self) -> String {
        let Self { service, source, tty, rule: _ } = self;
        let text = match tty {
            Some(tty) => format!("{service} {tty} {source}"),
            None => format!("{service} {source}"),
        };
        text.chars().take(crate::audit::TEXT_LIMIT).collect()
    }
}
