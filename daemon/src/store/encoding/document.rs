//! The open document of an account: its state that is no secret, as versioned JSON.
//!
//! Owns the form on disk, apart from the types of `core`, so that neither changes the other by accident. A document of
//! a newer version, with an unknown field or with a value that `core` does not take is refused.

use std::collections::BTreeMap;
use std::net::IpAddr;

use countersign_core::account::{Account, FACTOR_LIMIT, HostId, KNOWN_SOURCE_LIMIT, KnownSource};
use countersign_core::factor::sent::{SENT_LIMIT, SentCode};
use countersign_core::factor::{BackupCodes, Factor, FactorKind};
use countersign_core::invitation::Invitation;
use countersign_core::remember::{PLACE_LIMIT, Remembered, Skipped};
use countersign_core::sending::{SENDS_LIMIT, Send};
use countersign_core::throttle::{Bucket, Counter, Throttle};
use countersign_core::time::WallTime;
use serde::{Deserialize, Serialize};

use super::super::StoreError;
use super::codes::{BackupRecord, InvitationRecord};
use super::factors::FactorRecord;
use super::secrets::FactorSecret;
use super::sending::{PlaceRecord, SendRecord, SentRecord, SkippedRecord};

/// The newest version read. It is written only where something in the document needs it, so that older services of a fleet
/// go on serving the people who have nothing of it; they refuse the others.
const VERSION: u32 = 3;
/// The version of a document without what came with version 3: the count of a code that was given elsewhere, a message put off,
/// and what a fault of a clock or a counter leaves.
const WITH_SENDING: u32 = 2;
/// The version of a document without sent codes, sends, remembered places and what was put off.
const WITHOUT_SENDING: u32 = 1;

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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sent: Vec<SentRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sends: Vec<SendRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remembered: Vec<PlaceRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skipped: Option<SkippedRecord>,
    #[serde(default, skip_serializing_if = "is_zero")]
    era: u64,
    #[serde(default, skip_serializing_if = "is_off")]
    doubtful: bool,
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
    pub(super) sent: Vec<SentCode>,
    pub(super) sends: Vec<Send>,
    pub(super) remembered: Vec<Remembered>,
    pub(super) skipped: Option<Skipped>,
    pub(super) era: u64,
    pub(super) is_doubtful: bool,
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
            sent,
            sends,
            remembered,
            skipped,
            era,
            is_doubtful,
            trust: _,
            held: _,
            void_before: _,
            outbox: _,
            code_key: _,
            changed: _,
        } = account;
        let is_sent = |factor: &Factor| matches!(factor.kind, FactorKind::Sent(_));
        let has_sending = !sent.is_empty() || !sends.is_empty() || factors.iter().any(is_sent);
        let has_rest = !remembered.is_empty() || skipped.is_some();
        let sent: Vec<SentRecord> = sent.iter().map(SentRecord::of).collect();
        let is_plain = sent.iter().all(SentRecord::is_plain)
            && !factors.iter().any(was_off)
            && *era == 0
            && !*is_doubtful;
        let version = match (is_plain, has_sending || has_rest) {
            (false, _) => VERSION,
            (true, true) => WITH_SENDING,
            (true, false) => WITHOUT_SENDING,
        };
        Self {
            version,
            uids: uids.iter().map(|(host, uid)| (host.to_string(), *uid)).collect(),
            throttle: buckets.iter().map(|(bucket, counter)| CounterRecord::of(*bucket, counter)).collect(),
            known_sources: known_sources.iter().map(SourceRecord::of).collect(),
            factors: factors.iter().map(FactorRecord::of).collect(),
            backup_codes: backup_codes.as_ref().map(BackupRecord::of),
            invitation: invitation.as_ref().map(InvitationRecord::of),
            chosen: *chosen,
            sent,
            sends: sends.iter().map(SendRecord::of).collect(),
            remembered: remembered.iter().map(PlaceRecord::of).collect(),
            skipped: skipped.as_ref().map(SkippedRecord::of),
            era: *era,
            doubtful: *is_doubtful,
        }
    }

    pub(super) fn to_json(&self) -> Result<String, StoreError> {
        serde_json::to_string(self)
            .map_err(|error| StoreError::Failed { doing: "writing a record", cause: error.to_string() })
    }

    /// Reads the version first: what a newer one means is not guessed.
    pub(super) fn from_json(text: &str) -> Result<Self, String> {
        let Versioned { version } = serde_json::from_str(text).map_err(|error| describe(&error))?;
        if !(WITHOUT_SENDING..=VERSION).contains(&version) {
            return Err(format!("its document has version {version}, this service reads 1 to {VERSION}"));
        }
        serde_json::from_str(text).map_err(|error| describe(&error))
    }

    /// Joins the state with the secrets of its factors, which stand in the same order.
    pub(super) fn into_state(self, secrets: Vec<FactorSecret>) -> Result<State, String> {
        let Self {
            version: _, uids, throttle, known_sources, factors, backup_codes, invitation, chosen, ..
        } = self;
        let Self { sent, sends, remembered, skipped, era, doubtful, .. } = self;
        if sent.len() > SENT_LIMIT || sends.len() > SENDS_LIMIT || remembered.len() > PLACE_LIMIT {
            return Err("it holds more codes, sends or places than a person may have".to_owned());
        }
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
            sent: sent.into_iter().map(SentRecord::read).collect::<Result<_, _>>()?,
            sends: sends.into_iter().map(SendRecord::read).collect::<Result<_, _>>()?,
            remembered: remembered.into_iter().map(PlaceRecord::read).collect::<Result<_, _>>()?,
            skipped: skipped.map(SkippedRecord::read).transpose()?,
            era,
            is_doubtful: doubtful,
        })
    }
}

/// Tells whether a factor keeps what only a fault of a clock or a counter leaves.
const fn was_off(factor: &Factor) -> bool {
    match &factor.kind {
        FactorKind::Totp(totp) => !totp.spent.is_empty(),
        FactorKind::Hotp(hotp) => hotp.is_wide,
        FactorKind::Sent(_) => false,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) const fn is_off(switch: &bool) -> bool {
    !*switch
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
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
