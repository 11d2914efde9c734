//! Many users, looked up one after the other.
//!
//! Owns that the files are read once for all of them, and that the groups of many local users are asked for on one thread.
//! People of a directory go through the name service, each by itself. Leaves who somebody is to the directory.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use countersign_core::account::UserName;
use countersign_core::login::{Groups, Person};
use tokio::task::JoinSet;

use super::files::{self, GroupFile, LocalUser};
use super::{Directory, DirectoryError, nss};

/// How many local users are looked up in a row; two rows are under way at the same time.
const LOCALS: usize = 64;
/// How many users of a directory are looked up at the same time; fewer than there are places, so that logins find one.
const REMOTES: usize = 4;

/// What is to be known of users besides who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// In which groups they are.
    Groups,
    /// Nothing: of local users the groups of /etc/group are told, as incomplete.
    Identity,
}

/// Users by name, and what is known of them from the files.
#[derive(Debug)]
pub struct Roll {
    directory: Directory,
    detail: Detail,
    waiting: VecDeque<String>,
    /// Those of /etc/passwd, or why it cannot be read.
    locals: Result<HashMap<String, Result<LocalUser, String>>, String>,
    groups: Arc<GroupFile>,
    /// Those who were looked up ahead of their turn.
    ready: HashMap<String, Result<Person, DirectoryError>>,
}

impl Roll {
    /// Reads the files.
    pub(super) fn read(directory: Directory, waiting: VecDeque<String>, detail: Detail) -> Self {
        let names: HashSet<&str> = waiting.iter().map(String::as_str).collect();
        let locals = files::users(&directory.files.passwd, &names).map_err(|error| unreadable(&error));
        let locals = locals.map(|found| {
            found.into_iter().map(|(name, it)| (name, it.map_err(|error| unreadable(&error)))).collect()
        });
        let groups = directory.group_file(&names);
        Self { directory, detail, waiting, locals, groups, ready: HashMap::new() }
    }

    /// Tells who bears the next name, as [`Directory::person`]; none at the end.
    pub async fn next(&mut self) -> Option<Result<Person, DirectoryError>> {
        let name = self.waiting.front()?.clone();
        if !self.ready.contains_key(&name) {
            self.look_up(&name).await;
        }
        self.waiting.pop_front();
        self.ready.remove(&name)
    }

    /// Looks up the next user, and others of the same kind with them.
    async fn look_up(&mut self, name: &str) {
        let local = self.locals.as_ref().map(|locals| locals.get(name));
        match (UserName::try_from(name), local) {
            (Err(_), _) => self.settle(name, Err(DirectoryError::InvalidName)),
            (Ok(_), Err(error) | Ok(Some(Err(error)))) => {
                let error = error.clone();
                self.settle(name, Err(DirectoryError::Failed(error)));
            }
            (Ok(_), Ok(Some(Ok(_)))) => self.look_up_locals().await,
            (Ok(_), Ok(None)) => self.look_up_remotes().await,
        }
    }

    async fn look_up_locals(&mut self) {
        let Ok(locals) = &self.locals else { return };
        let known = self.ahead().filter_map(|name| locals.get(name)?.as_ref().ok());
        let mut users: Vec<_> = known.take(LOCALS * 2).cloned().collect();
        let people = match self.detail {
            Detail::Groups => {
                let others = users.split_off(users.len().min(LOCALS));
                let (directory, groups) = (&self.directory, &self.groups);
                let (mut people, more) =
                    tokio::join!(directory.locals(users, groups), directory.locals(others, groups));
                people.extend(more);
                people
            }
            Detail::Identity => users.into_iter().map(|user| self.identity(user)).collect(),
        };
        for (name, person) in people {
            self.settle(&name, person);
        }
    }

    fn identity(&self, user: LocalUser) -> (String, Result<Person, DirectoryError>) {
        let groups = Groups::Incomplete(self.groups.names_of(&user.name, user.gid));
        (user.name.clone(), self.directory.local(user, groups))
    }

    async fn look_up_remotes(&mut self) {
        let Ok(locals) = &self.locals else { return };
        let is_remote = |name: &&str| !locals.contains_key(*name);
        let names: Vec<_> = self
            .ahead()
            .filter(is_remote)
            .take(REMOTES)
            .filter_map(|it| UserName::try_from(it).ok())
            .collect();
        let mut under_way = JoinSet::new();
        for name in names {
            let (directory, groups) = (self.directory.clone(), Arc::clone(&self.groups));
            under_way.spawn(async move {
                let query = nss::Query::Name(name.as_str().to_owned());
                let found = directory.remote(query, &groups).await;
                let person = found.map(|found| found.unwrap_or_else(|| directory.unknown(name.clone())));
                (name, person)
            });
        }
        // One that panicked has no answer.
        while let Some(ended) = under_way.join_next().await {
            if let Ok((name, person)) = ended {
                self.settle(name.as_str(), person);
            }
        }
    }

