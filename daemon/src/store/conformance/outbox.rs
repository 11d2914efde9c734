//! What every outbox must do: at most one message for one request, and a count that holds for all.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{Account, Revision};
use countersign_core::contact::{EmailAddress, PhoneNumber};
use countersign_core::delivery::{
    Channel, Failure, Letter, Outgoing, Progress, Purpose, Recipient, RequestId,
};
use countersign_core::secret::{Secret, draw};
use countersign_core::sending::HOUR;
use countersign_core::throttle::DAY;
use countersign_core::time::WallTime;

use super::{Shared, all_records, event, get, key, plain, put};
use crate::host::entropy::SystemEntropy;
use crate::store::outbox::{HostUse, Interrupted, MESSAGE_LIMIT, Queued, Waiting};
use crate::store::{Change, LOAD_LIMIT, PAGE_LIMIT, Stale, Store, Stub};

/// When messages are asked for.
pub(crate) const AT: WallTime = WallTime::from_seconds(1_700_000_000);

pub(crate) fn email(address: &str) -> Recipient {
    Recipient::Email(EmailAddress::try_from(address).unwrap())
}

fn sms(number: &str) -> Recipient {
    Recipient::Sms(PhoneNumber::try_from(number).unwrap())
}

/// Makes a code for a recipient, asked for then.
pub(crate) fn code(recipient: Recipient, queued: WallTime) -> Outgoing {
    Outgoing {
        id: RequestId(draw(&mut SystemEntropy)),
        recipient,
        purpose: Purpose::Code,
        letter: Letter {
            subject: Secret::new("4930-2718 is your code".to_owned()),
            text: Secret::new("4930 2718\nfür Zoë\n".to_owned()),
            html: Secret::new("<p>4930 2718</p>".to_owned()),
        },
        queued,
        expires: queued.after(Duration::from_mins(5)),
    }
}

fn notice(recipient: Recipient, queued: WallTime) -> Outgoing {
    Outgoing { purpose: Purpose::Notice, ..code(recipient, queued) }
}

/// Makes the change that queues a message for a person.
pub(crate) fn queue(account: &Account, outgoing: &Outgoing, seen: u64) -> Change {
    let queued = Queued { outgoing: outgoing.clone(), seen };
    Change {
        account: Some(account.clone()),
        events: vec![event(1)],
        outgoing: vec![queued],
        ..Change::default()
    }
}

/// Queues a message that must not be stale.
pub(crate) async fn send(store: &dyn Store, account: &mut Account, outgoing: &Outgoing) {
    let seen = newest(store, &outgoing.recipient).await;
    let answers = store.commit(vec![queue(account, outgoing, seen)]).await.unwrap();
    account.revision = answers[0].expect("the change is not stale");
}

async fn newest(store: &dyn Store, recipient: &Recipient) -> u64 {
    let uses = store.recipient_uses(std::slice::from_ref(recipient), AT).await.unwrap();
    uses[recipient].newest
}

async fn unused(store: &dyn Store, recipient: &Recipient, at: WallTime) -> Vec<WallTime> {
    let uses = store.recipient_uses(std::slice::from_ref(recipient), at).await.unwrap();
    uses[recipient].unused.clone()
}

async fn settle(store: &dyn Store, id: RequestId, progress: Progress) {
    let change = Change { settled: vec![(id, progress)], ..Change::default() };
    assert_eq!(store.commit(vec![change]).await.unwrap(), [Ok(Revision(0))]);
}

async fn due(store: &dyn Store, at: WallTime) -> Vec<RequestId> {
    store.due(at, PAGE_LIMIT).await.unwrap().into_iter().map(|waiting| waiting.id).collect()
}

