//! From arguments to a service, and to its end.
//!
//! Whatever is missing or invalid at the start is said in full. In the place of invalid files the last good ones are used;
//! where there are none, and for everything else, the service does not start: nobody is let in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_config::{Database, StoreSettings};
use countersign_core::audit::EventId;
use countersign_core::policy::switch::{Change, Moment, Occasion, Outcome};
use countersign_core::time::WallTime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use crate::args::Args;
use crate::bus::{Service, own, system};
use crate::delivery::Delivery;
use crate::delivery::credentials::Credentials;
use crate::delivery::outbox::Outbox;
use crate::directory::{Directory, DirectoryError};
use crate::engine::{self, Handle, Parts, Tools};
use crate::host::clock::{Clock, SystemClock};
use crate::host::entropy::SystemEntropy;
use crate::host::identity::{self, IdentityError};
use crate::host::journal::{Journal, SystemJournal};
use crate::host::notify;
use crate::host::vigil::Vigil;
use crate::host::{breakglass, outage, restarts, timeline, upkeep};
use crate::reload::{Basis, Files, InForce, Reloader, SERVING, UNDECIDED, record, serving_without};
use crate::rollback::{Reach, StampKeeper};
use crate::sessions::idle::Watch;
use crate::sessions::terminal;
use crate::spool::Spool;
use crate::store::sealing::WrappingKey;
use crate::store::watched::Watched;
use crate::store::{Store, StoreError};
use crate::switch::{Keeper, SwitchError};

/// Where the machine-id lies.
const MACHINE_ID: &str = "/etc/machine-id";
/// Where systemd says which folders are the service's.
const STATE: &str = "STATE_DIRECTORY";
/// How far the uses of break-glass were taken into the audit.
const MARK: &str = "breakglass-mark";
/// Where systemd puts the credentials; its own environment, the only one that is read.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// How long what is under way may take at the end.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Why the service did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is invalid; each mistake was said.
    #[error("the configuration is invalid ({0} mistakes)")]
    Configuration(usize),
    /// No key for the store.
    #[error("no key for the store: neither a credential `store-key` nor `[store] key_file`")]
    NoKey,
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host does not say who it is.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The name service cannot be asked.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Something of the system is missing.
    #[error("{doing}: {cause}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Nobody knows whether the second factor was off, or it cannot be switched.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// The engine is gone.
    #[error("the engine ended")]
    Engine,
}

