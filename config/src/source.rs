//! One file that was read: its path, its text, and where in it something stands.
//!
//! Owns lines and columns, and the excerpt that a diagnostic shows. Leaves reading to `files`.

use std::ops::Range;
use std::path::PathBuf;

use crate::diagnostics::{Excerpt, Place};
use crate::mask::mask;
use crate::printable::escape_into;

/// What some editors write before a text.
const MARK: char = '\u{feff}';
/// The most characters of a line that an excerpt shows.
const EXCERPT_LIMIT: usize = 110;
/// How many characters before the offending ones are shown where the line is cut.
const EXCERPT_LEAD: usize = 30;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its path, as it was named.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

/// Line and column, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Source {
    /// Names a place in this file.
    pub(crate) fn place(&self, span: Range<usize>) -> Place<'_> {
        Place { source: self, span }
    }

    /// Tells line and column of a byte.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..self.floor(offset)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            // A byte order mark is no column of the first line.
            column: before.get(line_start..).unwrap_or_default().trim_start_matches(MARK).chars().count() + 1,
        }
    }

    /// Cuts out the line in which a span begins and marks the span, as far as it lies in that line.
    pub(crate) fn excerpt(&self, span: &Range<usize>) -> Excerpt {
        let start = self.floor(span.start);
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_start = if before.get(line_start..) == Some("\u{feff}") { start } else { line_start };
        let line_start = if line_start == 0 && self.text.starts_with(MARK) {
            MARK.len_utf8().min(start)
        } else {
            line_start
        };
        let after = self.text.get(start..).unwrap_or_default();
        let line_end = after.find(['\n', '\r']).map_or(self.text.len(), |newline| start + newline);
        let marked_end = self.floor(span.end).clamp(start, line_end);

        let line = mask(self.text.get(line_start..line_end).unwrap_or_default());
        let part = |from: usize, to: usize| {
            line.get(from.saturating_sub(line_start)..to.saturating_sub(line_start)).unwrap_or_default()
        };
        compose(part(line_start, start), part(start, marked_end), part(marked_end, line_end))
    }

    /// Tells the text of a span as it may be shown.
    pub(crate) fn shown(&self, span: &Range<usize>) -> String {
        let (start, end) = (self.floor(span.start), self.floor(span.end));
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let after = self.text.get(end..).unwrap_or_default();
        let line_end = after.find('\n').map_or(self.text.len(), |newline| end.saturating_add(newline));
        // Whole lines, because what makes a password of a text may stand before or behind it.
        let lines = self.text.get(line_start..line_end).unwrap_or_default();
        let masked: Vec<String> = lines.split('\n').map(mask).collect();
        let span = start.saturating_sub(line_start)..end.saturating_sub(line_start);
        masked.join("\n").get(span).unwrap_or_default().to_owned()
    }

    /// The last character boundary at or before an offset.
    fn floor(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }
}

/// Puts an excerpt together, cutting what is too long for a terminal.
fn compose(lead: &str, marked: &str, rest: &str) -> Excerpt {
    let lead_length = lead.chars().count();
    let is_long = lead_length + marked.chars().take(EXCERPT_LIMIT).count() > EXCERPT_LIMIT;
    let skipped = if is_long { lead_length.saturating_sub(EXCERPT_LEAD) } else { 0 };

    let mut line = String::new();
    if skipped > 0 {
        line.push('…');
    }
    lead.chars().skip(skipped).for_each(|character| escape_into(&mut line, character));
    let before = line.chars().count();
    push_within(&mut line, marked);
    let width = line.chars().count().saturating_sub(before).max(1);
    push_within(&mut line, rest);
    Excerpt { line, before, width }
}

/// Appends a text, escaped, up to the limit of a line.
fn push_within(line: &mut String, text: &str) {
    let mut length = line.chars().count();
    for character in text.chars() {
        if length >= EXCERPT_LIMIT {
            line.push('…');
            return;
        }
        let before = line.len();
        escape_into(line, character);
        length += line.get(before..).unwrap_or_default().chars().count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { path: PathBuf::from("file"), text: text.to_owned() }
    }

    #[test]
    fn columns_count_characters_and_lines_count_newlines() {
        let source = source("a = 1\nü = \"é\" x\n");
        let offset = source.text.find('x').unwrap();
        assert_eq!(source.position(offset), Position { line: 2, column: 9 });
    }

    #[test]
    fn a_byte_order_mark_is_no_column() {
        let source = source("\u{feff}colour = 1\n");
        let offset = source.text.find("colour").unwrap();
        assert_eq!(source.position(offset), Position { line: 1, column: 1 });
        assert_eq!(source.excerpt(&(offset..offset + 6)).line, "colour = 1");
        let offset = source.text.find('1').unwrap();
        assert_eq!(source.position(offset), Position { line: 1, column: 10 });
        assert_eq!(source.excerpt(&(offset..offset + 1)).before, 9);
    }

    #[test]
    fn an_offset_behind_the_end_or_inside_a_character_is_survived() {
        let source = source("ü");
        assert_eq!(source.position(1), Position { line: 1, column: 1 });
        assert_eq!(source.position(99), Position { line: 1, column: 2 });
        assert_eq!(source.excerpt(&(99..200)).width, 1);
    }

    #[test]
    fn a_long_line_is_cut_around_the_offending_text() {
        let text = format!("{} = 1 # {}", "k".repeat(500), "c".repeat(500));
        let source = source(&text);
        let excerpt = source.excerpt(&(503..504));
        assert!(excerpt.line.chars().count() <= EXCERPT_LIMIT + 2, "{excerpt:?}");
        let marked: String = excerpt.line.chars().skip(excerpt.before).take(excerpt.width).collect();
        assert_eq!(marked, "1", "{excerpt:?}");
    }

    #[test]
    fn a_text_over_several_lines_is_marked_to_the_end_of_the_first() {
        let source = source("a = \"\"\"x\ny\"\"\"\n");
        let excerpt = source.excerpt(&(4..12));
        assert_eq!((excerpt.line.as_str(), excerpt.before, excerpt.width), ("a = \"\"\"x", 4, 4));
    }
}
