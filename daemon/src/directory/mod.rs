//! The name service: who a person is, and in which groups.
//!
//! Owns the answer `Complete` or `Incomplete` groups and the 2 s that a look-up may take. A look-up that hangs costs
//! only its own caller: it runs on a thread of its own, and while some hang others are late at once (`lane`). People of
//! /etc/passwd are found without the name service. libc reports a dead backend as "not found", so backends are probed
//! (`probe`). Whatever fails leaves a person unknown, refused, or with `Incomplete` groups, never with fewer groups that
//! pass for all.

mod backend;
mod files;
mod lane;
mod nss;
mod presence;
mod probe;
mod roll;
mod switch;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_config::LocalNames;
use countersign_core::account::{HostId, Realm, UserName};
use countersign_core::contact::Contacts;
use countersign_core::login::{Existence, Groups, Origin, Person};
use tokio::time::Instant;

use files::GroupFile;
use lane::Lane;
use probe::Watch;
use switch::Switch;

pub use files::LocalUser;
pub use probe::Probe;
pub use roll::{Detail, Roll};

/// How long the look-ups of one person may take (DESIGN.md 4).
pub const LOOKUP_LIMIT: Duration = Duration::from_secs(2);
/// How long a local person waits for a look-up that tries whether the name service is alive again: what /etc/group says
/// is at hand.
const LOCAL_PATIENCE: Duration = Duration::from_millis(50);
/// The realm of people of a directory whose domain is not known.
const DIRECTORY_REALM: &str = "directory";
/// The realm of local people whose names are shared by a fleet; no machine-id and no domain is spelt like that.
const FLEET_REALM: &str = "local:fleet";

/// A name service that gave no answer about a person; the caller refuses.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It failed.
    #[error("the name service failed: {0}")]
    Failed(String),
    /// It did not answer in time.
    #[error("the name service did not answer within {LOOKUP_LIMIT:?}")]
    TimedOut,
    /// The answer is not a name that we take.
    #[error("the name service gave a name that is not one")]
    InvalidName,
}

/// Where the files of the name service lie; tests have their own.
#[derive(Debug, Clone)]
pub struct Files {
    /// People of this host.
    pub passwd: PathBuf,
    /// Groups of this host.
    pub group: PathBuf,
    /// Which backends there are.
    pub nsswitch: PathBuf,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            passwd: "/etc/passwd".into(),
            group: "/etc/group".into(),
            nsswitch: "/etc/nsswitch.conf".into(),
        }
    }
}

/// The name service.
#[derive(Debug, Clone)]
pub struct Directory {
    files: Files,
    local_realm: Realm,
    remote_realm: Realm,
    probe: Probe,
    /// For people of a directory, known or not. Those who wait for them have nothing else to go by.
    remote_lane: Arc<Lane>,
    /// For the groups that a directory gives to local people: none of them waits for people of a directory.
    local_lane: Arc<Lane>,
}

impl Directory {
    /// Makes the name service of the host with this machine-id, in whose fleet local names may be shared.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidName`], where no realm can be made of the id.
    pub fn new(host: &HostId, local_names: LocalNames) -> Result<Self, DirectoryError> {
        let directory = Self::with_files(host, Files::default(), Probe::default())?;
        match local_names {
            LocalNames::Host => Ok(directory),
            LocalNames::Fleet => {
                let local_realm = Realm::try_from(FLEET_REALM).map_err(|_| DirectoryError::InvalidName)?;
                Ok(Self { local_realm, ..directory })
            }
        }
    }

    /// Makes one that reads other files.
    ///
    /// # Errors
    /// As [`Directory::new`].
    pub fn with_files(host: &HostId, files: Files, probe: Probe) -> Result<Self, DirectoryError> {
        let realm = |text: String| Realm::try_from(text).map_err(|_| DirectoryError::InvalidName);
        Ok(Self {
            files,
            local_realm: realm(format!("local:{host}"))?,
            remote_realm: realm(DIRECTORY_REALM.to_owned())?,
            probe,
            remote_lane: Lane::new("people of a directory", LOOKUP_LIMIT),
            local_lane: Lane::new("groups of local people", LOCAL_PATIENCE),
        })
    }

    /// Tells who bears a name; a person whom nobody knows is an answer, not an error.
    ///
    /// # Errors
    /// [`DirectoryError`], where there is no answer to rely on.
    pub async fn person(&self, name: &str) -> Result<Person, DirectoryError> {
        let nothing = || Err(DirectoryError::Failed("a look-up ended without an answer".to_owned()));
        self.roll([name.to_owned()], Detail::Groups).next().await.unwrap_or_else(nothing)
    }

