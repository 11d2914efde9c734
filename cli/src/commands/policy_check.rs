//! `countersign policy check`: every error of a configuration file at once, found here, without the service.
//!
//! The file need not be the one in force, nor trusted: nothing is made of it but a list of mistakes.

use std::path::PathBuf;

use clap::Args;
use countersign_config::{Diagnostic, Severity, check};
use serde_json::json;

use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::{Output, Stream, Tone, data, printable, value};

/// The file that the service reads.
const MAIN_FILE: &str = "/etc/countersign/countersign.toml";
/// The folder whose files the service reads after it.
const DROP_INS: &str = "/etc/countersign/policy.d";

/// Check a configuration file
///
/// Shows every error, warning and note with file, line and column, and what to write instead. Exits with 1 if there is
/// an error. Without FILE the installed configuration is checked, with its drop-ins.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign policy check
  countersign policy check new.toml --drop-ins /etc/countersign/policy.d")]
pub(crate) struct Check {
    /// The file
    file: Option<PathBuf>,
    /// A folder of drop-ins to check with it; with the installed file, the installed ones
    #[arg(long, value_name = "DIR")]
    drop_ins: Option<PathBuf>,
}

impl Check {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let drop_ins = self.drop_ins.or_else(|| self.file.is_none().then(|| DROP_INS.into()));
        let file = self.file.unwrap_or_else(|| MAIN_FILE.into());
        let diagnostics = check(&file, drop_ins.as_deref());
        let count = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        if context.output.is_json() {
            let answer = json!({ "diagnostics": diagnostics, "errors": errors, "warnings": warnings });
            value(&answer)?;
        } else {
            for diagnostic in &diagnostics {
                data(&format!("{}\n", painted(&context.output, diagnostic)))?;
            }
            context.output.note(&format!(
                "{}: {}",
                printable(&file.display().to_string()),
                verdict(errors, warnings)
            ));
        }
        if errors == 0 { Ok(()) } else { Err(Failure::silent(Exit::Refused)) }
    }
}

/// Colors the first word, as rustc does.
fn painted(output: &Output, diagnostic: &Diagnostic) -> String {
    let text = diagnostic.to_string();
    let (word, tone) = match diagnostic.severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Caution),
        Severity::Note => ("note", Tone::Strong),
    };
    match text.strip_prefix(word) {
        Some(rest) => format!("{}{rest}", output.paint(Stream::Out, tone, word)),
        None => text,
    }
}

fn verdict(errors: usize, warnings: usize) -> String {
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    };
    match (errors, warnings) {
        (0, 0) => "no errors.".to_owned(),
        (0, _) => format!("no errors, {}.", counted(warnings, "warning")),
        (_, 0) => format!("{}.", counted(errors, "error")),
        _ => format!("{}, {}.", counted(errors, "error"), counted(warnings, "warning")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_counted_in_words() {
        assert_eq!(verdict(0, 0), "no errors.");
        assert_eq!(verdict(0, 2), "no errors, 2 warnings.");
        assert_eq!(verdict(1, 0), "1 error.");
        assert_eq!(verdict(3, 1), "3 errors, 1 warning.");
    }
}
