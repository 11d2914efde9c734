//! From a name to a connection.
//!
//! Owns that a name service which does not answer holds at most two threads of each way out: logins need the others. And
//! that what is configured for this host itself never leaves it.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Look-ups of one way out at a time.
const LOOKUPS: usize = 2;
/// The most addresses of a name that are tried.
const ADDRESS_LIMIT: usize = 8;

/// Where a connection may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anywhere: it is protected by TLS.
    Anywhere,
    /// To this host only: nothing protects it.
    Loopback,
}

/// The name service, as one way out asks it.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    places: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(LOOKUPS)) }
    }

    /// Looks up the addresses of a host, in the order of the name service.
    ///
    /// # Errors
    /// Why there is none that may be reached.
    pub(super) async fn addresses(
        &self,
        host: &str,
        port: u16,
        reach: Reach,
    ) -> Result<Vec<SocketAddr>, String> {
        let found = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                self.look_up(host, port).await.map_err(|error| format!("looking up {host}: {error}"))?
            }
        };
        let is_permitted = |address: &SocketAddr| match reach {
            Reach::Anywhere => true,
            Reach::Loopback => address.ip().to_canonical().is_loopback(),
        };
        let reached: Vec<_> = found.into_iter().filter(is_permitted).take(ADDRESS_LIMIT).collect();
        match (reached.is_empty(), reach) {
            (false, _) => Ok(reached),
            (true, Reach::Anywhere) => Err(format!("{host} has no address")),
            (true, Reach::Loopback) => Err(format!("{host} is not this host, and nothing protects the way")),
        }
    }

    /// The place is given back when the look-up really ends, not when nobody waits for it any more.
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let name = (host.to_owned(), port);
        spawn_blocking(move || {
            let found = name.to_socket_addrs().map(Iterator::collect);
            drop(place);
            found
        })
        .await
        .map_err(io::Error::other)?
    }
}

/// How long each address may take, so that a dead one leaves time for the next.
pub(super) fn share(limit: Duration, addresses: &[SocketAddr]) -> Duration {
    limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX)
}

/// Connects to the first address that answers.
///
/// # Errors
/// What the last one said.
pub(super) async fn connect(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match timeout(share(limit, addresses), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_taken_as_it_is_and_only_loopback_is_this_host() {
        let resolver = Resolver::new();
        for (host, is_loopback) in
            [("127.0.0.1", true), ("[::1]", true), ("::ffff:127.0.0.1", true), ("192.0.2.1", false)]
        {
            assert_eq!(resolver.addresses(host, 25, Reach::Anywhere).await.unwrap().len(), 1);
            assert_eq!(resolver.addresses(host, 25, Reach::Loopback).await.is_ok(), is_loopback, "{host}");
        }
        assert!(resolver.addresses("localhost", 25, Reach::Loopback).await.is_ok());
    }

    #[tokio::test]
    async fn a_dead_name_service_holds_two_threads_and_no_more() {
        let resolver = Resolver::new();
        let _held = Arc::clone(&resolver.places).acquire_many_owned(2).await.unwrap();
        let waiting = resolver.addresses("localhost", 25, Reach::Anywhere);
        assert!(timeout(Duration::from_millis(50), waiting).await.is_err());
        assert!(resolver.addresses("127.0.0.1", 25, Reach::Anywhere).await.is_ok(), "addresses need none");
    }
}
