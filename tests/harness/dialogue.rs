//! A dialogue on a terminal: a program on a pseudo-terminal of its own, read and answered like by a person.
//!
//! Every wait has a limit. The program ends when the dialogue is dropped.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The terminal of most people: 80 columns, 24 rows.
const WINDOW: Winsize = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };

/// A program on its own terminal.
pub struct Dialogue {
    terminal: Option<File>,
    heard: Receiver<Vec<u8>>,
    exit: Receiver<ExitStatus>,
    pid: Pid,
    /// Everything the terminal showed, without carriage returns.
    shown: String,
    /// How much of `shown` earlier calls of `expect` have taken.
    taken: usize,
    /// Bytes of a character that is not complete yet.
    partial: Vec<u8>,
}

impl Dialogue {
    /// Starts the program with a new pseudo-terminal as its controlling terminal.
    ///
    /// # Errors
    /// When there is no pseudo-terminal or the program cannot be started.
    pub fn start(program: &[&str]) -> Result<Self> {
        let pair = openpty(&WINDOW, None).context("no pseudo-terminal")?;
        let terminal = File::from(pair.master);
        let theirs = File::from(pair.slave);
        let mut child = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .args(program)
            .env("TERM", "xterm")
            .stdin(Stdio::from(theirs.try_clone()?))
            .stdout(Stdio::from(theirs.try_clone()?))
            .stderr(Stdio::from(theirs))
            .spawn()
            .with_context(|| format!("starting {program:?}"))?;
        let pid = Pid::from_raw(child.id().try_into()?);
        let (tell_exit, exit) = channel();
        thread::spawn(move || child.wait().map(|status| tell_exit.send(status)));
        let heard = listen(terminal.try_clone()?);
        let (shown, partial) = (String::new(), Vec::new());
        Ok(Self { terminal: Some(terminal), heard, exit, pid, shown, taken: 0, partial })
    }

    /// Waits until the terminal shows `text`, and returns what it showed since the last call up to and with it.
    ///
    /// # Errors
    /// When `text` does not appear within `limit`, or the program ends without it; both show the dialogue so far.
    pub fn expect(&mut self, text: &str, limit: Duration) -> Result<String> {
        let until = Instant::now() + limit;
        loop {
            let fresh = self.shown.get(self.taken..).unwrap_or_default();
            if let Some(at) = fresh.find(text) {
                let seen = fresh.get(..at + text.len()).unwrap_or_default().to_owned();
                self.taken += seen.len();
                return Ok(seen);
            }
            match self.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => bail!("no {text:?} within {limit:?} in:\n{}", self.shown),
                Err(RecvTimeoutError::Disconnected) => bail!("ended without {text:?}:\n{}", self.shown),
            }
        }
    }

    /// Types a line and the enter key.
    ///
    /// # Errors
    /// When the program has gone.
    pub fn send_line(&mut self, line: &str) -> Result<()> {
        self.send(format!("{line}\r").as_bytes())
    }

    /// Types raw bytes, such as 0x03 for Ctrl-C.
    ///
    /// # Errors
    /// When the program has gone.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let terminal = self.terminal.as_mut().context("the terminal was closed")?;
        terminal.write_all(bytes).context("typing into a program that has gone")
    }

    /// Returns everything the terminal showed until the last call that waited.
    #[must_use]
    pub fn transcript(&self) -> &str {
        &self.shown
    }

    /// Waits for the end of the program and returns its exit code; a program killed by signal n gives 128 + n.
    ///
    /// # Errors
    /// When it has not ended within `limit`.
    pub fn exit_status(&mut self, limit: Duration) -> Result<i32> {
        let until = Instant::now() + limit;
        while let Ok(bytes) = self.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.take(&bytes);
        }
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        let status = self.exit.recv_timeout(left);
        let status = status.with_context(|| format!("still running after {limit:?}:\n{}", self.shown))?;
        Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
    }

    /// Cuts the line as a lost connection does: the program is killed and nothing more is said by it.
    pub fn cut(mut self) {
        self.end();
    }

    /// Kills the process group of the program's session and closes the terminal.
    fn end(&mut self) {
        // setsid leads the process group unless it had to fork; either way the terminal's hang-up ends the rest.
        let _ = kill(self.pid, Signal::SIGKILL);
        self.terminal = None;
    }

    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let complete = match std::str::from_utf8(&self.partial) {
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            Ok(_) | Err(_) => self.partial.len(),
        };
        let rest = self.partial.split_off(complete);
        self.shown.push_str(&String::from_utf8_lossy(&self.partial).replace('\r', ""));
        self.partial = rest;
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads the terminal until its last holder closes it; the receiver sees the end as a closed channel.
fn listen(mut terminal: File) -> Receiver<Vec<u8>> {
    let (tell, heard) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = terminal.read(&mut buffer) {
            let bytes = buffer.get(..count).unwrap_or_default().to_vec();
            if tell.send(bytes).is_err() {
                break;
            }
        }
    });
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn a_program_is_read_and_answered() {
        let mut dialogue =
            Dialogue::start(&["sh", "-c", "read -p 'name: ' n; echo \"hello $n\"; exit 7"]).unwrap();
        dialogue.expect("name: ", SOON).unwrap();
        dialogue.send_line("ann").unwrap();
        assert!(dialogue.expect("hello ann", SOON).unwrap().starts_with("ann"), "the terminal echoes");
        assert_eq!(dialogue.exit_status(SOON).unwrap(), 7);
    }

    #[test]
    fn what_never_comes_is_an_error_that_shows_the_dialogue() {
        let mut dialogue = Dialogue::start(&["echo", "something else"]).unwrap();
        let error = dialogue.expect("never", SOON).unwrap_err().to_string();
        assert!(error.contains("something else"), "{error}");
    }

    #[test]
    fn waiting_ends_at_the_limit() {
        let mut dialogue = Dialogue::start(&["cat"]).unwrap();
        assert!(dialogue.expect("never", Duration::from_millis(50)).is_err());
    }
}
