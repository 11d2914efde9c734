//! Accounts and events to keep: one that has nothing, one that has everything.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use countersign_core::account::{
    Account, AccountKey, Coverage, Epoch, HostId, KnownSource, Realm, RuleName, UserName,
};
use countersign_core::audit::{AuditEvent, EventId};
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

use crate::host::entropy::SystemEntropy;

/// Makes a key in the realm of a test host.
pub(crate) fn key(name: &str) -> AccountKey {
    key_in("local:0123456789abcdef0123456789abcdef", name)
}

pub(super) fn key_in(realm: &str, name: &str) -> AccountKey {
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
        era: 2,
        is_doubtful: true,
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
        sent: vec![
            sent_code(Progress::Queued, 0),
            sent_code(Progress::Deferred, 2),
            sent_code(Progress::Failed(Failure::NotConfigured), 0),
        ],
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

fn sent_code(progress: Progress, elsewhere: u32) -> SentCode {
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
        elsewhere,
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
        kind: FactorKind::Hotp(Hotp {
            secret,
            digits: Digits::Six,
            counter: 41,
            resync: Some(99),
            is_wide: false,
        }),
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
        kind: FactorKind::Totp(Totp { secret, algorithm, digits, period, last_step, spent: Vec::new() }),
    }
}

/// Makes an event that happened then.
pub(crate) fn event(at: u64) -> AuditEvent {
    AuditEvent::new(EventId::LoginAllowed, WallTime::from_seconds(at), "host", "self")
}
