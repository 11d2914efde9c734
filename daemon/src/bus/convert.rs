//! From what a caller claims to the facts of a login.
//!
//! Owns who may claim what: remote host, terminal, requesting user, session and sshd's facts count only from uid 0, sshd's
//! facts only with service `sshd`. A source that is not known as a number or as a seat of this host is `Unknown`, never local.

use std::collections::HashMap;
use std::net::IpAddr;

use countersign_core::login::{
    AuditSession, Existence, FirstFactor, LoginRequest, Person, Phase, PublicKey, Source, SshFacts,
};
use countersign_core::words::Language;
use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha256};
use zbus::{OwnedVariant, Variant};

use super::{BusError, Service};
use crate::directory::DirectoryError;
use crate::engine::command::Caller;

/// The longest short fact (service, terminal, names), in bytes.
const TEXT_LIMIT: usize = 256;
/// The longest `ssh_auth_info`, in bytes.
const SSH_AUTH_LIMIT: usize = 8 * 1024;
/// The longest name of a key type, in bytes.
const KEY_TYPE_LIMIT: usize = 64;

/// Open facts, as a caller sends them.
pub type Facts = HashMap<String, OwnedVariant>;

/// Makes the request of a login out of what the caller may claim.
///
/// # Errors
/// [`BusError::InvalidArgument`] for a known key of a wrong type or over its limit; [`BusError::Unavailable`] where the
/// requesting user cannot be looked up.
pub async fn login(
    service: &Service,
    caller: &Caller,
    person: Person,
    context: &Facts,
) -> Result<LoginRequest, BusError> {
    let claims = Claims::read(context)?;
    let trusted = if caller.uid == 0 { claims.trusted(context)? } else { Trusted::default() };
    let requesting_uid = match &trusted.requesting_user {
        Some(name) => uid_of(service, name).await?,
        None => None,
    };
    Ok(LoginRequest {
        person,
        service: claims.service,
        phase: claims.phase,
        source: trusted.source,
        tty: trusted.tty,
        ssh: trusted.ssh,
        requesting_uid,
        caller_uid: caller.uid,
        first_factor: claims.first_factor,
        session: trusted.session,
        fresh: None,
        host: service.engine.host().clone(),
        language: claims.language,
    })
}

