//! How many calls may be under way at the same time, of one uid and of callers not known yet.
//!
//! Keeps one user of the host from taking the name service, the engine and the memory for themselves. Root has no such
//! limit, but the engine's queue has one for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::BusError;

/// Calls of one uid other than root under way at the same time.
const PER_UID: usize = 8;
/// Questions to the bus about who calls at the same time; a call that finds them all asked is refused.
const QUESTIONS: usize = 32;

/// Counts the calls under way.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    under_way: Arc<Mutex<HashMap<u32, usize>>>,
    questions: Arc<Semaphore>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { under_way: Arc::default(), questions: Arc::new(Semaphore::new(QUESTIONS)) }
    }
}

/// One call under way; over when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    uid: u32,
    under_way: Arc<Mutex<HashMap<u32, usize>>>,
}

impl Pace {
    /// Counts a question about a caller in; over when dropped.
    ///
    /// # Errors
    /// [`BusError::LimitReached`] where too many are asked.
    pub(super) fn ask(&self) -> Result<OwnedSemaphorePermit, BusError> {
        Arc::clone(&self.questions).try_acquire_owned().map_err(|_| BusError::LimitReached)
    }

    /// Counts a call in.
    ///
    /// # Errors
    /// [`BusError::LimitReached`] where the uid has too many under way.
    pub(super) fn enter(&self, uid: u32) -> Result<Turn, BusError> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let own = under_way.get(&uid).copied().unwrap_or(0);
        if uid != 0 && own >= PER_UID {
            return Err(BusError::LimitReached);
        }
        under_way.insert(uid, own.saturating_add(1));
        Ok(Turn { uid, under_way: Arc::clone(&self.under_way) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let own = under_way.get(&self.uid).copied().unwrap_or(0).saturating_sub(1);
        if own == 0 {
            under_way.remove(&self.uid);
        } else {
            under_way.insert(self.uid, own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ninth_call_of_a_uid_is_refused_and_others_and_root_are_not() {
        let pace = Pace::default();
        let mut turns: Vec<Turn> = (0..PER_UID).map(|_| pace.enter(1000).unwrap()).collect();
        assert_eq!(pace.enter(1000).unwrap_err(), BusError::LimitReached);
        assert!(pace.enter(1001).is_ok());
        let of_root: Vec<Turn> = (0..100).map(|_| pace.enter(0).unwrap()).collect();
        turns.pop();
        assert!(pace.enter(1000).is_ok());
        drop((turns, of_root));
        assert!(pace.under_way.lock().unwrap().is_empty());
    }

    #[test]
    fn callers_not_known_yet_are_few() {
        let pace = Pace::default();
        let questions: Vec<_> = (0..QUESTIONS).map(|_| pace.ask().unwrap()).collect();
        assert_eq!(pace.ask().unwrap_err(), BusError::LimitReached);
        drop(questions);
        assert!(pace.ask().is_ok());
    }
}
