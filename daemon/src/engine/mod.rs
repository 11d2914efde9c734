//! The engine: an actor around core.
//!
//! Owns the one loop that takes what has arrived, has core decide it, commits the whole batch in one store transaction
//! and only then answers. Leaves decisions to core, durability to the store, and who may ask for what to the doors.
//! Invariant: no reply and no next state of a conversation before the commit that carries it.

mod boarding;
pub mod command;
mod draft;
pub mod effects;
mod facts;
mod flight;
mod fresh;
mod handle;
mod job;
mod landing;
mod registry;
mod removal;
mod rescue;

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use countersign_core::account::AccountKey;
use countersign_core::audit::EventId;
use countersign_core::conversation::backup_codes::BackupCodes;
use countersign_core::conversation::enrollment::Enrollment;
use countersign_core::conversation::login::Login;
use countersign_core::conversation::removal::Removal;
use countersign_core::conversation::renaming::Renaming;
use countersign_core::conversation::trial::Trial;
use countersign_core::conversation::{Conversation, Event};
use countersign_core::helpdesk::Act;
use countersign_core::login::{AuditSession, Host, Person, Source};
use countersign_core::policy::Policy;
use countersign_core::throttle::{Bucket, Counted};
use countersign_core::time::WallTime;
use countersign_protocol::step::{State, Step};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use zeroize::Zeroizing;

use flight::Here;
pub use flight::Tools;
pub use handle::{Handle, REPLY_LIMIT};
pub use registry::{IN_ALL, PER_PERSON, PER_UID, key_of};

use crate::host::journal::Journal;
use crate::host::timeline::Timeline;
use crate::store::BATCH_LIMIT;
use command::{
    ActDone, Answer, Begun, Caller, Command, ConversationId, Deed, EngineError, NotDone, Opening, Owner,
};
use effects::about;
use facts::HostCounter;
use fresh::FreshCodes;
use job::{Job, Landed, Waiter, Work};
use registry::{Entry, Finished, Newcomer, Registry};

/// How many commands may wait at the door; more are refused at once.
const INBOX: usize = 1024;
/// The most jobs of one batch, so that a commit stays short; one place is left for a clock fault.
const BATCH: usize = BATCH_LIMIT - 1;
/// How often deadlines are looked at while conversations are under way.
const TICK: Duration = Duration::from_secs(1);
/// How often a change that came too late is decided again.
const STALE_LIMIT: u32 = 3;
/// How often a clock fault is recorded at most, unless it grows.
const CLOCK_FAULT_REST: Duration = Duration::from_hours(24);

/// What the engine is made of.
pub struct Parts {
    /// Store, clock and randomness.
    pub tools: Tools,
    /// The policy in force; conversations keep the one they began with.
    pub policy: watch::Receiver<Arc<Policy>>,
    /// Where committed events are published.
    pub journal: Arc<dyn Journal>,
    /// This host.
    pub host: Host,
    /// The newest time that is known: of the store, or of the service before within this boot.
    pub floor: WallTime,
}

/// Starts the engine; it ends when every handle is gone, after what is under way.
#[must_use]
pub fn start(parts: Parts) -> (Handle, JoinHandle<()>) {
    let (sender, inbox) = mpsc::channel(INBOX);
    let messages = Arc::new(Notify::new());
    let waker = Arc::clone(&messages);
    let timeline = Arc::new(Timeline::from(Arc::clone(&parts.tools.clock), parts.floor));
    let here = Here { timeline: Arc::clone(&timeline), host: parts.host.clone() };
    let handle = Handle::new(sender, parts.tools.clone(), parts.policy.clone(), here.clone(), waker);
    let engine = Engine {
        parts,
        here,
        counter: Arc::default(),
        messages,
        inbox,
        registry: Registry::default(),
        fresh: FreshCodes::default(),
        waiting: VecDeque::new(),
        aloft: HashSet::new(),
        flights: JoinSet::new(),
        clock_fault: None,
    };
    (handle, tokio::spawn(engine.run()))
}

struct Engine {
    parts: Parts,
    here: Here,
    /// What this host sent within the last hour.
    counter: Arc<HostCounter>,
    /// Told when messages wait to be sent.
    messages: Arc<Notify>,
    inbox: mpsc::Receiver<Command>,
    registry: Registry,
    fresh: FreshCodes,
    /// Jobs that have arrived and are not on their way.
    waiting: VecDeque<Job>,
    /// People with a job on its way; their further jobs wait.
    aloft: HashSet<AccountKey>,
    flights: JoinSet<Vec<Landed>>,
    /// When a clock fault was recorded last, since boot, and how far the clock was behind.
    clock_fault: Option<(Duration, Duration)>,
}

