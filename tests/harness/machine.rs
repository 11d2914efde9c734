//! A Debian machine with Countersign on it: real systemd, D-Bus, logind, polkit, sshd, on a network of its own.
//!
//! Owns the machine's life and what tests do in it as root. Making and unpacking its tree is `tree`'s business, booting and
//! killing it `nspawn`'s. Needs root. A machine and everything it put on the host are gone when it is dropped.

mod nspawn;
mod tree;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{Pid, geteuid};

use crate::dialogue::Dialogue;
use nspawn::Container;
use tree::Tree;

/// The address of the machine's sshd: not loopback, because a login from there is not one from elsewhere.
pub const SERVER: &str = "192.0.2.1";
/// The address from which people log in unless told otherwise (RFC 5737).
pub const CLIENT: &str = "198.51.100.7";

/// A client of its own: no configuration, no memory of hosts, a terminal at the other end.
pub const SSH: [&str; 10] = [
    "ssh",
    "-F",
    "none",
    "-tt",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
];

/// How long one command may take.
const COMMAND_LIMIT: &str = "90";

/// What a machine is made of.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The package to install once the machine runs; none leaves it a bare Debian.
    pub package: Option<PathBuf>,
    /// More addresses that people may log in from.
    pub addresses: Vec<String>,
    /// Debian packages that other machines do without: a tree of its own is made and kept for each choice.
    pub debian: Vec<&'static str>,
}

impl Options {
    /// A machine with the package that `cargo xtask deb` built, named by `COUNTERSIGN_DEB`.
    ///
    /// # Errors
    /// When the variable is not set: run the tests by `cargo xtask test`.
    pub fn with_built_package() -> Result<Self> {
        let package = std::env::var_os("COUNTERSIGN_DEB")
            .context("COUNTERSIGN_DEB is not set: run `cargo xtask test`")?;
        Ok(Self { package: Some(package.into()), ..Self::default() })
    }
}

/// A running machine.
pub struct Machine {
    /// Dropped before the tree under it.
    container: Container,
    tree: Tree,
}

impl Machine {
    /// Boots a machine and installs the package in it; returns when all that starts at boot has started.
    ///
    /// # Errors
    /// When not root, when the tree cannot be made (no Debian mirror), when the machine does not come up or a unit failed,
    /// or when the package does not install.
    pub fn boot(options: &Options) -> Result<Self> {
        ensure!(geteuid().is_root(), "booting a machine needs root");
        let tree = Tree::unpack(&options.debian)?;
        let container = Container::boot(tree.path())?;
        let machine = Self { container, tree };
        let state = machine.run(&["systemctl", "is-system-running", "--wait"])?;
        ensure!(
            state.status.success(),
            "the machine did not come up:\n{}",
            machine.run_ok(&["systemctl", "--failed"])?
        );
        for address in [SERVER, CLIENT].into_iter().chain(options.addresses.iter().map(String::as_str)) {
            machine.run_ok(&["ip", "address", "add", address, "dev", "lo"])?;
        }
        if let Some(package) = &options.package {
            machine.install(package)?;
        }
        Ok(machine)
    }

    /// Installs a Debian package from the host, or upgrades to it.
    ///
    /// # Errors
    /// When the file cannot be read or dpkg fails.
    pub fn install(&self, package: &Path) -> Result<()> {
        let bytes = std::fs::read(package).with_context(|| format!("reading {}", package.display()))?;
        self.write_file("/root/package.deb", &bytes, 0o644)?;
        self.run_ok(&["dpkg", "--install", "/root/package.deb"]).map(drop)
    }

    /// Returns the process id of the machine's init on the host; its death is the machine's.
    #[must_use]
    pub fn leader(&self) -> Pid {
        self.container.leader()
    }

    /// Returns where the machine's files lie on the host.
    #[must_use]
    pub fn tree(&self) -> &Path {
        self.tree.path()
    }

    /// Runs a command inside as root.
    ///
    /// # Errors
    /// When it cannot be started; that it fails or takes too long (124) is in the output.
    pub fn run<S: AsRef<OsStr>>(&self, command: &[S]) -> Result<Output> {
        self.command(command).stdin(Stdio::null()).output().context("entering the machine")
    }

    /// Runs a command inside as root and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with all that it printed.
    pub fn run_ok<S: AsRef<OsStr> + std::fmt::Debug>(&self, command: &[S]) -> Result<String> {
        let output = self.run(command)?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
        Ok(out.into_owned())
    }

    /// Runs a command inside as an ordinary user, without a login.
    ///
    /// # Errors
    /// When it cannot be started; that it fails or takes too long (124) is in the output.
    pub fn run_as(&self, user: &str, command: &[&str]) -> Result<Output> {
        self.run(&[as_user(user).as_slice(), command].concat())
    }

