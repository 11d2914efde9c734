//! Which servers are used: verified, writable, durable; of several the one that fits.

use super::*;
use crate::store::conformance::{key, plain, put};

async fn refusal(url: &str) -> String {
    match Postgres::open(parse(url), wrapping(7), &host("h1")).await {
        Ok(store) => store.load(&[key("alice")]).await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_server_is_verified_by_authority_and_name_and_the_password_comes_from_a_file() {
    let Some(site) = Site::alone().await else { return };
    let at = |name: &str| site.server.path(name).display().to_string();
    let authority = format!("&sslrootcert={}", at("authority.crt"));
    let good = site.tls_url(&authority);
    put(&Postgres::open(parse(&good), wrapping(7), &host("h1")).await.unwrap(), &mut plain("alice")).await;
    assert_eq!(site.sql("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'countersign'"), "t");

    let stranger = site.tls_url(&format!("&sslrootcert={}", at("stranger.crt")));
    assert!(refusal(&stranger).await.contains("UnknownIssuer"), "{}", refusal(&stranger).await);
    assert!(refusal(&site.tls_url("")).await.contains("UnknownIssuer"), "the system's authorities");
    let other_name = good.replace("localhost", "127.0.0.1");
    assert!(refusal(&other_name).await.contains("not valid for name"), "{}", refusal(&other_name).await);

    fs::write(site.server.path("wrong"), "not the password").unwrap();
    fs::set_permissions(site.server.path("wrong"), fs::Permissions::from_mode(0o600)).unwrap();
    let wrong = refusal(&good.replace(&at("password"), &at("wrong"))).await;
    assert!(wrong.contains("password authentication failed"), "{wrong}");
    fs::set_permissions(site.server.path("wrong"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(&good.replace(&at("password"), &at("wrong"))).await.contains("its mode is 0644"));
    assert!(refusal(&good.replace(&at("password"), &at("none"))).await.contains("No such file"));

    site.server.certify_by("alone").unwrap();
    let text = refusal(&good).await;
    assert!(text.contains("UnknownIssuer") || text.contains("CaUsedAsEndEntity"), "self-signed: {text}");
    site.server.configure("ssl = off").unwrap();
    site.server.reload().unwrap();
    assert!(refusal(&good).await.contains("TLS"), "stripped: {}", refusal(&good).await);
}

#[tokio::test]
async fn a_certificate_stands_in_for_the_password() {
    with_site!(site => {
        let at = |name: &str| site.server.path(name).display().to_string();
        let port = site.server.port();
        let url = |key: &str| format!(
            "postgresql://certified@localhost:{port}/{}?sslrootcert={}&sslcert={}&sslkey={}",
            site.database, at("authority.crt"), at("client.crt"), at(key)
        );
        put(&Postgres::open(parse(&url("client.key")), wrapping(7), &host("h1")).await.unwrap(), &mut plain("alice")).await;
        fs::set_permissions(site.server.path("client.key"), fs::Permissions::from_mode(0o604)).unwrap();
        assert!(refusal(&url("client.key")).await.contains("its mode is 0604"));
    });
}

#[tokio::test]
async fn a_server_that_forgets_what_it_committed_is_refused() {
    let Some(site) = Site::alone().await else { return };
    let store = site.open("h1").await;
    put(&*store, &mut plain("alice")).await;
    site.server.configure("synchronous_commit = off").unwrap();
    site.server.reload().unwrap();
    wait_for(&site, "synchronous_commit", "off");
    assert!(refusal(&site.url()).await.contains("synchronous_commit is off"));
    // The connections that were open before are refused too.
    let answer = store
        .commit(vec![Change { account: Some(plain("bob")), events: Vec::new(), ..Change::default() }])
        .await;
    assert!(matches!(answer, Err(StoreError::Failed { .. })), "{answer:?}");
    site.server.configure("synchronous_commit = on").unwrap();
    site.server.reload().unwrap();
    wait_for(&site, "synchronous_commit", "on");
    put(&*store, &mut plain("bob")).await;
    site.sql("ALTER ROLE countersign SET synchronous_commit = off");
    assert!(refusal(&site.url()).await.contains("synchronous_commit is off"));
}

/// A reload reaches each process of the server by itself.
fn wait_for(site: &Site, setting: &str, value: &str) {
    let shown = || site.sql(&format!("SHOW {setting}"));
    assert!((0..1000).any(|_| shown() == value), "{setting} is {}", shown());
    // Sessions that were idle read the new setting before their next statement.
    std::thread::sleep(Duration::from_millis(200));
}

#[tokio::test]
async fn a_standby_is_refused_and_of_two_servers_the_primary_is_used_whichever_that_is() {
    let Some(mut site) = Site::alone().await else { return };
    let standby = site.server.standby().unwrap();
    let standby_url = standby.socket_url("countersign", &site.database);
    assert!(refusal(&standby_url).await.contains("it is a standby"));

    let file = format!("password_file={}", site.server.path("password").display());
    let (first, second) = (site.server.port(), standby.port());
    let both = |one, two| {
        let database = &site.database;
        format!("postgresql://127.0.0.1:{one},127.0.0.1:{two}/{database}?sslmode=disable&{file}")
    };
    let stores = [
        Postgres::open(parse(&both(first, second)), wrapping(7), &host("h1")).await.unwrap(),
        Postgres::open(parse(&both(second, first)), wrapping(7), &host("h2")).await.unwrap(),
    ];
    let mut alice = plain("alice");
    for store in &stores {
        put(store, &mut alice).await;
    }
    follow(&site, &standby);
    Arc::get_mut(&mut site.server).unwrap().crash().unwrap();
    assert!(stores[0].load(&[key("alice")]).await.is_err(), "a copy was read");
    standby.promote().unwrap();
    for store in &stores {
        let back = come_back(store).await;
        assert_eq!(back.as_ref().map(|account| account.revision), Some(alice.revision));
        put(store, &mut alice).await;
    }
}

/// Waits until the standby has what the primary committed.
fn follow(site: &Site, standby: &Server) {
    let end = site.sql("SELECT pg_current_wal_lsn()");
    let sql = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
    assert!((0..2000).any(|_| standby.sql("postgres", &sql).is_ok_and(|answer| answer.trim() == "t")));
}

/// Asks until a server answers.
pub(super) async fn come_back(store: &Postgres) -> Option<Account> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        match store.load(&[key("alice")]).await {
            Ok(mut found) => return found.remove(0),
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_schema_that_is_missing_or_newer_is_said_with_what_to_do() {
    with_site!(site => {
        site.sql("UPDATE countersign.schema_version SET version = 9, serves_from = 1");
        put(&*site.open("h1").await, &mut plain("alice")).await;
        site.sql("UPDATE countersign.schema_version SET serves_from = 6");
        assert!(refusal(&site.url()).await.contains("upgrade it"));
        site.sql("DROP SCHEMA countersign CASCADE");
        let text = refusal(&site.url()).await;
        assert!(text.contains("has schema 0") && text.contains("--migrate"), "{text}");
    });
}

#[tokio::test]
async fn a_role_that_may_makes_the_schema_by_itself_and_two_at_once_do_not_mix() {
    with_site!(site => {
        site.sql("DROP SCHEMA countersign CASCADE");
        let url = site.server.socket_url("countersign_owner", &site.database);
        let (parsed, keys) = (parse(&url), wrapping(7));
        let (first, second) = (host("h1"), host("h2"));
        let (one, two) = tokio::join!(
            Postgres::open(parsed.clone(), keys.clone(), &first),
            Postgres::open(parsed.clone(), keys.clone(), &second),
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        put(&one, &mut plain("alice")).await;
        put(&two, &mut plain("bob")).await;
        assert_eq!(migrate(parsed).await.unwrap(), Migrated { from: 5, to: 5 });
    });
}
