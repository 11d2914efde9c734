//! An engine on the store in memory, with time in hand and a gate before the commit.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::account::{
    Account, AccountId, AccountKey, HostId, Realm, Revision, RuleName, UserName,
};
use countersign_core::audit::{AuditEvent, Span};
use countersign_core::contact::EmailAddress;
use countersign_core::delivery::{Recipient, RequestId};
use countersign_core::factor::totp::{Totp, TotpParameters};
use countersign_core::factor::{Factor, FactorId, FactorKind, FactorState, Label, Method};
use countersign_core::login::{
    Existence, FirstFactor, Groups, Host, LoginRequest, Origin, Person, Phase, Source, SshFacts,
};
use countersign_core::policy::{Echo, Enrollment, Matcher, Policy, Requirement, Rule, Settings};
use countersign_core::restore::Restores;
use countersign_core::secret::Entropy;
use countersign_core::sending::RecipientUse;
use countersign_core::throttle::Limits;
use countersign_core::time::WallTime;
use countersign_core::words::Language;
use countersign_protocol::step::State;
use countersignd::engine::command::{Begun, Caller, ConversationId, EngineError, Opening, Owner};
use countersignd::engine::{self, Handle, Parts, Tools};
use countersignd::host::clock::Clock;
use countersignd::host::journal::Journal;
use countersignd::spool::Spool;
use countersignd::store::memory::Memory;
use countersignd::store::outbox::{HostUse, Interrupted, Waiting};
use countersignd::store::{
    Change, Page, Resealed, Spooled, Stale, Standing, Store, StoreError, StoredRecord, Stub,
};
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::Phone;

/// Where everybody logs in from unless a test says otherwise.
pub(crate) const ADDRESS: &str = "198.51.100.7";
/// The realm of the test's people.
const REALM: &str = "local:h1";

/// A clock that is moved by hand.
pub(crate) struct HandClock(Mutex<(u64, Duration)>);

impl HandClock {
    pub(crate) fn advance(&self, by: Duration) {
        let mut time = self.0.lock().unwrap();
        time.0 += by.as_secs();
        time.1 += by;
    }

    /// Sets the wall clock ahead; the time since boot goes on.
    pub(crate) fn set_ahead(&self, by: Duration) {
        self.0.lock().unwrap().0 += by.as_secs();
    }

    /// Sets the wall clock back; the time since boot goes on.
    pub(crate) fn set_back(&self, by: Duration) {
        self.0.lock().unwrap().0 -= by.as_secs();
    }
}

impl Clock for HandClock {
    fn wall(&self) -> WallTime {
        WallTime::from_seconds(self.0.lock().unwrap().0)
    }

