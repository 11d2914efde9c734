//! A list of contacts: one person a line, with an e-mail address, a telephone number, or both.
//!
//! Owns the reading of the file, its limits, and what is wrong with a line by itself. Leaves to the service whether there
//! is such a person, and what is an address or a number.

use std::collections::HashMap;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use crate::exit::{Exit, Failure};
use crate::lists;
use crate::output::{printable, visible};

/// The longest field, in bytes; the service takes none that is longer.
const FIELD_LIMIT: usize = 256;
/// The columns, in any order; `user` and one of the others have to be there.
const COLUMNS: [&str; 3] = ["user", "email", "phone"];

/// One person of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line of the file.
    pub(crate) line: u32,
    /// Whom it concerns.
    pub(crate) user: String,
    /// The address, empty where the list has none.
    pub(crate) email: String,
    /// The number, empty where the list has none.
    pub(crate) phone: String,
}

/// A line that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The line of the file.
    pub(crate) line: u32,
    /// Whom it names, where that can be read.
    pub(crate) user: Option<String>,
    /// What is wrong with it.
    pub(crate) why: String,
}

/// A list that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// The lines that say something.
    pub(crate) rows: Vec<Row>,
    /// The lines that cannot be taken.
    pub(crate) refused: Vec<Refusal>,
    /// How many lines name a person and nothing else.
    pub(crate) empty: usize,
}

/// Reads a list; `-` is standard input.
///
/// # Errors
/// It cannot be read, is too large, or its first line does not name the columns.
pub(crate) fn read(file: &Path) -> Result<Sheet, Failure> {
    let place = printable(&file.display().to_string());
    let sheet = parse(&lists::read(file)?)
        .map_err(|wrong| Failure::new(Exit::Refused, format!("{place}: {wrong}.")).with_help(HEADER_HELP))?;
    if sheet == Sheet::default() {
        return Err(Failure::new(Exit::Refused, format!("{place} names nobody.")));
    }
    Ok(sheet)
}

const HEADER_HELP: &str = "The first line names the columns, in any order: user, and email, phone or both, such as user,email,phone";

fn parse(bytes: &[u8]) -> Result<Sheet, String> {
    let (delimiter, begin) = delimiter(bytes);
    let text = bytes.get(begin..).unwrap_or_default();
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
    let header = without_empty_end(reader.byte_headers().map_err(|error| error.to_string())?);
    let places = Places::of(&header)?;
    let mut sheet = Sheet::default();
    let mut lines_of = HashMap::new();
    let (mut record, mut lines) = (ByteRecord::new(), Lines { bytes, begin, reached: 0, line: 1 });
    // Of bytes in memory every record can be read.
    while reader.read_byte_record(&mut record).map_err(|error| error.to_string())? {
        let line = lines.of(&record);
        // Spreadsheets write the rows below a list as well.
        if record.iter().all(|field| field.trim_ascii().is_empty()) {
            continue;
        }
        match places.row(line, &record, header.len()) {
            Err(refusal) => sheet.refused.push(refusal),
            Ok(row) => match lines_of.insert(row.user.clone(), line) {
                Some(earlier) => {
                    let why = format!("The same person stands in line {earlier}.");
                    sheet.refused.push(Refusal { line, user: Some(row.user), why });
                }
                None if row.email.is_empty() && row.phone.is_empty() => sheet.empty += 1,
                None => sheet.rows.push(row),
            },
        }
    }
    Ok(sheet)
}

/// Tells what stands between the fields, and where the header begins: Excel can name the delimiter in a line before it.
fn delimiter(bytes: &[u8]) -> (u8, usize) {
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] = first_line.trim_ascii_end() {
        return (*delimiter, first_line.len().saturating_add(1).min(bytes.len()));
    }
    // Spreadsheets of countries that write 1,5 for one and a half put semicolons between the fields; what is copied out of
    // them has tabs.
    let found = [b';', b'\t'].into_iter().find(|delimiter| first_line.contains(delimiter));
    (found.unwrap_or(b','), 0)
}

/// Takes away the empty columns at the end that spreadsheets add.
fn without_empty_end(record: &ByteRecord) -> ByteRecord {
    let length = record.iter().rposition(|field| !field.trim_ascii().is_empty()).map_or(0, |last| last + 1);
    record.iter().take(length).collect()
}

