//! A real PostgreSQL for one test: its own data, certificates and sockets in a folder that goes away.
//!
//! Owns making, starting, breaking and ending the server. Leaves what is asked of it to the tests; knows nothing of
//! Countersign but the files that it ships for databases. The server runs as an unprivileged user, and ends with the
//! test's process, however that ends.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::{User, geteuid};
use tempfile::TempDir;

/// Where Debian puts the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// How long a server may take to start or stop.
const LIMIT: Duration = Duration::from_mins(1);
/// The password of the hosts' role.
pub const PASSWORD: &str = "a password of a test";

/// Settings of a test's server; those of durability are left as they are shipped.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 150
shared_buffers = 32MB
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_ca_file = 'authority.crt'
password_encryption = 'scram-sha-256'
";
/// Who may come in: the test by the socket in its own folder, the hosts by password or certificate.
const ACCESS: &str = "
local   all          all                       trust
local   replication  all                       trust
hostssl all          certified   127.0.0.1/32  cert
host    all          countersign 127.0.0.1/32  scram-sha-256
";

/// A running server.
pub struct Server {
    folder: TempDir,
    programs: PathBuf,
    user: User,
    port: u16,
    more_sockets: Vec<PathBuf>,
    watched: Option<Child>,
}

/// Finds the programs of the newest version on this machine.
#[must_use]
pub fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?;
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(|path| number(path))
        .map(|path| path.join("bin"))
}

/// Tells whether the tests with a server can run; says plainly that they do not, and fails where nothing may be left out.
///
/// # Panics
/// Under `CI=true` without PostgreSQL.
#[must_use]
pub fn is_here() -> bool {
    if programs().is_some() {
        return true;
    }
    let unattended = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!unattended, "PostgreSQL is missing: apt-get install postgresql");
    eprintln!("LEFT OUT: this test needs a PostgreSQL (apt-get install postgresql)");
    false
}

impl Server {
    /// Makes a server and starts it.
    ///
    /// # Errors
    /// When PostgreSQL is missing or does not start.
    pub fn start() -> io::Result<Self> {
        Self::start_with_sockets(&[])
    }