/// Serves until the manager asks to stop.
///
/// # Errors
/// [`StartError`], after every reason was said on standard error.
pub async fn run(args: Args) -> Result<(), StartError> {
    // Before anybody can know that the service runs: until then the signal would end it.
    let hangup = listen(SignalKind::hangup())?;
    let files = Files::of(&args).kept_in(state_folder());
    let Basis { mut loaded, fault } = files.read_at_start().map_err(StartError::Configuration)?;
    let texts = std::mem::take(&mut loaded.texts);
    let switch = Arc::new(Keeper::open(state_folder())?);
    let vigil = Arc::new(vigil(&loaded.store)?);
    let mut cause = None;
    // A store that does not open refuses those who need it, and nobody else.
    let _ = vigil.look(&mut cause).await;
    let store = Arc::clone(&vigil.store);
    let newest = store.newest_time().await.ok();
    let host = identity::read(Path::new(MACHINE_ID))?;
    files.name_host(&mut loaded, &host.name);
    let switched = switch.take(loaded.switch, Occasion::Start, Moment::of(SystemClock.wall(), newest))?;
    let (policy, policy_in_force) = watch::channel(Arc::new(switch.settle(loaded.policy)));
    let (retention, kept) = watch::channel(loaded.audit);
    let journal = start_journal()?;
    let tools = tools(store.clone(), Arc::clone(&vigil.spool));
    let floor = floor(newest, tools.clock.as_ref());
    let parts = Parts { tools, policy: policy_in_force, journal: Arc::clone(&journal), host, floor };
    let (engine, mut loop_) = engine::start(parts);
    let credentials = Credentials::of(std::env::var_os(CREDENTIALS).map(PathBuf::from));
    let delivery = Arc::new(Delivery::new(&loaded.delivery, credentials));
    let directory = Directory::new(&engine.host().id, loaded.store.local_names)?;
    let idle = watch_idle(&args, &engine, &directory);
    let taking = |cause| StartError::System { doing: "taking the login socket", cause };
    let listener = notify::listener(args.socket.as_deref()).await.map_err(taking)?;
    tell_start(&engine, switched).await;
    let status = settle_files(&engine, &files, &texts, fault).await;
    let force = InForce { policy, retention, delivery: Arc::clone(&delivery) };
    let reloader = Arc::new(Reloader::new(files, loaded.store, switch, force, engine.clone()));
    let ways = Arc::clone(&delivery);
    let service = Service::new(engine.clone(), directory, ways, Arc::clone(&reloader), Arc::clone(&store));
    let service = Arc::new(service);
    let own = tokio::spawn(own::serve(listener, Arc::clone(&service)));
    let bus = args.bus.clone().map(|path| tokio::spawn(system::serve(path, Arc::clone(&service))));
    drop(service);
    let (stop, stopped) = watch::channel(false);
    let outbox = tokio::spawn(Outbox::new(engine.clone(), Arc::clone(&delivery)).run(stopped));
    let [notes, time] = keep_folder(&engine);
    let watch = tokio::spawn(vigil.keep(engine.clone(), cause));
    let upkeep = tokio::spawn(upkeep::audit(engine.clone(), journal, kept));
    notify::ready(&status);
    restarts::succeeded(state_folder().as_deref());
    let hangups = tokio::spawn(reload_on_hangup(hangup, reloader));
    let ended = attend(&engine, &mut loop_).await;
    notify::stopping();
    if ended.is_ok() {
        // First the messages: how they end is for the engine to store.
        stop.send_replace(true);
        let _ = outbox.await;
        finish(&engine, loop_, &store, &watch).await;
    }
    for task in [own, upkeep, hangups, watch] {
        task.abort();
    }
    for task in [bus, notes, idle, time].into_iter().flatten() {
        task.abort();
    }
    ended
}

fn start_journal() -> Result<Arc<dyn Journal>, StartError> {
    let fault = |cause| StartError::System { doing: "starting the journal's thread", cause };
    Ok(Arc::new(SystemJournal::start().map_err(fault)?))
}

/// Tells the latest time that this host knows of. Every account brings its own newest time; until a server is reached, nobody
/// who needs the store is let in anyway.
fn floor(newest: Option<WallTime>, clock: &dyn Clock) -> WallTime {
    let reached = state_folder().and_then(|folder| timeline::kept(&folder, clock.since_boot()));
    newest.into_iter().chain(reached).max().unwrap_or_default()
}

/// Watches sessions for being idle, where there is a bus to ask logind.
fn watch_idle(args: &Args, engine: &Handle, directory: &Directory) -> Option<JoinHandle<()>> {
    let bus = args.bus.clone()?;
    let watch = Watch::new(engine.clone(), directory.clone(), bus, terminal::SOCKET.into());
    Some(tokio::spawn(watch.run(args.rest)))
}

/// Has what is under way committed and answered; logins that are not ready by then are refused by the closed socket.
/// Then the stamp takes in the last commit.
async fn finish(engine: &Handle, loop_: JoinHandle<()>, store: &Watched, watch: &JoinHandle<()>) {
    engine.stop().await;
    let _ = timeout(STOP_LIMIT, loop_).await;
    watch.abort();
    let _ = timeout(STOP_LIMIT, store.observe()).await;
}

/// Takes uses of break-glass into the audit, and keeps the timeline, in the service's own folder.
fn keep_folder(engine: &Handle) -> [Option<JoinHandle<()>>; 2] {
    let Some(folder) = state_folder() else { return [None, None] };
    let notes = tokio::spawn(breakglass::import(engine.clone(), folder.join(MARK)));
    [Some(notes), Some(tokio::spawn(timeline::keep(engine.timeline(), folder)))]
}

