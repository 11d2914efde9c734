//! New files while people log in: no instant without a policy, no mixture of two, and nothing of files with a mistake.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_core::audit::retention::Retention;
use countersign_core::audit::{AuditEvent, EventId};
use countersign_protocol::step::State;
use countersignd::args::Args;
use countersignd::delivery::Delivery;
use countersignd::host::clock::Clock as _;
use countersignd::reload::{Files, InForce, Reloaded, Reloader};
use countersignd::store::Store as _;
use countersignd::switch::Keeper;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};

use harness::world::{ADDRESS, World, person, request, root};

/// Nobody is asked; records are kept for 100 days.
const OPEN: &str = "[audit]\nkeep = \"100d\"\n\n[default]\nrequire = \"never\"\n";
/// Everybody is; records are kept for 200 days.
const CLOSED: &str = "[audit]\nkeep = \"200d\"\n\n[default]\nrequire = \"always\"\n";
/// Two mistakes.
const WRONG: &str = "[default]\nrequire = \"sometimes\"\ncolour = \"red\"\n";
const DAY: Duration = Duration::from_hours(24);
const STORE: &str = "[store]\nurl = \"sqlite:///var/lib/countersign/countersign.db\"\n\n";

/// A service that can be reloaded, and its files.
struct Site {
    folder: TempDir,
    world: Arc<World>,
    retention: watch::Receiver<Retention>,
    reloader: Arc<Reloader>,
}

impl Site {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let files = Files::of(&Args {
            config: main_file(folder.path()),
            trust_uid: Some(nix::unistd::getuid().as_raw()),
            ..Args::default()
        });
        write(folder.path(), &format!("{STORE}{text}"));
        let loaded = files.read().unwrap();
        let (world, policy) = World::with_policy_of(loaded.policy);
        let (sender, retention) = watch::channel(loaded.audit);
        let ways = [(); 3].map(|()| Err("not configured".to_owned()));
        let force = InForce { policy, retention: sender, delivery: Arc::new(Delivery::of(ways)) };
        let switch = Arc::new(Keeper::open(Some(folder.path().to_owned())).unwrap());
        let reloader = Arc::new(Reloader::new(files, loaded.store, switch, force, world.engine.clone()));
        Self { folder, world: Arc::new(world), retention, reloader }
    }

    /// Puts another main file in place at once, as editors do.
    fn write(&self, text: &str) {
        write(self.folder.path(), &format!("{STORE}{text}"));
    }

    /// The digest of a text, once it is in force.
    async fn digest_of(&self, text: &str) -> String {
        self.write(text);
        let reloaded = self.reloader.reload("service").await.unwrap();
        assert!(reloaded.is_loaded);
        reloaded.policy
    }

    async fn events(&self) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        loop {
            let after = u64::try_from(events.len()).unwrap();
            let records = self.world.store.memory.audit(after, 1000).await.unwrap();
            if records.is_empty() {
                return events;
            }
            events.extend(records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap()));
        }
    }
}

fn main_file(folder: &Path) -> PathBuf {
    folder.join("countersign.toml")
}

