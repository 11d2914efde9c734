//! `countersign policy check`: every error of a configuration file at once, found here, without the service; the name
//! service alone is asked.
//!
//! The file need not be the one in force, nor trusted: nothing is made of it but a list of mistakes.

use std::path::PathBuf;

use clap::Args;
use countersign_config::{check, check_with};

use crate::commands::Context;
use crate::exit::Failure;
use crate::mistakes;
use crate::name_service::NameService;

/// The file that the service reads.
const MAIN_FILE: &str = "/etc/countersign/countersign.toml";
/// The folder whose files the service reads after it.
const DROP_INS: &str = "/etc/countersign/policy.d";

/// Check a configuration file
///
/// Shows every error, warning and note with file, line and column, and what to write instead. Exits with 1 if there is
/// an error. Without FILE the installed configuration is checked, with its drop-ins. Users and groups that this host does not
/// know are warned of; a name service that takes longer than two seconds is not waited for.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign policy check
  countersign policy check new.toml --drop-ins /etc/countersign/policy.d
  countersign policy check fleet.toml --no-names")]
pub(crate) struct Check {
    /// The file
    file: Option<PathBuf>,
    /// A folder of drop-ins to check with it; with the installed file, the installed ones
    #[arg(long, value_name = "DIR")]
    drop_ins: Option<PathBuf>,
    /// Look no users and groups up, as for a file that is meant for other hosts
    #[arg(long)]
    no_names: bool,
}

impl Check {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let drop_ins = self.drop_ins.or_else(|| self.file.is_none().then(|| DROP_INS.into()));
        let file = self.file.unwrap_or_else(|| MAIN_FILE.into());
        let diagnostics = if self.no_names {
            check(&file, drop_ins.as_deref())
        } else {
            let names = NameService::begin();
            let diagnostics = check_with(&file, drop_ins.as_deref(), &names);
            if names.is_late() && !context.output.is_json() {
                context
                    .output
                    .note("The name service did not answer in time: not every user and group was looked up.");
            }
            diagnostics
        };
        mistakes::show(&context.output, &file.display().to_string(), &diagnostics)
    }
}
