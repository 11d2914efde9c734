//! A walk through the audit for what reads all of it: one page a call, bite by bite.
//!
//! Owns how far one call goes, in records, bytes and time, and where records since a time begin. A client that goes away
//! in the midst of a walk leaves nothing behind but the call under way.

use std::collections::HashMap;
use std::time::Duration;

use countersign_core::audit::{AuditEvent, Span};
use tokio::time::Instant;
use zbus::{OwnedVariant, Variant};

use super::BusError;
use crate::engine::Handle;
use crate::engine::command::EngineError;
use crate::store::PAGE_LIMIT;

/// How many records one call reads at most.
const RECORDS: usize = 10_000;
/// After so many bytes of records a call reads no more.
const BYTES: usize = 16 * 1024 * 1024;
/// How long one call reads; what is not done by then is the next one's.
const TIME: Duration = Duration::from_millis(700);
/// How many records the first bite has: the longest ones have 1 MiB.
const FIRST_BITE: u16 = 200;
/// How many bytes a later bite has, as far as the last one tells that.
const BITE_BYTES: usize = 4 * 1024 * 1024;

/// Where one call stands.
pub(super) struct Walk<'e> {
    engine: &'e Handle,
    begun: Instant,
    bite: u16,
    records: usize,
    bytes: usize,
    next: u64,
    newest: u64,
}

impl<'e> Walk<'e> {
    /// Begins behind a record; behind 0, and with a time, where the records since then begin. A number beyond the newest is
    /// the newest.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub(super) async fn begin(
        engine: &'e Handle,
        after: u64,
        since: Option<u64>,
    ) -> Result<Self, EngineError> {
        let span = engine.audit_span().await?;
        let next = match since {
            Some(since) if after == 0 => before_time(engine, &span, since).await?,
            Some(_) | None => after.min(span.head.sequence),
        };
        let (begun, bite) = (Instant::now(), FIRST_BITE);
        Ok(Self { engine, begun, bite, records: 0, bytes: 0, next, newest: span.head.sequence })
    }

    /// Reads the next records; nothing where the page is full or the audit at its end.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub(super) async fn bite(&mut self) -> Result<Option<Vec<String>>, EngineError> {
        let is_full = self.records >= RECORDS || self.bytes >= BYTES || self.begun.elapsed() >= TIME;
        if self.next >= self.newest || (is_full && self.records > 0) {
            return Ok(None);
        }
        let wanted = usize::from(self.bite).min(RECORDS.saturating_sub(self.records)).max(1);
        let limit = u16::try_from(wanted).unwrap_or(self.bite);
        let page = self.engine.audit(self.next, limit).await?;
        // Where records are missing there is nothing to wait for: what `VerifyAudit` is for must not hold this.
        let is_last = page.len() < wanted;
        self.next = if is_last { self.newest } else { self.next };
        self.next = page.last().map_or(self.next, |last| self.next.max(last.sequence));
        self.newest = self.newest.max(self.next);
        let bytes = page.iter().map(|found| found.record.len()).sum::<usize>();
        self.records = self.records.saturating_add(page.len());
        self.bytes = self.bytes.saturating_add(bytes);
        self.bite = following_bite(page.len(), bytes);
        Ok(Some(page.into_iter().map(|found| found.record).collect()))
    }

    /// Tells the record up to which was looked, and the newest.
    pub(super) const fn reached(&self) -> (u64, u64) {
        (self.next, self.newest)
    }
}

/// Tells how many records like the last ones make a bite.
fn following_bite(records: usize, bytes: usize) -> u16 {
    let average = bytes.checked_div(records).unwrap_or(0).max(1);
    let fitting = BITE_BYTES.checked_div(average).unwrap_or(0);
    u16::try_from(fitting).unwrap_or(PAGE_LIMIT).clamp(1, PAGE_LIMIT)
}

/// Finds the record behind which those since a time begin. The clock that wrote them may have gone back: what lies
/// before such a place is found by its number only.
pub(super) async fn before_time(engine: &Handle, span: &Span, since: u64) -> Result<u64, EngineError> {
    let (mut before, mut end) = (span.anchor.sequence, span.head.sequence);
    while before < end {
        let middle = before.midpoint(end);
        let found = engine.audit(middle, 1).await?.pop();
        let at = found.and_then(|found| AuditEvent::from_canonical(&found.record).ok()).map(|event| event.at);
        match at {
            Some(at) if at < since => before = middle.saturating_add(1),
            Some(_) | None => end = middle,
        }
    }
    Ok(before)
}

/// Reads `since` t, seconds since 1970.
///
/// # Errors
/// [`BusError::InvalidArgument`] for a fact of another type.
pub(super) fn since(facts: &HashMap<String, OwnedVariant>) -> Result<Option<u64>, BusError> {
    match facts.get("since").map(|since| &**since) {
        None => Ok(None),
        Some(Variant::U64(since)) => Ok(Some(*since)),
        Some(_) => Err(BusError::InvalidArgument("`since` is not a time".into())),
    }
}

/// Does what takes a while on a thread for that, so that no login waits for it.
///
/// # Errors
/// [`BusError::Unavailable`] where it fails.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BusError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "reading the audit failed");
        BusError::Unavailable
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bite_of_long_records_is_small_and_of_none_is_the_greatest() {
        assert_eq!(following_bite(200, 200 * 400), PAGE_LIMIT);
        assert_eq!(following_bite(200, 200 * 1024 * 1024), 4);
        assert_eq!(following_bite(1, usize::MAX), 1);
        assert_eq!(following_bite(0, 0), PAGE_LIMIT);
    }

    #[test]
    fn a_time_is_a_number_of_64_bits_and_nothing_else() {
        let facts = |value: Variant<'static>| {
            HashMap::from([("since".to_owned(), OwnedVariant::try_from(value).unwrap())])
        };
        assert_eq!(since(&HashMap::new()), Ok(None));
        assert_eq!(since(&facts(Variant::from(7_u64))), Ok(Some(7)));
        assert!(since(&facts(Variant::from("yesterday"))).is_err());
        assert!(since(&facts(Variant::from(-1_i64))).is_err());
    }
}
