//! Tests of the fleet's store against a real PostgreSQL, one database a test.

mod access;
mod faults;
mod fleet;
mod outbox;
mod reach;

#[expect(unreachable_pub, reason = "shared with the tests in a booted machine, which use other parts")]
#[path = "../../../../../tests/harness/postgres.rs"]
mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use countersign_core::secret::Secret;

use super::*;
use crate::store::conformance::suite;
use harness::{PASSWORD, Server};

/// The database that others are copied from, with roles, privileges and schema as shipped.
const TEMPLATE: &str = "countersign";

/// A database of a test's own on a server.
struct Site {
    server: Arc<Server>,
    database: String,
}

fn wrapping(byte: u8) -> WrappingKey {
    WrappingKey::new(Secret::new([byte; 32]))
}

fn host(name: &str) -> HostId {
    HostId::try_from(name).unwrap()
}

fn parse(url: &str) -> PostgresUrl {
    PostgresUrl::parse(url).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// Sets a server up as the guide says: roles, privileges, schema.
async fn set_up(server: &Server) {
    server.run_file("postgres", include_str!("../../../../../packaging/postgresql/roles.sql")).unwrap();
    server.run_file(TEMPLATE, include_str!("../../../../../packaging/postgresql/privileges.sql")).unwrap();
    server.sql("postgres", &format!("ALTER ROLE countersign PASSWORD '{PASSWORD}'")).unwrap();
    server.sql("postgres", "CREATE ROLE certified LOGIN IN ROLE countersign").unwrap();
    let url = parse(&server.socket_url("countersign_owner", TEMPLATE));
    assert_eq!(migrate(url).await.unwrap(), Migrated { from: 0, to: 5 });
    let password = server.path("password");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(password, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The server that tests share as long as one of them runs.
async fn shared() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = STARTING.lock().await;
    let running = SHARED.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    if let Some(server) = running {
        return server;
    }
    let server = Arc::new(Server::start().unwrap());
    set_up(&server).await;
    *SHARED.lock().unwrap() = Arc::downgrade(&server);
    server
}

impl Site {
    /// Makes a database on the shared server; none where there is no PostgreSQL.
    async fn new() -> Option<Self> {
        if harness::is_here() { Some(Self::on(shared().await)) } else { None }
    }

    /// Makes a database on a server of the test's own, which it may break.
    async fn alone() -> Option<Self> {
        if !harness::is_here() {
            return None;
        }
        let server = Server::start().unwrap();
        set_up(&server).await;
        Some(Self::on(Arc::new(server)))
    }

    fn on(server: Arc<Server>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let database = format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {database} TEMPLATE {TEMPLATE} OWNER countersign_owner");
        // Whoever migrated the template may not have hung up yet.
        let made = (0..100).any(|_| server.sql("postgres", &sql).is_ok());
        assert!(made, "{}", server.sql("postgres", &sql).unwrap_err());
        Self { server, database }
    }

    fn url(&self) -> String {
        self.server.socket_url("countersign", &self.database)
    }

    /// The URL over the network, with the hosts' password.
    fn tls_url(&self, more: &str) -> String {
        let (port, password) = (self.server.port(), self.server.path("password"));
        let database = &self.database;
        format!("postgresql://localhost:{port}/{database}?password_file={}{more}", password.display())
    }

    fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.database, sql).unwrap().trim().to_owned()
    }

    /// Opens the store as a host does.
    async fn open(&self, name: &str) -> Arc<Postgres> {
        Arc::new(Postgres::open(parse(&self.url()), wrapping(7), &host(name)).await.unwrap())
    }
}

/// Makes a test of each behavior; where there is no PostgreSQL they say so.
macro_rules! with_site {
    ($site:ident => $work:block) => {
        let Some($site) = Site::new().await else { return };
        $work
    };
}
use with_site;

mod conformance {
    use super::*;

    async fn fresh() -> Option<(Arc<dyn Store>, Site)> {
        let site = Site::new().await?;
        Some((site.open("host").await, site))
    }

    suite! {
        match fresh().await {
            Some(fixture) => fixture,
            None => return,
        }
    }
}
