//! New files taken into force while the service runs, all of what they say or nothing (row P8).
//!
//! Owns what a reload is, whoever asks for it: SIGHUP and `Admin.Reload` come here. Leaves to `config` what is wrong with a
//! file. Invariants: policy, retention and ways out come of the same files; files with a mistake change nothing; one
//! reload is under way at a time; no thread that serves logins waits for a disk.

mod census;
pub mod last_good;
pub(crate) mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_config::{Diagnostic, Loaded, StoreSettings, Trust};
use countersign_core::audit::EventId;
use countersign_core::audit::retention::Retention;
use countersign_core::helpdesk::LoginUser;
use countersign_core::policy::Policy;
use countersign_core::policy::switch::{Moment, Occasion, Outcome};
use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use census::census;

use crate::args::Args;
use crate::delivery::Delivery;
use crate::engine::Handle;
use crate::host::{names, notify, outage};
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
    /// Where the last good ones are kept; without a folder they are not.
    folder: Option<PathBuf>,
}

/// What the service starts with.
#[derive(Debug)]
pub struct Basis {
    /// What is in force.
    pub loaded: Loaded,
    /// What is wrong with the files, where the last good ones are used in their place.
    pub fault: Option<String>,
}

impl Files {
    /// Takes the places that the arguments name.
    #[must_use]
    pub fn of(args: &Args) -> Self {
        let trust = args.trust_uid.map_or(Trust::Root, Trust::Owner);
        Self { main: args.config.clone(), trust, folder: None }
    }