pub(crate) async fn a_message_comes_back_as_it_was(store: Shared) {
    let mut alice = plain("alice");
    let outgoing = code(email("Alice@example.org"), AT);
    send(&*store, &mut alice, &outgoing).await;
    let trial = Outgoing { purpose: Purpose::Trial, ..code(sms("+4930123456"), AT) };
    let nobodys = Change { outgoing: vec![Queued { outgoing: trial.clone(), seen: 0 }], ..Change::default() };
    assert_eq!(store.commit(vec![nobodys]).await.unwrap(), [Ok(Revision(0))]);
    let waiting = |outgoing: Outgoing, account| Waiting { id: outgoing.id, account, outgoing, attempts: 0 };
    let expected = [waiting(outgoing, Some(key("alice"))), waiting(trial, None)];
    assert_eq!(store.due(AT, 10).await.unwrap(), expected);
    assert_eq!(store.due(AT, 1).await.unwrap(), expected[..1]);
    assert_eq!(store.due(WallTime::default(), 10).await.unwrap(), expected, "whatever the clock says");
    assert_eq!(get(&*store, &key("alice")).await, Some(alice), "the outbox is no part of an account");
}

pub(crate) async fn of_fifty_racing_claims_one_wins(store: Shared) {
    let outgoing = code(email("alice@example.org"), AT);
    send(&*store, &mut plain("alice"), &outgoing).await;
    let id = outgoing.id;
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.claim(id).await.unwrap() })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        winners += usize::from(racer.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert!(due(&*store, AT.after(DAY)).await.is_empty());
    assert!(!store.claim(RequestId([9; 16])).await.unwrap());
}

pub(crate) async fn a_claimed_message_is_interrupted_until_it_is_settled(store: Shared) {
    let outgoing = code(sms("+4930123456"), AT);
    let mut alice = plain("alice");
    send(&*store, &mut alice, &outgoing).await;
    assert!(store.interrupted(10).await.unwrap().is_empty());
    assert!(store.claim(outgoing.id).await.unwrap());
    let (id, channel) = (outgoing.id, Channel::Sms);
    let found = Interrupted { id, account: Some(alice.key.clone()), channel, purpose: Purpose::Code };
    assert_eq!(store.interrupted(10).await.unwrap(), [found]);
    settle(&*store, id, Progress::Failed(Failure::Unknown)).await;
    assert!(store.interrupted(10).await.unwrap().is_empty());
    assert!(due(&*store, AT.after(DAY)).await.is_empty());
    assert!(!store.claim(id).await.unwrap());
}

pub(crate) async fn a_message_put_off_is_due_again_at_its_time(store: Shared) {
    let outgoing = code(email("alice@example.org"), AT);
    send(&*store, &mut plain("alice"), &outgoing).await;
    let later = AT.after(Duration::from_secs(15));
    assert!(!store.put_off(outgoing.id, later).await.unwrap(), "nobody claimed it");
    assert!(store.claim(outgoing.id).await.unwrap());
    assert!(store.put_off(outgoing.id, later).await.unwrap());
    assert!(due(&*store, AT).await.is_empty());
    let waiting = store.due(later, 10).await.unwrap();
    assert_eq!((waiting[0].id, waiting[0].attempts), (outgoing.id, 1));
    assert!(store.claim(outgoing.id).await.unwrap());
    assert!(due(&*store, AT.after(DAY)).await.is_empty());
}

pub(crate) async fn what_is_settled_is_final_and_counts_still(store: Shared) {
    let mut alice = plain("alice");
    for progress in [Progress::Sent, Progress::Failed(Failure::Refused)] {
        let outgoing = code(email("alice@example.org"), AT);
        send(&*store, &mut alice, &outgoing).await;
        settle(&*store, outgoing.id, Progress::Queued).await;
        assert_eq!(due(&*store, AT).await, [outgoing.id], "waiting is not final");
        assert!(store.claim(outgoing.id).await.unwrap());
        settle(&*store, outgoing.id, progress).await;
        settle(&*store, outgoing.id, Progress::Sent).await;
        assert!(!store.put_off(outgoing.id, AT).await.unwrap());
        assert!(!store.claim(outgoing.id).await.unwrap());
        assert!(due(&*store, AT.after(DAY)).await.is_empty());
    }
    assert_eq!(unused(&*store, &email("alice@example.org"), AT).await, [AT, AT]);
    settle(&*store, RequestId([9; 16]), Progress::Sent).await;
}

