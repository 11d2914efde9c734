//! Idle sessions against a logind of the test's own: who is told, who is hung up, and who is left alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::unused_self, reason = "the properties of a fake are methods")]

mod harness;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_config::LocalNames;
use countersign_core::account::HostId;
use countersign_core::policy::{Mode, Policy};
use countersignd::directory::Directory;
use countersignd::host::clock::Clock as _;
use countersignd::sessions::idle::Watch;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use zbus::{Connection, OwnedObjectPath, interface};

use harness::bus::Bus;
use harness::own_name;
use harness::world::{World, policy};

const OBJECT: &str = "/org/freedesktop/login1/session/_37";
const LIMIT: Duration = Duration::from_hours(1);
const NOTICE: Duration = Duration::from_mins(5);
/// How often the service looks here.
const REST: Duration = Duration::from_millis(20);

/// What logind knows and was asked.
#[derive(Default)]
struct Logind {
    /// Since when the one session is idle, in seconds since 1970.
    idle_since: AtomicU64,
    lists: AtomicUsize,
    kills: Mutex<Vec<(String, String, i32)>>,
}

struct Manager(Arc<Logind>);

#[interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn list_sessions(&self) -> Vec<(String, u32, String, String, OwnedObjectPath)> {
        self.0.lists.fetch_add(1, Ordering::SeqCst);
        let object = OwnedObjectPath::try_from(OBJECT).unwrap();
        vec![("7".to_owned(), nix::unistd::getuid().as_raw(), own_name(), String::new(), object)]
    }

    fn kill_session(&self, id: String, whom: String, signal: i32) {
        self.0.kills.lock().unwrap().push((id, whom, signal));
    }
}

struct Session(Arc<Logind>);

#[interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn name(&self) -> String {
        own_name()
    }
    #[zbus(property)]
    fn service(&self) -> &'static str {
        "sshd"
    }
    #[zbus(property)]
    fn remote(&self) -> bool {
        true
    }
    #[zbus(property)]
    fn remote_host(&self) -> &'static str {
        "198.51.100.7"
    }
    #[zbus(property, name = "TTY")]
    fn tty(&self) -> &'static str {
        "pts/3"
    }
    #[zbus(property, name = "Type")]
    fn kind(&self) -> &'static str {
        "tty"
    }
    #[zbus(property)]
    fn class(&self) -> &'static str {
        "user"
    }
    #[zbus(property)]
    fn state(&self) -> &'static str {
        "active"
    }
    #[zbus(property)]
    fn idle_since_hint(&self) -> u64 {
        self.0.idle_since.load(Ordering::SeqCst) * 1_000_000
    }
    #[zbus(property)]
    fn leader(&self) -> u32 {
        4711
    }
    #[zbus(property)]
    fn audit(&self) -> u32 {
        7
    }
}

/// How long is left to be idle until so many notices before the end.
fn before_end(notices: u32) -> Duration {
    LIMIT.checked_sub(notices * NOTICE).unwrap()
}

/// A service that looks at one session, idle since the beginning.
struct Site {
    world: World,
    logind: Arc<Logind>,
    told: Arc<Mutex<Vec<String>>>,
    watch: JoinHandle<()>,
    _kept: (TempDir, Bus, Connection),
}

impl Site {
    /// Makes one whose unit for terminals answers so.
    async fn new(policy: Policy, answer: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bus = Bus::start(folder.path()).await;
        let (world, logind) = (World::under(policy, 1), Arc::new(Logind::default()));
        logind.idle_since.store(world.clock.wall().as_seconds(), Ordering::SeqCst);
        let connection = bus.connect().await;
        let objects = connection.object_server();
        objects.at("/org/freedesktop/login1", Manager(Arc::clone(&logind))).await.unwrap();
        objects.at(OBJECT, Session(Arc::clone(&logind))).await.unwrap();
        connection.request_name("org.freedesktop.login1").await.unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let teller = folder.path().join("tell.sock");
        tokio::spawn(tell(UnixListener::bind(&teller).unwrap(), Arc::clone(&told), answer));
        let host = HostId::try_from("h1").unwrap();
        let directory = Directory::new(&host, LocalNames::Host).unwrap();
        let watch = Watch::new(world.engine.clone(), directory, bus.socket(), teller);
        let watch = tokio::spawn(watch.run(REST));
        Self { world, logind, told, watch, _kept: (folder, bus, connection) }
    }

