//! What every store must do, run against each of them.
//!
//! Owns one function a behaviour, over an empty store. [`suite!`] makes a test of each. Nothing here knows whether
//! anybody else writes to the store, nor how it keeps anything.

pub(crate) mod outbox;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{
    Account, AccountId, AccountKey, Coverage, Epoch, HostId, KnownSource, Realm, Revision, RuleName, UserName,
};
use countersign_core::audit::{self, AuditEvent, EventId, Mark, Span};
use countersign_core::contact::{Contacts, EmailAddress, PhoneNumber};
use countersign_core::delivery::{Failure, Progress, Purpose, Recipient, RequestId};
use countersign_core::factor::sent::{Binding, SentCode};
use countersign_core::factor::totp::{Algorithm, Digits, Period};
use countersign_core::factor::{BackupCodes, Factor, FactorId, FactorKind, FactorState, Hotp, Label, Totp};
use countersign_core::invitation::Invitation;
use countersign_core::keyed::CodeHash;
use countersign_core::login::Source;
use countersign_core::remember::{Remembered, Skipped};
use countersign_core::secret::Secret;
use countersign_core::sending::Send;
use countersign_core::throttle::{Bucket, Counter, Throttle};
use countersign_core::time::WallTime;

use super::{BATCH_LIMIT, Change, LOAD_LIMIT, PAGE_LIMIT, Stale, Store, StoreError, StoredRecord};
use crate::host::entropy::SystemEntropy;

/// Makes a test of each behaviour; `$fixture` is an expression that yields a store and what keeps it alive.
macro_rules! suite {
    ($fixture:expr; $($behavior:ident)*) => {
        $(
            #[tokio::test]
            async fn $behavior() {
                let (store, _kept) = $fixture;
                $crate::store::conformance::$behavior(store).await;
            }
        )*
    };
    ($fixture:expr) => {
        suite! { $fixture;
            an_account_comes_back_as_it_was
            an_account_that_is_not_there_is_none
            a_change_needs_the_revision_it_was_decided_on
            a_new_account_needs_a_free_name
            a_changed_name_or_id_is_stale
            a_stale_change_fails_alone_and_without_its_events
            later_changes_of_a_batch_see_earlier_ones
            answers_stand_in_the_order_of_the_questions
            events_alone_are_recorded
            a_batch_that_fails_leaves_nothing
            too_much_at_once_is_refused
            pages_follow_the_order_of_keys
            an_empty_store_has_one_empty_page
            audit_records_form_one_chain
            the_newest_time_never_goes_back
            names_of_any_script_are_kept_apart
            the_same_name_in_two_realms_is_two_accounts
            of_fifty_racing_commits_one_wins
            racing_events_keep_the_chain_whole
            the_beginning_of_the_audit_goes_and_the_rest_holds
            the_audit_is_not_removed_whole_nor_all_at_once
            a_new_data_key_reseals_while_commits_go_on
            data_keys_do_not_pile_up
            five_thousand_accounts_are_each_found
            a_message_comes_back_as_it_was
            of_fifty_racing_claims_one_wins
            a_claimed_message_is_interrupted_until_it_is_settled
            a_message_put_off_is_due_again_at_its_time
            what_is_settled_is_final_and_counts_still
            a_newer_code_makes_a_change_stale_whole
            a_stale_account_queues_nothing
            of_codes_for_a_recipient_in_one_batch_one_goes
            of_fifty_racing_codes_for_a_recipient_one_goes
            notices_and_other_channels_are_not_compared
            two_spellings_of_a_mailbox_are_one
            used_codes_and_old_ones_do_not_count
            nothing_sent_is_told_as_nothing
            a_host_counts_every_message_of_an_hour
            a_batch_that_fails_queues_nothing
            the_same_message_is_never_queued_twice
            old_messages_are_removed_and_never_counted_anew
            a_message_outlives_a_new_data_key
        }
    };
}
pub(crate) use outbox::*;
pub(crate) use suite;

type Shared = Arc<dyn Store>;

/// Makes a key in the realm of a test host.
pub(crate) fn key(name: &str) -> AccountKey {
    key_in("local:0123456789abcdef0123456789abcdef", name)
}

fn key_in(realm: &str, name: &str) -> AccountKey {
    AccountKey { realm: Realm::try_from(realm).unwrap(), name: UserName::try_from(name).unwrap() }
}

/// Makes an account that has nothing.
pub(crate) fn plain(name: &str) -> Account {
    Account::new(key(name), &mut SystemEntropy)
}

