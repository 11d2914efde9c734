//! One connection to a gateway, for one request.
//!
//! Owns the moment from which on the request may have been acted on: `sent` is raised before its first byte leaves. What
//! fails earlier is certainly not taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::delivery::Attempt;
use crate::delivery::reach::{self, Reach, Resolver};

/// The most that is read of an answer's head, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;
/// The most header fields of an answer.
const FIELD_LIMIT: usize = 64;

/// An answer whose body is still to be read; the connection ends with it.
pub(super) struct Answered {
    pub(super) response: Response<Incoming>,
    pub(super) driver: JoinSet<()>,
}

/// Connects, in TLS or to this host itself, and sends the request.
///
/// # Errors
/// [`Attempt::NotNow`] before the request left, [`Attempt::Unknown`] after that.
pub(super) async fn exchange(
    url: &Url,
    request: Request<Full<Bytes>>,
    tls: &Arc<ClientConfig>,
    (resolver, limit): (&Resolver, Duration),
    sent: &AtomicBool,
) -> Result<Answered, Attempt> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let not_now = |doing: &str, cause: &dyn std::fmt::Display| Attempt::NotNow(format!("{doing}: {cause}"));
    let reach = if url.scheme() == "https" { Reach::Anywhere } else { Reach::Loopback };
    let addresses: Vec<SocketAddr> = resolver.addresses(host, port, reach).await.map_err(Attempt::NotNow)?;
    let stream = reach::connect(&addresses, limit)
        .await
        .map_err(|error| not_now("connecting to the gateway", &error))?;
    match reach {
        Reach::Loopback => send(stream, request, sent).await,
        Reach::Anywhere => {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                .map_err(|error| not_now("the gateway's name", &error))?;
            let stream = TlsConnector::from(Arc::clone(tls))
                .connect(name, stream)
                .await
                .map_err(|error| not_now("TLS with the gateway", &error))?;
            send(stream, request, sent).await
        }
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
    sent: &AtomicBool,
) -> Result<Answered, Attempt> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .max_headers(FIELD_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Attempt::NotNow(format!("connecting to the gateway: {error}")))?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // What goes wrong is told to whoever waits for the answer.
        let _ = connection.await;
    });
    sent.store(true, Ordering::Relaxed);
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| Attempt::Unknown(format!("the gateway was lost after the request: {error}")))?;
    Ok(Answered { response, driver })
}