/// Counts lines as an editor does. The reader's own count is one short where lines end as on Windows.
struct Lines<'a> {
    bytes: &'a [u8],
    /// Where the reader began.
    begin: usize,
    reached: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, record: &ByteRecord) -> u32 {
        let begin = record.position().map_or(0, csv::Position::byte);
        let begin = usize::try_from(begin).unwrap_or(usize::MAX).saturating_add(self.begin);
        let is_before = |place: usize, byte: u8| place < begin || matches!(byte, b'\r' | b'\n');
        while let Some(byte) = self.bytes.get(self.reached).copied()
            && is_before(self.reached, byte)
        {
            self.line = self.line.saturating_add(u32::from(byte == b'\n'));
            self.reached += 1;
        }
        self.line
    }
}

/// Where the columns stand.
struct Places {
    user: usize,
    email: Option<usize>,
    phone: Option<usize>,
}

impl Places {
    fn of(header: &ByteRecord) -> Result<Self, String> {
        let names: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
            .collect();
        if let Some(unknown) = names.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
            return Err(format!("no column is called {:?}", printable(unknown)));
        }
        let place = |column: &str| {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == column);
            match (found.next(), found.next()) {
                (_, Some(_)) => Err(format!("the column {column} stands there twice")),
                (first, None) => Ok(first.map(|(place, _)| place)),
            }
        };
        let user = place("user")?.ok_or("the column user is missing")?;
        let (email, phone) = (place("email")?, place("phone")?);
        if email.is_none() && phone.is_none() {
            return Err("there is neither a column email nor a column phone".to_owned());
        }
        Ok(Self { user, email, phone })
    }

    fn row(&self, line: u32, record: &ByteRecord, columns: usize) -> Result<Row, Refusal> {
        let field =
            |place: Option<usize>| text(place.and_then(|place| record.get(place)).unwrap_or_default());
        let user = field(Some(self.user));
        let named = user.as_ref().ok().filter(|user| !user.is_empty()).cloned();
        let refused = |why: &str| Refusal { line, user: named.clone(), why: why.to_owned() };
        let has_more = record.iter().skip(columns).any(|field| !field.trim_ascii().is_empty());
        if record.len() < columns || has_more {
            return Err(refused(&format!("There are {} fields, not {columns}.", record.len())));
        }
        let user = user.map_err(&refused)?;
        if user.is_empty() {
            return Err(refused("No user is named."));
        }
        let contact =
            |place: Option<usize>| contact(place.and_then(|place| record.get(place)).unwrap_or_default());
        let (email, phone) = (contact(self.email), contact(self.phone));
        Ok(Row { line, user, email: email.map_err(refused)?, phone: phone.map_err(refused)? })
    }
}

/// Takes an address or a number. Invisible characters, which address books and web pages leave, are no part of it.
fn contact(bytes: &[u8]) -> Result<String, &'static str> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(NOT_UTF8) };
    self::text(visible(text).as_bytes())
}

/// What is said of a field in another encoding.
const NOT_UTF8: &str = "It is not written in UTF-8.";

