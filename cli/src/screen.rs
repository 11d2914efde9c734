//! A terminal as the screen of a conversation.
//!
//! The whole dialogue goes to standard error, in order: a QR code is never separated from its prompt, and redirecting
//! standard output never puts a secret into a file by accident. Standard output is left to results (`--json`). Answers
//! come from standard input, typed or piped. The texts are filtered by the decoding of a step already; the URI of a
//! setup is drawn, not shown.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use countersign_protocol::conversation::Screen;
use countersign_protocol::error::ScreenError;
use countersign_protocol::names::ANSWER_LIMIT;
use countersign_protocol::step::{Line, Style};
use zeroize::{Zeroize, Zeroizing};

use crate::layout::wrapped;
use crate::output::{Output, Stream, Tone, is_terminal};
use crate::qr::{self, Look, QrPen, Size};

/// What begins the text of a setup that a client draws.
const SETUP_SCHEME: &str = "otpauth://";
/// What is assumed of a terminal that does not tell its size.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// A person at a terminal, or a script that pipes answers.
#[derive(Debug)]
pub(crate) struct Terminal {
    output: Output,
    /// Writes a QR code into a file as well.
    pen: Option<QrPen>,
}

impl Terminal {
    /// Makes a screen of this process' standard streams.
    pub(crate) const fn new(output: Output, pen: Option<QrPen>) -> Self {
        Self { output, pen }
    }

    /// Tells whether a setup URI can be shown as a QR code here.
    pub(crate) fn draws_qr(&self) -> bool {
        self.pen.is_some() || is_terminal(Stream::Err)
    }

    fn show_once(&mut self, text: &str) -> io::Result<()> {
        if !text.starts_with(SETUP_SCHEME) {
            return say(text);
        }
        if let Some(pen) = &mut self.pen {
            pen.write(text)?;
            say("The QR code is written to the file.")?;
        }
        if is_terminal(Stream::Err) { self.draw(text) } else { Ok(()) }
    }

    fn draw(&self, uri: &str) -> io::Result<()> {
        let look = if self.output.colors(Stream::Err) { Look::BlackOnWhite } else { Look::LightBlocks };
        match qr::draw(uri, look, size()) {
            Some(drawing) => say(&drawing),
            None if self.pen.is_some() => Ok(()),
            None => say(
                "The terminal is too small for the QR code. Type the key below into your app, make the terminal\n\
                 larger, or start again with: countersign enroll totp --qr FILE.svg",
            ),
        }
    }
}

impl Screen for Terminal {
    fn show(&mut self, line: &Line) -> Result<(), ScreenError> {
        let shown = match line.style {
            Style::Error => say(&self.output.paint(Stream::Err, Tone::Bad, &fitted(&line.text))),
            Style::ShowOnce => self.show_once(&line.text),
            Style::Information | Style::AskHidden | Style::AskVisible => say(&fitted(&line.text)),
        };
        shown.map_err(|_| ScreenError::Failed)
    }

    fn ask(&mut self, line: &Line) -> Result<Zeroizing<String>, ScreenError> {
        prompt(&fitted(&line.text)).map_err(|_| ScreenError::Failed)?;
        let answer = if line.style == Style::AskHidden && io::stdin().is_terminal() {
            rpassword::read_password().map(Zeroizing::new)
        } else {
            read_line(&mut io::stdin().lock())
        };
        let answer = answer.map_err(|_| ScreenError::Failed)?;
        if !io::stdin().is_terminal() {
            // Nobody typed a newline: what follows begins on a line of its own.
            say("").map_err(|_| ScreenError::Failed)?;
        }
        Ok(if answer.len() > ANSWER_LIMIT { Zeroizing::default() } else { answer })
    }
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n'))
}

fn prompt(text: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{text}")?;
    terminal.flush()
}

/// Breaks a text where a terminal would break it in the middle of a word.
fn fitted(text: &str) -> String {
    if is_terminal(Stream::Err) { wrapped(text, size().columns) } else { text.to_owned() }
}

fn size() -> Size {
    let told = terminal_size::terminal_size_of(io::stderr());
    told.map_or(USUAL_SIZE, |(width, height)| Size { columns: width.0.into(), rows: height.0.into() })
}

/// Reads one line. What cannot be an answer (longer than one may be, or no UTF-8) is an empty one: the service asks
/// again and charges nothing.
fn read_line(input: &mut impl BufRead) -> io::Result<Zeroizing<String>> {
    let most = ANSWER_LIMIT + 2;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    let limit = u64::try_from(most).map_err(io::Error::other)?;
    if input.take(limit).read_until(b'\n', &mut bytes)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if bytes.len() == most && !bytes.ends_with(b"\n") {
        bytes.zeroize();
        skip_line(input)?;
    }
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(std::str::from_utf8(&bytes).map(str::to_owned).map(Zeroizing::new).unwrap_or_default())
}

/// Passes over the rest of a line, however long, without keeping it.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        let is_over = end.is_some() || buffer.is_empty();
        input.consume(used);
        if is_over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut input: &[u8]) -> Vec<String> {
        std::iter::from_fn(|| read_line(&mut input).ok().map(|answer| answer.to_string())).collect()
    }

    #[test]
    fn answers_are_lines_without_their_end() {
        assert_eq!(read(b"123 456\r\n\nnew"), ["123 456", "", "new"]);
    }

    #[test]
    fn an_answer_that_is_too_long_is_empty_and_the_next_one_is_whole() {
        let longest = "x".repeat(ANSWER_LIMIT);
        for length in [ANSWER_LIMIT + 3, 10_000, 100_000] {
            let input = format!("{}\n{longest}\n42\n", "y".repeat(length));
            assert_eq!(read(input.as_bytes()), ["", &longest, "42"], "{length}");
        }
    }

    #[test]
    fn an_answer_that_is_no_text_is_empty() {
        assert_eq!(read(b"\xff\xfe\n42\n"), ["", "42"]);
    }

    #[test]
    fn the_end_of_input_is_no_answer() {
        let error = read_line(&mut io::empty()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
