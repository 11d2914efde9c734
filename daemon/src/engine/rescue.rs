//! Logins whose store did not answer: policy alone decides, and the spool keeps their records (row L15, decision 14).
//!
//! Owns that such a login is answered only after its record is in the spool. Leaves who needs no account to core. All who
//! are not let in this way stay refused.

use std::sync::{Arc, PoisonError};

use countersign_core::audit::AuditEvent;
use countersign_core::conversation::Event;
use countersign_protocol::step::State;
use tokio::task::spawn_blocking;

use super::effects::{Collected, Fault, collect};
use super::flight::{Here, Tools};
use super::job::{Committed, Fate, Job, Landed, Outcome, Turned, Waiter, Work};

/// Lets in whom policy asks for nothing, out of sheaves that failed because of the store.
pub(super) async fn rescue(tools: &Tools, here: &Here, landed: Vec<Landed>) -> Vec<Landed> {
    let mut all = Vec::with_capacity(landed.len());
    for Landed { key, jobs, fate } in landed {
        let Fate::Failed(Fault::Store(_) | Fault::Unreadable(_)) = &fate else {
            all.push(Landed { key, jobs, fate });
            continue;
        };
        let mut failed = Vec::new();
        for (job, outcome) in jobs {
            match let_in(tools, here, &job).await {
                Some((turned, committed)) => {
                    let jobs = vec![(job, Ok(Outcome::Turn(Box::new(turned))))];
                    all.push(Landed { key: key.clone(), jobs, fate: Fate::Committed(committed) });
                }
                None => failed.push((job, outcome)),
            }
        }
        all.push(Landed { key, jobs: failed, fate });
    }
    all
}

async fn let_in(tools: &Tools, here: &Here, job: &Job) -> Option<(Turned, Committed)> {
    let Work::Turn { conversation, event: Event::Begun, waiter: Waiter::Begin(..), .. } = &job.work else {
        return None;
    };
    let now = here.timeline.now();
    let turn = {
        let mut entropy = tools.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        conversation.decide_unread(now, &mut *entropy)?
    };
    let collected = collect(turn.effects, true, conversation.voice()).ok()?;
    let Collected { account: None, events, step: Some(step), .. } = collected else { return None };
    if !matches!(step.state, State::Allow | State::Skip) {
        return None;
    }
    if let Err(error) = keep(tools, events.clone()).await {
        tracing::error!(%error, "the record of a login that needs no code cannot be kept; it is refused");
        return None;
    }
    let turned =
        Turned { next: turn.next, step: Some(step), code_given: None, known_networks: Arc::from([]) };
    Some((turned, Committed { events, queued: 0 }))
}

async fn keep(tools: &Tools, events: Vec<AuditEvent>) -> std::io::Result<()> {
    let (spool, entropy) = (Arc::clone(&tools.spool), Arc::clone(&tools.entropy));
    let work = move || {
        let mut entropy = entropy.lock().unwrap_or_else(PoisonError::into_inner);
        spool.keep(&events, &mut *entropy)
    };
    spawn_blocking(work).await.map_err(std::io::Error::other)?
}
