//! /etc/passwd and /etc/group, read directly: who is local, and who is found even while the name service hangs.
//!
//! Each file is read once for however many users are asked for. Name and uid of a line tell whose it is; its other fields
//! are bytes, some of which users write themselves (`chfn`). Invariant: what cannot be read is never taken for what is not
//! there. A line that is of the user asked for and cannot be read is an error, and so is a file that cannot be read to its
//! end: who is local must not pass for somebody of a directory, or for somebody in fewer groups.

mod groups;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::Path;

use countersign_protocol::passwd::Entry;

pub(super) use groups::GroupFile;

/// How much of a line is read, in bytes: a group of 100,000 members. libc's callers stop there, too.
const LINE_LIMIT: usize = 1024 * 1024;

/// A user of /etc/passwd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalUser {
    /// `pw_name`.
    pub name: String,
    /// `pw_uid`.
    pub uid: u32,
    /// `pw_gid`; none where the field is not a number.
    pub gid: Option<u32>,
    /// `pw_gecos`; what is not UTF-8 in it is replaced.
    pub gecos: String,
}

/// Finds users by name: of each the first line, and an error where that line cannot be read. Others are not there.
///
/// # Errors
/// The file cannot be read to where the last of them is.
pub(super) fn users(
    passwd: &Path,
    names: &HashSet<&str>,
) -> io::Result<HashMap<String, io::Result<LocalUser>>> {
    let mut found = HashMap::new();
    scan(passwd, |line| {
        let entry = Entry::read(&line.text);
        let name = entry.and_then(|entry| names.get(std::str::from_utf8(entry.name).ok()?));
        if let (Some(entry), Some(name)) = (entry, name) {
            found.entry((*name).to_owned()).or_insert_with(|| line.user(&entry));
        }
        if found.len() == names.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

/// Finds the first user with a uid.
///
/// # Errors
/// The file cannot be read, or the line with the uid, or a line before it is too long to tell whose it is.
pub(super) fn user_by_uid(passwd: &Path, uid: u32) -> io::Result<Option<LocalUser>> {
    let mut found = None;
    scan(passwd, |line| {
        let Some(entry) = Entry::read(&line.text) else { return ControlFlow::Continue(()) };
        let is_hidden = entry.uid.is_none() && !line.is_whole;
        if entry.uid != Some(uid) && !is_hidden {
            return ControlFlow::Continue(());
        }
        found = Some(line.user(&entry));
        ControlFlow::Break(())
    })?;
    found.transpose()
}

/// A line of a file.
#[derive(Debug, Default)]
struct Line {
    /// Its number in the file, from 1.
    number: usize,
    /// The line, or its first [`LINE_LIMIT`] bytes.
    text: Vec<u8>,
    /// Whether that is all of it.
    is_whole: bool,
}

impl Line {
    fn user(&self, entry: &Entry<'_>) -> io::Result<LocalUser> {
        let name = std::str::from_utf8(entry.name).ok().filter(|name| !name.is_empty());
        // The end of a line that is too long could be the end of an address.
        let (Some(name), Some(uid), true) = (name, entry.uid, self.is_whole) else {
            let message = format!("line {} of /etc/passwd is not one of a user", self.number);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        };
        let gecos = String::from_utf8_lossy(entry.gecos).into_owned();
        Ok(LocalUser { name: name.to_owned(), uid, gid: entry.gid, gecos })
    }
}

/// Visits the lines of a file, as long as the visitor goes on.
fn scan(path: &Path, mut visit: impl FnMut(&Line) -> ControlFlow<()>) -> io::Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Line::default();
    loop {
        line.text.clear();
        let limit = u64::try_from(LINE_LIMIT).unwrap_or(u64::MAX);
        if reader.by_ref().take(limit).read_until(b'\n', &mut line.text)? == 0 {
            return Ok(());
        }
        line.number = line.number.saturating_add(1);
        line.is_whole = line.text.len() < LINE_LIMIT || line.text.ends_with(b"\n");
        if !line.is_whole {
            reader.skip_until(b'\n')?;
        }
        if visit(&line).is_break() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn user_by_name(passwd: &Path, name: &str) -> io::Result<Option<LocalUser>> {
        users(passwd, &HashSet::from([name]))?.remove(name).transpose()
    }

    fn alice() -> LocalUser {
        LocalUser { name: "alice".to_owned(), uid: 1000, gid: Some(1001), gecos: "A".to_owned() }
    }

    #[test]
    fn users_are_found_by_name_and_by_uid() {
        let passwd = file(
            b"root:x:0:0::/root:/bin/sh\n\xff\xfe:x:7:7::/:\nalice:x:1000:1001:A:/home/alice:/bin/sh\n+nis\n",
        );
        assert_eq!(user_by_name(passwd.path(), "alice").unwrap(), Some(alice()));
        assert_eq!(user_by_uid(passwd.path(), 1000).unwrap(), Some(alice()));
        for absent in ["ali", "alice2", "x", "+nis", "", "\u{fffd}\u{fffd}"] {
            assert_eq!(user_by_name(passwd.path(), absent).unwrap(), None, "{absent:?}");
        }
        assert_eq!(user_by_uid(passwd.path(), 1001).unwrap(), None);
    }

    #[test]
    fn no_byte_that_a_user_can_write_changes_who_somebody_is() {
        for gecos in [&b"A,\xfc,,"[..], b"\xff\xfe\xfd", b"\xc3", b"A,,\x80\x80,", &[0x80; 4000]] {
            let line =
                [&b"bob:x:999:999:"[..], gecos, b":/:\nalice:x:1000:1001:", gecos, b":/:/bin/sh\n"].concat();
            let passwd = file(&line);
            let found = user_by_name(passwd.path(), "alice").unwrap().unwrap();
            assert_eq!((found.uid, found.gid), (1000, Some(1001)), "{gecos:?}");
            assert_eq!(user_by_uid(passwd.path(), 1000).unwrap().unwrap().name, "alice");
        }
    }

    #[test]
    fn a_line_of_the_user_that_cannot_be_read_is_an_error_and_not_nobody() {
        let long = [&b"alice:x:1000:1001:"[..], vec![b'x'; LINE_LIMIT].as_slice(), b":/:\n"].concat();
        for line in [
            &b"alice\n"[..],
            b"alice:x\n",
            b"alice:x::1001:\n",
            b"alice:x:10\xff0:1001:\n",
            b"alice\0:x:1000:1\n",
            &long,
        ] {
            let passwd = file(&[line, b"alice:x:1000:1001:A:/:\n"].concat());
            assert!(user_by_name(passwd.path(), "alice").is_err(), "{:?}", &line[..line.len().min(40)]);
        }
        for line in [&b"\xff:x:1000:1001:\n"[..], b":x:1000:1001:\n", &long] {
            let passwd = file(&[line, b"alice:x:1000:1001:A:/:\n"].concat());
            assert!(user_by_uid(passwd.path(), 1000).is_err(), "{:?}", &line[..line.len().min(40)]);
        }
        let hidden =
            [&b"alice:"[..], vec![b'x'; LINE_LIMIT].as_slice(), b":1000:1001::\nbob:x:5:5::\n"].concat();
        assert!(user_by_uid(file(&hidden).path(), 5).is_err(), "whose line it is cannot be told");
    }

    #[test]
    fn the_first_line_of_a_name_counts_and_no_other_line_hides_a_user() {
        let passwd =
            file(b"broken\nx:y:z\n\xff\nalice:x:1000:1001:A:/:\nalice:x:0:0:B:/:\nroot:x:1000:0::\n");
        assert_eq!(user_by_name(passwd.path(), "alice").unwrap(), Some(alice()));
        assert_eq!(user_by_uid(passwd.path(), 1000).unwrap(), Some(alice()));
        let no_gid = file(b"alice:x:1000:\xff:A:/:\n");
        let found = user_by_name(no_gid.path(), "alice").unwrap().unwrap();
        assert_eq!((found.uid, found.gid), (1000, None), "a user all the same");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_file_without_the_user() {
        for unreadable in ["/nonexistent/passwd", "/"] {
            let path = Path::new(unreadable);
            assert!(user_by_name(path, "root").is_err(), "{unreadable}");
            assert!(user_by_uid(path, 0).is_err(), "{unreadable}");
            assert!(GroupFile::read(path, &HashSet::from(["root"])).is_err(), "{unreadable}");
        }
    }
}
