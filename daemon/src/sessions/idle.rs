//! Sessions that nobody uses are told, then hung up or locked (row L8).
//!
//! Owns looking at them, and doing what core decides. Leaves when to `core::idle`, and what ends with a session to
//! `core::remember`. Invariants: where no rule has a limit, nobody is asked anything; a fault of logind or of the name service
//! does nothing but a line in the log; nobody is hung up whom the sentence did not reach, and nothing is ended unrecorded.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use countersign_core::idle::{self, Kind, NOTICE, Step};
use countersign_core::login::{Existence, FirstFactor, LoginRequest, Person, Phase, Source, SshFacts};
use countersign_core::policy::{Certainty, Decision, Policy};
use countersign_core::remember::IdleSession;
use countersign_core::words::Language;
use countersign_protocol::frame::draining;
use tokio::net::UnixStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use zbus::Connection;
use zbus::connection::Builder;

use super::logind::{self, LogindProxy, Session};
use super::terminal::{self, Order};
use super::told::Told;
use crate::bus::convert;
use crate::directory::Directory;
use crate::engine::Handle;

/// How often sessions are looked at.
pub const REST: Duration = Duration::from_secs(30);
/// How long the bus and logind may take to tell of all sessions.
const LIST_LIMIT: Duration = Duration::from_secs(10);
/// How long logind may take with one act.
const ACT_LIMIT: Duration = Duration::from_secs(5);
/// The largest message that is read.
const MESSAGE_LIMIT: usize = 1024 * 1024;
/// Who hears of it in a session that is hung up: its first process alone, so that what was left running goes on.
const LEADER: &str = "leader";

/// Who looks at sessions.
pub struct Watch {
    engine: Handle,
    directory: Directory,
    bus: PathBuf,
    teller: PathBuf,
    told: Told,
}

/// A session under a limit.
struct Found {
    session: Session,
    person: Person,
    source: Source,
    decision: Decision,
    idle: Duration,
    limit: Duration,
    language: Language,
}

impl Watch {
    /// Takes the sockets of the bus and of the unit that writes to terminals.
    #[must_use]
    pub fn new(engine: Handle, directory: Directory, bus: PathBuf, teller: PathBuf) -> Self {
        Self { engine, directory, bus, teller, told: Told::default() }
    }

