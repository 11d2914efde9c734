//! Whether a user whose account is kept is still there.
//!
//! Owns the line between gone and not told: nobody is gone while the name service fails, because of a user of the same name,
//! or for a host that does not look where the user would be.

use countersign_core::account::{AccountKey, Realm};
use countersign_core::helpdesk::Presence;
use countersign_core::login::{Existence, Origin, Person};

use super::switch::Switch;
use super::{Directory, DirectoryError, FLEET_REALM};

impl Directory {
    /// The realms of users whom this host could know.
    #[must_use]
    pub const fn realms(&self) -> [&Realm; 2] {
        [&self.local_realm, &self.remote_realm]
    }

    /// Tells whether the user of an account is still there, by the answer that [`Directory::person`] gave to the name.
    ///
    /// # Errors
    /// [`DirectoryError::Failed`], where nsswitch.conf cannot be read.
    pub fn presence(&self, key: &AccountKey, answer: &Person) -> Result<Presence, DirectoryError> {
        let is_local = key.realm == self.local_realm;
        if !is_local && key.realm != self.remote_realm {
            return Ok(Presence::Untold); // a local user of another host
        }
        Ok(match answer.existence {
            Existence::Known { origin: Origin::Local, .. } if is_local => Presence::Known,
            // A local user hides a user of the directory who has the same name.
            Existence::Known { origin: Origin::Local, .. } => Presence::Untold,
            Existence::Known { origin: Origin::Directory, .. } if !is_local => Presence::Known,
            // Local names that a fleet shares may be those of another host.
            _ if is_local && key.realm.as_str() == FLEET_REALM => Presence::Untold,
            _ if is_local => Presence::Gone,
            // A host without a directory knows no user of one.
            Existence::Known { origin: Origin::Directory, .. } | Existence::Unknown => {
                let switch = Switch::read(&self.files.nsswitch)?;
                if switch.has_directory() { Presence::Gone } else { Presence::Untold }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Files, Probe};
    use countersign_config::LocalNames;
    use countersign_core::account::{HostId, UserName};
    use countersign_core::contact::Contacts;
    use countersign_core::login::Groups;

    fn directory(folder: &std::path::Path, nsswitch: &str) -> Directory {
        let path = |name: &str| folder.join(name);
        std::fs::write(path("nsswitch"), nsswitch).unwrap();
        let files = Files { passwd: path("passwd"), group: path("group"), nsswitch: path("nsswitch") };
        Directory::with_files(&HostId::try_from("h1").unwrap(), files, Probe::default()).unwrap()
    }

    fn answer(existence: Existence) -> Person {
        Person {
            name: UserName::try_from("alice").unwrap(),
            realm: Realm::try_from("directory").unwrap(),
            existence,
            groups: Groups::Complete(Vec::new()),
            contacts: Contacts::default(),
        }
    }

    fn key(realm: &str) -> AccountKey {
        AccountKey { realm: Realm::try_from(realm).unwrap(), name: UserName::try_from("alice").unwrap() }
    }

    #[test]
    fn only_who_would_be_found_here_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let local = Existence::Known { uid: 1000, origin: Origin::Local };
        let remote = Existence::Known { uid: 1000, origin: Origin::Directory };
        let joined = directory(folder.path(), "passwd: files sss\ngroup: files sss\n");
        for (realm, existence, presence) in [
            ("local:h1", local, Presence::Known),
            ("local:h1", remote, Presence::Gone),
            ("local:h1", Existence::Unknown, Presence::Gone),
            ("directory", local, Presence::Untold),
            ("directory", remote, Presence::Known),
            ("directory", Existence::Unknown, Presence::Gone),
            ("local:h2", Existence::Unknown, Presence::Untold),
            ("local:fleet", Existence::Unknown, Presence::Untold),
        ] {
            assert_eq!(
                joined.presence(&key(realm), &answer(existence)).unwrap(),
                presence,
                "{realm} {existence:?}"
            );
        }
        let alone = directory(folder.path(), "passwd: files systemd\ngroup: files sss\n");
        let unknown = answer(Existence::Unknown);
        assert_eq!(
            alone.presence(&key("directory"), &unknown).unwrap(),
            Presence::Untold,
            "it has no directory"
        );
        assert_eq!(alone.presence(&key("local:h1"), &unknown).unwrap(), Presence::Gone);
    }

    #[test]
    fn a_local_name_that_a_fleet_shares_may_be_that_of_another_host() {
        let host = HostId::try_from("h1").unwrap();
        let fleet = Directory::new(&host, LocalNames::Fleet).unwrap();
        let unknown = answer(Existence::Unknown);
        assert_eq!(fleet.presence(&key("local:fleet"), &unknown).unwrap(), Presence::Untold);
    }

    #[test]
    fn without_nsswitch_nobody_of_a_directory_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path(), "");
        std::fs::remove_file(folder.path().join("nsswitch")).unwrap();
        std::fs::create_dir(folder.path().join("nsswitch")).unwrap();
        assert!(directory.presence(&key("directory"), &answer(Existence::Unknown)).is_err());
    }
}
