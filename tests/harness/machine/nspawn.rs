//! Booting a tree with systemd-nspawn and killing it.
//!
//! The container has a network, process table and control group of its own and is known to no service of the host, so it
//! runs the same in a container, under another init, or beside ten others. It dies with this process, however that ends.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::{NamedTempFile, TempDir};

/// How long a machine may take to boot: two seconds here, much more where many start at once.
const BOOT_LIMIT: Duration = Duration::from_mins(2);

/// How long the supervisor may take to clear up after its machine was killed.
const END_LIMIT: Duration = Duration::from_secs(20);

/// Tells containers of one process apart.
static SERIAL: AtomicU32 = AtomicU32::new(0);

/// A booted container.
pub(super) struct Container {
    name: String,
    supervisor: Pid,
    /// Init inside, in the host's numbering; the supervisor until init is known.
    leader: Pid,
    ended: Receiver<()>,
    groups: Vec<PathBuf>,
    console: NamedTempFile,
}

impl Container {
    /// Boots the tree; returns when its systemd says that the boot is done.
    pub(super) fn boot(tree: &Path) -> Result<Self> {
        let name = format!("countersign-{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let folder = TempDir::new().context("folder of the readiness socket")?;
        let notify = folder.path().join("notify");
        let readiness = UnixDatagram::bind(&notify).context("readiness socket")?;
        let console = NamedTempFile::new().context("console of the machine")?;
        let groups = control_groups(&name)?;
        let command = supervisor(&name, tree, &notify, &groups, &console)?;
        let (supervisor, ended) = keep(command)?;
        let mut container = Self { name, supervisor, leader: supervisor, ended, groups, console };
        container.wait_until_ready(&readiness).with_context(|| container.said())?;
        Ok(container)
    }

    /// The process id of the container's init, in the host's numbering.
    pub(super) fn leader(&self) -> Pid {
        self.leader
    }

    /// The words that run what follows them inside, as root, with a clean environment.
    pub(super) fn enter(&self) -> Vec<String> {
        let leader = self.leader().to_string();
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let words = [
            "nsenter",
            "--target",
            &leader,
            "--all",
            "--wd=/",
            "env",
            "-i",
            path,
            "TERM=dumb",
            "LANG=C.UTF-8",
        ];
        words.map(str::to_owned).to_vec()
    }

    fn wait_until_ready(&mut self, readiness: &UnixDatagram) -> Result<()> {
        let until = Instant::now() + BOOT_LIMIT;
        let mut buffer = [0; 4096];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "not booted within {BOOT_LIMIT:?}");
            // Short waits, so that a supervisor that failed is noticed.
            readiness.set_read_timeout(Some(left.min(Duration::from_millis(250))))?;
            if let Ok(count) = readiness.recv(&mut buffer) {
                let message = String::from_utf8_lossy(buffer.get(..count).unwrap_or_default());
                if let Some(leader) =
                    message.lines().find_map(|line| line.strip_prefix("X_NSPAWN_LEADER_PID="))
                {
                    self.leader = Pid::from_raw(leader.parse()?);
                }
                if message.lines().any(|line| line == "READY=1") && self.leader != self.supervisor {
                    return Ok(());
                }
            }
            ensure!(self.ended.try_recv().is_err(), "systemd-nspawn ended");
        }
    }

    /// What systemd-nspawn and the booting system printed.
    fn said(&self) -> String {
        let said = fs::read(self.console.path()).unwrap_or_default();
        format!("the machine did not boot; its console:\n{}", String::from_utf8_lossy(&said))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Init's death ends every process inside; the supervisor then clears up and ends by itself.
        let _ = kill(self.leader, Signal::SIGKILL);
        if self.ended.recv_timeout(END_LIMIT).is_err() {
            let _ = kill(self.supervisor, Signal::SIGKILL);
            let _ = self.ended.recv_timeout(END_LIMIT);
        }
        self.groups.iter().for_each(|group| remove_group(group));
        let _ = fs::remove_dir(Path::new("/run/systemd/nspawn/propagate").join(&self.name));
    }
}

/// The command that boots: it enters its control groups, binds its life to ours, and becomes systemd-nspawn.
fn supervisor(
    name: &str,
    tree: &Path,
    notify: &Path,
    groups: &[PathBuf],
    console: &NamedTempFile,
) -> Result<Command> {
    let enter_groups =
        r#"while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", enter_groups, "sh"]).args(groups).arg("--");
    command.args([
        "setpriv",
        "--pdeathsig",
        "KILL",
        "systemd-nspawn",
        "--quiet",
        "--boot",
        "--notify-ready=yes",
    ]);
    command.args([
        "--private-network",
        "--register=no",
        "--keep-unit",
        "--link-journal=no",
        "--console=pipe",
    ]);
    command.args(["--resolv-conf=off", "--timezone=off"]);
    command.arg(format!("--machine={name}")).arg("--directory").arg(tree);
    command.env("NOTIFY_SOCKET", notify).stdin(Stdio::null());
    command.stdout(console.reopen()?).stderr(console.reopen()?);
    Ok(command)
}

/// Starts the command on a thread of its own that lives as long as it: a bound life ends with the thread that started it.
fn keep(mut command: Command) -> Result<(Pid, Receiver<()>)> {
    let (tell_start, started) = channel::<std::io::Result<u32>>();
    let (tell_end, ended) = channel();
    thread::spawn(move || {
        let mut child: Option<Child> = None;
        let start = command.spawn().map(|new| child.insert(new).id());
        let _ = tell_start.send(start);
        if let Some(mut child) = child {
            let _ = child.wait();
        }
        let _ = tell_end.send(());
    });
    let id = started.recv().context("keeper of the machine")?.context("starting systemd-nspawn")?;
    Ok((Pid::from_raw(id.try_into()?), ended))
}

/// Makes a control group of our own in each hierarchy that systemd uses, unified or not.
fn control_groups(name: &str) -> Result<Vec<PathBuf>> {
    let root = Path::new("/sys/fs/cgroup");
    let hybrid = [root.join("systemd"), root.join("unified")];
    let roots: Vec<PathBuf> = if root.join("cgroup.controllers").exists() {
        vec![root.to_owned()]
    } else {
        hybrid.into_iter().filter(|hierarchy| hierarchy.join("cgroup.procs").exists()).collect()
    };
    ensure!(!roots.is_empty(), "no control groups under {}", root.display());
    let groups: Vec<PathBuf> = roots.into_iter().map(|hierarchy| hierarchy.join(name)).collect();
    groups.iter().filter_map(|group| group.parent()).for_each(sweep);
    for group in &groups {
        fs::create_dir(group).with_context(|| format!("making the control group {}", group.display()))?;
    }
    Ok(groups)
}

/// Removes the control groups of processes that died without clearing up; their machines died with them.
fn sweep(hierarchy: &Path) {
    for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("countersign-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove_group(&entry.path());
            let _ = fs::remove_dir(Path::new("/run/systemd/nspawn/propagate").join(name));
        }
    }
}

/// Removes a control group from its leaves upward; its processes are dead.
fn remove_group(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_group(&entry.path());
        }
    }
    // A group is busy until its last process is reaped by init; the kernel says so only by failing.
    for _ in 0..100 {
        if fs::remove_dir(group).is_ok() || !group.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    eprintln!("left behind: {}", group.display());
}
