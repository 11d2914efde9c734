//! The hash chain over records.
//!
//! Owns linking and verification: SHA-256(previous ‖ record), one chain a host, so that a record that was altered,
//! removed or moved shows. Leaves to the store to link inside the commit that carries the event.

use sha2::{Digest, Sha256};

/// What stands before the first record of a chain.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// A chain that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chain breaks at record {position}: it, or one before it, was altered, removed or moved")]
pub struct ChainBreak {
    /// The first of the given records that does not fit, counted from 1; one more than there are where the end is
    /// missing.
    pub position: u64,
}

/// Links a record to the one before it: SHA-256(previous ‖ record).
#[must_use]
pub fn link(previous: &[u8; 32], canonical: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(canonical).finalize().into()
}

/// Follows a chain from the link before its first record and tells its head. Whether the end is missing shows only
/// against a head known from elsewhere: [`verify_up_to`].
///
/// # Errors
/// [`ChainBreak`] at the first record that does not fit.
pub fn verify<'a>(
    previous: [u8; 32],
    records: impl Iterator<Item = (&'a str, [u8; 32])>,
) -> Result<[u8; 32], ChainBreak> {
    let mut head = previous;
    for (position, (record, stored)) in (1..).zip(records) {
        head = link(&head, record);
        if head != stored {
            return Err(ChainBreak { position });
        }
    }
    Ok(head)
}

/// Follows a chain to a head that is known from elsewhere, so that a missing end shows too.
///
/// # Errors
/// [`ChainBreak`] at the first record that does not fit, or after the last one.
pub fn verify_up_to<'a>(
    previous: [u8; 32],
    records: impl Iterator<Item = (&'a str, [u8; 32])>,
    head: &[u8; 32],
) -> Result<(), ChainBreak> {
    let mut seen = 0_u64;
    let counted = records.inspect(|_| seen = seen.saturating_add(1));
    if verify(previous, counted)? == *head {
        Ok(())
    } else {
        Err(ChainBreak { position: seen.saturating_add(1) })
    }
}