async fn uid_of(service: &Service, name: &str) -> Result<Option<u32>, BusError> {
    match service.directory.person(name).await {
        Ok(Person { existence: Existence::Known { uid, .. }, .. }) => Ok(Some(uid)),
        // A service may name somebody who is no user of this host: then nobody is named.
        Ok(_) | Err(DirectoryError::InvalidName) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What every caller may say.
#[derive(Debug)]
struct Claims {
    service: String,
    phase: Phase,
    first_factor: FirstFactor,
    language: Option<Language>,
}

/// What only root may say.
#[derive(Debug, PartialEq, Eq)]
struct Trusted {
    source: Source,
    tty: Option<String>,
    requesting_user: Option<String>,
    ssh: SshFacts,
    session: Option<AuditSession>,
}

impl Default for Trusted {
    fn default() -> Self {
        let ssh = SshFacts::default();
        Self { source: Source::Unknown, tty: None, requesting_user: None, ssh, session: None }
    }
}

impl Claims {
    fn read(context: &Facts) -> Result<Self, BusError> {
        let service = text(context, "service", TEXT_LIMIT)?.ok_or_else(|| invalid("service is missing"))?;
        if service.is_empty() || !service.chars().all(|character| character.is_ascii_graphic()) {
            return Err(invalid("service is not the name of a PAM service"));
        }
        let phase = match text(context, "phase", TEXT_LIMIT)?.as_deref() {
            None | Some("auth") => Phase::Auth,
            Some("account") => Phase::Account,
            Some(_) => return Err(invalid("phase is `auth` or `account`")),
        };
        let first_factor = match text(context, "first_factor", TEXT_LIMIT)?.as_deref() {
            None | Some("settled") => FirstFactor::Settled,
            Some("late") => FirstFactor::Late,
            Some(_) => return Err(invalid("first_factor is `settled` or `late`")),
        };
        let language = text(context, "locale", TEXT_LIMIT)?.and_then(|tag| Language::from_tag(&tag));
        Ok(Self { service, phase, first_factor, language })
    }

    fn trusted(&self, context: &Facts) -> Result<Trusted, BusError> {
        let tty = text(context, "tty", TEXT_LIMIT)?.filter(|tty| is_plain(tty));
        let remote_host = text(context, "remote_host", TEXT_LIMIT)?.filter(|host| !host.is_empty());
        let requesting_user = text(context, "requesting_user", TEXT_LIMIT)?.filter(|name| !name.is_empty());
        // The module says so of a service of another name, where its line names it.
        let is_server = switch(context, "ssh_server")?;
        let is_sshd = self.service == "sshd" || is_server;
        let connection = text(context, "ssh_connection", TEXT_LIMIT)?.filter(|_| is_sshd);
        let methods = text(context, "ssh_auth_info", SSH_AUTH_LIMIT)?.filter(|_| is_sshd);
        let source = if is_sshd {
            let numeric = connection.as_deref().and_then(|connection| connection.split(' ').next());
            numeric.and_then(address).or_else(|| remote_host.as_deref().and_then(address))
        } else {
            remote_host.as_deref().and_then(address)
        };
        let source = match (source, &remote_host, tty.as_deref()) {
            (Some(address), ..) => Source::Address(address),
            (None, None, Some(tty)) if !is_sshd && is_seat(tty) => Source::Local,
            (None, ..) => Source::Unknown,
        };
        let ssh = SshFacts { is_server, public_key: methods.as_deref().and_then(public_key) };
        let session = number(context, "session_id")?.and_then(AuditSession::of);
        Ok(Trusted { source, tty, requesting_user, ssh, session })
    }
}

/// Reads a fact that is a text; absent is none, another type or too much of it is refused.
///
/// # Errors
/// [`BusError::InvalidArgument`].
pub fn text(facts: &Facts, key: &'static str, limit: usize) -> Result<Option<String>, BusError> {
    match facts.get(key).map(|value| &**value) {
        None => Ok(None),
        Some(Variant::Str(text)) if text.len() <= limit => Ok(Some(text.as_str().to_owned())),
        Some(_) => Err(BusError::InvalidArgument(format!("{key} is no text, or too long").into())),
    }
}

/// Reads a fact that is a switch; absent is off.
///
/// # Errors
/// [`BusError::InvalidArgument`].
pub fn switch(facts: &Facts, key: &'static str) -> Result<bool, BusError> {
    match facts.get(key).map(|value| &**value) {
        None => Ok(false),
        Some(Variant::Bool(on)) => Ok(*on),
        Some(_) => Err(BusError::InvalidArgument(format!("{key} is no truth value").into())),
    }
}

/// Reads a fact that is a switch and has to be there.
///
/// # Errors
/// [`BusError::InvalidArgument`], also where it is absent.
pub fn required_switch(facts: &Facts, key: &'static str) -> Result<bool, BusError> {
    match facts.get(key).map(|value| &**value) {
        Some(Variant::Bool(on)) => Ok(*on),
        Some(_) | None => Err(BusError::InvalidArgument(format!("{key} has to be a truth value").into())),
    }
}

/// Reads a fact that is a number; absent is none.
///
/// # Errors
/// [`BusError::InvalidArgument`].
pub fn number(facts: &Facts, key: &'static str) -> Result<Option<u32>, BusError> {
    match facts.get(key).map(|value| &**value) {
        None => Ok(None),
        Some(Variant::U32(number)) => Ok(Some(*number)),
        Some(_) => Err(BusError::InvalidArgument(format!("{key} is no number").into())),
    }
}

/// Reads a numeric address; mapped IPv6 is brought back to IPv4, a zone is dropped.
#[must_use]
pub fn address(text: &str) -> Option<IpAddr> {
    countersign_protocol::address::numeric(text)
}

/// Tells whether a terminal is a virtual or serial console or an X display of this host.
#[must_use]
pub fn is_seat(tty: &str) -> bool {
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_serial = ["ttyS", "ttyAMA", "ttyUSB", "hvc", "sclp_line"].into_iter().any(numbered);
    name == "console" || numbered("tty") || is_serial || numbered(":")
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_ascii_graphic())
}

/// Finds the first public key in sshd's list of completed methods, one a line:
/// `publickey <type> <base64 of the key, or SHA256:fingerprint>`.
fn public_key(methods: &str) -> Option<PublicKey> {
    methods.lines().find_map(|line| {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let (method, algorithm, key) = (words.next()?, words.next()?, words.next()?);
        let fits = method == "publickey" && algorithm.len() <= KEY_TYPE_LIMIT && is_plain(algorithm);
        let fingerprint = fits.then(|| fingerprint(key)).flatten()?;
        Some(PublicKey { algorithm: algorithm.to_owned(), fingerprint })
    })
}

fn fingerprint(key: &str) -> Option<String> {
    if let Some(digest) = key.strip_prefix("SHA256:") {
        let bytes = BASE64_NOPAD.decode(digest.as_bytes()).ok()?;
        return (bytes.len() == 32).then(|| key.to_owned());
    }
    let blob = BASE64.decode(key.as_bytes()).ok().filter(|blob| !blob.is_empty())?;
    Some(format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(&blob))))
}