    /// Begins to look up users by name, who are told in this order. The files are read now, once for all of them.
    #[must_use]
    pub fn roll(&self, names: impl IntoIterator<Item = String>, detail: Detail) -> Roll {
        Roll::read(self.clone(), names.into_iter().collect(), detail)
    }

    /// Tells who has a uid.
    ///
    /// # Errors
    /// As [`Directory::person`].
    pub async fn person_by_uid(&self, uid: u32) -> Result<Option<Person>, DirectoryError> {
        let Some(local) = files::user_by_uid(&self.files.passwd, uid)? else {
            return self.remote(nss::Query::Uid(uid), &Arc::default()).await;
        };
        let file = self.group_file(&HashSet::from([local.name.as_str()]));
        self.locals(vec![local], &file).await.pop().map(|(_, person)| person).transpose()
    }

    /// Reads what the file says of the groups of users; where it cannot be read nothing is known of them.
    fn group_file(&self, users: &HashSet<&str>) -> Arc<GroupFile> {
        Arc::new(GroupFile::read(&self.files.group, users).unwrap_or_else(|error| {
            tracing::error!(%error, "the file of groups cannot be read");
            GroupFile::unreadable()
        }))
    }

    /// Makes people of users of /etc/passwd: of the first at least, and of as many as the time of one look-up allows.
    async fn locals(
        &self,
        users: Vec<LocalUser>,
        file: &Arc<GroupFile>,
    ) -> Vec<(String, Result<Person, DirectoryError>)> {
        if users.is_empty() {
            return Vec::new();
        }
        let groups = match self.groups_of_locals(&users, file).await {
            Ok(groups) => groups,
            Err(error) => {
                let failed = |user: LocalUser| (user.name, Err(DirectoryError::Failed(error.to_string())));
                return users.into_iter().map(failed).collect();
            }
        };
        let made = users.into_iter().zip(groups);
        made.map(|(user, groups)| (user.name.clone(), self.local(user, groups))).collect()
    }

    fn local(&self, user: LocalUser, groups: Groups) -> Result<Person, DirectoryError> {
        let LocalUser { name, uid, gid: _, gecos } = user;
        Ok(Person {
            groups,
            name: UserName::try_from(name).map_err(|_| DirectoryError::InvalidName)?,
            realm: self.local_realm.clone(),
            existence: Existence::Known { uid, origin: Origin::Local },
            contacts: Contacts::of_gecos(&gecos),
        })
    }

    /// Tells the groups of users of /etc/passwd, of the first of them or all. Where the backends of the switch are not all
    /// alive, they are not asked: the answer would be incomplete and might hang.
    async fn groups_of_locals(
        &self,
        users: &[LocalUser],
        file: &Arc<GroupFile>,
    ) -> Result<Vec<Groups>, DirectoryError> {
        let deadline = Instant::now() + LOOKUP_LIMIT;
        let of_file = |user: &LocalUser| Groups::Incomplete(file.names_of(&user.name, user.gid));
        let (switch, watch) = self.watch().await?;
        let Some(watch) = watch else { return Ok(users.iter().map(of_file).collect()) };
        let switch = Arc::new(switch);
        let asked: Vec<_> = users.iter().map(|user| (user.name.clone(), user.gid)).collect();
        let look_up = {
            let (switch, file) = (Arc::clone(&switch), Arc::clone(file));
            move || nss::groups_of_many(&switch, &file, &asked)
        };
        let Ok(told) = self.local_lane.run(deadline, look_up).await else {
            return Ok(users.iter().map(of_file).collect());
        };
        let has_lived = watch.has_lived(deadline).await;
        let groups = users.iter().zip(told).map(|(user, told)| match told {
            Some(found) => weigh(found, &switch, has_lived),
            None => of_file(user),
        });
        Ok(groups.collect())
    }

