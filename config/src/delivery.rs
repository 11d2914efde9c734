//! How messages leave the host: `[email]`, `[sms]`, `[call]`, as values for the daemon.
//!
//! Owns what the sections become. No password stands in the file: each is named by file or systemd credential, and read
//! by the daemon. Leaves to `core` what may be sent to whom.

use std::path::PathBuf;
use std::time::Duration;

use countersign_core::contact::EmailAddress;

use crate::template::Template;

/// The ways out that are configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliverySettings {
    /// `[email]`.
    pub email: Option<EmailServer>,
    /// `[sms]`.
    pub sms: Option<Gateway>,
    /// `[call]`.
    pub call: Option<Gateway>,
}

/// The mail server that takes our messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailServer {
    /// Its name; the certificate has to be for it.
    pub host: String,
    /// Its port: 465, 587 or 25 where the URL names none.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The authorities that may sign its certificate; the system's where none is named.
    pub ca_file: Option<PathBuf>,
    /// Whom we log in as, if at all.
    pub user: Option<String>,
    /// Where the password lies; with a user and without a file, the systemd credential `email-password`.
    pub password_file: Option<PathBuf>,
    /// The name in `From:`, printable.
    pub from_name: Option<String>,
    /// The address in `From:` and in the envelope.
    pub from: EmailAddress,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// How the connection to the mail server is protected; never opportunistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// `smtps://`: TLS from the first byte.
    Tls,
    /// `smtp+starttls://`: STARTTLS, or nothing is sent.
    StartTls,
    /// `smtp://`: none; only to this host itself.
    Loopback,
}

/// What takes text messages or calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// The way to it.
    pub way: GatewayWay,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// The way to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayWay {
    /// An HTTP request.
    Http(Box<HttpGateway>),
    /// A command of this host, as a list of program and arguments; the text comes on its standard input. `{number}`
    /// stands for the number in an argument, and only there.
    Command(Vec<Template>),
}

/// The request to an HTTP gateway. Values are escaped for where they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGateway {
    /// `GET`, `POST` or `PUT`.
    pub method: String,
    /// `https://…`, or `http://…` to this host itself; values in it are percent-encoded.
    pub url: Template,
    /// Headers in the order of the file.
    pub headers: Vec<(String, Template)>,
    /// The body; none for GET.
    pub body: Option<Template>,
    /// How values are escaped in the body.
    pub body_form: BodyForm,
    /// The answers that mean that the message was taken; 200 to 299 where the file names none.
    pub success_status: Vec<u16>,
    /// What the answer's body has to contain.
    pub success_body: Option<String>,
    /// The authorities that may sign its certificate; the system's where none is named.
    pub ca_file: Option<PathBuf>,
}

/// What a request's body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyForm {
    /// `application/json`: values stand inside strings.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// XML: values stand in text or attributes.
    Xml,
    /// Plain text: values stand as they are, in one line.
    Plain,
}
