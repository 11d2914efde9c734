//! /etc/passwd and /etc/group, read directly: who is local, and who is found even while the name service hangs.
//!
//! A file that cannot be read to its end is an error, never a file without the person: who is local must not pass for
//! somebody of a directory.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// The longest line that is read, in bytes; longer ones are passed over.
const LINE_LIMIT: usize = 64 * 1024;

/// A person of /etc/passwd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalUser {
    /// `pw_name`.
    pub name: String,
    /// `pw_uid`.
    pub uid: u32,
    /// `pw_gid`.
    pub gid: u32,
    /// `pw_gecos`.
    pub gecos: String,
}

/// Finds a person by name.
pub(super) fn user_by_name(passwd: &Path, name: &str) -> io::Result<Option<LocalUser>> {
    find(passwd, |line| line.split(':').next() == Some(name))
}

/// Finds the first person with a uid.
pub(super) fn user_by_uid(passwd: &Path, uid: u32) -> io::Result<Option<LocalUser>> {
    find(passwd, |line| line.split(':').nth(2).and_then(|field| field.parse().ok()) == Some(uid))
}

/// Lists the groups that /etc/group gives a person, each once.
pub(super) fn groups_of(group: &Path, name: &str, primary: u32) -> io::Result<Vec<String>> {
    let mut titles = Vec::new();
    for line in lines(group)? {
        let title = title(&line?, name, primary);
        titles.extend(title.filter(|title| !titles.contains(title)));
    }
    Ok(titles)
}

fn title(line: &str, name: &str, primary: u32) -> Option<String> {
    let mut fields = line.split(':');
    let (title, gid) = (fields.next()?, fields.nth(1)?.parse::<u32>().ok()?);
    let is_member = fields.next().is_some_and(|members| members.split(',').any(|member| member == name));
    (gid == primary || is_member).then(|| title.to_owned())
}

fn find(passwd: &Path, fits: impl Fn(&str) -> bool) -> io::Result<Option<LocalUser>> {
    for line in lines(passwd)? {
        let line = line?;
        if fits(&line) {
            return Ok(parse(&line));
        }
    }
    Ok(None)
}

fn parse(line: &str) -> Option<LocalUser> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(['+', '-', '#']))?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let gecos = fields.next().unwrap_or_default().to_owned();
    Some(LocalUser { name: name.to_owned(), uid, gid, gecos })
}

fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let lines = BufReader::new(File::open(path)?).split(b'\n');
    let readable = |line: Vec<u8>| (line.len() <= LINE_LIMIT).then(|| String::from_utf8(line).ok()).flatten();
    Ok(lines.filter_map(move |line| line.map(readable).transpose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn people_are_found_by_name_and_by_uid() {
        let passwd = file(b"root:x:0:0::/root:/bin/sh\n\xff\xfe:x:7:7::/:\nalice:x:1000:1001:A:/home/alice:/bin/sh\nshort:x\n+nis\n");
        let alice = LocalUser { name: "alice".to_owned(), uid: 1000, gid: 1001, gecos: "A".to_owned() };
        assert_eq!(user_by_name(passwd.path(), "alice").unwrap(), Some(alice.clone()));
        assert_eq!(user_by_uid(passwd.path(), 1000).unwrap(), Some(alice));
        for absent in ["ali", "alice2", "x", "short", "+nis", ""] {
            assert_eq!(user_by_name(passwd.path(), absent).unwrap(), None, "{absent:?}");
        }
        assert_eq!(user_by_uid(passwd.path(), 1001).unwrap(), None);
    }

    #[test]
    fn primary_and_supplementary_groups_are_listed() {
        let group =
            file(b"root:x:0:\nstudents:x:1001:\nchess:x:50:bob,alice\nchess:x:60:alice\nnot:x:51:alicia\n");
        assert_eq!(groups_of(group.path(), "alice", 1001).unwrap(), ["students", "chess"]);
        assert_eq!(groups_of(group.path(), "nobody", 9).unwrap(), [""; 0]);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_file_without_the_person() {
        for unreadable in ["/nonexistent/passwd", "/"] {
            let path = Path::new(unreadable);
            assert!(user_by_name(path, "root").is_err(), "{unreadable}");
            assert!(user_by_uid(path, 0).is_err(), "{unreadable}");
            assert!(groups_of(path, "root", 0).is_err(), "{unreadable}");
        }
    }
}
