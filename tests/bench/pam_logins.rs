//! Whole PAM transactions with real codes: Countersign beside `pam_google_authenticator` and `pam_oath` of Debian.
//!
//! Prints medians and rates with one process and with sixteen, and their ratio; asserts nothing about time. The people
//! exist in a mount namespace of this process only (`/etc/passwd` is covered), nothing of the host is changed. As root.
//!
//! Run it by `cargo xtask bench`, which installs the other modules; it stops where one is missing.
//!
//! `COUNTERSIGN_MODULE` and `COUNTERSIGN_DAEMON` name what is measured; otherwise both are built with `--release`.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use countersign_tests::pam::{Person, Reaction, Stacks, Transaction, code, is_installed};
use countersign_tests::phone::{Phone, setup_key};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;

/// How many people log in, each once a run: a code is accepted once.
const PEOPLE: usize = 512;
/// The first uid of theirs.
const FIRST_UID: usize = 70_000;
/// How many processes log in at once.
const PROCESSES: [usize; 2] = [1, 16];
/// What is measured, each a PAM service of that name.
const STACKS: [&str; 4] = ["permit", "countersign", "google", "oath"];
/// The modules to compare with, and Debian's packages of them.
const COMPETITORS: [(&str, &str); 2] =
    [("pam_google_authenticator.so", "libpam-google-authenticator"), ("pam_oath.so", "libpam-oath")];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["worker", folder, stack, from, to] => work(Path::new(folder), stack, from.parse()?, to.parse()?),
        _ if geteuid().is_root() => measure(),
        _ => bail!("the benchmark needs root: it covers /etc/passwd in a namespace of its own"),
    }
}

fn measure() -> Result<()> {
    for (module, package) in COMPETITORS {
        ensure!(
            is_installed(module, Path::new("/")),
            "{module} is not installed, so there is nothing to compare with: apt-get install {package} (`cargo xtask bench` does)"
        );
    }
    let place = Place::prepare()?;
    let _daemon = Daemon::start(place.path())?;
    place.enroll_all()?;
    println!(
        "{PEOPLE} people, whole transactions (pam_start, pam_authenticate, pam_end), each with a fresh code\n"
    );
    println!("{:14} {:>10} {:>12} {:>12} {:>9}", "stack", "processes", "median ms", "logins/s", "refused");
    for processes in PROCESSES {
        wait_for_the_next_step()?;
        let results =
            STACKS.iter().map(|stack| run(place.path(), stack, processes)).collect::<Result<Vec<_>>>()?;
        for (stack, result) in STACKS.iter().zip(&results) {
            let Measured { median, rate, refused } = result;
            let median = median.as_secs_f64() * 1000.0;
            println!("{stack:14} {processes:>10} {median:>12.2} {rate:>12.0} {refused:>9}");
        }
        let [_, ours, google, oath] = results.as_slice() else { bail!("a stack was left out") };
        println!(
            "with {processes}: {:.1} times the logins of pam_google_authenticator, {:.1} times those of pam_oath\n",
            ours.rate / google.rate,
            ours.rate / oath.rate
        );
    }
    Ok(())
}

/// A folder with everything that the stacks read, and people who exist for this process and its children only.
struct Place(tempfile::TempDir);

