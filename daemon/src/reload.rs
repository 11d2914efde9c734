//! New files taken into force while the service runs, all of what they say or nothing (row P8).
//!
//! Owns what a reload is, whoever asks for it: SIGHUP and `Admin.Reload` come here. Leaves to `config` what is wrong with a
//! file. Invariants: policy, retention and ways out come of the same files; files with a mistake change nothing; one
//! reload is under way at a time; no thread that serves logins waits for a disk.

mod census;
pub(crate) mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_config::{Diagnostic, Loaded, StoreSettings, Trust};
use countersign_core::audit::EventId;
use countersign_core::audit::retention::Retention;
use countersign_core::policy::Policy;
use countersign_core::policy::switch::{Moment, Occasion, Outcome};
use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use census::census;

use crate::args::Args;
use crate::delivery::Delivery;
use crate::engine::Handle;
use crate::switch::Keeper;

/// The folder of drop-ins beside the main file.
const DROP_INS: &str = "policy.d";
/// How long somebody waits for a reload: less than a client of the bus does.
const LIMIT: Duration = Duration::from_secs(4);
/// How long the store is asked for its time: within [`LIMIT`] there has to be time for all the rest.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// What a file lacks that switches the second factor on again.
pub(crate) const UNSETTLED: &str =
    "the second factor was off, and the file does not say what becomes of enrollments when it is on again";
/// What holds where the service started with a switch that nothing has settled.
pub(crate) const UNDECIDED: &str = "the second factor was off, and is on since a start that did not settle what becomes of \
                                    enrollments: they are kept until a reload with `on_reenable` does";

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
    switch: Arc<Keeper>,
    force: Arc<InForce>,
    engine: Handle,
    turn: Arc<Mutex<()>>,
}

impl Reloader {
    /// Makes the one of a service that was started with these settings of the store.
    #[must_use]
    pub fn new(
        files: Files,
        store: StoreSettings,
        switch: Arc<Keeper>,
        force: InForce,
        engine: Handle,
    ) -> Self {
        Self { files, store, switch, force: Arc::new(force), engine, turn: Arc::default() }
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
        let read = spawn_blocking(move || files.read()).await;
        let (taken, warnings) = match read {
            Ok(Ok(loaded)) => {
                let warnings = self.warnings(&loaded);
                (self.take(loaded, actor).await, warnings)
            }
            Ok(Err(mistakes)) => (Err(Refusal::of(&mistakes)), Vec::new()),
            Err(_) => (Err(Refusal::about("error: reading the files failed".to_owned())), Vec::new()),
        };
        match taken {
            Ok(more) => {
                let warnings = warnings.into_iter().chain(more).collect();
                Reloaded { is_loaded: true, policy: self.digest(), mistakes: Vec::new(), warnings }
            }
            Err(refusal) => self.refuse(refusal, warnings, actor).await,
        }
    }

    /// Takes into force what has no mistake; tells what is to be warned of besides.
    async fn take(&self, mut loaded: Loaded, actor: &str) -> Result<Option<String>, Refusal> {
        let outcome = self.turn_switch(&loaded).await?;
        let warning = match outcome {
            Outcome::Unsettled => return Err(self.unsettled().await),
            Outcome::Undecided => Some(format!("warning: {UNDECIDED}")),
            Outcome::Stays | Outcome::Switched(_) => None,
        };
        loaded.policy = self.switch.settle(loaded.policy);
        let force = Arc::clone(&self.force);
        if spawn_blocking(move || force.take(loaded)).await.is_err() {
            return Err(Refusal::about("error: making the ways out ready failed".to_owned()));
        }
        self.record(EventId::PolicyLoaded, "reload", actor).await;
        if let Outcome::Switched(change) = outcome {
            record::about_switch(&self.engine, actor, change).await;
        }
        Ok(warning)
    }

    /// Keeps what follows from the master switch in the files.
    async fn turn_switch(&self, loaded: &Loaded) -> Result<Outcome, Refusal> {
        let (switch, wanted, moment) = (Arc::clone(&self.switch), loaded.switch, self.moment().await);
        match spawn_blocking(move || switch.take(wanted, Occasion::Reload, moment)).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) => Err(Refusal::about(format!("error: {error}"))),
            Err(_) => Err(Refusal::about("error: switching the second factor failed".to_owned())),
        }
    }

    /// Tells the time as commits have it, or by the wall clock alone where the store does not tell its own.
    async fn moment(&self) -> Moment {
        let latest = timeout(TIME_LIMIT, self.engine.latest()).await;
        Moment::of(self.engine.wall(), latest.ok().and_then(Result::ok))
    }

    /// Says how many enrollments hang on what the file does not say.
    async fn unsettled(&self) -> Refusal {
        let count = census(&self.engine, self.switch.void_before()).await;
        let mistake = format!(
            "error: {UNSETTLED}: {count}\n --> {}\n = help: write `on_reenable = \"keep\"`, or \
             `on_reenable = \"enroll-again\"` if all of them are to enroll again",
            self.files.main.display()
        );
        Refusal { reason: format!("on_reenable is missing: {count}"), mistakes: vec![mistake] }
    }

    /// Lists what is hardly meant, or takes effect with a restart only.
    fn warnings(&self, loaded: &Loaded) -> Vec<String> {
        let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        if loaded.store != self.store {
            let warning = "warning: what changed in `[store]` takes effect when the service is started again";
            eprintln!("{warning}");
            warnings.push(warning.to_owned());
        }
        warnings
    }

    /// Leaves what is in force there, and says so.
    async fn refuse(&self, refusal: Refusal, warnings: Vec<String>, actor: &str) -> Reloaded {
        let Refusal { reason, mistakes } = refusal;
        tracing::error!(reason, "the configuration is not taken; the last good one stays in force");
        self.record(EventId::PolicyRefused, &reason, actor).await;
        Reloaded { is_loaded: false, policy: self.digest(), mistakes, warnings }
    }

    async fn record(&self, event: EventId, reason: &str, actor: &str) {
        record::about_service(&self.engine, actor, event, reason).await;
    }

    fn digest(&self) -> String {
        self.engine.policy().digest.clone()
    }
}

/// Why files are not taken.
#[derive(Debug)]
struct Refusal {
    /// What is recorded.
    reason: String,
    /// What is answered.
    mistakes: Vec<String>,
}

impl Refusal {
    /// Takes the mistakes of files, which were said when they were read.
    fn of(mistakes: &[Diagnostic]) -> Self {
        let count = mistakes.len();
        let reason = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
        Self { reason, mistakes: mistakes.iter().map(ToString::to_string).collect() }
    }

    /// Takes one thing that is wrong beside the files.
    fn about(mistake: String) -> Self {
        Self { reason: mistake.trim_start_matches("error: ").to_owned(), mistakes: vec![mistake] }
    }
}
