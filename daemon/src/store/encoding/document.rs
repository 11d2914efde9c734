//! The open document of an account: its state that is no secret, as versioned JSON.
//!
//! Owns the form on disk, apart from the types of `core`, so that neither changes the other by accident. A document of
//! a newer version, with an unknown field or with a value that `core` does not take is refused.

use std::collections::BTreeMap;
use std::net::IpAddr;

use countersign_core::account::{Account, FACTOR_LIMIT, HostId, KNOWN_SOURCE_LIMIT, KnownSource};
use countersign_core::contact::{EmailAddress, PhoneNumber};
use countersign_core::delivery::{Channel, Recipient};
use countersign_core::factor::{
    BackupCodes, Factor, FactorId, FactorKind, FactorState, Hotp, Label, Totp, totp,
};
use countersign_core::invitation::Invitation;
use countersign_core::secret::Secret;
use countersign_core::throttle::{Bucket, Counter, Throttle};
use countersign_core::time::WallTime;
use serde::{Deserialize, Serialize};

use super::super::StoreError;
use super::codes::{BackupRecord, InvitationRecord};
use super::secrets::FactorSecret;

/// The version written, and the newest one read.
const VERSION: u32 = 1;

/// The open half of an account.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    version: u32,
    uids: BTreeMap<String, u32>,
    throttle: Vec<CounterRecord>,
    known_sources: Vec<SourceRecord>,
    factors: Vec<FactorRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backup_codes: Option<BackupRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invitation: Option<InvitationRecord>,
    #[serde(default, skip_serializing_if = "is_off")]
    chosen: bool,
}

