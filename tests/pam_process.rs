//! The module in a process of its own: nothing is left behind, and nothing of the process leads it astray.
//!
//! Not run by libtest, whose threads would hide ours: one thread, the service in a child of the same program.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use countersign_tests::pam::{Person, Stacks, Transaction, code};
use countersign_tests::service::{Act, Call, Service, step};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Uid, fork, geteuid, setresuid};

/// Rounds of loading, authenticating, unloading.
const ROUNDS: usize = 1000;
/// A user who is neither root nor the service's.
const STRANGER: u32 = 65_534;

/// A test: its name, and what it does with the socket of an obliging service.
type Test = (&'static str, fn(&Path));

const TESTS: [Test; 11] = [
    ("a_thousand_rounds_leave_no_thread_and_no_descriptor", a_thousand_rounds_leave_nothing),
    ("a_forked_child_can_log_in", a_forked_child_can_log_in),
    ("a_program_with_another_real_user_can_log_in", another_real_user_can_log_in),
    ("a_service_of_another_user_is_refused", a_service_of_another_user_is_refused),
    ("a_service_that_vanishes_does_not_kill_the_program", a_vanished_service_does_not_kill),
    ("a_hostile_environment_changes_nothing", a_hostile_environment_changes_nothing),
    ("a_full_table_of_descriptors_refuses", a_full_table_of_descriptors_refuses),
    ("who_opened_a_session_tells_of_its_end_once", who_opened_a_session_tells_of_its_end_once),
    ("a_session_that_is_not_ours_is_not_ended", a_session_that_is_not_ours_is_not_ended),
    ("nobody_but_the_kernel_says_which_session_it_is", nobody_but_the_kernel_says_which_session_it_is),
    ("a_service_that_hangs_holds_up_no_end", a_service_that_hangs_holds_up_no_end),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", path] => serve(Path::new(path)),
        ["log-in", path] => return exit_code(log_in(Path::new(path))),
        ["--list", ..] => {
            for (name, _) in TESTS {
                println!("{name}: test");
            }
        }
        filters => return run(filters),
    }
    ExitCode::SUCCESS
}

fn run(filters: &[&str]) -> ExitCode {
    if !geteuid().is_root() {
        println!("left out, because it needs root: pam_process");
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().unwrap();
    let obliging = ServiceProcess::start(folder.path().join("login.sock"), 0);
    let filters: Vec<_> = filters.iter().filter(|filter| !filter.starts_with('-')).collect();
    for (name, test) in TESTS {
        if filters.is_empty() || filters.iter().any(|filter| name.contains(**filter)) {
            test(&obliging.path);
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

/// Is the obliging service until its parent goes.
fn serve(path: &Path) {
    let _service = Service::obliging(path).unwrap();
    println!("ready");
    let _ = std::io::stdin().lock().read_line(&mut String::new());
}

/// A service in a child, as some user.
struct ServiceProcess {
    path: PathBuf,
    child: Child,
}

impl ServiceProcess {
    fn start(path: PathBuf, uid: u32) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([Path::new("serve"), &path])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .uid(uid)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { path, child }
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stacks(socket: &Path) -> Stacks {
    let stacks = Stacks::new().unwrap();
    let ours = format!("{{module}} timeout=2 socket={}", socket.display());
    let lines = format!("auth required {ours}\nsession required pam_permit.so\nsession optional {ours}");
    stacks.write("su", &lines).unwrap();
    let backstop = format!("account required pam_permit.so\naccount required {ours} require_auth");
    stacks.write("sshd", &backstop).unwrap();
    stacks
}

fn log_in(socket: &Path) -> i32 {
    let stacks = stacks(socket);
    let mut login = Transaction::start(&stacks, "su", "alice", Person::answering(["492039"])).unwrap();
    let result = login.authenticate();
    if result == code::SUCCESS {
        assert_eq!(login.set_credentials(), code::SUCCESS);
        assert_eq!((login.open_session(), login.close_session()), (code::SUCCESS, code::SUCCESS));
    }
    result
}

/// Enters a new session of the kernel's audit, as `pam_loginuid` does, and returns its id.
fn enter_session() -> u32 {
    std::fs::write("/proc/self/loginuid", STRANGER.to_string()).unwrap();
    std::fs::read_to_string("/proc/self/sessionid").unwrap().trim().parse().unwrap()
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap())
}

/// The names in a folder of /proc/self: threads, or descriptors with what they are.
fn own(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(format!("/proc/self/{folder}")).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let target = std::fs::read_link(&path).map(|target| target.display().to_string()).unwrap_or_default();
        format!("{} {target}", path.display())
    };
    // The folder being read is a descriptor of its own.
    entries.map(name).filter(|name| !name.ends_with("/fd")).collect()
}

fn a_thousand_rounds_leave_nothing(socket: &Path) {
    // In a session, so that its begin and its end are told too.
    let rounds = || {
        enter_session();
        a_thousand_rounds(socket);
        0
    };
    assert_ends(in_a_child(rounds), 0);
}

fn a_thousand_rounds(socket: &Path) {
    assert_eq!(log_in(socket), code::SUCCESS);
    let (threads, descriptors) = (own("task"), own("fd"));
    assert_eq!(threads.len(), 1);
    for round in 0..ROUNDS {
        assert_eq!(log_in(socket), code::SUCCESS, "round {round}");
    }
    assert_eq!(own("task"), threads);
    assert_eq!(own("fd"), descriptors);
    // And none after refusals, whose connection ends in other places.
    let nobody = socket.with_extension("nobody");
    for _ in 0..10 {
        assert_eq!(log_in(&nobody), code::AUTHINFO_UNAVAIL);
    }
    assert_eq!((own("task"), own("fd")), (threads, descriptors));
}

/// Forks, does something in the child, and returns how the child ended.
fn in_a_child(work: impl FnOnce() -> i32) -> WaitStatus {
    // SAFETY: this process has one thread, so the child may do whatever it could have done.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
        ForkResult::Child => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(99);
            std::process::exit(result);
        }
    }
}

fn assert_ends(status: WaitStatus, expected: i32) {
    assert!(matches!(status, WaitStatus::Exited(_, code) if code == expected), "{status:?}");
}

fn a_forked_child_can_log_in(socket: &Path) {
    // The parent has loaded and used the module: what that leaves must not stop the child.
    assert_eq!(log_in(socket), code::SUCCESS);
    assert_ends(in_a_child(|| log_in(socket)), code::SUCCESS);
    let grandchild = || {
        assert_ends(in_a_child(|| log_in(socket)), code::SUCCESS);
        log_in(socket)
    };
    assert_ends(in_a_child(grandchild), code::SUCCESS);
    assert_eq!(log_in(socket), code::SUCCESS);
}

fn another_real_user_can_log_in(socket: &Path) {
    let (stranger, root) = (Uid::from_raw(STRANGER), Uid::from_raw(0));
    assert_ends(
        in_a_child(|| {
            setresuid(stranger, root, root).unwrap();
            log_in(socket)
        }),
        code::SUCCESS,
    );
}

fn a_service_of_another_user_is_refused(_: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), permissions).unwrap();
    let fake = ServiceProcess::start(folder.path().join("login.sock"), STRANGER);
    assert_eq!(log_in(&fake.path), code::AUTHINFO_UNAVAIL);
}

