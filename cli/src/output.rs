//! Where text goes: data on standard output, the rest on standard error, color never alone.
//!
//! Owns the one filter between others' texts and the terminal, and the choice of color. What the texts say belongs to
//! the commands.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use countersign_protocol::step::is_shown;
use serde::Serialize;

use crate::exit::{Exit, Failure};

/// Tells whether a character shows as itself within a line and changes nothing around it: neither what steers a terminal
/// nor what breaks a line or hides (the same as in the audit's canonical encoding).
pub(crate) fn is_plain(character: char) -> bool {
    let is_hidden = matches!(character,
        '\u{200b}' | '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}');
    character != '\n' && is_shown(character) && !is_hidden
}

/// Takes away characters that nobody sees and that turn the direction of writing, and writes a space for each that looks like
/// one: address books and web pages leave them in numbers and addresses.
pub(crate) fn visible(text: &str) -> String {
    let shown = text.chars().filter(|character| {
        !matches!(*character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    });
    let spaces = |character| match character {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    };
    shown.map(spaces).collect()
}

/// Replaces whatever may not reach a terminal, newlines too.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if is_plain(character) { character } else { char::REPLACEMENT_CHARACTER })
        .collect()
}

/// Writes data, followed by a newline.
///
/// # Errors
/// Standard output cannot be written, or its reader has left.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Writes a value for a program.
///
/// # Errors
/// As [`data`].
pub(crate) fn value<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    data(&text)
}

/// When output is colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a piece of text is, where it stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A heading or name.
    Strong,
    /// Something to know.
    Caution,
    /// Something is wrong.
    Bad,
}

impl Tone {
    const fn escape(self) -> &'static str {
        match self {
            Self::Strong => "\u{1b}[1m",
            Self::Caution => "\u{1b}[33m",
            Self::Bad => "\u{1b}[1;31m",
        }
    }
}

/// Which of the two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Data.
    Out,
    /// Everything else.
    Err,
}

/// How this run speaks.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    color: ColorChoice,
    no_color: bool,
}

impl Output {
    /// Takes what the global options say.
    pub(crate) fn new(json: bool, quiet: bool, color: ColorChoice) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { json, quiet, color, no_color }
    }

    /// Tells whether a program reads.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Tells whether only data and failures are wanted.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Tells whether escapes may go to a stream.
    pub(crate) fn colors(&self, stream: Stream) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => !self.no_color && is_terminal(stream),
        }
    }

    /// Colors a text for a stream.
    pub(crate) fn paint(&self, stream: Stream, tone: Tone, text: &str) -> String {
        if self.colors(stream) { format!("{}{text}\u{1b}[0m", tone.escape()) } else { text.to_owned() }
    }

    /// Says on standard error what was done, unless nobody wants to hear.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            // Standard error that cannot be written leaves nobody to tell.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Says on standard error why a command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let text = if self.json { json_failure(failure) } else { self.failure_text(failure) };
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    fn failure_text(&self, failure: &Failure) -> String {
        let help = failure.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        if failure.exit == Exit::Interrupted {
            // Where the person pressed Ctrl-C is in the middle of a line; and it was no error.
            return format!("\n{}{help}", failure.message);
        }
        format!("{} {}{help}", self.paint(Stream::Err, Tone::Bad, "error:"), failure.message)
    }
}

fn json_failure(failure: &Failure) -> String {
    let Failure { exit, message, help, is_of_person: _ } = failure;
    let error =
        serde_json::json!({ "code": exit.code(), "kind": exit.word(), "message": message, "help": help });
    serde_json::json!({ "error": error }).to_string()
}

/// Tells whether a person reads a stream.
pub(crate) fn is_terminal(stream: Stream) -> bool {
    match stream {
        Stream::Out => io::stdout().is_terminal(),
        Stream::Err => io::stderr().is_terminal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_newlines_and_marks_of_direction_do_not_pass() {
        assert_eq!(
            printable("a\u{1b}[31m\r\n\u{7}\u{202e}\u{2028}\u{e0041}ü•"),
            "a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}ü•"
        );
    }

    #[test]
    fn without_color_the_words_are_the_same() {
        let plain = Output::new(false, false, ColorChoice::Never);
        let colored = Output::new(false, false, ColorChoice::Always);
        assert_eq!(plain.paint(Stream::Out, Tone::Bad, "locked"), "locked");
        assert!(colored.paint(Stream::Out, Tone::Bad, "locked").contains("locked"));
    }

    #[test]
    fn a_failure_for_a_program_is_one_object() {
        let failure = Failure::new(Exit::Refused, "No.").with_help("Ask.");
        let value: serde_json::Value = serde_json::from_str(&json_failure(&failure)).unwrap();
        assert_eq!(value["error"]["code"], 1);
        assert_eq!(value["error"]["kind"], "refused");
        assert_eq!(value["error"]["help"], "Ask.");
    }
}
