//! Look-ups through the name service switch. They block, for as long as a backend pleases.
//!
//! libc passes over a backend that fails or is interrupted and answers from the others, as if it knew nothing. Therefore
//! each backend of a line is asked for its own status (decision 10): every one but "success" and "not found" is asked for
//! again, and in the end not relied on. /etc/group is read by ourselves (`files`), once for all groups. Backends that
//! cannot list the groups of a user are left to libc.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, getgrouplist};

use super::DirectoryError;
use super::backend::{Answer, Backend, Room};
use super::files::GroupFile;
use super::switch::{Service, Switch};

/// How often a look-up that was interrupted or failed is made.
const ATTEMPTS: usize = 3;
/// How long the look-ups of many users in a row may take.
const MANY_LIMIT: Duration = Duration::from_millis(200);
/// The backend that we are ourselves.
const FILES: &str = "files";

/// What is looked up.
#[derive(Debug)]
pub(super) enum Query {
    /// A name.
    Name(String),
    /// A uid.
    Uid(u32),
}

impl Query {
    /// Lends the name, where it is one.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Uid(_) => None,
        }
    }
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

/// The groups of a person as the backends tell them.
#[derive(Debug, Default)]
pub(super) struct FoundGroups {
    /// Their names, each once, the primary group first; a group without a name goes by its number.
    pub(super) names: Vec<String>,
    /// Whether one has no name.
    pub(super) has_nameless: bool,
    /// Whether some backend failed on the way, or a group could not be read.
    pub(super) has_failed: bool,
}

/// Looks a person up; nobody is an answer only where every backend says so by itself.
pub(super) fn user(switch: &Switch, query: &Query) -> Result<Option<FoundUser>, DirectoryError> {
    let found = relied_on(|| match query {
        Query::Name(name) => User::from_name(name),
        Query::Uid(uid) => User::from_uid(Uid::from_raw(*uid)),
    })?;
    let Some(user) = found else { return nobody(switch, query).map(|()| None) };
    // libc's bytes are not UTF-8 where this stands: two names must not become one.
    if user.name.contains(char::REPLACEMENT_CHARACTER) {
        return Err(DirectoryError::InvalidName);
    }
    Ok(Some(FoundUser {
        name: user.name,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        gecos: user.gecos.to_string_lossy().into_owned(),
    }))
}

/// Makes sure that no backend failed quietly where libc found nobody.
fn nobody(switch: &Switch, query: &Query) -> Result<(), DirectoryError> {
    let failed = |name: &str| DirectoryError::Failed(format!("the backend {name} does not answer"));
    for service in switch.of_users().iter().filter(|service| service.name != FILES) {
        let Some(backend) = Backend::load(service.name) else {
            if service.is_of_the_host() {
                continue;
            }
            return Err(failed(service.name));
        };
        let answer = match query {
            Query::Uid(uid) => again(|| backend.knows_uid(*uid)),
            Query::Name(name) => {
                let name = CString::new(name.as_str()).map_err(|_| DirectoryError::InvalidName)?;
                again(|| backend.knows_name(&name))
            }
        };
        match answer {
            Answer::NotFound if service.ends_without => return Ok(()),
            Answer::NotFound | Answer::Silent => {}
            // One that knows the user now did not when libc asked.
            Answer::Found(()) | Answer::Failed => return Err(failed(service.name)),
        }
    }
    Ok(())
}

/// Lists a person's groups: the primary one, those of the file, and all that the backends tell, which see to nested ones
/// themselves.
pub(super) fn groups(
    switch: &Switch,
    file: &GroupFile,
    name: &str,
    gid: u32,
) -> Result<FoundGroups, DirectoryError> {
    let user = CString::new(name).map_err(|_| DirectoryError::InvalidName)?;
    let mut gathered = Gathered::new(switch, file);
    gathered.add(gid);
    let mut is_left_to_libc = false;
    for service in switch.of_memberships() {
        let answer =
            if service.name == FILES { gathered.of_file(name) } else { of_backend(service, &user, gid) };
        let is_found = match answer {
            Answer::Found(gids) => {
                for gid in gids {
                    gathered.add(gid);
                }
                true
            }
            Answer::NotFound => false,
            Answer::Silent => {
                is_left_to_libc = true;
                continue;
            }
            Answer::Failed => {
                gathered.found.has_failed = true;
                continue;
            }
        };
        if (is_found && service.ends_with_success) || (!is_found && service.ends_without) {
            break;
        }
    }
    if is_left_to_libc {
        let (gids, has_failed) = attempts(|| getgrouplist(&user, Gid::from_raw(gid)), |_| false)?;
        gathered.found.has_failed |= has_failed;
        for gid in gids {
            gathered.add(gid.as_raw());
        }
    }
    Ok(gathered.found)
}

