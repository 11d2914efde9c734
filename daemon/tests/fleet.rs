//! Several services on one database: one code lets one person in once, wrong codes count once each, and a database that
//! goes takes nobody in and nothing with it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;
#[expect(
    unreachable_pub,
    dead_code,
    reason = "shared with the tests in a booted machine, which use other parts"
)]
#[path = "../../tests/harness/postgres.rs"]
mod postgres;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_config::PostgresUrl;
use countersign_core::account::{Account, AccountKey, HostId, Realm, UserName};
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::factor::totp::{Totp, TotpParameters};
use countersign_core::factor::{Factor, FactorId, FactorKind, FactorState, Label};
use countersign_core::login::{Host, Person};
use countersign_core::secret::Secret;
use countersign_core::time::WallTime;
use countersign_protocol::step::State;
use countersignd::engine::command::{Begun, EngineError, Opening, Owner};
use countersignd::engine::{self, Handle, Parts, Tools};
use countersignd::host::clock::SystemClock;
use countersignd::host::entropy::SystemEntropy;
use countersignd::host::journal::Journal;
use countersignd::store::postgres::Postgres;
use countersignd::store::sealing::WrappingKey;
use countersignd::store::{Change, Store};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use harness::world::{ADDRESS, person, policy, request, root};
use harness::{House, Phone, answer, begin, own_name, wall};
use postgres::Server;

const DATABASE: &str = "countersign";

/// One service's engine on the shared database.
struct Member {
    engine: Handle,
    store: Arc<Postgres>,
}

/// Publishes to nobody.
struct Silence;

impl Journal for Silence {
    fn publish(&self, _: &AuditEvent) {}
}

/// Starts a server with the roles and privileges as shipped; none where there is no `PostgreSQL`.
fn server() -> Option<Server> {
    if !postgres::is_here() {
        return None;
    }
    let server = Server::start().unwrap();
    server.run_file("postgres", include_str!("../../packaging/postgresql/roles.sql")).unwrap();
    server.run_file(DATABASE, include_str!("../../packaging/postgresql/privileges.sql")).unwrap();
    Some(server)
}

/// Makes the schema as an administrator does: by the service's own command, as the owner.
fn migrate(server: &Server) {
    let url = server.socket_url("countersign_owner", DATABASE);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_countersignd"))
        .args(["--migrate", &url])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        "the schema of the store is 5 (it was 0)\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn open(server: &Server, key: WrappingKey, host: &str) -> Arc<Postgres> {
    let url = PostgresUrl::parse(&server.socket_url("countersign", DATABASE)).unwrap();
    Arc::new(Postgres::open(url, key, &HostId::try_from(host).unwrap()).await.unwrap())
}

impl Member {
    async fn join(server: &Server, host: &str) -> Self {
        let store = open(server, WrappingKey::new(Secret::new([7; 32])), host).await;
        let (_, policy) = watch::channel(Arc::new(policy()));
        let shared: Arc<dyn Store> = store.clone();
        let tools = Tools {
            store: shared,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Mutex::new(SystemEntropy)),
            spool: Arc::new(countersignd::spool::Spool::open(None)),
        };
        let host = Host { name: format!("{host}.example.org"), id: HostId::try_from(host).unwrap() };
        let floor = WallTime::default();
        let (engine, _) = engine::start(Parts { tools, policy, journal: Arc::new(Silence), host, floor });
        Self { engine, store }
    }

    async fn begin(&self, person: &Person) -> Begun {
        self.engine.begin(Opening::Login(request(person, ADDRESS)), root(1)).await.unwrap()
    }

    async fn answer(&self, begun: &Begun, code: &str) -> Result<State, EngineError> {
        let text = Zeroizing::new(code.to_owned());
        self.engine.answer(begun.id, Owner::Socket(1), text).await.map(|step| step.state)
    }

    async fn recorded(&self, wanted: EventId, name: &str) -> usize {
        let mut after = 0;
        let mut count = 0;
        loop {
            let records = self.store.audit(after, 1000).await.unwrap();
            let Some(last) = records.last() else { return count };
            after = last.sequence;
            let events = records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap());
            count += events
                .filter(|event| {
                    event.event == wanted
                        && event.subject.as_ref().is_some_and(|subject| subject.user == name)
                })
                .count();
        }
    }
}

/// Gives a person an authenticator.
async fn seed(store: &Postgres, key: AccountKey) -> Phone {
    let mut account = Account::new(key, &mut SystemEntropy);
    let totp = Totp::generate(TotpParameters::default(), &mut SystemEntropy);
    let phone = Phone::with(totp.secret.expose());
    account.factors.push(Factor {
        id: FactorId::random(&mut SystemEntropy),
        label: Label::try_from("phone").unwrap(),
        state: FactorState::Active { since: wall() },
        last_used: None,
        kind: FactorKind::Totp(totp),
    });
    account.changed = wall();
    let results = store
        .commit(vec![Change { account: Some(account), events: Vec::new(), ..Change::default() }])
        .await
        .unwrap();
    assert!(results.iter().all(Result::is_ok));
    phone
}

fn key_of(person: &Person) -> AccountKey {
    AccountKey { realm: person.realm.clone(), name: person.name.clone() }
}

