//! A list of contacts: one person a line, with an e-mail address, a telephone number, or both.
//!
//! Owns the reading of the file, its limits, and what is wrong with a line by itself. Leaves to the service whether there
//! is such a person, and what is an address or a number.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use crate::exit::{Exit, Failure};
use crate::output::printable;

/// The largest list, in bytes: some hundred thousand people.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;
/// The longest field, in bytes; the service takes none that is longer.
const FIELD_LIMIT: usize = 256;
/// The columns, in any order; `user` and one of the others have to be there.
const COLUMNS: [&str; 3] = ["user", "email", "phone"];
/// What spreadsheets write before the first column.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

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
    let bytes =
        if file == Path::new("-") { bounded(io::stdin().lock()) } else { File::open(file).and_then(bounded) };
    let bytes =
        bytes.map_err(|error| Failure::new(Exit::Refused, format!("{place} cannot be read: {error}.")))?;
    let sheet = parse(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes))
        .map_err(|wrong| Failure::new(Exit::Refused, format!("{place}: {wrong}.")).with_help(HEADER_HELP))?;
    if sheet == Sheet::default() {
        return Err(Failure::new(Exit::Refused, format!("{place} names nobody.")));
    }
    Ok(sheet)
}

const HEADER_HELP: &str = "The first line names the columns, in any order: user, and email, phone or both, such as user,email,phone";

fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = input.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    if u64::try_from(length).is_ok_and(|length| length > FILE_LIMIT) {
        return Err(io::Error::other("it is larger than 64 MiB"));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<Sheet, String> {
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // Spreadsheets of countries that write 1,5 for one and a half put semicolons between the fields.
    let delimiter = if first_line.contains(&b';') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bytes);
    let header = reader.byte_headers().map_err(|error| error.to_string())?.clone();
    let places = Places::of(&header)?;
    let mut sheet = Sheet::default();
    let mut lines_of = HashMap::new();
    let (mut record, mut lines) = (ByteRecord::new(), Lines { bytes, reached: 0, line: 1 });
    // Of bytes in memory every record can be read.
    while reader.read_byte_record(&mut record).map_err(|error| error.to_string())? {
        let line = lines.of(&record);
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

/// Counts lines as an editor does. The reader's own count is one short where lines end as on Windows.
struct Lines<'a> {
    bytes: &'a [u8],
    reached: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, record: &ByteRecord) -> u32 {
        let begin = record.position().map_or(0, csv::Position::byte);
        let begin = usize::try_from(begin).unwrap_or(usize::MAX);
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
        if record.len() != columns {
            return Err(refused(&format!("There are {} fields, not {columns}.", record.len())));
        }
        let user = user.map_err(&refused)?;
        if user.is_empty() {
            return Err(refused("No user is named."));
        }
        let (email, phone) = (field(self.email), field(self.phone));
        Ok(Row { line, user, email: email.map_err(refused)?, phone: phone.map_err(refused)? })
    }
}

fn text(bytes: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(bytes.trim_ascii()).map_err(|_| "It is not written in UTF-8.")?;
    match text {
        text if text.len() > FIELD_LIMIT => Err("A field is too long."),
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
        assert!(bounded(io::repeat(b'a')).is_err());
    }
}
