//! The ways out that are configured, ready to be used, and how much of each may be used at once.
//!
//! Owns what a reload changes: the next attempt goes by the new settings, one under way ends by its own. A way that lacks
//! something on this host is there with its reason; the others work. Invariant: a way that hangs holds its own places only.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use countersign_config::{DeliverySettings, Gateway, GatewayWay};
use countersign_core::delivery::{Channel as Kind, Outgoing};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::command::{self, Command};
use super::credentials::Credentials;
use super::email::Email;
use super::http::Http;
use super::{Attempt, Channel};

/// Messages of one channel that are tried at once.
const PLACES: usize = 16;
/// Trials of an administrator at once; beside the others, so that a hanging gateway can be tried.
const TRIALS: usize = 2;

/// A way out, or why there is none.
pub type Way = Result<Arc<dyn Channel>, String>;

/// Every way out.
pub struct Delivery {
    credentials: Credentials,
    ways: RwLock<[Way; 3]>,
    places: [Arc<Semaphore>; 3],
    trials: Semaphore,
}

impl Delivery {
    /// Makes the ways ready. What is missing on this host is logged, and told by each attempt.
    #[must_use]
    pub fn new(settings: &DeliverySettings, credentials: Credentials) -> Self {
        let ways = read(settings, &credentials);
        Self { credentials, ..Self::of(ways) }
    }

    /// Takes ways that are ready, in the order of [`Kind::ALL`].
    #[must_use]
    pub fn of(ways: [Way; 3]) -> Self {
        Self {
            credentials: Credentials::default(),
            ways: RwLock::new(ways),
            places: [PLACES; 3].map(|places| Arc::new(Semaphore::new(places))),
            trials: Semaphore::new(TRIALS),
        }
    }

    /// Takes new settings into use; passwords, credentials and authorities are read again.
    pub fn reload(&self, settings: &DeliverySettings) {
        let ways = read(settings, &self.credentials);
        *self.ways.write().unwrap_or_else(PoisonError::into_inner) = ways;
    }

    /// Takes a place of a channel, where one is free.
    pub(super) fn place(&self, kind: Kind) -> Option<OwnedSemaphorePermit> {
        let places = self.places.get(index(kind))?;
        Arc::clone(places).try_acquire_owned().ok()
    }

    /// Tries once to send a message by its channel.
    pub(super) async fn deliver(&self, message: &Outgoing) -> Attempt {
        let way = {
            let ways = self.ways.read().unwrap_or_else(PoisonError::into_inner);
            ways.get(index(message.recipient.channel())).cloned()
        };
        match way {
            Some(Ok(channel)) => channel.deliver(message).await,
            Some(Err(reason)) => Attempt::NotConfigured(reason),
            None => Attempt::NotConfigured("there is no such channel".to_owned()),
        }
    }

    /// Sends a message of trial at once, past the outbox: an administrator waits for what the server says.
    pub async fn trial(&self, message: &Outgoing) -> Attempt {
        match self.trials.try_acquire() {
            Ok(_place) => self.deliver(message).await,
            Err(_) => Attempt::NotNow("other trials are under way".to_owned()),
        }
    }
}

const fn index(kind: Kind) -> usize {
    match kind {
        Kind::Email => 0,
        Kind::Sms => 1,
        Kind::Call => 2,
    }
}

fn read(settings: &DeliverySettings, credentials: &Credentials) -> [Way; 3] {
    Kind::ALL.map(|kind| {
        let way = match kind {
            Kind::Email => settings.email.as_ref().map(|server| {
                Email::new(server, credentials).map(|email| -> Arc<dyn Channel> { Arc::new(email) })
            }),
            Kind::Sms => settings.sms.as_ref().map(|gateway| to(gateway, credentials)),
            Kind::Call => settings.call.as_ref().map(|gateway| to(gateway, credentials)),
        };
        let Some(way) = way else { return Err(format!("`[{}]` is not configured", kind.name())) };
        if let Err(reason) = &way {
            tracing::error!(channel = kind.name(), reason, "nothing can be sent over this channel");
        }
        way
    })
}

fn to(gateway: &Gateway, credentials: &Credentials) -> Way {
    match &gateway.way {
        GatewayWay::Http(request) => Ok(Arc::new(Http::new(request, gateway.timeout, credentials)?)),
        GatewayWay::Command(_) => Ok(Arc::new(Command::new(PathBuf::from(command::SOCKET), gateway.timeout))),
    }
}
