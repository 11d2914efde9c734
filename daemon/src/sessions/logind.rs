//! What systemd-logind is asked, and what it says of a session.
//!
//! Owns reading its properties: what is missing or of another type makes no session, and who is meant is never guessed.

use std::collections::HashMap;

use countersign_core::idle::Kind;
use countersign_core::login::AuditSession;
use zbus::fdo::PropertiesProxy;
use zbus::names::InterfaceName;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Variant, proxy};

/// The interface of a session.
const SESSION: &str = "org.freedesktop.login1.Session";
/// Who speaks for it.
const SERVICE: &str = "org.freedesktop.login1";
/// The most sessions that are looked at.
const SESSION_LIMIT: usize = 4096;
/// What logind says of a process outside of sessions.
pub(super) const NO_SESSION: &str = "org.freedesktop.login1.NoSessionForPID";

/// A session as logind lists it: id, uid, name, seat, object.
type Listed = (String, u32, String, String, OwnedObjectPath);

#[proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
pub(super) trait Logind {
    fn list_sessions(&self) -> zbus::Result<Vec<Listed>>;
    fn terminate_user(&self, uid: u32) -> zbus::Result<()>;
    fn terminate_session(&self, id: &str) -> zbus::Result<()>;
    #[zbus(name = "GetSessionByPID")]
    fn get_session_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;
    /// Sends a signal to a session's processes: with `leader`, to the one that began it.
    fn kill_session(&self, id: &str, whom: &str, signal: i32) -> zbus::Result<()>;
    fn lock_session(&self, id: &str) -> zbus::Result<()>;
    #[zbus(name = "GetUserByPID")]
    fn get_user_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;
    fn get_user(&self, uid: u32) -> zbus::Result<OwnedObjectPath>;
}

#[proxy(interface = "org.freedesktop.login1.User", default_service = "org.freedesktop.login1")]
pub(super) trait LogindUser {
    #[zbus(property(emits_changed_signal = "false"))]
    fn display(&self) -> zbus::Result<(String, OwnedObjectPath)>;
    #[zbus(property(emits_changed_signal = "false"), name = "UID")]
    fn uid(&self) -> zbus::Result<u32>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn name(&self) -> zbus::Result<String>;
}

/// A session of a person, as far as its being idle goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// The name that logind has for it.
    pub(super) id: String,
    /// Whose it is.
    pub(super) uid: u32,
    /// Their name.
    pub(super) name: String,
    /// The PAM service that opened it.
    pub(super) service: String,
    /// Where the person is, where that is elsewhere.
    pub(super) remote_host: Option<String>,
    /// Its terminal, below `/dev`.
    pub(super) tty: Option<String>,
    /// How it can be told or locked.
    pub(super) kind: Kind,
    /// Since when nobody has used it, in seconds since 1970.
    pub(super) idle_since: u64,
    /// The process that began it.
    pub(super) leader: u32,
    /// The session of the kernel's audit.
    pub(super) audit: Option<AuditSession>,
}

/// Lists the sessions that somebody sits at.
pub(super) async fn sessions(connection: &Connection) -> zbus::Result<Vec<Session>> {
    let mut sessions = Vec::new();
    let listed = LogindProxy::new(connection).await?.list_sessions().await?;
    for (id, uid, _, _, object) in listed.into_iter().take(SESSION_LIMIT) {
        match read(connection, &object).await {
            Ok(properties) => sessions.extend(Session::of(id, uid, &properties)),
            // It may be over since it was listed.
            Err(error) => tracing::debug!(%error, id, "a session was not read"),
        }
    }
    Ok(sessions)
}

async fn read(connection: &Connection, object: &OwnedObjectPath) -> zbus::Result<Properties> {
    let properties = PropertiesProxy::builder(connection).destination(SERVICE).path(object).build().await?;
    Ok(properties.get_all(InterfaceName::from_static_str(SESSION)?).await?)
}

type Properties = HashMap<String, OwnedVariant>;

