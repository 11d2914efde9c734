//! The one sentence that is written to somebody's terminal, unasked: that their session is idle.
//!
//! Owns both sides: the service has no right to any terminal and asks the unit `countersign-tell@` for it, which takes the
//! name of a terminal, a language and minutes, and never a text. Invariants: what is written is one of core's sentences, to
//! a terminal of a session and to nothing else; a terminal that takes nothing holds nobody up.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use countersign_core::words::{self, Language, Message, Note};
use countersign_protocol::names::SERVICE_USER;
use nix::libc;
use nix::unistd::User;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Where systemd listens for the unit.
pub const SOCKET: &str = "/run/countersign/tell.sock";
/// How long the unit may take, to start and to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest line that either side reads, in bytes.
const LINE_LIMIT: u64 = 64;
/// The longest notice, in minutes: an hour is more than anybody is told ahead.
const MINUTES_LIMIT: u64 = 60;
/// What the unit says when the sentence is written.
const TOLD: &str = "told";

/// What is to be told, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    terminal: String,
    language: Language,
    minutes: u64,
}

impl Order {
    /// Takes a terminal by its name below `/dev`; none where it is no terminal of a session.
    #[must_use]
    pub fn new(terminal: &str, language: Language, minutes: u64) -> Option<Self> {
        let fits = is_terminal(terminal) && (1..=MINUTES_LIMIT).contains(&minutes);
        fits.then(|| Self { terminal: terminal.to_owned(), language, minutes })
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (terminal, tag, minutes) = (words.next()?, words.next()?, words.next()?);
        let language = Language::from_tag(tag).filter(|language| language.tag() == tag)?;
        let minutes = Some(minutes).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        Self::new(terminal, language, minutes.parse().ok()?).filter(|_| words.next().is_none())
    }

    fn sentence(&self) -> String {
        words::say(self.language, &Message::Note(Note::SessionIdle { minutes: self.minutes }))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.terminal, self.language.tag(), self.minutes)
    }
}

/// Tells whether a name is that of a terminal that a session can have: `pts/3`, `tty1`, `ttyS0`.
fn is_terminal(name: &str) -> bool {
    let is_number =
        |text: &str| (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(number) = name.strip_prefix("pts/") {
        return is_number(number);
    }
    let line = name
        .strip_prefix("tty")
        .map(|line| line.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()));
    name.len() <= 16 && line.is_some_and(is_number)
}

/// Has the unit write the sentence.
///
/// # Errors
/// What failed; then nobody was told.
pub async fn tell(socket: &Path, order: &Order) -> io::Result<()> {
    let answer = timeout(LIMIT, ask(socket, order)).await??;
    if answer == TOLD {
        Ok(())
    } else {
        Err(io::Error::other("the unit of the terminals did not tell; its journal says why"))
    }
}

async fn ask(socket: &Path, order: &Order) -> io::Result<String> {
    let stream = UnixStream::connect(socket).await?;
    let (read, mut write) = stream.into_split();
    write.write_all(format!("{order}\n").as_bytes()).await?;
    hear(read).await
}

async fn hear(read: impl tokio::io::AsyncRead + Unpin) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(read.take(LINE_LIMIT)).read_line(&mut line).await?;
    line.strip_suffix('\n').map(str::to_owned).ok_or_else(|| io::Error::other("this is no line"))
}

/// The unit's side: serves the connection that systemd passes as standard input, of the service's user and of no other.
///
/// # Errors
/// What the system said; then nobody was told.
pub async fn run() -> io::Result<()> {
    let stream = std::os::unix::net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    let service = User::from_name(SERVICE_USER)?.ok_or_else(|| io::Error::other("there is no service"))?;
    serve(UnixStream::from_std(stream)?, service.uid.as_raw(), Path::new("/dev")).await
}

/// Takes one order of this uid, and answers once it is done.
///
/// # Errors
/// As [`run`].
async fn serve(stream: UnixStream, uid: u32, devices: &Path) -> io::Result<()> {
    if stream.peer_cred()?.uid() != uid {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "who asks is not the service"));
    }
    let (read, mut write) = stream.into_split();
    let line = timeout(LIMIT, hear(read)).await??;
    let order = Order::read(&line).ok_or_else(|| io::Error::other("this is no order"))?;
    write_to(&devices.join(&order.terminal), &order.sentence())?;
    write.write_all(format!("{TOLD}\n").as_bytes()).await
}