    fn since_boot(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// Randomness that is the same in every run.
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

/// The store in memory, with commits counted, and let through one by one where the gate is closed.
pub(crate) struct Gated {
    pub(crate) memory: Memory,
    pub(crate) commits: AtomicUsize,
    /// How often the outbox was asked about recipients or the host.
    pub(crate) questions: AtomicUsize,
    pub(crate) gate: Semaphore,
    in_flight: usize,
}

impl Gated {
    pub(crate) fn close(&self) {
        while let Ok(permit) = self.gate.try_acquire() {
            permit.forget();
        }
    }

    pub(crate) fn open(&self) {
        self.gate.add_permits(OPEN);
    }
}

/// As many permits as no test uses up.
const OPEN: usize = 100_000;

#[async_trait]
impl Store for Gated {
    fn batches_in_flight(&self) -> usize {
        self.in_flight
    }

    async fn load(&self, keys: &[AccountKey]) -> Result<Vec<Option<Account>>, StoreError> {
        self.memory.load(keys).await
    }

    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Revision, Stale>>, StoreError> {
        self.gate.acquire().await.unwrap().forget();
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.memory.commit(batch).await
    }

    async fn stub(&self, key: &AccountKey) -> Result<Option<Stub>, StoreError> {
        self.memory.stub(key).await
    }

    async fn remove(&self, account: &Stub, events: Vec<AuditEvent>) -> Result<Result<(), Stale>, StoreError> {
        self.memory.remove(account, events).await
    }

    async fn page(&self, after: Option<&AccountKey>, limit: u16) -> Result<Page, StoreError> {
        self.memory.page(after, limit).await
    }

    async fn audit(&self, after: u64, limit: u16) -> Result<Vec<StoredRecord>, StoreError> {
        self.memory.audit(after, limit).await
    }

    async fn audit_span(&self) -> Result<Span, StoreError> {
        self.memory.audit_span().await
    }

    async fn trim_audit(&self, up_to: u64) -> Result<Span, StoreError> {
        self.memory.trim_audit(up_to).await
    }

    async fn newest_time(&self) -> Result<WallTime, StoreError> {
        self.memory.newest_time().await
    }

    async fn rotate_key(&self) -> Result<u32, StoreError> {
        self.memory.rotate_key().await
    }

    async fn reseal(&self, after: Option<AccountId>, limit: u16) -> Result<Resealed, StoreError> {
        self.memory.reseal(after, limit).await
    }

    async fn standing(&self) -> Result<Standing, StoreError> {
        self.memory.standing().await
    }

    async fn note_stamp(&self) -> Result<(), StoreError> {
        self.memory.note_stamp().await
    }

    async fn accept_restore(&self, restores: Restores) -> Result<(), StoreError> {
        self.memory.accept_restore(restores).await
    }

    async fn import(&self, spooled: &Spooled) -> Result<(), StoreError> {
        self.memory.import(spooled).await
    }

    async fn recipient_uses(
        &self,
        recipients: &[Recipient],
        at: WallTime,
    ) -> Result<BTreeMap<Recipient, RecipientUse>, StoreError> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        self.memory.recipient_uses(recipients, at).await
    }

    async fn host_use(&self, at: WallTime) -> Result<HostUse, StoreError> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        self.memory.host_use(at).await
    }

    async fn due(&self, at: WallTime, limit: u16) -> Result<Vec<Waiting>, StoreError> {
        self.memory.due(at, limit).await
    }

    async fn claim(&self, id: RequestId) -> Result<bool, StoreError> {
        self.memory.claim(id).await
    }

    async fn put_off(&self, id: RequestId, until: WallTime) -> Result<bool, StoreError> {
        self.memory.put_off(id, until).await
    }

    async fn interrupted(&self, limit: u16) -> Result<Vec<Interrupted>, StoreError> {
        self.memory.interrupted(limit).await
    }

    async fn purge(&self, at: WallTime) -> Result<u64, StoreError> {
        self.memory.purge(at).await
    }
}

/// What was published.
#[derive(Default)]
pub(crate) struct Published(Mutex<Vec<AuditEvent>>);

