//! The doors' side of the engine: every command as a method that ends within the reply limit.
//!
//! What only reads (status, lists) does not queue behind commits: it goes to the store beside the engine.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{Account, AccountId, AccountKey};
use countersign_core::audit::{AuditEvent, Span};
use countersign_core::delivery::{Report, RequestId};
use countersign_core::helpdesk::{Act, Presence};
use countersign_core::idle;
use countersign_core::login::{AuditSession, Host, Person};
use countersign_core::policy::Policy;
use countersign_core::remember::{IdleSession, Places};
use countersign_core::time::{Now, WallTime};
use countersign_protocol::step::Step;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::command::{
    ActDone, Answer, Begun, Caller, Command, ConversationId, Deed, EngineError, NotDone, Opening, Owner,
};
use super::flight::{Here, Tools};
use super::registry::key_of;
use crate::host::timeline::Timeline;
use crate::store::outbox::{Interrupted, Waiting};
use crate::store::{self, Loaded, Page, Resealed, STORE_LIMIT, StoreError, StoredRecord};

/// How long a door waits for a reply (DESIGN.md 4).
pub const REPLY_LIMIT: Duration = Duration::from_secs(5);

/// The engine, as the doors see it.
#[derive(Clone)]
pub struct Handle {
    inbox: mpsc::Sender<Command>,
    tools: Tools,
    policy: watch::Receiver<Arc<Policy>>,
    here: Here,
    messages: Arc<Notify>,
}

impl Handle {
    pub(super) fn new(
        inbox: mpsc::Sender<Command>,
        tools: Tools,
        policy: watch::Receiver<Arc<Policy>>,
        here: Here,
        messages: Arc<Notify>,
    ) -> Self {
        Self { inbox, tools, policy, here, messages }
    }

    /// Begins a dialogue.
    ///
    /// # Errors
    /// [`EngineError`]; a login that could not be committed is not one, but a step that says so.
    pub async fn begin(&self, opening: Opening, caller: Caller) -> Result<Begun, EngineError> {
        self.ask(|reply| Command::Begin { opening: Box::new(opening), caller, reply }).await
    }

    /// Answers the prompt of a conversation.
    ///
    /// # Errors
    /// As [`Handle::begin`], and [`EngineError::NoConversation`].
    pub async fn answer(
        &self,
        id: ConversationId,
        owner: Owner,
        text: Zeroizing<String>,
    ) -> Result<Step, EngineError> {
        self.ask(|reply| Command::Answer { id, owner, text, reply }).await
    }

    /// Ends a conversation.
    ///
    /// # Errors
    /// [`EngineError::NoConversation`], or a malfunction.
    pub async fn cancel(&self, id: ConversationId, owner: Owner) -> Result<(), EngineError> {
        self.ask(|reply| Command::Cancel { id, owner, reply }).await
    }

    /// Tells that a connection closed. Waits for room: this must not be lost.
    pub async fn owner_gone(&self, owner: Owner) {
        let _ = self.inbox.send(Command::OwnerGone { owner }).await;
    }

    /// Tells that the bus was lost with every connection of it.
    pub async fn bus_gone(&self) {
        let _ = self.inbox.send(Command::BusGone).await;
    }

    /// Tells the engine to end after what is under way.
    pub async fn stop(&self) {
        let _ = self.inbox.send(Command::Stop).await;
    }

    /// Does a helpdesk act, where core permits it.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`]; a refusal is an answer.
    pub async fn act(&self, act: Act, deed: Deed) -> Result<Result<ActDone, NotDone>, EngineError> {
        self.ask(|reply| Command::Act { act: Box::new(act), deed, reply }).await
    }

    /// Deletes an account, where core permits it.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`]; a refusal is an answer.
    pub async fn delete(&self, act: Act, presence: Presence) -> Result<Result<(), NotDone>, EngineError> {
        self.ask(|reply| Command::Delete { act: Box::new(act), presence, reply }).await
    }

