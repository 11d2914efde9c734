//! The unit's side: runs the command of root's file for one message, and ends.
//!
//! Owns how a command is run: its arguments as a list and no shell, the text on its standard input, an environment of PATH
//! and LANG alone, what it prints thrown away (it could hold the code), its whole process group ended when its time
//! is over. The number is read anew, so that an argument is a number whatever the service says.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use countersign_config::{DeliverySettings, Gateway, GatewayWay, Piece, Placeholder, Template, Trust};
use countersign_core::contact::PhoneNumber;
use countersign_core::delivery::Channel;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::talk::{self, Order, Outcome, READY};

/// How long the service may take with its order.
const ORDER_LIMIT: Duration = Duration::from_secs(5);
/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Reads root's main file, and serves the connection that systemd passes as standard input.
///
/// The file comes as a credential of the unit, whose user need not be able to read the file itself; it is systemd's copy,
/// and so belongs to root or to this user.
///
/// # Errors
/// What the system said, or that the file is invalid; then nothing was said to the service.
pub async fn run(config: &Path) -> std::io::Result<()> {
    let trust = Trust::Owner(nix::unistd::geteuid().as_raw());
    let loaded = countersign_config::load_copy(config, trust);
    let settings = loaded.map_err(|mistakes| {
        for mistake in mistakes {
            eprintln!("{mistake}");
        }
        std::io::Error::other("the configuration is invalid")
    })?;
    let stream = std::os::unix::net::UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    serve(UnixStream::from_std(stream)?, &settings.delivery).await
}

/// Takes one order, and tells how it went.
///
/// # Errors
/// The service is gone, or gave no order.
pub async fn serve(stream: UnixStream, settings: &DeliverySettings) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    write.write_all(format!("{READY}\n").as_bytes()).await?;
    let line = timeout(ORDER_LIMIT, talk::hear(&mut BufReader::new(read))).await??;
    let order = Order::read(&line).ok_or_else(|| std::io::Error::other("this is no order"))?;
    let outcome = obey(&order, settings).await;
    write.write_all(outcome.written().as_bytes()).await
}

async fn obey(order: &Order, settings: &DeliverySettings) -> Outcome {
    let gateway = match order.channel() {
        Some(Channel::Sms) => settings.sms.as_ref(),
        Some(Channel::Call) => settings.call.as_ref(),
        Some(Channel::Email) | None => None,
    };
    let Some(Gateway { way: GatewayWay::Command(templates), timeout: limit }) = gateway else {
        return Outcome::NotConfigured;
    };
    let Some(arguments) = arguments(templates, order) else { return Outcome::NotConfigured };
    let Some((program, arguments)) = arguments.split_first() else { return Outcome::NotConfigured };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    match command.spawn() {
        Ok(child) => attend(child, &order.text, *limit).await,
        Err(error) => {
            eprintln!("countersignd: {program}: {error}");
            Outcome::NotStarted
        }
    }
}

/// The arguments with the number in its places; nothing else has a place there.
fn arguments(templates: &[Template], order: &Order) -> Option<Vec<String>> {
    let number = PhoneNumber::try_from(order.number.as_str()).ok()?;
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => Some(text.clone()),
        Piece::Place(Placeholder::Number) => Some(number.as_str().to_owned()),
        Piece::Place(Placeholder::Digits) => Some(number.as_str().trim_start_matches('+').to_owned()),
        Piece::Place(
            Placeholder::Text | Placeholder::XmlText | Placeholder::Id | Placeholder::Credential(_),
        ) => None,
    };
    templates.iter().map(|template| template.pieces.iter().map(piece).collect()).collect()
}

/// Gives the text, waits for the end, and ends what does not end.
async fn attend(mut child: Child, text: &str, limit: Duration) -> Outcome {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let input = child.stdin.take();
    let ended = timeout(limit, async {
        if let Some(mut input) = input {
            // A command that does not read its input is free not to.
            let _ = input.write_all(text.as_bytes()).await;
        }
        child.wait().await
    })
    .await;
    match ended {
        Ok(Ok(status)) => status.code().map_or(Outcome::Killed, Outcome::Exit),
        Ok(Err(_)) => Outcome::Killed,
        Err(_) => {
            // What left the group ends with the unit.
            let _ = group.map(|group| killpg(group, Signal::SIGKILL));
            Outcome::TimedOut
        }
    }
}
