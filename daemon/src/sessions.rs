//! Sessions of a person, through systemd-logind.
//!
//! Ending them is a wish beside the act that it belongs to: where it fails, that is said and logged, and the act stands.

use std::time::Duration;

use countersign_core::login::Existence;
use tokio::time::timeout;
use zbus::{Connection, OwnedObjectPath, proxy};

/// How long logind may take.
const LIMIT: Duration = Duration::from_secs(5);

/// A session as logind lists it: id, uid, name, seat, object.
type Session = (String, u32, String, String, OwnedObjectPath);

#[proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Logind {
    fn list_sessions(&self) -> zbus::Result<Vec<Session>>;
    fn terminate_user(&self, uid: u32) -> zbus::Result<()>;
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
