//! How many calls one uid may have under way at the same time.
//!
//! Keeps one user of the host from taking the name service and the engine for themselves. Root has no such limit, but
//! the engine's queue has one for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::BusError;

/// Calls of one uid other than root under way at the same time.
const PER_UID: usize = 8;

/// Counts the calls under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    under_way: Arc<Mutex<HashMap<u32, usize>>>,
}

/// One call under way; over when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    uid: u32,
    under_way: Arc<Mutex<HashMap<u32, usize>>>,
}

impl Pace {
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
}
