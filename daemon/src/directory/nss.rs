//! Look-ups through libc's name service switch. They block, for as long as a backend pleases.
//!
//! libc passes over a backend that fails or is interrupted and answers from the others, as if it knew nothing. What such
//! a backend leaves behind is an error number: with one that tells of a failure an answer is asked for again, and in the
//! end not relied on.

use std::collections::BTreeSet;
use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::DirectoryError;

/// How often a look-up that was interrupted or failed is made.
const ATTEMPTS: usize = 3;

/// What is looked up.
#[derive(Debug)]
pub(super) enum Query {
    /// A name.
    Name(String),
    /// A uid.
    Uid(u32),
}

/// A person as libc tells it.
#[derive(Debug)]
pub(super) struct FoundUser {
    /// The canonical name.
    pub(super) name: String,
    /// The uid.
    pub(super) uid: u32,
    /// The primary group.
    pub(super) gid: u32,
    /// GECOS.
    pub(super) gecos: String,
}

/// The groups of a person as libc tells them.
#[derive(Debug, Default)]
pub(super) struct FoundGroups {
    /// Their names, each once; a group without a name goes by its number.
    pub(super) names: Vec<String>,
    /// Whether one has no name.
    pub(super) has_nameless: bool,
    /// Whether some backend failed on the way.
    pub(super) has_failed: bool,
}

/// Looks a person up.
pub(super) fn user(query: &Query) -> Result<Option<FoundUser>, DirectoryError> {
    let found = relied_on(|| match query {
        Query::Name(name) => User::from_name(name),
        Query::Uid(uid) => User::from_uid(Uid::from_raw(*uid)),
    })?;
    Ok(found.map(|user| FoundUser {
        name: user.name,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        gecos: user.gecos.to_string_lossy().into_owned(),
    }))
}

/// Lists a person's groups: the primary one, and all that the backends tell, which see to nested ones themselves.
pub(super) fn groups(name: &str, gid: u32) -> Result<FoundGroups, DirectoryError> {
    let name = CString::new(name).map_err(|_| DirectoryError::InvalidName)?;
    let (gids, mut has_failed) = attempts(|| getgrouplist(&name, Gid::from_raw(gid)), |_| false)?;
    let mut found = FoundGroups::default();
    let mut seen = BTreeSet::new();
    for gid in gids {
        let (group, failed) = attempts(|| Group::from_gid(gid), Option::is_some)?;
        has_failed |= failed;
        found.has_nameless |= group.is_none();
        let name = group.map_or_else(|| gid.to_string(), |group| group.name);
        if seen.insert(name.clone()) {
            found.names.push(name);
        }
    }
    Ok(FoundGroups { has_failed, ..found })
}

/// Lists the groups of a person of a directory, who is known before: with the person gone afterwards, the backend that
/// knows them failed meanwhile.
pub(super) fn groups_of_directory(name: &str, gid: u32) -> Result<FoundGroups, DirectoryError> {
    let found = groups(name, gid)?;
    let is_known = user(&Query::Name(name.to_owned())).is_ok_and(|user| user.is_some());
    Ok(FoundGroups { has_failed: found.has_failed || !is_known, ..found })
}

fn relied_on<T>(lookup: impl Fn() -> nix::Result<Option<T>>) -> Result<Option<T>, DirectoryError> {
    match attempts(lookup, Option::is_some)? {
        (_, true) => Err(DirectoryError::Failed(format!("a backend failed: {}", Errno::last()))),
        (found, false) => Ok(found),
    }
}

/// Makes a look-up until no backend fails on the way, at most [`ATTEMPTS`] times; tells whether one failed the last time
/// too. What `is_whole` holds of cannot be wrong for a failure.
fn attempts<T>(
    lookup: impl Fn() -> nix::Result<T>,
    is_whole: impl Fn(&T) -> bool,
) -> Result<(T, bool), DirectoryError> {
    let mut attempt = 1;
    loop {
        Errno::clear();
        let answer = lookup();
        let left_behind = Errno::last();
        let is_last = attempt >= ATTEMPTS;
        match answer {
            Ok(found) if is_whole(&found) || !tells_failure(left_behind) => return Ok((found, false)),
            Ok(found) if is_last => return Ok((found, true)),
            Err(error) if is_last || !tells_failure(error) => {
                return Err(DirectoryError::Failed(error.to_string()));
            }
            Ok(_) | Err(_) => attempt += 1,
        }
    }
}

/// Tells whether an error number is of a backend that failed; others are left behind on the way to a good answer as well.
fn tells_failure(error: Errno) -> bool {
    matches!(
        error,
        Errno::EINTR
            | Errno::EAGAIN
            | Errno::EIO
            | Errno::ENOMEM
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::EPIPE
            | Errno::ETIMEDOUT
            | Errno::ECONNREFUSED
            | Errno::ECONNRESET
            | Errno::ENOTCONN
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH
    )
}
