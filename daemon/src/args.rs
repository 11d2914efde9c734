//! The arguments of the service; nothing else configures how it starts, and no environment but the manager's is read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use countersign_config::{PostgresUrl, UrlRefusal};

use crate::bus::system::SYSTEM_BUS;
use crate::sessions::idle::REST;

/// The least rest between two looks at idle sessions.
const LEAST_REST: Duration = Duration::from_secs(1);
/// Where the configuration lies.
const CONFIG: &str = "/etc/countersign/countersign.toml";

/// What `--help` says.
pub const USAGE: &str = "\
usage: countersignd [--config PATH] [--socket PATH] [--bus PATH|none] [--trust-uid UID] [--version]
       countersignd --migrate URL
       countersignd [--config PATH] --deliver-command
       countersignd --tell-terminal

  --config PATH    the configuration; drop-ins lie in policy.d beside it [default: /etc/countersign/countersign.toml]
  --socket PATH    listen there, instead of on the socket that systemd passes
  --bus PATH       the socket of the message bus, or `none` [default: /run/dbus/system_bus_socket]
  --trust-uid UID  the configuration may belong to this uid as well as to root (for tests)
  --migrate URL    bring the schema of a fleet's store up to date as the role that owns it, and end
  --deliver-command
                   send one message by the `command` of the configuration, as countersign-command@.service does; the
                   connection is its standard input
  --tell-terminal  tell somebody that their session is idle, as countersign-tell@.service does; the connection is its
                   standard input
  --look-every SECONDS
                   look at idle sessions so often, 1 to 30 (for tests) [default: 30]
";

/// How the service is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// The main file.
    pub config: PathBuf,
    /// The socket to bind; none takes the one that systemd passes.
    pub socket: Option<PathBuf>,
    /// The socket of the bus; none does without.
    pub bus: Option<PathBuf>,
    /// Who may own the configuration besides root.
    pub trust_uid: Option<u32>,
    /// How often idle sessions are looked at.
    pub rest: Duration,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To serve.
    Serve(Args),
    /// To bring the schema of the fleet's store at this URL up to date.
    Migrate(Box<PostgresUrl>),
    /// To send one message by the command of this main file.
    DeliverCommand(PathBuf),
    /// To tell somebody that their session is idle.
    TellTerminal,
    /// To say its version.
    Version,
    /// To say its usage.
    Help,
}

/// A command line that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Not an argument of ours.
    #[error("unknown argument {0}")]
    Unknown(String),
    /// An argument without its value.
    #[error("{0} needs a value")]
    Missing(&'static str),
    /// Not the URL of a fleet's store.
    #[error("--migrate: {0}")]
    Url(UrlRefusal),
    /// A value that does not fit.
    #[error("{0} needs a number")]
    Number(&'static str),
}

impl Default for Args {
    /// The places of the package.
    fn default() -> Self {
        let (config, bus) = (CONFIG.into(), Some(SYSTEM_BUS.into()));
        Self { config, socket: None, bus, trust_uid: None, rest: REST }
    }
}

impl Request {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    /// [`UsageError`] for the first that does not fit.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut args = Args::default();
        let mut is_command = false;
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = |name| arguments.next().ok_or(UsageError::Missing(name));
            match argument.to_str() {
                Some("--config") => args.config = value("--config")?.into(),
                Some("--socket") => args.socket = Some(value("--socket")?.into()),
                Some("--bus") => {
                    args.bus = Some(value("--bus")?).filter(|bus| bus != "none").map(PathBuf::from);
                }
                Some("--trust-uid") => {
                    let uid = value("--trust-uid")?.to_str().and_then(|uid| uid.parse().ok());
                    args.trust_uid = Some(uid.ok_or(UsageError::Number("--trust-uid"))?);
                }
                Some("--look-every") => {
                    let seconds = value("--look-every")?.to_str().and_then(|text| text.parse().ok());
                    let rest =
                        seconds.map(Duration::from_secs).filter(|rest| (LEAST_REST..=REST).contains(rest));
                    args.rest = rest.ok_or(UsageError::Number("--look-every"))?;
                }
                Some("--migrate") => {
                    let url = value("--migrate")?;
                    let url = PostgresUrl::parse(&url.to_string_lossy()).map_err(UsageError::Url)?;
                    return Ok(Self::Migrate(Box::new(url)));
                }
                Some("--deliver-command") => is_command = true,
                Some("--tell-terminal") => return Ok(Self::TellTerminal),
                Some("--version") => return Ok(Self::Version),
                Some("--help" | "-h") => return Ok(Self::Help),
                Some(_) | None => return Err(UsageError::Unknown(argument.to_string_lossy().into_owned())),
            }
        }
        Ok(if is_command { Self::DeliverCommand(args.config) } else { Self::Serve(args) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Request, UsageError> {
        Request::parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn without_arguments_the_places_of_the_package_count() {
        let Ok(Request::Serve(args)) = parse(&[]) else { panic!("a request to serve") };
        assert_eq!(args.config, PathBuf::from(CONFIG));
        assert_eq!((args.socket, args.bus), (None, Some(PathBuf::from(SYSTEM_BUS))));
        assert_eq!((args.trust_uid, args.rest), (None, REST));
    }

    #[test]
    fn every_argument_is_taken_and_no_other() {
        let line = "--config /c --socket /s --bus none --trust-uid 1000 --look-every 5";
        let line: Vec<&str> = line.split(' ').collect();
        let (socket, rest) = (Some("/s".into()), Duration::from_secs(5));
        let expected = Args { config: "/c".into(), socket, bus: None, trust_uid: Some(1000), rest };
        assert_eq!(parse(&line), Ok(Request::Serve(expected)));
        assert_eq!(parse(&["--version"]), Ok(Request::Version));
        let command = parse(&["--deliver-command", "--config", "/c"]);
        assert_eq!(command, Ok(Request::DeliverCommand("/c".into())));
        let Ok(Request::Migrate(url)) = parse(&["--migrate", "postgresql://owner@db1/c"]) else {
            panic!("a request to migrate")
        };
        assert_eq!(url.user, "owner");
        assert!(matches!(parse(&["--migrate", "sqlite:///c"]), Err(UsageError::Url(_))));
        assert_eq!(parse(&["--tell-terminal"]), Ok(Request::TellTerminal));
        for wrong in ["0", "31", "x"] {
            assert_eq!(parse(&["--look-every", wrong]), Err(UsageError::Number("--look-every")));
        }
        assert_eq!(parse(&["--config"]), Err(UsageError::Missing("--config")));
        assert_eq!(parse(&["--trust-uid", "x"]), Err(UsageError::Number("--trust-uid")));
        assert_eq!(parse(&["--confg", "/c"]), Err(UsageError::Unknown("--confg".to_owned())));
    }
}