impl Engine {
    async fn run(mut self) {
        loop {
            tokio::select! {
                command = self.inbox.recv() => match command {
                    Some(command) => self.take(command),
                    None => break,
                },
                Some(landed) = self.flights.join_next() => self.land(landed),
                () = sleep(TICK), if !self.registry.is_empty() => {}
            }
            for _ in 0..BATCH {
                let Ok(command) = self.inbox.try_recv() else { break };
                self.take(command);
            }
            self.expire();
            self.launch();
        }
        while let Some(landed) = self.flights.join_next().await {
            self.land(landed);
            self.launch();
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Begin { opening, caller, reply } => self.begin(*opening, caller, reply),
            Command::Answer { id, owner, text, reply } => self.answer(id, &owner, text, reply),
            Command::Cancel { id, owner, reply } => {
                let found = self.registry.owned(id, &owner).map(|_| ());
                if found.is_ok() {
                    self.end(id, Event::ClientGone);
                }
                let _ = reply.send(found);
            }
            Command::OwnerGone { owner } => self.owner_gone(&owner),
            Command::BusGone => {
                for id in self.registry.of_bus() {
                    self.end(id, Event::ClientGone);
                }
            }
            Command::Act { act, deed, reply } => self.act(act, deed, reply),
            Command::Delete { act, presence, reply } => {
                let person = Arc::new(act.target.clone());
                let policy = Arc::clone(&self.parts.policy.borrow());
                self.wait(Some(person), Work::Delete { act, presence, policy, reply });
            }
            Command::Forget { person, places, reply } => {
                let host = self.parts.host.clone();
                self.wait(Some(Arc::from(person)), Work::Forget { places, host, reply });
            }
            Command::Delivered { key, report, reply } => {
                let host = self.parts.host.clone();
                self.wait(None, Work::Delivered { key, report, host, reply });
            }
            Command::Idled { person, session, step, reply } => {
                let host = self.parts.host.clone();
                self.wait(Some(Arc::from(person)), Work::Idled { session, step, host, reply });
            }
            Command::PasswordChanged { person, reply } => self.password_changed(*person, reply),
            Command::Record { event, reply } => {
                self.wait(None, Work::Record { event, reply: Some(reply) });
            }
            Command::SessionOpened { login, session, reply } => self.session_opened(login, session, reply),
            Command::SessionClosed { login, session, reply } => {
                self.fresh.close(session, login);
                let _ = reply.send(Ok(()));
            }
            Command::SessionEnded { session, reply } => {
                self.fresh.end(session);
                let _ = reply.send(Ok(()));
            }
            Command::Stop => self.inbox.close(),
            Command::Ping { reply } => {
                let _ = reply.send(Ok(()));
            }
        }
    }

    fn wait(&mut self, person: Option<Arc<Person>>, work: Work) {
        self.waiting.push_back(Job::new(person, work));
    }

    fn begin(&mut self, mut opening: Opening, caller: Caller, reply: Answer<Begun>) {
        let session = self.look_up_fresh(&mut opening);
        let policy = Arc::clone(&self.parts.policy.borrow());
        let counted = counted(&opening, &caller);
        let (person, source, conversation) = open(opening, policy);
        let begun = self.here.timeline.now().since_boot;
        let newcomer = Newcomer { person: &person, source, counted, uid: caller.uid, begun };
        match self.registry.admit(&newcomer) {
            Ok(None) => {}
            Ok(Some(evicted)) => self.end(evicted, Event::Evicted),
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        }
        let id = self.draw_id();
        let (ended, over) = oneshot::channel();
        let (person, conversation) = (Arc::new(person), Arc::new(conversation));
        let entry = Entry {
            conversation: Arc::clone(&conversation),
            person: Arc::clone(&person),
            source,
            counted,
            known_networks: Arc::default(),
            caller,
            session,
            begun,
            busy: true,
            ending: None,
            _ended: ended,
        };
        self.registry.insert(id, entry);
        let waiter = Waiter::Begin(reply, over);
        self.wait(Some(person), Work::Turn { id, conversation, event: Event::Begun, waiter });
    }

    /// Tells a login of the code that its person gave last in its session; tells the session.
    fn look_up_fresh(&self, opening: &mut Opening) -> Option<AuditSession> {
        let Opening::Login(request) = opening else { return None };
        let session = request.session?;
        let now = self.here.timeline.now().since_boot;
        request.fresh = self.fresh.find(session, &key_of(&request.person), now);
        Some(session)
    }

