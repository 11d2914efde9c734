//! What a scripted mail server does otherwise than a good one.
//!
//! Owns the vocabulary of faults; what a good server does is the session's business. A script is a value: each connection
//! follows its own copy, but what is counted ([`ONCE`]) is counted over all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::certificate::Certified;

/// A fault that happens the first time only.
pub const ONCE: u32 = 1;
/// A fault that happens every time.
pub const ALWAYS: u32 = u32::MAX;

/// How the line is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte, as on port 465.
    Implicit,
    /// STARTTLS is offered and works, as on port 587.
    StartTls,
    /// STARTTLS is not offered: an old server, or one in the middle that takes the offer away.
    NotOffered,
    /// The offer is there but unreadable, as some middle boxes leave it (`250-XXXXXXXA`), and the command is unknown.
    Garbled,
    /// STARTTLS is offered and then refused.
    Refused,
    /// After the go-ahead for STARTTLS the line goes on in the clear, as if it were secured.
    Pretended,
    /// A server that speaks TLS 1.0 only, from the first byte.
    Tls10,
}

/// Where in a delivery a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Before the greeting (with implicit TLS: before the handshake).
    Greeting,
    /// At EHLO.
    Hello,
    /// At STARTTLS.
    StartTls,
    /// At AUTH.
    Login,
    /// At MAIL FROM.
    Sender,
    /// At RCPT TO.
    Recipient,
    /// At DATA.
    Data,
    /// After the dot that ends the mail, before the answer to it.
    Body,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this line instead (`451 4.7.1 greylisted`).
    Reply(&'static str),
    /// Says nothing for so long, then goes on as if nothing had happened.
    Silence(Duration),
    /// Closes the connection without a word. At [`Step::Body`] the mail was taken all the same.
    Drop,
}

/// A server's behavior.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) security: Security,
    pub(super) certified: Option<Certified>,
    pub(super) login: Option<(String, String)>,
    faults: Vec<(Step, Fault, Arc<AtomicU32>)>,
}

impl Script {
    /// A good server with this certificate.
    #[must_use]
    pub fn new(security: Security, certified: Certified) -> Self {
        Self { security, certified: Some(certified), login: None, faults: Vec::new() }
    }

    /// A good server without any TLS.
    #[must_use]
    pub fn in_the_clear() -> Self {
        Self { security: Security::NotOffered, certified: None, login: None, faults: Vec::new() }
    }

    /// How the line is secured.
    #[must_use]
    pub fn security(&self) -> Security {
        self.security
    }

    /// Takes mail only after this login (PLAIN or LOGIN). It is offered on a line in the clear too: a client that gives it
    /// there is caught by [`super::Server::crossed_in_clear`].
    #[must_use]
    pub fn with_login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Adds a fault that happens the first `times` times that its step is reached, over all connections.
    #[must_use]
    pub fn fault(mut self, step: Step, fault: Fault, times: u32) -> Self {
        self.faults.push((step, fault, Arc::new(AtomicU32::new(times))));
        self
    }

    /// Takes the fault that is due at a step.
    pub(super) fn due(&self, at: Step) -> Option<Fault> {
        let left = |count: u32| if count == ALWAYS { Some(ALWAYS) } else { count.checked_sub(1) };
        self.faults
            .iter()
            .filter(|(step, ..)| *step == at)
            .find(|(.., times)| times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok())
            .map(|(_, fault, _)| *fault)
    }
}
