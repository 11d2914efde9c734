//! The module's connection to the service.
//!
//! Owns the budget of time and the calls of the interface. Leaves connecting to the protocol crate and meaning to the
//! callers. Invariant: every wait ends within the budget, and nothing is left when a [`Client`] is dropped.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use countersign_protocol::conversation::Peer;
use countersign_protocol::door;
use countersign_protocol::error::PeerError;
use countersign_protocol::names::{CONVERSATION_INTERFACE, CONVERSATION_PATH, LOGIN_INTERFACE, OBJECT_PATH};
use countersign_protocol::proxies::{Begun, Facts};
use countersign_protocol::step::{Step, WireStep};
use tokio::time::{Instant, timeout};
use zbus::export::serde::Serialize;
use zbus::{DynamicType, OwnedObjectPath};

/// How long one reply may take (DESIGN.md 4).
const REPLY: Duration = Duration::from_secs(5);
/// The longest id of a conversation, in bytes.
const ID_LIMIT: usize = 64;

/// How much time is left for everything but the person.
#[derive(Debug)]
struct Budget(Duration);

impl Budget {
    /// Waits for `work`, at most for what is left and at most for one reply's time.
    async fn spend<T>(&mut self, work: impl Future<Output = T>) -> Result<T, PeerError> {
        let begun = Instant::now();
        let result = timeout(self.0.min(REPLY), work).await;
        self.0 = self.0.saturating_sub(begun.elapsed());
        result.map_err(|_| PeerError::TimedOut)
    }
}

/// A connection to the service.
#[derive(Debug)]
pub(crate) struct Client {
    bus: zbus::Connection,
    budget: Budget,
}

impl Client {
    /// Connects to the service at `path`, which may take `total` with everything that follows.
    ///
    /// # Errors
    ///
    /// [`PeerError`] where nobody, the wrong one or no D-Bus peer listens, or time runs out.
    pub(crate) async fn connect(path: &Path, total: Duration) -> Result<Self, PeerError> {
        let mut budget = Budget(total);
        let bus = budget.spend(door::connect(path)).await??;
        Ok(Self { bus, budget })
    }

    /// Begins a login, and returns its dialogue with the first step.
    ///
    /// # Errors
    ///
    /// [`PeerError`] where no well-formed step comes back in time; the dialogue is then cancelled.
    pub(crate) async fn begin(self, user: &str, facts: Facts<'_>) -> Result<(Dialogue, Step), PeerError> {
        let mut client = self;
        let reply = client.call(OBJECT_PATH, LOGIN_INTERFACE, "Begin", &(user, facts)).await?;
        let begun: Begun = reply.body().deserialize().map_err(|_| PeerError::MalformedReply)?;
        let (path, state, lines) = begun;
        let id = id_of(&path).ok_or(PeerError::MalformedReply)?.to_owned();
        let mut dialogue = Dialogue { client, path, id };
        match Step::try_from((state, lines)) {
            Ok(step) => Ok((dialogue, step)),
            Err(error) => {
                dialogue.cancel().await;
                Err(error.into())
            }
        }
    }

    /// Reports something to the service by a member of `Login` that answers nothing.
    pub(crate) async fn report<B>(mut self, member: &str, body: &B) -> Result<(), PeerError>
    where
        B: Serialize + DynamicType,
    {
        self.call(OBJECT_PATH, LOGIN_INTERFACE, member, body).await.map(|_| ())
    }

    async fn call<B: Serialize + DynamicType>(
        &mut self,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) -> Result<zbus::Message, PeerError> {
        let call = self.bus.call_method(None::<&str>, path, Some(interface), member, body);
        Ok(self.budget.spend(call).await??)
    }
}

/// A login that the service has begun.
#[derive(Debug)]
pub(crate) struct Dialogue {
    client: Client,
    path: OwnedObjectPath,
    id: String,
}

impl Dialogue {
    /// Tells the id that ties this login to its session.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

#[async_trait]
impl Peer for Dialogue {
    async fn answer(&mut self, text: &str) -> Result<Step, PeerError> {
        let reply = self.client.call(self.path.as_str(), CONVERSATION_INTERFACE, "Answer", &(text,)).await?;
        let step: WireStep = reply.body().deserialize().map_err(|_| PeerError::MalformedReply)?;
        Ok(Step::try_from(step)?)
    }

    async fn cancel(&mut self) {
        // The service ends the dialogue of a lost connection anyway.
        let _ = self.client.call(self.path.as_str(), CONVERSATION_INTERFACE, "Cancel", &()).await;
    }
}

/// Tells the last element of a conversation's path, which must lie directly below [`CONVERSATION_PATH`].
fn id_of(path: &OwnedObjectPath) -> Option<&str> {
    let id = path.as_str().strip_prefix(CONVERSATION_PATH)?.strip_prefix('/')?;
    let fits = !id.is_empty() && id.len() <= ID_LIMIT && !id.contains('/');
    fits.then_some(id)
}
