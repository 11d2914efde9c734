//! The places behind the door: how many connections each uid and all together may hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections there may be (DESIGN.md 4).
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Of each uid other than root.
    pub per_uid: usize,
    /// Of all uids other than root together, so that they cannot take root's places.
    pub others: usize,
    /// In all.
    pub all: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { per_uid: 16, others: 512, all: 1024 }
    }
}

#[derive(Debug, Default)]
struct Taken {
    of_uid: HashMap<u32, usize>,
    others: usize,
    all: usize,
}

/// Counts the connections.
#[derive(Debug, Clone)]
pub(super) struct Places {
    capacity: Capacity,
    taken: Arc<Mutex<Taken>>,
}

/// One place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    uid: u32,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self { capacity, taken: Arc::default() }
    }

    /// Takes a place, where there is one.
    pub(super) fn take(&self, uid: u32) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_root = uid == 0;
        let own = taken.of_uid.get(&uid).copied().unwrap_or(0);
        let others_full = !is_root && (own >= self.capacity.per_uid || taken.others >= self.capacity.others);
        if others_full || taken.all >= self.capacity.all {
            return None;
        }
        taken.of_uid.insert(uid, own.saturating_add(1));
        taken.others = taken.others.saturating_add(usize::from(!is_root));
        taken.all = taken.all.saturating_add(1);
        Some(Place { uid, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.of_uid.get(&self.uid).copied().unwrap_or(0).saturating_sub(1);
        if own == 0 {
            taken.of_uid.remove(&self.uid);
        } else {
            taken.of_uid.insert(self.uid, own);
        }
        taken.others = taken.others.saturating_sub(usize::from(self.uid != 0));
        taken.all = taken.all.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_uid_has_its_share_and_root_keeps_places() {
        let places = Places::new(Capacity { per_uid: 2, others: 3, all: 4 });
        let (first, second) = (places.take(1000), places.take(1000));
        assert!(first.is_some() && second.is_some() && places.take(1000).is_none());
        let third = places.take(1001);
        assert!(third.is_some() && places.take(1002).is_none());
        let root = places.take(0);
        assert!(root.is_some() && places.take(0).is_none());
        drop(first);
        assert!(places.take(1002).is_some());
    }

    #[test]
    fn a_place_that_is_left_leaves_no_trace() {
        let places = Places::new(Capacity::default());
        for uid in 0..100 {
            drop(places.take(uid));
        }
        let taken = places.taken.lock().unwrap();
        assert!(taken.of_uid.is_empty() && taken.all == 0 && taken.others == 0);
    }
}
