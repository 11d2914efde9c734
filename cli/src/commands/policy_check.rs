//! `countersign policy check`: every error of a configuration file at once, found here, without the service.
//!
//! The file need not be the one in force, nor trusted: nothing is made of it but a list of mistakes.

use std::path::PathBuf;

use clap::Args;
use countersign_config::check;

use crate::commands::Context;
use crate::exit::Failure;
use crate::mistakes;

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
        mistakes::show(&context.output, &file.display().to_string(), &diagnostics)
    }
}
