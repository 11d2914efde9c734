//! How a command ends: exit codes, and the failures that lead to them.
//!
//! Owns the total mapping of D-Bus error names to exit codes (row H12: 0 done, 1 refused, 2 usage, 3 daemon unavailable).
//! Whatever is not known is 3: a failure is never reported as done.

use std::io;

use countersign_protocol::names::error as ours;
use nix::unistd::geteuid;
use zbus::DBusError;

use crate::output::printable;

/// The number a command exits with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Done,
    /// Somebody who decides said no, or the person gave up.
    Refused,
    /// The command line is wrong.
    Usage,
    /// The service cannot be reached, failed, or answered nonsense.
    Unavailable,
    /// Ctrl-C, as shells count it.
    Interrupted,
}

impl Exit {
    /// Tells the number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unavailable => 3,
            Self::Interrupted => 130,
        }
    }

    /// Tells the word for `--json`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Usage => "usage",
            Self::Unavailable => "unavailable",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Error names with an exit code of their own; every other name is [`Exit::Unavailable`].
const NAMES: [(&str, Exit); 10] = [
    (ours::NOT_PERMITTED, Exit::Refused),
    (ours::INVALID_ARGUMENT, Exit::Usage),
    (ours::LIMIT_REACHED, Exit::Refused),
    (ours::UNAVAILABLE, Exit::Unavailable),
    (ours::NO_SUCH_USER, Exit::Refused),
    (ours::REFUSED, Exit::Refused),
    ("org.freedesktop.DBus.Error.AccessDenied", Exit::Refused),
    ("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", Exit::Refused),
    ("org.freedesktop.DBus.Error.InvalidArgs", Exit::Usage),
    // A conversation that is over, or somebody else's: the dialogue ended, the service is well.
    ("org.freedesktop.DBus.Error.UnknownObject", Exit::Refused),
];

/// Tells the exit code of a D-Bus error.
pub(crate) fn exit_of(name: &str) -> Exit {
    NAMES.iter().find(|(known, _)| *known == name).map_or(Exit::Unavailable, |(_, exit)| *exit)
}

/// Why a command did not do what was asked; `message` says what happened, `help` what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How the command exits.
    pub(crate) exit: Exit,
    /// What happened; empty where everything has been said already.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// Whether it concerns one person alone, so that others of a list may still be done.
    pub(crate) is_of_person: bool,
}

impl Failure {
    /// Makes a failure of a sentence.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None, is_of_person: false }
    }

    /// Makes a failure that concerns one person of a list alone.
    pub(crate) fn of_person(exit: Exit, message: impl Into<String>) -> Self {
        Self { is_of_person: true, ..Self::new(exit, message) }
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Ends the command without another word.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// The bus or the name on it does not answer.
    pub(crate) fn unreachable() -> Self {
        Self::new(Exit::Unavailable, "The Countersign service cannot be reached on the system bus.")
            .with_help("Is it running? Try: systemctl status countersignd")
    }

    /// The service took too long.
    pub(crate) fn late() -> Self {
        Self::new(Exit::Unavailable, "The Countersign service did not answer in time.")
            .with_help("Try again. If it stays so: systemctl status countersignd")
    }

    /// The service answered something that breaks the contract.
    pub(crate) fn malformed(what: &str) -> Self {
        let message = format!("The Countersign service gave an answer that makes no sense ({what}).");
        Self::new(Exit::Unavailable, message)
            .with_help("Are the command and the service of the same version? Try: countersign --version")
    }
}

impl From<zbus::Error> for Failure {
    fn from(error: zbus::Error) -> Self {
        match &error {
            zbus::Error::MethodError(name, text, _) => named(name.as_str(), text.as_deref().unwrap_or("")),
            zbus::Error::FDO(inner) => match &**inner {
                zbus::fdo::Error::ZBus(inner) => inner.clone().into(),
                inner => named(inner.name().as_str(), inner.description().unwrap_or("")),
            },
            zbus::Error::InputOutput(_) | zbus::Error::Connection(..) | zbus::Error::Handshake(_) => {
                Self::unreachable()
            }
            other => Self::malformed(&printable(&other.to_string())),
        }
    }
}

