//! What every store does with data keys: resealing goes on beside commits, and old keys are forgotten.

use super::{Shared, full, get, key, put};
use crate::store::{PAGE_LIMIT, StoreError};

pub(crate) async fn a_new_data_key_reseals_while_commits_go_on(store: Shared) {
    let mut accounts: Vec<_> = (0..25).map(|number| full(&format!("user{number:02}"))).collect();
    for account in &mut accounts {
        put(&*store, account).await;
    }
    let first = store.rotate_key().await.unwrap();
    put(&*store, &mut accounts[3]).await;
    let (mut after, mut looked_at, mut steps) = (None, 0, 0);
    loop {
        let step = store.reseal(after, 4).await.unwrap();
        put(&*store, &mut accounts[usize::try_from(looked_at).unwrap() % 25]).await;
        (looked_at, steps, after) = (looked_at + step.done, steps + 1, step.next);
        assert_eq!(step.total, 25);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((looked_at, steps), (25, 7));
    for account in &accounts {
        assert_eq!(get(&*store, &account.key).await.as_ref(), Some(account), "resealing is no change");
    }
    assert!(store.rotate_key().await.unwrap() > first, "numbers are never used again");
}

pub(crate) async fn data_keys_do_not_pile_up(store: Shared) {
    put(&*store, &mut full("alice")).await;
    let refused = loop {
        if let Err(error) = store.rotate_key().await {
            break error;
        }
    };
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused}");
    assert_eq!(store.reseal(None, PAGE_LIMIT).await.unwrap().next, None);
    assert!(store.rotate_key().await.is_ok(), "the old keys were forgotten");
    assert_eq!(get(&*store, &key("alice")).await.unwrap().factors.len(), 4);
}
