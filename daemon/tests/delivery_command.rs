//! A command of the administrator's, asked for through its socket: what it gets, and what its end means.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test file uses its part")]
mod letters;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign_config::{DeliverySettings, Gateway, GatewayWay, Template};
use countersignd::delivery::command::{Command, runner};
use countersignd::delivery::{Attempt, Channel as _};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use letters::sms;

const NUMBER: &str = "+4915112345678";
const TEXT: &str = "4930-2718 is \"your\" $(code) für <example>";

/// A folder with a program, and a socket behind which units are started.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(script: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(
            place.path("program"),
            format!("#!/bin/sh\ncd {}\n{script}\n", place.folder.path().display()),
        )
        .unwrap();
        fs::set_permissions(place.path("program"), fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn settings(&self, limit: Duration) -> DeliverySettings {
        let program = self.path("program").display().to_string();
        let arguments = [program.as_str(), "--to", "n={number}", "two words; $HOME"];
        let command = arguments.iter().map(|argument| Template::parse(argument).unwrap()).collect();
        let way = GatewayWay::Command(command);
        DeliverySettings { sms: Some(Gateway { way, timeout: limit }), ..DeliverySettings::default() }
    }

    /// Serves as systemd and the unit do, with these settings.
    async fn deliver_by(&self, settings: DeliverySettings, limit: Duration) -> Attempt {
        let listener = UnixListener::bind(self.path("command.sock")).unwrap();
        let unit = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = runner::serve(stream, &settings).await;
        });
        let attempt = Command::new(self.path("command.sock"), limit).deliver(&sms(NUMBER, TEXT)).await;
        fs::remove_file(self.path("command.sock")).unwrap();
        unit.abort();
        attempt
    }

    async fn deliver(&self, limit: Duration) -> Attempt {
        self.deliver_by(self.settings(limit), limit).await
    }
}

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_command_gets_number_and_text_and_nothing_else() {
    let script = r#"printf '%s\n' "$@" > arguments; cat > text; env | sort > environment; pwd -P > folder; echo noise; echo noise >&2"#;
    let place = Place::new(script);
    assert_eq!(place.deliver(LONG).await, Attempt::Taken);
    assert_eq!(place.read("arguments"), format!("--to\nn={NUMBER}\ntwo words; $HOME\n"));
    assert_eq!(place.read("text"), TEXT);
    let environment = place.read("environment");
    let names: Vec<_> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    // The shell adds where it is.
    assert!(
        names.iter().all(|name| ["LANG", "PATH", "PWD", "OLDPWD", "_", "SHLVL"].contains(name)),
        "{names:?}"
    );
}

#[tokio::test]
async fn the_status_tells_what_became_of_the_message() {
    for (script, expected) in [
        ("exit 0", "Taken"),
        ("exit 75", "NotNow"),
        ("exit 1", "Refused"),
        ("exit 255", "Refused"),
        ("kill -9 $$", "Unknown"),
        ("head -c 1000000 /dev/zero; exit 0", "Taken"),
        ("exec 0<&-; exit 0", "Taken"),
    ] {
        let attempt = Place::new(script).deliver(LONG).await;
        assert!(format!("{attempt:?}").starts_with(expected), "{script}: {attempt:?}");
        assert!(!format!("{attempt:?}").contains("4930"), "{attempt:?}");
    }
}

#[tokio::test]
async fn what_does_not_end_is_ended_with_its_children() {
    let place = Place::new("sleep 1000 & echo $! > child; wait");
    let begun = Instant::now();
    let attempt = place.deliver(Duration::from_millis(500)).await;
    assert!(matches!(attempt, Attempt::Unknown(_)), "{attempt:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let child = place.read("child");
    let is_alive = || {
        let state =
            fs::read_to_string(Path::new("/proc").join(child.trim()).join("stat")).unwrap_or_default();
        state.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with(['Z', 'X']))
    };
    let until = Instant::now() + Duration::from_secs(5);
    while is_alive() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!child.is_empty() && !is_alive());
}

#[tokio::test]
async fn without_a_program_or_a_command_it_is_not_configured() {
    let place = Place::new("exit 0");
    fs::remove_file(place.path("program")).unwrap();
    let attempt = place.deliver(LONG).await;
    assert!(matches!(attempt, Attempt::NotConfigured(_)), "{attempt:?}");
    let attempt = place.deliver_by(DeliverySettings::default(), LONG).await;
    assert!(matches!(attempt, Attempt::NotConfigured(_)), "{attempt:?}");
}

#[tokio::test]
async fn a_unit_that_does_not_start_is_tried_again_and_one_that_ends_never() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("command.sock");
    let deliver = || async {
        Command::new(socket.clone(), Duration::from_millis(200)).deliver(&sms(NUMBER, TEXT)).await
    };
    let attempt = deliver().await;
    assert!(matches!(attempt, Attempt::NotNow(_)), "nobody listens: {attempt:?}");
    for (said, is_known) in
        [("", true), ("not ready\n", true), ("ready\n", false), ("ready\nnonsense\n", false)]
    {
        let listener = UnixListener::bind(&socket).unwrap();
        let unit = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            let mut order = [0; 4096];
            if said.starts_with("ready") {
                let _ = stream.read(&mut order).await;
            }
        });
        let attempt = deliver().await;
        assert_eq!(matches!(attempt, Attempt::NotNow(_)), is_known, "{said:?}: {attempt:?}");
        assert_eq!(matches!(attempt, Attempt::Unknown(_)), !is_known, "{said:?}: {attempt:?}");
        unit.await.unwrap();
        fs::remove_file(&socket).unwrap();
    }
}

#[tokio::test]
async fn a_service_taken_over_can_have_nothing_else_run() {
    let place = Place::new("touch ran");
    for order in [
        r#"{"channel":"sms","number":"+49151; touch x","text":"t"}"#,
        r#"{"channel":"sms","number":"--help","text":"t"}"#,
        r#"{"channel":"call","number":"+4915112345678","text":"t"}"#,
        r#"{"channel":"sms","number":"+4915112345678","text":"t","command":["/bin/sh"]}"#,
        "",
    ] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let settings = place.settings(LONG);
        let unit = tokio::spawn(async move { runner::serve(theirs, &settings).await });
        ours.write_all(format!("{order}\n").as_bytes()).await.unwrap();
        let mut said = String::new();
        ours.read_to_string(&mut said).await.unwrap();
        assert!(said == "ready\n" || said == "ready\nnot-configured\n", "{order}: {said}");
        let _ = unit.await.unwrap();
        assert!(!place.path("ran").exists(), "{order}");
    }
}

#[tokio::test]
async fn the_unit_reads_the_command_from_the_main_file_itself() {
    let place = Place::new("cat > text");
    let program = place.path("program");
    let config = place.path("countersign.toml");
    let text = format!(
        "[store]\nurl = \"sqlite:///nowhere.db\"\n\n[sms]\ncommand = [\"{}\", \"{{number}}\"]\n\n[default]\nrequire = \"never\"\n",
        program.display()
    );
    fs::write(&config, text).unwrap();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut unit = std::process::Command::new(env!("CARGO_BIN_EXE_countersignd"))
        .arg("--deliver-command")
        .arg("--config")
        .arg(&config)
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .spawn()
        .unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut stream = UnixStream::from_std(ours).unwrap();
    stream
        .write_all(b"{\"channel\":\"sms\",\"number\":\"+4915112345678\",\"text\":\"4930 2718\"}\n")
        .await
        .unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "ready\nexit 0\n");
    assert_eq!(place.read("text"), "4930 2718");
    assert!(unit.wait().unwrap().success());
}