fn text(bytes: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| NOT_UTF8)?.trim();
    match text {
        text if text.len() > FIELD_LIMIT => Err("A field is too long."),
        text if visible(text) != text => Err("The name has invisible characters: write it anew."),
        text if printable(text) != text => Err("A field has characters that cannot be printed."),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u32, user: &str, email: &str, phone: &str) -> Row {
        Row { line, user: user.to_owned(), email: email.to_owned(), phone: phone.to_owned() }
    }

    #[test]
    fn columns_come_in_any_order_and_fields_may_be_quoted_or_empty() {
        let expected = [row(2, "alice", "alice@example.org", "030 1234"), row(3, "bob", "", "+49301234")];
        for list in [
            "user,email,phone\nalice,alice@example.org,030 1234\nbob,,+49301234\ncarol,,\n",
            "Phone,USER,email\r\n030 1234,alice,alice@example.org\r\n+49301234,bob,\r\n,carol,\r\n",
            "email;phone;user\nalice@example.org;\"030 1234\"; alice \n;+49301234;bob\n;;carol\n",
        ] {
            let sheet = parse(list.as_bytes()).unwrap();
            assert_eq!((sheet.rows.as_slice(), sheet.empty), (&expected[..], 1), "{list}");
            assert!(sheet.refused.is_empty(), "{list}");
        }
        assert_eq!(parse(b"email,user\na@example.org,alice\n").unwrap().rows[0].phone, "");
        for list in ["user,email\n\n\nalice,a@example.org\n", "user,email\r\n\r\n\r\nalice,a@example.org"] {
            assert_eq!(parse(list.as_bytes()).unwrap().rows[0].line, 4, "{list:?}");
        }
    }

    #[test]
    fn a_bad_line_is_refused_by_its_number_and_the_others_stay() {
        let list = b"user,email\nalice,a@example.org\n,b@example.org\nbob\ncarol,\xff\ndave,\x1b[2J\nalice,x@example.org\n\"er\nin\",e@example.org\nfrank,f@example.org\n";
        let sheet = parse(list).unwrap();
        let users: Vec<&str> = sheet.rows.iter().map(|row| row.user.as_str()).collect();
        assert_eq!(users, ["alice", "frank"]);
        let refused: Vec<(u32, &str)> =
            sheet.refused.iter().map(|refusal| (refusal.line, refusal.why.as_str())).collect();
        assert_eq!(
            refused,
            [
                (3, "No user is named."),
                (4, "There are 1 fields, not 2."),
                (5, "It is not written in UTF-8."),
                (6, "A field has characters that cannot be printed."),
                (7, "The same person stands in line 2."),
                (8, "A field has characters that cannot be printed."),
            ]
        );
        assert_eq!(sheet.rows[1].line, 10);
    }

    #[test]
    fn a_list_whose_columns_are_not_known_is_refused_whole() {
        for (list, says) in [
            ("", "user is missing"),
            ("alice,alice@example.org\n", "no column is called \"alice\""),
            ("user,mail\n", "no column is called \"mail\""),
            ("user\nalice\n", "neither a column email"),
            ("email,phone\n", "user is missing"),
            ("user,email,email\n", "twice"),
        ] {
            let wrong = parse(list.as_bytes()).unwrap_err();
            assert!(wrong.contains(says), "{list:?}: {wrong}");
        }
    }

    #[test]
    fn fields_and_files_have_a_limit() {
        assert!(text("x".repeat(FIELD_LIMIT).as_bytes()).is_ok());
        assert!(text("x".repeat(FIELD_LIMIT + 1).as_bytes()).is_err());
    }

    #[test]
    fn lists_are_read_as_spreadsheets_write_them() {
        let expected = [row(2, "alice", "alice@example.org", "030 1234")];
        for list in [
            "user;email;phone\r\nalice;alice@example.org;030 1234\r\n;;\r\n;;\r\n",
            "user;email;phone;;\nalice;alice@example.org;030 1234;;\n;;;;\n",
            "user\temail\tphone\nalice\talice@example.org\t030 1234\n\t\t\n",
            "user,email,phone\nalice,\u{200b}alice@example.org,\u{202d}030\u{a0}1234\u{202c}\n,,\n",
        ] {
            let sheet = parse(list.as_bytes()).unwrap();
            assert_eq!(
                (sheet.rows.as_slice(), sheet.refused.as_slice()),
                (&expected[..], &[][..]),
                "{list:?}"
            );
        }
        for list in
            ["sep=;\r\nuser;email\r\nalice;a@example.org\r\n", "SEP=,\nuser,email\nalice,a@example.org"]
        {
            assert_eq!(
                parse(list.as_bytes()).unwrap().rows,
                [row(3, "alice", "a@example.org", "")],
                "{list:?}"
            );
        }
        let refused = parse("user,email\nali\u{200b}ce,a@example.org\nbob,b@example.org,x\n".as_bytes())
            .unwrap()
            .refused;
        let why: Vec<&str> = refused.iter().map(|refusal| refusal.why.as_str()).collect();
        assert_eq!(why, ["The name has invisible characters: write it anew.", "There are 3 fields, not 2."]);
    }
}
