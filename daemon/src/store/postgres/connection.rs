//! Reaching a server: all those of the URL at once, and the first that may be used.
//!
//! Owns what a server must be: the one that takes writes, durable, of our encoding and schema. Leaves certificates to
//! `tls`, the schema to `migration`. A server is checked at every connection, because any of this may have changed.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_config::{PostgresUrl, Server, Transport};
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use super::restores::Seen;
use super::statements::Statements;
use super::{is_passing, migration, tls};
use crate::store::StoreError;

/// How long reaching one server may take, with all checks.
const CONNECT_LIMIT: Duration = Duration::from_millis(1500);
/// How long one address may take to answer.
const ADDRESS_LIMIT: Duration = Duration::from_millis(700);
/// How long sent data may stay unacknowledged before the connection counts as dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(2);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;
/// Look-ups of names at the same time; libc cannot be told to stop, and threads are few.
const LOOKUPS: usize = 2;
/// The oldest server that is tested with.
const OLDEST_SERVER: i32 = 130_000;

/// What every session is set to. The server ends by itself what this service has given up.
const SERVING: &str = "-c statement_timeout=2000 -c lock_timeout=1500 \
    -c idle_in_transaction_session_timeout=3000 -c search_path=pg_catalog -c default_transaction_isolation=read\\ committed";
/// The same for migrations: no limit for the work, a short one for waiting, so that logins never queue behind it.
const MIGRATING: &str = "-c statement_timeout=0 -c lock_timeout=1500 -c search_path=pg_catalog";

/// Makes sessions.
pub(super) struct Connector {
    url: PostgresUrl,
    lookups: Arc<Semaphore>,
    /// What was seen of the store.
    pub(super) seen: Seen,
}

/// A connection with its statements prepared.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) statements: Statements,
    task: JoinHandle<()>,
}

/// A client and the task that moves its bytes.
pub(super) struct Link {
    pub(super) client: Client,
    task: JoinHandle<()>,
}

/// Why a server is not used.
struct Fault {
    server: String,
    cause: String,
    is_passing: bool,
}

impl Session {
    /// Closes the connection at once, whatever is on its way.
    pub(super) fn abandon(self) {
        self.task.abort();
    }
}

impl Link {
    /// Ends the connection and waits until the server was told.
    pub(super) async fn close(self) {
        let Self { client, task } = self;
        drop(client);
        let _ = timeout(CONNECT_LIMIT, task).await;
    }
}

impl Manager for Connector {
    type Type = Session;
    type Error = StoreError;

    async fn create(&self) -> Result<Session, StoreError> {
        let Link { client, task } = self.reach(SERVING).await?;
        let prepared = timeout(CONNECT_LIMIT, async {
            migration::check(&client).await?;
            self.seen.check(&client).await?;
            // Ten futures side by side are large, and every call that may connect would carry them.
            Box::pin(Statements::prepare(&client)).await
        });
        match prepared.await {
            Ok(Ok(statements)) => Ok(Session { client, statements, task }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::Unreachable("the server does not answer".to_owned())),
        }
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<StoreError> {
        if session.client.is_closed() { Err(RecycleError::message("the connection ended")) } else { Ok(()) }
    }
}

impl Connector {
    pub(super) fn new(url: PostgresUrl) -> Self {
        Self { url, lookups: Arc::new(Semaphore::new(LOOKUPS)), seen: Seen::default() }
    }

    /// Connects for a migration.
    pub(super) async fn reach_for_migration(&self) -> Result<Link, StoreError> {
        self.reach(MIGRATING).await
    }

    /// Connects to the first server that may be used.
    async fn reach(&self, settings: &'static str) -> Result<Link, StoreError> {
        let password = self.url.password_file.as_deref().map(tls::password).transpose()?;
        let mut base = Config::new();
        base.user(&self.url.user)
            .dbname(&self.url.database)
            .application_name("countersignd")
            .options(settings);
        base.connect_timeout(ADDRESS_LIMIT).tcp_user_timeout(SILENCE_LIMIT);
        base.keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(SILENCE_LIMIT)
            .keepalives_retries(2);
        if let Some(password) = &password {
            base.password(password.as_slice());
        }
        let encryption = match &self.url.transport {
            Transport::Plain => None,
            Transport::VerifyFull { authorities, client } => {
                Some(tls::connector(authorities.as_deref(), client.as_ref())?)
            }
        };
        base.ssl_mode(if encryption.is_some() { SslMode::Require } else { SslMode::Disable });
        let mut attempts = JoinSet::new();
        for server in &self.url.servers {
            let attempt = Attempt {
                server: server.clone(),
                config: base.clone(),
                encryption: encryption.clone(),
                lookups: Arc::clone(&self.lookups),
            };
            attempts.spawn(attempt.bounded());
        }
        let mut faults = Vec::new();
        while let Some(ended) = attempts.join_next().await {
            match ended {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(fault)) => faults.push(fault),
                Err(_) => {} // aborted, or a panic, which is in the log
            }
        }
        Err(Fault::of_all(&faults))
    }
}

