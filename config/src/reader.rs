//! Who has to read the files of the configuration, and whether they can.
//!
//! Owns the rights of a user on a file and on the directories above it, by owner, group and mode. Access lists (ACLs) are
//! not looked at. The service needs none of this: what it opens it can read.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The bit that lets others read.
const READ: u32 = 0o4;
/// The bit that lets others pass through a directory.
const SEARCH: u32 = 0o1;

/// Who has to read the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// This process.
    ThisProcess,
    /// The user of the service, for whom another process judges.
    User {
        /// Its uid.
        uid: u32,
        /// Its groups.
        groups: Vec<u32>,
    },
}

/// Whether a file can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// It can.
    Granted,
    /// It cannot, and why.
    Refused(String),
}

impl Reader {
    /// Tells whether the process itself is meant.
    pub(crate) const fn is_this_process(&self) -> bool {
        matches!(self, Self::ThisProcess)
    }

    /// Tells whose files are the reader's own.
    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::ThisProcess => nix::unistd::geteuid().as_raw(),
            Self::User { uid, .. } => *uid,
        }
    }

    /// Tells whether the reader can open a file that has these facts.
    pub(crate) fn opens(&self, path: &Path, facts: &Metadata) -> Access {
        let refused = |who: &str, facts: &Metadata| {
            Access::Refused(format!("the service cannot {who} (mode {:04o})", facts.mode() & 0o7777))
        };
        match self {
            // The path may be a FIFO to somebody who swaps it now: nobody waits for its writer.
            Self::ThisProcess if crate::guarded::can_open(path) => Access::Granted,
            Self::ThisProcess => refused("read it", facts),
            Self::User { .. } if !self.has(facts, READ) => refused("read it", facts),
            Self::User { .. } => {
                let shut = path.ancestors().skip(1).find_map(|above| {
                    let facts = fs::metadata(above).ok()?;
                    (!self.has(&facts, SEARCH)).then_some((above, facts))
                });
                shut.map_or(Access::Granted, |(above, facts)| {
                    refused(&format!("enter {}", crate::printable::escape(&above.to_string_lossy())), &facts)
                })
            }
        }
    }

    /// Tells whether the reader may list a directory and open the files in it; this process finds out when it does.
    pub(crate) fn enters(&self, facts: &Metadata) -> bool {
        self.has(facts, SEARCH | READ)
    }

    /// Tells whether the reader may read a file that is open already.
    pub(crate) fn reads(&self, facts: &Metadata) -> bool {
        self.has(facts, READ)
    }

    /// Tells whether owner, group or mode grant these bits.
    fn has(&self, facts: &Metadata, bits: u32) -> bool {
        let Self::User { uid, groups } = self else { return true };
        let granted = if facts.uid() == *uid {
            facts.mode() >> 6
        } else if groups.contains(&facts.gid()) {
            facts.mode() >> 3
        } else {
            facts.mode()
        };
        granted & bits == bits
    }
}