    /// Keeps the last good ones in the service's own folder.
    #[must_use]
    pub fn kept_in(self, folder: Option<PathBuf>) -> Self {
        Self { folder, ..self }
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

    /// Reads them for a start; where they have a mistake, the last good ones take their place (row P8). It waits for the disk.
    ///
    /// # Errors
    /// How many mistakes there are, where nothing can take their place; why not goes to standard error as well.
    pub fn read_at_start(&self) -> Result<Basis, usize> {
        let mistakes = match self.read() {
            Ok(loaded) => return Ok(Basis { loaded, fault: None }),
            Err(mistakes) => mistakes,
        };
        match last_good::load(self.folder.as_deref()) {
            Ok(loaded) => {
                let fault = Refusal::of(&mistakes).reason;
                tracing::error!(
                    reason = fault,
                    policy = loaded.policy.digest,
                    "the configuration is not taken; the service starts with the last good one"
                );
                Ok(Basis { loaded, fault: Some(fault) })
            }
            Err(none) => {
                tracing::error!(%none, "nothing can take the place of the configuration");
                if let last_good::NoLastGood::Invalid { mistakes, .. } = &none {
                    say(mistakes);
                }
                Err(mistakes.len())
            }
        }
    }

    /// Puts the fully qualified name of this host where it counts: `hosts`, and EHLO where the file names nothing else. The
    /// look-up waits for the name service, at most two seconds, and for the disk.
    pub fn name_host(&self, loaded: &mut Loaded, host: &str) {
        let fqdn = names::settle(self.folder.as_deref(), host, countersign_config::fqdn(host));
        if let Some(email) = &mut loaded.delivery.email
            && email.hello.is_none()
        {
            let qualified = Some(host).filter(|host| host.contains('.'));
            email.hello = fqdn.name().or(qualified).map(str::to_owned);
        }
        loaded.policy.fqdn = fqdn;
    }

    /// Keeps the texts of what is in force now. A fault of the disk is logged: it matters at the next start only.
    pub fn keep(&self, texts: &[(String, String)]) {
        let Some(folder) = &self.folder else { return };
        if let Err(error) = last_good::keep(folder, texts) {
            tracing::error!(%error, "the policy in force is not kept for a start with an invalid file");
        }
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
    fn take(&self, loaded: Loaded, files: &Files) {
        let Loaded { policy, audit, delivery, texts, .. } = loaded;
        self.delivery.reload(&delivery);
        self.retention.send_replace(audit);
        outage::leave(&policy.settings);
        self.policy.send_replace(Arc::new(policy));
        files.keep(&texts);
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
    pub async fn reload(self: &Arc<Self>, by: impl Into<By>) -> Result<Reloaded, Late> {
        let deadline = Instant::now() + LIMIT;
        let turn = timeout_at(deadline, Arc::clone(&self.turn).lock_owned()).await.map_err(|_| Late)?;
        let (reloader, by) = (Arc::clone(self), by.into());
        let task = tokio::spawn(async move {
            let _turn = turn;
            reloader.once(&by).await
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(Late),
        }
    }

    async fn once(&self, by: &By) -> Reloaded {
        let (files, host) = (self.files.clone(), self.engine.host().name.clone());
        let read = spawn_blocking(move || {
            let mut loaded = files.read()?;
            files.name_host(&mut loaded, &host);
            Ok(loaded)
        });
        let read: Result<Result<Loaded, Vec<Diagnostic>>, _> = read.await;
        let (taken, warnings) = match read {
            Ok(Ok(loaded)) => {
                let warnings = self.warnings(&loaded);
                (self.take(loaded, by).await, warnings)
            }
            Ok(Err(mistakes)) => (Err(Refusal::of(&mistakes)), Vec::new()),
            Err(_) => (Err(Refusal::about("error: reading the files failed".to_owned())), Vec::new()),
        };
        match taken {
            Ok(more) => {
                let warnings = warnings.into_iter().chain(more).collect();
                Reloaded { is_loaded: true, policy: self.digest(), mistakes: Vec::new(), warnings }
            }
            Err(refusal) => self.refuse(refusal, warnings, by).await,
        }
    }

    /// Takes into force what has no mistake; tells what is to be warned of besides.
    async fn take(&self, mut loaded: Loaded, by: &By) -> Result<Option<String>, Refusal> {
        let outcome = self.turn_switch(&loaded).await?;
        let warning = match outcome {
            Outcome::Unsettled => return Err(self.unsettled().await),
            Outcome::Undecided => Some(format!("warning: {UNDECIDED}")),
            Outcome::Stays | Outcome::Switched(_) => None,
        };
        loaded.policy = self.switch.settle(loaded.policy);
        let (force, files) = (Arc::clone(&self.force), self.files.clone());
        if spawn_blocking(move || force.take(loaded, &files)).await.is_err() {
            return Err(Refusal::about("error: making the ways out ready failed".to_owned()));
        }
        notify::status(SERVING);
        self.record(EventId::PolicyLoaded, "reload", by).await;
        if let Outcome::Switched(change) = outcome {
            record::about_switch(&self.engine, by, change).await;
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
    async fn refuse(&self, refusal: Refusal, warnings: Vec<String>, by: &By) -> Reloaded {
        let Refusal { reason, mistakes } = refusal;
        tracing::error!(reason, "the configuration is not taken; the last good one stays in force");
        notify::status(&serving_without(&reason));
        self.record(EventId::PolicyRefused, &reason, by).await;
        Reloaded { is_loaded: false, policy: self.digest(), mistakes, warnings }
    }

    async fn record(&self, event: EventId, reason: &str, by: &By) {
        record::about_service(&self.engine, by, event, reason).await;
    }

    fn digest(&self) -> String {
        self.engine.policy().digest.clone()
    }
}

/// What the service manager shows while the files are in force.
pub(crate) const SERVING: &str = "serving logins";

/// What the service manager shows while the last good policy is in force in the place of the files.
pub(crate) fn serving_without(fault: &str) -> String {
    format!("{SERVING} by the last good policy: the configuration is not in force ({fault})")
}

/// Who asked for a reload.
#[derive(Debug, Clone)]
pub struct By {
    /// `root`, or `service` for a signal.
    pub actor: &'static str,
    /// As whom they logged in, where that is known.
    pub login: Option<LoginUser>,
}

impl From<&'static str> for By {
    fn from(actor: &'static str) -> Self {
        Self { actor, login: None }
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