    /// A person of a directory; none when every backend lives and knows none. The file may have been read for another name
    /// than the canonical one.
    async fn remote(
        &self,
        query: nss::Query,
        file: &Arc<GroupFile>,
    ) -> Result<Option<Person>, DirectoryError> {
        let deadline = Instant::now() + LOOKUP_LIMIT;
        let (switch, watch) = self.watch().await?;
        let switch = Arc::new(switch);
        let (asked, typed) = (Arc::clone(&switch), query.name().map(str::to_owned));
        let Some(user) = self.remote_lane.run(deadline, move || nss::user(&asked, &query)).await.flatten()?
        else {
            let has_lived = match watch {
                Some(watch) => watch.has_lived(deadline).await,
                None => false,
            };
            // Nobody found is only an answer when every backend is alive; libc says the same of a dead one.
            let dead = || DirectoryError::Failed("a backend of nsswitch.conf does not answer".to_owned());
            return has_lived.then_some(None).ok_or_else(dead);
        };
        let nss::FoundUser { name, uid, gid, gecos } = user;
        let name = UserName::try_from(name).map_err(|_| DirectoryError::InvalidName)?;
        let is_of_file = typed.as_deref() == Some(name.as_str());
        let file =
            if is_of_file { Arc::clone(file) } else { self.group_file(&HashSet::from([name.as_str()])) };
        let look_up = {
            let (switch, file, name) = (Arc::clone(&switch), Arc::clone(&file), name.as_str().to_owned());
            move || nss::groups_of_directory(&switch, &file, &name, gid)
        };
        let groups = match (self.remote_lane.run(deadline, look_up).await.flatten(), watch) {
            (Ok(found), Some(watch)) => weigh(found, &switch, watch.has_lived(deadline).await),
            (Ok(found), None) => weigh(found, &switch, false),
            (Err(_), _) => Groups::Incomplete(file.names_of(name.as_str(), Some(gid))),
        };
        Ok(Some(Person {
            groups,
            name,
            realm: self.remote_realm.clone(),
            existence: Existence::Known { uid, origin: Origin::Directory },
            contacts: Contacts::of_gecos(&gecos),
        }))
    }

    async fn watch(&self) -> Result<(Switch, Option<Watch>), DirectoryError> {
        let switch = Switch::read(&self.files.nsswitch)?;
        let watch = self.probe.watch(&switch).await;
        Ok((switch, watch))
    }

    fn unknown(&self, name: UserName) -> Person {
        let realm = self.remote_realm.clone();
        Person {
            name,
            realm,
            existence: Existence::Unknown,
            groups: Groups::Complete(Vec::new()),
            contacts: Contacts::default(),
        }
    }
}

/// Tells whether what the backends said of groups is all.
fn weigh(found: nss::FoundGroups, switch: &Switch, has_lived: bool) -> Groups {
    let nss::FoundGroups { names, has_nameless, has_failed } = found;
    // A name that a directory does not tell may be one that a rule names.
    let is_told = !has_failed && (!has_nameless || switch.is_of_the_host());
    if is_told && has_lived { Groups::Complete(names) } else { Groups::Incomplete(names) }
}