impl Journal for Published {
    fn publish(&self, event: &AuditEvent) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Published {
    /// What was published last.
    pub(crate) fn last(&self) -> AuditEvent {
        self.0.lock().unwrap().last().unwrap().clone()
    }
}

/// An engine and what it stands on.
pub(crate) struct World {
    pub(crate) engine: Handle,
    pub(crate) store: Arc<Gated>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) published: Arc<Published>,
    pub(crate) task: JoinHandle<()>,
    pub(crate) spool: Arc<Spool>,
    /// Where the spool lies.
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_flights(1)
    }

    /// Makes one whose store takes so many batches at the same time.
    pub(crate) fn with_flights(in_flight: usize) -> Self {
        let (memory, gate) = (Memory::new(), Semaphore::new(OPEN));
        let (commits, questions) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self::on(Arc::new(Gated { memory, commits, questions, gate, in_flight }), 1)
    }

    /// Makes one under another policy than the others'.
    pub(crate) fn under(policy: Policy, in_flight: usize) -> Self {
        let (memory, gate) = (Memory::new(), Semaphore::new(OPEN));
        let (commits, questions) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self::on_under(Arc::new(Gated { memory, commits, questions, gate, in_flight }), 1, policy)
    }

    /// Makes one more on the same store, as another host would.
    pub(crate) fn on(store: Arc<Gated>, seed: u64) -> Self {
        Self::on_under(store, seed, policy())
    }

    /// Makes the same host once more, as after a restart.
    pub(crate) fn again(world: &Self, policy: Policy) -> Self {
        Self::on_under(Arc::clone(&world.store), 2, policy)
    }

    /// Makes one under a policy that can be changed.
    pub(crate) fn with_policy_of(policy: Policy) -> (Self, watch::Sender<Arc<Policy>>) {
        let (memory, gate) = (Memory::new(), Semaphore::new(OPEN));
        let (commits, questions) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let store = Arc::new(Gated { memory, commits, questions, gate, in_flight: 1 });
        Self::changeable(store, 1, policy)
    }

    fn on_under(store: Arc<Gated>, seed: u64, policy: Policy) -> Self {
        Self::changeable(store, seed, policy).0
    }

    fn changeable(store: Arc<Gated>, seed: u64, policy: Policy) -> (Self, watch::Sender<Arc<Policy>>) {
        let clock = Arc::new(HandClock(Mutex::new((1_800_000_000, Duration::from_secs(1000)))));
        let published = Arc::new(Published::default());
        let (sender, policy) = watch::channel(Arc::new(policy));
        let folder = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::open(Some(folder.path().to_owned())));
        let tools = Tools {
            store: store.clone(),
            clock: clock.clone(),
            entropy: Arc::new(Mutex::new(Counter(seed))),
            spool: Arc::clone(&spool),
        };
        let journal = published.clone();
        let (engine, task) =
            engine::start(Parts { tools, policy, journal, host: host(), floor: WallTime::default() });
        (Self { engine, store, clock, published, task, spool, folder }, sender)
    }

    /// Gives a person an authenticator.
    pub(crate) async fn seed(&self, person: &Person) -> Phone {
        let (mut account, mut entropy) = new_account(person);
        let totp = Totp::generate(TotpParameters::default(), &mut entropy);
        let phone = Phone::with(totp.secret.expose());
        account.factors.push(Factor {
            id: FactorId::random(&mut entropy),
            label: Label::try_from("phone").unwrap(),
            state: FactorState::Active { since: self.clock.wall() },
            last_used: None,
            kind: FactorKind::Totp(totp),
        });
        self.keep(account).await;
        phone
    }

    /// Gives a person a mailbox to which codes are sent.
    pub(crate) async fn seed_mailbox(&self, person: &Person, address: &str) {
        let (mut account, mut entropy) = new_account(person);
        account.factors.push(Factor {
            id: FactorId::random(&mut entropy),
            label: Label::try_from("mailbox").unwrap(),
            state: FactorState::Active { since: self.clock.wall() },
            last_used: None,
            kind: FactorKind::Sent(email(address)),
        });
        self.keep(account).await;
    }

    async fn keep(&self, account: Account) {
        let change = Change { account: Some(account), ..Change::default() };
        assert!(self.store.memory.commit(vec![change]).await.unwrap().iter().all(Result::is_ok));
    }

    /// What waits to be sent.
    pub(crate) async fn waiting(&self) -> Vec<Waiting> {
        self.engine.due(self.clock.wall(), 1000).await.unwrap()
    }

    pub(crate) async fn account(&self, person: &Person) -> Account {
        self.engine.account(person).await.unwrap().unwrap()
    }

    pub(crate) async fn begin(&self, person: &Person) -> Begun {
        self.begin_as(request(person, ADDRESS), root(1)).await.unwrap()
    }

    pub(crate) async fn begin_as(&self, request: LoginRequest, caller: Caller) -> Result<Begun, EngineError> {
        self.engine.begin(Opening::Login(request), caller).await
    }

    pub(crate) async fn answer(&self, id: ConversationId, code: &str) -> Result<State, EngineError> {
        let text = Zeroizing::new(code.to_owned());
        self.engine.answer(id, Owner::Socket(1), text).await.map(|step| step.state)
    }

    /// Waits until the engine has taken everything that was sent before.
    pub(crate) async fn settle(&self) {
        self.engine.ping().await.unwrap();
    }

    /// The ids of the recorded events, as they stand in the audit.
    pub(crate) async fn recorded(&self) -> Vec<String> {
        let records = self.store.memory.audit(0, 1000).await.unwrap();
        records.iter().map(|record| event_id(&AuditEvent::from_canonical(&record.record).unwrap())).collect()
    }

    pub(crate) fn published(&self) -> Vec<String> {
        self.published.0.lock().unwrap().iter().map(event_id).collect()
    }
}

