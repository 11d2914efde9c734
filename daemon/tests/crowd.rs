//! A crowd at the service's own socket: a thousand connections, and a guest who asks and never reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

use countersign_protocol::proxies::LoginProxy;
use harness::{House, answer, begin, over_ssh, own_name, wall};

const ALWAYS: &str = "[default]\nrequire = \"always\"\n";
/// What a crowd may cost in memory, in KiB: a few KiB a connection, far below what it could claim.
const CROWD_COST: u64 = 64 * 1024;
/// How long a login may take meanwhile.
const LOGIN_LIMIT: Duration = Duration::from_secs(3);

/// The resident memory of the service in KiB.
fn resident(house: &House) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Passes the door and says nothing further.
async fn guest(house: &House) -> UnixStream {
    let uid = data_encoding::HEXLOWER.encode(nix::unistd::getuid().to_string().as_bytes());
    let mut stream = UnixStream::connect(house.socket()).await.unwrap();
    stream.write_all(format!("\0AUTH EXTERNAL {uid}\r\nBEGIN\r\n").as_bytes()).await.unwrap();
    stream
}

/// A call of `org.freedesktop.DBus.Peer.Ping`, which needs no right and is answered at once.
fn ping() -> Vec<u8> {
    let message = zbus::message::Message::method_call("/org/countersign1", "Ping")
        .interface("org.freedesktop.DBus.Peer")
        .build(&())
        .unwrap();
    message.data().bytes().to_vec()
}

#[tokio::test]
async fn a_thousand_connections_cost_little_and_delay_no_login() {
    let mut house = House::build(ALWAYS);
    let phone = house.seed(&own_name()).await;
    house.start(None).await;
    let before = resident(&house);
    let mut crowd = Vec::new();
    for number in 0..1_000 {
        // Half of them pass the door, half stand in it until they are shown out.
        crowd.push(if number % 2 == 0 {
            guest(&house).await
        } else {
            UnixStream::connect(house.socket()).await.unwrap()
        });
    }
    let begun = Instant::now();
    let connection = house.connect().await;
    let login = begin(&connection, &own_name()).await.unwrap();
    assert_eq!(answer(&connection, &login, &phone.code()).await.unwrap().0, "allow");
    assert!(begun.elapsed() < LOGIN_LIMIT, "{:?}", begun.elapsed());
    let after = resident(&house);
    assert!(after < before + CROWD_COST, "{before} KiB before, {after} KiB with the crowd");
}

#[tokio::test]
async fn a_crowd_of_logins_from_elsewhere_leaves_the_owner_at_a_known_source_alone() {
    let mut house = House::build(ALWAYS);
    let known = "198.51.100.7".parse().unwrap();
    let phone = house.seed_with(&own_name(), |account| account.remember_source(known, wall())).await;
    house.start(None).await;
    let connection = house.connect().await;
    let login = LoginProxy::builder(&connection).destination("org.countersign1").build().await.unwrap();
    let from_elsewhere = |number| over_ssh(&format!("203.0.113.{number}"));
    for number in 0..8 {
        login.begin(&own_name(), from_elsewhere(number)).await.unwrap();
    }
    let owner = begin(&connection, &own_name()).await.unwrap();
    for number in 8..16 {
        login.begin(&own_name(), from_elsewhere(number)).await.unwrap();
    }
    assert_eq!(answer(&connection, &owner, &phone.code()).await.unwrap().0, "allow");
}

#[tokio::test]
async fn a_guest_who_asks_and_never_reads_costs_little_and_delays_no_login() {
    let mut house = House::build(ALWAYS);
    let phone = house.seed(&own_name()).await;
    house.start(None).await;
    let before = resident(&house);
    let mut deaf = guest(&house).await;
    let calls = ping().repeat(1_000);
    let mut sent = 0_usize;
    // Until the service stops reading, or enough is enough.
    while sent < 200_000 {
        match timeout(Duration::from_millis(500), deaf.write_all(&calls)).await {
            Ok(Ok(())) => sent += 1_000,
            Ok(Err(_)) | Err(_) => break,
        }
    }
    let begun = Instant::now();
    let connection = house.connect().await;
    let login = begin(&connection, &own_name()).await.unwrap();
    assert_eq!(answer(&connection, &login, &phone.code()).await.unwrap().0, "allow");
    assert!(begun.elapsed() < LOGIN_LIMIT, "{:?}", begun.elapsed());
    let after = resident(&house);
    assert!(after < before + CROWD_COST, "{sent} calls: {before} KiB before, {after} KiB after");
}
