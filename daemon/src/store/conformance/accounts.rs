//! What every store does with accounts: compare and set, whole batches, pages, names of any script.

use std::sync::Arc;

use countersign_core::account::{Account, AccountId, Epoch, Revision};
use countersign_core::time::WallTime;

use super::audit::assert_chain_holds;
use super::samples::key_in;
use super::{Shared, change, event, full, get, key, plain, put};
use crate::host::entropy::SystemEntropy;
use crate::store::{BATCH_LIMIT, Change, LOAD_LIMIT, PAGE_LIMIT, Stale, Stub};

pub(crate) async fn an_account_comes_back_as_it_was(store: Shared) {
    for mut account in [plain("nothing"), full("everything")] {
        put(&*store, &mut account).await;
        assert_eq!(account.revision, Revision(1));
        assert_eq!(get(&*store, &account.key).await, Some(account.clone()));
        account.factors.clear();
        account.coverage = None;
        account.epoch = Epoch(8);
        put(&*store, &mut account).await;
        assert_eq!(account.revision, Revision(2));
        assert_eq!(get(&*store, &account.key).await, Some(account));
    }
}

pub(crate) async fn an_account_that_is_not_there_is_none(store: Shared) {
    assert_eq!(get(&*store, &key("nobody")).await, None);
    assert!(store.load(&[]).await.unwrap().is_empty());
}

pub(crate) async fn a_change_needs_the_revision_it_was_decided_on(store: Shared) {
    let mut account = plain("alice");
    put(&*store, &mut account).await;
    let decided_on_first = account.clone();
    put(&*store, &mut account).await;
    for revision in [Revision(1), Revision(3), Revision(1_000_000)] {
        let late = Account { revision, epoch: Epoch(99), ..decided_on_first.clone() };
        assert_eq!(store.commit(vec![change(&late)]).await.unwrap(), [Err(Stale)], "{revision:?}");
    }
    assert_eq!(get(&*store, &account.key).await, Some(account));
}

pub(crate) async fn a_new_account_needs_a_free_name(store: Shared) {
    let mut first = plain("alice");
    put(&*store, &mut first).await;
    let second = plain("alice");
    assert_eq!(store.commit(vec![change(&second)]).await.unwrap(), [Err(Stale)]);
    let same_id = Account { id: first.id, ..plain("bob") };
    assert_eq!(store.commit(vec![change(&same_id)]).await.unwrap(), [Err(Stale)]);
    assert_eq!(get(&*store, &first.key).await, Some(first));
    assert_eq!(get(&*store, &same_id.key).await, None);
}

pub(crate) async fn a_changed_name_or_id_is_stale(store: Shared) {
    let mut account = plain("alice");
    put(&*store, &mut account).await;
    let renamed = Account { key: key("bob"), ..account.clone() };
    let another = Account { id: AccountId([9; 16]), ..account.clone() };
    let gone = Account { revision: Revision(1), ..plain("carol") };
    let answers = store.commit(vec![change(&renamed), change(&another), change(&gone)]).await.unwrap();
    assert_eq!(answers, [Err(Stale), Err(Stale), Err(Stale)]);
    assert_eq!(store.page(None, 10).await.unwrap().total, 1);
}

pub(crate) async fn a_stale_change_fails_alone_and_without_its_events(store: Shared) {
    let mut alice = plain("alice");
    put(&*store, &mut alice).await;
    let stale = Account { revision: Revision(5), ..alice.clone() };
    let batch = vec![
        Change { account: Some(plain("bob")), events: vec![event(10)], ..Change::default() },
        Change { account: Some(stale), events: vec![event(9_999)], ..Change::default() },
        Change { account: Some(alice.clone()), events: vec![event(11)], ..Change::default() },
    ];
    let answers = store.commit(batch).await.unwrap();
    assert_eq!(answers, [Ok(Revision(1)), Err(Stale), Ok(Revision(2))]);
    assert_chain_holds(&*store, 2).await;
    assert_eq!(store.newest_time().await.unwrap(), WallTime::from_seconds(11));
}

pub(crate) async fn later_changes_of_a_batch_see_earlier_ones(store: Shared) {
    let first = plain("alice");
    let second = Account { revision: Revision(1), epoch: Epoch(2), ..first.clone() };
    let third = Account { revision: Revision(1), epoch: Epoch(3), ..first.clone() };
    let answers = store.commit(vec![change(&first), change(&second), change(&third)]).await.unwrap();
    assert_eq!(answers, [Ok(Revision(1)), Ok(Revision(2)), Err(Stale)]);
    let kept = get(&*store, &first.key).await.unwrap();
    assert_eq!((kept.revision, kept.epoch), (Revision(2), Epoch(2)));
}

