//! Look-ups through libc's name service switch. They block, for as long as a backend pleases.

use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::DirectoryError;

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

/// Looks a person up.
pub(super) fn user(query: &Query) -> Result<Option<FoundUser>, DirectoryError> {
    let found = match query {
        Query::Name(name) => User::from_name(name),
        Query::Uid(uid) => User::from_uid(Uid::from_raw(*uid)),
    };
    let found = found.map_err(|error| DirectoryError::Failed(error.to_string()))?;
    Ok(found.map(|user| FoundUser {
        name: user.name,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        gecos: user.gecos.to_string_lossy().into_owned(),
    }))
}

/// Lists the names of a person's groups; a group without a name goes by its number.
pub(super) fn groups(name: &str, gid: u32) -> Result<Vec<String>, DirectoryError> {
    let name = CString::new(name).map_err(|_| DirectoryError::InvalidName)?;
    let gids =
        getgrouplist(&name, Gid::from_raw(gid)).map_err(|error| DirectoryError::Failed(error.to_string()))?;
    gids.into_iter().map(group_name).collect()
}

fn group_name(gid: Gid) -> Result<String, DirectoryError> {
    match Group::from_gid(gid) {
        Ok(Some(group)) => Ok(group.name),
        Ok(None) => Ok(gid.to_string()),
        Err(error) => Err(DirectoryError::Failed(error.to_string())),
    }
}
