//! The engine: an actor around core.
//!
//! Owns the one loop that takes what has arrived, has core decide it, commits the whole batch in one store transaction
//! and only then answers. Leaves decisions to core, durability to the store, and who may ask for what to the doors.
//! Invariant: no reply and no next state of a conversation before the commit that carries it.

pub mod command;
pub mod effects;
mod flight;
mod handle;
mod registry;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use countersign_core::account::AccountKey;
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::conversation::enrollment::Enrollment;
use countersign_core::conversation::login::Login;
use countersign_core::conversation::removal::Removal;
use countersign_core::conversation::{Conversation, Event};
use countersign_core::helpdesk::{Act, Refusal};
use countersign_core::login::{Host, Person, Source};
use countersign_core::policy::Policy;
use countersign_core::time::{Now, WallTime};
use countersign_protocol::step::{State, Step};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use zeroize::Zeroizing;

pub use flight::Tools;
pub use handle::{Handle, REPLY_LIMIT};
pub use registry::{IN_ALL, PER_PERSON, PER_UID, key_of};

use crate::host::journal::Journal;
use crate::store::BATCH_LIMIT;
use command::{ActDone, Answer, Begun, Caller, Command, ConversationId, Deed, EngineError, Opening, Owner};
use effects::{Fault, about, unavailable};
use flight::{Fate, Job, Landed, Outcome, Sheaf, Waiter, Work, fly, goes_on};
use registry::{Entry, Registry};

/// How many commands may wait at the door; more are refused at once.
const INBOX: usize = 1024;
/// The most jobs of one batch, so that a commit stays short; one place is left for a clock fault.
const BATCH: usize = BATCH_LIMIT - 1;
/// How often deadlines are looked at while conversations are under way.
const TICK: Duration = Duration::from_secs(1);
/// How often a change that came too late is decided again.
const STALE_LIMIT: u32 = 3;
/// How often a clock fault is recorded at most.
const CLOCK_FAULT_REST: Duration = Duration::from_hours(1);

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
    /// The newest time in the store.
    pub floor: WallTime,
}

/// Starts the engine; it ends when every handle is gone, after what is under way.
#[must_use]
pub fn start(parts: Parts) -> (Handle, JoinHandle<()>) {
    let (sender, inbox) = mpsc::channel(INBOX);
    let handle = Handle::new(sender, parts.tools.clone(), parts.policy.clone(), parts.host.clone());
    let engine = Engine {
        parts,
        inbox,
        registry: Registry::default(),
        waiting: VecDeque::new(),
        aloft: HashSet::new(),
        flights: JoinSet::new(),
        clock_fault: None,
    };
    (handle, tokio::spawn(engine.run()))
}