    /// Looks at the sessions every so often, for as long as the service runs.
    pub async fn run(mut self, rest: Duration) {
        let mut pulse = interval(rest);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pulse.tick().await;
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "idle sessions were not looked at");
            }
        }
    }

    async fn look(&mut self) -> zbus::Result<()> {
        let policy = self.engine.policy();
        let Some(shortest) = policy.shortest_idle_limit() else {
            self.told.clear();
            return Ok(());
        };
        let wall = self.engine.wall().as_seconds();
        if self.told.look(wall, self.engine.since_boot()) {
            tracing::warn!("the clock was set: who was told of their idle session is told again");
        }
        let late = || zbus::Error::Failure("logind did not answer in time".to_owned());
        let listed = timeout(LIST_LIMIT, async {
            let connection = self.connect().await?;
            let sessions = logind::sessions(&connection).await?;
            Ok::<_, zbus::Error>((connection, sessions))
        });
        let (connection, sessions) = listed.await.map_err(|_| late())??;
        let there: HashSet<_> = sessions.iter().map(key).collect();
        self.told.keep_only(&there);
        for session in sessions {
            let idle = Duration::from_secs(wall.saturating_sub(session.idle_since));
            if session.kind == Kind::None || idle.saturating_add(NOTICE) < shortest {
                continue;
            }
            if let Some(found) = self.judge(session, idle, &policy).await {
                self.act(&connection, found).await;
            }
        }
        Ok(())
    }

    async fn connect(&self) -> zbus::Result<Connection> {
        let stream = UnixStream::connect(&self.bus).await.map_err(zbus::Error::from)?;
        Builder::socket(draining(stream, MESSAGE_LIMIT)).build().await
    }

    /// Finds the limit that a session is under; none where a rule is watched only, or something is not known.
    async fn judge(&self, session: Session, idle: Duration, policy: &Policy) -> Option<Found> {
        let person = match self.directory.person(&session.name).await {
            Ok(person) => person,
            Err(error) => {
                tracing::warn!(%error, session = session.id, "nobody knows whose idle session it is");
                return None;
            }
        };
        let is_theirs = matches!(person.existence, Existence::Known { uid, .. } if uid == session.uid);
        let source = source(&session);
        let decision = policy.decide(&self.request(&session, person.clone(), source));
        if decision.certainty != Certainty::Certain && decision.idle_timeout.is_some() {
            tracing::warn!(session = session.id, "an idle session is left alone: not all groups are known");
        }
        let limit = decision.idle_limit().filter(|_| is_theirs)?;
        let language = policy.settings.language;
        Some(Found { session, person, source, decision, idle, limit, language })
    }

    /// The login that a session is of, as far as logind knows it.
    fn request(&self, session: &Session, person: Person, source: Source) -> LoginRequest {
        LoginRequest {
            person,
            service: session.service.clone(),
            phase: Phase::Auth,
            source,
            tty: session.tty.clone(),
            ssh: SshFacts::default(),
            requesting_uid: None,
            caller_uid: 0,
            first_factor: FirstFactor::Settled,
            session: session.audit,
            fresh: None,
            host: self.engine.host().clone(),
            language: None,
        }
    }

    async fn act(&mut self, connection: &Connection, found: Found) {
        let Found { session, idle, limit, .. } = &found;
        let (key, since, idle) = (key(session), session.idle_since, *idle);
        let told = self.told.ago(&key, since, idle);
        let step = idle::step(session.kind, idle, *limit, told);
        let is_done = match step {
            Step::Leave => false,
            Step::Tell { minutes_left } => self.tell(&found, step, minutes_left).await,
            Step::HangUp | Step::Lock => self.end(connection, &found, step).await,
        };
        if is_done {
            self.told.note(key, since, idle);
        }
    }

    /// Tells the person; who was not reached is not told, and is not hung up.
    async fn tell(&self, found: &Found, step: Step, minutes: u64) -> bool {
        let session = &found.session;
        let tty = session.tty.as_deref().unwrap_or_default();
        let Some(order) = Order::new(tty, found.language, minutes) else {
            tracing::warn!(
                session = session.id,
                tty,
                "nothing can be written to the terminal of an idle session"
            );
            return false;
        };
        if let Err(error) = terminal::tell(&self.teller, &order).await {
            tracing::warn!(%error, session = session.id, tty, "an idle session was not told");
            return false;
        }
        self.record(found, step).await;
        true
    }

    /// Hangs a session up or locks it, once what was remembered for it has ended and that is recorded.
    async fn end(&self, connection: &Connection, found: &Found, step: Step) -> bool {
        if !self.record(found, step).await {
            return false;
        }
        if let Some(session) = found.session.audit
            && let Err(error) = self.engine.session_ended(session).await
        {
            tracing::warn!(%error, "the codes of an idle session may still count as fresh");
        }
        let id = &found.session.id;
        match timeout(ACT_LIMIT, carry_out(connection, id, step)).await {
            Ok(Ok(())) => tracing::info!(session = id, step = step.change(), "an idle session was ended"),
            Ok(Err(error)) => tracing::warn!(%error, session = id, "logind did not end an idle session"),
            Err(_) => tracing::warn!(session = id, "logind did not end an idle session in time"),
        }
        // Whatever came of it, it is tried again when the notice would be over once more.
        true
    }

    async fn record(&self, found: &Found, step: Step) -> bool {
        let session = IdleSession {
            service: found.session.service.clone(),
            source: found.source,
            tty: found.session.tty.clone(),
            rule: Some(found.decision.rule.clone()),
        };
        match self.engine.idled(found.person.clone(), session, step).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, session = found.session.id, "what was done about an idle session is not recorded");
                false
            }
        }
    }
}

async fn carry_out(connection: &Connection, id: &str, step: Step) -> zbus::Result<()> {
    let logind = LogindProxy::new(connection).await?;
    match step {
        Step::HangUp => logind.kill_session(id, LEADER, nix::libc::SIGHUP).await,
        Step::Lock => logind.lock_session(id).await,
        Step::Leave | Step::Tell { .. } => Ok(()),
    }
}

fn key(session: &Session) -> (String, u32) {
    (session.id.clone(), session.leader)
}

/// Where a session's person is, as a login from there would have it.
fn source(session: &Session) -> Source {
    match (&session.remote_host, session.kind) {
        (Some(host), _) => convert::address(host).map_or(Source::Unknown, Source::Address),
        (None, Kind::Graphical) => Source::Local,
        (None, Kind::Terminal | Kind::None) => {
            let is_seat = session.service != "sshd" && session.tty.as_deref().is_some_and(convert::is_seat);
            if is_seat { Source::Local } else { Source::Unknown }
        }
    }
}
