//! Asks the backends that nsswitch.conf names whether they are alive.
//!
//! libc answers "not found" for a backend that is dead, so its silence must not be taken for an answer. A backend that
//! is a service has a socket; one that takes no connection is dead.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long a backend may take to accept a connection.
const PROBE_LIMIT: Duration = Duration::from_millis(500);

/// The sockets by which backends are probed.
#[derive(Debug, Clone)]
pub struct Probe {
    sockets: BTreeMap<String, PathBuf>,
}

impl Default for Probe {
    fn default() -> Self {
        let known = [
            ("sss", "/var/lib/sss/pipes/nss"),
            ("winbind", "/run/samba/winbindd/pipe"),
            ("ldap", "/run/nslcd/socket"),
        ];
        let sockets = known.map(|(backend, socket)| (backend.to_owned(), PathBuf::from(socket)));
        Self { sockets: sockets.into() }
    }
}

impl Probe {
    /// Makes a probe that knows one backend.
    #[must_use]
    pub fn with_socket(backend: &str, socket: &Path) -> Self {
        Self { sockets: BTreeMap::from([(backend.to_owned(), socket.to_owned())]) }
    }

    /// Tells whether every backend of people and groups that can be probed answers.
    pub(super) async fn all_answer(&self, nsswitch: &Path) -> bool {
        // Without the file libc uses `files` alone.
        let text = fs::read_to_string(nsswitch).unwrap_or_default();
        for socket in backends(&text).filter_map(|backend| self.sockets.get(backend)) {
            if !matches!(timeout(PROBE_LIMIT, UnixStream::connect(socket)).await, Ok(Ok(_))) {
                return false;
            }
        }
        true
    }
}

fn backends(nsswitch: &str) -> impl Iterator<Item = &str> {
    nsswitch
        .lines()
        .filter_map(|line| line.split('#').next()?.split_once(':'))
        .filter(|(database, _)| matches!(database.trim(), "passwd" | "group" | "initgroups"))
        .flat_map(|(_, services)| services.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_of_people_and_groups_are_read() {
        let text =
            "# a comment\npasswd:  files sss # more\nhosts: dns\ngroup: files [NOTFOUND=return] ldap\n";
        assert_eq!(
            backends(text).collect::<Vec<_>>(),
            ["files", "sss", "files", "[NOTFOUND=return]", "ldap"]
        );
    }

    #[tokio::test]
    async fn a_backend_that_listens_is_alive_and_one_that_does_not_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, nsswitch) = (folder.path().join("pipe"), folder.path().join("nsswitch.conf"));
        fs::write(&nsswitch, "passwd: files sss\n").unwrap();
        let probe = Probe::with_socket("sss", &socket);
        assert!(!probe.all_answer(&nsswitch).await);
        let _listener = tokio::net::UnixListener::bind(&socket).unwrap();
        assert!(probe.all_answer(&nsswitch).await);
        fs::write(&nsswitch, "passwd: files\n").unwrap();
        assert!(Probe::with_socket("sss", Path::new("/nonexistent")).all_answer(&nsswitch).await);
    }
}
