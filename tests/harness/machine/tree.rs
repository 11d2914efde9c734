//! The file tree of a machine: made once from Debian's registry, kept as one tar, unpacked for each machine.
//!
//! The tar is named by the hash of what it is made of, so a changed list makes a new one. Trees of processes that died
//! without cleaning up are removed by whoever unpacks next.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// What a machine has on top of Debian's minimal base: the parts that a login goes through, and what the tests call.
const PACKAGES: [&str; 25] = [
    "cron",
    "curl",
    "dbus",
    "iproute2",
    "kannel",
    "kannel-extras",
    "libpam-runtime",
    "libpam-systemd",
    "libsasl2-modules",
    "login",
    "oathtool",
    "openssh-client",
    "openssh-server",
    "openssl",
    "pamtester",
    "passwd",
    "polkitd",
    "postfix",
    "procps",
    "sasl2-bin",
    "sudo",
    "systemd-sysv",
    "tcpdump",
    "tmux",
    "vsftpd",
];

/// What a package would start at boot and only few tests need: whoever needs it starts it.
const AT_REST: [&str; 2] = ["kannel.service", "postfix.service"];

/// Texts that no test reads; leaving them out halves the tar.
const LEFT_OUT: [&str; 3] = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];

/// Tells trees of one process apart.
static SERIAL: AtomicU32 = AtomicU32::new(0);

/// An unpacked tree; removed when dropped.
pub(super) struct Tree(PathBuf);

impl Tree {
    /// Unpacks a fresh tree with `more` packages than every machine has, making the tar first where there is none.
    pub(super) fn unpack(more: &[&str]) -> Result<Self> {
        let folder = folder();
        let tar = cached(&folder, more)?;
        let running = folder.join("running");
        sweep(&running);
        let name = format!("{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let tree = Self(running.join(name));
        fs::create_dir_all(&tree.0).with_context(|| format!("making {}", tree.0.display()))?;
        let unpack = ["--extract", "--same-permissions", "--numeric-owner", "--xattrs", "--xattrs-include=*"];
        run(Command::new("tar").args(unpack).arg("--directory").arg(&tree.0).arg("--file").arg(tar))?;
        Ok(tree)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.0) {
            eprintln!("left behind: {}: {e}", self.0.display());
        }
    }
}

/// Returns `target/machine`.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")).join("machine")
}

/// Returns the tar, made by one process while others wait for it.
fn cached(folder: &Path, more: &[&str]) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let suite = suite();
    let packages = [PACKAGES.as_slice(), more].concat();
    let tar = folder.join(format!("{}.tar", name(&suite, &packages)));
    let lock = File::create(folder.join("lock")).context("lock of the machine trees")?;
    lock.lock().context("lock of the machine trees")?;
    if !tar.exists() {
        make(&suite, &packages, &tar)?;
    }
    Ok(tar)
}

/// The suite of the host where it is a Debian, because the package is built against the host's libraries.
fn suite() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value =
        |key: &str| release.lines().find_map(|line| line.strip_prefix(key)).map(|v| v.trim_matches('"'));
    match (value("ID="), value("VERSION_CODENAME=")) {
        (Some("debian"), Some(suite)) => suite.to_owned(),
        _ => "bookworm".to_owned(),
    }
}

fn name(suite: &str, packages: &[&str]) -> String {
    let digest = Sha256::digest(format!("{suite} {packages:?} {AT_REST:?} {LEFT_OUT:?}"));
    let hash = digest.first_chunk().map_or(0, |head| u64::from_be_bytes(*head));
    format!("debian-{suite}-{hash:016x}")
}

/// Makes the tar beside its place and moves it there, so that a broken attempt is never taken for one.
fn make(suite: &str, packages: &[&str], tar: &Path) -> Result<()> {
    eprintln!("making a Debian {suite} tree (about a minute, kept under target/machine)");
    let unfinished = tar.with_extension("unfinished.tar");
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", "900", "mmdebstrap", "--quiet", "--variant=minbase"]);
    command.arg(format!("--include={}", packages.join(",")));
    command.arg("--dpkgopt=force-unsafe-io");
    command.arg(format!("--customize-hook=chroot \"$1\" systemctl disable --quiet {}", AT_REST.join(" ")));
    command.args(LEFT_OUT.map(|path| format!("--dpkgopt=path-exclude={path}")));
    command.arg(suite).arg(&unfinished).args(mirror());
    run(&mut command)?;
    fs::rename(&unfinished, tar).context("keeping the tree")
}

/// The host's own Debian sources, so that a local mirror is used where one is set up; else mmdebstrap's default.
fn mirror() -> Option<PathBuf> {
    let candidates = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"].map(PathBuf::from);
    let names_debian = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains("debian"));
    candidates.into_iter().find(names_debian)
}

/// Removes trees whose process is gone.
fn sweep(running: &Path) {
    let entries = fs::read_dir(running).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name.to_string_lossy().split('-').next().map(|pid| Path::new("/proc").join(pid));
        if owner.is_some_and(|process| !process.exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    Ok(())
}
