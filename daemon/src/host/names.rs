//! The fully qualified name of this host, kept over a look-up that fails.
//!
//! Owns the file `host-names` in the service's own folder. Leaves the look-up to `config`, and what a name fits to core.
//! Invariant: a name that was known stays known while the host name is the same; only another answer replaces it.

use std::path::Path;

use countersign_config::guarded::{self, Links};
use countersign_core::policy::Fqdn;
use serde::{Deserialize, Serialize};

use super::durable;

/// The name of the file.
const NAME: &str = "host-names";
/// The largest file that is read, in bytes.
const LIMIT: u64 = 1024;

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    host: String,
    fqdn: String,
}

/// Settles the fully qualified name of the host of this name; `looked` is what the look-up told. It waits for the disk.
pub fn settle(folder: Option<&Path>, host: &str, looked: Fqdn) -> Fqdn {
    let kept = folder.and_then(|folder| read(folder, host));
    match (looked, kept) {
        (Fqdn::Known(name), kept) => {
            if let Some(folder) = folder
                && kept.as_deref() != Some(name.as_str())
                && let Err(error) = write(folder, host, &name)
            {
                tracing::warn!(%error, "the name of this host is not kept for a start without the name service");
            }
            Fqdn::Known(name)
        }
        (Fqdn::None | Fqdn::Unknown, Some(name)) => {
            tracing::warn!(name, "the name service does not know this host; the name known before counts");
            Fqdn::of(host, &name).unwrap_or(Fqdn::Unknown)
        }
        (looked, None) => {
            if looked == Fqdn::Unknown {
                tracing::warn!(
                    "the fully qualified name of this host is unknown; the strictest rule that could apply decides"
                );
            }
            looked
        }
    }
}

fn read(folder: &Path, host: &str) -> Option<String> {
    let content = guarded::read(&folder.join(NAME), durable::MODE, Links::Refused, LIMIT).ok()?;
    let kept: Kept = serde_json::from_slice(&content).ok()?;
    (kept.host == host).then_some(kept.fqdn)
}

fn write(folder: &Path, host: &str, fqdn: &str) -> std::io::Result<()> {
    let kept = Kept { host: host.to_owned(), fqdn: fqdn.to_owned() };
    durable::replace(folder, NAME, &serde_json::to_vec(&kept)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_name_outlives_look_ups_that_fail_and_no_other_host_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = Some(folder.path());
        let known = |name: &str| Fqdn::Known(name.to_owned());
        assert_eq!(settle(at, "web1", Fqdn::Unknown), Fqdn::Unknown);
        assert_eq!(settle(at, "web1", Fqdn::None), Fqdn::None);
        assert_eq!(settle(at, "web1", known("web1.example.org")), known("web1.example.org"));
        for failed in [Fqdn::Unknown, Fqdn::None] {
            assert_eq!(settle(at, "web1", failed), known("web1.example.org"));
        }
        assert_eq!(settle(at, "web1", known("web1.example.net")), known("web1.example.net"));
        assert_eq!(settle(at, "web1", Fqdn::Unknown), known("web1.example.net"));
        assert_eq!(settle(at, "web2", Fqdn::Unknown), Fqdn::Unknown, "that was another host");
        assert_eq!(settle(None, "web1", Fqdn::Unknown), Fqdn::Unknown);
    }
}
