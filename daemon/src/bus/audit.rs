//! Reading and verifying the audit in pages.
//!
//! Owns the filter and how far one call goes. What a chain is and when it is broken is `core::audit`'s. Every page is
//! bounded in time and in bytes; waiting for new records is a long poll, without signals.

use std::collections::HashMap;
use std::time::Duration;

use countersign_core::audit::{self, AuditEvent, ChainBreak, Damage, EventId, Mark};
use tokio::time::{Instant, sleep};
use zbus::OwnedVariant;

use super::facts::{OwnedFacts, put};
use super::walk::{before_time, since};
use super::{BusError, convert};
use crate::engine::Handle;
use crate::engine::command::EngineError;

/// How many records are read from the store at once: the longest ones have 1 MiB.
const AT_ONCE: u16 = 200;
/// How many records one answer has at most.
const ROW_LIMIT: usize = 1000;
/// No record is added to an answer of so many bytes.
const BYTE_LIMIT: usize = 512 * 1024;
/// How long one call reads; what is not done by then is the next one's.
const PAGE_TIME: Duration = Duration::from_millis(800);
/// How long a call waits for new records at most, in seconds (DESIGN.md 4).
const LONGEST_WAIT: u32 = 20;
/// How often new records are looked for meanwhile.
const PULSE: Duration = Duration::from_millis(300);
/// The longest name of a user in a filter, in bytes.
const NAME_LIMIT: usize = 256;
/// The longest id of an event, in bytes.
const EVENT_LIMIT: usize = 64;

/// Which records are wanted.
#[derive(Debug, Default)]
pub(super) struct Filter {
    user: Option<String>,
    event: Option<EventId>,
    since: Option<u64>,
    wait: Duration,
}

/// Records in the order of the chain, each with its number.
pub(super) struct Read {
    pub(super) records: Vec<(u64, String)>,
    /// The record up to which was looked; the next call goes on behind it.
    pub(super) next: u64,
    /// The newest record.
    pub(super) newest: u64,
}

impl Filter {
    /// Reads `user` s, `event` s, `since` t and `wait` u.
    ///
    /// # Errors
    /// [`BusError::InvalidArgument`] for an event that there is not, or a fact of another type.
    pub(super) fn read(facts: &HashMap<String, OwnedVariant>) -> Result<Self, BusError> {
        let event = convert::text(facts, "event", EVENT_LIMIT)?;
        let event = event.map(|name| {
            let known = EventId::ALL.into_iter().find(|event| event.name() == name);
            known.ok_or(BusError::InvalidArgument("there is no such event".into()))
        });
        let wait = convert::number(facts, "wait")?.unwrap_or(0).min(LONGEST_WAIT);
        Ok(Self {
            user: convert::text(facts, "user", NAME_LIMIT)?,
            event: event.transpose()?,
            since: since(facts)?,
            wait: Duration::from_secs(wait.into()),
        })
    }

    /// Tells whether a record is wanted; one that cannot be read always is.
    fn takes(&self, record: &str) -> bool {
        let Ok(event) = AuditEvent::from_canonical(record) else { return true };
        let is_about = |user: &String| event.subject.as_ref().is_some_and(|subject| subject.user == *user);
        self.user.as_ref().is_none_or(is_about)
            && self.event.is_none_or(|wanted| wanted == event.event)
            && self.since.is_none_or(|since| event.at >= since)
    }
}

/// Reads records behind a number, 0 for all; a number beyond the newest is the newest.
///
/// # Errors
/// [`BusError::Unavailable`].
pub(super) async fn read(engine: &Handle, filter: &Filter, after: u64) -> Result<Read, BusError> {
    let begun = Instant::now();
    let mut span = engine.audit_span().await?;
    let mut next = match filter.since {
        Some(since) if after == 0 => before_time(engine, &span, since).await?,
        Some(_) | None => after.min(span.head.sequence),
    };
    let (mut records, mut bytes) = (Vec::new(), 0_usize);
    loop {
        let page = engine.audit(next, AT_ONCE).await?;
        let is_last = page.len() < usize::from(AT_ONCE);
        for found in page {
            if bytes >= BYTE_LIMIT || records.len() >= ROW_LIMIT {
                return Ok(Read { records, next, newest: span.head.sequence });
            }
            next = found.sequence;
            if filter.takes(&found.record) {
                bytes = bytes.saturating_add(found.record.len());
                records.push((found.sequence, found.record));
            }
        }
        let is_over = if is_last {
            !records.is_empty() || begun.elapsed() >= filter.wait
        } else {
            begun.elapsed() >= PAGE_TIME
        };
        if is_over {
            return Ok(Read { records, next, newest: span.head.sequence.max(next) });
        }
        if is_last {
            sleep(PULSE).await;
        }
        span = engine.audit_span().await?;
    }
}

