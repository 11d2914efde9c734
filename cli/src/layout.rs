//! Texts within the width of a terminal: broken at spaces, and beside the names of fields.

use crate::output::{Output, Stream, Tone, is_terminal};

/// What is assumed of a terminal that does not tell its width.
const USUAL_COLUMNS: usize = 80;
/// The narrowest column that a value is broken into.
const LEAST_COLUMNS: usize = 20;

/// A line of a page: a name, what there is to it, and how it stands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    name: &'static str,
    value: String,
    tone: Option<Tone>,
}

impl Field {
    /// Makes a plain one.
    pub(crate) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), tone: None }
    }

    /// Makes one to take note of.
    pub(crate) fn caution(name: &'static str, value: impl Into<String>) -> Self {
        Self { tone: Some(Tone::Caution), ..Self::new(name, value) }
    }

    /// Makes one that stops the user.
    pub(crate) fn bad(name: &'static str, value: impl Into<String>) -> Self {
        Self { tone: Some(Tone::Bad), ..Self::new(name, value) }
    }

    /// Lays it out on standard output: the value begins at a column, and where a person's terminal is too narrow it goes on
    /// below its beginning. It is colored after it was broken, line by line.
    pub(crate) fn lines(&self, output: &Output, begin: usize) -> String {
        let Self { name, value, tone } = self;
        let room = columns(Stream::Out).map(|columns| columns.saturating_sub(begin).max(LEAST_COLUMNS));
        let value = room.map_or_else(|| value.clone(), |room| wrapped(value, room));
        let paint =
            |line: &str| tone.map_or_else(|| line.to_owned(), |tone| output.paint(Stream::Out, tone, line));
        let value: Vec<String> = value.split('\n').map(paint).collect();
        let names = begin.saturating_sub(2);
        format!("  {name:<names$}{}", value.join(&format!("\n{:begin$}", "")))
    }
}

/// Breaks a sentence where a person's terminal would break it in the middle of a word; its lines begin at a column.
pub(crate) fn sentence(stream: Stream, text: &str, begin: usize) -> String {
    let columns = columns(stream).map(|columns| columns.saturating_sub(begin).max(LEAST_COLUMNS));
    let text = columns.map_or_else(|| text.to_owned(), |columns| wrapped(text, columns));
    text.replace('\n', &format!("\n{:begin$}", ""))
}

/// Tells the width of a person's terminal; none where no person reads a stream.
pub(crate) fn columns(stream: Stream) -> Option<usize> {
    let told = match stream {
        Stream::Out => terminal_size::terminal_size_of(std::io::stdout()),
        Stream::Err => terminal_size::terminal_size_of(std::io::stderr()),
    };
    is_terminal(stream).then(|| told.map_or(USUAL_COLUMNS, |(width, _)| width.0.into()))
}

/// Breaks the lines of a text at spaces; what has no space is left to the terminal.
pub(crate) fn wrapped(text: &str, columns: usize) -> String {
    text.split('\n').map(|line| wrapped_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, columns: usize) -> String {
    let mut text = String::with_capacity(line.len());
    let mut column = 0;
    for word in line.split_inclusive(' ') {
        let width = word.trim_end().chars().count();
        if column > 0 && column + width > columns {
            text.truncate(text.trim_end().len());
            text.push('\n');
            column = 0;
        }
        text.push_str(word);
        column += word.chars().count();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_break_between_words_and_keep_the_space_before_the_answer() {
        assert_eq!(wrapped("one two three\nfour: ", 9), "one two\nthree\nfour: ");
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("unbreakable", 4), "unbreakable");
        assert_eq!(wrapped("Code: ", 80), "Code: ");
        assert_eq!(wrapped("Code: ", 5), "Code: ");
        assert_eq!(wrapped("a  b", 80), "a  b");
        assert_eq!(wrapped("x", 0), "x");
    }
}