pub(crate) async fn answers_stand_in_the_order_of_the_questions(store: Shared) {
    let names = ["zoe", "alice", "mike", "bob"];
    for name in names {
        put(&*store, &mut plain(name)).await;
    }
    let keys: Vec<_> = ["bob", "nobody", "zoe", "bob", "alice"].map(key).to_vec();
    let found = store.load(&keys).await.unwrap();
    let expected = [Some("bob"), None, Some("zoe"), Some("bob"), Some("alice")];
    let names: Vec<_> =
        found.iter().map(|found| found.as_ref().map(|account| account.key.name.as_str())).collect();
    assert_eq!(names, expected);
}

pub(crate) async fn a_batch_that_fails_leaves_nothing(store: Shared) {
    let impossible = Account { changed: WallTime::from_seconds(u64::MAX), ..plain("bob") };
    let batch = vec![
        Change { account: Some(plain("alice")), events: vec![event(5)], ..Change::default() },
        Change { account: Some(impossible), events: vec![event(6)], ..Change::default() },
    ];
    assert!(store.commit(batch).await.is_err());
    assert_eq!(get(&*store, &key("alice")).await, None);
    assert_chain_holds(&*store, 0).await;
    assert_eq!(store.newest_time().await.unwrap(), WallTime::default());
    put(&*store, &mut plain("alice")).await;
}

pub(crate) async fn too_much_at_once_is_refused(store: Shared) {
    let nothing = Change { account: None, events: Vec::new(), ..Change::default() };
    assert!(store.commit(vec![nothing.clone(); BATCH_LIMIT]).await.is_ok());
    assert!(store.commit(vec![nothing; BATCH_LIMIT + 1]).await.is_err());
    assert!(store.load(&vec![key("alice"); LOAD_LIMIT]).await.is_ok());
    assert!(store.load(&vec![key("alice"); LOAD_LIMIT + 1]).await.is_err());
    for limit in [0, PAGE_LIMIT + 1] {
        assert!(store.page(None, limit).await.is_err());
        assert!(store.audit(0, limit).await.is_err());
        assert!(store.reseal(None, limit).await.is_err());
    }
}

pub(crate) async fn pages_follow_the_order_of_keys(store: Shared) {
    let mut keys: Vec<_> = (0..10).map(|number| key(&format!("user{number}"))).collect();
    keys.extend(["a", "z", "Ä", "user10"].map(|name| key_in("example.org", name)));
    for key in keys.iter().rev() {
        put(&*store, &mut Account::new(key.clone(), &mut SystemEntropy)).await;
    }
    keys.sort();
    for limit in [1, 3, 7, 13, 14, 15] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = store.page(after.as_ref(), limit).await.unwrap();
            assert_eq!(page.total, 14);
            assert!(page.accounts.len() <= usize::from(limit));
            found.extend(page.accounts.into_iter().map(|account| account.key));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, keys, "in pages of {limit}");
    }
    let beyond = store.page(keys.last(), 5).await.unwrap();
    assert!(beyond.accounts.is_empty() && beyond.next.is_none());
    let between = store.page(Some(&key_in("example.org", "b")), 1).await.unwrap();
    assert_eq!(between.accounts[0].key, key_in("example.org", "user10"));
}

pub(crate) async fn an_empty_store_has_one_empty_page(store: Shared) {
    let page = store.page(None, 10).await.unwrap();
    assert!(page.accounts.is_empty());
    assert_eq!((page.next, page.total), (None, 0));
    assert!(store.audit(0, 10).await.unwrap().is_empty());
    assert!(store.audit(u64::MAX, 10).await.unwrap().is_empty());
    assert_eq!(store.newest_time().await.unwrap(), WallTime::default());
}

pub(crate) async fn the_newest_time_never_goes_back(store: Shared) {
    let mut account = Account { changed: WallTime::from_seconds(500), ..plain("alice") };
    put(&*store, &mut account).await;
    assert_eq!(store.newest_time().await.unwrap(), WallTime::from_seconds(500));
    account.changed = WallTime::from_seconds(400);
    put(&*store, &mut account).await;
    assert_eq!(store.newest_time().await.unwrap(), WallTime::from_seconds(500));
    for (at, newest) in [(300, 500), (600, 600), (599, 600)] {
        let _ = store
            .commit(vec![Change { account: None, events: vec![event(at)], ..Change::default() }])
            .await
            .unwrap();
        assert_eq!(store.newest_time().await.unwrap(), WallTime::from_seconds(newest));
    }
}