pub(crate) async fn a_newer_code_makes_a_change_stale_whole(store: Shared) {
    let (mut alice, mut bob) = (plain("alice"), plain("bob"));
    let shared = email("family@example.org");
    put(&*store, &mut bob).await;
    send(&*store, &mut alice, &code(shared.clone(), AT)).await;
    let claimed = code(sms("+4930123456"), AT);
    send(&*store, &mut alice, &claimed).await;
    let records = all_records(&*store).await.len();

    let late = Change {
        redeemed: vec![claimed.id],
        settled: vec![(claimed.id, Progress::Sent)],
        ..queue(&bob, &code(shared.clone(), AT), 0)
    };
    assert_eq!(store.commit(vec![late]).await.unwrap(), [Err(Stale)]);
    assert_eq!(get(&*store, &bob.key).await, Some(bob.clone()));
    assert_eq!(all_records(&*store).await.len(), records);
    assert_eq!(unused(&*store, &shared, AT).await.len(), 1);
    assert_eq!(unused(&*store, &claimed.recipient, AT).await.len(), 1);
    assert_eq!(due(&*store, AT).await.len(), 2);
    send(&*store, &mut bob, &code(shared.clone(), AT)).await;
    assert_eq!(unused(&*store, &shared, AT).await.len(), 2);
}

pub(crate) async fn a_stale_account_queues_nothing(store: Shared) {
    let mut alice = plain("alice");
    put(&*store, &mut alice).await;
    let earlier = alice.clone();
    put(&*store, &mut alice).await;
    let recipient = email("alice@example.org");
    let answers = store.commit(vec![queue(&earlier, &code(recipient.clone(), AT), 0)]).await.unwrap();
    assert_eq!(answers, [Err(Stale)]);
    assert!(due(&*store, AT).await.is_empty());
    assert_eq!(newest(&*store, &recipient).await, 0);
}

pub(crate) async fn of_codes_for_a_recipient_in_one_batch_one_goes(store: Shared) {
    let recipient = email("family@example.org");
    let people: Vec<_> = (0..5).map(|number| plain(&format!("user{number}"))).collect();
    let batch = people.iter().map(|account| queue(account, &code(recipient.clone(), AT), 0)).collect();
    let answers = store.commit(batch).await.unwrap();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(unused(&*store, &recipient, AT).await, [AT]);
    assert_eq!(all_records(&*store).await.len(), 1);
    let two = vec![
        queue(&plain("zoe"), &code(email("zoe@example.org"), AT), 0),
        queue(&plain("mike"), &code(email("mike@example.org"), AT), 0),
    ];
    assert!(store.commit(two).await.unwrap().iter().all(Result::is_ok));
}

pub(crate) async fn of_fifty_racing_codes_for_a_recipient_one_goes(store: Shared) {
    let recipient = email("family@example.org");
    for round in 0..3_usize {
        let seen = newest(&*store, &recipient).await;
        let racers: Vec<_> = (0..50)
            .map(|racer| {
                let (store, recipient) = (Arc::clone(&store), recipient.clone());
                let account = plain(&format!("r{round}u{racer}"));
                tokio::spawn(async move {
                    let change = queue(&account, &code(recipient, AT), seen);
                    store.commit(vec![change]).await.unwrap()[0].is_ok()
                })
            })
            .collect();
        let mut sent = 0;
        for racer in racers {
            sent += usize::from(racer.await.unwrap());
        }
        assert_eq!(sent, 1, "in round {round}");
        assert_eq!(unused(&*store, &recipient, AT).await.len(), round + 1);
    }
}

pub(crate) async fn notices_and_other_channels_are_not_compared(store: Shared) {
    let mut alice = plain("alice");
    let recipient = email("alice@example.org");
    send(&*store, &mut alice, &code(recipient.clone(), AT)).await;
    for outgoing in [
        notice(recipient.clone(), AT),
        notice(recipient.clone(), AT),
        code(sms("+4930123456"), AT),
        code(Recipient::Call(PhoneNumber::try_from("+4930123456").unwrap()), AT),
    ] {
        let answers = store.commit(vec![queue(&alice, &outgoing, 0)]).await.unwrap();
        alice.revision = answers[0].expect("not stale");
    }
    assert_eq!(unused(&*store, &recipient, AT).await, [AT], "notices do not count as codes");
    assert_eq!(due(&*store, AT).await.len(), 5);
}

