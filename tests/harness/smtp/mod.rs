//! A mail server that fails as it is told, in the test's own process; it keeps every byte that crossed the line.
//!
//! Owns the listener and the threads of its connections; all end when the server is dropped. Threads of its own and no
//! runtime, so that it serves the same beside asynchronous tests, and so that [`Server::start_inside`] can listen in the
//! network of a booted machine. What goes wrong is a [`Script`]; who vouches for the server is an `Authority`. It knows
//! nothing of Countersign.
//!
//! ```ignore
//! let authority = Authority::new()?;
//! let script = Script::new(Security::StartTls, authority.certify(Trust::Valid)?)
//!     .with_login("mailer", "s3cret")                                        // refuses mail without it
//!     .fault(Step::Recipient, Fault::Reply("451 4.7.1 greylisted"), ONCE);   // then takes it
//! let server = Server::start(script)?;                                       // 127.0.0.1, a free port, name `localhost`
//! // … the code under test: server.port(), authority.pem() as the custom CA …
//! let mails = server.wait_for_mails(1, Duration::from_secs(5));              // blocks; `mails()` does not
//! assert!(!server.crossed_in_clear("s3cret"));
//! ```
//!
//! A test beside this package includes the folder, `#[path = "../../tests/harness/smtp/mod.rs"] mod smtp;` under
//! `#[expect(unreachable_pub, dead_code, reason = "…")]`, and needs `data-encoding`, `nix` (`sched`, `socket`), `rcgen` and
//! `rustls` as (development) dependencies.

pub mod certificate;
pub mod script;
mod session;
pub mod wire;

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::socket;

use script::Script;

/// Connections of one server; a test that makes more is not in its senses.
const MAX_CONNECTIONS: usize = 1_000;

/// A mail as the server was given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope that were taken.
    pub recipients: Vec<String>,
    /// Header and body as they were sent, with dots undone.
    pub data: String,
    /// Whether it came inside TLS.
    pub encrypted: bool,
    /// Who had logged in.
    pub user: Option<String>,
}

/// A running server.
pub struct Server {
    port: u16,
    listener: TcpListener,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What the threads of a server have in common.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    script: Script,
    mails: Vec<Mail>,
    commands: Vec<String>,
    /// Every byte of every connection, in both directions, as a listener on the line sees it.
    line: Vec<u8>,
    open: Vec<TcpStream>,
    connections: usize,
    ended: bool,
}

impl Server {
    /// Listens on a free port of this host's loopback.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::listen(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, script)
    }

    /// Listens in another network: that of the process `/proc/PID/ns/net` belongs to.
    ///
    /// # Errors
    /// When this process may not enter that network, or the address is not there or taken.
    pub fn start_inside(network: &Path, address: SocketAddr, script: Script) -> io::Result<Self> {
        let network = File::open(network)?;
        // A socket stays in the network it was made in; the thread that went there ends.
        let bind = thread::spawn(move || -> io::Result<TcpListener> {
            setns(network, CloneFlags::CLONE_NEWNET)?;
            TcpListener::bind(address)
        });
        Self::listen(bind.join().map_err(|_| io::Error::other("the thread that binds died"))??, script)
    }

    fn listen(listener: TcpListener, script: Script) -> io::Result<Self> {
        let state = State {
            script,
            mails: Vec::new(),
            commands: Vec::new(),
            line: Vec::new(),
            open: Vec::new(),
            connections: 0,
            ended: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let (port, accepting) = (listener.local_addr()?.port(), listener.try_clone()?);
        let for_thread = Arc::clone(&shared);
        let accepting = thread::spawn(move || accept(&accepting, &for_thread));
        Ok(Self { port, listener, shared, accepting: Some(accepting) })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Puts another script in force, for the connections to come.
    pub fn follow(&self, script: Script) {
        self.shared.lock().script = script;
    }

    /// The mails taken so far, also those whose sender was never told so.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.lock().mails.clone()
    }

    /// Blocks until there are so many mails, or the limit has passed; returns what is there.
    #[must_use]
    pub fn wait_for_mails(&self, count: usize, limit: Duration) -> Vec<Mail> {
        self.shared.wait(limit, |state| state.mails.len() >= count).mails.clone()
    }

    /// Blocks until so many connections were made, or the limit has passed; returns how many there are.
    #[must_use]
    pub fn wait_for_connections(&self, count: usize, limit: Duration) -> usize {
        self.shared.wait(limit, |state| state.connections >= count).connections
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// The commands heard so far, over all connections, without what was said in answer to `AUTH`.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.shared.lock().commands.clone()
    }

    /// Every byte that crossed the line, in both directions.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        self.shared.lock().line.clone()
    }

    /// Whether a listener on the line could read `secret`: as it is, or anywhere inside something in base64.
    #[must_use]
    pub fn crossed_in_clear(&self, secret: &str) -> bool {
        wire::shows(&self.shared.lock().line, secret)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.ended = true;
            for stream in &state.open {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
        // Wakes the thread that waits for a connection.
        let _ = socket::shutdown(self.listener.as_raw_fd(), socket::Shutdown::Both);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something holds, the server ends, or the limit has passed.
    fn wait(&self, limit: Duration, holds: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let until = Instant::now() + limit;
        let mut state = self.lock();
        while !holds(&state) && !state.ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    /// Changes what is seen from outside.
    fn change(&self, with: impl FnOnce(&mut State)) {
        with(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Takes connections until the listener is shut.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut sessions = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        let Ok(kept) = stream.try_clone() else { break };
        let script = {
            let mut state = shared.lock();
            if state.ended || state.connections >= MAX_CONNECTIONS {
                break;
            }
            state.open.push(kept);
            state.connections += 1;
            state.script.clone()
        };
        shared.changed.notify_all();
        let shared = Arc::clone(shared);
        sessions.push(thread::spawn(move || session::serve(stream, script, &shared)));
    }
    // All of them end: their streams are shut by whoever ended the server.
    for session in sessions {
        let _ = session.join();
    }
}