impl Place {
    fn prepare() -> Result<Self> {
        let place = Self(tempfile::tempdir()?);
        let folder = place.path();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        let mut passwd = fs::read_to_string("/etc/passwd")?;
        for number in 0..PEOPLE {
            let uid = FIRST_UID + number;
            writeln!(passwd, "{}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin", name(number))?;
        }
        fs::write(folder.join("passwd"), passwd)?;
        unshare(CloneFlags::CLONE_NEWNS).context("a mount namespace")?;
        let nothing = None::<&str>;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
        mount(Some(&folder.join("passwd")), "/etc/passwd", nothing, MsFlags::MS_BIND, nothing)?;
        write_private(&folder.join("store-key"), &"0123456789abcdef".repeat(4))?;
        let settings = format!(
            "[store]\nurl = \"sqlite://{0}/store.db\"\nkey_file = \"{0}/store-key\"\n\
             [default]\nrequire = \"always\"\nmethods = [\"totp\"]\nenroll = \"at-login\"\n",
            folder.display()
        );
        fs::write(folder.join("countersign.toml"), settings)?;
        fs::create_dir(folder.join("google"))?;
        Ok(place)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Sets up everybody's app at a first login, and gives the same key to the other modules.
    fn enroll_all(&self) -> Result<()> {
        let stacks = stacks(self.path())?;
        let (mut keys, mut oath) = (String::new(), String::new());
        for number in 0..PEOPLE {
            let (name, key) = (name(number), enroll(&stacks, &name(number))?);
            writeln!(keys, "{key}")?;
            writeln!(oath, "HOTP/T30/6 {name} - {}", hexadecimal(&key)?)?;
            let google = format!("{key}\n\" DISALLOW_REUSE\n\" WINDOW_SIZE 3\n\" TOTP_AUTH\n");
            write_private(&self.path().join("google").join(name), &google)?;
        }
        fs::write(self.path().join("keys"), keys)?;
        write_private(&self.path().join("oath"), &oath)
    }
}

/// Logs in for the first time, and returns the setup key that the prompt showed.
fn enroll(stacks: &Stacks, name: &str) -> Result<String> {
    let answer = |prompt: &str| match Phone::from_screen(prompt).and_then(|phone| phone.code()) {
        Ok(code) => Reaction::from(code.as_str()),
        Err(_) => Reaction::Fail(code::CONV_ERR),
    };
    let mut login = Transaction::start(stacks, "countersign", name, Person::deciding(answer))?;
    let result = login.authenticate();
    let screens = login.seen();
    ensure!(result == code::SUCCESS, "{name} could not enroll: {result}, {screens:?}");
    screens.iter().find_map(|screen| setup_key(screen).ok()).context("no setup key was shown")
}

fn stacks(folder: &Path) -> Result<Stacks> {
    let stacks = Stacks::new()?;
    let folder = folder.display();
    stacks.write("permit", "auth required pam_permit.so")?;
    stacks.write("countersign", &format!("auth required {{module}} socket={folder}/login.sock"))?;
    let google =
        format!("auth required pam_google_authenticator.so user=root secret={folder}/google/${{USER}}");
    stacks.write("google", &google)?;
    stacks.write("oath", &format!("auth required pam_oath.so usersfile={folder}/oath window=5 digits=6"))?;
    Ok(stacks)
}

/// The service, on a socket in the folder, without a bus.
struct Daemon(Child);

impl Daemon {
    fn start(folder: &Path) -> Result<Self> {
        let socket = folder.join("login.sock");
        let child = Command::new(daemon()?)
            .arg("--config")
            .arg(folder.join("countersign.toml"))
            .arg("--socket")
            .arg(&socket)
            .args(["--bus", "none"])
            .stderr(Stdio::inherit())
            .spawn()
            .context("countersignd")?;
        let daemon = Self(child);
        let begun = Instant::now();
        while !socket.exists() {
            ensure!(begun.elapsed() < Duration::from_secs(10), "countersignd does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn daemon() -> Result<PathBuf> {
    built("COUNTERSIGN_DAEMON", "countersignd", "countersignd")
}

/// What the variable names, or else what `cargo build --release` leaves for a package.
fn built(variable: &str, package: &str, file: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(cargo).args(["build", "--release", "-p", package]).current_dir(root).status()?;
    ensure!(status.success(), "cargo build --release -p {package} failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(root.join(target).join("release").join(file))
}

/// What one run came to.
struct Measured {
    median: Duration,
    rate: f64,
    refused: usize,
}

/// Lets everybody log in once, divided among processes.
fn run(folder: &Path, stack: &str, processes: usize) -> Result<Measured> {
    let module = built("COUNTERSIGN_MODULE", "pam-countersign", "libpam_countersign.so")?;
    let share = PEOPLE / processes;
    let worker = |number: usize| {
        Command::new(std::env::current_exe()?)
            .arg("worker")
            .arg(folder)
            .args([stack, &(number * share).to_string(), &((number + 1) * share).to_string()])
            .env("COUNTERSIGN_MODULE", &module)
            .stdout(Stdio::piped())
            .spawn()
            .context("a worker")
    };
    let workers = (0..processes).map(worker).collect::<Result<Vec<_>>>()?;
    let (mut times, mut refused, mut first, mut last) = (Vec::new(), 0, u64::MAX, 0);
    for worker in workers {
        let output = worker.wait_with_output()?;
        ensure!(output.status.success(), "a worker failed");
        for line in String::from_utf8(output.stdout)?.lines() {
            let [begun, took, result] = numbers(line)?;
            (first, last) = (first.min(begun), last.max(begun + took));
            refused += usize::from(result != 0);
            times.push(took);
        }
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).context("nobody logged in")?;
    let accepted = u32::try_from(times.len() - refused)?;
    // A rate of nothing would make any other look infinite.
    ensure!(accepted > 0, "{stack} let nobody in: there is nothing to compare with");
    let rate = f64::from(accepted) / Duration::from_micros(last - first).as_secs_f64();
    Ok(Measured { median: Duration::from_micros(*median), rate, refused })
}

fn numbers(line: &str) -> Result<[u64; 3]> {
    let numbers = line.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    numbers.try_into().ok().context("a line of a worker")
}

/// Logs a share of the people in, and prints when each began, how long it took, and the code.
fn work(folder: &Path, stack: &str, from: usize, to: usize) -> Result<()> {
    let stacks = stacks(folder)?;
    let keys = fs::read_to_string(folder.join("keys"))?;
    let code_of = |key| Phone::with_setup_key(key)?.code();
    let codes = keys.lines().skip(from).take(to - from).map(code_of).collect::<Result<Vec<_>>>()?;
    let mut report = String::new();
    for (number, code) in (from..to).zip(codes) {
        let person = Person::answering([code.as_str()]);
        let (at, begun) = (SystemTime::now().duration_since(UNIX_EPOCH)?, Instant::now());
        let result = Transaction::start(&stacks, stack, &name(number), person)?.authenticate();
        writeln!(report, "{} {} {result}", at.as_micros(), begun.elapsed().as_micros())?;
    }
    print!("{report}");
    Ok(())
}

fn name(number: usize) -> String {
    format!("bench{number:04}")
}

/// Brings a setup key into the form of a users file of `pam_oath`.
fn hexadecimal(key: &str) -> Result<String> {
    let secret = totp_rs::Secret::try_from_base32(key).ok().context("not a setup key")?;
    Ok(secret.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o400))?;
    Ok(())
}

/// Waits until a step has just begun: every code is fresh, and none ends during a run.
fn wait_for_the_next_step() -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    std::thread::sleep(Duration::from_secs(30 - now.as_secs() % 30) + Duration::from_millis(500));
    Ok(())
}
