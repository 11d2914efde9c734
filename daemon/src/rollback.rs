//! The stamp of the store: what tells a restored copy from the store itself (TH07, row F3, decision 13).
//!
//! Owns the folder of the stamp, outside the store: the file `stamp` says how far this host has seen the store, and
//! `changes` which accounts were altered. Leaves what follows for a login to `core::restore`. Invariants: a store that is
//! older than the stamp stays in doubt until root accepts it, however often it is written meanwhile; a host that never
//! had a stamp begins with one.

mod changes;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::account::AccountKey;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::host::durable::{self, MODE};
use crate::store::Standing;
use crate::store::guarded_file::{self, Links};
use changes::Changes;

/// The name of the stamp.
const NAME: &str = "stamp";
/// The largest stamp that is read, in bytes.
const LIMIT: u64 = 1024;

/// Why a store is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// A copy was restored.
    #[error("it is older than what this host has seen of it: a copy was restored")]
    Older,
    /// Another store lies in its place.
    #[error("it is another store than the one of which this host keeps a stamp")]
    Foreign,
    /// The stamp is gone.
    #[error("the stamp that this host keeps of it is missing")]
    Missing,
    /// The stamp cannot be believed.
    #[error("the stamp that this host keeps of it cannot be read")]
    Unreadable,
}

impl Doubt {
    /// Tells the stable word that the audit and the bus have.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Foreign => "foreign",
            Self::Missing => "stamp-missing",
            Self::Unreadable => "stamp-unreadable",
        }
    }
}

/// Who writes to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This host alone: its stamp knows every change.
    Host,
    /// A fleet: other hosts keep stamps of their own.
    Fleet,
}

/// What this host has seen of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stamp {
    store: String,
    era: u64,
    generation: u64,
    /// An older store was found: it may have been written since and have passed the generation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    restored: bool,
}

impl Stamp {
    fn of(standing: &Standing) -> Self {
        Self {
            store: HEXLOWER.encode(&standing.store),
            era: standing.restores.era,
            generation: standing.generation,
            restored: false,
        }
    }
}

/// What was found in the folder.
#[derive(Debug)]
enum Found {
    Nothing,
    Unreadable,
    Stamp(Stamp),
}

/// The keeper of the stamp.
#[derive(Debug)]
pub struct StampKeeper {
    folder: Option<PathBuf>,
    reach: Reach,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    found: Found,
    doubt: Option<Doubt>,
    changes: Option<Changes>,
}

impl StampKeeper {
    /// Reads what the folder holds. Without a folder no restore is detected.
    #[must_use]
    pub fn open(folder: Option<PathBuf>, reach: Reach) -> Self {
        let folder = folder.map(|folder| match reach {
            Reach::Host => folder,
            Reach::Fleet => of_fleet(&folder),
        });
        let found = folder.as_ref().map_or(Found::Nothing, |folder| read(folder));
        let changes = folder.as_ref().and_then(|folder| Changes::open(folder));
        if folder.is_none() {
            tracing::error!(
                "there is no folder for the stamp of the store: a restored store is not detected"
            );
        }
        Self { folder, reach, state: Mutex::new(State { found, doubt: None, changes }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether there is a stamp on the disk.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.folder.is_some() && matches!(self.lock().found, Found::Stamp(_))
    }

    /// Tells how many accepted restores this host has seen.
    #[must_use]
    pub fn era(&self) -> u64 {
        match &self.lock().found {
            Found::Stamp(stamp) => stamp.era,
            Found::Nothing | Found::Unreadable => 0,
        }
    }

    /// Tells why the store is in doubt, if it is.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        self.lock().doubt
    }

    /// Compares the store with the stamp, and raises the stamp where nothing is in doubt. It waits for the disk.
    ///
    /// # Errors
    /// The stamp is not written; what is in doubt is known all the same.
    pub fn observe(&self, standing: &Standing) -> io::Result<Option<Doubt>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let mut state = self.lock();
        state.doubt = judge(&state.found, standing, self.reach);
        let next = match (&state.found, state.doubt) {
            (_, None) => Stamp::of(standing),
            (Found::Stamp(stamp), Some(Doubt::Older)) => Stamp { restored: true, ..stamp.clone() },
            (_, Some(Doubt::Older | Doubt::Foreign | Doubt::Missing | Doubt::Unreadable)) => {
                return Ok(state.doubt);
            }
        };
        if !matches!(&state.found, Found::Stamp(stamp) if *stamp == next) {
            durable::replace(folder, NAME, &serde_json::to_vec(&next)?)?;
            state.found = Found::Stamp(next);
        }
        if state.doubt.is_none() && state.changes.is_none() {
            state.changes = Some(Changes::begin(folder, standing.generation)?);
        }
        Ok(state.doubt)
    }

