//! From waiting jobs to batches on their way.
//!
//! Owns the order: jobs of one person stay in theirs, those of one batch go together, and nobody's account is on its way
//! twice.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use countersign_core::account::AccountKey;
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::time::CLOCK_TOLERANCE;

use super::Engine;
use super::command::ConversationId;
use super::flight::fly;
use super::job::{Job, Sheaf, Waiter, Work};
use super::removal::remove_all;
use super::{BATCH, CLOCK_FAULT_REST};

impl Engine {
    /// Sends batches off, as many as the store takes at the same time.
    pub(super) fn launch(&mut self) {
        while self.flights.len() < self.parts.tools.store.batches_in_flight().max(1) {
            let mut sheaves = self.board();
            if sheaves.is_empty() {
                return;
            }
            sheaves.extend(self.clock_fault());
            self.aloft.extend(sheaves.iter().filter_map(|sheaf| sheaf.key.clone()));
            let here = self.here.clone();
            let (deletions, sheaves): (Vec<_>, Vec<_>) =
                sheaves.into_iter().partition(|sheaf| sheaf.jobs.iter().any(Job::travels_alone));
            let tools = self.parts.tools.clone();
            let counter = Arc::clone(&self.counter);
            self.flights.spawn(async move {
                let removing = remove_all(&tools, &here.timeline, deletions);
                let (mut landed, removed) =
                    tokio::join!(fly(tools.clone(), counter, here.clone(), sheaves), removing);
                landed.extend(removed);
                landed
            });
        }
    }

    /// Takes the next jobs, those of one person together; people with a job on its way wait.
    fn board(&mut self) -> Vec<Sheaf> {
        let mut sheaves: Vec<Sheaf> = Vec::new();
        let mut places: HashMap<AccountKey, usize> = HashMap::new();
        let mut staying = VecDeque::new();
        let mut boarded: usize = 0;
        for job in std::mem::take(&mut self.waiting) {
            let key = job.key();
            if boarded >= BATCH || key.as_ref().is_some_and(|key| self.aloft.contains(key)) {
                staying.push_back(job);
                continue;
            }
            if job.is_abandoned() {
                self.abandon(&job);
                continue;
            }
            let place =
                key.as_ref().and_then(|key| places.get(key)).and_then(|place| sheaves.get_mut(*place));
            if let Some(sheaf) = place {
                if job.travels_alone() || sheaf.jobs.iter().any(Job::travels_alone) {
                    staying.push_back(job);
                } else {
                    sheaf.jobs.push(job);
                    boarded = boarded.saturating_add(1);
                }
                continue;
            }
            boarded = boarded.saturating_add(1);
            if let Some(key) = &key {
                places.insert(key.clone(), sheaves.len());
            }
            sheaves.push(Sheaf { key, jobs: vec![job] });
        }
        self.waiting = staying;
        sheaves
    }

    /// Undoes what a job that nobody waits for reserved.
    fn abandon(&mut self, job: &Job) {
        let Work::Turn { id, waiter, .. } = &job.work else { return };
        if matches!(waiter, Waiter::Begin(..)) {
            self.registry.remove(*id);
        } else {
            self.release(*id);
        }
    }

    /// Frees a conversation for its next event, or ends it where that was asked for meanwhile.
    pub(super) fn release(&mut self, id: ConversationId) {
        let Some(entry) = self.registry.entry(id) else { return };
        entry.busy = false;
        if let Some(event) = entry.ending.take() {
            self.end(id, event);
        }
    }

    /// A record of a clock that went back: at once, again where it goes back further, else once a day.
    fn clock_fault(&mut self) -> Option<Sheaf> {
        let now = self.here.timeline.now();
        let is_told = self.clock_fault.is_some_and(|(last, behind)| {
            let is_fresh = now.since_boot.saturating_sub(last) < CLOCK_FAULT_REST;
            is_fresh && now.behind <= behind.saturating_add(CLOCK_TOLERANCE)
        });
        if !now.is_clock_fault() || is_told {
            return None;
        }
        self.clock_fault = Some((now.since_boot, now.behind));
        let mut event = AuditEvent::new(EventId::ClockFault, now.wall, &self.parts.host.name, "service");
        event.reason = Some(format!("behind by {} s", now.behind.as_secs()));
        let work = Work::Record { event: Box::new(event), reply: None };
        Some(Sheaf { key: None, jobs: vec![Job::new(None, work)] })
    }
}