struct Engine {
    parts: Parts,
    inbox: mpsc::Receiver<Command>,
    registry: Registry,
    /// Jobs that have arrived and are not on their way.
    waiting: VecDeque<Job>,
    /// People with a job on its way; their further jobs wait.
    aloft: HashSet<AccountKey>,
    flights: JoinSet<Vec<Landed>>,
    /// When a clock fault was recorded last, since boot.
    clock_fault: Option<Duration>,
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
            Command::Record { event, reply } => {
                self.wait(None, Work::Record { event, reply: Some(reply) });
            }
            Command::SessionOpened { login, session, reply } => self.session_opened(login, session, reply),
            Command::Stop => self.inbox.close(),
            Command::Ping { reply } => {
                let _ = reply.send(Ok(()));
            }
        }
    }

    fn wait(&mut self, person: Option<Arc<Person>>, work: Work) {
        self.waiting.push_back(Job { stale: 0, person, work });
    }

    fn begin(&mut self, opening: Opening, caller: Caller, reply: Answer<Begun>) {
        let policy = Arc::clone(&self.parts.policy.borrow());
        let (person, source, conversation) = open(opening, policy);
        match self.registry.admit(&person, source, caller.uid) {
            Ok(None) => {}
            Ok(Some(oldest)) => self.end(oldest, Event::ClientGone),
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        }
        let id = self.draw_id();
        let (ended, over) = oneshot::channel();
        let (person, conversation) = (Arc::new(person), Arc::new(conversation));
        let begun = self.parts.tools.clock.since_boot();
        let entry = Entry {
            conversation: Arc::clone(&conversation),
            person: Arc::clone(&person),
            source,
            caller,
            begun,
            busy: true,
            ending: None,
            _ended: ended,
        };
        self.registry.insert(id, entry);
        let waiter = Waiter::Begin(reply, over);
        self.wait(Some(person), Work::Turn { id, conversation, event: Event::Begun, waiter });
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

    fn act(&mut self, act: Box<Act>, deed: Deed, reply: Answer<Result<ActDone, Refusal>>) {
        let person = Arc::new(act.target.clone());
        let policy = Arc::clone(&self.parts.policy.borrow());
        self.wait(Some(person), Work::Act { act, deed, policy, reply });
    }

    fn session_opened(&mut self, login: ConversationId, session: u32, reply: Answer<()>) {
        let Some(person) = self.registry.claim(login, self.parts.tools.clock.since_boot()) else {
            let _ = reply.send(Err(EngineError::NoConversation));
            return;
        };
        let at = self.parts.tools.clock.wall();
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
        for id in self.registry.expired(self.parts.tools.clock.since_boot()) {
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

    /// Sends batches off, as many as the store takes at the same time.
    fn launch(&mut self) {
        while self.flights.len() < self.parts.tools.store.batches_in_flight().max(1) {
            let mut sheaves = self.board();
            if sheaves.is_empty() {
                return;
            }
            sheaves.extend(self.clock_fault());
            self.aloft.extend(sheaves.iter().filter_map(|sheaf| sheaf.key.clone()));
            self.flights.spawn(fly(self.parts.tools.clone(), self.parts.floor, sheaves));
        }
    }

    /// Takes the next jobs, those of one person together; people with a job on its way wait.
    fn board(&mut self) -> Vec<Sheaf> {
        let mut sheaves: Vec<Sheaf> = Vec::new();
        let mut places: HashMap<AccountKey, usize> = HashMap::new();
        let mut staying = VecDeque::new();
        let mut boarded: usize = 0;
        for job in std::mem::take(&mut self.waiting) {
            let key = job.person.as_deref().map(key_of);
            if boarded >= BATCH || key.as_ref().is_some_and(|key| self.aloft.contains(key)) {
                staying.push_back(job);
                continue;
            }
            if job.is_abandoned() {
                self.abandon(&job);
                continue;
            }
            boarded = boarded.saturating_add(1);
            let place =
                key.as_ref().and_then(|key| places.get(key)).and_then(|place| sheaves.get_mut(*place));
            if let Some(sheaf) = place {
                sheaf.jobs.push(job);
                continue;
            }
            if let Some(key) = &key {
                places.insert(key.clone(), sheaves.len());
            }
            sheaves.push(Sheaf { key, jobs: vec![job] });
        }
        self.waiting = staying;
        sheaves
    }

    /// Undoes what a job that nobody waits for reserved.
    fn abandon(&mut self, job: &Job) {
        let Work::Turn { id, waiter, .. } = &job.work else { return };
        if matches!(waiter, Waiter::Begin(..)) {
            self.registry.remove(*id);
        } else {
            self.release(*id);
        }
    }

    /// Frees a conversation for its next event, or ends it where that was asked for meanwhile.
    fn release(&mut self, id: ConversationId) {
        let Some(entry) = self.registry.entry(id) else { return };
        entry.busy = false;
        if let Some(event) = entry.ending.take() {
            self.end(id, event);
        }
    }

    /// A record of a clock that went back, once an hour.
    fn clock_fault(&mut self) -> Option<Sheaf> {
        let clock = &self.parts.tools.clock;
        let now = Now { wall: clock.wall(), since_boot: clock.since_boot(), floor: self.parts.floor };
        let is_fresh =
            self.clock_fault.is_some_and(|last| now.since_boot.saturating_sub(last) < CLOCK_FAULT_REST);
        if !now.is_clock_fault() || is_fresh {
            return None;
        }
        self.clock_fault = Some(now.since_boot);
        let event = AuditEvent::new(EventId::ClockFault, now.latest(), &self.parts.host.name, "service");
        let work = Work::Record { event: Box::new(event), reply: None };
        Some(Sheaf { key: None, jobs: vec![Job { stale: 0, person: None, work }] })
    }

    fn land(&mut self, landed: Result<Vec<Landed>, tokio::task::JoinError>) {
        let landed = match landed {
            Ok(landed) => landed,
            // A panic in the store: nobody knows what was committed. The service starts anew, and every caller is refused.
            Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
        };
        for Landed { key, jobs, fate } in landed {
            if let Some(key) = key {
                self.aloft.remove(&key);
            }
            match fate {
                Fate::Committed(events, newest) => self.committed(jobs, &events, newest),
                Fate::Stale => self.again(jobs),
                Fate::Failed(fault) => {
                    for (job, _) in jobs {
                        self.refuse(job, &fault);
                    }
                }
            }
        }
    }

    fn committed(
        &mut self,
        jobs: Vec<(Job, Result<Outcome, Fault>)>,
        events: &[AuditEvent],
        newest: WallTime,
    ) {
        self.parts.floor = self.parts.floor.max(newest);
        for event in events {
            self.parts.journal.publish(event);
        }
        for (job, outcome) in jobs {
            match outcome {
                Ok(outcome) => self.conclude(job, outcome),
                Err(fault) => self.refuse(job, &fault),
            }
        }
    }

    /// Puts stale jobs in front, in their order; who came too late too often is refused.
    fn again(&mut self, jobs: Vec<(Job, Result<Outcome, Fault>)>) {
        for (mut job, _) in jobs.into_iter().rev() {
            job.stale = job.stale.saturating_add(1);
            if job.stale > STALE_LIMIT {
                self.refuse(job, &Fault::Contended);
            } else {
                self.waiting.push_front(job);
            }
        }
    }

    /// Answers what was committed, and puts the next state in place.
    fn conclude(&mut self, job: Job, outcome: Outcome) {
        match (job.work, outcome) {
            (Work::Turn { id, waiter, .. }, Outcome::Turn(next, step)) => {
                self.turned(id, job.person, *next, step, waiter);
            }
            (Work::Act { reply, .. }, Outcome::Act(done)) => {
                let _ = reply.send(Ok(done));
            }
            (Work::Record { reply: Some(reply), .. }, Outcome::Recorded) => {
                let _ = reply.send(Ok(()));
            }
            (Work::Turn { .. } | Work::Act { .. } | Work::Record { .. }, _) => {}
        }
    }

    fn turned(
        &mut self,
        id: ConversationId,
        person: Option<Arc<Person>>,
        next: Conversation,
        step: Option<Step>,
        waiter: Waiter,
    ) {
        if step.as_ref().is_some_and(|step| step.state == State::Allow)
            && let Some(person) = person
        {
            self.registry.finish(id, person, self.parts.tools.clock.since_boot());
        }
        if !goes_on(step.as_ref()) {
            self.registry.remove(id);
        } else if let Some(entry) = self.registry.entry(id) {
            entry.conversation = Arc::new(next);
            self.release(id);
        }
        match (waiter, step) {
            (Waiter::Begin(reply, ended), Some(step)) => {
                if reply.send(Ok(Begun { id, step, ended })).is_err() {
                    self.end(id, Event::ClientGone);
                }
            }
            (Waiter::Answer(reply), Some(step)) => {
                let _ = reply.send(Ok(step));
            }
            (Waiter::Begin(..) | Waiter::Answer(_) | Waiter::Nobody, _) => {}
        }
    }

    /// Refuses what could not be decided or committed; the conversation is over.
    fn refuse(&mut self, job: Job, fault: &Fault) {
        tracing::error!(%fault, "a command was refused");
        if let Some(person) = job.person.as_deref() {
            self.report(person, &job.work);
        }
        match job.work {
            Work::Turn { id, conversation, waiter, .. } => {
                self.registry.remove(id);
                let is_login = matches!(*conversation, Conversation::Login(_));
                let step = if is_login { Ok(unavailable()) } else { Err(EngineError::Unavailable) };
                match waiter {
                    Waiter::Begin(reply, ended) => {
                        let _ = reply.send(step.map(|step| Begun { id, step, ended }));
                    }
                    Waiter::Answer(reply) => {
                        let _ = reply.send(step);
                    }
                    Waiter::Nobody => {}
                }
            }
            Work::Act { reply, .. } => {
                let _ = reply.send(Err(EngineError::Unavailable));
            }
            Work::Record { reply, .. } => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(EngineError::Unavailable));
                }
            }
        }
    }

    /// Tells the journal of a login that was refused because something did not work: the audit cannot hold it.
    fn report(&self, person: &Person, work: &Work) {
        let Work::Turn { conversation, waiter, .. } = work else { return };
        if !matches!(**conversation, Conversation::Login(_)) || matches!(waiter, Waiter::Nobody) {
            return;
        }
        let at = self.parts.tools.clock.wall();
        let mut event = about(EventId::LoginUnavailable, at, &self.parts.host, person, "service");
        event.verdict = Some("unavailable".to_owned());
        self.parts.journal.publish(&event);
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
    }
}
