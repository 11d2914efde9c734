//! What `cargo xtask demo` shows: first and second logins by ssh on a machine of its own, of a newcomer with an
//! authenticator app and of one who uses e-mail only.
//!
//! On a terminal the newcomer is whoever sits there, with a stand-in phone and the mails beside the login; otherwise the
//! logins are played. Leaves nothing behind, also when interrupted.

mod interactive;
mod scripted;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use countersign_tests::machine::{Machine, Options};
use countersign_tests::mail::{PostOffice, Way};
use countersign_tests::site;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// A newcomer with a phone.
const ADA: Newcomer = Newcomer { name: "ada", password: "analytical-engine" };
/// A newcomer without one, whose address the administrator put on file.
const GRACE: Newcomer = Newcomer { name: "grace", password: "harvard-mark-one" };
/// Where grace gets her mail.
const GRACES_ADDRESS: &str = "grace@example.org";

/// Somebody who has a password and no second factor yet.
struct Newcomer {
    name: &'static str,
    password: &'static str,
}

/// Everybody needs a code, and sets it up at the first login.
const CONFIGURATION: &str = r#"
organization = "Countersign demo"
help = "the person who started this demo"

[[policy]]
name = "by e-mail"
users = ["grace"]
require = "always"
methods = ["email", "backup"]
enroll = "at-login"
contacts = "on-file"

[[policy]]
name = "newcomers"
require = "always"
enroll = "at-login"

[default]
require = "enrolled"
"#;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let shown = match words.as_slice() {
        [] if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => show(interactive::play),
        [] | ["--script"] => show(scripted::play),
        ["phone", record, mail] => interactive::phone(record.as_ref(), mail.into()),
        _ => Err(anyhow!("usage: countersign-demo [--script]")),
    };
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Boots the machine, has the logins played, and takes everything away again.
fn show(play: fn(&Machine, &PostOffice) -> Result<()>) -> Result<()> {
    let interrupted = Interruption::watch()?;
    eprintln!("booting a Debian machine with the package installed …");
    let machine = Machine::boot(&Options::with_built_package()?)?;
    interrupted.ends(machine.leader())?;
    for Newcomer { name, password } in [ADA, GRACE] {
        machine.add_user(name, password, &[])?;
        // No message of the day between the dialogue and the shell.
        machine.write_file(&format!("/home/{name}/.hushlogin"), "", 0o644)?;
    }
    // Of GECOS, only root can write the last part.
    machine.run_ok(&["usermod", "--comment", &format!("Grace,,,,{GRACES_ADDRESS}"), GRACE.name])?;
    let office = PostOffice::open(&machine)?;
    site::switch_on(&machine, &format!("{CONFIGURATION}{}", office.settings(Way::Tls)))?;
    play(&machine, &office)
}

/// Ctrl-C and its like: they end the machine, whereupon what waits for it fails, and everything is cleared up on the way out.
struct Interruption {
    came: Receiver<()>,
}

impl Interruption {
    /// Keeps the signals from ending this program where it stands; handlers, unlike a mask, are not inherited by children.
    fn watch() -> Result<Self> {
        let (tell, came) = channel();
        let runtime = Builder::new_current_thread().enable_io().build().context("waiting for signals")?;
        let entered = runtime.enter();
        let [mut interrupt, mut terminate, mut hang_up] = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ];
        drop(entered);
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => (), _ = hang_up.recv() => () }
            });
            tell.send(())
        });
        Ok(Self { came })
    }

    /// Ends the machine when a signal comes, or says that one came already.
    fn ends(self, leader: Pid) -> Result<()> {
        ensure!(self.came.try_recv().is_err(), "interrupted");
        thread::spawn(move || self.came.recv().map(|()| kill(leader, Signal::SIGKILL)));
        Ok(())
    }
}
