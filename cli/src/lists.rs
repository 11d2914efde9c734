//! Lists that users supply, as other programs write them: one reader for all of them.
//!
//! Owns opening, the limit of size, byte order marks and encodings. What it gives away is UTF-8 with lines that end in a
//! newline; a byte that is no UTF-8 stays, for the reader of its line to refuse. Leaves lines and columns to the callers.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::exit::{Exit, Failure};
use crate::output::printable;

/// The largest list, in bytes: some hundred thousand people.
const LIMIT: u64 = 64 * 1024 * 1024;
/// What programs write before a text in UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a list; `-` is standard input.
///
/// # Errors
/// It cannot be read, is too large, is no file, or its encoding is not understood.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes =
        if file == Path::new("-") { bounded(io::stdin().lock()) } else { open(file).and_then(bounded) };
    bytes.and_then(|bytes| decode(&bytes)).map_err(|error| {
        let place = printable(&file.display().to_string());
        Failure::new(Exit::Refused, format!("{place} cannot be read: {error}."))
    })
}

fn open(file: &Path) -> io::Result<File> {
    let kind = fs::metadata(file)?;
    if kind.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    // A FIFO would be waited for when it is opened.
    if !kind.is_file() {
        return Err(io::Error::other("it is no regular file; use - to read standard input"));
    }
    File::open(file)
}

fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = input.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if u64::try_from(length).map_or(true, |length| length > LIMIT) {
        return Err(io::Error::other("it is larger than 64 MiB"));
    }
    Ok(bytes)
}

/// Brings a text to UTF-8 with newlines, as its byte order mark says.
fn decode(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let text = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Err(io::Error::other("it is written in UTF-32; save it as UTF-8"));
        }
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        bytes => bytes.strip_prefix(MARK).unwrap_or(bytes).to_vec(),
    };
    if text.contains(&0) {
        return Err(io::Error::other(
            "it has zero bytes, as UTF-16 without a byte order mark or a workbook has; save it as a text in UTF-8",
        ));
    }
    let has_newline = text.contains(&b'\n');
    // Some programs end lines with a carriage return alone.
    Ok(if has_newline {
        text
    } else {
        text.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect()
    })
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> io::Result<Vec<u8>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(text.into_bytes()),
        Ok(_) | Err(_) => Err(io::Error::other("it begins like UTF-16 and is none; save it as UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, String> {
        decode(bytes).map(|text| String::from_utf8(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_encoding_that_names_itself_is_read() {
        let wide =
            |unit: fn(u16) -> [u8; 2]| "\u{feff}zoë\n".encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        for bytes in
            ["zoë\n".as_bytes(), "\u{feff}zoë\n".as_bytes(), &wide(u16::to_le_bytes), &wide(u16::to_be_bytes)]
        {
            assert_eq!(text(bytes).unwrap(), "zoë\n");
        }
        assert_eq!(text(b"alice\rbob\r").unwrap(), "alice\nbob\n");
        assert_eq!(text(b"alice\r\nbob").unwrap(), "alice\r\nbob");
        assert_eq!(text(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_cause() {
        for (bytes, says) in [
            (&b"a\0l\0"[..], "UTF-16 without"),
            (b"\xff\xfea", "is none"),
            (b"\xff\xfe\x00\xd8", "is none"),
            (b"\xff\xfe\0\0a\0\0\0", "UTF-32"),
            (b"PK\x03\x04\0\0", "workbook"),
        ] {
            let refusal = text(bytes).unwrap_err();
            assert!(refusal.contains(says), "{bytes:?}: {refusal}");
        }
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap_err().message.contains("folder"));
        assert!(read(Path::new("/dev/zero")).unwrap_err().message.contains("regular file"));
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert!(read(&fifo).unwrap_err().message.contains("regular file"));
        assert!(bounded(io::repeat(b'a')).is_err());
    }
}