fn a_vanished_service_does_not_kill(_: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let service = ServiceProcess::start(folder.path().join("login.sock"), 0);
    let child = nix::unistd::Pid::from_raw(i32::try_from(service.child.id()).unwrap());
    let status = in_a_child(|| {
        // As in a C program: Rust's own start has set it to be ignored.
        // SAFETY: the default action needs no handler.
        unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
        let stacks = stacks(&service.path);
        let person = Person::deciding(move |_| {
            nix::sys::signal::kill(child, Signal::SIGKILL).unwrap();
            while service_listens(child) {
                std::thread::yield_now();
            }
            "492039".into()
        });
        let mut login = Transaction::start(&stacks, "su", "alice", person).unwrap();
        login.authenticate()
    });
    assert_ends(status, code::AUTHINFO_UNAVAIL);
}

/// Tells whether the process still runs. One whose every thread has ended has closed everything; its first thread alone
/// can end before the others.
fn service_listens(pid: nix::unistd::Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    !status.is_empty() && (!status.contains(") Z ") || threads > 1)
}

fn a_hostile_environment_changes_nothing(socket: &Path) {
    let trap = tempfile::tempdir().unwrap();
    let elsewhere = format!("unix:path={}", trap.path().join("trap.sock").display());
    let listener = std::os::unix::net::UnixListener::bind(trap.path().join("trap.sock")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args([Path::new("log-in"), socket])
        .env("COUNTERSIGN_MODULE", countersign_tests::pam::module())
        .envs([
            ("DBUS_SYSTEM_BUS_ADDRESS", elsewhere.as_str()),
            ("DBUS_SESSION_BUS_ADDRESS", &elsewhere),
            ("COUNTERSIGN_SOCKET", &elsewhere),
            ("COUNTERSIGN_LOGIN", "c1"),
            ("SSH_AUTH_INFO_0", "publickey ssh-ed25519 AAAA"),
            ("NOTIFY_SOCKET", &elsewhere),
            ("RUST_BACKTRACE", "full"),
            ("RUST_LOG", "trace"),
            ("TOKIO_WORKER_THREADS", "64"),
            ("LANG", "../../../../etc"),
            ("LC_ALL", "\u{1b}[2J"),
            ("TZ", ":/dev/zero"),
            ("HOME", "/nonexistent"),
            ("XDG_RUNTIME_DIR", "/nonexistent"),
        ])
        .output()
        .unwrap();
    assert_eq!(status.status.code(), Some(code::SUCCESS), "signal {:?}", status.status.signal());
    assert!(status.stdout.is_empty() && status.stderr.is_empty(), "something was printed");
    assert!(listener.accept().is_err(), "the environment led somewhere");
}

fn a_full_table_of_descriptors_refuses(socket: &Path) {
    use nix::sys::resource::{Resource, setrlimit};
    for free in 0..8 {
        let status = in_a_child(|| {
            let stacks = stacks(socket);
            let mut login =
                Transaction::start(&stacks, "su", "alice", Person::answering(["492039"])).unwrap();
            let taken = own("fd").len();
            setrlimit(Resource::RLIMIT_NOFILE, u64::try_from(taken + free).unwrap(), 4096).unwrap();
            login.authenticate()
        });
        let WaitStatus::Exited(_, result) = status else { unreachable!("the program died: {status:?}") };
        let clean = [code::SUCCESS, code::SYSTEM_ERR, code::AUTHINFO_UNAVAIL];
        assert!(clean.contains(&result), "{free} free gave {result}");
    }
}

/// A service that lets everybody in and takes every report.
fn obliging() -> Service {
    let act = |_: usize, call: &Call| if call.member == "Begin" { step("allow", &[]) } else { Act::Done };
    Service::acting(act).unwrap()
}

fn told(service: &Service) -> Vec<(String, String, u32)> {
    service.calls().into_iter().map(|call| (call.member, call.text, call.session)).collect()
}

fn who_opened_a_session_tells_of_its_end_once(_: &Path) {
    let status = in_a_child(|| {
        let (service, session) = (obliging(), enter_session());
        let stacks = stacks(service.path());
        let mut login = Transaction::start(&stacks, "su", "alice", Person::default()).unwrap();
        assert_eq!(login.authenticate(), code::SUCCESS);
        assert_eq!(login.open_session(), code::SUCCESS);
        assert_eq!(login.variable(c"COUNTERSIGN_LOGIN"), None);
        // Whoever owns the variable later: it is not what the end is told by.
        login.put("COUNTERSIGN_LOGIN=c1");
        for _ in 0..2 {
            assert_eq!(login.close_session(), code::SUCCESS);
        }
        let report = |member: &str| (member.to_owned(), "c42".to_owned(), session);
        let begun = ("Begin".to_owned(), "alice".to_owned(), 0);
        assert_eq!(told(&service), [begun, report("SessionOpened"), report("SessionClosed")]);
        0
    });
    assert_ends(status, 0);
}

fn a_session_that_is_not_ours_is_not_ended(_: &Path) {
    let status = in_a_child(|| {
        let service = obliging();
        enter_session();
        let stacks = stacks(service.path());
        let mut never_opened = Transaction::start(&stacks, "su", "alice", Person::default()).unwrap();
        never_opened.put("COUNTERSIGN_LOGIN=c1");
        assert_eq!(never_opened.close_session(), code::SUCCESS);
        // Without a login of ours, as under crond.
        let mut without_login = Transaction::start(&stacks, "su", "alice", Person::default()).unwrap();
        assert_eq!((without_login.open_session(), without_login.close_session()), (0, 0));
        assert_eq!(told(&service), []);
        0
    });
    assert_ends(status, 0);
}

fn nobody_but_the_kernel_says_which_session_it_is(_: &Path) {
    let session_of = |service: &Service| service.calls().first()?.facts.get("session_id").cloned();
    let status = in_a_child(|| {
        let authenticate = |service: &Service| {
            let stacks = stacks(service.path());
            let mut login = Transaction::start(&stacks, "su", "alice", Person::default()).unwrap();
            for name in ["session_id", "SESSION_ID", "XDG_SESSION_ID", "AUDIT_SESSION"] {
                login.put(&format!("{name}=7"));
            }
            assert_eq!(login.authenticate(), code::SUCCESS);
        };
        let unset = std::fs::read_to_string("/proc/self/sessionid").unwrap() == u32::MAX.to_string();
        let without = obliging();
        authenticate(&without);
        assert_eq!((without.members().len(), session_of(&without).is_none()), (1, unset));
        let (within, session) = (obliging(), enter_session());
        authenticate(&within);
        assert_eq!(session_of(&within), Some(session.to_string()));
        let backstop = obliging();
        let stacks = stacks(backstop.path());
        let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
        assert_eq!(login.account(), code::SUCCESS);
        assert_eq!((backstop.members().len(), session_of(&backstop)), (1, None), "an account needs none");
        0
    });
    assert_ends(status, 0);
}

fn a_service_that_hangs_holds_up_no_end(_: &Path) {
    let status = in_a_child(|| {
        enter_session();
        let hanging = Service::acting(|_, call| match call.member.as_str() {
            "Begin" => step("allow", &[]),
            _ => Act::Silence,
        });
        let service = hanging.unwrap();
        let stacks = stacks(service.path());
        let mut login = Transaction::start(&stacks, "su", "alice", Person::default()).unwrap();
        assert_eq!(login.authenticate(), code::SUCCESS);
        assert_eq!(login.open_session(), code::SUCCESS);
        let before = Instant::now();
        assert_eq!(login.close_session(), code::SUCCESS);
        assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
        // The service may have heard of the session before it hung.
        assert_eq!(service.members(), ["Begin", "SessionOpened", "SessionClosed"]);
        0
    });
    assert_ends(status, 0);
}
