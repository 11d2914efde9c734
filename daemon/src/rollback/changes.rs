//! Which accounts were altered in what they hold, and up to which revision: what a copy of the store does not know.
//!
//! Owns the file `changes` beside the stamp: a line for each change, written before the commit that makes it. A line that
//! a crash cut off belongs to a change that was never committed. Invariant: whoever is not listed was not altered by this
//! host since the generation in the first line.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use countersign_core::account::{AccountKey, Realm, UserName};
use serde::{Deserialize, Serialize};

use crate::host::durable::{self, MODE};
use crate::store::guarded_file::{self, Links};

/// The name of the file.
const NAME: &str = "changes";
/// The most accounts kept: beyond it the list begins anew, and older copies are not known any more.
pub(super) const LIMIT: usize = 50_000;
/// The most lines beyond one for each account, before the file is written anew.
const SLACK: usize = 1000;
/// The largest file that is read: as many lines as there can be, with the longest names.
const SIZE_LIMIT: u64 = 64 * 1024 * 1024;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    from: u64,
}

/// Each other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    realm: String,
    name: String,
    revision: u64,
}

/// The accounts that were altered.
#[derive(Debug)]
pub(super) struct Changes {
    from: u64,
    revisions: BTreeMap<AccountKey, u64>,
    lines: usize,
}

impl Changes {
    /// Reads the list; none where there is none that can be believed.
    pub(super) fn open(folder: &Path) -> Option<Self> {
        let text = guarded_file::read(&folder.join(NAME), MODE, Links::Refused, SIZE_LIMIT).ok()?;
        let whole = text.iter().rposition(|byte| *byte == b'\n')?;
        let mut lines = text.get(..whole)?.split(|byte| *byte == b'\n');
        let First { from } = serde_json::from_slice(lines.next()?).ok()?;
        let mut read = Self { from, revisions: BTreeMap::new(), lines: 0 };
        for line in lines {
            let Line { realm, name, revision } = serde_json::from_slice(line).ok()?;
            let (realm, name) = (Realm::try_from(realm).ok()?, UserName::try_from(name).ok()?);
            read.note(AccountKey { realm, name }, revision);
        }
        // Also takes away what a crash left of a line.
        read.write(folder).ok()?;
        Some(read)
    }

    /// Begins a list.
    pub(super) fn begin(folder: &Path, from: u64) -> io::Result<Self> {
        let mut begun = Self { from, revisions: BTreeMap::new(), lines: 0 };
        begun.write(folder)?;
        Ok(begun)
    }

    /// Adds accounts; on the disk before it returns. `generation` is the newest one known.
    pub(super) fn add(
        &mut self,
        folder: &Path,
        altered: Vec<(AccountKey, u64)>,
        generation: u64,
    ) -> io::Result<()> {
        let is_full = self.revisions.len().saturating_add(altered.len()) > LIMIT;
        if is_full {
            self.from = generation;
            self.revisions.clear();
        }
        let is_long = is_full || self.lines > self.revisions.len().saturating_add(SLACK);
        let mut text = Vec::new();
        for (key, revision) in altered {
            push(&mut text, &key, revision)?;
            self.note(key, revision);
        }
        if is_long {
            return self.write(folder);
        }
        let mut file = OpenOptions::new().append(true).open(folder.join(NAME))?;
        file.write_all(&text)?;
        file.sync_data()
    }

    /// Lists the accounts with the newest revision of each.
    pub(super) fn list(&self) -> Vec<(AccountKey, u64)> {
        self.revisions.iter().map(|(key, revision)| (key.clone(), *revision)).collect()
    }

    /// Tells whether the list has every change since a generation.
    pub(super) const fn reach_back_to(&self, generation: u64) -> bool {
        self.from <= generation
    }

    fn note(&mut self, key: AccountKey, revision: u64) {
        let kept = self.revisions.entry(key).or_default();
        *kept = revision.max(*kept);
        self.lines = self.lines.saturating_add(1);
    }

    fn write(&mut self, folder: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec(&First { from: self.from })?;
        text.push(b'\n');
        for (key, revision) in &self.revisions {
            push(&mut text, key, *revision)?;
        }
        durable::replace(folder, NAME, &text)?;
        self.lines = self.revisions.len();
        Ok(())
    }
}

fn push(text: &mut Vec<u8>, key: &AccountKey, revision: u64) -> io::Result<()> {
    let AccountKey { realm, name } = key;
    let line = Line { realm: realm.to_string(), name: name.to_string(), revision };
    text.extend(serde_json::to_vec(&line)?);
    text.push(b'\n');
    Ok(())
}
