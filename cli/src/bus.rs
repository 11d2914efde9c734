//! The way to the service: the system bus at its fixed address.
//!
//! Owns connecting, finding who owns the name, and the outer time-outs. No environment variable moves the address
//! (`$DBUS_SYSTEM_BUS_ADDRESS` is not read); `--bus` is for tests and refused where privileges are borrowed. The owner
//! of the name must be root or the service's own user, and is addressed by its unique name from then on.

use std::future::Future;
use std::time::Duration;

use countersign_protocol::names::{BUS_NAME, SERVICE_USER};
use countersign_protocol::proxies::{AdminProxy, ConversationProxy, HelpdeskProxy, SelfServiceProxy};
use nix::unistd::{User, getegid, geteuid, getgid, getuid};
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName, WellKnownName};
use zbus::proxy::CacheProperties;
use zbus::{Connection, OwnedObjectPath};

use crate::exit::{Exit, Failure};

/// Where the system bus listens (the D-Bus specification names /var/run, which is /run).
const SYSTEM_BUS: &str = "unix:path=/run/dbus/system_bus_socket";
/// How long connecting and each call may take.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(5);
/// How long a call may take in which polkit may ask somebody for a password.
const INTERACTIVE_LIMIT: Duration = Duration::from_mins(2);
/// How long a call may take in which somebody else's server is waited for, besides what polkit takes.
const SLOW_LIMIT: Duration = Duration::from_mins(3);

/// The service, found on the bus.
#[derive(Debug, Clone)]
pub(crate) struct Bus {
    connection: Connection,
    owner: OwnedUniqueName,
}

impl Bus {
    /// Connects to the system bus, or to the address of `--bus`, and finds the service; it is activated if need be.
    ///
    /// # Errors
    /// The bus or the service cannot be reached, or somebody else owns its name.
    pub(crate) async fn connect(address: Option<&str>) -> Result<Self, Failure> {
        if address.is_some() && has_borrowed_privileges() {
            return Err(Failure::new(Exit::Usage, "--bus is refused where privileges are borrowed."));
        }
        let builder = zbus::connection::Builder::address(address.unwrap_or(SYSTEM_BUS));
        let Ok(connection) = tokio::time::timeout(CALL_LIMIT, builder.build()).await else {
            return Err(Failure::unreachable());
        };
        let connection = connection?;
        let owner = within(CALL_LIMIT, find_owner(&connection, address.is_some())).await?;
        Ok(Self { connection, owner })
    }

    /// The interface for oneself.
    pub(crate) async fn self_service(&self) -> Result<SelfServiceProxy<'static>, Failure> {
        let builder = SelfServiceProxy::builder(&self.connection).destination(self.owner.clone());
        Ok(builder.cache_properties(CacheProperties::No).build().await?)
    }

    /// The interface for the helpdesk.
    pub(crate) async fn helpdesk(&self) -> Result<HelpdeskProxy<'static>, Failure> {
        let builder = HelpdeskProxy::builder(&self.connection).destination(self.owner.clone());
        Ok(builder.cache_properties(CacheProperties::No).build().await?)
    }

    /// The interface for administrators.
    pub(crate) async fn admin(&self) -> Result<AdminProxy<'static>, Failure> {
        let builder = AdminProxy::builder(&self.connection).destination(self.owner.clone());
        Ok(builder.cache_properties(CacheProperties::No).build().await?)
    }

    /// One dialogue.
    pub(crate) async fn conversation(
        &self,
        path: OwnedObjectPath,
    ) -> Result<ConversationProxy<'static>, Failure> {
        let builder = ConversationProxy::builder(&self.connection).destination(self.owner.clone()).path(path);
        Ok(builder.cache_properties(CacheProperties::No).build().await?)
    }
}

/// Waits for a call of which nobody is asked anything.
pub(crate) async fn call<T>(reply: impl Future<Output = zbus::Result<T>>) -> Result<T, Failure> {
    within(CALL_LIMIT, async { Ok(reply.await?) }).await
}

/// Waits for a call in which polkit may ask; it asks root nothing.
pub(crate) async fn interactive_call<T>(reply: impl Future<Output = zbus::Result<T>>) -> Result<T, Failure> {
    let limit = if geteuid().is_root() { CALL_LIMIT } else { INTERACTIVE_LIMIT };
    within(limit, async { Ok(reply.await?) }).await
}

/// Waits for a call in which the service waits for somebody else's server.
pub(crate) async fn slow_call<T>(reply: impl Future<Output = zbus::Result<T>>) -> Result<T, Failure> {
    within(SLOW_LIMIT, async { Ok(reply.await?) }).await
}

/// No D-Bus client returns by itself when the bus is stopped: this does.
async fn within<T>(limit: Duration, reply: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(limit, reply).await.unwrap_or_else(|_| Err(Failure::late()))
}

/// Tells whether this process has rights that its caller has not (setuid, setgid).
fn has_borrowed_privileges() -> bool {
    getuid() != geteuid() || getgid() != getegid()
}

async fn find_owner(connection: &Connection, for_tests: bool) -> Result<OwnedUniqueName, Failure> {
    let bus = DBusProxy::builder(connection).cache_properties(CacheProperties::No).build().await?;
    let name = WellKnownName::from_static_str(BUS_NAME)?;
    let owner = match bus.get_name_owner(BusName::from(name.clone())).await {
        Ok(owner) => owner,
        Err(zbus::fdo::Error::NameHasNoOwner(_)) => {
            bus.start_service_by_name(name.clone(), 0).await.map_err(zbus::Error::from)?;
            bus.get_name_owner(BusName::from(name)).await.map_err(zbus::Error::from)?
        }
        Err(error) => return Err(zbus::Error::from(error).into()),
    };
    let uid = bus.get_connection_unix_user(BusName::from(owner.inner().clone())).await;
    let uid = uid.map_err(zbus::Error::from)?;
    if is_trusted(uid, for_tests) { Ok(owner) } else { Err(impostor(uid)) }
}

fn is_trusted(uid: u32, for_tests: bool) -> bool {
    let service = || User::from_name(SERVICE_USER).ok().flatten().map(|user| user.uid.as_raw());
    uid == 0 || (for_tests && uid == geteuid().as_raw()) || service() == Some(uid)
}

fn impostor(uid: u32) -> Failure {
    let message = format!("The name {BUS_NAME} on the system bus belongs to uid {uid}, not to the service.");
    Failure::new(Exit::Unavailable, message)
        .with_help("Nothing was sent to it. Is the bus policy of Countersign installed?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_the_services_user_are_believed() {
        assert!(is_trusted(0, false));
        assert!(!is_trusted(4_000_000_000, false));
        assert!(!is_trusted(4_000_000_000, true));
    }
}
