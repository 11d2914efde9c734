//! The name service: who a person is, and in which groups.
//!
//! Owns the answer `Complete` or `Incomplete` groups and the 2 s that a look-up may take. A look-up that hangs costs
//! only its own caller: it runs on a thread of its own, of which there are few, and people of /etc/passwd are found
//! without it. libc reports a dead backend as "not found", so backends are probed by `probe`.

mod files;
mod nss;
mod probe;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_config::LocalNames;
use countersign_core::account::{HostId, Realm, UserName};
use countersign_core::contact::Contacts;
use countersign_core::login::{Existence, Groups, Origin, Person};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

pub use files::LocalUser;
pub use probe::Probe;

/// How long the look-ups of one person may take (DESIGN.md 4).
pub const LOOKUP_LIMIT: Duration = Duration::from_secs(2);
/// How many look-ups run at the same time; the service has 16 threads for everything that blocks.
const LOOKUPS_AT_ONCE: usize = 8;
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
    places: Arc<Semaphore>,
}

/// What the name service said of one person.
struct Found {
    name: String,
    uid: u32,
    gid: u32,
    origin: Origin,
    contacts: Contacts,
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
            places: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)),
        })
    }

    /// Tells who bears a name; a person whom nobody knows is an answer, not an error.
    ///
    /// # Errors
    /// [`DirectoryError`], where there is no answer to rely on.
    pub async fn person(&self, name: &str) -> Result<Person, DirectoryError> {
        let typed = UserName::try_from(name).map_err(|_| DirectoryError::InvalidName)?;
        let deadline = Instant::now() + LOOKUP_LIMIT;
        let found = match files::user_by_name(&self.files.passwd, name) {
            Some(local) => Some(Found::from(local)),
            None => self.ask(deadline, nss::Query::Name(name.to_owned())).await?,
        };
        match found {
            Some(found) => self.known(found, deadline).await,
            None => Ok(self.unknown(typed)),
        }
    }

    /// Tells who has a uid.
    ///
    /// # Errors
    /// As [`Directory::person`].
    pub async fn person_by_uid(&self, uid: u32) -> Result<Option<Person>, DirectoryError> {
        let deadline = Instant::now() + LOOKUP_LIMIT;
        let found = match files::user_by_uid(&self.files.passwd, uid) {
            Some(local) => Some(Found::from(local)),
            None => self.ask(deadline, nss::Query::Uid(uid)).await?,
        };
        match found {
            Some(found) => self.known(found, deadline).await.map(Some),
            None => Ok(None),
        }
    }

    async fn ask(&self, deadline: Instant, query: nss::Query) -> Result<Option<Found>, DirectoryError> {
        let user = self.run(deadline, move || nss::user(&query)).await??;
        let origin = Origin::Directory;
        let found = user.map(|user| Found {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
            origin,
            contacts: Contacts::of_gecos(&user.gecos),
        });
        // Nobody found is only an answer when every backend is alive; libc says the same of a dead one.
        if found.is_none() && !self.probe.all_answer(&self.files.nsswitch).await {
            return Err(DirectoryError::Failed("a backend of nsswitch.conf does not answer".to_owned()));
        }
        Ok(found)
    }

    async fn known(&self, found: Found, deadline: Instant) -> Result<Person, DirectoryError> {
        let name = UserName::try_from(found.name).map_err(|_| DirectoryError::InvalidName)?;
        let groups = self.groups(name.as_str().to_owned(), found.gid, deadline).await;
        let realm = match found.origin {
            Origin::Local => self.local_realm.clone(),
            Origin::Directory => self.remote_realm.clone(),
        };
        Ok(Person {
            name,
            realm,
            existence: Existence::Known { uid: found.uid, origin: found.origin },
            groups,
            contacts: found.contacts,
        })
    }

    async fn groups(&self, name: String, gid: u32, deadline: Instant) -> Groups {
        let asked = name.clone();
        let told = self.run(deadline, move || nss::groups(&asked, gid)).await;
        let alive = self.probe.all_answer(&self.files.nsswitch).await;
        match told {
            Ok(Ok(groups)) if alive => Groups::Complete(groups),
            Ok(Ok(groups)) => Groups::Incomplete(groups),
            Ok(Err(_)) | Err(_) => Groups::Incomplete(files::groups_of(&self.files.group, &name, gid)),
        }
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

    /// Runs a look-up on a thread of its own. One that hangs keeps its place until libc returns, so that hanging
    /// look-ups can never take every thread of the service.
    async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        lookup: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let places = Arc::clone(&self.places);
        let Ok(Ok(place)) = timeout_at(deadline, places.acquire_owned()).await else {
            return Err(DirectoryError::TimedOut);
        };
        let task = tokio::task::spawn_blocking(move || {
            let answer = lookup();
            drop(place);
            answer
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(DirectoryError::Failed(error.to_string())),
            Err(_) => Err(DirectoryError::TimedOut),
        }
    }
}

impl From<LocalUser> for Found {
    fn from(local: LocalUser) -> Self {
        let LocalUser { name, uid, gid, gecos } = local;
        Self { name, uid, gid, origin: Origin::Local, contacts: Contacts::of_gecos(&gecos) }
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
        fs::write(&files.group, "students:x:4712:\nchess:x:4713:bob,alice-of-the-test\n").unwrap();
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

    #[tokio::test(start_paused = true)]
    async fn hanging_look_ups_leave_local_people_their_groups_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path(), "passwd: files\n", Probe::default());
        let all = u32::try_from(LOOKUPS_AT_ONCE).unwrap();
        let _hanging = directory.places.acquire_many(all).await.unwrap();
        let person = directory.person("alice-of-the-test").await.unwrap();
        let expected = vec!["students".to_owned(), "chess".to_owned()];
        assert_eq!(person.groups, Groups::Incomplete(expected));
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
