//! What a gateway's answer means.
//!
//! Owns the judgement, in this order: the answers that the file names as success, redirects, "later", "it broke while I
//! was at it", refusal. Reads at most 64 KiB of the body, and only where the file says what has to stand in it.

use countersign_config::HttpGateway;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::LOCATION;
use hyper::{Response, StatusCode};
use url::Url;

use super::connection::Answered;
use crate::delivery::Attempt;

/// The most that is read of a body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// What an answer comes to.
pub(super) enum Answer {
    /// That was it.
    Final(Attempt),
    /// The same request is to be made there; this one was not acted on.
    Elsewhere(Box<Url>),
}

/// Judges an answer.
pub(super) async fn judge(gateway: &HttpGateway, url: &Url, answered: Answered) -> Answer {
    let Answered { mut response, driver: _driver } = answered;
    let status = response.status();
    let is_success = match gateway.success_status.as_slice() {
        [] => status.is_success(),
        named => named.contains(&status.as_u16()),
    };
    if is_success {
        return Answer::Final(match &gateway.success_body {
            None => Attempt::Taken,
            Some(wanted) => find(wanted, &mut response).await,
        });
    }
    if status.is_redirection() && response.headers().contains_key(LOCATION) {
        return redirect(gateway, url, &response);
    }
    let said = format!("the gateway answers with {}", status.as_u16());
    Answer::Final(match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Attempt::NotNow(said),
        _ if status.is_server_error() => Attempt::Unknown(said),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Attempt::Refused(format!("{said}: it does not accept the credentials"))
        }
        _ => Attempt::Refused(said),
    })
}

/// Looks for what the file says in the body.
async fn find(wanted: &str, response: &mut Response<Incoming>) -> Attempt {
    let mut read: Vec<u8> = Vec::new();
    while let Some(frame) = response.frame().await {
        let Ok(frame) = frame else {
            return Attempt::Unknown("the gateway was lost in the middle of its answer".to_owned());
        };
        let Some(data) = frame.data_ref() else { continue };
        // What was looked through already is not looked through again, but for a beginning at its end.
        let new = read.len().saturating_sub(wanted.len());
        let room = BODY_LIMIT.saturating_sub(read.len());
        read.extend(data.iter().take(room));
        let mut parts = read.get(new..).unwrap_or_default().windows(wanted.len().max(1));
        if parts.any(|part| part == wanted.as_bytes()) {
            return Attempt::Taken;
        }
        if read.len() >= BODY_LIMIT {
            let reason = format!("the first {BODY_LIMIT} bytes of the gateway's answer do not say success");
            return Attempt::Unknown(reason);
        }
    }
    Attempt::Refused("the gateway's answer does not say success (`success_body`)".to_owned())
}

/// Follows a redirect only to the same place, and only where the request is to be made there as it is (RFC 9110 15.4).
fn redirect(gateway: &HttpGateway, url: &Url, response: &Response<Incoming>) -> Answer {
    let status = response.status().as_u16();
    let there = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let Some(there) = there.and_then(|location| url.join(location).ok()) else {
        return Answer::Final(Attempt::Refused(format!("the gateway redirects ({status}) to nowhere")));
    };
    let place =
        |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    if place(&there) != place(url) {
        let reason = format!("the gateway redirects ({status}) to another host, scheme or port");
        return Answer::Final(Attempt::Refused(reason));
    }
    if gateway.method == "GET" || matches!(status, 307 | 308) {
        return Answer::Elsewhere(Box::new(there));
    }
    let reason = format!("the gateway redirects ({status}) and may have taken it; name the final URL");
    Answer::Final(Attempt::Unknown(reason))
}
