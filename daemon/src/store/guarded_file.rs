//! Files whose content is believed or kept secret: who may hold them, and how they are opened.
//!
//! Owns the checks, made on the opened descriptor, so that the file checked is the file read. Leaves what is inside to
//! whoever asks.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;
use zeroize::Zeroizing;

/// What the file of a secret may allow at most: its owner writes, its group reads.
pub(crate) const PRIVATE: u32 = 0o640;
/// What a file that everybody may read may allow at most.
pub(crate) const PUBLIC: u32 = 0o644;

/// Whether the name may be a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// It may; the file that it leads to is checked.
    Followed,
    /// It may not.
    Refused,
}

/// Reads a regular file of root or of this service's user, with a mode of at most `widest` and at most `limit` bytes.
///
/// # Errors
/// What is wrong with it, without the path.
pub(crate) fn read(path: &Path, widest: u32, links: Links, limit: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = open(path, links).map_err(|error| error.to_string())?;
    let size = check_holder(&file, widest)?;
    if size > limit {
        return Err(format!("it is larger than {limit} bytes"));
    }
    // Room for all of it before the first byte: a buffer that grows leaves copies behind.
    let mut content =
        Zeroizing::new(Vec::with_capacity(usize::try_from(limit.min(size) + 1).unwrap_or_default()));
    file.take(size).read_to_end(&mut content).map_err(|error| error.to_string())?;
    Ok(content)
}

/// Opens without waiting for the writer of a planted FIFO.
fn open(path: &Path, links: Links) -> io::Result<File> {
    let follow = match links {
        Links::Followed => 0,
        Links::Refused => libc::O_NOFOLLOW,
    };
    OpenOptions::new().read(true).custom_flags(follow | libc::O_NONBLOCK).open(path).map_err(|error| {
        if error.raw_os_error() == Some(libc::ELOOP) {
            io::Error::other("it is a symbolic link; name the file itself")
        } else {
            error
        }
    })
}

fn check_holder(file: &File, widest: u32) -> Result<u64, String> {
    let facts = file.metadata().map_err(|error| error.to_string())?;
    if !facts.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if facts.uid() != 0 && facts.uid() != nix::unistd::geteuid().as_raw() {
        return Err(format!(
            "it belongs to uid {}; it must belong to root or to this service's user",
            facts.uid()
        ));
    }
    let mode = facts.mode() & 0o7777;
    if mode & !widest != 0 {
        return Err(format!("its mode is {mode:04o}; {widest:04o} is the most that it may be"));
    }
    Ok(facts.size())
}
