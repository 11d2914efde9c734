//! The arguments of a PAM line.
//!
//! Owns their names and limits. Whatever is not exactly known, twice there or out of range is an error: the caller
//! refuses and says so in syslog, because a misspelt option must never be a weaker factor.

use std::ffi::CStr;
use std::path::PathBuf;
use std::time::Duration;

use countersign_protocol::names::LOGIN_SOCKET;

/// The longest argument, in bytes: a socket's path is at most 108, a PAM line at most 1024.
const ARGUMENT_LIMIT: usize = 256;
/// How long the module may take in all, besides the person's own time (DESIGN.md 4).
const TOTAL: Duration = Duration::from_secs(10);
/// The range of `timeout=`, in seconds; sshd gives a login 120 by default.
const TIMEOUTS: std::ops::RangeInclusive<u64> = 1..=60;

/// What stands behind the module's name in a PAM line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// `socket=`: where the service listens.
    pub(crate) socket: PathBuf,
    /// `timeout=`: how long the module may take in all, besides the person's own time.
    pub(crate) timeout: Duration,
    /// `debug`: more in syslog, never an answer.
    pub(crate) debug: bool,
    /// `sshd=`: the PAM services of sshd besides `sshd`.
    pub(crate) sshd: Vec<String>,
    /// What the line is for.
    pub(crate) duty: Duty,
}

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// No option: `auth` asks for the code, `account` leaves everything to the other lines.
    Code,
    /// `late_first_factor`: as `Code`, but the stack lets a wrong password fail after us, so nothing may be told.
    LateCode,
    /// `first_factor`: `auth` answers only whether sshd has seen a public key.
    FirstFactor,
    /// `combined`, `combined=8`: `auth` takes password and code in one answer, before the first factor.
    Combined {
        /// How many digits the code has where no comma stands before it.
        digits: usize,
    },
    /// `require_auth`: `account` in an SSH server refuses a login that gave no code where policy asks for one.
    RequireAuth,
}

/// An argument that is refused; its text goes to syslog and repeats nothing unprintable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OptionError {
    /// Not one of ours.
    #[error("unknown option \"{0}\"")]
    Unknown(String),
    /// Given twice.
    #[error("option \"{0}\" given twice")]
    Twice(&'static str),
    /// Longer than any of ours may be, or with control characters, or not text.
    #[error("an option that is too long or not printable")]
    Unreadable,
    /// A value out of range.
    #[error("timeout= takes 1 to 60 seconds")]
    Timeout,
    /// Not an absolute path.
    #[error("socket= takes an absolute path")]
    Socket,
    /// Not a list of PAM services.
    #[error("sshd= takes names of PAM services, separated by commas")]
    Services,
    /// Options that say different things about one line.
    #[error("first_factor, late_first_factor, combined and require_auth exclude each other")]
    Contradiction,
    /// An option that means nothing in this kind of line.
    #[error("require_auth belongs to account; first_factor, late_first_factor and combined to auth")]
    Misplaced,
}

impl Options {
    /// Reads the arguments of a line.
    ///
    /// # Errors
    ///
    /// [`OptionError`] for the first argument that is refused.
    pub(crate) fn parse(arguments: &[&CStr]) -> Result<Self, OptionError> {
        let (mut socket, mut timeout, mut sshd, mut debug, mut duty) = (None, None, None, None, None);
        for argument in arguments {
            let text = readable(argument)?;
            match text.split_once('=').unwrap_or((text, "")) {
                ("socket", path) => once("socket", &mut socket, path_of(path)?)?,
                ("timeout", seconds) => once("timeout", &mut timeout, duration_of(seconds)?)?,
                ("sshd", names) => once("sshd", &mut sshd, services_of(names)?)?,
                _ if text == "debug" => once("debug", &mut debug, ())?,
                _ => take_duty(&mut duty, text)?,
            }
        }
        Ok(Self {
            socket: socket.unwrap_or_else(|| PathBuf::from(LOGIN_SOCKET)),
            timeout: timeout.unwrap_or(TOTAL),
            debug: debug.is_some(),
            sshd: sshd.unwrap_or_default(),
            duty: duty.unwrap_or(Duty::Code),
        })
    }
}

/// The options that say what a line is for; they exclude each other.
const DUTIES: [(&str, Duty); 6] = [
    ("combined", Duty::Combined { digits: 6 }),
    ("combined=6", Duty::Combined { digits: 6 }),
    ("combined=8", Duty::Combined { digits: 8 }),
    ("late_first_factor", Duty::LateCode),
    ("first_factor", Duty::FirstFactor),
    ("require_auth", Duty::RequireAuth),
];

fn take_duty(duty: &mut Option<Duty>, text: &str) -> Result<(), OptionError> {
    let known = DUTIES.into_iter().find(|(name, _)| *name == text);
    let (name, new) = known.ok_or_else(|| OptionError::Unknown(text.to_owned()))?;
    match duty.replace(new) {
        None => Ok(()),
        Some(old) if old == new => Err(OptionError::Twice(name)),
        Some(_) => Err(OptionError::Contradiction),
    }
}

fn readable(argument: &CStr) -> Result<&str, OptionError> {
    let text = argument.to_str().map_err(|_| OptionError::Unreadable)?;
    let printable = text.chars().all(|character| !character.is_control());
    if printable && text.len() <= ARGUMENT_LIMIT { Ok(text) } else { Err(OptionError::Unreadable) }
}

fn once<T>(name: &'static str, place: &mut Option<T>, value: T) -> Result<(), OptionError> {
    if place.replace(value).is_some() { Err(OptionError::Twice(name)) } else { Ok(()) }
}

fn path_of(text: &str) -> Result<PathBuf, OptionError> {
    if text.starts_with('/') { Ok(PathBuf::from(text)) } else { Err(OptionError::Socket) }
}

fn duration_of(text: &str) -> Result<Duration, OptionError> {
    let digits = !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if digits { text.parse().ok() } else { None };
    let seconds = seconds.filter(|seconds| TIMEOUTS.contains(seconds)).ok_or(OptionError::Timeout)?;
    Ok(Duration::from_secs(seconds))
}

/// Reads names of services as libpam has them: it turns capitals into small letters.
fn services_of(text: &str) -> Result<Vec<String>, OptionError> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b'/';
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(fits);
    let names: Vec<String> = text.split(',').map(str::to_owned).collect();
    if names.iter().all(|name| is_name(name)) { Ok(names) } else { Err(OptionError::Services) }
}

#[cfg(test)]
#[path = "../tests/options.rs"]
mod tests;