    /// Notes that accounts are about to be altered, with the revision that each gets; on the disk before it returns.
    ///
    /// # Errors
    /// What the system says: they must not be altered then.
    pub fn remember(&self, altered: Vec<(AccountKey, u64)>) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut state = self.lock();
        let State { found, changes, .. } = &mut *state;
        let generation = if let Found::Stamp(stamp) = found { stamp.generation } else { 0 };
        match changes {
            Some(changes) => changes.add(folder, altered, generation),
            None => Ok(()),
        }
    }

    /// Lists the accounts that this host altered, with their revisions; and tells whether these are all that a store of
    /// this standing may lack.
    #[must_use]
    pub fn altered(&self, standing: &Standing) -> (Vec<(AccountKey, u64)>, bool) {
        let state = self.lock();
        let Some(changes) = &state.changes else { return (Vec::new(), false) };
        let is_own = self.reach == Reach::Host && state.doubt == Some(Doubt::Older);
        (changes.list(), is_own && changes.reach_back_to(standing.generation))
    }

    /// Takes the store as it stands for the true one, after root accepted it.
    ///
    /// # Errors
    /// The stamp is not written; the store stays in doubt.
    pub fn accept(&self, standing: &Standing) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut state = self.lock();
        let stamp = Stamp::of(standing);
        durable::replace(folder, NAME, &serde_json::to_vec(&stamp)?)?;
        if state.changes.is_none() || state.doubt == Some(Doubt::Foreign) {
            state.changes = Some(Changes::begin(folder, standing.generation)?);
        }
        (state.found, state.doubt) = (Found::Stamp(stamp), None);
        Ok(())
    }
}

/// The folder for a fleet's database, which is apart: a host that joins a fleet has another store than before by its own
/// configuration, and finds its own one again when it leaves.
fn of_fleet(folder: &std::path::Path) -> PathBuf {
    let own = folder.join("fleet");
    match fs::DirBuilder::new().mode(0o700).create(&own) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            tracing::error!(path = %own.display(), %error, "the folder for the stamp of the fleet's store is not made");
        }
        // A folder that is not there holds a stamp that cannot be read: the store is in doubt.
        Ok(()) | Err(_) => {}
    }
    own
}

fn judge(found: &Found, standing: &Standing, reach: Reach) -> Option<Doubt> {
    let stamp = match found {
        Found::Unreadable => return Some(Doubt::Unreadable),
        // In a fleet the stamps of the other hosts guard the store.
        Found::Nothing => return (standing.is_stamped && reach == Reach::Host).then_some(Doubt::Missing),
        Found::Stamp(stamp) => stamp,
    };
    let here = Stamp::of(standing);
    if stamp.store != here.store {
        return Some(Doubt::Foreign);
    }
    let is_accepted_since = here.era > stamp.era;
    let is_older = (here.era, here.generation) < (stamp.era, stamp.generation);
    (is_older || (stamp.restored && !is_accepted_since)).then_some(Doubt::Older)
}

fn read(folder: &std::path::Path) -> Found {
    let path = folder.join(NAME);
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::read_dir(folder).is_ok() => {
            return Found::Nothing;
        }
        Ok(_) | Err(_) => {}
    }
    let text = match guarded_file::read(&path, MODE, Links::Refused, LIMIT) {
        Ok(text) => text,
        Err(cause) => {
            tracing::error!(path = %path.display(), cause, "the stamp of the store cannot be read");
            return Found::Unreadable;
        }
    };
    match serde_json::from_slice(&text) {
        Ok(stamp) => Found::Stamp(stamp),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "the stamp of the store cannot be read");
            Found::Unreadable
        }
    }
}

#[cfg(test)]
mod tests;