/// How far verification came.
enum Progress {
    /// To this record, and there are more.
    Under(Mark),
    /// To the end, which holds.
    Whole(Mark),
    /// To what is broken.
    Broken(ChainBreak),
}

/// Verifies a page of the chain. `after` is the cursor, empty to begin at the anchor; `known` is a mark from the log, or
/// empty.
///
/// # Errors
/// [`BusError::InvalidArgument`] for what is no mark; [`BusError::Refused`] where the known record is not kept any more;
/// [`BusError::Unavailable`].
pub(super) async fn verify(engine: &Handle, after: &str, known: &str) -> Result<OwnedFacts, BusError> {
    let (after, known) = (mark(after)?, mark(known)?);
    let span = engine.audit_span().await?;
    if let Some(known) = known.filter(|known| after.is_none() && known.sequence < span.anchor.sequence) {
        let (removed, first) = (known.sequence, span.anchor.sequence);
        let why = format!("record {removed} is not kept any more; a mark of record {first} or later is");
        return Err(BusError::Refused(why));
    }
    let from = after.unwrap_or(span.anchor);
    let progress = verify_from(engine, from, known.as_ref()).await?;
    let mut facts = OwnedFacts::new();
    let reached = match progress {
        Progress::Under(reached) => {
            put(&mut facts, "next", reached.to_string());
            reached.sequence
        }
        Progress::Whole(head) => {
            put(&mut facts, "next", "");
            put(&mut facts, "head", head.to_string());
            head.sequence
        }
        Progress::Broken(ChainBreak { sequence, damage }) => {
            put(&mut facts, "next", "");
            put(&mut facts, "broken", sequence);
            put(&mut facts, "damage", damage.name());
            sequence.saturating_sub(1)
        }
    };
    put(&mut facts, "first", span.anchor.sequence.saturating_add(1));
    put(&mut facts, "done", reached.saturating_sub(from.sequence));
    put(&mut facts, "total", span.records());
    Ok(facts)
}

async fn verify_from(engine: &Handle, from: Mark, known: Option<&Mark>) -> Result<Progress, EngineError> {
    let begun = Instant::now();
    let mut reached = from;
    loop {
        let span = engine.audit_span().await?;
        let page = engine.audit(reached.sequence, AT_ONCE).await?;
        let records = page.iter().map(crate::store::StoredRecord::lend);
        match audit::follow(reached, records, known) {
            Ok(_) if page.is_empty() => {
                let ended = audit::check_end(&reached, &span.head, known);
                return Ok(ended.map_or_else(Progress::Broken, |()| Progress::Whole(reached)));
            }
            Ok(mark) => reached = mark,
            Err(ChainBreak { damage: Damage::Missing, .. }) if was_trimmed(engine, &mut reached).await? => {}
            Err(broken) => return Ok(Progress::Broken(broken)),
        }
        if begun.elapsed() >= PAGE_TIME {
            return Ok(Progress::Under(reached));
        }
    }
}

/// Tells whether retention removed the next records meanwhile, and goes on behind its anchor then.
async fn was_trimmed(engine: &Handle, reached: &mut Mark) -> Result<bool, EngineError> {
    let anchor = engine.audit_span().await?.anchor;
    let is_trimmed = anchor.sequence > reached.sequence;
    if is_trimmed {
        *reached = anchor;
    }
    Ok(is_trimmed)
}

fn mark(text: &str) -> Result<Option<Mark>, BusError> {
    let parsed = (!text.is_empty()).then(|| text.parse());
    parsed.transpose().map_err(|error: audit::NotAMark| BusError::InvalidArgument(error.to_string().into()))
}
