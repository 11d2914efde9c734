//! Who is meant: one person, the members of a group, or the names in a file.
//!
//! Owns the reading of names and its limits. Leaves whether there is such a person, and what may be done to them, to the
//! service.

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_protocol::passwd;
use nix::unistd::Group;

use crate::exit::{Exit, Failure};
use crate::lists;
use crate::output::printable;

/// The longest name, in bytes; the service takes none that is longer.
const NAME_LIMIT: usize = 256;
/// The people of this host.
const PASSWD: &str = "/etc/passwd";

/// Who is meant.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// Whom
    user: Option<String>,
    /// Everybody whom the name service lists as a member of this group
    #[arg(long)]
    group: Option<String>,
    /// Everybody named in this file, one name a line; - is standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// The people meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum People {
    /// One, named on the command line.
    One(String),
    /// Those of a list.
    Listed(Vec<Entry>),
}

/// One entry of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The line of the file it stands in.
    pub(crate) line: Option<usize>,
    /// The name, filtered; what is not a name is told to be so.
    pub(crate) name: Result<String, NotAName>,
}

/// A text that cannot be the name of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAName;

impl Whom {
    /// Lists the people meant.
    ///
    /// # Errors
    /// There is no such group, it has no members, or the file cannot be read.
    pub(crate) fn people(self) -> Result<People, Failure> {
        match self {
            Self { user: Some(user), .. } => Ok(People::One(user)),
            Self { group: Some(group), .. } => members(&group).map(People::Listed),
            Self { from: Some(file), .. } => named_in(&file).map(People::Listed),
            // The command line has exactly one of them.
            Self { user: None, group: None, from: None } => {
                Err(Failure::new(Exit::Usage, "Nobody is named."))
            }
        }
    }
}

fn members(name: &str) -> Result<Vec<Entry>, Failure> {
    let shown = printable(name);
    let unknown = || Failure::new(Exit::Refused, format!("There is no group {shown}."));
    let group = Group::from_name(name)
        .map_err(|error| {
            Failure::new(Exit::Refused, format!("The group {shown} cannot be looked up: {error}."))
        })?
        .ok_or_else(unknown)?;
    let mut names = group.mem;
    let passwd = std::fs::read(PASSWD)
        .map_err(|error| Failure::new(Exit::Refused, format!("{PASSWD} cannot be read: {error}.")))?;
    names.extend(with_primary_group(&passwd, group.gid.as_raw())?);
    names.sort();
    names.dedup();
    if names.is_empty() {
        let message = format!("The name service lists no member of group {shown}.");
        return Err(Failure::new(Exit::Refused, message).with_help(
            "People of a directory who have it as their primary group are not listed: use --from.",
        ));
    }
    Ok(names.into_iter().map(|name| Entry { line: None, name: checked(&name) }).collect())
}

/// Lists the users of this host who have a group as their primary one; a group does not list these. A name that is not
/// UTF-8 is one that [`checked`] does not take.
fn with_primary_group(passwd: &[u8], gid: u32) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in passwd::Entry::all(passwd) {
        let name = String::from_utf8_lossy(entry.name);
        match entry.gid {
            Some(of_user) if of_user == gid => names.push(name.into_owned()),
            Some(_) => {}
            None => {
                let message =
                    format!("The primary group of {} in {PASSWD} is not a number.", printable(&name));
                return Err(Failure::new(Exit::Refused, message).with_help(
                    "Nothing was changed. Mend the line (see `pwck`), or name the users with --from.",
                ));
            }
        }
    }
    Ok(names)
}

fn named_in(file: &Path) -> Result<Vec<Entry>, Failure> {
    let entries = entries(&lists::read(file)?);
    if entries.is_empty() {
        let place = printable(&file.display().to_string());
        return Err(Failure::new(Exit::Refused, format!("{place} names nobody.")));
    }
    Ok(entries)
}

/// Reads one name a line; empty lines and what begins with # are passed over.
fn entries(bytes: &[u8]) -> Vec<Entry> {
    let is_meant = |line: &[u8]| !line.is_empty() && !line.starts_with(b"#");
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
    let entry = |(index, line): (usize, &[u8])| Entry {
        line: Some(index + 1),
        name: std::str::from_utf8(line).map_err(|_| NotAName).and_then(checked),
    };
    lines.filter(|(_, line)| is_meant(line)).map(entry).collect()
}

fn checked(name: &str) -> Result<String, NotAName> {
    let is_name = (1..=NAME_LIMIT).contains(&name.len())
        // The last stands for bytes that are not UTF-8.
        && !name.contains(['/', ':', ',', char::REPLACEMENT_CHARACTER])
        && !name.chars().any(char::is_whitespace)
        && printable(name) == name;
    if is_name { Ok(name.to_owned()) } else { Err(NotAName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: usize, name: &str) -> Entry {
        Entry { line: Some(line), name: Ok(name.to_owned()) }
    }

    #[test]
    fn a_file_has_one_name_a_line_and_what_is_none_is_told_with_its_line() {
        let entries =
            entries(&b"# new people\nalice\r\n\n  bob  \ncarol,dave\n\xff\n\x1b[2J\nerin@example.org"[..]);
        let not = |line| Entry { line: Some(line), name: Err(NotAName) };
        assert_eq!(
            entries,
            [entry(2, "alice"), entry(4, "bob"), not(5), not(6), not(7), entry(8, "erin@example.org")]
        );
    }

    #[test]
    fn names_and_files_have_a_limit() {
        assert!(checked(&"n".repeat(NAME_LIMIT)).is_ok() && checked(&"n".repeat(NAME_LIMIT + 1)).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("people.txt");
        for text in [&b"\xef\xbb\xbfalice\r\nbob\r\n"[..], b"\xff\xfea\0l\0i\0c\0e\0\n\0b\0o\0b\0"] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(named_in(&file).unwrap(), [entry(1, "alice"), entry(2, "bob")]);
        }
    }

    #[test]
    fn people_with_the_group_as_their_primary_one_belong_to_it() {
        let passwd = b"root:x:0:0::/root:/bin/sh\nalice:x:1000:100:\xfc,,,:/:\n+nis\nbob:x:100:1000::/:\n\xff:x:7:100::/:\n";
        let names = with_primary_group(passwd, 100).unwrap();
        let checked: Vec<_> = names.iter().map(|name| checked(name)).collect();
        assert_eq!(
            checked,
            [Ok("alice".to_owned()), Err(NotAName)],
            "whatever chfn wrote, and nobody left out"
        );
    }

    #[test]
    fn a_line_whose_primary_group_cannot_be_read_ends_it() {
        for passwd in [&b"alice:x:1000:100::/:\nbroken\n"[..], b"bob:x:1001:1\xff0::/:\n"] {
            let failure = with_primary_group(passwd, 100).unwrap_err();
            assert!(failure.message.contains("The primary group of b"), "{}", failure.message);
        }
    }
}
