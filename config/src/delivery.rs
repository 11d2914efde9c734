//! How messages leave the host: `[email]`, `[sms]`, `[call]`, as values for the daemon.
//!
//! Owns what the sections become; `email` and `gateway` read them. No password stands in the file: each is named by file or systemd credential, and read
//! by the daemon. Leaves to `core` what may be sent to whom.

use std::path::PathBuf;
use std::time::Duration;

use countersign_core::contact::EmailAddress;
use countersign_core::delivery::Channel;
use countersign_core::sending::Channels;

use crate::diagnostics::{Findings, Place};
use crate::sections::Section;
use crate::template::Template;
use crate::{email, gateway, tables};

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

/// The ways out, with what `core` has to know of them and where they stand in the file.
#[derive(Debug)]
pub(crate) struct Ways<'s> {
    pub(crate) delivery: DeliverySettings,
    pub(crate) channels: Channels,
    pub(crate) places: Vec<(Channel, Place<'s>)>,
}

/// Reads the sections. One that is there counts as configured even where something in it is wrong: then no policy comes
/// of the file anyway.
pub(crate) fn read<'s>(top: &Section<'_, 's>, findings: &mut Findings) -> Ways<'s> {
    let email = top.section("email", &tables::EMAIL, findings);
    let sms = top.section("sms", &tables::SMS, findings);
    let call = top.section("call", &tables::CALL, findings);
    let delivery = DeliverySettings {
        email: email.as_ref().and_then(|section| email::read(section, findings)),
        sms: sms.as_ref().and_then(|section| gateway::read(section, findings)),
        call: call.as_ref().and_then(|section| gateway::read(section, findings)),
    };
    let channels = Channels {
        email: email.is_some(),
        sms: sms.as_ref().map(|section| gateway::numbers(section, findings)),
        call: call.as_ref().map(|section| gateway::numbers(section, findings)),
    };
    let sections = [(Channel::Email, email), (Channel::Sms, sms), (Channel::Call, call)];
    let placed = |(channel, section): (Channel, Option<Section<'_, 's>>)| Some((channel, section?.place));
    Ways { delivery, channels, places: sections.into_iter().filter_map(placed).collect() }
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
    /// What this host calls itself in EHLO; without it, its fully qualified name or its address.
    pub hello: Option<String>,
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
    /// The answers that mean that the message was taken; empty for 200 to 299.
    pub success_status: Vec<u16>,
    /// What the answer's body has to contain.
    pub success_body: Option<String>,
    /// The authorities that may sign its certificate; the system's where none is named.
    pub ca_file: Option<PathBuf>,
}

/// What a request's body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BodyForm {
    /// `application/json`: values stand inside strings.
    Json,
    /// `application/x-www-form-urlencoded`.
    #[default]
    Form,
    /// XML: values stand in text or attributes.
    Xml,
    /// Plain text: values stand as they are, in one line.
    Plain,
}
