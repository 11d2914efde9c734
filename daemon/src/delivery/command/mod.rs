//! A command of the administrator's as a gateway (rows M4, M5), asked for through a socket.
//!
//! Owns the service's side: it hands channel, number and text to the unit `countersign-command@`, in which systemd starts
//! `runner` for each message, with a user and a sandbox of its own. The service itself runs nothing, and cannot choose
//! what is run: the unit reads the command line from root's file. Invariant: until the unit has said that it is ready,
//! nothing was handed over, so that what fails earlier is certainly not taken.

pub mod runner;
mod talk;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::delivery::Outgoing;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use self::talk::{Order, Outcome, READY};
use super::{Attempt, Channel};

/// Where systemd listens for the unit.
pub const SOCKET: &str = "/run/countersign/command.sock";
/// How much longer than the command the unit may take, to start and to answer.
const GRACE: Duration = Duration::from_secs(2);
/// The exit status by which a command says "later" (`EX_TEMPFAIL` of sysexits.h).
const LATER: i32 = 75;

/// The command, behind its socket.
pub struct Command {
    socket: PathBuf,
    limit: Duration,
}

impl Command {
    /// Takes the socket, and how long the command may run.
    #[must_use]
    pub const fn new(socket: PathBuf, limit: Duration) -> Self {
        Self { socket, limit }
    }

    async fn ask(&self, order: &Order, handed_over: &AtomicBool) -> Result<Outcome, Attempt> {
        let unreachable = |error: io::Error| {
            Attempt::NotNow(format!("countersign-command.socket does not answer: {error}"))
        };
        let stream = UnixStream::connect(&self.socket).await.map_err(unreachable)?;
        check_listener(&stream).map_err(unreachable)?;
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        if talk::hear(&mut read).await.map_err(unreachable)?.as_str() != READY {
            return Err(Attempt::NotNow(
                "the unit of the command is not ready; its journal says why".to_owned(),
            ));
        }
        handed_over.store(true, Ordering::Relaxed);
        let lost = |_| Attempt::Unknown("the unit of the command ended before its answer".to_owned());
        write.write_all(order.written().as_bytes()).await.map_err(lost)?;
        let said = talk::hear(&mut read).await.map_err(lost)?;
        Outcome::read(&said).ok_or_else(|| lost(io::ErrorKind::InvalidData.into()))
    }
}

#[async_trait]
impl Channel for Command {
    async fn deliver(&self, message: &Outgoing) -> Attempt {
        let handed_over = AtomicBool::new(false);
        match timeout(self.limit.saturating_add(GRACE), self.ask(&Order::of(message), &handed_over)).await {
            Ok(Ok(outcome)) => judge(outcome),
            Ok(Err(attempt)) => attempt,
            Err(_) if handed_over.load(Ordering::Relaxed) => {
                Attempt::Unknown("the command did not end in time".to_owned())
            }
            Err(_) => Attempt::NotNow("the unit of the command did not start in time".to_owned()),
        }
    }
}

/// What the end of a command means: 0 taken, 75 later, else refused; who was stopped may have been through already.
fn judge(outcome: Outcome) -> Attempt {
    match outcome {
        Outcome::Exit(0) => Attempt::Taken,
        Outcome::Exit(LATER) => Attempt::NotNow(format!("the command says later ({LATER})")),
        Outcome::Exit(status) => Attempt::Refused(format!("the command failed with status {status}")),
        Outcome::Killed => Attempt::Unknown("the command was ended by a signal".to_owned()),
        Outcome::TimedOut => Attempt::Unknown("the command did not end in time".to_owned()),
        Outcome::NotStarted => {
            Attempt::NotConfigured("the command cannot be started; the unit's journal says why".to_owned())
        }
        Outcome::NotConfigured => Attempt::NotConfigured("the file names no command".to_owned()),
    }
}

/// Who listens has to be root, for whom systemd listens (or this user, for tests).
fn check_listener(stream: &UnixStream) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid == 0 || uid == nix::unistd::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::other("somebody else listens there"))
}
