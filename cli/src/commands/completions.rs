//! `countersign completions`: scripts that complete this command in a shell.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

use crate::args;
use crate::exit::Failure;

/// Print the script that completes this command in a shell
///
/// The package installs these for bash, zsh and fish already.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign completions bash > /etc/bash_completion.d/countersign")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Failure> {
        Ok(io::stdout().lock().write_all(&script(self.shell))?)
    }
}

/// Writes the script for a shell.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut visible(&args::command()), "countersign", &mut script);
    script
}

/// Leaves out what is hidden: the generators of scripts do not.
fn visible(command: &Command) -> Command {
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    Command::new("countersign")
        .about(command.get_about().cloned().unwrap_or_default())
        .args(arguments.cloned())
        .subcommands(below.cloned())
}
