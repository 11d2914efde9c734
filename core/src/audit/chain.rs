//! The hash chain over records.
//!
//! Owns linking, the marks that name a place in the chain, and verification: SHA-256(previous ‖ record), one chain a host,
//! so that a record that was altered, removed or moved shows, and shows where. Leaves to the store to link inside the
//! commit that carries the event, and to keep the two ends.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// What stands before the first record of a chain.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// A place in a chain: the record of this number has this link. Number 0 stands before the first record. As text
/// `SEQUENCE:LINK`, the link in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The number of the record, from 1.
    pub sequence: u64,
    /// SHA-256(previous ‖ record).
    pub link: [u8; 32],
}

impl Default for Mark {
    fn default() -> Self {
        Self { sequence: 0, link: CHAIN_START }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.sequence)?;
        self.link.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// A text that names no place in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a record, a colon, and its link in 64 hex digits")]
pub struct NotAMark;

impl FromStr for Mark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sequence, hex) = text.split_once(':').ok_or(NotAMark)?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex.len() != 64 || !is_plain(hex) || sequence.starts_with('+') {
            return Err(NotAMark);
        }
        let mut link = [0; 32];
        for (index, byte) in link.iter_mut().enumerate() {
            let digits = hex.get(index * 2..index * 2 + 2).ok_or(NotAMark)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAMark)?;
        }
        Ok(Self { sequence: sequence.parse().map_err(|_| NotAMark)?, link })
    }
}

/// The two ends of the chain that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The last record that retention removed; the first kept one follows it.
    pub anchor: Mark,
    /// The newest record.
    pub head: Mark,
}

impl Span {
    /// Tells how many records are kept.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.head.sequence.saturating_sub(self.anchor.sequence)
    }
}

/// What is wrong with a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The record or its link is not what it was.
    Altered,
    /// There is no record of this number, though there are later ones.
    Missing,
    /// From this number on the records are gone.
    CutOff,
    /// A record that the chain does not know of stands behind its end.
    Added,
    /// The record is whole, but another than the one that was known under this number: the chain was written anew.
    Replaced,
}

impl Damage {
    /// The stable word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::CutOff => "cut-off",
            Self::Added => "added",
            Self::Replaced => "replaced",
        }
    }
}

/// A chain that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record {sequence} is {}", damage.name())]
pub struct ChainBreak {
    /// The number of the first record that does not fit.
    pub sequence: u64,
    /// What is wrong with it.
    pub damage: Damage,
}

/// Links a record to the one before it: SHA-256(previous ‖ record).
#[must_use]
pub fn link(previous: &[u8; 32], canonical: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(canonical).finalize().into()
}

/// Follows records, each with its number and link, on from a mark; tells the last one's. `known` is a mark of this chain
/// from elsewhere, such as the log: where it is passed, it has to fit.
///
/// # Errors
/// [`ChainBreak`] at the first record that does not fit.
pub fn follow<'a>(
    from: Mark,
    records: impl Iterator<Item = (u64, &'a str, [u8; 32])>,
    known: Option<&Mark>,
) -> Result<Mark, ChainBreak> {
    let mut reached = from;
    check_known(&reached, known)?;
    for (sequence, record, stored) in records {
        let expected = reached.sequence.saturating_add(1);
        if sequence != expected {
            return Err(ChainBreak { sequence: expected, damage: Damage::Missing });
        }
        reached = Mark { sequence, link: link(&reached.link, record) };
        if reached.link != stored {
            return Err(ChainBreak { sequence, damage: Damage::Altered });
        }
        check_known(&reached, known)?;
    }
    Ok(reached)
}

/// Compares the place behind the last record with where the chain has to end.
///
/// # Errors
/// [`ChainBreak`] where the end is missing, or another, or there is more than it.
pub fn check_end(reached: &Mark, head: &Mark, known: Option<&Mark>) -> Result<(), ChainBreak> {
    let next = reached.sequence.saturating_add(1);
    if reached.sequence < head.sequence || known.is_some_and(|known| reached.sequence < known.sequence) {
        return Err(ChainBreak { sequence: next, damage: Damage::CutOff });
    }
    if reached.sequence > head.sequence {
        return Err(ChainBreak { sequence: head.sequence.saturating_add(1), damage: Damage::Added });
    }
    if reached.link != head.link {
        return Err(ChainBreak { sequence: reached.sequence, damage: Damage::Altered });
    }
    Ok(())
}

fn check_known(reached: &Mark, known: Option<&Mark>) -> Result<(), ChainBreak> {
    match known {
        Some(known) if known.sequence == reached.sequence && known.link != reached.link => {
            Err(ChainBreak { sequence: reached.sequence, damage: Damage::Replaced })
        }
        Some(_) | None => Ok(()),
    }
}