    /// Starts a program inside as an ordinary user, without a login, on a terminal.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn dialogue_as(&self, user: &str, command: &[&str]) -> Result<Dialogue> {
        self.dialogue(&[as_user(user).as_slice(), command].concat())
    }

    /// Starts a program inside as root on a terminal.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn dialogue(&self, command: &[&str]) -> Result<Dialogue> {
        let program = self.words(command);
        Dialogue::start(&program.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Returns the words that run a command inside when they are run on the host.
    #[must_use]
    pub fn words(&self, command: &[&str]) -> Vec<String> {
        self.container.enter().into_iter().chain(command.iter().map(|word| (*word).to_owned())).collect()
    }

    /// Logs in by ssh from [`CLIENT`], on a terminal.
    ///
    /// # Errors
    /// When ssh cannot be started.
    pub fn ssh(&self, user: &str) -> Result<Dialogue> {
        self.ssh_with(user, CLIENT, &[])
    }

    /// Logs in by ssh from a chosen address with more options and a command after the host (`["-o", "…"]`, `["--", "id"]`).
    ///
    /// # Errors
    /// When ssh cannot be started.
    pub fn ssh_with(&self, user: &str, from: &str, more: &[&str]) -> Result<Dialogue> {
        let cut = more.iter().position(|word| *word == "--").unwrap_or(more.len());
        let (options, command) = more.split_at(cut);
        let target = format!("{user}@{SERVER}");
        let after = command.iter().copied().skip(1);
        // ssh takes the first of two values: those of the test go before ours.
        let (program, ours) = SSH.split_at(1);
        let ssh = program.iter().chain(options).chain(ours).copied().chain(["-b", from, target.as_str()]);
        self.dialogue(&ssh.chain(after).collect::<Vec<_>>())
    }

    /// Writes a file of root's, making the folders above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(&self, path: &str, contents: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        let mode = format!("{mode:o}");
        let mut command = self.command(&["install", "-D", "-m", &mode, "/dev/stdin", path]);
        let mut child =
            command.stdin(Stdio::piped()).stderr(Stdio::inherit()).spawn().context("entering the machine")?;
        let mut input = child.stdin.take().context("no way in")?;
        input.write_all(contents.as_ref()).with_context(|| format!("writing {path}"))?;
        drop(input);
        ensure!(child.wait()?.success(), "writing {path} failed");
        Ok(())
    }

    /// Reads a file as root.
    ///
    /// # Errors
    /// When it cannot be read or is not text.
    pub fn read_file(&self, path: &str) -> Result<String> {
        self.run_ok(&["cat", "--", path])
    }

    /// Makes a user with a home and a password, member of `groups`.
    ///
    /// # Errors
    /// When the name is taken or a group does not exist.
    pub fn add_user(&self, name: &str, password: &str, groups: &[&str]) -> Result<()> {
        let groups = groups.join(",");
        self.run_ok(&["useradd", "--create-home", "--shell", "/bin/bash", "--groups", &groups, name])?;
        self.write_file("/root/password", format!("{name}:{password}\n"), 0o600)?;
        self.run_ok(&["sh", "-c", "chpasswd </root/password && rm /root/password"]).map(drop)
    }

    /// Returns what the journal holds of one unit or syslog identifier (`-u sshd`, `-t countersignd`).
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn journal(&self, selection: &[&str]) -> Result<String> {
        self.run_ok(&[&["journalctl", "--quiet", "--no-pager", "--output=short-full"], selection].concat())
    }

    /// Polls a condition that no event tells about, every 20 ms.
    ///
    /// # Errors
    /// When it does not hold within `limit`.
    pub fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut(&Self) -> Result<bool>,
    ) -> Result<()> {
        let rounds = limit.as_millis() / 20;
        for _ in 0..=rounds {
            if holds(self)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("{what}: not within {limit:?}")
    }

    /// A command inside, as root, with a time limit and nothing of the host's environment.
    fn command<S: AsRef<OsStr>>(&self, command: &[S]) -> Command {
        let mut entered = Command::new("timeout");
        entered.args(["--kill-after=2", COMMAND_LIMIT]).args(self.container.enter()).args(command);
        entered
    }
}

/// The words that turn root inside into a user, without PAM.
fn as_user(user: &str) -> [&str; 5] {
    ["setpriv", "--reuid", user, "--init-groups", "--reset-env"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "needs root and a Debian mirror: run by `cargo xtask test`"]
    fn a_dropped_machine_leaves_nothing_on_the_host() {
        let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let before = mounts();
        let machine = Machine::boot(&Options::default()).unwrap();
        let (leader, tree) = (machine.leader(), machine.tree().to_owned());
        assert_eq!(machine.run_ok(&["id", "-u"]).unwrap(), "0\n");
        machine.write_file("/root/deep/file", "text", 0o600).unwrap();
        assert_eq!(machine.read_file("/root/deep/file").unwrap(), "text");
        drop(machine);
        assert!(!tree.exists() && !Path::new(&format!("/proc/{leader}")).exists());
        assert_eq!(mounts(), before);
    }
}
