//! E-mail (row M3): one connection, one message, one recipient.
//!
//! Owns the dialogue with the mail server, step by step, because the step tells whether a message that failed was taken:
//! before the end of its data certainly not; after it, without an answer, nobody knows. Leaves the wording to core, the
//! settings to `config`. Invariants: no password and no message crosses a line that is not TLS or this host's own, and
//! never without its certificate having been checked.

mod message;
mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use countersign_config::{EmailServer, Security};
use countersign_core::delivery::Outgoing;
use countersign_core::secret::Secret;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials as Login, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use self::message::Prepared;
use self::wire::Wire;
use super::credentials::{self, Credentials, EMAIL_PASSWORD};
use super::reach::{self, Reach, Resolver};
use super::{Attempt, Channel, tls};

/// How long the good-bye may take; the message is taken already.
const QUIT_LIMIT: Duration = Duration::from_secs(2);
/// The answer to DATA that asks for the message (RFC 5321 4.2.3).
const GO_AHEAD: u16 = 354;

/// The mail server, ready to be used.
pub struct Email {
    server: EmailServer,
    protection: Protection,
    login: Option<(String, Secret<String>)>,
    resolver: Resolver,
}

/// How the connection is protected; never opportunistic.
enum Protection {
    Tls(TlsParameters),
    StartTls(TlsParameters),
    Loopback,
}

impl Email {
    /// Reads what the settings name: password and authorities.
    ///
    /// # Errors
    /// What is missing on this host, for the administrator.
    pub fn new(server: &EmailServer, credentials: &Credentials) -> Result<Self, String> {
        let parameters = || tls::for_mail(&server.host, server.ca_file.as_deref());
        let protection = match server.security {
            Security::Tls => Protection::Tls(parameters()?),
            Security::StartTls => Protection::StartTls(parameters()?),
            Security::Loopback => Protection::Loopback,
        };
        let login = match &server.user {
            None => None,
            Some(user) => {
                let password = match &server.password_file {
                    Some(file) => credentials::read_file(file)?,
                    None => credentials.read(EMAIL_PASSWORD)?,
                };
                Some((user.clone(), password))
            }
        };
        Ok(Self { server: server.clone(), protection, login, resolver: Resolver::new() })
    }

    /// Goes through the dialogue; `sent` is raised before the first byte of the message leaves.
    async fn send(&self, message: &Prepared, sent: &AtomicBool) -> Result<(), Attempt> {
        let mut connection = self.connect().await?;
        self.log_in(&mut connection).await?;
        let refused = |step: &'static str| move |error: Error| before_data(step, &error);
        connection
            .command(Mail::new(Some(message.from.clone()), Vec::new()))
            .await
            .map_err(refused("the sender"))?;
        connection
            .command(Rcpt::new(message.to.clone(), Vec::new()))
            .await
            .map_err(refused("the recipient"))?;
        let answer = connection.command(Data).await.map_err(refused("the message"))?;
        if !answer.has_code(GO_AHEAD) {
            return Err(Attempt::NotNow(format!("the mail server answers DATA with {}", answer.code())));
        }
        sent.store(true, Ordering::Relaxed);
        connection.message(&message.bytes).await.map_err(|error| after_data(&error))?;
        tokio::spawn(async move { timeout(QUIT_LIMIT, connection.quit()).await.map(drop) });
        Ok(())
    }

