//! A whole service for one test: the built binary in a folder of its own, and people with a phone.
//!
//! Owns starting and ending the process and the client's side of both doors. Nothing of the host is changed.

#![expect(dead_code, reason = "each test file uses its part of the harness")]

pub(crate) mod bus;
pub(crate) mod past;
pub(crate) mod world;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_core::account::{Account, AccountKey, Realm, UserName};
use countersign_core::factor::totp::{Totp, TotpParameters};
use countersign_core::factor::{Factor, FactorId, FactorKind, FactorState, Label};
use countersign_core::secret::Secret;
use countersign_core::time::WallTime;
use countersign_protocol::frame::framed;
use countersign_protocol::proxies::{Begun, ConversationProxy, LoginProxy};
use countersign_protocol::step::WireStep;
use countersignd::host::entropy::SystemEntropy;
use countersignd::store::sealing::WrappingKey;
use countersignd::store::sqlite::Sqlite;
use countersignd::store::{Change, Store as _};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};
use zbus::{Connection, Variant};

/// The key of the test's store.
const KEY: [u8; 32] = *b"a key of a test and of none else";
/// How long the service may take to listen.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A folder with a service in it.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    child: Option<Child>,
}

/// A phone with an authenticator app: computes codes by itself, as RFC 6238 says.
pub(crate) struct Phone {
    app: totp_rs::Totp,
}

impl Phone {
    pub(crate) fn with(secret: &[u8]) -> Self {
        let app = totp_rs::Builder::new().with_skew(0).with_secret(secret.to_vec()).build_noncompliant();
        Self { app }
    }

    pub(crate) fn code(&self) -> String {
        self.code_at(wall())
    }

    pub(crate) fn code_at(&self, at: WallTime) -> String {
        self.app.generate(at.as_seconds()).to_string()
    }
}

