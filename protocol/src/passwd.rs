//! Lines of /etc/passwd, read as bytes.
//!
//! Owns which account a line is of: name and uid, read as libc reads them (glibc's `nss/nss_files/files-parse.c`). Users
//! can write other fields of their own line (`chfn`), in any bytes. Invariant: no other field changes the account that a
//! line is of. Leaves opening the file, and its limits, to the caller.

/// The account of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// `pw_name`, in whatever bytes the line has.
    pub name: &'a [u8],
    /// `pw_uid`; none where the field is not a number.
    pub uid: Option<u32>,
    /// `pw_gid`; none where the field is not a number.
    pub gid: Option<u32>,
    /// `pw_gecos`.
    pub gecos: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Reads a line; none for an empty line, a comment, and a `+` or `-` line of the compat mode, which are not accounts.
    #[must_use]
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let line = trimmed(line.split(|byte| matches!(byte, 0 | b'\n')).next()?);
        if matches!(line.first(), None | Some(b'#' | b'+' | b'-')) {
            return None;
        }
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next()?;
        let uid = fields.nth(1).and_then(number);
        let gid = fields.next().and_then(number);
        Some(Self { name, uid, gid, gecos: fields.next().unwrap_or_default() })
    }

    /// Reads the accounts of a whole file.
    pub fn all(passwd: &'a [u8]) -> impl Iterator<Item = Self> {
        passwd.split(|byte| *byte == b'\n').filter_map(Self::read)
    }
}

/// Reads a number of a line; like libc with white space and a plus before it, and nothing behind it.
#[must_use]
pub fn number(field: &[u8]) -> Option<u32> {
    let digits = trimmed(field);
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

/// Passes over what C's `isspace` takes for white space.
#[must_use]
pub fn trimmed(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | 0x09..=0x0d);
    let begin = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    text.get(begin..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_uid_are_read_whatever_the_other_fields_hold() {
        for line in [
            &b"alice:x:1000:1001:Alice:/home/alice:/bin/sh"[..],
            b"alice:x:1000:1001:Alice,\xfc\xff,,:/home/alice:/bin/sh\n",
            b"alice:\xff\xfe:1000:1001",
            b" \x0b\talice:x: +1000: 1001:\xc3:",
            b"alice:x:1000:1001:A\0lice:/:",
        ] {
            let entry = Entry::read(line).unwrap();
            assert_eq!(
                (entry.name, entry.uid, entry.gid),
                (&b"alice"[..], Some(1000), Some(1001)),
                "{line:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_apart_from_what_is_not_there() {
        for (line, uid, gid) in [
            (&b"alice"[..], None, None),
            (b"alice:x", None, None),
            (b"alice:x:1000", Some(1000), None),
            (b"alice:x:1000::", Some(1000), None),
            (b"alice:x:10\xff0:1001:", None, Some(1001)),
            (b"alice:x:1000 :1001:", None, Some(1001)),
            (b"alice:x:-1:1001:", None, Some(1001)),
            (b"alice:x:4294967296:1001:", None, Some(1001)),
            (b"alice\0:x:1000:1001:", None, None),
        ] {
            let entry = Entry::read(line).unwrap();
            assert_eq!((entry.name, entry.uid, entry.gid), (&b"alice"[..], uid, gid), "{line:?}");
        }
    }

    #[test]
    fn comments_and_lines_of_the_compat_mode_are_no_accounts() {
        for line in
            [&b""[..], b"  ", b"#alice:x:1000:1000:", b" # x", b"+", b"+@staff::::::", b"-alice:x:1000:1000:"]
        {
            assert_eq!(Entry::read(line), None, "{line:?}");
        }
        let names: Vec<_> =
            Entry::all(b"root:x:0:0:\n+nis\n\xff:x:7:7:\nlast:x:8:8:").map(|it| it.name).collect();
        assert_eq!(names, [&b"root"[..], b"\xff", b"last"]);
    }
}
