//! The files of the embedded store: who may read them, and whether they are still the ones that were opened.
//!
//! Owns modes, owners and identities. Never opens a file that SQLite has open: closing any descriptor of it would drop
//! SQLite's locks. Too wide modes of files are narrowed; a directory that others may enter, a link, or a file of
//! somebody else is refused.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// What is being done, in errors.
const DOING: &str = "checking its files";
/// What others may do with the files and their directory: nothing.
const OTHERS: u32 = 0o077;

/// Tells one file from another that took its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    database: (u64, u64),
    log: Option<(u64, u64)>,
}

impl Identity {
    /// Looks at what lies at the path now.
    pub(super) fn at(path: &Path) -> Result<Self, StoreError> {
        let facts = look(path)?.ok_or_else(|| refuse(path, "is gone"))?;
        let log = look(&beside(path, "-wal"))?;
        Ok(Self { database: identify(&facts), log: log.as_ref().map(identify) })
    }
}

/// Checks the directory, then the database and the files beside it; tells whether there is a database.
pub(super) fn check(path: &Path) -> Result<bool, StoreError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let facts = look(directory)?.ok_or_else(|| refuse(directory, "does not exist"))?;
    if !facts.is_dir() {
        return Err(refuse(directory, "is not a directory"));
    }
    check_owner(directory, &facts)?;
    if facts.mode() & OTHERS != 0 {
        let mode = facts.mode() & 0o7777;
        return Err(refuse(directory, &format!("has mode {mode:04o}; it must be 0700")));
    }
    for suffix in ["-wal", "-shm"] {
        // They take the database's mode when they are made: one made while that was 0400 would stay so.
        check_file(&beside(path, suffix), |mode| mode == 0o600)?;
    }
    check_file(path, |mode| mode & OTHERS == 0)
}

/// Refuses the log of a store that is gone: a new store would take the old one's pages from it.
pub(super) fn check_no_log(path: &Path) -> Result<(), StoreError> {
    let log = beside(path, "-wal");
    if look(&log)?.is_none() {
        return Ok(());
    }
    let cause =
        format!("is gone, but its log {} is there; restore the store or remove the log", log.display());
    Err(refuse(path, &cause))
}

/// Makes an empty file that only this user can read.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| refuse(path, &format!("cannot be made: {error}")))
}

/// Gives a finished database its name, which must not be taken, and makes the name durable.
pub(super) fn publish(made: &Path, path: &Path) -> Result<(), StoreError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::hard_link(made, path)
        .and_then(|()| fs::remove_file(made))
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(|error| refuse(path, &format!("cannot be named: {error}")))
}

/// Removes a file where there is one.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(refuse(path, &format!("cannot be removed: {error}")))
        }
        _ => Ok(()),
    }
}

/// Names a file beside the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Checks a file and brings its mode to 0600 if it is not a good one; tells whether there is a file.
fn check_file(path: &Path, is_good: impl Fn(u32) -> bool) -> Result<bool, StoreError> {
    let Some(facts) = look(path)? else { return Ok(false) };
    if !facts.is_file() {
        return Err(refuse(path, "is not a regular file"));
    }
    check_owner(path, &facts)?;
    if !is_good(facts.mode() & 0o7777) {
        // Only this user can write to the directory: the name cannot have been given to another file meanwhile.
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(|error| refuse(path, &format!("has a wrong mode that cannot be changed: {error}")))?;
    }
    Ok(true)
}

fn check_owner(path: &Path, facts: &Metadata) -> Result<(), StoreError> {
    let own = nix::unistd::geteuid().as_raw();
    if facts.uid() == own {
        return Ok(());
    }
    Err(refuse(path, &format!("belongs to uid {}, this service runs as uid {own}", facts.uid())))
}

fn look(path: &Path) -> Result<Option<Metadata>, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(facts) => Ok(Some(facts)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refuse(path, &error.to_string())),
    }
}

fn identify(facts: &Metadata) -> (u64, u64) {
    (facts.dev(), facts.ino())
}

fn refuse(path: &Path, what: &str) -> StoreError {
    StoreError::Failed { doing: DOING, cause: format!("{} {what}", path.display()) }
}
