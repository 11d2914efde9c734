//! Two writers on one store: nothing here may assume that it is alone.

use super::*;
use crate::store::conformance::{event, full, get, plain, put};

#[tokio::test]
async fn what_one_writer_commits_the_other_sees_and_must_have_seen() {
    let fixture = fixture().await;
    let second = fixture.restart().await.unwrap();
    let mut alice = full("alice");
    put(&fixture.store, &mut alice).await;
    assert_eq!(get(&second, &alice.key).await, Some(alice.clone()));
    put(&second, &mut alice.clone()).await;
    let late = vec![Change { account: Some(alice), events: vec![event(1)], ..Change::default() }];
    assert_eq!(fixture.store.commit(late).await.unwrap(), [Err(Stale)]);
}

#[tokio::test]
async fn a_data_key_made_by_one_writer_is_used_by_the_other() {
    let fixture = fixture().await;
    let second = fixture.restart().await.unwrap();
    let (mut alice, mut bob) = (full("alice"), full("bob"));
    put(&fixture.store, &mut alice).await;
    fixture.store.rotate_key().await.unwrap();
    put(&fixture.store, &mut alice).await;
    assert_eq!(get(&second, &alice.key).await, Some(alice.clone()));
    assert_eq!(fixture.store.reseal(None, 10).await.unwrap().next, None);
    put(&second, &mut bob).await;
    assert_eq!(get(&fixture.store, &bob.key).await, Some(bob));
}

#[tokio::test]
async fn two_writers_continue_one_chain() {
    let fixture = fixture().await;
    let second = fixture.restart().await.unwrap();
    for at in 0..10 {
        let batch = |name: String| {
            vec![Change { account: Some(plain(&name)), events: vec![event(at)], ..Change::default() }]
        };
        assert!(fixture.store.commit(batch(format!("a{at}"))).await.unwrap()[0].is_ok());
        assert!(second.commit(batch(format!("b{at}"))).await.unwrap()[0].is_ok());
    }
    let records = second.audit(0, 100).await.unwrap();
    let links = records.iter().map(StoredRecord::lend);
    countersign_core::audit::follow(countersign_core::audit::Mark::default(), links, None).unwrap();
    assert_eq!((records.len(), second.page(None, 1).await.unwrap().total), (20, 20));
}
