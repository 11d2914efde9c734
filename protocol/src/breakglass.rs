//! Break-glass: the accounts that get in on the local console whatever the service says (SECURITY.md 8).
//!
//! Owns the list, the console and the note of each use, for the PAM module, which honors them, and for the drill of the
//! command line, which tries them. Asks neither the service nor the name service: both may be the thing that is broken.
//! Invariant: whatever is odd about the file, its folders or the terminal means no.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::sys::stat::{major, minor};

use crate::passwd::Entry;

/// The list: one uid a line, `#` begins a comment; root:root, mode 0600.
pub const BREAKGLASS_FILE: &str = "/etc/countersign/breakglass";
/// Where each use is noted until the service has taken it into the audit.
pub const BREAKGLASS_USES: &str = "/var/lib/countersign-breakglass/uses";
/// The largest list, in bytes.
const LIST_LIMIT: u64 = 4096;
/// The largest /etc/passwd that is read, in bytes.
const PASSWD_LIMIT: u64 = 64 * 1024 * 1024;
/// The most that is noted, in bytes: a loop of logins must not fill the disk.
const USES_LIMIT: u64 = 1024 * 1024;

/// Why the list is not honored.
#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    /// It cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Somebody other than root could have written it.
    #[error("{path} must {must}")]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// What it must be.
        must: &'static str,
    },
    /// A line is not a uid.
    #[error("line {0} is not a uid")]
    Line(usize),
}

/// Reads the uids of the list, having checked who could have written it.
///
/// # Errors
/// [`BreakGlassError`]; the caller honors nobody.
pub fn read_list(path: &Path) -> Result<Vec<u32>, BreakGlassError> {
    let fault = |must| BreakGlassError::Unsafe { path: path.to_owned(), must };
    for folder in path.ancestors().skip(1) {
        check_folder(folder)?;
    }
    // The folders are root's, so nobody else can put another file in its place meanwhile.
    let file = open(path)?;
    let facts = file.metadata().map_err(|cause| BreakGlassError::Unreadable { path: path.into(), cause })?;
    if !facts.is_file() || facts.len() > LIST_LIMIT {
        return Err(fault("be a regular file of at most 4096 bytes"));
    }
    if facts.uid() != 0 || facts.gid() != 0 || facts.mode() & 0o077 != 0 {
        return Err(fault("belong to root:root with mode 0600"));
    }
    // Comments may be in any bytes; a uid among bytes that are not UTF-8 is none.
    parse(&String::from_utf8_lossy(&bytes_of(file, LIST_LIMIT, path)?))
}

fn check_folder(folder: &Path) -> Result<(), BreakGlassError> {
    let unreadable = |cause| BreakGlassError::Unreadable { path: folder.to_owned(), cause };
    let facts = std::fs::symlink_metadata(folder).map_err(unreadable)?;
    if facts.is_dir() && facts.uid() == 0 && facts.mode() & 0o022 == 0 {
        return Ok(());
    }
    let must = "be a folder of root that nobody else can write to";
    Err(BreakGlassError::Unsafe { path: folder.to_owned(), must })
}

fn open(path: &Path) -> Result<File, BreakGlassError> {
    let opened = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path);
    opened.map_err(|cause| BreakGlassError::Unreadable { path: path.to_owned(), cause })
}

fn bytes_of(file: File, limit: u64, path: &Path) -> Result<Vec<u8>, BreakGlassError> {
    let mut bytes = Vec::new();
    let read = file.take(limit).read_to_end(&mut bytes);
    read.map_err(|cause| BreakGlassError::Unreadable { path: path.to_owned(), cause })?;
    Ok(bytes)
}

fn parse(text: &str) -> Result<Vec<u32>, BreakGlassError> {
    let meaning = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    let lines = text.lines().map(meaning).enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(at, line)| line.parse().map_err(|_| BreakGlassError::Line(at.saturating_add(1)))).collect()
}

/// Finds the uid of a person of this host, without the name service.
#[must_use]
pub fn local_uid(passwd: &Path, name: &str) -> Option<u32> {
    let bytes = bytes_of(open(passwd).ok()?, PASSWD_LIMIT, passwd).ok()?;
    Entry::all(&bytes).find(|entry| entry.name == name.as_bytes() && !name.is_empty())?.uid
}