/// Lets so many services race for each of so many codes.
async fn race(services: usize, rounds: usize) {
    let Some(server) = server() else { return };
    migrate(&server);
    let mut members = Vec::new();
    for number in 0..services {
        members.push(Arc::new(Member::join(&server, &format!("h{number}")).await));
    }
    for round in 0..rounds {
        let person = person(&format!("person{round}"));
        let phone = seed(&members[0].store, key_of(&person)).await;
        let mut logins = Vec::new();
        for member in &members {
            logins.push((Arc::clone(member), member.begin(&person).await));
        }
        let code = phone.code();
        let mut racers = JoinSet::new();
        for (member, begun) in logins {
            let code = code.clone();
            racers.spawn(async move { member.answer(&begun, &code).await });
        }
        let verdicts = racers.join_all().await;
        let allowed = verdicts.iter().filter(|verdict| **verdict == Ok(State::Allow)).count();
        assert_eq!(allowed, 1, "of {services} services in round {round}: {verdicts:?}");
        let late = members[round % services].begin(&person).await;
        assert_ne!(members[round % services].answer(&late, &code).await, Ok(State::Allow), "used before");
        let mut recorded = 0;
        if round + 1 == rounds {
            for member in &members {
                recorded += member.recorded(EventId::LoginAllowed, person.name.as_str()).await;
            }
            assert_eq!(recorded, 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_services_with_one_code_one_lets_in_two_hundred_times() {
    race(2, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_services_with_one_code_one_lets_in_two_hundred_times() {
    race(10, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_codes_on_several_hosts_count_once_each_and_lock_on_all() {
    let Some(server) = server() else { return };
    migrate(&server);
    let mut members = Vec::new();
    for number in 0..4 {
        members.push(Arc::new(Member::join(&server, &format!("h{number}")).await));
    }
    for round in 0..20 {
        let person = person(&format!("person{round}"));
        let phone = seed(&members[0].store, key_of(&person)).await;
        let mut charged = 0;
        let mut racers = JoinSet::new();
        for member in &members {
            let (begun, member) = (member.begin(&person).await, Arc::clone(member));
            racers.spawn(async move { member.answer(&begun, "000000").await });
        }
        for verdict in racers.join_all().await {
            charged += usize::from(verdict == Ok(State::Ask));
        }
        let mut recorded = 0;
        for member in &members {
            recorded += member.recorded(EventId::CodeWrong, person.name.as_str()).await;
        }
        let account = members[1].store.load(&[key_of(&person)]).await.unwrap().remove(0).unwrap();
        let counted: usize = account.throttle.buckets.values().map(|counter| counter.recent.len()).sum();
        assert!(charged > 0 && counted == charged && recorded == charged, "{counted} {recorded} {charged}");
        // One after the other, up to the lock, which holds on every host, also for the right code.
        for number in charged..5 {
            let member = &members[number % 4];
            let begun = member.begin(&person).await;
            let _ = member.answer(&begun, "000000").await;
        }
        for member in &members {
            let begun = member.begin(&person).await;
            assert_ne!(member.answer(&begun, &phone.code()).await, Ok(State::Allow), "locked");
        }
    }
}

/// A service, as installed, on the server's database.
fn house(server: &Server) -> House {
    let house = House::build("");
    let text = format!(
        "[store]\nurl = \"{}\"\nkey_file = \"{}\"\nlocal_names = \"fleet\"\n\n[default]\nrequire = \"always\"\n",
        server.socket_url("countersign", DATABASE),
        house.path("store-key").display()
    );
    fs::write(house.path("countersign.toml"), text).unwrap();
    fs::set_permissions(house.path("countersign.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_refuses_within_five_seconds_and_comes_back_by_itself() {
    let Some(mut server) = server() else { return };
    migrate(&server);
    let mut houses = [house(&server), house(&server)];
    let key = AccountKey {
        realm: Realm::try_from("local:fleet").unwrap(),
        name: UserName::try_from(own_name()).unwrap(),
    };
    let phone = seed(&*open(&server, House::key(), "seed").await, key).await;
    for house in &mut houses {
        house.start(None).await;
    }
    // A code used on one host is refused on the other.
    let [one, two] = [houses[0].connect().await, houses[1].connect().await];
    let code = phone.code();
    let begun = begin(&one, &own_name()).await.unwrap();
    assert_eq!(answer(&one, &begun, &code).await.unwrap().0, "allow");
    let begun = begin(&two, &own_name()).await.unwrap();
    assert_eq!(answer(&two, &begun, &code).await.unwrap().0, "ask");

    server.crash().unwrap();
    let before = Instant::now();
    assert_eq!(answer(&two, &begun, &code).await.unwrap().0, "unavailable");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    let before = Instant::now();
    assert_eq!(begin(&one, &own_name()).await.unwrap().1, "unavailable");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    // A service that starts now serves refusals.
    houses[1].kill();
    houses[1].start(None).await;
    let two = houses[1].connect().await;
    assert_eq!(begin(&two, &own_name()).await.unwrap().1, "unavailable");

    server.begin().unwrap();
    for connection in [&one, &two] {
        let deadline = Instant::now() + Duration::from_secs(10);
        while begin(connection, &own_name()).await.unwrap().1 != "ask" {
            assert!(Instant::now() < deadline, "it does not come back");
            sleep(Duration::from_millis(100)).await;
        }
    }
}
