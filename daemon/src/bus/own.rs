//! The service's own socket: logins, each guest on a connection of its own.
//!
//! The door has checked who is there and counts the places; here the guest gets the objects of a login, and its leaving
//! ends what it began.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_protocol::names::OBJECT_PATH;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use zbus::Guid;
use zbus::connection::Builder;

use super::door::{self, Capacity, Guest};
use super::login::LoginInterface;
use super::paced::paced;
use super::{Door, Service};
use crate::engine::command::{Caller, Owner};

/// How many guests may stand between the door and the service.
const LOBBY: usize = 64;

/// Serves the socket until the engine is gone.
pub async fn serve(listener: UnixListener, service: Arc<Service>) {
    let guid = Guid::generate();
    let (sender, mut guests) = mpsc::channel(LOBBY);
    tokio::spawn(door::serve(listener, guid.to_string(), Capacity::default(), sender));
    let count = AtomicU64::new(0);
    while let Some(guest) = guests.recv().await {
        let owner = Owner::Socket(count.fetch_add(1, Ordering::Relaxed));
        let (service, guid) = (Arc::clone(&service), guid.clone());
        tokio::spawn(async move { host(guest, owner, service, &guid).await });
    }
}

/// Serves one guest until it leaves.
async fn host(guest: Guest, owner: Owner, service: Arc<Service>, guid: &Guid<'_>) {
    let Guest { stream, uid, place } = guest;
    let door = Door::Socket(Caller { uid, owner: owner.clone() });
    let object = LoginInterface::new(Arc::clone(&service), door);
    let built = Builder::authenticated_socket(paced(stream), guid.clone())
        .p2p()
        .serve_at(OBJECT_PATH, object)
        .build()
        .await;
    match built {
        Ok(connection) => connection.closed().await,
        Err(error) => tracing::debug!(%error, "a guest left at once"),
    }
    service.engine.owner_gone(owner).await;
    drop(place);
}