/// Makes an account that has everything.
pub(crate) fn full(name: &str) -> Account {
    let time = WallTime::from_seconds;
    let counter = |seconds| Counter {
        recent: vec![time(seconds), time(seconds + 1)],
        in_a_row: 2,
        locks: 1,
        locked_until: Some(time(seconds + 1800)),
    };
    Account {
        epoch: Epoch(7),
        uids: BTreeMap::from([(HostId::try_from("0123456789abcdef").unwrap(), 1000)]),
        coverage: Some(Coverage {
            rule: RuleName::try_from("students").unwrap(),
            since: time(1_700_000_000),
        }),
        throttle: Throttle {
            buckets: BTreeMap::from([
                (Bucket::Console, counter(1)),
                (Bucket::Elevation(1000), counter(100)),
                (Bucket::KnownSource, counter(200)),
                (Bucket::UnknownSource, Counter::default()),
            ]),
        },
        known_sources: vec![
            KnownSource { address: IpAddr::from([198, 51, 100, 7]), last: time(1_700_000_001) },
            KnownSource { address: "2001:db8::7".parse().unwrap(), last: time(1_700_000_002) },
        ],
        factors: vec![
            totp(1, "phone", FactorState::Active { since: time(1_700_000_000) }, Some(56_666_666)),
            totp(2, "Zweites Gerät 📱", FactorState::Pending { since: time(1_700_000_003) }, None),
            hotp(3, "keyring"),
            mailbox(4, "alice@example.org"),
        ],
        backup_codes: Some(BackupCodes {
            made: time(1_700_000_002),
            unused: vec![CodeHash::from_bytes([7; 32])],
        }),
        invitation: Some(Invitation {
            hash: CodeHash::from_bytes([8; 32]),
            expires: time(1_700_003_600),
            wrong: 2,
        }),
        chosen: true,
        changed: time(1_700_000_003),
        ..sending(plain(name))
    }
}

/// Gives an account everything that comes of codes that are sent.
fn sending(account: Account) -> Account {
    let time = WallTime::from_seconds;
    Account {
        contacts: Contacts {
            email: Some(EmailAddress::try_from("alice@example.com").unwrap()),
            phone: Some(PhoneNumber::try_from("+4930123456").unwrap()),
        },
        sent: vec![sent_code(Progress::Queued), sent_code(Progress::Failed(Failure::NotConfigured))],
        sends: vec![
            Send {
                at: time(1_700_000_001),
                request: RequestId([1; 16]),
                purpose: Purpose::Code,
                is_used: true,
            },
            Send {
                at: time(1_700_000_002),
                request: RequestId([2; 16]),
                purpose: Purpose::Notice,
                is_used: false,
            },
        ],
        remembered: vec![Remembered {
            address: IpAddr::from([198, 51, 100, 7]),
            service: "sshd".to_owned(),
            key: Some("SHA256:abc".to_owned()),
            rule: RuleName::try_from("students").unwrap(),
            terms: "0123".to_owned(),
            epoch: Epoch(7),
            since: time(1_700_000_000),
            until: time(1_702_592_000),
        }],
        skipped: Some(Skipped {
            rule: RuleName::try_from("students").unwrap(),
            count: 2,
            counted: time(1_700_000_000),
        }),
        ..account
    }
}

fn sent_code(progress: Progress) -> SentCode {
    SentCode {
        request: RequestId([9; 16]),
        factor: FactorId(4),
        binding: Binding {
            service: "sshd".to_owned(),
            source: Source::Address(IpAddr::from([198, 51, 100, 7])),
            key: None,
            login: Some(RequestId([3; 16])),
        },
        hash: CodeHash::from_bytes([5; 32]),
        epoch: Epoch(7),
        made: WallTime::from_seconds(1_700_000_000),
        since_boot: Duration::new(1_000, 500),
        host: HostId::try_from("0123456789abcdef").unwrap(),
        lifetime: Duration::from_mins(5),
        wrong: 1,
        progress,
    }
}

fn mailbox(id: u32, address: &str) -> Factor {
    Factor {
        id: FactorId(id),
        label: Label::try_from("mailbox").unwrap(),
        state: FactorState::Active { since: WallTime::from_seconds(1_700_000_000) },
        last_used: None,
        kind: FactorKind::Sent(Recipient::Email(EmailAddress::try_from(address).unwrap())),
    }
}

fn hotp(id: u32, label: &str) -> Factor {
    let secret = Secret::new(vec![u8::try_from(id).unwrap(); 20]);
    Factor {
        id: FactorId(id),
        label: Label::try_from(label).unwrap(),
        state: FactorState::Active { since: WallTime::from_seconds(1_700_000_000) },
        last_used: None,
        kind: FactorKind::Hotp(Hotp { secret, digits: Digits::Six, counter: 41, resync: Some(99) }),
    }
}

fn totp(id: u32, label: &str, state: FactorState, last_step: Option<u64>) -> Factor {
    let (algorithm, digits, period) = match id {
        1 => (Algorithm::Sha1, Digits::Six, Period::Thirty),
        _ => (Algorithm::Sha512, Digits::Eight, Period::Sixty),
    };
    let secret = Secret::new(vec![u8::try_from(id).unwrap(); 20]);
    Factor {
        id: FactorId(id),
        label: Label::try_from(label).unwrap(),
        state,
        last_used: last_step.map(|_| WallTime::from_seconds(1_700_000_002)),
        kind: FactorKind::Totp(Totp { secret, algorithm, digits, period, last_step }),
    }
}

/// Makes an event that happened then.
pub(crate) fn event(at: u64) -> AuditEvent {
    AuditEvent::new(EventId::LoginAllowed, WallTime::from_seconds(at), "host", "self")
}