fn new_account(person: &Person) -> (Account, Counter) {
    let mut entropy = Counter(person.name.as_str().bytes().map(u64::from).sum::<u64>() + 77);
    let key = AccountKey { realm: person.realm.clone(), name: person.name.clone() };
    let mut account = Account::new(key, &mut entropy);
    // Ids are drawn from a seed that names share too easily.
    for (byte, letter) in account.id.0.iter_mut().zip(person.name.as_str().bytes()) {
        *byte = letter;
    }
    (account, entropy)
}

pub(crate) fn email(address: &str) -> Recipient {
    Recipient::Email(EmailAddress::try_from(address).unwrap())
}

/// The code that a message brings: the first word of its subject.
pub(crate) fn code_of(waiting: &Waiting) -> String {
    waiting.outgoing.letter.subject.expose().split(' ').next().unwrap().to_owned()
}

fn event_id(event: &AuditEvent) -> String {
    serde_json::to_value(event.event).unwrap().as_str().unwrap().to_owned()
}

/// A root caller on a connection of its own.
pub(crate) fn root(connection: u64) -> Caller {
    Caller { uid: 0, owner: Owner::Socket(connection) }
}

pub(crate) fn host() -> Host {
    Host { name: "h1.example.org".to_owned(), id: HostId::try_from("h1").unwrap() }
}

pub(crate) fn person(name: &str) -> Person {
    Person {
        name: UserName::try_from(name).unwrap(),
        realm: Realm::try_from(REALM).unwrap(),
        existence: Existence::Known { uid: 1000, origin: Origin::Local },
        groups: Groups::Complete(vec!["students".to_owned()]),
        contacts: countersign_core::contact::Contacts::default(),
    }
}

pub(crate) fn request(person: &Person, from: &str) -> LoginRequest {
    LoginRequest {
        person: person.clone(),
        service: "sshd".to_owned(),
        phase: Phase::Auth,
        source: Source::Address(from.parse::<IpAddr>().unwrap()),
        tty: None,
        ssh: SshFacts::default(),
        requesting_uid: None,
        caller_uid: 0,
        first_factor: FirstFactor::Settled,
        session: None,
        fresh: None,
        host: host(),
        language: None,
    }
}

/// A policy under which codes may go by e-mail.
pub(crate) fn mailing_policy() -> Policy {
    let mut policy = policy();
    policy.default.methods = vec![Method::Totp, Method::Email];
    policy.settings.channels.email = true;
    policy
}

pub(crate) fn policy() -> Policy {
    Policy {
        is_enabled: true,
        enrolled_after: None,
        open_from: None,
        fqdn: countersign_core::policy::Fqdn::None,
        rules: Vec::new(),
        default: Rule {
            name: RuleName::try_from("default").unwrap(),
            matcher: Matcher::default(),
            require: Requirement::Always,
            methods: vec![Method::Totp],
            enroll: Enrollment::SelfService,
            enroll_within: None,
            invite_for_limit: countersign_core::invitation::INVITATION_LIFE,
            contacts: countersign_core::policy::ContactRule::default(),
            skip: None,
            remember: None,
            mode: countersign_core::policy::Mode::Enforce,
            accept: Vec::new(),
            enrolled_after: None,
            fresh_for: None,
            idle_timeout: None,
        },
        settings: Settings {
            organization: "Example".to_owned(),
            language: Language::English,
            help: None,
            echo: Echo::Visible,
            protected_groups: vec!["wheel".to_owned()],
            totp: TotpParameters::default(),
            limits: Limits::default(),
            sent: countersign_core::factor::sent::SentParameters::default(),
            sending: countersign_core::sending::SendLimits::default(),
            channels: countersign_core::sending::Channels::default(),
            texts: countersign_core::words::texts::Texts::default(),
        },
        digest: "0".repeat(64),
    }
}
