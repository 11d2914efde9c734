//! Sessions of a person that are ended with an act on them, through systemd-logind.
//!
//! Ending them is a wish beside the act that it belongs to: where it fails, that is said and logged, and the act stands.

use std::time::Duration;

use countersign_core::login::Existence;
use tokio::time::timeout;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, UniqueName};
use zbus::{Connection, OwnedObjectPath};

use super::logind::{LogindProxy, LogindUserProxy, NO_SESSION};

/// How long logind may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How long it may take within an answer of a dialogue, whose client waits for 5 s in all.
const SHORT_LIMIT: Duration = Duration::from_secs(2);
/// The sessions of a caller other than the one they call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Others {
    uid: u32,
    own: Own,
}

/// Where a caller sits.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Own {
    /// In this session.
    Session(OwnedObjectPath),
    /// In none.
    Nowhere,
    /// Logind did not say.
    Unknown,
}

impl Others {
    /// Finds the session that the sender of a message sits in. A process of a desktop may be in none: then the desktop
    /// is meant.
    pub async fn of(connection: &Connection, sender: &UniqueName<'_>, uid: u32) -> Self {
        let own = match timeout(SHORT_LIMIT, own_session(connection, sender, uid)).await {
            Ok(Ok(own)) => own,
            Ok(Err(error)) => {
                tracing::warn!(%error, uid, "the caller's session was not found");
                Own::Unknown
            }
            Err(_) => Own::Unknown,
        };
        Self { uid, own }
    }

    /// Ends them; tells whether none is left. Where the caller's own is not known, none is ended.
    pub async fn end(&self, connection: &Connection) -> bool {
        let own = match &self.own {
            Own::Session(own) => Some(own),
            Own::Nowhere => None,
            Own::Unknown => return false,
        };
        match timeout(SHORT_LIMIT, terminate_others(connection, self.uid, own)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, uid = self.uid, "the other sessions were not ended");
                false
            }
            Err(_) => {
                tracing::warn!(uid = self.uid, "logind did not end the other sessions in time");
                false
            }
        }
    }
}

async fn own_session(connection: &Connection, sender: &UniqueName<'_>, uid: u32) -> zbus::Result<Own> {
    let bus = DBusProxy::new(connection).await?;
    let pid = bus.get_connection_unix_process_id(BusName::Unique(sender.to_owned())).await?;
    let logind = LogindProxy::new(connection).await?;
    match logind.get_session_by_pid(pid).await {
        Ok(session) => return Ok(Own::Session(session)),
        Err(zbus::Error::MethodError(name, ..)) if name.as_str() == NO_SESSION => {}
        Err(error) => return Err(error),
    }
    let user = LogindUserProxy::builder(connection).path(logind.get_user(uid).await?).build().await?;
    let (id, session) = user.display().await?;
    Ok(if id.is_empty() { Own::Nowhere } else { Own::Session(session) })
}

async fn terminate_others(
    connection: &Connection,
    uid: u32,
    own: Option<&OwnedObjectPath>,
) -> zbus::Result<()> {
    let logind = LogindProxy::new(connection).await?;
    let mut ended = Ok(());
    for (id, owner, _, _, session) in logind.list_sessions().await? {
        if owner == uid && own != Some(&session) {
            // One that cannot be ended keeps no other from being ended.
            ended = ended.and(logind.terminate_session(&id).await);
        }
    }
    ended
}

/// Ends the sessions of a person; tells whether none is left.
pub async fn end(connection: &Connection, person: Existence) -> bool {
    let Existence::Known { uid, .. } = person else { return false };
    match timeout(LIMIT, terminate(connection, uid)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, uid, "the sessions were not ended");
            false
        }
        Err(_) => {
            tracing::warn!(uid, "logind did not end the sessions in time");
            false
        }
    }
}

async fn terminate(connection: &Connection, uid: u32) -> zbus::Result<()> {
    let logind = LogindProxy::new(connection).await?;
    if logind.list_sessions().await?.iter().any(|session| session.1 == uid) {
        logind.terminate_user(uid).await?;
    }
    Ok(())
}
