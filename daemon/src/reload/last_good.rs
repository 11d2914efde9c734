//! The last good policy, kept on the disk so that it survives a restart with invalid files (row P8).
//!
//! Owns the file `last-good` in the service's own folder: the texts of the main file and the drop-ins that were in force
//! last. Leaves their meaning to `config`. Invariants: the file is replaced as a whole and on the disk before it counts; one
//! that another user could have written is not believed; it holds no secret, because no secret stands in the texts.

use std::io;
use std::path::{Path, PathBuf};

use countersign_config::guarded::{self, Links};
use countersign_config::{Diagnostic, Loaded, interpret};
use serde::{Deserialize, Serialize};

use crate::host::durable;

/// The name of the file.
const NAME: &str = "last-good";
/// The largest file that is kept and read, in bytes: texts of ordinary size are some kilobytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Names and texts, the main file first.
    files: Vec<(String, String)>,
}

/// Why there is no last good policy to use.
#[derive(Debug, thiserror::Error)]
pub enum NoLastGood {
    /// None was kept.
    #[error("there is no last good policy")]
    None,
    /// The file is not to be believed or not to be read.
    #[error("{path}: {cause}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// This version takes the texts no longer.
    #[error("{path}: this version finds {} mistakes in it", mistakes.len())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All of them.
        mistakes: Vec<Diagnostic>,
    },
}

/// Keeps the texts of a policy that is in force. Texts that are kept already are not written again. It waits for the disk.
///
/// # Errors
/// The system's, or that the texts are too long; what was kept before stays.
pub fn keep(folder: &Path, texts: &[(String, String)]) -> io::Result<()> {
    let content = serde_json::to_vec(&Kept { files: texts.to_vec() })?;
    if u64::try_from(content.len()).map_or(true, |length| length > LIMIT) {
        return Err(io::Error::other(format!("the files are larger than {LIMIT} bytes together")));
    }
    if read(folder).is_ok_and(|kept| *kept == content) {
        return Ok(());
    }
    durable::replace(folder, NAME, &content)
}

/// Makes the policy of the texts that were kept.
///
/// # Errors
/// [`NoLastGood`].
pub fn load(folder: Option<&Path>) -> Result<Loaded, NoLastGood> {
    let folder = folder.filter(|folder| folder.join(NAME).symlink_metadata().is_ok());
    let folder = folder.ok_or(NoLastGood::None)?;
    let path = folder.join(NAME);
    let content = read(folder).map_err(|cause| NoLastGood::Unusable { path: path.clone(), cause })?;
    let Kept { files } = serde_json::from_slice(&content)
        .map_err(|error| NoLastGood::Unusable { path: path.clone(), cause: error.to_string() })?;
    interpret(&files).map_err(|mistakes| NoLastGood::Invalid { path, mistakes })
}

fn read(folder: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    guarded::read(&folder.join(NAME), durable::MODE, Links::Refused, LIMIT)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn texts() -> Vec<(String, String)> {
        let rule = "[[policy]]\nname = \"a\"\nrequire = \"never\"\n";
        vec![
            ("/etc/countersign/countersign.toml".to_owned(), "[default]\nrequire = \"always\"\n".to_owned()),
            ("/etc/countersign/policy.d/10.toml".to_owned(), rule.to_owned()),
        ]
    }

    #[test]
    fn what_is_kept_is_loaded_and_not_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load(Some(folder.path())), Err(NoLastGood::None)));
        assert!(matches!(load(None), Err(NoLastGood::None)));
        keep(folder.path(), &texts()).unwrap();
        let loaded = load(Some(folder.path())).unwrap();
        assert_eq!(loaded, interpret(&texts()).unwrap());
        let inode = || fs::metadata(folder.path().join(NAME)).unwrap().ino();
        let first = inode();
        keep(folder.path(), &loaded.texts).unwrap();
        assert_eq!(inode(), first);
        keep(folder.path(), &texts()[..1]).unwrap();
        assert!(load(Some(folder.path())).unwrap().policy.rules.is_empty());
        assert_eq!(fs::metadata(folder.path().join(NAME)).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_open_to_others_cut_or_a_link_is_not_believed() {
        type Spoil = fn(&Path);
        let spoils: [Spoil; 4] = [
            |path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap(),
            |path| fs::write(path, b"{\"files\":[[\"a\",").unwrap(),
            |path| {
                fs::rename(path, path.with_extension("real")).unwrap();
                symlink(path.with_extension("real"), path).unwrap();
            },
            |path| fs::write(path, b"{\"files\":[],\"more\":1}").unwrap(),
        ];
        for spoil in spoils {
            let folder = tempfile::tempdir().unwrap();
            keep(folder.path(), &texts()).unwrap();
            spoil(&folder.path().join(NAME));
            assert!(matches!(load(Some(folder.path())), Err(NoLastGood::Unusable { .. })));
        }
    }

    #[test]
    fn texts_that_are_too_long_leave_what_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), &texts()).unwrap();
        let long = "#".repeat(usize::try_from(LIMIT).unwrap());
        assert!(keep(folder.path(), &[("long.toml".to_owned(), long)]).is_err());
        assert!(load(Some(folder.path())).is_ok());
    }
}
