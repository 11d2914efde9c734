//! Time-outs: every call ends, and what timed out before its COMMIT does not happen later.

use std::sync::mpsc as std_mpsc;
use std::time::Instant;

use super::*;
use crate::store::conformance::{get, key, plain, put};

/// Keeps the thread busy until the sender is dropped.
async fn occupy(store: &Arc<Sqlite>) -> std_mpsc::Sender<()> {
    let (release, released) = std_mpsc::channel::<()>();
    let (begin, occupied) = oneshot::channel();
    let store = Arc::clone(store);
    tokio::spawn(async move {
        let work = move |_: &mut Database, _: &Ticket| {
            let _ = begin.send(());
            let _ = released.recv();
            Ok(())
        };
        let _ = store.call("waiting", work).await;
    });
    occupied.await.unwrap();
    release
}

fn insert(name: &str) -> Vec<Change> {
    vec![Change { account: Some(plain(name)), events: Vec::new(), ..Change::default() }]
}

#[tokio::test]
async fn a_call_behind_a_stuck_one_times_out_and_is_not_carried_out_later() {
    let fixture = fixture_with(SHORT).await;
    let store = Arc::new(fixture.store);
    let release = occupy(&store).await;
    let began = Instant::now();
    assert!(matches!(store.commit(insert("alice")).await, Err(StoreError::TimedOut(_))));
    assert!(matches!(store.load(&[key("alice")]).await, Err(StoreError::TimedOut(_))));
    assert!(began.elapsed() < Duration::from_secs(20));
    drop(release);
    assert_eq!(get(&*store, &key("alice")).await, None);
    put(&*store, &mut plain("bob")).await;
}

#[tokio::test]
async fn a_caller_who_leaves_takes_the_commit_along() {
    let fixture = fixture_with(SHORT).await;
    let store = Arc::new(fixture.store);
    let release = occupy(&store).await;
    let caller = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(insert("alice")).await }
    });
    while store.jobs.capacity() == QUEUE {
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    drop(release);
    assert_eq!(get(&*store, &key("alice")).await, None);
}

#[tokio::test]
async fn a_full_queue_times_out_too() {
    let fixture = fixture_with(SHORT).await;
    let store = Arc::new(fixture.store);
    let release = occupy(&store).await;
    let callers: Vec<_> = (0..QUEUE + 10)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.newest_time().await })
        })
        .collect();
    for caller in callers {
        assert!(matches!(caller.await.unwrap(), Err(StoreError::TimedOut(_))));
    }
    drop(release);
    assert!(store.newest_time().await.is_ok());
}

#[tokio::test]
async fn a_commit_whose_caller_leaves_before_the_point_of_no_return_is_rolled_back() {
    let fixture = fixture().await;
    let work = |database: &mut Database, _: &Ticket| {
        let ticket = Ticket::new(Duration::from_mins(1));
        ticket.abandon();
        commit::commit(database.parts(), &ticket, &insert("alice"))
    };
    assert!(matches!(fixture.store.call("committing", work).await, Err(StoreError::TimedOut(_))));
    assert_eq!(get(&fixture.store, &key("alice")).await, None);
    put(&fixture.store, &mut plain("alice")).await;
}

#[tokio::test]
async fn a_lock_longer_than_patience_times_out_and_the_commit_is_not_made_up_for() {
    let fixture = fixture_with(Patience { busy: Duration::from_mins(1), ..SHORT }).await;
    let other = fixture.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(fixture.store.commit(insert("alice")).await.is_err());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(get(&fixture.store, &key("alice")).await, None);
}

#[test]
fn either_the_caller_leaves_or_the_commit_begins() {
    let ticket = Ticket::new(Duration::from_mins(1));
    ticket.settle().unwrap();
    ticket.abandon();
    assert!(ticket.settle().is_err(), "a ticket commits once");
    let ticket = Ticket::new(Duration::from_mins(1));
    ticket.abandon();
    assert!(ticket.settle().is_err());
    assert!(Ticket::new(Duration::ZERO).settle().is_err());
}
