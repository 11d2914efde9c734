//! The system bus: self-service, helpdesk and administration.
//!
//! The service does without the bus: logins go on over the own socket, and this door comes back with backoff whenever
//! the bus or the name is lost.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::frame::draining;
use countersign_protocol::names::{BUS_NAME, OBJECT_PATH};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};
use zbus::Connection;
use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::fdo::{DBusProxy, RequestNameFlags, RequestNameReply};

use super::Service;
use super::admin::AdminInterface;
use super::helpdesk::HelpdeskInterface;
use super::self_service::SelfInterface;
use crate::engine::command::Owner;

/// Where the system bus listens; never taken from the environment.
pub const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";
/// The largest message that is read from the bus; longer ones are dropped unread.
const MESSAGE_LIMIT: usize = 1024 * 1024 + 64 * 1024;
/// How long connecting and asking for the name may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The first wait after a loss, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A connection that held this long begins the waits anew.
const STEADY: Duration = Duration::from_secs(30);

/// Why the door to the bus is closed.
#[derive(Debug, thiserror::Error)]
enum Loss {
    #[error("the bus cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("the bus failed: {0}")]
    Failed(#[from] zbus::Error),
    #[error("the bus did not answer in time")]
    Late,
    #[error("the name {BUS_NAME} belongs to another")]
    NameTaken,
    #[error("the name {BUS_NAME} was lost")]
    NameLost,
    #[error("the connection was closed")]
    Closed,
}

/// Serves the bus for ever, coming back after every loss.
pub async fn serve(bus: PathBuf, service: Arc<Service>) {
    let mut wait = FIRST_WAIT;
    loop {
        let begun = Instant::now();
        let Err(loss) = attend(&bus, &service).await;
        service.engine.bus_gone().await;
        tracing::warn!(%loss, "the bus was lost; logins go on");
        if begun.elapsed() >= STEADY {
            wait = FIRST_WAIT;
        }
        sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}

/// One connection to the bus, from its beginning to its loss.
async fn attend(bus: &Path, service: &Arc<Service>) -> Result<std::convert::Infallible, Loss> {
    let connection = timeout(CONNECT_LIMIT, connect(bus, service)).await.map_err(|_| Loss::Late)??;
    let watch = DBusProxy::new(&connection).await?;
    let mut lost = watch.receive_name_lost().await?;
    let mut changes = watch.receive_name_owner_changed_with_args(&[(2, "")]).await?;
    timeout(CONNECT_LIMIT, take_name(&watch)).await.map_err(|_| Loss::Late)??;
    tracing::info!("serving the bus");
    loop {
        tokio::select! {
            signal = next(&mut changes) => {
                let signal = signal.ok_or(Loss::Closed)?;
                if let Ok(change) = signal.args() {
                    service.engine.owner_gone(Owner::Bus(change.name.to_string())).await;
                }
            }
            signal = next(&mut lost) => {
                let signal = signal.ok_or(Loss::Closed)?;
                if signal.args().is_ok_and(|lost| lost.name.as_str() == BUS_NAME) {
                    return Err(Loss::NameLost);
                }
            }
            () = connection.closed() => return Err(Loss::Closed),
        }
    }
}

async fn connect(bus: &Path, service: &Arc<Service>) -> Result<Connection, Loss> {
    let stream = UnixStream::connect(bus).await?;
    let connection = Builder::socket(draining(stream, MESSAGE_LIMIT))
        .serve_at(OBJECT_PATH, SelfInterface::new(Arc::clone(service)))
        .serve_at(OBJECT_PATH, HelpdeskInterface::new(Arc::clone(service)))
        .serve_at(OBJECT_PATH, AdminInterface::new(Arc::clone(service)))
        .build()
        .await?;
    Ok(connection)
}

async fn take_name(bus: &DBusProxy<'_>) -> Result<(), Loss> {
    let name = BUS_NAME.try_into()?;
    let flags = RequestNameFlags::DO_NOT_QUEUE;
    match bus.request_name(name, flags).await.map_err(zbus::Error::from)? {
        RequestNameReply::PrimaryOwner | RequestNameReply::AlreadyOwner => Ok(()),
        RequestNameReply::InQueue | RequestNameReply::Exists => Err(Loss::NameTaken),
    }
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}