/// Writes a sentence on lines of its own. A terminal that is held (Ctrl-S) shows nothing, which its person chose.
fn write_to(terminal: &Path, sentence: &str) -> io::Result<()> {
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let mut file = OpenOptions::new().write(true).custom_flags(flags).open(terminal)?;
    if !file.metadata()?.file_type().is_char_device() || !file.is_terminal() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "this is no terminal"));
    }
    match file.write_all(format!("\r\n{sentence}\r\n").as_bytes()) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use nix::pty::openpty;
    use nix::unistd::{geteuid, ttyname};
    use tempfile::TempDir;

    const SENTENCE: &str =
        "Countersign: this session has been idle. It is ended in 5 minutes unless you type something.";

    #[test]
    fn an_order_is_a_terminal_a_language_and_minutes_and_nothing_else() {
        for line in ["pts/3 en 5", "tty1 de 1", "ttyS0 ja 60", "ttyAMA0 fr 5"] {
            assert_eq!(Order::read(line).unwrap().to_string(), line);
        }
        for wrong in [
            "",
            "pts/3",
            "pts/3 en",
            "pts/3 en 5 more",
            "pts/3 en 0",
            "pts/3 en 61",
            "pts/3 en +5",
            "pts/3 en five",
            "pts/3 tlh 5",
            "pts/3 en_US 5",
            "pts/ en 5",
            "pts/ptmx en 5",
            "pts/3/.. en 5",
            "../pts/3 en 5",
            "/dev/pts/3 en 5",
            "pts/99999999999 en 5",
            "tty en 5",
            "ttyS en 5",
            "tty/1 en 5",
            "ttyABCDEFGHIJKLM1 en 5",
            "null en 5",
            "sda en 5",
            "console en 5",
        ] {
            assert_eq!(Order::read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_sentence_arrives_on_lines_of_its_own_and_nothing_but_a_terminal_gets_it() {
        let pair = openpty(None, None).unwrap();
        let name = ttyname(&pair.slave).unwrap();
        write_to(&name, SENTENCE).unwrap();
        let mut shown = [0; 200];
        let count = File::from(pair.master).read(&mut shown).unwrap();
        assert_eq!(String::from_utf8_lossy(&shown[..count]).replace('\r', ""), format!("\n{SENTENCE}\n"));

        let folder = TempDir::new().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink(&name, &link).unwrap();
        for wrong in [&file, &link, Path::new("/dev/null"), folder.path(), &folder.path().join("missing")] {
            assert!(write_to(wrong, SENTENCE).is_err(), "{}", wrong.display());
        }
        assert_eq!(fs::read(&file).unwrap(), b"");
    }

    /// What the unit answers to a line of this process, if it serves `uid`.
    async fn answer(uid: u32, line: &str) -> (io::Result<()>, String) {
        let (service, unit) = UnixStream::pair().unwrap();
        let (read, mut write) = service.into_split();
        write.write_all(line.as_bytes()).await.unwrap();
        write.shutdown().await.unwrap();
        let served = serve(unit, uid, Path::new("/dev")).await;
        (served, hear(read).await.unwrap_or_default())
    }

    #[tokio::test]
    async fn the_unit_serves_the_service_and_nobody_else() {
        let pair = openpty(None, None).unwrap();
        let name = ttyname(&pair.slave).unwrap();
        let line = format!("{} en 5\n", name.strip_prefix("/dev").unwrap().display());
        let own = geteuid().as_raw();
        let (served, told) = answer(own, &line).await;
        assert!(served.is_ok() && told == TOLD, "{served:?} {told}");
        for (uid, line) in [
            (own + 1, line.clone()),
            (own, "pts/3 en 5 rm\n".to_owned()),
            (own, line.trim_end().to_owned()),
            (own, format!("{}\n", "x".repeat(200))),
        ] {
            let (served, told) = answer(uid, &line).await;
            assert!(served.is_err() && told.is_empty(), "{line:?}");
        }
    }
}
