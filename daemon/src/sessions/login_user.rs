//! As whom the sender of a message logged in to this host, whoever they have become since (row H9).
//!
//! The kernel keeps a login uid for each process, but this service sees no process of others (`ProtectProc=invisible`), so
//! systemd-logind is asked: it knows by the cgroup, which only root leaves. A process id may be used again by another
//! process: the answer is for the record alone, and nothing is decided by it. No answer is an answer.

use std::time::Duration;

use countersign_core::account::UserName;
use countersign_core::helpdesk::LoginUser;
use tokio::time::timeout;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, UniqueName};

use super::logind::{LogindProxy, LogindUserProxy};

/// How long bus and logind may take; an act does not fail for them.
const LIMIT: Duration = Duration::from_secs(1);

/// Tells as whom the sender of a message logged in; none where that is not known.
pub async fn login_user(connection: &Connection, sender: &UniqueName<'_>) -> Option<LoginUser> {
    match timeout(LIMIT, ask(connection, sender)).await {
        Ok(Ok(login)) => login,
        Ok(Err(error)) => {
            tracing::debug!(%error, "nobody knows as whom the caller logged in");
            None
        }
        Err(_) => {
            tracing::debug!("logind did not say in time as whom the caller logged in");
            None
        }
    }
}

async fn ask(connection: &Connection, sender: &UniqueName<'_>) -> zbus::Result<Option<LoginUser>> {
    let bus = DBusProxy::new(connection).await?;
    let name = BusName::Unique(sender.to_owned());
    let pid = bus.get_connection_unix_process_id(name.clone()).await?;
    let user = LogindProxy::new(connection).await?.get_user_by_pid(pid).await?;
    let user = LogindUserProxy::builder(connection).path(user).build().await?;
    let (uid, user) = tokio::try_join!(user.uid(), user.name())?;
    // Whoever left meanwhile may have left the process id to another.
    let is_there = bus.name_has_owner(name).await?;
    let login = UserName::try_from(user).ok().map(|name| LoginUser { uid, name });
    Ok(login.filter(|_| is_there))
}
