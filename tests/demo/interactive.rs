//! The logins by whoever sits at the terminal: ssh on the left, a stand-in phone on the right, in tmux.
//!
//! The phone scans what the left side shows, as a camera would: it reads the setup key from the screen.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_tests::machine::{CLIENT, Machine, SERVER, SSH};
use countersign_tests::phone::Phone;
use tempfile::TempDir;

use crate::{NAME, PASSWORD};

/// Columns of the phone; what is left of 80 holds the QR code.
const PHONE_WIDTH: &str = "26";

/// Shows the logins until the person has left both.
pub(crate) fn play(machine: &Machine) -> Result<()> {
    let folder = TempDir::new().context("folder of the demo")?;
    let (record, script) = (folder.path().join("screen"), folder.path().join("logins"));
    std::fs::write(&record, "").context("record of the screen")?;
    std::fs::write(&script, logins(machine)).context("script of the logins")?;
    let socket = folder.path().join("tmux");
    let tmux = |arguments: &[&str]| {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(arguments).env_remove("TMUX");
        command
    };
    let left = format!("sh {}", quoted(&script.to_string_lossy()));
    let myself = std::env::current_exe().context("path of the demo")?;
    let right = format!("{} phone {}", quoted(&myself.to_string_lossy()), quoted(&record.to_string_lossy()));
    let keep = format!("cat >{}", quoted(&record.to_string_lossy()));
    // The script waits for a key before the first login, so that nothing is shown before it is recorded.
    let start =
        ["-u", "new-session", &left, ";", "set-option", "status", "off", ";", "pipe-pane", "-o", &keep, ";"];
    let beside = ["split-window", "-h", "-d", "-l", PHONE_WIDTH, &right];
    let status = tmux(&[&start[..], &beside].concat()).status().context("starting tmux")?;
    // Also when the terminal was closed and tmux lived on.
    let _ = tmux(&["kill-server"]).output();
    ensure!(status.success(), "tmux: {status}");
    println!("The machine is gone; nothing is left on this host.");
    Ok(())
}

/// The script on the left: both logins, each a real ssh.
fn logins(machine: &Machine) -> String {
    let target = format!("{NAME}@{SERVER}");
    let ssh: Vec<&str> =
        ["env", "TERM=xterm"].iter().chain(&SSH).copied().chain(["-b", CLIENT, &target]).collect();
    let ssh = machine.words(&ssh).iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    format!(
        "\
clear
printf '%s\\n' 'You are {NAME}, new on this machine.' \\
    'Your password: {PASSWORD}' \\
    'Scan the QR code with your phone, or let the one' \\
    'on the right do it. Ten backup codes follow: type' \\
    '`saved`. Leave the shell with `exit`.' ''
printf 'Press Enter to log in for the first time. '; read -r _
{ssh}
printf '\\nThe second login needs the next code.\\nPress Enter to log in. '; read -r _
{ssh}
printf '\\nThat was it. Press Enter to end. '; read -r _
tmux kill-server
"
    )
}

/// The stand-in phone: shows the code of the account whose setup key appears in the record, until it is killed.
pub(crate) fn phone(record: &Path) -> Result<()> {
    let mut out = std::io::stdout();
    loop {
        let screen =
            String::from_utf8_lossy(&std::fs::read(record).context("the screen is gone")?).replace('\r', "");
        // The last key counts: `new` at the prompt makes another.
        let shown = match screen.lines().rev().find_map(|line| Phone::from_screen(line).ok()) {
            Some(phone) => format!("{}\n\n  for {} s", phone.code()?, phone.shown_for()?.as_secs()),
            None => "(nothing scanned yet)".to_owned(),
        };
        // Home, then erase what is left of the last picture.
        let picture = format!("\x1b[H\n  your phone\n\n  {shown}\x1b[K\x1b[J").replace('\n', "\x1b[K\r\n");
        out.write_all(picture.as_bytes()).and_then(|()| out.flush()).context("the terminal is gone")?;
        // A clock face, not a wait for something.
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Quotes a word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