    fn draw_id(&self) -> ConversationId {
        let mut entropy = self.parts.tools.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let id = ConversationId::random(&mut *entropy);
            if !self.registry.contains(id) {
                return id;
            }
        }
    }

    fn answer(&mut self, id: ConversationId, owner: &Owner, text: Zeroizing<String>, reply: Answer<Step>) {
        let entry = match self.registry.owned(id, owner) {
            Ok(entry) => entry,
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        };
        if entry.busy {
            let _ = reply.send(Err(EngineError::LimitReached));
            return;
        }
        entry.busy = true;
        let (person, conversation) = (Arc::clone(&entry.person), Arc::clone(&entry.conversation));
        let (event, waiter) = (Event::Answered(text), Waiter::Answer(reply));
        self.wait(Some(person), Work::Turn { id, conversation, event, waiter });
    }

    fn act(&mut self, act: Box<Act>, deed: Deed, reply: Answer<Result<ActDone, NotDone>>) {
        let person = Arc::new(act.target.clone());
        let policy = Arc::clone(&self.parts.policy.borrow());
        self.wait(Some(person), Work::Act { act, deed, policy, reply });
    }

    fn password_changed(&mut self, person: Person, reply: Answer<()>) {
        let at = self.here.timeline.now().wall;
        let event = about(EventId::PasswordChanged, at, &self.parts.host, &person, "service");
        let work = Work::PasswordChanged { event: Box::new(event), reply };
        self.wait(Some(Arc::new(person)), work);
    }

    /// Ties a login that was let in to its session. Who was let in without a code leaves no record of it.
    fn session_opened(&mut self, login: ConversationId, session: u32, reply: Answer<()>) {
        let Some(finished) = self.registry.claim(login, self.here.timeline.now().since_boot) else {
            let _ = reply.send(Err(EngineError::NoConversation));
            return;
        };
        let Finished { id: _, person, end, at: given } = finished;
        if let Some(session) = AuditSession::of(session) {
            if end.session != Some(session) {
                self.fresh.open(session, login);
            }
            if let Some(epoch) = end.code_given {
                self.fresh.give(session, key_of(&person), epoch, given);
            }
        }
        if end.state != State::Allow {
            let _ = reply.send(Ok(()));
            return;
        }
        let at = self.here.timeline.now().wall;
        let mut event = about(EventId::SessionOpened, at, &self.parts.host, &person, "service");
        event.reason = Some(format!("session {session}"));
        self.wait(None, Work::Record { event: Box::new(event), reply: Some(reply) });
    }

    fn owner_gone(&mut self, owner: &Owner) {
        for id in self.registry.of_owner(owner) {
            self.end(id, Event::ClientGone);
        }
    }

    fn expire(&mut self) {
        for id in self.registry.expired(self.here.timeline.now().since_boot) {
            self.end(id, Event::DeadlineReached);
        }
    }

    /// Ends a conversation: at once, or after what is on its way.
    fn end(&mut self, id: ConversationId, event: Event) {
        let Some(entry) = self.registry.entry(id) else { return };
        if entry.busy {
            entry.ending.get_or_insert(event);
            return;
        }
        let Some(Entry { conversation, person, .. }) = self.registry.remove(id) else { return };
        self.wait(Some(person), Work::Turn { id, conversation, event, waiter: Waiter::Nobody });
    }
}

/// Tells where the answers of a dialogue are counted; self-service is in the hands of the calling uid.
fn counted(opening: &Opening, caller: &Caller) -> Counted {
    match opening {
        Opening::Login(request) => Counted::of(request),
        Opening::Enrollment(_)
        | Opening::Removal(_)
        | Opening::Renaming(_)
        | Opening::BackupCodes(_)
        | Opening::Trial(_) => Counted::In(Bucket::Elevation(caller.uid)),
    }
}

/// Begins the conversation in core.
fn open(opening: Opening, policy: Arc<Policy>) -> (Person, Source, Conversation) {
    match opening {
        Opening::Login(request) => (request.person.clone(), request.source, Login::begin(request, policy)),
        Opening::Enrollment(request) => {
            (request.person.clone(), Source::Local, Enrollment::begin(request, policy))
        }
        Opening::Removal(request) => (request.person.clone(), Source::Local, Removal::begin(request, policy)),
        Opening::Renaming(request) => {
            (request.person.clone(), Source::Local, Renaming::begin(request, policy))
        }
        Opening::BackupCodes(request) => {
            (request.person.clone(), Source::Local, BackupCodes::begin(request, policy))
        }
        Opening::Trial(request) => (request.person.clone(), Source::Local, Trial::begin(request, policy)),
    }
}