    /// Makes a server that lays its socket into more folders, each writable by the user `postgres`, and starts it.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with_sockets(folders: &[PathBuf]) -> io::Result<Self> {
        let mut server = Self::prepare()?;
        server.more_sockets = folders.to_vec();
        server
            .program(
                "initdb",
                &["--pgdata", "data", "--username=postgres", "--auth=trust", "--encoding=UTF8"],
            )
            .args(["--locale=C.UTF-8", "--no-sync"])
            .run()?;
        server.certify()?;
        server.write("data/pg_hba.conf", ACCESS)?;
        server.configure(SETTINGS)?;
        server.begin()?;
        Ok(server)
    }

    /// Makes a standby of this server, which follows it, and starts it.
    ///
    /// # Errors
    /// When it cannot be copied or does not start.
    pub fn standby(&self) -> io::Result<Self> {
        let mut standby = Self::prepare()?;
        let (from, port) = (self.socket_directory(), self.port.to_string());
        standby
            .program(
                "pg_basebackup",
                &["--pgdata", "data", "--checkpoint=fast", "--no-sync", "--write-recovery-conf"],
            )
            .args(["--username=postgres", "--port", &port, "--host"])
            .arg(from)
            .run()?;
        standby.begin()?;
        Ok(standby)
    }

    /// The folder of the socket.
    #[must_use]
    pub fn socket_directory(&self) -> &Path {
        self.folder.path()
    }

    /// The port, on 127.0.0.1 and in the socket's name.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path of a file of this server, such as `authority.crt`.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The URL by which a role comes in over the socket.
    #[must_use]
    pub fn socket_url(&self, role: &str, database: &str) -> String {
        let (folder, port) = (self.socket_directory().display(), self.port);
        format!("postgresql://{role}@/{database}?host={folder}&port={port}")
    }

    /// Runs SQL as the superuser and returns what it printed.
    ///
    /// # Errors
    /// With what the server said.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        self.psql("postgres", database).args(["--command", sql]).run()
    }

    /// Runs SQL as a role.
    ///
    /// # Errors
    /// With what the server said.
    pub fn sql_as(&self, role: &str, database: &str, sql: &str) -> io::Result<String> {
        self.psql(role, database).args(["--command", sql]).run()
    }

    /// Runs a file of SQL as the superuser.
    ///
    /// # Errors
    /// With what the server said.
    pub fn run_file(&self, database: &str, sql: &str) -> io::Result<()> {
        self.write("statements.sql", sql)?;
        self.psql("postgres", database).args(["--file", "statements.sql"]).run().map(drop)
    }

    /// Adds settings, which hold from the next start or reload on.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, settings: &str) -> io::Result<()> {
        let path = self.path("data/postgresql.conf");
        let text = fs::read_to_string(&path)?;
        fs::write(path, format!("{text}\n{settings}\n"))
    }

    /// Lets the server read its settings again.
    ///
    /// # Errors
    /// When it does not run.
    pub fn reload(&self) -> io::Result<()> {
        self.program("pg_ctl", &["--pgdata", "data", "reload"]).run().map(drop)
    }

    /// Ends the server as a crash does.
    ///
    /// # Errors
    /// When it does not run.
    pub fn crash(&mut self) -> io::Result<()> {
        self.program("pg_ctl", &["--pgdata", "data", "--mode=immediate", "stop"]).run()?;
        self.end();
        Ok(())
    }

    /// Makes a standby the server that takes writes.
    ///
    /// # Errors
    /// When it is none.
    pub fn promote(&self) -> io::Result<()> {
        self.program("pg_ctl", &["--pgdata", "data", "promote"]).run().map(drop)
    }

    /// Starts the server, again after a crash; returns when it takes connections.
    ///
    /// # Errors
    /// When it does not start; its log is in the error.
    pub fn begin(&mut self) -> io::Result<()> {
        // The shell waits for the end of its input, which is the end of this process, and takes the server with it.
        let script =
            "\"$0\" \"$@\" </dev/null >>log 2>&1 & server=$!; read -r end; kill -INT $server; wait $server";
        let port = self.port.to_string();
        let mut command = self.as_user("sh");
        command.args(["-c", script]).arg(self.programs.join("postgres"));
        let folders =
            std::iter::once(self.socket_directory()).chain(self.more_sockets.iter().map(PathBuf::as_path));
        let folders: Vec<_> = folders.map(|folder| folder.display().to_string()).collect();
        command.args(["-D", "data", "-p", &port, "-k", &folders.join(",")]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.watched = Some(command.spawn()?);
        let deadline = Instant::now() + LIMIT;
        let ready = |server: &Self| {
            let host = server.socket_directory().as_os_str();
            server.program("pg_isready", &["--quiet", "--port", &port, "--host"]).arg(host).run().is_ok()
        };
        while !ready(self) {
            if Instant::now() > deadline {
                return Err(failed(&fs::read_to_string(self.path("log")).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn prepare() -> io::Result<Self> {
        let programs = programs().ok_or_else(|| failed("PostgreSQL is missing"))?;
        let user = unprivileged()?;
        let folder =
            tempfile::Builder::new().prefix("pg").permissions(fs::Permissions::from_mode(0o700)).tempdir()?;
        if geteuid().is_root() {
            chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        // Free now; whoever takes it before the server does makes the start fail, which says so.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { folder, programs, user, port, more_sockets: Vec::new(), watched: None })
    }

    /// Makes an authority, another one that nobody trusts, and certificates for the server and for a client.
    fn certify(&self) -> io::Result<()> {
        let script = r#"
            set -e
            new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "$@" 2>/dev/null; }
            new -subj /CN=authority -keyout authority.key -out authority.crt
            new -subj /CN=stranger -keyout stranger.key -out stranger.crt
            signed() {
                new -CA authority.crt -CAkey authority.key -subj "/CN=$1" -addext "basicConstraints=critical,CA:FALSE" \
                    -addext "subjectAltName=DNS:$1" -keyout "$2.key" -out "$2.crt"
            }
            signed localhost server
            signed certified client
            new -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout alone.key -out alone.crt
            chmod 600 *.key
            cp server.crt server.key authority.crt data/
        "#;
        self.as_user("sh").args(["-c", script]).run()?;
        // What a client uses belongs to whoever runs the test.
        for name in ["authority.crt", "stranger.crt", "client.crt", "client.key"] {
            chown(self.path(name), Some(geteuid().as_raw()), None)?;
        }
        Ok(())
    }

    /// Gives the server another certificate, from its next reload on.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn certify_by(&self, name: &str) -> io::Result<()> {
        let script = "cp \"$0.crt\" data/server.crt && cp \"$0.key\" data/server.key";
        self.as_user("sh").args(["-c", script, name]).run()?;
        self.reload()
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.path(name), text)?;
        if geteuid().is_root() {
            chown(self.path(name), Some(self.user.uid.as_raw()), Some(self.user.gid.as_raw()))?;
        }
        Ok(())
    }

    fn psql(&self, role: &str, database: &str) -> Command {
        let mut command = self.program("psql", &["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"]);
        command.args(["--set=ON_ERROR_STOP=1", "--username", role, "--dbname", database]);
        command.args(["--port", &self.port.to_string(), "--host"]).arg(self.socket_directory());
        command
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.as_user(self.programs.join(name));
        command.args(arguments);
        command
    }

    fn as_user(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        if geteuid().is_root() {
            command.uid(self.user.uid.as_raw()).gid(self.user.gid.as_raw());
        }
        command
    }

    fn end(&mut self) {
        let Some(mut watched) = self.watched.take() else { return };
        drop(watched.stdin.take());
        let _ = watched.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// The user that the server runs as: not root, which it refuses.
fn unprivileged() -> io::Result<User> {
    let found = if geteuid().is_root() {
        User::from_name("postgres").ok().flatten().or(User::from_name("nobody").ok().flatten())
    } else {
        User::from_uid(geteuid()).ok().flatten()
    };
    found.ok_or_else(|| failed("there is no unprivileged user"))
}

/// Running a command to its end.
trait Run {
    /// Returns what it printed.
    fn run(&mut self) -> io::Result<String>;
}

impl Run for Command {
    fn run(&mut self) -> io::Result<String> {
        let output = self.output()?;
        let [out, err] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        if output.status.success() {
            return Ok(out);
        }
        Err(failed(&format!("{}: {out}{err}", self.get_program().display())))
    }
}

fn failed(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}