impl Session {
    /// Reads the properties of a session; none where it is over or nobody's, or where nobody knows since when it is idle.
    fn of(id: String, uid: u32, properties: &Properties) -> Option<Self> {
        let text = |name: &str| match properties.get(name).map(|value| &**value) {
            Some(Variant::Str(text)) => Some(text.as_str().to_owned()),
            Some(_) | None => None,
        };
        let flag =
            |name: &str| matches!(properties.get(name).map(|value| &**value), Some(Variant::Bool(true)));
        let number = |name: &str| match properties.get(name).map(|value| &**value) {
            Some(Variant::U32(number)) => Some(*number),
            Some(_) | None => None,
        };
        if text("Class")? != "user" || text("State")? == "closing" {
            return None;
        }
        let micros = match properties.get("IdleSinceHint").map(|value| &**value) {
            Some(Variant::U64(micros)) if *micros > 0 => *micros,
            Some(_) | None => return None,
        };
        let tty = text("TTY").filter(|tty| !tty.is_empty());
        let kind = match text("Type")?.as_str() {
            "tty" if tty.is_some() => Kind::Terminal,
            // A desktop says itself whether it is idle; the time is that of its last word.
            "x11" | "wayland" | "mir" if flag("IdleHint") => Kind::Graphical,
            _ => Kind::None,
        };
        Some(Self {
            id,
            uid,
            name: text("Name")?,
            service: text("Service")?,
            remote_host: flag("Remote").then(|| text("RemoteHost")).flatten(),
            tty,
            kind,
            idle_since: micros / 1_000_000,
            leader: number("Leader")?,
            audit: number("Audit").filter(|number| *number > 0).and_then(AuditSession::of),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What logind said of a login over ssh.
    fn ssh() -> Properties {
        let texts = [
            ("Name", "ann"),
            ("Service", "sshd"),
            ("RemoteHost", "198.51.100.7"),
            ("TTY", "pts/2"),
            ("Type", "tty"),
            ("Class", "user"),
            ("State", "active"),
        ];
        let text = |(name, text): (&str, &'static str)| (name.to_owned(), owned(Variant::from(text)));
        let mut properties: Properties = texts.into_iter().map(text).collect();
        properties.insert("Remote".to_owned(), owned(Variant::from(true)));
        properties.insert("IdleHint".to_owned(), owned(Variant::from(false)));
        properties.insert("IdleSinceHint".to_owned(), owned(Variant::from(1_795_329_138_320_426_u64)));
        properties.insert("Leader".to_owned(), owned(Variant::from(72_u32)));
        properties.insert("Audit".to_owned(), owned(Variant::from(1196_u32)));
        properties
    }

    fn owned(value: Variant<'_>) -> OwnedVariant {
        OwnedVariant::try_from(value).unwrap()
    }

    fn with(name: &str, value: impl Into<Variant<'static>>) -> Option<Session> {
        let mut properties = ssh();
        properties.insert(name.to_owned(), owned(value.into()));
        Session::of("1196".to_owned(), 1000, &properties)
    }

    #[test]
    fn a_login_over_ssh_is_read_as_logind_tells_it() {
        let session = Session::of("1196".to_owned(), 1000, &ssh()).unwrap();
        assert_eq!((session.name.as_str(), session.uid, session.service.as_str()), ("ann", 1000, "sshd"));
        assert_eq!(session.remote_host.as_deref(), Some("198.51.100.7"));
        assert_eq!((session.tty.as_deref(), session.kind), (Some("pts/2"), Kind::Terminal));
        assert_eq!((session.idle_since, session.leader), (1_795_329_138, 72));
        assert_eq!(session.audit, AuditSession::of(1196));
    }

    #[test]
    fn what_is_over_or_nobodys_or_of_unknown_idleness_is_no_session() {
        assert_eq!(with("State", "closing"), None);
        for class in ["greeter", "lock-screen", "manager", "background", "user-early"] {
            assert_eq!(with("Class", class), None, "{class}");
        }
        assert_eq!(with("IdleSinceHint", 0_u64), None);
        assert_eq!(with("IdleSinceHint", "yesterday"), None);
        for missing in ["Name", "Service", "Type", "Class", "State", "IdleSinceHint", "Leader"] {
            let mut properties = ssh();
            properties.remove(missing);
            assert_eq!(Session::of("1196".to_owned(), 1000, &properties), None, "{missing}");
        }
    }

    #[test]
    fn a_terminal_needs_one_and_a_desktop_its_own_word() {
        let kind = |session: Option<Session>| session.unwrap().kind;
        assert_eq!(kind(with("TTY", "")), Kind::None, "scp has none");
        assert_eq!(kind(with("Type", "unspecified")), Kind::None);
        assert_eq!(kind(with("Type", "wayland")), Kind::None, "a desktop that is used");
        let mut desktop = ssh();
        desktop.insert("Type".to_owned(), owned(Variant::from("wayland")));
        desktop.insert("IdleHint".to_owned(), owned(Variant::from(true)));
        assert_eq!(kind(Session::of("c2".to_owned(), 1000, &desktop)), Kind::Graphical);
    }

    #[test]
    fn an_audit_session_that_is_none_is_none() {
        for none in [0, AuditSession::UNSET] {
            assert_eq!(with("Audit", none).unwrap().audit, None);
        }
    }
}
