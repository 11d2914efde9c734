//! /etc/group: the names of its groups, and which of them list the users asked for.
//!
//! Read as libc reads it (glibc's `nss/nss_files/files-grp.c`), in one pass for all users. A group whose name or number
//! cannot be read leaves its members with groups that are not complete, never with fewer that pass for all.

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use countersign_protocol::passwd::{number, trimmed};

use super::scan;

/// What /etc/group says.
#[derive(Debug, Default)]
pub(in crate::directory) struct GroupFile {
    /// The names of the groups by number; the first of each, none where it is not UTF-8.
    names: HashMap<u32, Option<String>>,
    /// The groups that list each user asked for.
    listings: HashMap<String, Vec<Listing>>,
    /// Whether a line is too long to be read.
    is_cut: bool,
}

/// A name that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::directory) struct Unreadable;

#[derive(Debug, Clone)]
struct Listing {
    name: Option<String>,
    gid: Option<u32>,
}

/// The groups that list a user.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::directory) struct OfFile {
    /// Their names, as far as they can be read.
    pub(in crate::directory) names: Vec<String>,
    /// Their numbers, likewise.
    pub(in crate::directory) gids: Vec<u32>,
    /// Whether all could be read.
    pub(in crate::directory) is_whole: bool,
}

impl GroupFile {
    /// Reads the file, for these users.
    ///
    /// # Errors
    /// It cannot be read to its end.
    pub(in crate::directory) fn read(group: &Path, users: &HashSet<&str>) -> io::Result<Self> {
        let mut file = Self::default();
        scan(group, |line| {
            file.is_cut |= !line.is_whole;
            file.add(&line.text, users);
            ControlFlow::Continue(())
        })?;
        Ok(file)
    }

    fn add(&mut self, line: &[u8], users: &HashSet<&str>) {
        let line = trimmed(line.split(|byte| matches!(byte, 0 | b'\n')).next().unwrap_or_default());
        if matches!(line.first(), None | Some(b'#' | b'+' | b'-')) {
            return;
        }
        let mut fields = line.splitn(4, |byte| *byte == b':');
        let name = fields.next().and_then(|name| std::str::from_utf8(name).ok()).map(str::to_owned);
        let gid = fields.nth(1).and_then(number);
        if let Some(gid) = gid {
            self.names.entry(gid).or_insert_with(|| name.clone());
        }
        let members = fields.next().unwrap_or_default().split(|byte| *byte == b',').map(trimmed);
        for user in members.filter_map(|member| users.get(std::str::from_utf8(member).ok()?)) {
            let listing = Listing { name: name.clone(), gid };
            self.listings.entry((*user).to_owned()).or_default().push(listing);
        }
    }

    /// Tells the name of a group, where there is one of this number.
    pub(in crate::directory) fn name(&self, gid: u32) -> Option<Result<&str, Unreadable>> {
        self.names.get(&gid).map(|name| name.as_deref().ok_or(Unreadable))
    }

    /// Makes a file of which nothing is known.
    pub(in crate::directory) fn unreadable() -> Self {
        Self { is_cut: true, ..Self::default() }
    }

    /// Lists the groups that list a user.
    pub(in crate::directory) fn of(&self, user: &str) -> OfFile {
        let mut of_file = OfFile { is_whole: !self.is_cut, ..OfFile::default() };
        for Listing { name, gid } in self.listings.get(user).into_iter().flatten() {
            of_file.is_whole &= name.is_some() && gid.is_some();
            of_file.names.extend(name.clone());
            of_file.gids.extend(*gid);
        }
        of_file
    }

    /// Names the groups of a user by this file alone, each once, the primary group first.
    pub(in crate::directory) fn names_of(&self, user: &str, primary: Option<u32>) -> Vec<String> {
        let OfFile { names, gids, is_whole: _ } = self.of(user);
        let by_number = |gid| self.name(gid)?.ok().map(str::to_owned);
        let primary = primary.and_then(by_number);
        // Of a number with two names libc knows the first alone; the user is in both.
        let mut all: Vec<_> =
            primary.into_iter().chain(names).chain(gids.into_iter().filter_map(by_number)).collect();
        let mut seen = HashSet::new();
        all.retain(|name| seen.insert(name.clone()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::LINE_LIMIT;
    use super::super::tests::file;
    use super::*;

    fn of(text: &[u8], user: &str, primary: Option<u32>) -> (Vec<String>, bool) {
        let file = GroupFile::read(file(text).path(), &HashSet::from([user])).unwrap();
        (file.names_of(user, primary), file.of(user).is_whole)
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn primary_and_other_groups_are_listed_each_once() {
        let text =
            b"root:x:0:\nchess:x:50:bob,alice,alice\nchess:x:60: alice\nnot:x:51:alicia\nstudents:x:1001:\n";
        assert_eq!(of(text, "alice", Some(1001)), (names(&["students", "chess"]), true));
        assert_eq!(of(text, "nobody", Some(9)), (names(&[]), true));
        let twins = b"one:x:70:\ntwo:x:70:alice\n";
        assert_eq!(of(twins, "alice", Some(9)), (names(&["two", "one"]), true));
    }

    #[test]
    fn a_group_that_cannot_be_read_leaves_its_members_incomplete_and_nobody_else() {
        let too_long = [&b"huge:x:9:"[..], &b"x,".repeat(LINE_LIMIT), b"alice\n"].concat();
        for (text, groups) in [
            (&b"caf\xe9:x:50:alice\n"[..], names(&[])),
            (b"strict:x::alice\n", names(&["strict"])),
            (b"strict:x:5\xff:alice\n", names(&["strict"])),
            (&too_long, names(&[])),
        ] {
            assert_eq!(of(text, "alice", Some(1001)), (groups, false));
        }
        assert_eq!(of(b"caf\xe9:x:50:alice\nstrict:x::alice\n", "bob", Some(1001)), (names(&[]), true));
        let file = GroupFile::read(file(b"\xff:x:7:\n").path(), &HashSet::new()).unwrap();
        assert_eq!(
            (file.name(7), file.name(8)),
            (Some(Err(Unreadable)), None),
            "a name that cannot be read, and no group"
        );
        assert!(!GroupFile::unreadable().of("alice").is_whole);
    }

    #[test]
    fn comments_lines_of_the_compat_mode_and_their_members_are_no_groups() {
        let text = b"#off:x:1:alice\n+nis:x:2:alice\n-nis:x:3:alice\n+\n\n  \n";
        assert_eq!(of(text, "alice", Some(1001)), (names(&[]), true));
    }
}