/// Tells whether a terminal is a console of this host: a virtual terminal or a serial line, never a pseudo-terminal.
#[must_use]
pub fn is_console(tty: &str) -> bool {
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    let plain = !name.is_empty() && name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain {
        return false;
    }
    let Ok(facts) = std::fs::symlink_metadata(Path::new("/dev").join(name)) else { return false };
    facts.file_type().is_char_device() && is_console_number(major(facts.rdev()), minor(facts.rdev()))
}

/// Device numbers of the kernel's `Documentation/admin-guide/devices.txt`.
const fn is_console_number(major: u64, minor: u64) -> bool {
    match major {
        // Virtual terminals 1 to 63 and serial lines; 4:0 is whichever terminal is in front.
        4 => minor != 0,
        // The system console itself; 5:0 is the terminal of whoever asks.
        5 => minor == 1,
        // Serial lines of other chips, and of virtual machines.
        204 | 229 => true,
        _ => false,
    }
}

/// Notes a use for the audit; what cannot be noted stands in syslog all the same.
///
/// # Errors
/// What the system said, or that there are too many.
pub fn note_use(notes: &Path, uid: u32, user: &str, tty: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(notes)?;
    if !file.metadata()?.is_file() || file.metadata()?.len() > USES_LIMIT {
        return Err(std::io::Error::other("not a regular file with room in it"));
    }
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let printable =
        |text: &str| text.replace(|character: char| character.is_control() || character == ' ', "?");
    // One write, so that two logins at the same moment do not mix.
    file.write_all(format!("{at} {uid} {} {}\n", printable(user), printable(tty)).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_uids_and_comments() {
        assert_eq!(parse("# who may\n1000\n 0 # root\n\n").unwrap(), [1000, 0]);
        for (text, line) in [("1000\nalice\n", 2), ("-1", 1), ("4294967296", 1), ("1000 1001", 1)] {
            assert!(matches!(parse(text), Err(BreakGlassError::Line(at)) if at == line), "{text:?}");
        }
    }

    #[test]
    fn only_virtual_terminals_and_serial_lines_are_consoles() {
        for (major, minor) in [(4, 1), (4, 63), (4, 64), (5, 1), (204, 64), (229, 0)] {
            assert!(is_console_number(major, minor));
        }
        for (major, minor) in [(4, 0), (5, 0), (5, 2), (136, 0), (143, 7), (1, 3), (0, 0)] {
            assert!(!is_console_number(major, minor));
        }
        for tty in [
            "",
            "pts/0",
            "/dev/pts/0",
            "null",
            "/dev/null",
            "../tmp/tty1",
            "ssh",
            ":0",
            "nosuchtty",
            "tty1\n",
        ] {
            assert!(!is_console(tty), "{tty:?}");
        }
    }

    #[test]
    fn a_person_of_this_host_is_found_by_the_whole_name() {
        let passwd = std::env::temp_dir().join(format!("countersign-passwd-{}", std::process::id()));
        std::fs::write(&passwd, "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n").unwrap();
        assert_eq!(local_uid(&passwd, "alice"), Some(1000));
        std::fs::write(&passwd, b"al\xffce:x:7:7::/:\nalice:x:1000:1000:\xfc,,,:/:/bin/sh\n").unwrap();
        assert_eq!(local_uid(&passwd, "alice"), Some(1000), "whatever chfn wrote");
        assert_eq!(local_uid(&passwd, "al\u{fffd}ce"), None);
        for nobody in ["ali", "alice:x", "", "x"] {
            assert_eq!(local_uid(&passwd, nobody), None, "{nobody:?}");
        }
        std::fs::remove_file(&passwd).unwrap();
        assert_eq!(local_uid(&passwd, "alice"), None);
    }

    #[test]
    fn a_list_below_a_folder_that_others_can_write_to_is_not_honored() {
        // /tmp belongs to everybody, whoever runs this.
        let path = Path::new("/tmp/countersign-no-such-list");
        assert!(matches!(read_list(path), Err(BreakGlassError::Unsafe { .. })));
        assert!(matches!(
            read_list(Path::new("/nonexistent/breakglass")),
            Err(BreakGlassError::Unreadable { .. })
        ));
    }

    #[test]
    fn a_use_is_one_line_whatever_the_names_contain() {
        let uses = std::env::temp_dir().join(format!("countersign-uses-{}", std::process::id()));
        note_use(&uses, 1000, "al ice\nroot", "tty1").unwrap();
        note_use(&uses, 1000, "alice", "tty2").unwrap();
        let text = std::fs::read_to_string(&uses).unwrap();
        std::fs::remove_file(&uses).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line.split(' ').count() == 4), "{text:?}");
    }
}