    /// The names whose turn is still to come, in their order, each once or more.
    fn ahead(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(String::as_str).filter(|name| !self.ready.contains_key(*name))
    }

    fn settle(&mut self, name: &str, person: Result<Person, DirectoryError>) {
        self.ready.insert(name.to_owned(), person);
    }
}

fn unreadable(error: &std::io::Error) -> String {
    format!("a file of the name service cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use countersign_core::account::HostId;
    use countersign_core::login::{Existence, Origin};

    use super::super::{Files, Probe};
    use super::*;

    /// As many users as an organization has, all of them in one group.
    const MANY: u32 = 20_000;

    fn directory(folder: &Path, passwd: &str, group: &str) -> Directory {
        let path = |name: &str| folder.join(name);
        let files = Files { passwd: path("passwd"), group: path("group"), nsswitch: path("nsswitch.conf") };
        fs::write(&files.passwd, passwd).unwrap();
        fs::write(&files.group, group).unwrap();
        fs::write(&files.nsswitch, "passwd: files\ngroup: files\n").unwrap();
        Directory::with_files(&HostId::try_from("h1").unwrap(), files, Probe::default()).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn the_files_are_read_once_however_many_users_there_are_and_all_are_told_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let passwd = "u0:x:100:50::/:\nu1:x:101:50::/:\nbroken:x:zero:0::/:\nu2:x:102:50::/:\n";
        let directory = directory(folder.path(), passwd, "all:x:50:\nsome:x:51:u2,u1\n");
        let asked = ["u2", "a/b", "nobody-of-this-name", "u0", "broken", "u2", "u1"];
        let mut roll = directory.roll(names(&asked), Detail::Groups);
        // What is read from now on is another file.
        for file in ["passwd", "group"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        for (name, uid, groups) in [
            ("u2", Some(102), names(&["all", "some"])),
            ("a/b", None, Vec::new()),
            ("nobody-of-this-name", None, Vec::new()),
            ("u0", Some(100), names(&["all"])),
            ("broken", None, Vec::new()),
            ("u2", Some(102), names(&["all", "some"])),
            ("u1", Some(101), names(&["all", "some"])),
        ] {
            match (roll.next().await.unwrap(), name) {
                (Err(DirectoryError::InvalidName), "a/b") | (Err(DirectoryError::Failed(_)), "broken") => {}
                (person, _) => {
                    let person = person.unwrap();
                    let known = uid.map(|uid| Existence::Known { uid, origin: Origin::Local });
                    assert_eq!(person.existence, known.unwrap_or(Existence::Unknown), "{name}");
                    assert_eq!((person.name.as_str(), person.groups), (name, Groups::Complete(groups)));
                }
            }
        }
        assert!(roll.next().await.is_none());
    }

    #[tokio::test]
    async fn without_a_wish_for_groups_nobody_is_asked_and_they_do_not_pass_for_all() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path(), "u1:x:101:50::/:\n", "all:x:50:\nsome:x:51:u1\n");
        let person = directory.roll(names(&["u1"]), Detail::Identity).next().await.unwrap().unwrap();
        assert_eq!(person.existence, Existence::Known { uid: 101, origin: Origin::Local });
        assert_eq!(person.groups, Groups::Incomplete(names(&["all", "some"])));
    }

    #[tokio::test]
    async fn thousands_of_users_in_one_group_are_looked_up_page_by_page_in_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let all: Vec<String> = (0..MANY).map(|number| format!("user{number}")).collect();
        let mut passwd = String::new();
        for (uid, name) in (10_000..).zip(&all) {
            writeln!(passwd, "{name}:x:{uid}:100:{name},,,:/home/{name}:/bin/sh").unwrap();
        }
        let directory =
            directory(folder.path(), &passwd, &format!("users:x:100:\nall:x:101:{}\n", all.join(",")));
        let begun = Instant::now();
        for page in all.chunks(1000) {
            let mut roll = directory.roll(page.to_vec(), Detail::Groups);
            for name in page {
                let person = roll.next().await.unwrap().unwrap();
                assert_eq!(person.name.as_str(), name);
                assert_eq!(person.groups, Groups::Complete(names(&["users", "all"])));
            }
        }
        let took = begun.elapsed();
        eprintln!("{MANY} users: {took:?}");
        // Reading a file for each user takes minutes; the limit leaves room for a build that is not optimized.
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
}
