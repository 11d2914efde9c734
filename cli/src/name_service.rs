//! What this host's name service knows of the names in a configuration file (row P5).
//!
//! Owns the time that it may take: the look-ups run on a thread of their own, and what is not answered in time is not known,
//! as is what a name service that does not answer says is missing (libc reports a dead backend as "not found"). Leaves to
//! `countersign_config` which names are asked for, and what follows.

use std::cell::Cell;
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use countersign_config::{Known, Names};
use nix::unistd::{Group, User, gethostname};

/// How long all look-ups together may take.
const LIMIT: Duration = Duration::from_secs(2);
/// Which name services the host asks.
const NSSWITCH: &str = "/etc/nsswitch.conf";
/// Name services that are processes of their own, and the sockets on which they answer.
const BACKENDS: [(&str, &str); 3] = [
    ("sss", "/var/lib/sss/pipes/nss"),
    ("winbind", "/run/samba/winbindd/pipe"),
    ("ldap", "/run/nslcd/socket"),
];

/// Where libpam looks for the file of a service.
const PAM_FOLDERS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];
/// The most services of a folder that are listed.
const SERVICE_LIMIT: usize = 1000;

/// A question for the thread.
enum Question {
    User(String),
    Group(String),
}

/// The name service of this host, asked for as long as the time lasts.
pub(crate) struct NameService {
    questions: Sender<Question>,
    answers: Receiver<Known>,
    end: Instant,
    /// Whether an answer is still waited for: the thread is left to itself then.
    is_late: Cell<bool>,
}

impl NameService {
    /// Begins; the time runs from here.
    pub(crate) fn begin() -> Self {
        Self::with(
            LIMIT,
            || read(Path::new(NSSWITCH)).is_some_and(|nsswitch| is_answering(&nsswitch, &BACKENDS)),
            look_up,
        )
    }

    /// Begins with what a test answers.
    fn with(
        limit: Duration,
        is_answering: impl FnOnce() -> bool + Send + 'static,
        look_up: impl Fn(&Question) -> Known + Send + 'static,
    ) -> Self {
        let (questions, asked) = channel::<Question>();
        let (answer, answers) = channel();
        thread::spawn(move || {
            let is_certain = is_answering();
            for question in asked {
                let known = match look_up(&question) {
                    Known::No if !is_certain => Known::Unknown,
                    known => known,
                };
                // Who has not waited for the answer asks nothing more.
                if answer.send(known).is_err() {
                    return;
                }
            }
        });
        Self { questions, answers, end: Instant::now() + limit, is_late: Cell::new(false) }
    }

    fn ask(&self, question: Question) -> Known {
        if self.is_late.get() || self.questions.send(question).is_err() {
            return Known::Unknown;
        }
        let left = self.end.saturating_duration_since(Instant::now());
        self.answers.recv_timeout(left).unwrap_or_else(|_| {
            self.is_late.set(true);
            Known::Unknown
        })
    }

    /// Tells whether some names were not looked up because the time was over.
    pub(crate) fn is_late(&self) -> bool {
        self.is_late.get()
    }
}

impl Names for NameService {
    fn user(&self, name: &str) -> Known {
        self.ask(Question::User(name.to_owned()))
    }

    fn group(&self, name: &str) -> Known {
        self.ask(Question::Group(name.to_owned()))
    }

    fn sshd_for_root(&self) -> Option<String> {
        crate::sshd::settings("root", None)
    }

    fn services(&self) -> Option<Vec<String>> {
        pam_services()
    }

    fn hosts(&self) -> Vec<String> {
        let Some(name) = gethostname().ok().and_then(|name| name.into_string().ok()) else {
            return Vec::new();
        };
        let fqdn = countersign_config::fqdn(&name);
        let fqdn = fqdn.name().map(str::to_owned);
        std::iter::once(name).chain(fqdn).collect()
    }
}