    /// Lets the service look a few times more.
    async fn look(&self) {
        let seen = self.logind.lists.load(Ordering::SeqCst);
        let begun = Instant::now();
        while self.logind.lists.load(Ordering::SeqCst) < seen + 3 {
            assert!(begun.elapsed() < Duration::from_secs(20), "the service does not look");
            sleep(REST).await;
        }
    }

    async fn after(&self, time: Duration) {
        // The service sees each minute, as it would: a clock that jumps is another matter.
        for _ in 0..time.as_secs() / 60 {
            self.world.clock.advance(Duration::from_mins(1));
        }
        self.look().await;
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn kills(&self) -> Vec<(String, String, i32)> {
        self.logind.kills.lock().unwrap().clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// The unit that writes to terminals, without one.
async fn tell(listener: UnixListener, told: Arc<Mutex<Vec<String>>>, answer: &'static str) {
    while let Ok((stream, _)) = listener.accept().await {
        let (read, mut write) = stream.into_split();
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).await.unwrap();
        told.lock().unwrap().push(line.trim_end().to_owned());
        write.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn limited() -> Policy {
    let mut policy = policy();
    policy.default.idle_timeout = Some(LIMIT);
    policy
}

#[tokio::test]
async fn a_session_is_told_once_and_hung_up_five_minutes_later() {
    let site = Site::new(limited(), "told\n").await;
    site.after(before_end(2)).await;
    assert_eq!((site.told(), site.kills()), (vec![], vec![]), "not near the limit");
    site.after(NOTICE).await;
    assert_eq!((site.told(), site.kills()), (vec!["pts/3 en 5".to_owned()], vec![]));
    site.after(NOTICE).await;
    assert_eq!(site.kills(), [("7".to_owned(), "leader".to_owned(), 1)]);
    assert_eq!((site.told().len(), site.world.recorded().await), (1, vec!["session-idle".to_owned(); 2]));
}

#[tokio::test]
async fn who_was_not_reached_is_never_hung_up() {
    let site = Site::new(limited(), "").await;
    site.after(LIMIT).await;
    site.after(2 * NOTICE).await;
    assert!(!site.told().is_empty(), "it is tried");
    assert_eq!((site.kills(), site.world.recorded().await), (vec![], Vec::<String>::new()));
}

#[tokio::test]
async fn who_used_the_session_since_is_told_again_before_anything_ends() {
    let site = Site::new(limited(), "told\n").await;
    site.after(before_end(1)).await;
    site.logind.idle_since.store(site.world.clock.wall().as_seconds(), Ordering::SeqCst);
    site.after(NOTICE).await;
    assert_eq!((site.told().len(), site.kills()), (1, vec![]), "in use");
    site.after(before_end(1)).await;
    assert_eq!((site.told().len(), site.kills()), (2, vec![]), "told again, and five minutes left");
}

#[tokio::test]
async fn a_clock_that_jumps_hangs_nobody_up_untold() {
    let site = Site::new(limited(), "told\n").await;
    site.after(before_end(1)).await;
    site.world.clock.set_back(NOTICE);
    site.look().await;
    site.world.clock.advance(2 * NOTICE);
    site.look().await;
    assert_eq!(site.kills(), vec![]);
    assert!(site.told().len() > 1, "the notice begins anew");
}

#[tokio::test]
async fn a_watched_rule_ends_nothing_and_without_a_limit_nobody_is_asked() {
    let mut watched = limited();
    watched.default.mode = Mode::Monitor;
    let site = Site::new(watched, "told\n").await;
    site.after(2 * LIMIT).await;
    assert_eq!((site.told(), site.kills()), (vec![], vec![]));
    let site = Site::new(policy(), "told\n").await;
    sleep(10 * REST).await;
    assert_eq!(site.logind.lists.load(Ordering::SeqCst), 0);
}
