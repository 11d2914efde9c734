//! New files taken into force while the service runs, all of what they say or nothing (row P8).
//!
//! Owns what a reload is, whoever asks for it: SIGHUP and `Admin.Reload` come here. Leaves to `config` what is wrong with a
//! file. Invariants: policy, retention and ways out come of the same files; files with a mistake change nothing; one
//! reload is under way at a time; no thread that serves logins waits for a disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_config::{Diagnostic, Loaded, StoreSettings, Trust};
use countersign_core::audit::retention::Retention;
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::policy::Policy;
use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::args::Args;
use crate::delivery::Delivery;
use crate::engine::Handle;

/// The folder of drop-ins beside the main file.
const DROP_INS: &str = "policy.d";
/// How long somebody waits for a reload: less than a client of the bus does.
const LIMIT: Duration = Duration::from_secs(4);

/// Where the configuration lies, and whose it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    main: PathBuf,
    trust: Trust,
}

impl Files {
    /// Takes the places that the arguments name.
    #[must_use]
    pub fn of(args: &Args) -> Self {
        Self { main: args.config.clone(), trust: args.trust_uid.map_or(Trust::Root, Trust::Owner) }
    }

    /// Reads them; every mistake and warning goes to standard error. It waits for the disk.
    ///
    /// # Errors
    /// Every mistake.
    pub fn read(&self) -> Result<Loaded, Vec<Diagnostic>> {
        let drop_ins = self.main.parent().unwrap_or_else(|| Path::new("/")).join(DROP_INS);
        let read = countersign_config::load(&self.main, &drop_ins, self.trust);
        say(match &read {
            Ok(loaded) => &loaded.warnings,
            Err(mistakes) => mistakes,
        });
        read
    }
}

fn say(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        eprintln!("{diagnostic}");
    }
}

/// What the files say and a reload changes.
pub struct InForce {
    /// Who is asked for what.
    pub policy: watch::Sender<Arc<Policy>>,
    /// How much of the audit is kept.
    pub retention: watch::Sender<Retention>,
    /// The ways out for messages.
    pub delivery: Arc<Delivery>,
}

impl InForce {
    /// Takes everything into force. Passwords and authorities of the ways out are read before anything changes.
    fn take(&self, loaded: Loaded) {
        let Loaded { policy, audit, delivery, .. } = loaded;
        self.delivery.reload(&delivery);
        self.retention.send_replace(audit);
        self.policy.send_replace(Arc::new(policy));
    }
}

/// What came of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Reloaded {
    /// Whether the files are in force now; else the last good ones stay.
    pub is_loaded: bool,
    /// The digest of the policy in force.
    pub policy: String,
    /// Every mistake, as it is logged.
    pub mistakes: Vec<String>,
    /// What is hardly meant, or takes effect with a restart only.
    pub warnings: Vec<String>,
}

/// A reload that takes too long. It may be done yet, and the log tells how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reload takes long; the log tells how it ends")]
pub struct Late;

/// Takes new files into force.
pub struct Reloader {
    files: Files,
    store: StoreSettings,
    force: Arc<InForce>,
    engine: Handle,
    turn: Arc<Mutex<()>>,
}

impl Reloader {
    /// Makes the one of a service that was started with these settings of the store.
    #[must_use]
    pub fn new(files: Files, store: StoreSettings, force: InForce, engine: Handle) -> Self {
        Self { files, store, force: Arc::new(force), engine, turn: Arc::default() }
    }

    /// Reads the files and takes them into force, after every reload that was asked for before. Nobody who leaves ends it.
    ///
    /// # Errors
    /// [`Late`].
    pub async fn reload(self: &Arc<Self>, actor: &'static str) -> Result<Reloaded, Late> {
        let deadline = Instant::now() + LIMIT;
        let turn = timeout_at(deadline, Arc::clone(&self.turn).lock_owned()).await.map_err(|_| Late)?;
        let reloader = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _turn = turn;
            reloader.once(actor).await
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(Late),
        }
    }

    async fn once(&self, actor: &str) -> Reloaded {
        let files = self.files.clone();
        match spawn_blocking(move || files.read()).await {
            Ok(Ok(loaded)) => self.take(loaded, actor).await,
            Ok(Err(mistakes)) => {
                self.refuse(mistakes.iter().map(ToString::to_string).collect(), Vec::new(), actor).await
            }
            Err(_) => {
                self.refuse(vec!["error: reading the files failed".to_owned()], Vec::new(), actor).await
            }
        }
    }

    async fn take(&self, loaded: Loaded, actor: &str) -> Reloaded {
        let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        if loaded.store != self.store {
            let warning = "warning: what changed in `[store]` takes effect when the service is started again";
            eprintln!("{warning}");
            warnings.push(warning.to_owned());
        }
        let force = Arc::clone(&self.force);
        if spawn_blocking(move || force.take(loaded)).await.is_err() {
            let mistake = "error: making the ways out ready failed".to_owned();
            return self.refuse(vec![mistake], warnings, actor).await;
        }
        self.record(EventId::PolicyLoaded, "reload", actor).await;
        Reloaded { is_loaded: true, policy: self.digest(), mistakes: Vec::new(), warnings }
    }

    /// Leaves what is in force there, and says so.
    async fn refuse(&self, mistakes: Vec<String>, warnings: Vec<String>, actor: &str) -> Reloaded {
        tracing::error!(
            mistakes = mistakes.len(),
            "the configuration is not taken; the last good one stays in force"
        );
        let count =
            if mistakes.len() == 1 { "1 mistake".to_owned() } else { format!("{} mistakes", mistakes.len()) };
        self.record(EventId::PolicyRefused, &count, actor).await;
        Reloaded { is_loaded: false, policy: self.digest(), mistakes, warnings }
    }

    async fn record(&self, event: EventId, reason: &str, actor: &str) {
        record(&self.engine, actor, event, reason).await;
    }

    fn digest(&self) -> String {
        self.engine.policy().digest.clone()
    }
}

/// Records what concerns the service. A store that cannot take it refuses every login by itself, and recovers by itself.
pub async fn record(engine: &Handle, actor: &str, event: EventId, reason: &str) {
    let mut event = AuditEvent::new(event, engine.wall(), &engine.host().name, actor);
    event.policy = Some(engine.policy().digest.clone());
    event.reason = Some(reason.to_owned());
    if let Err(error) = engine.record(event).await {
        tracing::error!(%error, reason, "this is missing in the audit");
    }
}