/// Tells that the service started, and what became of the master switch. Where nothing settles it, codes are asked for.
async fn tell_start(engine: &Handle, switched: Outcome) {
    record::about_service(engine, &"service".into(), EventId::ServiceStarted, env!("CARGO_PKG_VERSION"))
        .await;
    match switched {
        Outcome::Stays => {}
        Outcome::Switched(change) => {
            record::about_switch(engine, &"service".into(), change).await;
            if change == Change::OnUndecided {
                tracing::error!("{UNDECIDED}");
            }
        }
        Outcome::Unsettled | Outcome::Undecided => tracing::error!("{UNDECIDED}"),
    }
}

/// Leaves the sentence for an outage, and keeps the files that the service started with, or records that it started without
/// them; tells what the manager shows.
async fn settle_files(
    engine: &Handle,
    files: &Files,
    texts: &[(String, String)],
    fault: Option<String>,
) -> String {
    outage::leave(&engine.policy().settings);
    let Some(fault) = fault else {
        files.keep(texts);
        return SERVING.to_owned();
    };
    let reason = format!("{fault}; the service started with the last good policy");
    record::about_service(engine, &"service".into(), EventId::PolicyRefused, &reason).await;
    serving_without(&fault)
}

/// Tells the service's own folder, where systemd gave it one.
#[must_use]
pub fn state_folder() -> Option<PathBuf> {
    let folders = std::env::var_os(STATE)?;
    std::env::split_paths(&folders).next()
}

/// Tells the folder of the store's stamp: the second one.
fn stamp_folder() -> Option<PathBuf> {
    let folders = std::env::var_os(STATE)?;
    std::env::split_paths(&folders).nth(1)
}

/// Puts together what looks after the store. A key that is missing is a mistake of the setup, and starts no service.
fn vigil(settings: &StoreSettings) -> Result<Vigil, StartError> {
    let wrapping = match (&settings.key_file, std::env::var_os(CREDENTIALS)) {
        (Some(file), _) => WrappingKey::from_file(file)?,
        (None, Some(folder)) => WrappingKey::from_credential(&PathBuf::from(folder))?,
        (None, None) => return Err(StartError::NoKey),
    };
    let reach = match settings.database {
        Database::Embedded(_) => Reach::Host,
        Database::Fleet(_) => Reach::Fleet,
    };
    let keeper = Arc::new(StampKeeper::open(stamp_folder(), reach));
    Ok(Vigil {
        store: Arc::new(Watched::new(keeper)),
        spool: Arc::new(Spool::open(state_folder())),
        settings: settings.clone(),
        wrapping,
        host: identity::read(Path::new(MACHINE_ID))?.id,
    })
}

fn tools(store: Arc<dyn Store>, spool: Arc<Spool>) -> Tools {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Tools { store, clock, entropy: Arc::new(Mutex::new(SystemEntropy)), spool }
}

/// Waits for what the manager wants: to hear that the service lives, or the end.
async fn attend(engine: &Handle, loop_: &mut JoinHandle<()>) -> Result<(), StartError> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let watchdog = notify::watchdog();
    let mut pulse = interval(watchdog.unwrap_or(Duration::from_hours(1)));
    loop {
        tokio::select! {
            _ = pulse.tick(), if watchdog.is_some() => {
                if engine.ping().await.is_ok() {
                    notify::alive();
                }
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = &mut *loop_ => return Err(StartError::Engine),
        }
    }
    Ok(())
}

/// Reloads whenever the manager asks; what comes meanwhile is one more.
async fn reload_on_hangup(mut hangup: Signal, reloader: Arc<Reloader>) {
    while hangup.recv().await.is_some() {
        if let Err(late) = reloader.reload("service").await {
            tracing::error!(%late);
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, StartError> {
    signal(kind).map_err(|cause| StartError::System { doing: "listening for signals", cause })
}
