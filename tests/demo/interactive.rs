//! The logins by whoever sits at the terminal: ssh on the left, a stand-in phone with its mails on the right, in tmux.
//!
//! The phone scans what the left side shows, as a camera would: it reads the setup key from the screen. Mails it gets from
//! the machine's mail server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_tests::machine::{CLIENT, Machine, SERVER, SSH};
use countersign_tests::mail::{Mailboxes, PostOffice};
use countersign_tests::phone::Phone;
use tempfile::TempDir;

use crate::{ADA, GRACE, GRACES_ADDRESS, Newcomer};

/// Columns of the phone; what is left of 80 holds the QR code.
const PHONE_WIDTH: u8 = 26;
/// Lines of a mail that fit below the code.
const MAIL_LINES: usize = 14;

/// Shows the logins until the person has left all of them.
pub(crate) fn play(machine: &Machine, office: &PostOffice) -> Result<()> {
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
    let words = [myself.as_path(), Path::new("phone"), &record, office.mail.folder()];
    let right = words.map(|word| quoted(&word.to_string_lossy())).join(" ");
    let keep = format!("cat >{}", quoted(&record.to_string_lossy()));
    // The script waits for a key before the first login, so that nothing is shown before it is recorded.
    let start =
        ["-u", "new-session", &left, ";", "set-option", "status", "off", ";", "pipe-pane", "-o", &keep, ";"];
    let width = PHONE_WIDTH.to_string();
    let beside = ["split-window", "-h", "-d", "-l", &width, &right];
    let status = tmux(&[&start[..], &beside].concat()).status().context("starting tmux")?;
    // Also when the terminal was closed and tmux lived on.
    let _ = tmux(&["kill-server"]).output();
    ensure!(status.success(), "tmux: {status}");
    println!("The machine is gone; nothing is left on this host.");
    Ok(())
}

/// The script on the left: all logins, each a real ssh.
fn logins(machine: &Machine) -> String {
    let [ada, grace] = [&ADA, &GRACE].map(|who| ssh(machine, who));
    format!(
        "\
trap 'tmux kill-session' INT
clear
printf '%s\\n' 'You are {}, new on this machine.' \\
    'Your password: {}' \\
    'Scan the QR code with your phone, or let the one' \\
    'on the right do it. Ten backup codes follow: type' \\
    '`saved`. Leave the shell with `exit`.' ''
printf 'Press Enter to log in for the first time. '; read -r _
{ada}
printf '\\nThe second login needs the next code.\\nPress Enter to log in. '; read -r _
{ada}
clear
printf '%s\\n' 'Now you are {}, and have no app at all.' \\
    'Your password: {}' \\
    'The code comes to {GRACES_ADDRESS}:' \\
    'the mail appears on the right.' ''
printf 'Press Enter to log in for the first time. '; read -r _
{grace}
printf '\\nThe second login: another mail.\\nPress Enter to log in. '; read -r _
{grace}
printf '\\nThat was it. Press Enter to end. '; read -r _
tmux kill-session
",
        ADA.name, ADA.password, GRACE.name, GRACE.password
    )
}

/// The words of one login, for the shell.
fn ssh(machine: &Machine, who: &Newcomer) -> String {
    let target = format!("{}@{SERVER}", who.name);
    let words: Vec<&str> =
        ["env", "TERM=xterm"].iter().chain(&SSH).copied().chain(["-b", CLIENT, &target]).collect();
    machine.words(&words).iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// The stand-in phone: shows the code of the account whose setup key appears in the record, and the newest mail, until it
/// is killed.
pub(crate) fn phone(record: &Path, mail: PathBuf) -> Result<()> {
    let mut out = std::io::stdout();
    let mail = Mailboxes::at(mail);
    loop {
        let screen =
            String::from_utf8_lossy(&std::fs::read(record).context("the screen is gone")?).replace('\r', "");
        // The last key counts: `new` at the prompt makes another.
        let shown = match screen.lines().rev().find_map(|line| Phone::from_screen(line).ok()) {
            Some(phone) => format!("{}\n\n  for {} s", phone.code()?, phone.shown_for()?.as_secs()),
            None => "(nothing scanned yet)".to_owned(),
        };
        let mail = match mail.newest()? {
            Some(mail) => lines(&format!("{}\n\n{}", mail.subject, mail.text)),
            None => "  (no mail)".to_owned(),
        };
        // Home, then erase what is left of the last picture.
        let picture = format!("\x1b[H\n  your phone\n\n  {shown}\n\n  your mail\n\n{mail}\x1b[K\x1b[J")
            .replace('\n', "\x1b[K\r\n");
        out.write_all(picture.as_bytes()).and_then(|()| out.flush()).context("the terminal is gone")?;
        // A clock face, not a wait for something.
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Breaks a mail into lines as wide as the phone, as many as it has room for.
fn lines(mail: &str) -> String {
    let mut lines = vec![String::new()];
    for paragraph in mail.lines() {
        for word in paragraph.split_whitespace() {
            let line = lines.last_mut().map(|line| line.chars().count() + 1 + word.chars().count());
            if line.is_some_and(|length| length >= usize::from(PHONE_WIDTH)) {
                lines.push(String::new());
            }
            let Some(line) = lines.last_mut() else { continue };
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
        lines.push(String::new());
    }
    lines.truncate(MAIL_LINES);
    lines.join("\n")
}

/// Quotes a word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
