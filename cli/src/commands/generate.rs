//! `countersign generate`: man pages and completions for packages, made of the same texts as `--help`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;
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
}

impl Generate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        write_all(&self.dir).map_err(|error| {
            let place = crate::output::printable(&self.dir.display().to_string());
            Failure::new(Exit::Refused, format!("{place} cannot be written: {error}."))
        })
    }
}

fn write_all(folder: &Path) -> io::Result<()> {
    let (manual, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&manual)?;
    fs::create_dir_all(&completions)?;
    for (shell, name) in SHELLS {
        fs::write(completions.join(name), script(shell))?;
    }
    clap_mangen::generate_to(args::command(), &manual)?;
    let mut main_page = fs::OpenOptions::new().append(true).open(manual.join("countersign.1"))?;
    ends().to_writer(&mut main_page)
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
        write_all(folder.path()).unwrap();
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
