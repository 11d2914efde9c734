//! A gateway over HTTP (rows M4, M5): one request on one connection.
//!
//! Owns the request made of the templates, and redirects: only to the same scheme, host and port, and only where the
//! request was certainly not acted on. Leaves the connection to `connection`, what an answer means to `answer`. Invariants:
//! TLS with a checked certificate, or this host itself; no proxy and no environment; nothing of an answer is repeated.

mod answer;
mod connection;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use countersign_config::{BodyForm, HttpGateway, Placeholder};
use countersign_core::delivery::Outgoing;
use countersign_core::secret::Secret;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use rustls::ClientConfig;
use tokio::time::timeout;
use url::{Position, Url};
use zeroize::Zeroizing;

use self::answer::Answer;
use super::credentials::Credentials;
use super::reach::Resolver;
use super::render::{Escape, Values, render};
use super::{Attempt, Channel, tls};

/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Whom the request is from.
const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// A gateway, ready to be used.
pub struct Http {
    gateway: HttpGateway,
    limit: Duration,
    credentials: BTreeMap<String, Secret<String>>,
    tls: Arc<ClientConfig>,
    resolver: Resolver,
}

/// What is sent, whatever the URL turns out to be.
struct Content {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Http {
    /// Reads what the settings name: credentials and authorities.
    ///
    /// # Errors
    /// What is missing on this host, for the administrator.
    pub fn new(gateway: &HttpGateway, limit: Duration, given: &Credentials) -> Result<Self, String> {
        let templates = std::iter::once(&gateway.url)
            .chain(gateway.headers.iter().map(|(_, template)| template))
            .chain(&gateway.body);
        let mut credentials = BTreeMap::new();
        for place in templates.flat_map(countersign_config::Template::places) {
            if let Placeholder::Credential(name) = place {
                credentials.insert(name.clone(), given.read(name)?);
            }
        }
        let tls = tls::for_http(gateway.ca_file.as_deref())?;
        Ok(Self { gateway: gateway.clone(), limit, credentials, tls, resolver: Resolver::new() })
    }

    /// Sends the request, and again where a redirect says so; `sent` tells whether the last one may have been acted on.
    async fn send(&self, message: &Outgoing, sent: &AtomicBool) -> Attempt {
        let (mut url, content) = match self.prepare(message) {
            Ok(prepared) => prepared,
            Err(reason) => return Attempt::NotConfigured(reason),
        };
        for _ in 0..=REDIRECTS {
            sent.store(false, Ordering::Relaxed);
            let request = match self.request(&url, &content) {
                Ok(request) => request,
                Err(reason) => return Attempt::NotConfigured(reason),
            };
            let answered = connection::exchange(&url, request, &self.tls, (&self.resolver, self.limit), sent);
            let answer = match answered.await {
                Ok(response) => answer::judge(&self.gateway, &url, response).await,
                Err(attempt) => return attempt,
            };
            match answer {
                Answer::Final(attempt) => return attempt,
                Answer::Elsewhere(there) => url = *there,
            }
        }
        Attempt::Refused(format!("the gateway redirects more than {REDIRECTS} times"))
    }

    fn prepare(&self, message: &Outgoing) -> Result<(Url, Content), String> {
        let values = Values { message, credentials: &self.credentials };
        let url = render(&self.gateway.url, &values, Escape::Percent)?;
        let url = Url::parse(&url).map_err(|error| format!("the gateway's URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the gateway's URL holds a user or password; write a header Authorization".to_owned());
        }
        let mut headers = Vec::new();
        for (name, template) in &self.gateway.headers {
            let value = render(template, &values, Escape::Line)?;
            let invalid = || format!("the header {name} cannot be written like that");
            let parsed_name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
            value.set_sensitive(true);
            headers.push((parsed_name, value));
        }
        let body = match &self.gateway.body {
            None => Bytes::new(),
            Some(template) => {
                let body = render(template, &values, escaping(self.gateway.body_form))?;
                Bytes::from_owner(Zeroizing::new(body.as_bytes().to_vec()))
            }
        };
        if self.gateway.body.is_some() && !headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
            headers.push((CONTENT_TYPE, HeaderValue::from_static(media_type(self.gateway.body_form))));
        }
        Ok((url, Content { headers, body }))
    }

    fn request(&self, url: &Url, content: &Content) -> Result<Request<Full<Bytes>>, String> {
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let mut request = Request::builder()
            .method(self.gateway.method.as_str())
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, host)
            .header(CONNECTION, "close")
            .body(Full::new(content.body.clone()))
            .map_err(|_| "the gateway's request cannot be written like that".to_owned())?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        for (name, value) in &content.headers {
            headers.insert(name, value.clone());
        }
        Ok(request)
    }
}

#[async_trait]
impl Channel for Http {
    async fn deliver(&self, message: &Outgoing) -> Attempt {
        let sent = AtomicBool::new(false);
        match timeout(self.limit, self.send(message, &sent)).await {
            Ok(attempt) => attempt,
            Err(_) if sent.load(Ordering::Relaxed) => {
                Attempt::Unknown("the gateway did not answer to the request in time".to_owned())
            }
            Err(_) => Attempt::NotNow("the gateway could not be reached in time".to_owned()),
        }
    }
}

const fn escaping(form: BodyForm) -> Escape {
    match form {
        BodyForm::Json => Escape::Json,
        BodyForm::Form => Escape::Percent,
        BodyForm::Xml => Escape::Xml,
        BodyForm::Plain => Escape::Line,
    }
}

const fn media_type(form: BodyForm) -> &'static str {
    match form {
        BodyForm::Json => "application/json",
        BodyForm::Form => "application/x-www-form-urlencoded",
        BodyForm::Xml => "application/xml; charset=utf-8",
        BodyForm::Plain => "text/plain; charset=utf-8",
    }
}