/// The wall time.
pub(crate) fn wall() -> WallTime {
    WallTime::from_seconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

/// The name of who runs the test: a person that the name service knows on every machine.
pub(crate) fn own_name() -> String {
    nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name
}

impl House {
    /// Makes the folder with a configuration that ends with `rules`; nothing runs yet.
    pub(crate) fn build(rules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o700)).unwrap();
        let key = root.join("store-key");
        fs::write(&key, KEY).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(root.join("state")).unwrap();
        fs::set_permissions(root.join("state"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir(root.join("stamp")).unwrap();
        let house = Self { folder, child: None };
        house.configure(rules);
        house
    }

    pub(crate) fn configure(&self, rules: &str) {
        self.put_at_the_top("", rules);
    }

    /// Writes a configuration that begins with `top`, before its first section.
    pub(crate) fn put_at_the_top(&self, top: &str, rules: &str) {
        let text = format!(
            "{top}[store]\nurl = \"sqlite://{}\"\nkey_file = \"{}\"\n\n{rules}",
            self.database().display(),
            self.path("store-key").display()
        );
        fs::write(self.path("countersign.toml"), text).unwrap();
        fs::set_permissions(self.path("countersign.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("state").join("countersign.db")
    }

    /// The key of the store.
    pub(crate) fn key() -> WrappingKey {
        WrappingKey::new(Secret::new(KEY))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("login.sock")
    }

    /// Gives a person an authenticator; tells the phone's half of it. The service must not run.
    pub(crate) async fn seed(&self, name: &str) -> Phone {
        self.seed_with(name, |_| ()).await
    }

    /// Gives a person an authenticator and what else `shape` puts into the account. The service must not run.
    pub(crate) async fn seed_with(&self, name: &str, shape: impl FnOnce(&mut Account)) -> Phone {
        let machine_id = fs::read_to_string("/etc/machine-id").unwrap();
        let realm = Realm::try_from(format!("local:{}", machine_id.trim())).unwrap();
        let key = AccountKey { realm, name: UserName::try_from(name).unwrap() };
        let mut account = Account::new(key, &mut SystemEntropy);
        let totp = Totp::generate(TotpParameters::default(), &mut SystemEntropy);
        let phone = Phone::with(totp.secret.expose());
        account.factors.push(Factor {
            id: FactorId::random(&mut SystemEntropy),
            label: Label::try_from("phone").unwrap(),
            state: FactorState::Active { since: wall() },
            last_used: None,
            kind: FactorKind::Totp(totp),
        });
        account.changed = wall();
        shape(&mut account);
        let store = Sqlite::open(&self.database(), Self::key()).await.unwrap();
        let results = store
            .commit(vec![Change { account: Some(account), events: Vec::new(), ..Change::default() }])
            .await
            .unwrap();
        assert!(results.iter().all(Result::is_ok));
        phone
    }

    /// The command that starts the service.
    pub(crate) fn command(&self, bus: Option<&Path>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersignd"));
        command.arg("--config").arg(self.path("countersign.toml"));
        command.arg("--socket").arg(self.socket());
        command.arg("--bus").arg(bus.unwrap_or_else(|| Path::new("none")));
        command.args(["--trust-uid", &nix::unistd::getuid().to_string()]);
        let folders = std::env::join_paths([self.path("state"), self.path("stamp")]).unwrap();
        command.env_clear().env("STATE_DIRECTORY", folders).stdin(Stdio::null());
        command
    }

    /// Starts the service and waits until it listens.
    pub(crate) async fn start(&mut self, bus: Option<&Path>) {
        self.start_by(self.command(bus)).await;
    }

    /// Starts the service by a command of [`House::command`] and waits until it listens.
    pub(crate) async fn start_by(&mut self, mut command: Command) {
        self.child = Some(command.spawn().unwrap());
        let begun = Instant::now();
        while UnixStream::connect(self.socket()).await.is_err() {
            assert!(begun.elapsed() < START_LIMIT, "the service does not listen");
            assert!(self.child.as_mut().unwrap().try_wait().unwrap().is_none(), "the service ended");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The process id of the service.
    pub(crate) fn pid(&self) -> nix::unistd::Pid {
        let id = self.child.as_ref().unwrap().id();
        nix::unistd::Pid::from_raw(i32::try_from(id).unwrap())
    }

    /// Asks the service to end, and waits.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        nix::sys::signal::kill(self.pid(), nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.take().unwrap().wait().unwrap()
    }

    /// Kills the service in mid-flight.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Connects to the own socket, as the PAM module does.
    pub(crate) async fn connect(&self) -> Connection {
        connect(&self.socket()).await
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Connects to a socket of the service.
pub(crate) async fn connect(socket: &Path) -> Connection {
    let stream = UnixStream::connect(socket).await.unwrap();
    zbus::connection::Builder::socket(framed(stream)).p2p().build().await.unwrap()
}

/// The context of a login over ssh from an address.
pub(crate) fn over_ssh(from: &str) -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([
        ("service", Variant::from("sshd")),
        ("phase", Variant::from("auth")),
        ("tty", Variant::from("ssh")),
        ("ssh_connection", Variant::from(format!("{from} 50000 192.0.2.1 22"))),
    ])
}

/// Begins a login.
pub(crate) async fn begin(connection: &Connection, user: &str) -> zbus::Result<Begun> {
    let login = LoginProxy::builder(connection).destination("org.countersign1").build().await?;
    login.begin(user, over_ssh("198.51.100.7")).await
}

/// Answers a conversation.
pub(crate) async fn answer(connection: &Connection, begun: &Begun, text: &str) -> zbus::Result<WireStep> {
    let conversation = ConversationProxy::builder(connection).path(begun.0.clone()).build().await?;
    conversation.answer(text).await
}

/// The name of a D-Bus error.
pub(crate) fn error_name(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, ..) => name.to_string(),
        zbus::Error::FDO(error) => zbus::DBusError::name(&**error).to_string(),
        other => panic!("not an error of the service: {other}"),
    }
}
