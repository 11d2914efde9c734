//! Which files are read, and whether they can be trusted.
//!
//! Owns the opening: a file or directory that anybody but its rightful owner could have written is refused, and the
//! check is made on the opened descriptor, so that nothing can be put in its place in between. Leaves to `document`
//! what the files say. Sizes and counts are limited before anything is read.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

use crate::diagnostics::Diagnostic;
use crate::printable::escape;
use crate::reader::Reader;
use crate::source::Source;

/// The largest file that is read, in bytes.
pub const FILE_LIMIT: u64 = 1024 * 1024;
/// The most drop-ins that are read.
pub const DROP_IN_LIMIT: usize = 64;
/// The most entries of any kind that the directory of the drop-ins may hold.
const DIRECTORY_LIMIT: usize = 1024;
/// The bits of a mode that let others than the owner write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Whose files are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Root's alone: what the daemon uses.
    Root,
    /// Root's and this uid's: for tests and development without root.
    Owner(u32),
}

/// How much is asked of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard<'r> {
    /// Regular, no symbolic link, written by nobody but the owner, and within the reach of its reader.
    Installed(Trust, &'r Reader),
    /// Regular; for checking a file that is not in force.
    Readable,
}

/// What was opened or read, or what is wrong with it.
type Fallible<T> = Result<T, Box<Diagnostic>>;

/// What was read, and everything wrong with the rest.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) main: Option<Source>,
    /// In the order of their names.
    pub(crate) drop_ins: Vec<Source>,
    pub(crate) faults: Vec<Diagnostic>,
}

/// Reads the main file and the drop-ins.
pub(crate) fn gather(main: &Path, drop_ins: Option<&Path>, guard: Guard<'_>) -> Gathered {
    let mut gathered = Gathered::default();
    match read_main(main, guard) {
        Ok(source) => gathered.main = Some(source),
        Err(fault) => gathered.faults.push(*fault),
    }
    match drop_ins.map_or(Ok(None), |directory| open_drop_ins(directory, guard)) {
        Ok(None) => {}
        Ok(Some(directory)) => gathered.read_all(&directory, guard),
        Err(fault) => gathered.faults.push(*fault),
    }
    gathered
}

/// An opened directory of drop-ins.
struct DropIns {
    path: PathBuf,
    opened: OwnedFd,
    names: Vec<OsString>,
}

impl Gathered {
    fn read_all(&mut self, directory: &DropIns, guard: Guard<'_>) {
        for name in &directory.names {
            match read(&directory.opened, &directory.path.join(name), name, guard) {
                Ok(source) => self.drop_ins.push(source),
                Err(fault) => self.faults.push(*fault),
            }
        }
    }
}

fn read_main(path: &Path, guard: Guard<'_>) -> Fallible<Source> {
    let Some(name) = path.file_name() else {
        return Err(about(path, "this is not the name of a file", "name a file"));
    };
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    let opened = match open_directory(directory, guard) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Err(missing(path)),
        Err(fault) => return Err(fault),
    };
    read(&opened, path, name, guard)
}

/// Opens the directory of the drop-ins and lists the names of the files that count; none where there is none.
fn open_drop_ins(path: &Path, guard: Guard<'_>) -> Fallible<Option<DropIns>> {
    let Some(opened) = open_directory(path, guard)? else { return Ok(None) };
    let names = list(&opened).map_err(|error| io_fault(path, error))?;
    let Some(mut names) = names else {
        let message = format!("this directory holds more than {DIRECTORY_LIMIT} entries");
        return Err(about(path, message, "take out what does not belong here"));
    };
    names.sort();
    if names.len() > DROP_IN_LIMIT {
        let message = format!("this directory holds {} files, at most {DROP_IN_LIMIT} are read", names.len());
        return Err(about(path, message, "put rules that belong together into one file"));
    }
    Ok(Some(DropIns { path: path.to_owned(), opened, names }))
}