pub(crate) async fn two_spellings_of_a_mailbox_are_one(store: Shared) {
    send(&*store, &mut plain("alice"), &code(email("Alice@example.org"), AT)).await;
    let other = email("alice@Example.org");
    assert_eq!(unused(&*store, &other, AT).await, [AT]);
    assert_eq!(store.commit(vec![queue(&plain("bob"), &code(other, AT), 0)]).await.unwrap(), [Err(Stale)]);
}

pub(crate) async fn used_codes_and_old_ones_do_not_count(store: Shared) {
    let mut alice = plain("alice");
    let recipient = email("alice@example.org");
    let times: Vec<_> = (0..4).map(|number| AT.after(HOUR * number)).collect();
    for (number, at) in times.iter().enumerate() {
        let outgoing = code(recipient.clone(), *at);
        send(&*store, &mut alice, &outgoing).await;
        if number == 1 {
            let change = Change { redeemed: vec![outgoing.id], ..Change::default() };
            assert!(store.commit(vec![change]).await.unwrap()[0].is_ok());
        }
    }
    let before = newest(&*store, &recipient).await;
    assert_eq!(unused(&*store, &recipient, times[3]).await, [times[0], times[2], times[3]]);
    let end = AT.after(DAY);
    assert_eq!(unused(&*store, &recipient, end.before(Duration::from_secs(1))).await.len(), 3);
    assert_eq!(unused(&*store, &recipient, end).await, [times[2], times[3]]);
    let change = Change { redeemed: vec![RequestId([9; 16])], ..Change::default() };
    assert!(store.commit(vec![change]).await.unwrap()[0].is_ok());
    assert_eq!(newest(&*store, &recipient).await, before, "used or not, the newest is the newest");
}

pub(crate) async fn nothing_sent_is_told_as_nothing(store: Shared) {
    let nobody = email("nobody@example.org");
    assert_eq!(newest(&*store, &nobody).await, 0);
    assert!(store.recipient_uses(&[], AT).await.unwrap().is_empty());
    assert!(store.recipient_uses(&vec![nobody.clone(); LOAD_LIMIT + 1], AT).await.is_err());
    assert_eq!(store.host_use(AT).await.unwrap(), HostUse::default());
    for limit in [0, PAGE_LIMIT + 1] {
        assert!(store.due(AT, limit).await.is_err());
        assert!(store.interrupted(limit).await.is_err());
    }
}

pub(crate) async fn a_host_counts_every_message_of_an_hour(store: Shared) {
    let mut alice = plain("alice");
    let minute = |number: u64| AT.after(Duration::from_secs(60 * number));
    send(&*store, &mut alice, &code(email("alice@example.org"), minute(0))).await;
    send(&*store, &mut alice, &notice(email("alice@example.org"), minute(1))).await;
    send(&*store, &mut alice, &code(sms("+4930123456"), minute(2))).await;
    let call = Recipient::Call(PhoneNumber::try_from("+4930123456").unwrap());
    send(&*store, &mut alice, &code(call, minute(3))).await;
    let used = store.host_use(minute(3)).await.unwrap();
    assert_eq!((used.emails, used.texts), (vec![minute(0), minute(1)], vec![minute(2), minute(3)]));
    let used = store.host_use(minute(61)).await.unwrap();
    assert_eq!((used.emails, used.texts), (vec![], vec![minute(2), minute(3)]));
}

pub(crate) async fn a_batch_that_fails_queues_nothing(store: Shared) {
    let impossible = Account { changed: WallTime::from_seconds(u64::MAX), ..plain("bob") };
    let recipient = email("alice@example.org");
    let batch = vec![
        queue(&plain("alice"), &code(recipient.clone(), AT), 0),
        Change { account: Some(impossible), ..Change::default() },
    ];
    assert!(store.commit(batch).await.is_err());
    let mut long = code(recipient.clone(), AT);
    long.letter.html = Secret::new("x".repeat(MESSAGE_LIMIT));
    assert!(store.commit(vec![queue(&plain("alice"), &long, 0)]).await.is_err());
    assert!(due(&*store, AT).await.is_empty());
    assert_eq!(newest(&*store, &recipient).await, 0);
    assert_eq!(get(&*store, &key("alice")).await, None);
}

