//! The hourly upkeep of the audit: what is old goes, what is left is one chain, and its end stands in the log.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::sync::Arc;
use std::time::Duration;

use countersign_core::audit::retention::Retention;
use countersign_core::audit::{AuditEvent, EventId, check_end, follow};
use countersignd::host::clock::Clock as _;
use countersignd::host::upkeep;
use countersignd::store::{Store as _, StoredRecord};
use tokio::sync::watch;
use tokio::time::sleep;

use harness::world::World;

const DAY: Duration = Duration::from_hours(24);

/// Records something that happened so long ago.
async fn record(world: &World, ago: Duration) {
    let at = world.clock.wall().before(ago);
    world.engine.record(AuditEvent::new(EventId::CodeWrong, at, "h1", "self")).await.unwrap();
}

/// Looks after the audit until its end was told so often.
async fn look_after(world: &World, times: usize) {
    let (_keep, retention) = watch::channel(Retention::default());
    let journal = Arc::clone(&world.published);
    let task = tokio::spawn(upkeep::audit(world.engine.clone(), journal, retention));
    while world.published().iter().filter(|event| *event == "audit-head").count() < times {
        sleep(Duration::from_mins(1)).await;
    }
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn old_records_go_in_steps_and_the_chain_goes_on_from_its_anchor() {
    let world = World::new();
    for _ in 0..1200 {
        record(&world, 401 * DAY).await;
    }
    record(&world, 399 * DAY).await;
    look_after(&world, 1).await;
    let span = world.store.memory.audit_span().await.unwrap();
    assert_eq!((span.anchor.sequence, span.records()), (1200, 2));
    assert_eq!(world.recorded().await, ["code-wrong", "audit-trimmed"]);
    let records = world.store.memory.audit(0, 1000).await.unwrap();
    let reached = follow(span.anchor, records.iter().map(StoredRecord::lend), None).unwrap();
    check_end(&reached, &span.head, None).unwrap();
    assert!(records[1].record.contains("\"reason\":\"up to 1200\""), "{}", records[1].record);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_audit_is_told_to_the_log_each_hour_and_is_no_record() {
    let world = World::new();
    record(&world, DAY).await;
    look_after(&world, 3).await;
    assert_eq!(world.recorded().await, ["code-wrong"]);
    let head = world.store.memory.audit_span().await.unwrap().head;
    let told = world.published.last();
    assert_eq!((told.event, told.reason), (EventId::AuditHead, Some(head.to_string())));
}