    /// Tells whether something is kept under a key, also where it cannot be read.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn is_kept(&self, key: &AccountKey) -> Result<bool, EngineError> {
        Ok(within(self.tools.store.stub(key)).await?.is_some())
    }

    /// Forgets places at the wish of the person whose they are; tells how many it were.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn forget(&self, person: Person, places: Places) -> Result<usize, EngineError> {
        self.ask(|reply| Command::Forget { person: Box::new(person), places, reply }).await
    }

    /// Records a step about an idle session, and ends what was remembered for it.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn idled(
        &self,
        person: Person,
        session: IdleSession,
        step: idle::Step,
    ) -> Result<(), EngineError> {
        let (person, session) = (Box::new(person), Box::new(session));
        self.ask(|reply| Command::Idled { person, session, step, reply }).await
    }

    /// Records an event that changes no account.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn record(&self, event: AuditEvent) -> Result<(), EngineError> {
        self.ask(|reply| Command::Record { event: Box::new(event), reply }).await
    }

    /// Ties a login that was let in to its session.
    ///
    /// # Errors
    /// [`EngineError::NoConversation`] where the login is unknown, used or older than ten minutes.
    pub async fn session_opened(&self, login: ConversationId, session: u32) -> Result<(), EngineError> {
        self.ask(|reply| Command::SessionOpened { login, session, reply }).await
    }

    /// Ends what was given in a session, where this login opened it; else nothing changes.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn session_closed(
        &self,
        login: ConversationId,
        session: AuditSession,
    ) -> Result<(), EngineError> {
        self.ask(|reply| Command::SessionClosed { login, session, reply }).await
    }

    /// Ends what was given in a session, whoever opened it.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn session_ended(&self, session: AuditSession) -> Result<(), EngineError> {
        self.ask(|reply| Command::SessionEnded { session, reply }).await
    }

    /// Records that a person's password was changed, and voids what was remembered or sent beside the old one.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn password_changed(&self, person: &Person) -> Result<(), EngineError> {
        self.ask(|reply| Command::PasswordChanged { person: Box::new(person.clone()), reply }).await
    }

    /// Takes the end of a message into the account of its person, into the audit, and settles it in the outbox.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`]: it may be in the store or not; telling it again does no harm.
    pub async fn delivered(&self, key: Option<AccountKey>, report: Report) -> Result<(), EngineError> {
        self.ask(|reply| Command::Delivered { key, report, reply }).await
    }

    /// Lends what is told when messages wait to be sent.
    #[must_use]
    pub fn messages(&self) -> Arc<Notify> {
        Arc::clone(&self.messages)
    }

    /// Tells the time of the timeline, once the store has told its newest.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn latest(&self) -> Result<WallTime, EngineError> {
        self.here.timeline.raise(within(self.tools.store.newest_time()).await?);
        Ok(self.now().latest())
    }

    /// Reads the messages of this host that wait and whose time has come.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn due(&self, at: WallTime, limit: u16) -> Result<Vec<Waiting>, EngineError> {
        within(self.tools.store.due(at, limit)).await
    }

    /// Takes a message that waits; of all who try, one is told so, once.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`]: it may have been taken, and must not be sent.
    pub async fn claim(&self, id: RequestId) -> Result<bool, EngineError> {
        within(self.tools.store.claim(id)).await
    }

    /// Gives a message back of which certainly nothing was taken.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`]: it stays claimed.
    pub async fn put_off(&self, id: RequestId, until: WallTime) -> Result<bool, EngineError> {
        within(self.tools.store.put_off(id, until)).await
    }

    /// Reads the messages of this host that were being tried when the service ended.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn interrupted(&self, limit: u16) -> Result<Vec<Interrupted>, EngineError> {
        within(self.tools.store.interrupted(limit)).await
    }

    /// Removes some of the messages that are older than a day.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn purge(&self) -> Result<u64, EngineError> {
        within(self.tools.store.purge(self.now().latest())).await
    }

    /// Tells whether the engine turns.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] where it does not.
    pub async fn ping(&self) -> Result<(), EngineError> {
        self.ask(|reply| Command::Ping { reply }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.inbox.try_send(command(reply)).map_err(|_| EngineError::Unavailable)?;
        match timeout(REPLY_LIMIT, answer).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) | Err(_) => Err(EngineError::Unavailable),
        }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    /// This host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.here.host
    }

    /// The time since boot.
    #[must_use]
    pub fn since_boot(&self) -> Duration {
        self.now().since_boot
    }

    /// The wall time: for records, and for what is not ours.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        self.now().wall
    }

    /// The time, with the timeline that durations are measured on.
    #[must_use]
    pub fn now(&self) -> Now {
        self.here.timeline.now()
    }

    /// Lends the timeline.
    #[must_use]
    pub fn timeline(&self) -> Arc<Timeline> {
        Arc::clone(&self.here.timeline)
    }

    /// Reads a person's account.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`], [`EngineError::Unreadable`].
    pub async fn account(&self, person: &Person) -> Result<Option<Account>, EngineError> {
        let mut loaded = self.accounts(&[key_of(person)]).await?;
        loaded.pop().unwrap_or(Ok(None)).map_err(|error| {
            tracing::error!(%error, user = person.name.as_str(), "an account cannot be read");
            EngineError::Unreadable
        })
    }

    /// Reads accounts by their keys, at most [`LOAD_LIMIT`](crate::store::LOAD_LIMIT); the answers stand in their order. A
    /// record that cannot be read hides no other.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn accounts(&self, keys: &[AccountKey]) -> Result<Vec<Loaded>, EngineError> {
        within(store::load_each(&*self.tools.store, keys)).await
    }

    /// Reads a page of accounts.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn page(&self, after: Option<&AccountKey>, limit: u16) -> Result<Page, EngineError> {
        within(self.tools.store.page(after, limit)).await
    }

    /// Reads this host's audit records after a number.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn audit(&self, after: u64, limit: u16) -> Result<Vec<StoredRecord>, EngineError> {
        within(self.tools.store.audit(after, limit)).await
    }

    /// Tells the two ends of this host's audit.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn audit_span(&self) -> Result<Span, EngineError> {
        within(self.tools.store.audit_span()).await
    }

    /// Removes this host's oldest audit records up to a number.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn trim_audit(&self, up_to: u64) -> Result<Span, EngineError> {
        within(self.tools.store.trim_audit(up_to)).await
    }

    /// Makes a new data key.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn rotate_key(&self) -> Result<u32, EngineError> {
        within(self.tools.store.rotate_key()).await
    }

    /// Reseals some accounts under the newest data key.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub async fn reseal(&self, after: Option<AccountId>, limit: u16) -> Result<Resealed, EngineError> {
        within(self.tools.store.reseal(after, limit)).await
    }
}

async fn within<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, EngineError> {
    match timeout(STORE_LIMIT, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::error!(%error, "the store did not answer");
            Err(EngineError::Unavailable)
        }
        Err(_) => Err(EngineError::Unavailable),
    }
}