/// Puts an error reply into words; the service's own text says why, where it gave one.
fn named(name: &str, text: &str) -> Failure {
    let is_of_person = matches!(name, ours::REFUSED | ours::NO_SUCH_USER);
    Failure { is_of_person, ..in_words(name, text) }
}

fn in_words(name: &str, text: &str) -> Failure {
    let exit = exit_of(name);
    let said = |otherwise: &str| Failure::new(exit, sentence(if text.is_empty() { otherwise } else { text }));
    match name {
        ours::NOT_PERMITTED => {
            let failure = said("Not permitted.");
            // Root was not refused for want of a role.
            if geteuid().is_root() { failure } else { failure.with_help(with_sudo(std::env::args().skip(1))) }
        }
        ours::UNAVAILABLE => said("The Countersign service cannot do this now.")
            .with_help("The reason stands in its log: journalctl -u countersignd"),
        ours::REFUSED | ours::INVALID_ARGUMENT | "org.freedesktop.DBus.Error.InvalidArgs" => {
            said("The service refused this.")
        }
        ours::LIMIT_REACHED => said("Too many requests at once.").with_help("Wait a moment and try again."),
        ours::NO_SUCH_USER => said("There is no such user.")
            .with_help("Is the name spelled as the system knows it? Try: getent passwd NAME"),
        "org.freedesktop.DBus.Error.UnknownObject" => {
            Failure::new(exit, "The dialogue is over: its time ran out, or it was ended elsewhere.")
                .with_help("Start the command again.")
        }
        "org.freedesktop.DBus.Error.AccessDenied" => {
            Failure::new(exit, "The system bus does not let you call the Countersign service.").with_help(
                "Is its bus policy installed? See /usr/share/dbus-1/system.d/org.countersign1.conf",
            )
        }
        "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired" => {
            Failure::new(exit, "This needs an authentication for which nobody could be asked here.")
                .with_help("Use sudo, or run it where a polkit agent is running.")
        }
        "org.freedesktop.DBus.Error.UnknownMethod" | "org.freedesktop.DBus.Error.UnknownInterface" => {
            Failure::malformed("it does not know this request")
        }
        "org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.Timeout" => Failure::late(),
        _ => Failure::unreachable(),
    }
}

/// Says how the same command is run as root.
fn with_sudo(arguments: impl Iterator<Item = String>) -> String {
    let words = arguments.map(|argument| quoted(&printable(&argument))).collect::<Vec<_>>().join(" ");
    format!("Try: sudo countersign {words}")
}