/// One try with one server.
struct Attempt {
    server: Server,
    config: Config,
    encryption: Option<tokio_postgres_rustls::MakeRustlsConnect>,
    lookups: Arc<Semaphore>,
}

impl Attempt {
    async fn bounded(self) -> Result<Link, Fault> {
        let server = self.server.to_string();
        let fault = |(cause, is_passing)| Fault { server: server.clone(), cause, is_passing };
        match timeout(CONNECT_LIMIT, self.connect()).await {
            Ok(connected) => connected.map_err(fault),
            Err(_) => Err(fault((format!("no answer within {CONNECT_LIMIT:?}"), true))),
        }
    }

    async fn connect(mut self) -> Result<Link, (String, bool)> {
        match &self.server {
            Server::Socket { directory, port } => {
                self.config.host_path(directory).port(*port);
            }
            Server::Tcp { host, port } => {
                self.config.port(*port);
                for address in addresses(host, &self.lookups).await? {
                    self.config.host(host).hostaddr(address);
                }
            }
        }
        let fault = |error: tokio_postgres::Error| (describe(&error), is_passing_fault(&error));
        let link = if let Some(encryption) = self.encryption {
            let (client, connection) = self.config.connect(encryption).await.map_err(fault)?;
            Link { client, task: tokio::spawn(async { drop(connection.await) }) }
        } else {
            let (client, connection) = self.config.connect(NoTls).await.map_err(fault)?;
            Link { client, task: tokio::spawn(async { drop(connection.await) }) }
        };
        check_server(&link.client).await?;
        Ok(link)
    }
}

/// Asks for the addresses of a name; a look-up that hangs keeps its place until libc returns.
async fn addresses(host: &str, lookups: &Arc<Semaphore>) -> Result<Vec<IpAddr>, (String, bool)> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let fault = |cause: String| (format!("its name cannot be looked up: {cause}"), true);
    let place = Arc::clone(lookups).acquire_owned().await.map_err(|error| fault(error.to_string()))?;
    let name = host.to_owned();
    let task = tokio::spawn(async move {
        let found = tokio::net::lookup_host((name, 0)).await;
        drop(place);
        found.map(|found| found.map(|address| address.ip()).take(ADDRESSES).collect::<Vec<_>>())
    });
    let found = task.await.map_err(|error| fault(error.to_string()))?;
    match found.map_err(|error| fault(error.to_string()))? {
        none if none.is_empty() => Err(fault("it has no address".to_owned())),
        some => Ok(some),
    }
}

/// Refuses a copy, and a server that forgets.
async fn check_server(client: &Client) -> Result<(), (String, bool)> {
    const FACTS: &str = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on', \
        current_setting('synchronous_commit'), current_setting('fsync'), current_setting('server_encoding'), \
        current_setting('server_version_num')::integer";
    let fault = |error: tokio_postgres::Error| (describe(&error), is_passing_fault(&error));
    let row = client.query_one(FACTS, &[]).await.map_err(fault)?;
    let text = |index: usize| row.try_get::<_, String>(index).map_err(fault);
    if row.try_get(0).map_err(fault)? {
        return Err(("it is a standby".to_owned(), true));
    }
    if row.try_get(1).map_err(fault)? {
        return Err(("it does not take writes".to_owned(), true));
    }
    for (index, setting) in [(2, "synchronous_commit"), (3, "fsync")] {
        if text(index)? == "off" {
            let cause = format!("its {setting} is off: a used code could be accepted again after a crash");
            return Err((cause, false));
        }
    }
    if text(4)? != "UTF8" {
        return Err(("the encoding of its database is not UTF8".to_owned(), false));
    }
    if row.try_get::<_, i32>(5).map_err(fault)? < OLDEST_SERVER {
        return Err(("it is older than PostgreSQL 13".to_owned(), false));
    }
    Ok(())
}

impl Fault {
    /// Passing only where every server may do in a moment: a refused certificate does not mend itself.
    fn of_all(faults: &[Self]) -> StoreError {
        let causes: Vec<String> =
            faults.iter().map(|fault| format!("{}: {}", fault.server, fault.cause)).collect();
        let cause = causes.join("; ");
        if faults.iter().all(|fault| fault.is_passing) {
            return StoreError::Unreachable(cause);
        }
        StoreError::Failed { doing: "connecting", cause }
    }
}

/// Tells whether the next try may do: not where the server or its certificate said no.
fn is_passing_fault(error: &tokio_postgres::Error) -> bool {
    if let Some(code) = error.code() {
        return is_passing(code) || *code == SqlState::READ_ONLY_SQL_TRANSACTION;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(failed) = inner.downcast_ref::<std::io::Error>() {
            let is_tls =
                failed.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
            return !is_tls && failed.kind() != std::io::ErrorKind::InvalidInput;
        }
        cause = inner.source();
    }
    // The server speaks no TLS, or asks for what this service does not have.
    error.is_closed()
}

/// Tells what the library, and what lies under it, said.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(refused) = error.as_db_error() {
        return format!("{} ({})", refused.message(), refused.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}
