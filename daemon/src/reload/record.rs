//! What is recorded of the service itself: its start, its policy, its master switch.

use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::policy::switch::Change;

use super::By;
use crate::engine::Handle;

/// Records that the second factor was switched on or off for this host.
pub(crate) async fn about_switch(engine: &Handle, by: &By, change: Change) {
    let mut event = event(engine, by, EventId::FactorSwitched);
    event.change = Some(change.name().to_owned());
    keep(engine, event).await;
}

/// Records what concerns the service.
pub(crate) async fn about_service(engine: &Handle, by: &By, event_id: EventId, reason: &str) {
    let mut event = event(engine, by, event_id);
    event.reason = Some(reason.to_owned());
    keep(engine, event).await;
}

fn event(engine: &Handle, by: &By, event: EventId) -> AuditEvent {
    let event = AuditEvent::new(event, engine.wall(), &engine.host().name, by.actor);
    let mut event = event.by_login(by.login.as_ref());
    event.policy = Some(engine.policy().digest.clone());
    event
}

/// A store that cannot take a record refuses every login by itself, and recovers by itself.
async fn keep(engine: &Handle, event: AuditEvent) {
    let name = event.event.name();
    if let Err(error) = engine.record(event).await {
        tracing::error!(%error, event = name, "this is missing in the audit");
    }
}