fn write(folder: &Path, text: &str) {
    let new = folder.join("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).unwrap();
    fs::rename(&new, main_file(folder)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reloads_under_a_load_leave_no_login_without_a_policy_of_one_file() {
    let site = Site::new(OPEN);
    let (open, closed) = (site.world.engine.policy().digest.clone(), site.digest_of(CLOSED).await);
    let over = Arc::new(AtomicBool::new(false));
    let mut crowd = JoinSet::new();
    for number in 0..4 {
        let (world, over) = (Arc::clone(&site.world), Arc::clone(&over));
        crowd.spawn(async move { log_in_until(&world, &format!("person{number}"), &over).await });
    }
    let mut taken = 0;
    for round in 0..1000 {
        site.write([OPEN, WRONG, CLOSED][round % 3]);
        taken += usize::from(site.reloader.reload("service").await.unwrap().is_loaded);
    }
    over.store(true, Ordering::SeqCst);
    let begun: usize = crowd.join_all().await.into_iter().sum();
    assert_eq!(taken, 667, "two files of three are valid");

    let mut ended = BTreeMap::<(&str, String), usize>::new();
    let (mut refused, mut logins) = (0, 0);
    for event in site.events().await {
        match event.event {
            EventId::LoginSkipped => {
                assert_eq!(event.policy.as_ref(), Some(&open), "{event:?}");
                logins += 1;
            }
            EventId::LoginAllowed | EventId::LoginDenied | EventId::LoginAbandoned => {
                assert_eq!(event.policy.as_ref(), Some(&closed), "{event:?}");
                logins += 1;
            }
            EventId::PolicyRefused => refused += 1,
            EventId::LoginUnavailable => panic!("a login by no policy: {event:?}"),
            _ => {}
        }
        *ended.entry((event.event.name(), event.policy.unwrap_or_default())).or_default() += 1;
    }
    assert_eq!((refused, logins), (333, begun), "{ended:#?}");
    assert!(begun > 100, "{begun} logins are no load");
}

/// Logs in again and again; who is asked leaves without an answer. Tells how many logins it were.
async fn log_in_until(world: &World, name: &str, over: &AtomicBool) -> usize {
    let person = person(name);
    world.seed(&person).await;
    let mut count = 0;
    while !over.load(Ordering::SeqCst) {
        let begun = world.begin_as(request(&person, ADDRESS), root(1)).await.unwrap();
        count += 1;
        match begun.step.state {
            State::Skip => {}
            State::Ask => world.engine.cancel(begun.id, root(1).owner).await.unwrap(),
            other => panic!("a login that ended as {other:?}"),
        }
        yield_now().await;
    }
    count
}

#[tokio::test]
async fn a_login_under_way_ends_under_the_policy_that_it_began_with() {
    let site = Site::new(CLOSED);
    let closed = site.world.engine.policy().digest.clone();
    let alice = person("alice");
    let phone = site.world.seed(&alice).await;
    let begun = site.world.begin(&alice).await;
    let open = site.digest_of(OPEN).await;
    assert_ne!(open, closed);
    let code = phone.code_at(site.world.clock.wall());
    assert_eq!(site.world.answer(begun.id, &code).await, Ok(State::Allow));
    assert_eq!(site.world.begin(&alice).await.step.state, State::Skip);
    let events = site.events().await;
    let of = |id| events.iter().find(|event| event.event == id).unwrap().policy.clone();
    assert_eq!((of(EventId::LoginAllowed), of(EventId::LoginSkipped)), (Some(closed), Some(open)));
}

#[tokio::test]
async fn files_with_a_mistake_change_nothing_and_every_mistake_is_told() {
    let site = Site::new(CLOSED);
    let before = site.world.engine.policy();
    site.write(&format!("[audit]\nkeep = \"50d\"\n\n{WRONG}"));
    let reloaded = site.reloader.reload("root").await.unwrap();
    assert!(!reloaded.is_loaded);
    assert_eq!(reloaded.policy, before.digest);
    let told = reloaded.mistakes.join("\n");
    assert_eq!(reloaded.mistakes.len(), 2, "{told}");
    assert!(told.contains("sometimes") && told.contains("colour"), "{told}");
    assert_eq!(site.world.engine.policy(), before);
    assert_eq!(*site.retention.borrow(), Retention { keep: 200 * DAY, ..Retention::default() });
    let refused = site.events().await.pop().unwrap();
    assert_eq!((refused.event, refused.reason.as_deref()), (EventId::PolicyRefused, Some("2 mistakes")));
    assert_eq!((refused.actor.as_str(), refused.policy), ("root", Some(before.digest.clone())));
}

#[tokio::test]
async fn policy_and_retention_come_into_force_together_and_a_file_that_is_gone_takes_nothing() {
    let site = Site::new(CLOSED);
    let open = site.digest_of(OPEN).await;
    assert_eq!(site.retention.borrow().keep, 100 * DAY);
    fs::remove_file(main_file(site.folder.path())).unwrap();
    let reloaded = site.reloader.reload("service").await.unwrap();
    assert_eq!((reloaded.is_loaded, reloaded.policy), (false, open));
    assert_eq!(site.world.begin(&person("alice")).await.step.state, State::Skip);
}

#[tokio::test]
async fn a_changed_store_is_a_warning_until_the_service_is_started_again() {
    let site = Site::new(CLOSED);
    let elsewhere = "[store]\nurl = \"sqlite:///var/lib/countersign/elsewhere.db\"";
    write(site.folder.path(), &format!("{elsewhere}\n\n{OPEN}"));
    let reloaded = site.reloader.reload("root").await.unwrap();
    assert!(reloaded.is_loaded);
    let is_of_store = |warning: &String| warning.contains("[store]");
    assert!(reloaded.warnings.iter().any(is_of_store), "{reloaded:?}");
    site.write(OPEN);
    let reloaded = site.reloader.reload("root").await.unwrap();
    assert!(!reloaded.warnings.iter().any(is_of_store), "{reloaded:?}");
}

/// The second factor is off.
const OFF: &str = "enabled = false\n\n[default]\nrequire = \"always\"\n";

impl Site {
    async fn reload(&self, text: &str) -> Reloaded {
        write(self.folder.path(), &text.replacen("[default]", &format!("{STORE}[default]"), 1));
        self.reloader.reload("root").await.unwrap()
    }

    /// The changes of the master switch that are recorded.
    async fn switches(&self) -> Vec<String> {
        let events = self.events().await.into_iter();
        events
            .filter(|event| event.event == EventId::FactorSwitched)
            .filter_map(|event| event.change)
            .collect()
    }
}

#[tokio::test]
async fn the_second_factor_is_off_at_once_and_on_again_only_when_the_file_says_what_becomes_of_enrollments() {
    let site = Site::new(CLOSED);
    let alice = person("alice");
    let phone = site.world.seed(&alice).await;
    assert!(site.reload(OFF).await.is_loaded);
    assert_eq!(site.world.begin(&alice).await.step.state, State::Skip);
    let off = site.world.engine.policy().digest.clone();

    let refused = site.reload("[default]\nrequire = \"always\"\n").await;
    assert_eq!((refused.is_loaded, &refused.policy), (false, &off));
    let told = refused.mistakes.join("\n");
    assert!(told.contains("1 person is enrolled") && told.contains("on_reenable"), "{told}");
    assert_eq!(site.world.begin(&alice).await.step.state, State::Skip, "off as before");
    let record = site.events().await.into_iter().find(|event| event.event == EventId::PolicyRefused).unwrap();
    assert_eq!(record.reason.as_deref(), Some("on_reenable is missing: 1 person is enrolled"));

    assert!(site.reload("on_reenable = \"keep\"\n\n[default]\nrequire = \"always\"\n").await.is_loaded);
    let begun = site.world.begin(&alice).await;
    let code = phone.code_at(site.world.clock.wall());
    assert_eq!(site.world.answer(begun.id, &code).await, Ok(State::Allow));
    assert_eq!(site.switches().await, ["off", "on keep"]);
}

#[tokio::test]
async fn everybody_enrolls_again_where_the_file_says_so_and_after_every_further_reload() {
    let site = Site::new(CLOSED);
    let alice = person("alice");
    site.world.seed(&alice).await;
    site.world.clock.advance(DAY);
    assert!(site.reload(OFF).await.is_loaded);
    let since = site.world.clock.wall();
    site.world.clock.advance(DAY);
    let again = "on_reenable = \"enroll-again\"\n\n[default]\nrequire = \"always\"\n";
    assert!(site.reload(again).await.is_loaded);
    assert_eq!(site.switches().await, ["off", "on enroll-again"]);
    for text in [CLOSED, again] {
        assert_eq!(site.world.engine.policy().enrolled_after, Some(since));
        assert!(site.reload(text).await.is_loaded);
    }
    let decided = site.world.engine.policy().decide(&request(&alice, ADDRESS));
    let seen = site.world.account(&alice).await.seen_from(decided.enrolled_after, site.world.clock.wall());
    assert!(!seen.is_enrolled());
    assert_eq!(site.world.account(&alice).await.factors.len(), 1, "nothing is deleted");
}

#[tokio::test]
async fn a_switch_that_cannot_be_kept_is_not_thrown() {
    let site = Site::new(CLOSED);
    let before = site.world.engine.policy();
    fs::create_dir(site.folder.path().join("switch.new")).unwrap();
    let refused = site.reload(OFF).await;
    assert!(!refused.is_loaded && refused.mistakes[0].contains("not switched"), "{refused:?}");
    assert_eq!(site.world.engine.policy(), before);
    assert_eq!(site.switches().await, Vec::<String>::new());
}

/// Everybody is asked, and enrolls within a week from the first login.
const AT_LOGIN: &str = "[default]\nrequire = \"always\"\nenroll = \"at-login\"\n";

/// Logs in, is asked, and tells whether an invitation is wanted for enrolling.
async fn needs_invitation(site: &Site, name: &str) -> bool {
    let (person, engine) = (person(name), &site.world.engine);
    assert_eq!(site.world.begin(&person).await.step.state, State::Ask, "{name}");
    let (policy, at) = (engine.policy(), site.world.clock.wall());
    let decided = policy.decide(&request(&person, ADDRESS));
    let account = site.world.account(&person).await.seen_from(decided.enrolled_after, at);
    policy.wants_invitation(&person, engine.host(), &account, at)
}

#[tokio::test]
async fn who_could_not_enroll_while_it_was_off_has_the_whole_time_for_it_when_it_is_on_again() {
    for on_reenable in ["enroll-again", "keep"] {
        let site = Site::new(CLOSED);
        assert!(site.reload(AT_LOGIN).await.is_loaded);
        site.world.seed(&person("alice")).await;
        for name in ["alice", "bob"] {
            assert!(!needs_invitation(&site, name).await, "{name} is covered from now on");
        }
        assert!(site.reload(OFF).await.is_loaded);
        site.world.clock.advance(30 * DAY);
        assert!(site.reload(&format!("on_reenable = \"{on_reenable}\"\n\n{AT_LOGIN}")).await.is_loaded);
        assert!(site.reload(AT_LOGIN).await.is_loaded, "the key is taken out, as the guide says");
        site.world.clock.advance(6 * DAY);
        for name in ["alice", "bob"] {
            assert!(!needs_invitation(&site, name).await, "{name} {on_reenable}");
        }
        site.world.clock.advance(2 * DAY);
        assert!(needs_invitation(&site, "bob").await, "{on_reenable}: the week is over");
        let opened = site.world.engine.policy().open_from;
        assert_eq!(opened.map(|since| site.world.clock.wall().since(since)), Some(8 * DAY));
    }
}

#[tokio::test]
async fn a_clock_that_was_moved_back_spares_no_enrollment_from_being_void() {
    let site = Site::new(CLOSED);
    let alice = person("alice");
    let phone = site.world.seed(&alice).await;
    site.world.clock.advance(DAY);
    let begun = site.world.begin(&alice).await;
    let code = phone.code_at(site.world.clock.wall());
    assert_eq!(site.world.answer(begun.id, &code).await, Ok(State::Allow));
    let newest = site.world.clock.wall();
    site.world.clock.set_back(7 * DAY);
    assert!(site.reload(OFF).await.is_loaded);
    let again = format!("on_reenable = \"enroll-again\"\n\n{AT_LOGIN}");
    assert!(site.reload(&again).await.is_loaded);
    let policy = site.world.engine.policy();
    assert_eq!((policy.enrolled_after, policy.open_from), (Some(newest), Some(newest)));
    let decided = policy.decide(&request(&alice, ADDRESS));
    assert!(!site.world.account(&alice).await.seen_from(decided.enrolled_after, newest).is_enrolled());
}

#[tokio::test]
async fn a_reload_to_enroll_again_tells_which_rules_it_opens_or_closes() {
    let site = Site::new(CLOSED);
    assert!(site.reload(OFF).await.is_loaded);
    let reloaded = site.reload("on_reenable = \"enroll-again\"\n\n[default]\nrequire = \"enrolled\"\n").await;
    assert!(reloaded.is_loaded);
    let told = reloaded.warnings.join("\n");
    assert!(told.contains("gets in under `default` without a code"), "{told}");
}