fn change(account: &Account) -> Change {
    Change { account: Some(account.clone()), events: Vec::new(), ..Change::default() }
}

/// Commits one account that must not be stale, and takes its new revision over.
pub(crate) async fn put(store: &dyn Store, account: &mut Account) {
    let answers = store.commit(vec![change(account)]).await.unwrap();
    account.revision = answers[0].expect("the change is not stale");
}

/// Loads one account.
pub(crate) async fn get(store: &dyn Store, key: &AccountKey) -> Option<Account> {
    store.load(std::slice::from_ref(key)).await.unwrap().remove(0)
}

async fn all_records(store: &dyn Store) -> Vec<StoredRecord> {
    let mut records: Vec<StoredRecord> = Vec::new();
    loop {
        let after = records.last().map_or(0, |record| record.sequence);
        let page = store.audit(after, 7).await.unwrap();
        if page.is_empty() {
            return records;
        }
        records.extend(page);
    }
}

async fn assert_chain_holds(store: &dyn Store, length: usize) {
    let records = all_records(store).await;
    assert_eq!(records.len(), length);
    assert!(records.iter().zip(1..).all(|(record, sequence)| record.sequence == sequence));
    let reached = audit::follow(Mark::default(), records.iter().map(StoredRecord::lend), None).unwrap();
    assert_eq!(store.audit_span().await.unwrap(), Span { head: reached, ..Span::default() });
}

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

pub(crate) async fn events_alone_are_recorded(store: Shared) {
    assert!(store.commit(Vec::new()).await.unwrap().is_empty());
    let batch = vec![
        Change { account: None, events: vec![event(1), event(2)], ..Change::default() },
        Change { account: None, events: Vec::new(), ..Change::default() },
    ];
    assert_eq!(store.commit(batch).await.unwrap(), [Ok(Revision(0)), Ok(Revision(0))]);
    let records = all_records(&*store).await;
    let read: Vec<_> =
        records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap()).collect();
    assert_eq!(read, [event(1), event(2)]);
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

pub(crate) async fn audit_records_form_one_chain(store: Shared) {
    for number in 0..10 {
        let events = (0..number).map(event).collect();
        let _ = store.commit(vec![Change { account: None, events, ..Change::default() }]).await.unwrap();
    }
    assert_chain_holds(&*store, 45).await;
    let page = store.audit(40, 3).await.unwrap();
    assert_eq!(page.iter().map(|record| record.sequence).collect::<Vec<_>>(), [41, 42, 43]);
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

pub(crate) async fn racing_events_keep_the_chain_whole(store: Shared) {
    let writers: Vec<_> = (0..20)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for at in 0..5 {
                    let batch = vec![Change {
                        account: None,
                        events: vec![event(writer * 10 + at)],
                        ..Change::default()
                    }];
                    assert!(store.commit(batch).await.unwrap()[0].is_ok());
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_chain_holds(&*store, 100).await;
}

async fn record(store: &dyn Store, count: usize) {
    for _ in 0..count.div_ceil(BATCH_LIMIT) {
        let events = vec![event(1); BATCH_LIMIT.min(count)];
        store.commit(vec![Change { events, ..Change::default() }]).await.unwrap()[0].unwrap();
    }
}

pub(crate) async fn the_beginning_of_the_audit_goes_and_the_rest_holds(store: Shared) {
    assert_eq!(store.audit_span().await.unwrap(), Span::default());
    record(&*store, 5).await;
    let before = all_records(&*store).await;
    let span = store.trim_audit(2).await.unwrap();
    assert_eq!(span.anchor, Mark { sequence: 2, link: before[1].link });
    assert_eq!(span.head, Mark { sequence: 5, link: before[4].link });
    assert_eq!(all_records(&*store).await, before[2..]);
    assert_eq!(store.trim_audit(2).await.unwrap(), span, "done already");
    assert_eq!(store.trim_audit(1).await.unwrap(), span, "done already");
    record(&*store, 1).await;
    let records = all_records(&*store).await;
    let reached = audit::follow(span.anchor, records.iter().map(StoredRecord::lend), None).unwrap();
    assert_eq!(store.audit_span().await.unwrap(), Span { head: reached, ..span });
    assert_eq!((reached.sequence, records.len()), (6, 4));
}

pub(crate) async fn the_audit_is_not_removed_whole_nor_all_at_once(store: Shared) {
    assert!(store.trim_audit(1).await.is_err(), "there is nothing");
    record(&*store, 5 * BATCH_LIMIT).await;
    let head = store.audit_span().await.unwrap().head.sequence;
    let at_once = u64::from(PAGE_LIMIT);
    for refused in [head, head + 1, at_once + 1, u64::MAX] {
        assert!(store.trim_audit(refused).await.is_err(), "{refused}");
    }
    assert_eq!(store.audit_span().await.unwrap().anchor, Mark::default());
    assert_eq!(store.trim_audit(at_once).await.unwrap().anchor.sequence, at_once);
    assert_eq!(store.trim_audit(head - 1).await.unwrap().records(), 1);
}

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