/// What of an account comes out of its two documents.
pub(super) struct State {
    pub(super) uids: BTreeMap<HostId, u32>,
    pub(super) throttle: Throttle,
    pub(super) known_sources: Vec<KnownSource>,
    pub(super) factors: Vec<Factor>,
    pub(super) backup_codes: Option<BackupCodes>,
    pub(super) invitation: Option<Invitation>,
    pub(super) chosen: bool,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CounterRecord {
    bucket: BucketRecord,
    recent: Vec<u64>,
    in_a_row: u32,
    locks: u32,
    locked_until: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BucketRecord {
    Console,
    Elevation(u32),
    KnownSource,
    UnknownSource,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceRecord {
    address: IpAddr,
    last: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactorRecord {
    id: u32,
    label: String,
    state: StateRecord,
    last_used: Option<u64>,
    kind: KindRecord,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum StateRecord {
    Pending { since: u64 },
    Active { since: u64 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum KindRecord {
    Totp { algorithm: AlgorithmRecord, digits: u8, period: u8, last_step: Option<u64> },
    Hotp { digits: u8, counter: u64, resync: Option<u64> },
    Sent { channel: ChannelRecord },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChannelRecord {
    Email,
    Sms,
    Call,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AlgorithmRecord {
    Sha1,
    Sha256,
    Sha512,
}

impl Document {
    /// Takes the open half of an account.
    pub(super) fn of(account: &Account) -> Self {
        let Account {
            id: _,
            key: _,
            revision: _,
            epoch: _,
            uids,
            coverage: _,
            throttle: Throttle { buckets },
            known_sources,
            factors,
            backup_codes,
            invitation,
            chosen,
            contacts: _,
            sent: _,
            sends: _,
            remembered: _,
            skipped: _,
            outbox: _,
            code_key: _,
            changed: _,
        } = account;
        Self {
            version: VERSION,
            uids: uids.iter().map(|(host, uid)| (host.to_string(), *uid)).collect(),
            throttle: buckets.iter().map(|(bucket, counter)| CounterRecord::of(*bucket, counter)).collect(),
            known_sources: known_sources.iter().map(SourceRecord::of).collect(),
            factors: factors.iter().map(FactorRecord::of).collect(),
            backup_codes: backup_codes.as_ref().map(BackupRecord::of),
            invitation: invitation.as_ref().map(InvitationRecord::of),
            chosen: *chosen,
        }
    }

    pub(super) fn to_json(&self) -> Result<String, StoreError> {
        serde_json::to_string(self)
            .map_err(|error| StoreError::Failed { doing: "writing a record", cause: error.to_string() })
    }

    /// Reads the version first: what a newer one means is not guessed.
    pub(super) fn from_json(text: &str) -> Result<Self, String> {
        let Versioned { version } = serde_json::from_str(text).map_err(|error| describe(&error))?;
        if version != VERSION {
            return Err(format!("its document has version {version}, this service reads {VERSION}"));
        }
        serde_json::from_str(text).map_err(|error| describe(&error))
    }

    /// Joins the state with the secrets of its factors, which stand in the same order.
    pub(super) fn into_state(self, secrets: Vec<FactorSecret>) -> Result<State, String> {
        let Self { version: _, uids, throttle, known_sources, factors, backup_codes, invitation, chosen } =
            self;
        if factors.len() > FACTOR_LIMIT || known_sources.len() > KNOWN_SOURCE_LIMIT {
            return Err("it holds more factors or sources than a person may have".to_owned());
        }
        if factors.len() != secrets.len() {
            return Err("its factors and its secrets do not belong together".to_owned());
        }
        let host = |(host, uid): (String, u32)| {
            HostId::try_from(host)
                .map(|host| (host, uid))
                .map_err(|_| "a host of it is not a name".to_owned())
        };
        Ok(State {
            uids: uids.into_iter().map(host).collect::<Result<_, _>>()?,
            throttle: read_throttle(throttle)?,
            known_sources: known_sources.into_iter().map(SourceRecord::read).collect(),
            factors: factors
                .into_iter()
                .zip(secrets)
                .map(|(record, secret)| record.read(secret))
                .collect::<Result<_, _>>()?,
            backup_codes: backup_codes.map(BackupRecord::read).transpose()?,
            invitation: invitation.map(InvitationRecord::read).transpose()?,
            chosen,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_off(switch: &bool) -> bool {
    !*switch
}

/// Tells where a document breaks without repeating what stands there.
pub(super) fn describe(error: &serde_json::Error) -> String {
    format!("its document is not as written (line {}, column {})", error.line(), error.column())
}

fn read_throttle(records: Vec<CounterRecord>) -> Result<Throttle, String> {
    let mut buckets = BTreeMap::new();
    for record in records {
        let (bucket, counter) = record.read();
        if buckets.insert(bucket, counter).is_some() {
            return Err("a counter of it stands there twice".to_owned());
        }
    }
    Ok(Throttle { buckets })
}

impl CounterRecord {
    fn of(bucket: Bucket, counter: &Counter) -> Self {
        let Counter { recent, in_a_row, locks, locked_until } = counter;
        Self {
            bucket: match bucket {
                Bucket::Console => BucketRecord::Console,
                Bucket::Elevation(uid) => BucketRecord::Elevation(uid),
                Bucket::KnownSource => BucketRecord::KnownSource,
                Bucket::UnknownSource => BucketRecord::UnknownSource,
            },
            recent: recent.iter().map(|time| time.as_seconds()).collect(),
            in_a_row: *in_a_row,
            locks: *locks,
            locked_until: locked_until.map(WallTime::as_seconds),
        }
    }

    fn read(self) -> (Bucket, Counter) {
        let Self { bucket, recent, in_a_row, locks, locked_until } = self;
        let bucket = match bucket {
            BucketRecord::Console => Bucket::Console,
            BucketRecord::Elevation(uid) => Bucket::Elevation(uid),
            BucketRecord::KnownSource => Bucket::KnownSource,
            BucketRecord::UnknownSource => Bucket::UnknownSource,
        };
        let recent = recent.into_iter().map(WallTime::from_seconds).collect();
        (bucket, Counter { recent, in_a_row, locks, locked_until: locked_until.map(WallTime::from_seconds) })
    }
}

impl SourceRecord {
    fn of(source: &KnownSource) -> Self {
        let KnownSource { address, last } = source;
        Self { address: *address, last: last.as_seconds() }
    }

    fn read(self) -> KnownSource {
        let Self { address, last } = self;
        KnownSource { address, last: WallTime::from_seconds(last) }
    }
}

impl FactorRecord {
    fn of(factor: &Factor) -> Self {
        let Factor { id, label, state, last_used, kind } = factor;
        Self {
            id: id.0,
            label: label.to_string(),
            state: match state {
                FactorState::Pending { since } => StateRecord::Pending { since: since.as_seconds() },
                FactorState::Active { since } => StateRecord::Active { since: since.as_seconds() },
            },
            last_used: last_used.map(WallTime::as_seconds),
            kind: match kind {
                FactorKind::Totp(totp) => KindRecord::of_totp(totp),
                FactorKind::Hotp(hotp) => KindRecord::of_hotp(hotp),
                FactorKind::Sent(recipient) => {
                    KindRecord::Sent { channel: ChannelRecord::of(recipient.channel()) }
                }
            },
        }
    }

    fn read(self, secret: FactorSecret) -> Result<Factor, String> {
        let Self { id, label, state, last_used, kind } = self;
        if secret.id != id {
            return Err("its factors and its secrets do not belong together".to_owned());
        }
        let state = match state {
            StateRecord::Pending { since } => FactorState::Pending { since: WallTime::from_seconds(since) },
            StateRecord::Active { since } => FactorState::Active { since: WallTime::from_seconds(since) },
        };
        Ok(Factor {
            id: FactorId(id),
            label: Label::try_from(label.as_str()).map_err(|_| "a label of it is not one".to_owned())?,
            state,
            last_used: last_used.map(WallTime::from_seconds),
            kind: kind.read(secret.secret)?,
        })
    }
}

impl KindRecord {
    fn of_totp(totp: &Totp) -> Self {
        let Totp { secret: _, algorithm, digits, period, last_step } = totp;
        Self::Totp {
            algorithm: match algorithm {
                totp::Algorithm::Sha1 => AlgorithmRecord::Sha1,
                totp::Algorithm::Sha256 => AlgorithmRecord::Sha256,
                totp::Algorithm::Sha512 => AlgorithmRecord::Sha512,
            },
            digits: digits.count(),
            period: match period {
                totp::Period::Thirty => 30,
                totp::Period::Sixty => 60,
            },
            last_step: *last_step,
        }
    }

    fn of_hotp(hotp: &Hotp) -> Self {
        let Hotp { secret: _, digits, counter, resync } = hotp;
        Self::Hotp { digits: digits.count(), counter: *counter, resync: *resync }
    }

    fn read(self, secret: Secret<Vec<u8>>) -> Result<FactorKind, String> {
        match self {
            Self::Totp { algorithm, digits, period, last_step } => {
                let algorithm = match algorithm {
                    AlgorithmRecord::Sha1 => totp::Algorithm::Sha1,
                    AlgorithmRecord::Sha256 => totp::Algorithm::Sha256,
                    AlgorithmRecord::Sha512 => totp::Algorithm::Sha512,
                };
                let period = match period {
                    30 => totp::Period::Thirty,
                    60 => totp::Period::Sixty,
                    _ => return Err("the period of a factor is neither 30 nor 60".to_owned()),
                };
                let digits = read_digits(digits)?;
                Ok(FactorKind::Totp(Totp { secret, algorithm, digits, period, last_step }))
            }
            Self::Hotp { digits, counter, resync } => {
                let digits = read_digits(digits)?;
                Ok(FactorKind::Hotp(Hotp { secret, digits, counter, resync }))
            }
            Self::Sent { channel } => Ok(FactorKind::Sent(channel.recipient(&secret)?)),
        }
    }
}

impl ChannelRecord {
    const fn of(channel: Channel) -> Self {
        match channel {
            Channel::Email => Self::Email,
            Channel::Sms => Self::Sms,
            Channel::Call => Self::Call,
        }
    }

    /// Reads the address or number, which lies in the seal.
    fn recipient(&self, secret: &Secret<Vec<u8>>) -> Result<Recipient, String> {
        let broken = || "the address of a factor is not one".to_owned();
        let text = std::str::from_utf8(secret.expose()).map_err(|_| broken())?;
        let number = || PhoneNumber::try_from(text).map_err(|_| broken());
        match self {
            Self::Email => EmailAddress::try_from(text).map(Recipient::Email).map_err(|_| broken()),
            Self::Sms => number().map(Recipient::Sms),
            Self::Call => number().map(Recipient::Call),
        }
    }
}

fn read_digits(digits: u8) -> Result<totp::Digits, String> {
    match digits {
        6 => Ok(totp::Digits::Six),
        8 => Ok(totp::Digits::Eight),
        _ => Err("the digits of a factor are neither 6 nor 8".to_owned()),
    }
}
