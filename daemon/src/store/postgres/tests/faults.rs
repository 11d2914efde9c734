//! The server goes, hangs and comes back: calls fail within the store's time, and work again by themselves.

use std::net::TcpListener;

use tokio::time::Instant;

use super::reach::come_back;
use super::*;
use crate::store::conformance::{event, key, plain, put};

#[tokio::test]
async fn a_server_that_crashes_fails_calls_soon_and_comes_back_with_all_that_was_committed() {
    let Some(mut site) = Site::alone().await else { return };
    let store = site.open("h1").await;
    let mut alice = plain("alice");
    put(&*store, &mut alice).await;
    for _ in 0..2 {
        Arc::get_mut(&mut site.server).unwrap().crash().unwrap();
        for _ in 0..3 {
            let begun = Instant::now();
            assert!(store.load(&[key("alice")]).await.is_err());
            let change = Change { account: Some(alice.clone()), events: vec![event(1)], ..Change::default() };
            assert!(store.commit(vec![change]).await.is_err());
            assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        }
        Arc::get_mut(&mut site.server).unwrap().begin().unwrap();
        assert_eq!(come_back(&store).await.as_ref(), Some(&alice));
        put(&*store, &mut alice).await;
    }
}

#[tokio::test]
async fn a_service_may_start_before_its_server() {
    let Some(mut site) = Site::alone().await else { return };
    put(&*site.open("h1").await, &mut plain("alice")).await;
    Arc::get_mut(&mut site.server).unwrap().crash().unwrap();
    let store = site.open("h1").await;
    assert!(matches!(store.newest_time().await, Err(StoreError::Unreachable(_))));
    Arc::get_mut(&mut site.server).unwrap().begin().unwrap();
    assert!(come_back(&store).await.is_some());
}

#[tokio::test]
async fn a_server_that_takes_connections_and_says_nothing_costs_no_more_than_the_stores_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = parse(&format!("postgresql://127.0.0.1:{port}/countersign?sslmode=disable"));
    let begun = Instant::now();
    let store = Postgres::open(url, wrapping(7), &host("h1")).await.unwrap();
    assert!(store.load(&[key("alice")]).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_row_that_somebody_locks_fails_the_call_and_writes_nothing_later() {
    with_site!(site => {
        let store = site.open("h1").await;
        let mut alice = plain("alice");
        put(&*store, &mut alice).await;
        let (client, connection) = tokio_postgres::connect(
            &format!("host={} port={} user=postgres dbname={}", site.server.socket_directory().display(), site.server.port(), site.database),
            tokio_postgres::NoTls,
        ).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute("BEGIN; SELECT 1 FROM countersign.account FOR UPDATE").await.unwrap();
        let begun = Instant::now();
        let change = || vec![Change { account: Some(alice.clone()), events: vec![event(1)], ..Change::default() }];
        assert!(store.commit(change()).await.is_err());
        assert!(begun.elapsed() < STORE_LIMIT, "{:?}", begun.elapsed());
        // Readers do not wait, and other people's commits neither.
        assert!(store.load(&[key("alice")]).await.unwrap()[0].is_some());
        put(&*store, &mut plain("bob")).await;
        client.batch_execute("COMMIT").await.unwrap();
        drop(client);
        let _ = connection.await;
        assert_eq!(store.load(&[key("alice")]).await.unwrap()[0].as_ref(), Some(&alice));
        put(&*store, &mut alice).await;
    });
}

#[tokio::test]
async fn a_caller_that_leaves_takes_its_session_along_and_nobody_gets_its_answer() {
    with_site!(site => {
        let store = site.open("h1").await;
        let mut alice = plain("alice");
        put(&*store, &mut alice).await;
        for _ in 0..50 {
            let change = Change { account: Some(plain("bob")), events: Vec::new(), ..Change::default() };
            let _ = timeout(Duration::from_micros(300), store.commit(vec![change])).await;
            let found = store.load(&[key("alice"), key("nobody")]).await.unwrap();
            assert_eq!((found[0].as_ref(), found[1].as_ref()), (Some(&alice), None));
        }
        let open: usize = site.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'countersign' AND datname = current_database()").parse().unwrap();
        assert!(open <= SESSIONS + 1, "{open} sessions");
    });
}

#[tokio::test]
async fn a_full_server_is_no_reason_to_end() {
    with_site!(site => {
        let store = site.open("h1").await;
        put(&*store, &mut plain("alice")).await;
        site.sql(&format!("ALTER DATABASE {} CONNECTION LIMIT 0", site.database));
        let store = site.open("h1").await;
        assert!(matches!(store.load(&[key("alice")]).await, Err(StoreError::Unreachable(_))));
        site.sql(&format!("ALTER DATABASE {} CONNECTION LIMIT -1", site.database));
        assert!(come_back(&store).await.is_some());
    });
}