/// Lists the PAM services of this host: the names of the files in which libpam looks for them.
pub(crate) fn pam_services() -> Option<Vec<String>> {
    let in_folder = |folder: &&str| {
        let entries = fs::read_dir(folder).ok()?.take(SERVICE_LIMIT);
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // `common-auth` and the like are included by services and are none.
        Some(names.filter(|name| !name.starts_with("common-") && !name.starts_with('.')).collect::<Vec<_>>())
    };
    let found: Vec<String> = PAM_FOLDERS.iter().filter_map(in_folder).flatten().collect();
    (!found.is_empty()).then_some(found)
}

fn look_up(question: &Question) -> Known {
    let found = match question {
        Question::User(name) => User::from_name(name).map(|user| user.is_some()),
        Question::Group(name) => Group::from_name(name).map(|group| group.is_some()),
    };
    match found {
        Ok(true) => Known::Yes,
        Ok(false) => Known::No,
        Err(_) => Known::Unknown,
    }
}

/// Reads which name services there are, comments in any bytes; without the file libc asks the host's own alone. None where
/// it cannot be read: then nothing that is not found is certain.
fn read(nsswitch: &Path) -> Option<String> {
    match fs::read(nsswitch) {
        Ok(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(String::new()),
        Err(_) => None,
    }
}

/// Tells whether every name service that is a process of its own takes a connection.
fn is_answering(nsswitch: &str, backends: &[(&str, &str)]) -> bool {
    let named: Vec<&str> = nsswitch
        .lines()
        .filter_map(|line| line.split('#').next()?.split_once(':'))
        .filter(|(database, _)| matches!(database.trim(), "passwd" | "group" | "initgroups"))
        .flat_map(|(_, services)| services.split_whitespace())
        .collect();
    let mut asked = backends.iter().filter(|(name, _)| named.contains(name));
    asked.all(|(_, socket)| UnixStream::connect(socket).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_service_knows_root_and_not_nobody_s_name() {
        let names = NameService::with(Duration::from_mins(1), || true, look_up);
        assert_eq!((names.user("root"), names.group("root")), (Known::Yes, Known::Yes));
        assert_eq!((names.user("no-such-user-here"), names.group("no-such-group")), (Known::No, Known::No));
        assert!(!names.is_late());
    }

    #[test]
    fn what_a_dead_backend_does_not_find_is_not_known() {
        let names = NameService::with(Duration::from_mins(1), || false, look_up);
        assert_eq!((names.user("root"), names.user("no-such-user-here")), (Known::Yes, Known::Unknown));
    }

    #[test]
    fn a_name_service_that_hangs_is_waited_for_once_and_for_as_long_as_there_is() {
        let (release, held) = channel::<()>();
        let hang = move |_: &Question| {
            let _ = held.recv();
            Known::No
        };
        let names = NameService::with(Duration::from_millis(50), || true, hang);
        let begun = Instant::now();
        for _ in 0..1000 {
            assert_eq!(names.user("alice"), Known::Unknown);
        }
        assert!(names.is_late() && begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        drop(release);
        assert_eq!(names.user("alice"), Known::Unknown, "an answer that comes late belongs to another name");
    }

    #[test]
    fn a_comment_in_any_bytes_hides_no_backend_and_what_cannot_be_read_is_not_certain() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nsswitch.conf");
        assert_eq!(read(&file).as_deref(), Some(""));
        fs::write(&file, b"# f\xfcr alle\ngroup: files sss\n").unwrap();
        assert!(!is_answering(&read(&file).unwrap(), &[("sss", "/nonexistent/socket")]));
        assert_eq!(read(folder.path()), None);
    }

    #[test]
    fn a_backend_that_is_named_must_answer() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("pipe");
        let _alive = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let backends = [("sss", socket.to_str().unwrap()), ("ldap", "/nonexistent/socket")];
        for (nsswitch, answers) in [
            ("passwd: files systemd\nhosts: ldap\n", true),
            ("passwd: files sss\ngroup: files sss # ldap\n", true),
            ("passwd: files\ngroup: files ldap\n", false),
            ("initgroups: sss ldap\n", false),
            ("", true),
        ] {
            assert_eq!(is_answering(nsswitch, &backends), answers, "{nsswitch}");
        }
    }
}
