//! `countersign generate`: man pages and completions for packages, made of the same texts as `--help`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::args;
use crate::commands::completions::script;
use crate::exit::{Exit, Failure};

/// The shells that packages carry completions for, with the name that each looks for.
const SHELLS: [(Shell, &str); 3] =
    [(Shell::Bash, "countersign.bash"), (Shell::Zsh, "_countersign"), (Shell::Fish, "countersign.fish")];

/// Write man pages into DIR/man and completions into DIR/completions
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// A folder, made if need be
    dir: PathBuf,
    /// The date that the man pages bear, YYYY-MM-DD
    #[arg(long, default_value = "")]
    date: String,
}

impl Generate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        write_all(&self.dir, &self.date).map_err(|error| {
            let place = crate::output::printable(&self.dir.display().to_string());
            Failure::new(Exit::Refused, format!("{place} cannot be written: {error}."))
        })
    }
}

fn write_all(folder: &Path, date: &str) -> io::Result<()> {
    let (manual, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&manual)?;
    fs::create_dir_all(&completions)?;
    for (shell, name) in SHELLS {
        fs::write(completions.join(name), script(shell))?;
    }
    let mut command = args::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, &manual, date)?;
    let mut main_page = fs::OpenOptions::new().append(true).open(manual.join("countersign.1"))?;
    ends().to_writer(&mut main_page)
}

/// Writes the page of a command and those of its subcommands.
fn write_pages(command: &Command, manual: &Path, date: &str) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        write_pages(subcommand, manual, date)?;
    }
    // The generator's own synopsis leaves out the values of options.
    let page = Man::new(command.clone().override_usage(synopsis(command)));
    let source = format!("Countersign {}", env!("CARGO_PKG_VERSION"));
    page.date(date).source(source).manual("Countersign Manual").generate_to(manual).map(drop)
}

/// Writes how a command is called: its options with their values, its arguments, its subcommands.
fn synopsis(command: &Command) -> String {
    let (required, optional): (Vec<&Arg>, Vec<&Arg>) = command
        .get_arguments()
        .filter(|argument| !argument.is_positional())
        .partition(|option| option.is_required_set());
    let mut words = vec![command.get_bin_name().unwrap_or(command.get_name()).to_owned()];
    words.extend(optional.into_iter().chain(required).chain(command.get_positionals()).filter_map(word));
    if command.has_subcommands() {
        words.push(if command.is_subcommand_required_set() { "COMMAND" } else { "[COMMAND]" }.to_owned());
    }
    words.join(" ")
}

/// Writes an argument, in brackets where it can be left out.
fn word(argument: &Arg) -> Option<String> {
    if argument.is_hide_set() {
        return None;
    }
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> =
        argument.get_short().map(|short| format!("-{short}")).into_iter().chain(long).collect();
    let mut word = names.join("|");
    if argument.get_action().takes_values() {
        let values = argument.get_value_names().unwrap_or_default().join(" ");
        let more = argument.get_num_args().is_some_and(|count| count.max_values() > 1);
        let repeated = more || matches!(argument.get_action(), ArgAction::Append);
        let more = if repeated { "..." } else { "" };
        let is_optional = argument.get_num_args().is_some_and(|count| count.min_values() == 0);
        word = match (argument.is_require_equals_set(), word.is_empty()) {
            (true, _) if is_optional => format!("{word}[={values}]"),
            (true, _) => format!("{word}={values}"),
            (false, true) => format!("{values}{more}"),
            (false, false) => format!("{word} {values}{more}"),
        };
    }
    Some(if argument.is_required_set() { word } else { format!("[{word}]") })
}

/// The sections that only the main page has.
fn ends() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in [
        ("0", "What was asked for is done."),
        ("1", "Refused: by the service, by the policy, by polkit, or because the person gave up."),
        ("2", "The command line is wrong."),
        ("3", "The service is not running, cannot be reached, did not answer in time, or failed."),
        ("130", "Interrupted with Ctrl-C."),
    ] {
        roff.control("TP", []).text([bold(code)]).text([roman(meaning)]);
    }
    roff.control("SH", ["OUTPUT"]).text([roman(
        "Data goes to standard output, everything else to standard error; the dialogues of enroll and remove are held \
         on standard error. With --json the result is one JSON value on standard output, and an error is one object on \
         standard error: {\"error\": {\"code\", \"kind\", \"message\", \"help\"}}. Fields are only ever added. Times are \
         RFC 3339 in UTC.",
    )]);
    roff.control("SH", ["FILES"]).control("TP", []).text([bold("/etc/countersign/countersign.toml")]);
    roff.text([roman("The policy, read by the service; policy check reads it too.")]);
    roff.control("TP", []).text([bold("/run/dbus/system_bus_socket")]);
    roff.text([roman("The system bus, always at this place whatever the environment says.")]);
    roff.control("SH", ["ENVIRONMENT"]).control("TP", []).text([bold("LC_ALL, LC_MESSAGES, LANG")]);
    roff.text([roman("The language of the dialogues, where the service speaks it.")]);
    roff.control("TP", []).text([bold("NO_COLOR")]);
    roff.text([roman("No colors, unless --color always is given.")]);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_gets_a_page_and_every_shell_a_script() {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path(), "2026-11-28").unwrap();
        for page in [
            "countersign",
            "countersign-enroll",
            "countersign-policy-simulate",
            "countersign-store-rotate-key",
        ] {
            let text = fs::read_to_string(folder.path().join(format!("man/{page}.1"))).unwrap();
            assert!(text.contains(".SH SYNOPSIS") && text.contains("Example"), "{page}");
        }
        assert!(!folder.path().join("man/countersign-generate.1").exists());
        let reset = fs::read_to_string(folder.path().join("man/countersign-user-reset.1")).unwrap();
        let reset = reset.replace("\\-", "-");
        assert!(reset.contains("TH countersign-user-reset 1 2026-11-28 \"Countersign"), "{reset}");
        let synopsis = reset.split(".SH").find(|section| section.starts_with(" SYNOPSIS")).unwrap();
        assert!(
            synopsis.contains("countersign user reset") && synopsis.contains("--reason REASON"),
            "{synopsis}"
        );
        assert!(synopsis.contains("[--color WHEN]") && synopsis.trim_end().ends_with("USER"), "{synopsis}");
        for (_, name) in SHELLS {
            let text = fs::read_to_string(folder.path().join("completions").join(name)).unwrap();
            assert!(
                text.contains("rotate-key")
                    && text.contains("simulate")
                    && !text.contains("generate")
                    && !text.contains("--bus"),
                "{name}"
            );
        }
    }
}
