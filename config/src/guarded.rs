//! Files whose content is believed or kept secret: who may hold them, and how they are opened.
//!
//! Owns the checks, made on the opened descriptor, so that the file checked is the file read; and the same checks on
//! behalf of the service's user, for a client that judges what the service could read. Leaves the content to the caller.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;
use zeroize::Zeroizing;

use crate::reader::{Access, Reader};

/// What the file of a secret may allow at most: its owner writes, its group reads.
pub const PRIVATE: u32 = 0o640;
/// What a file that everybody may read may allow at most.
pub const PUBLIC: u32 = 0o644;

/// Whether the name may be a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It may; the file that it leads to is checked.
    Followed,
    /// It may not.
    Refused,
}

/// Whether the service could use a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It could, as far as this can be seen without reading the content.
    Usable,
    /// It could not, and why.
    Unusable(String),
    /// The caller may not look at the file.
    Hidden,
}

/// Reads a regular file of root or of this process's user, with a mode of at most `widest` and at most `limit` bytes.
///
/// # Errors
/// What is wrong with it, without the path.
pub fn read(path: &Path, widest: u32, links: Links, limit: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = open(path, links).map_err(|error| error.to_string())?;
    let facts = file.metadata().map_err(|error| error.to_string())?;
    check_holder(&facts, widest, nix::unistd::geteuid().as_raw())?;
    let size = facts.size();
    if size > limit {
        return Err(format!("it is larger than {limit} bytes"));
    }
    // Room for all of it before the first byte: a buffer that grows leaves copies behind.
    let mut content =
        Zeroizing::new(Vec::with_capacity(usize::try_from(limit.min(size) + 1).unwrap_or_default()));
    file.take(size).read_to_end(&mut content).map_err(|error| error.to_string())?;
    Ok(content)
}

/// Judges whether [`read`] would take a file for this reader; the content stays unread.
pub(crate) fn judge(path: &Path, widest: u32, links: Links, reader: &Reader) -> Verdict {
    let looked = match links {
        Links::Followed => fs::metadata(path),
        Links::Refused => fs::symlink_metadata(path),
    };
    let facts = match looked {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !reader.is_this_process() => {
            return Verdict::Hidden;
        }
        Err(error) => return Verdict::Unusable(error.to_string()),
    };
    if let Err(cause) = check_holder(&facts, widest, reader.uid()) {
        return Verdict::Unusable(cause);
    }
    match reader.opens(path, &facts) {
        Access::Granted => Verdict::Usable,
        Access::Refused(cause) => Verdict::Unusable(cause),
    }
}

/// Judges whether a folder could hold what only this reader may read and write.
pub(crate) fn judge_folder(path: &Path, reader: &Reader) -> Verdict {
    let facts = match fs::symlink_metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !reader.is_this_process() => {
            return Verdict::Hidden;
        }
        Err(error) => return Verdict::Unusable(error.to_string()),
    };
    let mode = facts.mode() & 0o7777;
    if !facts.is_dir() {
        return Verdict::Unusable("it is not a folder".to_owned());
    }
    if facts.uid() != reader.uid() {
        return Verdict::Unusable(format!("it belongs to uid {}, not to this service's user", facts.uid()));
    }
    if mode & 0o077 != 0 {
        return Verdict::Unusable(format!("its mode is {mode:04o}; it must be 0700"));
    }
    Verdict::Usable
}

/// Opens without waiting for the writer of a planted FIFO.
fn open(path: &Path, links: Links) -> io::Result<File> {
    let follow = match links {
        Links::Followed => 0,
        Links::Refused => libc::O_NOFOLLOW,
    };
    OpenOptions::new().read(true).custom_flags(follow | libc::O_NONBLOCK).open(path).map_err(|error| {
        if error.raw_os_error() == Some(libc::ELOOP) { io::Error::other(IS_LINK) } else { error }
    })
}

/// Tells whether this process can open a file.
pub(crate) fn can_open(path: &Path) -> bool {
    open(path, Links::Followed).is_ok()
}

/// What is said of a symbolic link that is not followed.
const IS_LINK: &str = "it is a symbolic link; name the file itself";

/// Refuses what another than root and this user holds, or could read or write.
fn check_holder(facts: &Metadata, widest: u32, uid: u32) -> Result<(), String> {
    if facts.file_type().is_symlink() {
        return Err(IS_LINK.to_owned());
    }
    if !facts.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if facts.uid() != 0 && facts.uid() != uid {
        return Err(format!(
            "it belongs to uid {}; it must belong to root or to this service's user",
            facts.uid()
        ));
    }
    let mode = facts.mode() & 0o7777;
    if mode & !widest != 0 {
        return Err(format!("its mode is {mode:04o}; {widest:04o} is the most that it may be"));
    }
    Ok(())
}