fn invalid(text: &'static str) -> BusError {
    BusError::InvalidArgument(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(facts: &[(&str, &str)]) -> Facts {
        let owned = |text: &str| OwnedVariant::try_from(Variant::from(text)).unwrap();
        facts.iter().map(|(key, value)| ((*key).to_owned(), owned(value))).collect()
    }

    fn source(facts: &[(&str, &str)]) -> Source {
        let context = context(facts);
        Claims::read(&context).unwrap().trusted(&context).unwrap().source
    }

    #[test]
    fn the_source_is_a_number_or_a_seat_and_else_unknown() {
        let number = |text: &str| Source::Address(text.parse().unwrap());
        let connection = "198.51.100.7 50000 192.0.2.1 22";
        for (facts, expected) in [
            (vec![("service", "sshd"), ("ssh_connection", connection)], number("198.51.100.7")),
            (
                vec![("service", "sshd"), ("ssh_connection", connection), ("remote_host", "evil.example")],
                number("198.51.100.7"),
            ),
            (vec![("service", "sshd"), ("ssh_connection", "::ffff:192.0.2.9 1 ::1 22")], number("192.0.2.9")),
            (vec![("service", "sshd"), ("ssh_connection", "fe80::1%eth0 1 ::1 22")], number("fe80::1")),
            (vec![("service", "sshd"), ("remote_host", "2001:db8::7")], number("2001:db8::7")),
            (vec![("service", "sshd"), ("remote_host", "host.example.org")], Source::Unknown),
            (vec![("service", "sshd"), ("tty", "ssh")], Source::Unknown),
            (vec![("service", "sshd"), ("tty", "tty1")], Source::Unknown),
            (vec![("service", "sshd"), ("ssh_connection", "UNKNOWN 65535 UNKNOWN 65535")], Source::Unknown),
            (vec![("service", "login"), ("ssh_connection", connection)], Source::Unknown),
            (vec![("service", "login"), ("tty", "tty1")], Source::Local),
            (vec![("service", "login"), ("tty", "/dev/ttyS0")], Source::Local),
            (vec![("service", "login"), ("tty", "tty1"), ("remote_host", "")], Source::Local),
            (vec![("service", "login"), ("tty", "tty1"), ("remote_host", "h.example")], Source::Unknown),
            (vec![("service", "login"), ("tty", "tty1"), ("remote_host", "192.0.2.9")], number("192.0.2.9")),
            (vec![("service", "gdm-password"), ("tty", ":0")], Source::Local),
            (vec![("service", "xdm"), ("tty", "display.example:0")], Source::Unknown),
            (vec![("service", "sudo"), ("tty", "/dev/pts/3")], Source::Unknown),
            (vec![("service", "su"), ("tty", "ttyp")], Source::Unknown),
            (vec![("service", "cron")], Source::Unknown),
        ] {
            assert_eq!(source(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_public_key_counts_from_sshd_only_and_by_its_fingerprint() {
        // The blob `hello`, and what `sha256sum | xxd -r -p | base64` makes of it.
        let line = "publickey ssh-ed25519 aGVsbG8=\npassword";
        let printed = "SHA256:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";
        let read = |service, info: &str| {
            let context = context(&[("service", service), ("ssh_auth_info", info)]);
            Claims::read(&context).unwrap().trusted(&context).unwrap().ssh.public_key
        };
        let key = PublicKey { algorithm: "ssh-ed25519".to_owned(), fingerprint: printed.to_owned() };
        assert_eq!(read("sshd", line), Some(key.clone()));
        assert_eq!(read("sshd", &format!("password\npublickey ssh-ed25519 {printed}")), Some(key));
        assert_eq!(read("login", line), None);
        for info in [
            "",
            "password",
            "publickey",
            "publickey ssh-ed25519",
            "publickey ssh-ed25519 !",
            "publickey ssh-ed25519 SHA256:short",
            "keyboard-interactive/pam publickey ssh-ed25519 aGVsbG8=",
        ] {
            assert_eq!(read("sshd", info), None, "{info:?}");
        }
    }

    #[test]
    fn a_service_that_root_calls_an_ssh_server_counts_as_sshd() {
        let mut facts = context(&[
            ("service", "sshd-sftp"),
            ("ssh_connection", "198.51.100.7 50000 192.0.2.1 22"),
            ("ssh_auth_info", "publickey ssh-ed25519 aGVsbG8="),
        ]);
        let read = |facts: &Facts| Claims::read(facts).unwrap().trusted(facts).unwrap();
        assert_eq!((read(&facts).source, read(&facts).ssh), (Source::Unknown, SshFacts::default()));
        facts.insert("ssh_server".to_owned(), OwnedVariant::from(true));
        let Trusted { source, ssh, .. } = read(&facts);
        assert_eq!(source, Source::Address("198.51.100.7".parse().unwrap()));
        assert!(ssh.is_server && ssh.public_key.is_some());
        facts.insert("ssh_server".to_owned(), OwnedVariant::try_from(Variant::from("yes")).unwrap());
        assert!(Claims::read(&facts).unwrap().trusted(&facts).is_err());
    }

    #[test]
    fn facts_of_a_wrong_type_or_length_are_refused_and_unknown_ones_ignored() {
        let mut facts = context(&[("service", "sshd"), ("colour", "red")]);
        assert!(Claims::read(&facts).is_ok());
        facts.insert("phase".to_owned(), OwnedVariant::from(7_u32));
        assert!(Claims::read(&facts).is_err());
        let long = "x".repeat(SSH_AUTH_LIMIT + 1);
        for (key, value) in [
            ("service", ""),
            ("service", "two words"),
            ("service", "line\nbreak"),
            ("phase", "session"),
            ("first_factor", "perhaps"),
            ("tty", &long),
            ("remote_host", &long),
            ("ssh_connection", &long),
            ("ssh_auth_info", &long),
        ] {
            let mut facts = context(&[("service", "sshd")]);
            facts.extend(context(&[(key, value)]));
            let read = Claims::read(&facts).and_then(|claims| claims.trusted(&facts));
            assert!(matches!(read, Err(BusError::InvalidArgument(_))), "{key}={value:.20}");
        }
        assert!(Claims::read(&Facts::new()).is_err(), "a login of no service");
    }

    #[test]
    fn who_is_not_root_claims_neither_source_nor_terminal_nor_key_nor_session() {
        let Trusted { source, tty, requesting_user, ssh, session } = Trusted::default();
        assert_eq!((source, tty, requesting_user), (Source::Unknown, None, None));
        assert_eq!((ssh, session), (SshFacts::default(), None));
    }
}
