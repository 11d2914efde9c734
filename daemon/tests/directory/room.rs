//! A room in which libc has the scripted backend: a mount namespace, entered by running the test's own program again.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

/// Where the program that was run again finds the room.
const ROOM: &str = "COUNTERSIGN_TEST_ROOM";

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
local:x:4242:4242::/:/bin/sh
stray:x:4243:4343::/:/bin/sh
";
const GROUP: &str = "root:x:0:\nlocals:x:4242:\n";
const SWITCH: &str = "files scripted";

/// Puts the room's files over those of the host, for this process and its children.
const ENTER: &str = r#"
for file in passwd group nsswitch.conf; do mount --bind "$0/$file" "/etc/$file" || exit 125; done
exec "$@""#;

/// The room; its files are the test's to change.
pub(crate) struct Room {
    folder: PathBuf,
}

impl Room {
    /// Enters the room. Outside of it the test is run again inside, has to succeed, and there is nothing more to do.
    pub(crate) fn enter(test: &str) -> Option<Self> {
        if let Some(folder) = std::env::var_os(ROOM) {
            return Some(Self { folder: folder.into() });
        }
        let folder = tempfile::tempdir().unwrap();
        build(&folder);
        let user = if nix::unistd::getuid().is_root() { &[] } else { ["--map-root-user"].as_slice() };
        let can_enter =
            Command::new("unshare").args(user).args(["--mount", "true"]).status().unwrap().success();
        if !can_enter && !nix::unistd::getuid().is_root() {
            eprintln!("left out: this kernel gives mount namespaces to root only");
            return None;
        }
        let room = folder.path();
        let output = Command::new("unshare")
            .args(user)
            .args(["--mount", "sh", "-c", ENTER])
            .arg(room)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(ROOM, room)
            .env("LD_LIBRARY_PATH", library_path(room))
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        assert!(out.contains("1 passed"), "no test of that name: {out}");
        eprint!("{err}");
        None
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where the backend is looked for.
    pub(crate) fn library(&self) -> OsString {
        library_path(&self.folder)
    }

    /// Tells the backend what to do from now on.
    pub(crate) fn script(&self, script: &str) {
        let new = self.path("script.new");
        fs::write(&new, script).unwrap();
        fs::rename(new, self.path("script")).unwrap();
    }

    /// Chooses the backends. In place: the file is mounted.
    pub(crate) fn switch(&self, backends: &str) {
        fs::write(self.path("nsswitch.conf"), format!("passwd: {backends}\ngroup: {backends}\n")).unwrap();
    }

    /// Waits until look-ups that hung have seen a new script.
    pub(crate) async fn hung_look_ups_return(&self) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// Takes connections on a socket, and answers on none, as a stopped service.
    pub(crate) fn listen_on(&self, name: &str) -> Service {
        let service = self.answer_on(name);
        service.stop();
        service
    }

    /// Answers on a socket as SSSD does.
    pub(crate) fn answer_on(&self, name: &str) -> Service {
        let listener = UnixListener::bind(self.path(name)).unwrap();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let is_stopped = Arc::clone(&is_stopped);
            move || serve(&listener, &is_stopped)
        });
        Service { is_stopped, _thread: thread }
    }
}

/// What answers on the socket of a backend, until it is stopped; then it takes connections and says nothing.
pub(crate) struct Service {
    is_stopped: Arc<AtomicBool>,
    _thread: JoinHandle<()>,
}

impl Service {
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }
}

fn serve(listener: &UnixListener, is_stopped: &AtomicBool) {
    let mut held = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut question = [0; 20];
        while !is_stopped.load(Ordering::SeqCst) && stream.read_exact(&mut question).is_ok() {
            if stream.write_all(&question).is_err() {
                break;
            }
        }
        held.push(stream);
    }
}

fn build(folder: &TempDir) {
    let room = folder.path();
    for (name, text) in [("passwd", PASSWD), ("group", GROUP), ("script", "")] {
        fs::write(room.join(name), text).unwrap();
    }
    let inside = Room { folder: room.to_owned() };
    inside.switch(SWITCH);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/directory/libnss_scripted.c");
    let script = format!("-DSCRIPT=\"{}\"", room.join("script").display());
    let compiled = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", &script, "-o"])
        .arg(room.join("libnss_scripted.so.2"))
        .arg(source)
        .status()
        .unwrap();
    assert!(compiled.success(), "the backend does not compile");
}

/// The room first, then where this program's own libraries are looked for.
fn library_path(room: &Path) -> OsString {
    let mut paths = vec![room.to_owned()];
    paths.extend(std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths));
    std::env::join_paths(paths).unwrap()
}