/// Writes a word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./:@%+=,".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Makes a sentence of an error text, filtered.
fn sentence(text: &str) -> String {
    let text = printable(text);
    let mut characters = text.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

impl From<io::Error> for Failure {
    /// Writing to standard output or error failed. A reader that has seen enough (`| head`) is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::silent(Exit::Done)
        } else {
            Self::new(Exit::Refused, format!("The output cannot be written: {error}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every error name of the D-Bus specification and of ours, with what the command exits with.
    const TABLE: [(&str, u8); 46] = [
        ("org.countersign1.Error.NotPermitted", 1),
        ("org.countersign1.Error.InvalidArgument", 2),
        ("org.countersign1.Error.LimitReached", 1),
        ("org.countersign1.Error.Unavailable", 3),
        ("org.countersign1.Error.NoSuchUser", 1),
        ("org.countersign1.Error.Refused", 1),
        ("org.countersign1.Error.SomethingNew", 3),
        ("org.freedesktop.DBus.Error.Failed", 3),
        ("org.freedesktop.DBus.Error.NoMemory", 3),
        ("org.freedesktop.DBus.Error.ServiceUnknown", 3),
        ("org.freedesktop.DBus.Error.NameHasNoOwner", 3),
        ("org.freedesktop.DBus.Error.NoReply", 3),
        ("org.freedesktop.DBus.Error.IOError", 3),
        ("org.freedesktop.DBus.Error.BadAddress", 3),
        ("org.freedesktop.DBus.Error.NotSupported", 3),
        ("org.freedesktop.DBus.Error.LimitsExceeded", 3),
        ("org.freedesktop.DBus.Error.AccessDenied", 1),
        ("org.freedesktop.DBus.Error.AuthFailed", 3),
        ("org.freedesktop.DBus.Error.NoServer", 3),
        ("org.freedesktop.DBus.Error.Timeout", 3),
        ("org.freedesktop.DBus.Error.NoNetwork", 3),
        ("org.freedesktop.DBus.Error.AddressInUse", 3),
        ("org.freedesktop.DBus.Error.Disconnected", 3),
        ("org.freedesktop.DBus.Error.InvalidArgs", 2),
        ("org.freedesktop.DBus.Error.FileNotFound", 3),
        ("org.freedesktop.DBus.Error.FileExists", 3),
        ("org.freedesktop.DBus.Error.UnknownMethod", 3),
        ("org.freedesktop.DBus.Error.UnknownObject", 1),
        ("org.freedesktop.DBus.Error.UnknownInterface", 3),
        ("org.freedesktop.DBus.Error.UnknownProperty", 3),
        ("org.freedesktop.DBus.Error.PropertyReadOnly", 3),
        ("org.freedesktop.DBus.Error.TimedOut", 3),
        ("org.freedesktop.DBus.Error.MatchRuleNotFound", 3),
        ("org.freedesktop.DBus.Error.MatchRuleInvalid", 3),
        ("org.freedesktop.DBus.Error.Spawn.ExecFailed", 3),
        ("org.freedesktop.DBus.Error.Spawn.ChildExited", 3),
        ("org.freedesktop.DBus.Error.Spawn.ChildSignaled", 3),
        ("org.freedesktop.DBus.Error.Spawn.Failed", 3),
        ("org.freedesktop.DBus.Error.Spawn.ServiceNotFound", 3),
        ("org.freedesktop.DBus.Error.Spawn.PermissionsInvalid", 3),
        ("org.freedesktop.DBus.Error.UnixProcessIdUnknown", 3),
        ("org.freedesktop.DBus.Error.InvalidSignature", 3),
        ("org.freedesktop.DBus.Error.InconsistentMessage", 3),
        ("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", 1),
        ("org.freedesktop.systemd1.LoadFailed", 3),
        ("", 3),
    ];

    #[test]
    fn every_error_name_has_its_exit_code() {
        for (name, code) in TABLE {
            assert_eq!(exit_of(name).code(), code, "{name}");
            assert_eq!(named(name, "").exit.code(), code, "{name}");
            assert_eq!(named(name, "because").exit.code(), code, "{name}");
        }
    }

    #[test]
    fn no_error_reply_is_reported_as_done_and_each_says_something() {
        for (name, _) in TABLE {
            let failure = named(name, "");
            assert_ne!(failure.exit, Exit::Done, "{name}");
            assert!(!failure.message.is_empty(), "{name}");
        }
    }

    #[test]
    fn only_what_is_wrong_with_one_person_lets_a_list_go_on() {
        for (name, _) in TABLE {
            let of_person =
                ["org.countersign1.Error.Refused", "org.countersign1.Error.NoSuchUser"].contains(&name);
            assert_eq!(named(name, "").is_of_person, of_person, "{name}");
        }
    }

    #[test]
    fn the_command_to_run_as_root_is_the_same_command() {
        let arguments =
            ["user", "reset", "alice", "--reason", "lost phone, it's ticket 4711", "\u{1b}[2J", ""];
        assert_eq!(
            with_sudo(arguments.map(str::to_owned).into_iter()),
            r"Try: sudo countersign user reset alice --reason 'lost phone, it'\''s ticket 4711' '�[2J' ''"
        );
    }

    #[test]
    fn what_the_service_says_is_filtered_before_it_is_shown() {
        let failure = named(ours::REFUSED, "no\u{1b}[2J\nway");
        assert!(!failure.message.contains(['\u{1b}', '\n']), "{failure:?}");
        assert!(failure.message.ends_with("way."));
    }

    #[test]
    fn errors_of_the_connection_are_unavailable() {
        for error in [
            zbus::Error::InputOutput(std::sync::Arc::new(io::Error::from(io::ErrorKind::NotFound))),
            zbus::Error::Handshake("no".to_owned()),
            zbus::Error::InvalidReply,
            zbus::Error::IncorrectType,
            zbus::fdo::Error::ServiceUnknown("x".to_owned()).into(),
        ] {
            assert_eq!(Failure::from(error).exit, Exit::Unavailable);
        }
    }
}
