//! The end of a message: what it changes in the account, and what is recorded.

use countersign_core::account::{Account, AccountKey, Epoch, HostId, Realm, UserName};
use countersign_core::audit::EventId;
use countersign_core::delivery::{
    Channel, Failure, Finished, Progress, Purpose, Report, RequestId, finished,
};
use countersign_core::factor::FactorId;
use countersign_core::factor::sent::{Binding, SentCode};
use countersign_core::keyed::CodeHash;
use countersign_core::login::{Host, Source};
use countersign_core::secret::Entropy;
use countersign_core::time::{Now, WallTime};
use std::time::Duration;

struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

const NOW: Now = Now::at(WallTime::from_seconds(2_000), Duration::ZERO, WallTime::from_seconds(1_000));

fn host() -> Host {
    Host { name: "h1.example.org".to_owned(), id: HostId::try_from("h1").unwrap() }
}

fn account() -> Account {
    let key = AccountKey {
        realm: Realm::try_from("local:h1").unwrap(),
        name: UserName::try_from("alice").unwrap(),
    };
    let mut account = Account::new(key, &mut Zeros);
    account.sent = [1, 2].map(code).to_vec();
    account
}

fn code(number: u8) -> SentCode {
    SentCode {
        request: RequestId([number; 16]),
        factor: FactorId(1),
        binding: Binding { service: "sshd".to_owned(), source: Source::Local, key: None, login: None },
        hash: CodeHash::from_bytes([number; 32]),
        epoch: Epoch(0),
        made: WallTime::from_seconds(1_900),
        since_boot: Duration::ZERO,
        host: host().id,
        lifetime: Duration::from_mins(5),
        wrong: 0,
        elsewhere: 0,
        progress: Progress::Queued,
    }
}

fn end(number: u8, purpose: Purpose, progress: Progress) -> Finished {
    let account = account();
    let report = Report { request: RequestId([number; 16]), channel: Channel::Sms, purpose, progress };
    finished(Some(&account.key), Some(&account), &report, &host(), NOW)
}

#[test]
fn the_end_of_a_code_is_in_its_code_only_and_recorded_without_an_address() {
    let Finished { account, event } = end(2, Purpose::Code, Progress::Sent);
    let account = account.unwrap();
    assert_eq!(account.sent[0].progress, Progress::Queued);
    assert_eq!(account.sent[1].progress, Progress::Sent);
    assert_eq!(account.changed, NOW.wall);
    let event = event.unwrap();
    assert_eq!((event.event, event.reason.as_deref()), (EventId::CodeDelivered, None));
    assert_eq!(event.factor.as_deref(), Some("sms"));
    assert_eq!(event.message, Some("02".repeat(16)));
    assert_eq!(event.subject.unwrap().user, "alice");
}

#[test]
fn every_failure_is_recorded_by_its_word_whatever_the_message_was_for() {
    for failure in Failure::ALL {
        for purpose in [Purpose::Code, Purpose::Notice, Purpose::Trial] {
            let event = end(1, purpose, Progress::Failed(failure)).event.unwrap();
            assert_eq!(event.event, EventId::DeliveryFailed);
            assert_eq!(event.reason.as_deref(), Some(failure.word()));
        }
    }
}

#[test]
fn what_went_out_and_is_no_code_or_has_not_ended_is_not_recorded() {
    for (purpose, progress) in [
        (Purpose::Notice, Progress::Sent),
        (Purpose::Trial, Progress::Sent),
        (Purpose::Code, Progress::Queued),
        (Purpose::Code, Progress::Deferred),
    ] {
        let Finished { account, event } = end(9, purpose, progress);
        assert_eq!((account, event), (None, None));
    }
    assert_eq!(end(1, Purpose::Code, Progress::Queued).account, None, "waiting is no end");
}

#[test]
fn a_message_that_was_put_off_is_in_the_account_and_overwrites_nothing_final() {
    let Finished { account: put_off, event } = end(1, Purpose::Code, Progress::Deferred);
    let put_off = put_off.unwrap();
    assert_eq!((put_off.sent[0].progress, event), (Progress::Deferred, None));
    let report = |progress| Report {
        request: RequestId([1; 16]),
        channel: Channel::Sms,
        purpose: Purpose::Code,
        progress,
    };
    let told = |account: &Account, progress| {
        finished(Some(&account.key), Some(account), &report(progress), &host(), NOW).account
    };
    let sent = told(&put_off, Progress::Sent).unwrap();
    assert_eq!(sent.sent[0].progress, Progress::Sent);
    for account in [&put_off, &sent] {
        assert_eq!(told(account, Progress::Deferred), None);
    }
}

#[test]
fn a_code_that_is_used_or_replaced_changes_no_account_and_is_recorded_still() {
    let Finished { account, event } = end(9, Purpose::Code, Progress::Sent);
    assert_eq!(account, None);
    assert_eq!(event.unwrap().event, EventId::CodeDelivered);
}

#[test]
fn a_message_of_nobody_is_recorded_about_nobody() {
    let report = Report {
        request: RequestId([1; 16]),
        channel: Channel::Email,
        purpose: Purpose::Trial,
        progress: Progress::Failed(Failure::Unknown),
    };
    let Finished { account, event } = finished(None, None, &report, &host(), NOW);
    assert_eq!((account, event.unwrap().subject), (None, None));
}
