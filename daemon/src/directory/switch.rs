//! nsswitch.conf: which backends tell of users and groups, in which order, and where libc stops.
//!
//! Read as libc reads it (glibc's `nss/nss_action_parse.c`, `nss/nss_database.c`). Leaves what a backend answers to `nss`,
//! and whether it is alive to `probe`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Backends that answer from files, or from what every host has: where they know no name for a group there is none.
const OF_THE_HOST: [&str; 5] = ["files", "systemd", "mymachines", "extrausers", "altfiles"];
/// What libc asks for a database that the file does not name.
const STANDARD: &str = "files";
/// The databases of users and groups.
const DATABASES: [&str; 3] = ["passwd", "group", "initgroups"];

/// What nsswitch.conf says of users and groups.
#[derive(Debug)]
pub(super) struct Switch(String);

/// A backend at its place in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Service<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Whether libc asks no further one where this one knows the name.
    pub(super) ends_with_success: bool,
    /// Whether libc asks no further one where this one does not.
    pub(super) ends_without: bool,
}

impl<'a> Service<'a> {
    const fn plain(name: &'a str) -> Self {
        Self { name, ends_with_success: true, ends_without: false }
    }

    /// Tells whether what it knows comes from the host itself.
    pub(super) fn is_of_the_host(&self) -> bool {
        OF_THE_HOST.contains(&self.name)
    }

    /// Takes an action such as `NOTFOUND=return` or `!UNAVAIL=return`.
    fn act(&mut self, action: &str) {
        let Some((status, action)) = action.split_once('=') else { return };
        let ends = action.eq_ignore_ascii_case("return");
        let (status, is_negated) = status.strip_prefix('!').map_or((status, false), |status| (status, true));
        if status.eq_ignore_ascii_case("SUCCESS") != is_negated {
            self.ends_with_success = ends;
        }
        if status.eq_ignore_ascii_case("NOTFOUND") != is_negated {
            self.ends_without = ends;
        }
    }
}

impl Switch {
    /// Reads the file; without it libc uses `files` alone.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(super) fn read(nsswitch: &Path) -> io::Result<Self> {
        match fs::read(nsswitch) {
            Ok(text) => Ok(Self(String::from_utf8_lossy(&text).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(String::new())),
            Err(error) => Err(error),
        }
    }

    /// Tells whether all that is known comes from the host itself.
    pub(super) fn is_of_the_host(&self) -> bool {
        self.backends().into_iter().all(|name| Service::plain(name).is_of_the_host())
    }

    /// Tells whether users are looked for beyond the host itself.
    pub(super) fn has_directory(&self) -> bool {
        self.of_users().iter().any(|service| !service.is_of_the_host())
    }

    /// Lists all backends of users and groups.
    pub(super) fn backends(&self) -> BTreeSet<&str> {
        DATABASES
            .into_iter()
            .flat_map(|database| self.lines(database))
            .flat_map(services)
            .map(|it| it.name)
            .collect()
    }

    /// Lists those that tell of users.
    pub(super) fn of_users(&self) -> Vec<Service<'_>> {
        self.database("passwd").unwrap_or_else(|| vec![Service::plain(STANDARD)])
    }

    /// Lists those that tell the name of a group.
    pub(super) fn of_groups(&self) -> Vec<Service<'_>> {
        self.database("group").unwrap_or_else(|| vec![Service::plain(STANDARD)])
    }

    /// Lists those that tell the groups of a user. Without a line of its own that is the line of groups, and then libc
    /// goes on behind one that knows the user.
    pub(super) fn of_memberships(&self) -> Vec<Service<'_>> {
        self.database("initgroups").unwrap_or_else(|| {
            let groups = self.of_groups().into_iter();
            groups.map(|service| Service { ends_with_success: false, ..service }).collect()
        })
    }

    /// Reads the line of a database; of several the last counts.
    fn database(&self, database: &str) -> Option<Vec<Service<'_>>> {
        self.lines(database).last().map(services)
    }

    fn lines(&self, database: &str) -> impl Iterator<Item = &str> {
        self.0
            .lines()
            .filter_map(|line| line.split('#').next()?.split_once(':'))
            .filter(move |(name, _)| name.trim() == database)
            .map(|(_, services)| services)
    }
}

/// Reads backends and the actions in brackets behind them, with or without white space before the bracket.
fn services(line: &str) -> Vec<Service<'_>> {
    let mut services: Vec<Service<'_>> = Vec::new();
    for (index, part) in line.split('[').enumerate() {
        let (actions, names) =
            if index == 0 { ("", part) } else { part.split_once(']').unwrap_or((part, "")) };
        if let Some(service) = services.last_mut() {
            actions.split_whitespace().for_each(|action| service.act(action));
        }
        services.extend(names.split_whitespace().map(Service::plain));
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch(text: &str) -> Switch {
        Switch(text.to_owned())
    }

    fn names<'a>(services: &[Service<'a>]) -> Vec<&'a str> {
        services.iter().map(|service| service.name).collect()
    }

    #[test]
    fn backends_of_users_and_groups_are_read() {
        let text = "# a comment\npasswd:  files sss # more\nhosts: dns\ngroup: files[NOTFOUND=return]ldap\n\
                    initgroups: files [SUCCESS=continue UNAVAIL=continue] winbind\n";
        let switch = switch(text);
        assert_eq!(switch.backends(), BTreeSet::from(["files", "sss", "ldap", "winbind"]));
        assert!(!switch.is_of_the_host());
        assert_eq!(names(&switch.of_users()), ["files", "sss"]);
        assert_eq!(names(&switch.of_groups()), ["files", "ldap"]);
        assert_eq!(names(&switch.of_memberships()), ["files", "winbind"]);
    }

    #[test]
    fn what_the_file_does_not_name_comes_from_files() {
        let switch = switch("passwd: sss\npasswd: files systemd\nhosts: dns\n");
        assert_eq!(names(&switch.of_users()), ["files", "systemd"], "the last line counts");
        assert_eq!(
            (names(&switch.of_groups()), names(&switch.of_memberships())),
            (vec!["files"], vec!["files"])
        );
        assert_eq!(switch.backends(), BTreeSet::from(["files", "sss", "systemd"]), "each is probed");
        assert!(!switch.is_of_the_host());
    }

    #[test]
    fn libc_stops_where_an_action_says_so() {
        let ends = |line: &str| {
            let switch = switch(line);
            let first = switch.of_memberships()[0];
            (first.ends_with_success, first.ends_without)
        };
        for (line, expected) in [
            ("group: files sss", (false, false)),
            ("group: files [SUCCESS=return] sss", (false, false)),
            ("group: files [NOTFOUND=return] sss", (false, true)),
            ("group: files [!UNAVAIL=return] sss", (false, true)),
            ("initgroups: files sss", (true, false)),
            ("initgroups: files [success=continue] sss", (false, false)),
            ("initgroups: files [SUCCESS=merge NOTFOUND=return] sss", (false, true)),
            ("initgroups: files [!SUCCESS=return] sss", (true, true)),
            ("initgroups: files [!NOTFOUND=continue] sss", (false, false)),
        ] {
            assert_eq!(ends(line), expected, "{line}");
        }
    }
}