pub(crate) async fn names_of_any_script_are_kept_apart(store: Shared) {
    let long = "n".repeat(256);
    // Two spellings of é, case, a trailing space, SQL, a name that looks like a number.
    let names =
        ["é", "e\u{301}", "Alice", "alice", "alice ", "李雷", "алиса", "';--", "%", "_", "007", "7", &long];
    for name in names {
        put(&*store, &mut plain(name)).await;
    }
    for name in names {
        assert_eq!(get(&*store, &key(name)).await.unwrap().key, key(name));
    }
    assert_eq!(store.page(None, 100).await.unwrap().accounts.len(), names.len());
}

pub(crate) async fn the_same_name_in_two_realms_is_two_accounts(store: Shared) {
    let mut here = Account::new(key_in("local:a", "alice"), &mut SystemEntropy);
    let mut there = Account::new(key_in("example.org", "alice"), &mut SystemEntropy);
    put(&*store, &mut here).await;
    put(&*store, &mut there).await;
    here.epoch = Epoch(1);
    put(&*store, &mut here).await;
    assert_eq!(get(&*store, &there.key).await, Some(there));
    assert_eq!(get(&*store, &here.key).await, Some(here));
}

pub(crate) async fn of_fifty_racing_commits_one_wins(store: Shared) {
    let mut account = full("alice");
    for round in 0..2 {
        let racers: Vec<_> = (0..50)
            .map(|racer| {
                let store = Arc::clone(&store);
                let account = Account { epoch: Epoch(racer), ..account.clone() };
                let events = vec![event(racer)];
                tokio::spawn(async move {
                    store.commit(vec![Change { account: Some(account), events, ..Change::default() }]).await
                })
            })
            .collect();
        let mut winners = 0;
        for racer in racers {
            winners += usize::from(racer.await.unwrap().unwrap()[0].is_ok());
        }
        assert_eq!(winners, 1, "in round {round}");
        assert_chain_holds(&*store, round + 1).await;
        account = get(&*store, &account.key).await.unwrap();
    }
}

pub(crate) async fn five_thousand_accounts_are_each_found(store: Shared) {
    let name = |number: u32| format!("user{number}");
    for batch in 0..20 {
        let accounts = (0..250).map(|offset| change(&plain(&name(batch * 250 + offset)))).collect();
        assert!(store.commit(accounts).await.unwrap().iter().all(Result::is_ok));
    }
    for start in (0..5_000).step_by(500) {
        let keys: Vec<_> = (start..start + 500).map(|number| key(&name(number))).collect();
        let found = store.load(&keys).await.unwrap();
        assert!(
            found.iter().zip(&keys).all(|(found, key)| found.as_ref().is_some_and(|found| found.key == *key))
        );
    }
    assert_eq!(store.page(None, 1).await.unwrap().total, 5_000);
}

pub(crate) async fn a_removed_account_leaves_its_name_free_and_its_record_behind(store: Shared) {
    let mut alice = full("alice");
    put(&*store, &mut alice).await;
    put(&*store, &mut plain("bob")).await;
    let found = store.stub(&alice.key).await.unwrap();
    assert_eq!(found, Some(Stub::of(&alice)));
    assert_eq!(store.remove(&found.unwrap(), vec![event(7)]).await.unwrap(), Ok(()));
    assert_eq!((get(&*store, &alice.key).await, store.stub(&alice.key).await.unwrap()), (None, None));
    assert_eq!(store.page(None, 10).await.unwrap().total, 1);
    assert_chain_holds(&*store, 1).await;
    // Whoever decided on the old one is told so, and the name is free.
    assert_eq!(store.commit(vec![change(&alice)]).await.unwrap(), [Err(Stale)]);
    let mut anew = plain("alice");
    put(&*store, &mut anew).await;
    assert_eq!(get(&*store, &anew.key).await, Some(anew));
    assert_eq!(store.page(None, 10).await.unwrap().total, 2);
}

pub(crate) async fn a_removal_needs_the_account_it_was_decided_on(store: Shared) {
    let mut alice = plain("alice");
    put(&*store, &mut alice).await;
    let first = Stub::of(&alice);
    put(&*store, &mut alice).await;
    let another = Stub { id: AccountId([9; 16]), ..Stub::of(&alice) };
    let renamed = Stub { key: key("bob"), ..Stub::of(&alice) };
    for doomed in [first, another, renamed] {
        assert_eq!(store.remove(&doomed, vec![event(7)]).await.unwrap(), Err(Stale), "{doomed:?}");
    }
    assert_eq!(get(&*store, &alice.key).await, Some(alice.clone()));
    assert_chain_holds(&*store, 0).await;
    assert_eq!(store.remove(&Stub::of(&alice), vec![]).await.unwrap(), Ok(()));
    assert_eq!(store.remove(&Stub::of(&alice), vec![]).await.unwrap(), Err(Stale));
    assert_eq!(store.page(None, 10).await.unwrap().total, 0);
}
