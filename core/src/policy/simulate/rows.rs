//! The rows of a page, and what may stand in them.

use std::collections::BTreeMap;

use crate::printable::is_printable;

/// The rows of one page: each different one once, with how often it was met.
#[derive(Debug, Clone)]
pub struct Rows<R> {
    counts: BTreeMap<R, u64>,
    limit: usize,
}

impl<R: Ord> Rows<R> {
    /// Makes room for so many different rows.
    #[must_use]
    pub const fn up_to(limit: usize) -> Self {
        Self { counts: BTreeMap::new(), limit }
    }

    /// Counts a row. One that is one too many is counted still, so that nothing is lost: ask first for room.
    pub fn count(&mut self, row: R, times: u64) {
        let count = self.counts.entry(row).or_default();
        *count = count.saturating_add(times);
    }

    /// Tells whether there is room for another row.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.counts.len() < self.limit
    }

    /// Gives the rows out, in their order.
    pub fn into_counts(self) -> impl Iterator<Item = (R, u64)> {
        self.counts.into_iter()
    }
}

/// Makes a text of a record fit for one line of a terminal: the audit keeps what a caller said.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|character| if is_printable(character) { character } else { '?' }).collect()
}