    /// Connects, in TLS unless the way never leaves this host, up to the server's answer to EHLO.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Attempt> {
        let limit = self.server.timeout;
        let reach = match self.protection {
            Protection::Tls(_) | Protection::StartTls(_) => Reach::Anywhere,
            Protection::Loopback => Reach::Loopback,
        };
        let addresses = self
            .resolver
            .addresses(&self.server.host, self.server.port, reach)
            .await
            .map_err(Attempt::NotNow)?;
        let greeting = |error: Error| before_data("the connection", &error);
        let hello = hello(self.server.hello.as_deref(), &addresses);
        if let Protection::Tls(parameters) = &self.protection {
            let share = Some(reach::share(limit, &addresses));
            let (addresses, tls) = (addresses.as_slice(), Some(parameters.clone()));
            return AsyncSmtpConnection::connect_tokio1(addresses, share, &hello, tls, None)
                .await
                .map_err(greeting);
        }
        let stream = reach::connect(&addresses, limit)
            .await
            .map_err(|error| Attempt::NotNow(format!("connecting to the mail server: {error}")))?;
        let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(Wire::new(stream)), &hello)
            .await
            .map_err(greeting)?;
        if let Protection::StartTls(parameters) = &self.protection {
            if !connection.can_starttls() {
                return Err(Attempt::NotNow("the mail server does not offer STARTTLS".to_owned()));
            }
            connection
                .starttls(parameters.clone(), &hello)
                .await
                .map_err(|error| before_data("STARTTLS", &error))?;
        }
        Ok(connection)
    }

    async fn log_in(&self, connection: &mut AsyncSmtpConnection) -> Result<(), Attempt> {
        let Some((user, password)) = &self.login else { return Ok(()) };
        if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
            let reason = "the mail server lets nobody log in by PLAIN or LOGIN, but `user` is set";
            return Err(Attempt::Refused(reason.to_owned()));
        }
        let login = Login::new(user.clone(), password.expose().clone());
        let answered = connection.auth(DEFAULT_MECHANISMS, &login).await;
        answered.map(drop).map_err(|error| match error.status() {
            Some(code) if error.is_permanent() => {
                Attempt::Refused(format!("the mail server does not accept user and password ({code})"))
            }
            Some(_) | None => before_data("the login", &error),
        })
    }
}

#[async_trait]
impl Channel for Email {
    async fn deliver(&self, message: &Outgoing) -> Attempt {
        let prepared = match message::prepare(message, &self.server) {
            Ok(prepared) => prepared,
            Err(reason) => return Attempt::Refused(reason),
        };
        let sent = AtomicBool::new(false);
        match timeout(self.server.timeout, self.send(&prepared, &sent)).await {
            Ok(Ok(())) => Attempt::Taken,
            Ok(Err(attempt)) => attempt,
            Err(_) if sent.load(Ordering::Relaxed) => {
                Attempt::Unknown("the mail server did not answer to the message in time".to_owned())
            }
            Err(_) => Attempt::NotNow("the mail server did not answer in time".to_owned()),
        }
    }
}

/// Judges an error before the data: the message is still ours alone.
fn before_data(step: &str, error: &Error) -> Attempt {
    match error.status() {
        Some(code) if error.is_permanent() => {
            Attempt::Refused(format!("the mail server refuses {step} ({})", with_detail(code, error)))
        }
        Some(code) => {
            Attempt::NotNow(format!("the mail server puts {step} off ({})", with_detail(code, error)))
        }
        None => Attempt::NotNow(format!("{step} to the mail server failed: {}", kind(error))),
    }
}

/// Judges an error after the data: only an answer tells.
fn after_data(error: &Error) -> Attempt {
    match error.status() {
        Some(_) => before_data("the message", error),
        None => Attempt::Unknown("the mail server was lost after the message, before its answer".to_owned()),
    }
}

/// The code and, where there is one, the enhanced code (RFC 3463); what else the server wrote could be anything.
fn with_detail(code: impl std::fmt::Display, error: &Error) -> String {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let word = text.split_ascii_whitespace().next().unwrap_or_default();
    let is_number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_enhanced = word.split('.').count() == 3 && word.split('.').all(is_number);
    if is_enhanced { format!("{code} {word}") } else { code.to_string() }
}

/// What failed below the dialogue: what the system or TLS said, and nothing that came over the line.
fn kind(error: &Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return error.to_string();
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            return inner.map_or_else(|| error.to_string(), ToString::to_string);
        }
        cause = error.source();
    }
    "its answer is not SMTP".to_owned()
}

/// The name for EHLO: the fully qualified one, else the address that the connection comes from (RFC 5321 4.1.4). Servers
/// refuse a name without a domain.
fn hello(name: Option<&str>, servers: &[SocketAddr]) -> ClientId {
    if let Some(name) = name {
        return ClientId::Domain(name.to_owned());
    }
    match servers.first().and_then(|server| local_address(*server).ok()).unwrap_or(Ipv4Addr::LOCALHOST.into())
    {
        IpAddr::V4(address) => ClientId::Ipv4(address),
        IpAddr::V6(address) => ClientId::Ipv6(address),
    }
}

/// Tells from which address this host reaches a server; nothing is sent.
fn local_address(server: SocketAddr) -> std::io::Result<IpAddr> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    Ok(socket.local_addr()?.ip().to_canonical())
}
