//! A message bus of the test's own, and the client's side of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_protocol::proxies::{
    AdminProxy, Begun, ConversationProxy, HelpdeskProxy, OwnedFacts, SelfServiceProxy,
};
use countersign_protocol::step::WireStep;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};
use zbus::Connection;
use zbus::fdo::{DBusProxy, IntrospectableProxy};

/// How long anything may take to come up.
const LIMIT: Duration = Duration::from_secs(15);

/// A dbus-daemon.
pub(crate) struct Bus {
    folder: PathBuf,
    child: Child,
}

impl Bus {
    /// Starts one that lets everybody call everything, so that the service's own checks are what is tested.
    pub(crate) async fn start(folder: &Path) -> Self {
        let socket = folder.join("bus");
        let _ = fs::remove_file(&socket);
        let config = folder.join("bus.conf");
        let text = format!(
            "<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/>\
             <allow receive_sender=\"*\"/><allow send_type=\"method_call\"/></policy></busconfig>",
            socket.display()
        );
        fs::write(&config, text).unwrap();
        let child = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--nosyslog"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let bus = Self { folder: folder.to_owned(), child };
        let begun = Instant::now();
        while UnixStream::connect(bus.socket()).await.is_err() {
            assert!(begun.elapsed() < LIMIT, "dbus-daemon does not listen");
            sleep(Duration::from_millis(10)).await;
        }
        fs::set_permissions(bus.socket(), fs::Permissions::from_mode(0o666)).unwrap();
        bus
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("bus")
    }

    /// Connects a client.
    pub(crate) async fn connect(&self) -> Connection {
        let stream = std::os::unix::net::UnixStream::connect(self.socket()).unwrap();
        stream.set_nonblocking(true).unwrap();
        zbus::connection::Builder::unix_stream(stream).build().await.unwrap()
    }

    /// Connects a client once the service has its name.
    pub(crate) async fn client(&self) -> Connection {
        let connection = self.connect().await;
        let bus = DBusProxy::new(&connection).await.unwrap();
        let begun = Instant::now();
        while !bus.name_has_owner("org.countersign1".try_into().unwrap()).await.unwrap() {
            assert!(begun.elapsed() < LIMIT, "the service does not take its name");
            sleep(Duration::from_millis(10)).await;
        }
        connection
    }

    pub(crate) fn stop(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn oneself(connection: &Connection) -> SelfServiceProxy<'_> {
    SelfServiceProxy::new(connection).await.unwrap()
}

pub(crate) async fn helpdesk(connection: &Connection) -> HelpdeskProxy<'_> {
    HelpdeskProxy::new(connection).await.unwrap()
}

pub(crate) async fn admin(connection: &Connection) -> AdminProxy<'_> {
    AdminProxy::new(connection).await.unwrap()
}

/// Answers a conversation over the bus.
pub(crate) async fn answer(connection: &Connection, begun: &Begun, text: &str) -> zbus::Result<WireStep> {
    ConversationProxy::builder(connection).path(begun.0.clone()).build().await?.answer(text).await
}

/// The introspection of an object.
pub(crate) async fn introspect(connection: &Connection, path: &str) -> String {
    let object =
        IntrospectableProxy::builder(connection).destination("org.countersign1").path(path).build().await;
    object.unwrap().introspect().await.unwrap()
}

/// A fact that is a text.
pub(crate) fn text(facts: &OwnedFacts, key: &str) -> String {
    String::try_from(facts.get(key).unwrap().clone()).unwrap()
}

/// A fact that is a switch.
pub(crate) fn switch(facts: &OwnedFacts, key: &str) -> bool {
    bool::try_from(facts.get(key).unwrap().clone()).unwrap()
}

/// A fact that is a number.
pub(crate) fn number(facts: &OwnedFacts, key: &str) -> u32 {
    u32::try_from(facts.get(key).unwrap().clone()).unwrap()
}
