//! Asks the backends that nsswitch.conf names whether they are alive.
//!
//! libc answers "not found" for a backend that is dead, so its silence must not be taken for an answer. A backend that
//! is a service has a socket. One that takes no connection is dead. A stopped one takes connections all the same, so
//! SSSD, whose protocol is simple, has to answer on it, before a look-up and after: then it lived all the time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::switch::Switch;

/// How long a backend may take to answer.
const PROBE_LIMIT: Duration = Duration::from_millis(500);
/// How long it may take after it did not answer the last time, so that not every login waits.
const SHORT_LIMIT: Duration = Duration::from_millis(50);

/// `SSS_GET_VERSION` of SSSD's client protocol (`src/sss_client/sss_cli.h`): what each client asks first.
const GET_VERSION: u32 = 1;
/// `SSS_NSS_PROTOCOL_VERSION`.
const VERSION: u32 = 1;
/// Four numbers: length of all, command, status, reserved.
const HEADER: usize = 16;

/// The sockets by which backends are probed.
#[derive(Debug, Clone)]
pub struct Probe {
    sockets: BTreeMap<String, Backend>,
}

#[derive(Debug, Clone)]
struct Backend {
    socket: PathBuf,
    speaks: Speaks,
    /// Whether it was late the last time.
    is_late: Arc<AtomicBool>,
    /// Whether it did not answer the last time; that it changes is logged.
    is_dead: Arc<AtomicBool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// SSSD's protocol.
    Sssd,
    /// One that we do not: it is enough that somebody listens.
    Other,
}

/// Backends that were alive when it was made.
#[derive(Debug)]
pub(super) struct Watch {
    /// Connections that were answered on, or by which nothing can be asked.
    held: Vec<(Backend, UnixStream)>,
}

impl Default for Probe {
    fn default() -> Self {
        let backend =
            |name: &str, socket: &str, speaks| (name.to_owned(), Backend::new(socket.into(), speaks));
        let known = [
            backend("sss", "/var/lib/sss/pipes/nss", Speaks::Sssd),
            backend("winbind", "/run/samba/winbindd/pipe", Speaks::Other),
            backend("ldap", "/run/nslcd/socket", Speaks::Other),
        ];
        Self { sockets: known.into() }
    }
}

impl Probe {
    /// Makes a probe that knows one backend, which speaks SSSD's protocol.
    #[must_use]
    pub fn with_socket(backend: &str, socket: &Path) -> Self {
        let known = Backend::new(socket.to_owned(), Speaks::Sssd);
        Self { sockets: BTreeMap::from([(backend.to_owned(), known)]) }
    }

    /// Begins to watch every backend of people and groups that can be probed; none when one of them does not answer.
    pub(super) async fn watch(&self, switch: &Switch) -> Option<Watch> {
        let mut held = Vec::new();
        for (name, backend) in
            switch.backends().into_iter().filter_map(|name| self.sockets.get_key_value(name))
        {
            let answered = backend.answer().await;
            let was_dead = backend.is_dead.swap(answered.is_none(), Ordering::Relaxed);
            match (was_dead, answered.is_some()) {
                (false, false) => tracing::error!(name, "a backend of the name service does not answer"),
                (true, true) => tracing::info!(name, "a backend of the name service answers again"),
                (false, true) | (true, false) => {}
            }
            held.push((backend.clone(), answered?));
        }
        Some(Watch { held })
    }
}

impl Backend {
    fn new(socket: PathBuf, speaks: Speaks) -> Self {
        Self { socket, speaks, is_late: Arc::default(), is_dead: Arc::default() }
    }

    /// Waits for its answer. Where it was late the last time that is taken note of all the same when it comes, so that a
    /// slow one does not pass for a dead one for ever.
    async fn answer(&self) -> Option<UnixStream> {
        let was_late = self.is_late.load(Ordering::Relaxed);
        let backend = self.clone();
        let asked = tokio::spawn(async move {
            let answered = timeout(PROBE_LIMIT, connect(&backend)).await;
            backend.is_late.store(answered.is_err(), Ordering::Relaxed);
            answered.ok()?.ok()
        });
        if was_late { timeout(SHORT_LIMIT, asked).await.ok()?.ok()? } else { asked.await.ok()? }
    }
}

impl Watch {
    /// Tells whether all have lived until now; at most until the deadline.
    pub(super) async fn has_lived(self, deadline: Instant) -> bool {
        let deadline = deadline.min(Instant::now() + PROBE_LIMIT);
        for (backend, mut stream) in self.held {
            let answered = match backend.speaks {
                Speaks::Sssd => timeout_at(deadline, ask(&mut stream)).await,
                Speaks::Other => timeout_at(deadline, connect(&backend)).await.map(|again| again.map(drop)),
            };
            if !matches!(answered, Ok(Ok(()))) {
                return false;
            }
        }
        true
    }
}

