//! Mistakes of configuration files, as `policy check`, `policy simulate` and `policy reload` show them.

use countersign_config::{Diagnostic, Severity};
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::{Output, Stream, Tone, data, printable, value};

/// How many errors and warnings there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    /// What keeps the files from being used.
    pub(crate) errors: usize,
    /// What is hardly meant.
    pub(crate) warnings: usize,
}

impl Count {
    /// Counts diagnostics.
    pub(crate) fn of(diagnostics: &[Diagnostic]) -> Self {
        let count = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
        Self { errors: count(Severity::Error), warnings: count(Severity::Warning) }
    }

    /// Says it in words.
    pub(crate) fn words(self) -> String {
        let counted = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            many => format!("{many} {what}s"),
        };
        match (self.errors, self.warnings) {
            (0, 0) => "no errors.".to_owned(),
            (0, warnings) => format!("no errors, {}.", counted(warnings, "warning")),
            (errors, 0) => format!("{}.", counted(errors, "error")),
            (errors, warnings) => {
                format!("{}, {}.", counted(errors, "error"), counted(warnings, "warning"))
            }
        }
    }
}

/// Shows diagnostics and how many there are: text for people, one value for programs.
///
/// # Errors
/// There is an error among them, or standard output cannot be written.
pub(crate) fn show(output: &Output, about: &str, diagnostics: &[Diagnostic]) -> Result<(), Failure> {
    let count = Count::of(diagnostics);
    if output.is_json() {
        let Count { errors, warnings } = count;
        value(&json!({ "diagnostics": diagnostics, "errors": errors, "warnings": warnings }))?;
    } else {
        for diagnostic in diagnostics {
            data(&format!("{}\n", painted(output, &diagnostic.to_string())))?;
        }
        output.note(&format!("{}: {}", printable(about), count.words()));
    }
    if count.errors == 0 { Ok(()) } else { Err(Failure::silent(Exit::Refused)) }
}

/// Colors the first word of a diagnostic, as rustc does.
pub(crate) fn painted(output: &Output, text: &str) -> String {
    for (word, tone) in [("error", Tone::Bad), ("warning", Tone::Caution), ("note", Tone::Strong)] {
        if let Some(rest) = text.strip_prefix(word) {
            return format!("{}{rest}", output.paint(Stream::Out, tone, word));
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_counted_in_words() {
        let words = |errors, warnings| Count { errors, warnings }.words();
        assert_eq!(words(0, 0), "no errors.");
        assert_eq!(words(0, 2), "no errors, 2 warnings.");
        assert_eq!(words(1, 0), "1 error.");
        assert_eq!(words(3, 1), "3 errors, 1 warning.");
    }
}