/// Lists names that end in `.toml` and are not hidden; none where the directory holds too much.
fn list(directory: &OwnedFd) -> io::Result<Option<Vec<OsString>>> {
    let mut readable = Dir::openat(directory, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for (count, entry) in readable.iter().enumerate() {
        if count >= DIRECTORY_LIMIT {
            return Ok(None);
        }
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name.ends_with(b".toml") && !name.starts_with(b".") {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(Some(names))
}

fn open_directory(path: &Path, guard: Guard<'_>) -> Fallible<Option<OwnedFd>> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | no_follow(guard);
    let opened = match openat(AT_FDCWD, path, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::ENOENT) => return Ok(None),
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            let message = "this is not a directory (symbolic links are not followed)";
            return Err(about(path, message, "make it a directory of its own"));
        }
        Err(error) => return Err(io_fault(path, error)),
    };
    let opened = File::from(opened);
    let metadata = opened.metadata().map_err(|error| io_fault(path, error))?;
    check_trust(path, &metadata, guard, "0755")?;
    Ok(Some(opened.into()))
}

/// Reads one file of a directory; the checks are made on the opened descriptor.
fn read(directory: &OwnedFd, path: &Path, name: &OsStr, guard: Guard<'_>) -> Fallible<Source> {
    // O_NONBLOCK: a FIFO put here must not hold us.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | no_follow(guard);
    let opened = openat(directory, name, flags, Mode::empty()).map_err(|errno| open_fault(path, errno))?;
    let mut file = File::from(opened);
    let metadata = file.metadata().map_err(|error| io_fault(path, error))?;
    if !metadata.is_file() {
        return Err(about(path, "this is not a regular file", "put a regular file in its place"));
    }
    check_trust(path, &metadata, guard, "0644")?;
    if metadata.len() > FILE_LIMIT {
        return Err(too_large(path));
    }
    let mut bytes = Vec::new();
    (&mut file).take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| io_fault(path, error))?;
    match size_fault(path, bytes.len()) {
        Some(fault) => Err(fault),
        None => into_source(path, bytes),
    }
}

/// Tells what is wrong with the length of a file.
pub(crate) fn size_fault(path: &Path, length: usize) -> Option<Box<Diagnostic>> {
    u64::try_from(length).map_or(true, |length| length > FILE_LIMIT).then(|| too_large(path))
}

fn into_source(path: &Path, bytes: Vec<u8>) -> Fallible<Source> {
    String::from_utf8(bytes).map(|text| Source { path: path.to_owned(), text }).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default());
        let position = Source { path: PathBuf::new(), text: before.into_owned() }.position(valid);
        let mut fault = about(path, "this byte is not UTF-8", "save the file in the encoding UTF-8");
        fault.line = position.line;
        fault.column = position.column;
        fault
    })
}

fn no_follow(guard: Guard<'_>) -> OFlag {
    match guard {
        Guard::Installed(..) => OFlag::O_NOFOLLOW,
        Guard::Readable => OFlag::empty(),
    }
}

/// Refuses what another than the trusted owner could have written.
fn check_trust(path: &Path, metadata: &Metadata, guard: Guard<'_>, mode: &str) -> Fallible<()> {
    let (trust, reader) = match guard {
        Guard::Installed(trust, reader) => (trust, reader),
        Guard::Readable => return Ok(()),
    };
    let (owner, shown) = (metadata.uid(), escape(&path.to_string_lossy()));
    let is_owned = match trust {
        Trust::Root => owner == 0,
        Trust::Owner(uid) => owner == 0 || owner == uid,
    };
    let mut faults = Vec::new();
    let mut commands = Vec::new();
    if !is_owned {
        faults.push(format!("this belongs to uid {owner}, not to root"));
        commands.push(format!("chown root:root {shown}"));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        let bits = metadata.mode() & 0o7777;
        faults.push(format!("others than its owner can write this (mode {bits:04o})"));
        commands.push(format!("chmod {mode} {shown}"));
    }
    let is_reached = if metadata.is_dir() { reader.enters(metadata) } else { reader.reads(metadata) };
    if !is_reached {
        let bits = metadata.mode() & 0o7777;
        faults.push(format!("the service's user cannot read this (mode {bits:04o})"));
        commands.push(format!("chmod {mode} {shown}"));
    }
    commands.dedup();
    if faults.is_empty() {
        return Ok(());
    }
    let help = format!("look through it, then: {}", commands.join("; "));
    Err(about(path, faults.join("; "), help))
}

fn open_fault(path: &Path, errno: Errno) -> Box<Diagnostic> {
    match errno {
        Errno::ENOENT => missing(path),
        Errno::ELOOP => {
            about(path, "this is a symbolic link, which is not followed", "put the file itself in its place")
        }
        other => io_fault(path, other),
    }
}

fn missing(path: &Path) -> Box<Diagnostic> {
    let shown = escape(&path.to_string_lossy());
    let help =
        format!("write one, or put the shipped one there: install -o root -g root -m 0644 FILE {shown}");
    about(path, "this file does not exist", help)
}

fn too_large(path: &Path) -> Box<Diagnostic> {
    let message = format!("this file is larger than {FILE_LIMIT} bytes");
    about(path, message, "spread the rules over several files in policy.d")
}

fn io_fault(path: &Path, error: impl Into<io::Error>) -> Box<Diagnostic> {
    let error: io::Error = error.into();
    let shown = escape(&path.to_string_lossy());
    let help = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("check it as root, and let the service read it: chmod 0644 {shown}")
        }
        _ => "mend what the system says".to_owned(),
    };
    about(path, format!("this cannot be read: {error}"), help)
}

fn about(path: &Path, message: impl Into<String>, help: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::about_file(path, message, help))
}
