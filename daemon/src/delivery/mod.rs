//! How messages leave the host: e-mail, HTTP gateways, a command of the administrator's.
//!
//! Owns the one question that every way out answers: was the message taken, and if not, is that certain. A message is
//! tried again only where it is certain that nobody has it. Leaves to `core` what is said to whom, to the store what is
//! waiting. Invariant: no reason holds a code, a credential, or what a server wrote freely.

pub mod command;
pub mod credentials;
pub mod email;
pub mod http;
pub mod outbox;
mod reach;
pub mod render;
mod tls;
mod ways;

use async_trait::async_trait;
use countersign_core::delivery::Outgoing;

pub use ways::{Delivery, Way};

/// What became of one attempt. Reasons are for administrators, without codes and credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The server or gateway took it.
    Taken,
    /// It was refused for good; certainly nobody has it.
    Refused(String),
    /// It was not taken, certainly; later it may be.
    NotNow(String),
    /// It may have been taken, or not: it is never tried again.
    Unknown(String),
    /// The way is not configured, or something that it needs is missing on this host.
    NotConfigured(String),
}

/// One way out.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Tries once, within the time that the file gives.
    async fn deliver(&self, message: &Outgoing) -> Attempt;
}
