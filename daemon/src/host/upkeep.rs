//! The hourly upkeep of the audit: old records go, and the end of the chain is told to the log.
//!
//! Owns the hour. Which records go is `core::audit::retention`'s. The head stands in the log, so that whoever rewrites
//! the whole store, ends and all, contradicts what lies elsewhere.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::audit::retention::{Retention, cut};
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::time::WallTime;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::journal::Journal;
use crate::engine::Handle;
use crate::engine::command::EngineError;

/// How often.
const REST: Duration = Duration::from_hours(1);
/// How many records are looked at at once.
const AT_ONCE: u16 = 500;
/// How often in one hour at most: a million records.
const STEPS: usize = 2000;
/// The rest between two steps, in which logins go on.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks after the audit now and every hour, for as long as the service runs.
pub async fn audit(engine: Handle, journal: Arc<dyn Journal>, retention: watch::Receiver<Retention>) {
    let mut pulse = interval(REST);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pulse.tick().await;
        let wanted = *retention.borrow();
        if let Err(error) = once(&engine, &*journal, &wanted).await {
            tracing::error!(%error, "the audit could not be looked after; it is tried again in an hour");
        }
    }
}

async fn once(engine: &Handle, journal: &dyn Journal, retention: &Retention) -> Result<(), EngineError> {
    if let Some(removed) = trim(engine, retention).await? {
        let mut event = event(engine, EventId::AuditTrimmed);
        event.reason = Some(format!("up to {removed}"));
        engine.record(event).await?;
    }
    let mut event = event(engine, EventId::AuditHead);
    event.reason = Some(engine.audit_span().await?.head.to_string());
    journal.publish(&event);
    Ok(())
}

/// Removes what is too old or too much; tells the last record that went.
async fn trim(engine: &Handle, retention: &Retention) -> Result<Option<u64>, EngineError> {
    let mut removed = None;
    for _ in 0..STEPS {
        let span = engine.audit_span().await?;
        let records = engine.audit(span.anchor.sequence, AT_ONCE).await?;
        let times = records.iter().map(|found| {
            let event = AuditEvent::from_canonical(&found.record).ok();
            (found.sequence, event.map(|event| WallTime::from_seconds(event.at)))
        });
        let Some(last) = cut(&span, times, retention, engine.wall()) else { break };
        engine.trim_audit(last).await?;
        removed = Some(last);
        sleep(PAUSE).await;
    }
    Ok(removed)
}

fn event(engine: &Handle, id: EventId) -> AuditEvent {
    AuditEvent::new(id, engine.wall(), &engine.host().name, "service")
}
