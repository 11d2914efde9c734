//! What is wrong with a file, where, and what to write instead.
//!
//! Owns the form of a diagnostic, as text (after rustc's) and as data (`--json`), and the limits of what is shown.
//! Leaves to the readers what is wrong. What comes out of a file is shown escaped: a file that somebody sent in to be
//! checked cannot move the cursor of the terminal that shows its mistakes.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::printable::escape;
use crate::source::Source;

/// The most diagnostics that one check reports; the rest is counted.
pub const DIAGNOSTIC_LIMIT: usize = 200;
/// The most characters of an offending text that are shown.
const TEXT_LIMIT: usize = 60;

/// Whether a diagnostic stops the file from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but does what is hardly meant.
    Warning,
    /// The file is right; there is something to know about it.
    Note,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error, warning or note.
    pub severity: Severity,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The column in characters, from 1; 0 where the file as a whole is meant.
    pub column: usize,
    /// The offending text, escaped and cut to a readable length.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
    /// What to write or do instead.
    pub help: Option<String>,
    /// The line of the file around the offending text, with the part that is underlined.
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// A line of a file with an underlined part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, escaped and cut.
    pub line: String,
    /// How many characters come before the underlined ones.
    pub before: usize,
    /// How many characters are underlined, at least 1.
    pub width: usize,
}

impl Diagnostic {
    /// Makes an error about a file as a whole.
    #[must_use]
    pub(crate) fn about_file(file: &Path, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 0,
            column: 0,
            text: String::new(),
            message: message.into(),
            help: Some(help.into()),
            excerpt: None,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let file = escape(&self.file.to_string_lossy());
        let margin = " ".repeat(self.line.to_string().len());
        write!(formatter, "{severity}: {}\n{margin}--> {file}", self.message)?;
        if self.line > 0 {
            write!(formatter, ":{}:{}", self.line, self.column)?;
        }
        if let Some(Excerpt { line, before, width }) = &self.excerpt {
            let underline = "^".repeat(*width);
            write!(formatter, "\n{margin} |\n{} | {line}", self.line)?;
            write!(formatter, "\n{margin} | {:before$}{underline}", "")?;
        }
        if let Some(help) = &self.help {
            write!(formatter, "\n{margin} = help: {help}")?;
        }
        Ok(())
    }
}

/// A place in a file.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    /// The file.
    pub(crate) source: &'a Source,
    /// The bytes of its text.
    pub(crate) span: Range<usize>,
}

/// Collects diagnostics, at most [`DIAGNOSTIC_LIMIT`].
#[derive(Debug, Default)]
pub(crate) struct Findings {
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    left_out: usize,
    /// The PAM services of this host, where they are known: suggestions are taken from them.
    services: Option<Vec<String>>,
}

impl Findings {
    /// Begins on a host with these PAM services.
    pub(crate) fn on_host_with(services: Option<Vec<String>>) -> Self {
        Self { services, ..Self::default() }
    }

    /// Lists the PAM services of this host, where they are known.
    pub(crate) fn services(&self) -> Option<&[String]> {
        self.services.as_deref()
    }

    /// Notes an error at a place.
    pub(crate) fn error(&mut self, place: &Place<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.at(Severity::Error, place, message.into(), help.into());
    }

    /// Notes a warning at a place.
    pub(crate) fn warning(&mut self, place: &Place<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.at(Severity::Warning, place, message.into(), help.into());
    }

    /// Notes what there is to know at a place where nothing is wrong.
    pub(crate) fn remark(&mut self, place: &Place<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.at(Severity::Note, place, message.into(), help.into());
    }

    /// Notes a diagnostic made elsewhere.
    pub(crate) fn note(&mut self, diagnostic: Diagnostic) {
        if self.make_room(diagnostic.severity) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Counts the errors so far, with those that are not shown.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Notes a diagnostic at a place.
    pub(crate) fn at(&mut self, severity: Severity, place: &Place<'_>, message: String, help: String) {
        if !self.make_room(severity) {
            return;
        }
        let Place { source, span } = place;
        let position = source.position(span.start);
        self.diagnostics.push(Diagnostic {
            severity,
            file: source.path.clone(),
            line: position.line,
            column: position.column,
            text: shorten(&source.shown(span)),
            message,
            help: Some(help),
            excerpt: Some(source.excerpt(span)),
        });
    }

    /// Counts a diagnostic and tells whether it is kept; an error takes the place of a milder one, and hides behind none.
    fn make_room(&mut self, severity: Severity) -> bool {
        if severity == Severity::Error {
            self.errors += 1;
        }
        if !self.is_full() {
            return true;
        }
        self.left_out += 1;
        let is_milder = |diagnostic: &Diagnostic| diagnostic.severity != Severity::Error;
        let replaced = self.diagnostics.iter().rposition(is_milder).filter(|_| severity == Severity::Error);
        replaced.map(|index| self.diagnostics.remove(index)).is_some()
    }

    /// Tells whether there is no room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= DIAGNOSTIC_LIMIT
    }

    /// Gives the diagnostics away, those of the main file first, then by file and line, with a last one that counts what
    /// was left out.
    pub(crate) fn into_diagnostics(self, main: &Path) -> Vec<Diagnostic> {
        let Self { mut diagnostics, errors, left_out, services: _ } = self;
        diagnostics.sort_by(|left, right| {
            let key = |found: &Diagnostic| (found.file != main, found.line, found.column, found.severity);
            let [left_key, right_key] = [left, right].map(key);
            left_key
                .0
                .cmp(&right_key.0)
                .then_with(|| left.file.cmp(&right.file))
                .then(left_key.cmp(&right_key))
        });
        if let Some(last) = diagnostics.last().filter(|_| left_out > 0) {
            let message = format!("{left_out} more mistakes are not shown");
            let mut more = Diagnostic::about_file(&last.file, message, "mend these first, then check again");
            more.severity = if errors > 0 { Severity::Error } else { Severity::Warning };
            diagnostics.push(more);
        }
        diagnostics
    }
}

/// Quotes a text out of a file for a message: escaped, cut.
pub(crate) fn shorten(text: &str) -> String {
    let mut kept: String = text.chars().take(TEXT_LIMIT).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    escape(&kept)
}