async fn connect(backend: &Backend) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(&backend.socket).await?;
    match backend.speaks {
        Speaks::Sssd => ask(&mut stream).await?,
        Speaks::Other => {}
    }
    Ok(stream)
}

/// Asks SSSD for the version of its protocol; that it answers is enough.
async fn ask(stream: &mut UnixStream) -> io::Result<()> {
    let length = u32::try_from(HEADER + size_of::<u32>()).map_err(io::Error::other)?;
    let question = [length, GET_VERSION, 0, 0, VERSION].map(u32::to_ne_bytes).concat();
    stream.write_all(&question).await?;
    let mut answer = [0; HEADER + size_of::<u32>()];
    stream.read_exact(&mut answer).await?;
    let echoes =
        |number: u32, at: usize| answer.get(at..).is_some_and(|rest| rest.starts_with(&number.to_ne_bytes()));
    if echoes(length, 0) && echoes(GET_VERSION, 4) { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    fn soon() -> Instant {
        Instant::now() + PROBE_LIMIT
    }

    fn switch(line: &str) -> Switch {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), line).unwrap();
        Switch::read(file.path()).unwrap()
    }

    fn sssd() -> Switch {
        switch("passwd: files sss\n")
    }

    /// Answers as SSSD does, so many times on each connection.
    fn serve(listener: UnixListener, times: usize) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut question = [0; 20];
                for _ in 0..times {
                    if stream.read_exact(&mut question).await.is_err() {
                        break;
                    }
                    if stream.write_all(&question).await.is_err() {
                        break;
                    }
                }
            }
        })
    }

    #[tokio::test]
    async fn a_backend_that_answers_is_alive_and_one_that_does_not_listen_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("pipe");
        let probe = Probe::with_socket("sss", &socket);
        assert!(probe.watch(&sssd()).await.is_none());
        let server = serve(UnixListener::bind(&socket).unwrap(), 2);
        assert!(probe.watch(&sssd()).await.unwrap().has_lived(soon()).await);
        server.abort();
        let files = switch("passwd: files\n");
        assert!(Probe::with_socket("sss", Path::new("/nonexistent")).watch(&files).await.is_some());
    }

    #[tokio::test]
    async fn of_a_backend_whose_protocol_is_not_ours_it_is_enough_that_it_listens() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("pipe");
        let backend = Backend::new(socket.clone(), Speaks::Other);
        let probe = Probe { sockets: BTreeMap::from([("sss".to_owned(), backend)]) };
        let listener = UnixListener::bind(&socket).unwrap();
        let watch = probe.watch(&sssd()).await.unwrap();
        drop(listener);
        assert!(!watch.has_lived(soon()).await);
        assert!(probe.watch(&sssd()).await.is_none());
    }

    #[tokio::test]
    async fn a_backend_that_died_in_between_has_not_lived_even_if_another_listens_by_then() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("pipe");
        let _server = serve(UnixListener::bind(&socket).unwrap(), 1);
        let probe = Probe::with_socket("sss", &socket);
        let watch = probe.watch(&sssd()).await.unwrap();
        assert!(!watch.has_lived(soon()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_backend_that_takes_connections_is_dead_and_only_the_first_waits_long_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("pipe");
        let listener = UnixListener::bind(&socket).unwrap();
        let probe = Probe::with_socket("sss", &socket);
        for limit in [PROBE_LIMIT, SHORT_LIMIT, SHORT_LIMIT] {
            let begun = Instant::now();
            assert!(probe.watch(&sssd()).await.is_none());
            assert!(begun.elapsed() <= limit + Duration::from_millis(2), "{:?}", begun.elapsed());
        }
        let server = serve(listener, 2);
        tokio::time::resume();
        assert!(probe.watch(&sssd()).await.is_some());
        server.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_backend_does_not_pass_for_a_dead_one_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("pipe");
        let listener = UnixListener::bind(&socket).unwrap();
        let probe = Probe::with_socket("sss", &socket);
        assert!(probe.watch(&sssd()).await.is_none());
        let _server = serve_slowly(listener, SHORT_LIMIT * 3);
        assert!(probe.watch(&sssd()).await.is_none(), "it is not waited for");
        tokio::time::sleep(PROBE_LIMIT).await;
        assert!(probe.watch(&sssd()).await.is_some(), "it has answered in between");
    }

    /// Answers on each connection once, after a time.
    fn serve_slowly(listener: UnixListener, pause: Duration) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut question = [0; 20];
                    let _ = stream.read_exact(&mut question).await;
                    tokio::time::sleep(pause).await;
                    let _ = stream.write_all(&question).await;
                    std::future::pending::<()>().await;
                });
            }
        })
    }
}