pub(crate) async fn the_same_message_is_never_queued_twice(store: Shared) {
    let mut alice = plain("alice");
    let outgoing = code(email("alice@example.org"), AT);
    send(&*store, &mut alice, &outgoing).await;
    settle(&*store, outgoing.id, Progress::Sent).await;
    assert!(store.commit(vec![queue(&alice, &outgoing, 1)]).await.is_err());
    assert!(due(&*store, AT).await.is_empty());
}

pub(crate) async fn old_messages_are_removed_and_never_counted_anew(store: Shared) {
    let mut alice = plain("alice");
    let recipient = email("alice@example.org");
    let old = code(recipient.clone(), AT);
    send(&*store, &mut alice, &old).await;
    settle(&*store, old.id, Progress::Sent).await;
    let abandoned = code(email("other@example.org"), AT);
    send(&*store, &mut alice, &abandoned).await;
    let young = code(email("young@example.org"), AT.after(HOUR));
    send(&*store, &mut alice, &young).await;
    let seen = newest(&*store, &recipient).await;

    let end = old.expires.after(DAY);
    assert_eq!(store.purge(end.before(Duration::from_secs(1))).await.unwrap(), 0);
    assert_eq!(store.purge(end).await.unwrap(), 2);
    assert_eq!(store.purge(end).await.unwrap(), 0);
    assert_eq!(due(&*store, end).await, [young.id]);
    assert_eq!(newest(&*store, &recipient).await, 0);
    let late = queue(&alice, &code(recipient.clone(), end), seen);
    assert!(store.commit(vec![late]).await.unwrap()[0].is_ok(), "what is gone is no newer code");
    assert!(newest(&*store, &recipient).await > seen, "places are never used again");
}

pub(crate) async fn a_message_outlives_a_new_data_key(store: Shared) {
    let mut alice = plain("alice");
    let outgoing = code(email("alice@example.org"), AT);
    send(&*store, &mut alice, &outgoing).await;
    for _ in 0..3 {
        store.rotate_key().await.unwrap();
        assert_eq!(store.reseal(None, PAGE_LIMIT).await.unwrap().next, None);
    }
    let waiting = store.due(AT, 10).await.unwrap();
    assert_eq!(waiting[0].outgoing, outgoing);
    assert!(store.claim(outgoing.id).await.unwrap());
    settle(&*store, outgoing.id, Progress::Sent).await;
    assert_eq!(store.reseal(None, PAGE_LIMIT).await.unwrap().next, None);
    assert!(get(&*store, &alice.key).await.is_some());
}

pub(crate) async fn what_a_removed_account_was_to_be_sent_never_goes_out_and_what_was_sent_counts(
    store: Shared,
) {
    let (mut alice, mut bob) = (plain("alice"), plain("bob"));
    let to_alice = email("alice@example.org");
    let [claimed, waiting] = [AT, AT.after(Duration::from_mins(1))].map(|at| code(to_alice.clone(), at));
    send(&*store, &mut alice, &claimed).await;
    send(&*store, &mut alice, &waiting).await;
    let bobs = code(email("bob@example.org"), AT);
    send(&*store, &mut bob, &bobs).await;
    assert!(store.claim(claimed.id).await.unwrap());
    assert_eq!(store.remove(&Stub::of(&alice), vec![event(2)]).await.unwrap(), Ok(()));
    assert_eq!(due(&*store, AT.after(HOUR)).await, [bobs.id]);
    assert!(store.interrupted(10).await.unwrap().is_empty());
    assert!(!store.put_off(claimed.id, AT).await.unwrap());
    settle(&*store, claimed.id, Progress::Sent).await;
    assert_eq!(unused(&*store, &to_alice, AT.after(HOUR)).await.len(), 2);
    assert_eq!(store.host_use(AT.after(Duration::from_mins(1))).await.unwrap().emails.len(), 3);
}
