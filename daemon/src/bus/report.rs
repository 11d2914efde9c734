//! The answer of `Admin.ReportPolicy`: what watched rules would have done to the logins of the audit (row P4).
//!
//! Owns pages. What a record of a watched login says is `core::policy::simulate`'s.

use std::collections::HashMap;

use countersign_core::audit::AuditEvent;
use countersign_core::policy::simulate::{Rows, Watched};
use zbus::OwnedVariant;

use super::simulate::Row;
use super::walk::{Walk, aside, since};
use super::{BusError, Service};

/// After so many different rows a page ends.
const ROW_LIMIT: usize = 1000;
/// What stands in every record of a watched login, as canonical encodings have it; others need not be parsed.
const TRACE: &str = "\"monitored\"";

/// Rows of a page, the record up to which was looked, the newest.
pub(super) type Page = (Vec<Row>, u64, u64);

/// Reads a page of the records behind `after`.
///
/// # Errors
/// [`BusError::InvalidArgument`], [`BusError::LimitReached`], [`BusError::Unavailable`].
pub(super) async fn answer(
    service: &Service,
    options: &HashMap<String, OwnedVariant>,
    after: u64,
) -> Result<Page, BusError> {
    let _turn = service.replays.enter()?;
    let since = since(options)?;
    let mut walk = Walk::begin(&service.engine, after, since).await?;
    let mut rows = Rows::up_to(ROW_LIMIT);
    while rows.has_room()
        && let Some(records) = walk.bite().await?
    {
        rows = aside(move || read(rows, &records, since)).await?;
    }
    let (next, newest) = walk.reached();
    Ok((rows.into_counts().map(row).collect(), next, newest))
}

fn read(mut rows: Rows<Watched>, records: &[String], since: Option<u64>) -> Rows<Watched> {
    for record in records.iter().filter(|record| record.contains(TRACE)) {
        let event = AuditEvent::from_canonical(record).ok();
        let is_wanted = |event: &AuditEvent| since.is_none_or(|since| event.at >= since);
        if let Some(watched) = event.filter(is_wanted).as_ref().and_then(Watched::of) {
            rows.count(watched, 1);
        }
    }
    rows
}

fn row((watched, count): (Watched, u64)) -> Row {
    let Watched { course, user, rule, service, why } = watched;
    let name = |name: &str| name.to_owned();
    (name(course.name()), name(user.as_str()), name(rule.as_str()), service, why, count)
}