/// Lists the groups of users with their primary group, one after the other, until the time is over; of the first at least.
/// None where there is no answer. The time is short beside that of a look-up: a list must not seem to hang.
pub(super) fn groups_of_many(
    switch: &Switch,
    file: &GroupFile,
    users: &[(String, Option<u32>)],
) -> Vec<Option<FoundGroups>> {
    let begun = Instant::now();
    let mut found = Vec::new();
    for (name, gid) in users {
        if !found.is_empty() && begun.elapsed() > MANY_LIMIT {
            break;
        }
        found.push(gid.and_then(|gid| groups(switch, file, name, gid).ok()));
    }
    found
}

/// Asks a backend for the groups of a user. Without its library libc passes over it: what the host would tell is not there
/// then, and what a directory would tell is not known.
fn of_backend(service: Service<'_>, user: &CStr, gid: u32) -> Answer<Vec<u32>> {
    match Backend::load(service.name) {
        Some(backend) => again(|| backend.groups(user, gid)),
        None if service.is_of_the_host() => Answer::NotFound,
        None => Answer::Failed,
    }
}

/// Groups that were found, and what names them.
struct Gathered<'a> {
    found: FoundGroups,
    seen: HashSet<u32>,
    names: HashSet<String>,
    file: &'a GroupFile,
    /// What tells names, in the order of its line; none where a backend is not there.
    sources: Vec<(Service<'a>, Option<Backend>)>,
    room: Room,
}

impl<'a> Gathered<'a> {
    fn new(switch: &'a Switch, file: &'a GroupFile) -> Self {
        let sources = switch.of_groups().into_iter().map(|service| (service, Backend::load(service.name)));
        let (found, seen, names) = (FoundGroups::default(), HashSet::new(), HashSet::new());
        Self { found, seen, names, file, sources: sources.collect(), room: Room::default() }
    }

    /// Adds the groups in which the file lists a user, by the names that stand there.
    fn of_file(&mut self, user: &str) -> Answer<Vec<u32>> {
        let listed = self.file.of(user);
        self.found.has_failed |= !listed.is_whole;
        if listed.names.is_empty() && listed.gids.is_empty() {
            return Answer::NotFound;
        }
        listed.names.into_iter().for_each(|name| self.push(name));
        Answer::Found(listed.gids)
    }

    /// Adds a group by its number.
    fn add(&mut self, gid: u32) {
        if !self.seen.insert(gid) {
            return;
        }
        match self.name(gid) {
            Answer::Found(Some(name)) => self.push(name),
            Answer::NotFound => {
                self.found.has_nameless = true;
                self.push(gid.to_string());
            }
            // A name that cannot be read may be one that a rule names.
            Answer::Found(None) | Answer::Failed | Answer::Silent => {
                self.found.has_failed = true;
                self.push(gid.to_string());
            }
        }
    }

    fn push(&mut self, name: String) {
        if self.names.insert(name.clone()) {
            self.found.names.push(name);
        }
    }

    fn name(&mut self, gid: u32) -> Answer<Option<String>> {
        let mut has_failed = false;
        for (service, backend) in &self.sources {
            let answer = match backend {
                _ if service.name == FILES => match self.file.name(gid) {
                    Some(name) => Answer::Found(name.ok().map(str::to_owned)),
                    None => Answer::NotFound,
                },
                Some(backend) => again(|| backend.group_name(gid, &mut self.room)),
                // The host's own is not there then, and a directory's is not known.
                None if service.is_of_the_host() => Answer::NotFound,
                None => Answer::Failed,
            };
            match answer {
                Answer::Found(name) => return Answer::Found(name),
                Answer::NotFound if service.ends_without => return Answer::NotFound,
                Answer::NotFound | Answer::Silent => {}
                Answer::Failed => has_failed = true,
            }
        }
        if has_failed { Answer::Failed } else { Answer::NotFound }
    }
}

/// Lists the groups of a person of a directory, who is known before: with the person gone afterwards, the backend that
/// knows them failed meanwhile.
pub(super) fn groups_of_directory(
    switch: &Switch,
    file: &GroupFile,
    name: &str,
    gid: u32,
) -> Result<FoundGroups, DirectoryError> {
    let found = groups(switch, file, name, gid)?;
    let is_known = user(switch, &Query::Name(name.to_owned())).is_ok_and(|user| user.is_some());
    Ok(FoundGroups { has_failed: found.has_failed || !is_known, ..found })
}

/// Asks until a backend answers, at most [`ATTEMPTS`] times.
fn again<T>(mut ask: impl FnMut() -> Answer<T>) -> Answer<T> {
    for _ in 1..ATTEMPTS {
        match ask() {
            Answer::Failed => {}
            answer @ (Answer::Found(_) | Answer::NotFound | Answer::Silent) => return answer,
        }
    }
    ask()
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
