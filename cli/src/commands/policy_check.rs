//! `countersign policy check`: every error of a configuration file at once, found here, without the service; the name
//! service alone is asked.
//!
//! The installed files are judged as the service judges them at a start or a reload. Another file need not be trusted:
//! nothing is made of it but a list of mistakes.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign_config::{Diagnostic, Names, Reader, Trust, check, check_installed, check_with};
use nix::unistd::{Gid, User, getgrouplist};

use crate::commands::Context;
use crate::exit::Failure;
use crate::mistakes;
use crate::name_service::NameService;

/// The file that the service reads.
const MAIN_FILE: &str = "/etc/countersign/countersign.toml";
/// The user that the service runs as.
const SERVICE_USER: &str = "countersign";
/// The folder whose files the service reads after it.
const DROP_INS: &str = "/etc/countersign/policy.d";

/// Check a configuration file
///
/// Shows every error, warning and note with file, line and column, and what to write instead. Exits with 1 if there is
/// an error. Without FILE the installed configuration is checked, with its drop-ins, as the service judges it before it
/// starts: also who owns and can write the files, and whether the service can read them and the files that they name. Run it
/// as root to have all of that judged. Users and groups that this host does not know are warned of; a name service that
/// takes longer than two seconds is not waited for.
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
    /// Look up no users, groups and services, and none of the files that FILE names, as for a file that is meant for other
    /// hosts
    #[arg(long)]
    no_names: bool,
}

impl Check {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let file = self.file.clone().unwrap_or_else(|| MAIN_FILE.into());
        let names = (!self.no_names).then(NameService::begin);
        let diagnostics = self.judge(&file, names.as_ref());
        if names.is_some_and(|names| names.is_late()) && !context.output.is_json() {
            context
                .output
                .note("The name service did not answer in time: not every user and group was looked up.");
        }
        mistakes::show(&context.output, &file.display().to_string(), &diagnostics)
    }

    fn judge(&self, file: &Path, names: Option<&NameService>) -> Vec<Diagnostic> {
        let names = names.map(|names| -> &dyn Names { names });
        let drop_ins = self.drop_ins.as_deref();
        if file == Path::new(MAIN_FILE) {
            let drop_ins = drop_ins.unwrap_or(Path::new(DROP_INS));
            return check_installed(file, drop_ins, Trust::Root, &service_user(), names);
        }
        match names {
            Some(names) => check_with(file, drop_ins, &service_user(), names),
            None => check(file, drop_ins),
        }
    }
}

/// Finds the user of the service. Before the package is installed there is none, and the caller's own rights are judged.
fn service_user() -> Reader {
    let Some(user) = User::from_name(SERVICE_USER).ok().flatten() else { return Reader::ThisProcess };
    let groups = CString::new(SERVICE_USER).ok().and_then(|name| getgrouplist(&name, user.gid).ok());
    let groups = groups.unwrap_or_else(|| vec![user.gid]);
    Reader::User { uid: user.uid.as_raw(), groups: groups.into_iter().map(Gid::as_raw).collect() }
}