impl From<std::io::Error> for DirectoryError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!("a file of the name service cannot be read: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn directory(folder: &std::path::Path, nsswitch: &str, probe: Probe) -> Directory {
        let files = Files {
            passwd: folder.join("passwd"),
            group: folder.join("group"),
            nsswitch: folder.join("nsswitch.conf"),
        };
        fs::write(&files.passwd, "root:x:0:0:root:/root:/bin/sh\nalice-of-the-test:x:4711:4712::/:/bin/sh\n")
            .unwrap();
        fs::write(&files.group, "root:x:0:\nstudents:x:4712:\nchess:x:4713:bob,alice-of-the-test\n").unwrap();
        fs::write(&files.nsswitch, nsswitch).unwrap();
        Directory::with_files(&HostId::try_from("h1").unwrap(), files, probe).unwrap()
    }

    #[tokio::test]
    async fn a_local_person_has_the_realm_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let person =
            directory(folder.path(), "passwd: files\n", Probe::default()).person("root").await.unwrap();
        assert_eq!(person.realm.as_str(), "local:h1");
        assert_eq!(person.existence, Existence::Known { uid: 0, origin: Origin::Local });
        assert!(matches!(person.groups, Groups::Complete(names) if names.contains(&"root".to_owned())));
    }

    #[tokio::test]
    async fn a_local_name_is_of_its_host_unless_the_fleet_shares_it() {
        let hosts = ["h1", "h2"].map(|host| HostId::try_from(host).unwrap());
        let realm = async |host, local_names| {
            Directory::new(host, local_names).unwrap().person("root").await.unwrap().realm.as_str().to_owned()
        };
        assert_eq!(realm(&hosts[0], LocalNames::Host).await, "local:h1");
        assert_eq!(realm(&hosts[1], LocalNames::Host).await, "local:h2");
        for host in &hosts {
            assert_eq!(realm(host, LocalNames::Fleet).await, "local:fleet");
        }
    }

    #[tokio::test]
    async fn a_person_whom_nobody_knows_is_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path(), "passwd: files\n", Probe::default());
        let person = directory.person("nobody-of-this-name").await.unwrap();
        assert_eq!(person.existence, Existence::Unknown);
    }

    #[tokio::test]
    async fn groups_are_incomplete_while_a_backend_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let probe = Probe::with_socket("sss", &folder.path().join("no-such-pipe"));
        let person = directory(folder.path(), "passwd: files sss\ngroup: files sss\n", probe)
            .person("root")
            .await
            .unwrap();
        assert!(matches!(person.groups, Groups::Incomplete(_)));
    }

    #[tokio::test]
    async fn a_dead_backend_is_not_taken_for_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let probe = Probe::with_socket("sss", &folder.path().join("no-such-pipe"));
        let directory = directory(folder.path(), "passwd: files sss\n", probe);
        assert!(matches!(directory.person("nobody-of-this-name").await, Err(DirectoryError::Failed(_))));
    }

    #[tokio::test]
    async fn a_backend_that_does_not_answer_leaves_local_people_their_groups_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let probe = Probe::with_socket("sss", &folder.path().join("no-such-pipe"));
        let directory = directory(folder.path(), "passwd: files sss\n", probe);
        let person = directory.person("alice-of-the-test").await.unwrap();
        let expected = vec!["students".to_owned(), "chess".to_owned()];
        assert_eq!(person.groups, Groups::Incomplete(expected));
    }

    #[tokio::test]
    async fn what_a_user_writes_with_chfn_changes_neither_who_they_are_nor_who_others_are() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path(), "passwd: files\n", Probe::default());
        let passwd =
            b"bob:x:4710:4712:\xfc:/:/bin/sh\nalice-of-the-test:x:4711:4712:A,\xfc\xff,,,a@example.org:/:\n";
        fs::write(folder.path().join("passwd"), passwd).unwrap();
        for (name, uid) in [("bob", 4710), ("alice-of-the-test", 4711)] {
            let person = directory.person(name).await.unwrap();
            assert_eq!(person.realm.as_str(), "local:h1", "{name}");
            assert_eq!(person.existence, Existence::Known { uid, origin: Origin::Local });
            assert_eq!(directory.person_by_uid(uid).await.unwrap(), Some(person));
        }
    }

    #[tokio::test]
    async fn a_local_user_whose_line_cannot_be_read_is_refused_and_without_a_gid_has_incomplete_groups() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path(), "passwd: files\n", Probe::default());
        // libc knows root from another file: that must not make somebody of a directory of them.
        fs::write(folder.path().join("passwd"), "root:x:zero:0::/root:\nbob:x:4710:none::/:\n").unwrap();
        assert!(matches!(directory.person("root").await, Err(DirectoryError::Failed(_))));
        fs::write(folder.path().join("group"), "chess:x:4713:bob\n").unwrap();
        let bob = directory.person("bob").await.unwrap();
        assert_eq!(bob.existence, Existence::Known { uid: 4710, origin: Origin::Local });
        assert_eq!(bob.groups, Groups::Incomplete(vec!["chess".to_owned()]));
    }

    #[tokio::test]
    async fn the_groups_of_a_file_of_thousands_are_read_at_once() {
        use std::fmt::Write as _;

        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path(), "passwd: files\ngroup: files\n", Probe::default());
        let mut group = "students:x:4712:\n".to_owned();
        (0..5000).for_each(|it| writeln!(group, "g{it}:x:{}:bob,alice-of-the-test", 10_000 + it).unwrap());
        fs::write(folder.path().join("group"), group).unwrap();
        let expected: Vec<_> =
            ["students".to_owned()].into_iter().chain((0..5000).map(|it| format!("g{it}"))).collect();
        let mut least = Duration::MAX;
        for _ in 0..5 {
            let begun = Instant::now();
            let person = directory.person("alice-of-the-test").await.unwrap();
            least = least.min(begun.elapsed());
            assert_eq!(person.groups, Groups::Complete(expected.clone()));
        }
        assert!(least < Duration::from_millis(200), "{least:?}");
    }

    #[tokio::test]
    async fn names_that_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path(), "passwd: files\n", Probe::default());
        for name in ["", "a\nb", "../etc", &"x".repeat(257)] {
            assert!(matches!(directory.person(name).await, Err(DirectoryError::InvalidName)), "{name:?}");
        }
    }
}
