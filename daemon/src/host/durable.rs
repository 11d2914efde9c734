//! Small files of the service's own folder that are replaced as a whole.
//!
//! Owns that the old or the new content is there, whatever happens meanwhile, and who reads it. Leaves the
//! content to its owners.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The mode of each file: its owner alone reads and writes it.
pub const MODE: u32 = 0o600;

/// The mode of a file that clients read.
const PUBLIC: u32 = 0o644;

/// Puts new content in the place of the old, and returns once it is on the disk.
///
/// # Errors
/// The system's; the old content stays then.
pub fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    put(folder, name, content, MODE)
}

/// Puts new content in the place of the old, for everybody to read.
///
/// # Errors
/// The system's; the old content stays then.
pub fn publish(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    put(folder, name, content, PUBLIC)
}

fn put(folder: &Path, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let new = folder.join(format!("{name}.new"));
    // What a crash left behind may have any owner or mode.
    remove(&new)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    // Whatever the umask is.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// Removes a file, if it is there.
///
/// # Errors
/// The system's.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
