//! Several hosts on one database: each change once, each chain whole, keys made by one used by all.

use countersign_core::account::Epoch;
use countersign_core::audit::{self, Mark};

use super::*;
use crate::store::conformance::{event, full, get, key, plain, put};

#[tokio::test]
async fn what_one_host_wrote_another_reads_and_a_change_of_both_goes_once() {
    with_site!(site => {
        let (one, two) = (site.open("h1").await, site.open("h2").await);
        let mut alice = full("alice");
        put(&*one, &mut alice).await;
        assert_eq!(get(&*two, &alice.key).await.as_ref(), Some(&alice));
        put(&*two, &mut alice.clone()).await;
        let late = Change { account: Some(Account { epoch: Epoch(99), ..alice }), events: vec![event(9)], ..Change::default() };
        assert_eq!(one.commit(vec![late]).await.unwrap(), [Err(Stale)]);
        assert_eq!(one.page(None, 10).await.unwrap().total, 1);
        put(&*two, &mut plain("bob")).await;
        assert_eq!(one.page(None, 10).await.unwrap().total, 2);
    });
}

#[tokio::test]
async fn each_host_has_a_chain_and_a_newest_time_of_its_own() {
    with_site!(site => {
        let stores = [site.open("h1").await, site.open("h2").await];
        let writers: Vec<_> = (0..20_u64).map(|number| {
            let store = Arc::clone(&stores[usize::try_from(number % 2).unwrap()]);
            tokio::spawn(async move {
                for at in 0..5 {
                    let events = vec![event(1000 * (number % 2) + at)];
                    assert!(store.commit(vec![Change { account: None, events, ..Change::default() }]).await.unwrap()[0].is_ok());
                }
            })
        }).collect();
        for writer in writers {
            writer.await.unwrap();
        }
        for (store, newest) in stores.iter().zip([4, 1004]) {
            let records = store.audit(0, 1000).await.unwrap();
            assert_eq!(records.len(), 50);
            audit::follow(Mark::default(), records.iter().map(StoredRecord::lend), None).unwrap();
            assert_eq!(store.newest_time().await.unwrap(), WallTime::from_seconds(newest));
        }
    });
}

#[tokio::test]
async fn a_data_key_made_by_one_host_seals_on_all_and_a_forgotten_one_on_none() {
    with_site!(site => {
        let (one, two) = (site.open("h1").await, site.open("h2").await);
        let mut alice = full("alice");
        put(&*one, &mut alice).await;
        assert_eq!(two.rotate_key().await.unwrap(), 2);
        put(&*one, &mut alice).await;
        assert_eq!(site.sql("SELECT data_key FROM countersign.account"), "2");
        assert_eq!(two.reseal(None, 100).await.unwrap().next, None);
        assert_eq!(site.sql("SELECT string_agg(number::text, ' ') FROM countersign.data_key"), "2");
        put(&*one, &mut plain("bob")).await;
        assert_eq!(get(&*one, &key("alice")).await, Some(alice));
    });
}

#[tokio::test]
async fn hosts_that_write_the_same_people_in_opposite_orders_never_wait_for_each_other() {
    with_site!(site => {
        let stores = [site.open("h1").await, site.open("h2").await];
        for round in 0..10 {
            let names: Vec<String> = (0..40).map(|number| format!("r{round}u{number:02}")).collect();
            let racers = stores.iter().enumerate().map(|(index, store)| {
                let mut batch: Vec<Change> = names.iter()
                    .map(|name| Change { account: Some(plain(name)), events: vec![event(1)], ..Change::default() })
                    .collect();
                if index == 1 {
                    batch.reverse();
                }
                let store = Arc::clone(store);
                tokio::spawn(async move { store.commit(batch).await.unwrap().iter().filter(|answer| answer.is_ok()).count() })
            }).collect::<Vec<_>>();
            let mut won = 0;
            for racer in racers {
                won += racer.await.unwrap();
            }
            assert_eq!(won, 40, "in round {round}");
        }
        assert_eq!(site.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), "0");
    });
}

#[tokio::test]
async fn batches_of_different_people_are_on_their_way_together() {
    with_site!(site => {
        let store = site.open("h1").await;
        assert!(store.batches_in_flight() > 1);
        for name in ["alice", "bob"] {
            put(&*store, &mut plain(name)).await;
        }
        // The server is made to wait in alice's row; bob's commit does not wait with it.
        site.sql("CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.8); RETURN NEW; END $$");
        site.sql("CREATE TRIGGER slow BEFORE UPDATE ON countersign.account FOR EACH ROW WHEN (NEW.name = 'alice') EXECUTE FUNCTION public.slow()");
        let (slow, alice) = (Arc::clone(&store), get(&*store, &key("alice")).await.unwrap());
        let slow = tokio::spawn(async move { put(&*slow, &mut alice.clone()).await });
        tokio::task::yield_now().await;
        let begun = tokio::time::Instant::now();
        put(&*store, &mut get(&*store, &key("bob")).await.unwrap()).await;
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
        slow.await.unwrap();
    });
}

#[tokio::test]
async fn a_database_that_went_back_is_refused_until_the_service_starts_again() {
    with_site!(site => {
        let one = site.open("h1").await;
        put(&*one, &mut plain("alice")).await;
        let before = one.standing().await.unwrap();
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE usename = 'countersign' AND datname = current_database()";
        site.sql(end);
        one.load(&[key("alice")]).await.unwrap();
        site.sql("ALTER TABLE countersign.host DISABLE TRIGGER host_counts_its_commits; \
                  UPDATE countersign.host SET generation = generation - 1; \
                  ALTER TABLE countersign.host ENABLE TRIGGER host_counts_its_commits");
        site.sql(end);
        for _ in 0..2 {
            let refused = one.load(&[key("alice")]).await.unwrap_err().to_string();
            assert!(refused.contains("accept-restore"), "{refused}");
        }
        let started = site.open("h1").await.standing().await.unwrap();
        assert_eq!(started.generation, before.generation - 1);
    });
}

#[tokio::test]
async fn a_load_outlives_the_end_of_all_idle_connections_at_once() {
    with_site!(site => {
        let one = site.open("h1").await;
        put(&*one, &mut plain("alice")).await;
        for _ in 0..20 {
            let alice = [key("alice")];
            let (first, second, third) = tokio::join!(one.load(&alice), one.load(&alice), one.load(&alice));
            assert!(first.is_ok() && second.is_ok() && third.is_ok(), "{first:?} {second:?} {third:?}");
            site.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                      WHERE usename = 'countersign' AND datname = current_database()");
            one.load(&alice).await.unwrap();
        }
    });
}
