//! Sent codes, sends, remembered places and what was put off, in the open document: nothing of them is a secret.
//!
//! Owns their form. A code is a keyed hash; addresses and numbers are not here but under the seal.

use std::net::IpAddr;
use std::time::Duration;

use countersign_core::account::{Epoch, HostId, RuleName};
use countersign_core::delivery::{Failure, Progress, Purpose, RequestId};
use countersign_core::factor::FactorId;
use countersign_core::factor::sent::{Binding, SentCode};
use countersign_core::login::Source;
use countersign_core::remember::{Remembered, Skipped};
use countersign_core::sending::Send;
use countersign_core::time::WallTime;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::codes::{spell, unspell};
use crate::store::outbox::{SENT, purpose_of, purpose_word};

/// The word of a message that is on its way.
const QUEUED: &str = "queued";
/// The word of a message that was put off.
const DEFERRED: &str = "deferred";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SentRecord {
    request: String,
    factor: u32,
    service: String,
    source: SourceRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<String>,
    hash: String,
    epoch: u64,
    made: u64,
    since_boot: (u64, u32),
    host: String,
    lifetime: (u64, u32),
    wrong: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    elsewhere: u32,
    progress: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SourceRecord {
    Local,
    Unknown,
    Address(IpAddr),
}

/// When, which message, why, and whether its code was used: a list, because there are many.
#[derive(Serialize, Deserialize)]
pub(super) struct SendRecord(u64, String, String, bool);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceRecord {
    address: IpAddr,
    service: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    rule: String,
    terms: String,
    epoch: u64,
    since: u64,
    until: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SkippedRecord {
    rule: String,
    count: u32,
    counted: u64,
}

impl SentRecord {
    pub(super) fn of(code: &SentCode) -> Self {
        let SentCode {
            request,
            factor,
            binding: Binding { service, source, key, login },
            hash,
            epoch,
            made,
            since_boot,
            host,
            lifetime,
            wrong,
            elsewhere,
            progress,
        } = code;
        Self {
            request: request.to_string(),
            factor: factor.0,
            service: service.clone(),
            source: match source {
                Source::Local => SourceRecord::Local,
                Source::Unknown => SourceRecord::Unknown,
                Source::Address(address) => SourceRecord::Address(*address),
            },
            key: key.clone(),
            login: login.as_ref().map(RequestId::to_string),
            hash: spell(hash),
            epoch: epoch.0,
            made: made.as_seconds(),
            since_boot: (since_boot.as_secs(), since_boot.subsec_nanos()),
            host: host.to_string(),
            lifetime: (lifetime.as_secs(), lifetime.subsec_nanos()),
            wrong: *wrong,
            elsewhere: *elsewhere,
            progress: word_of(*progress).to_owned(),
        }
    }

    /// Tells whether services of document version 2 know all of it.
    pub(super) fn is_plain(&self) -> bool {
        self.elsewhere == 0 && self.progress != DEFERRED
    }

    pub(super) fn read(self) -> Result<SentCode, String> {
        let Self { request, factor, service, source, key, login, .. } = &self;
        let source = match source {
            SourceRecord::Local => Source::Local,
            SourceRecord::Unknown => Source::Unknown,
            SourceRecord::Address(address) => Source::Address(*address),
        };
        let login = login.as_deref().map(id).transpose()?;
        Ok(SentCode {
            request: id(request)?,
            factor: FactorId(*factor),
            binding: Binding { service: service.clone(), source, key: key.clone(), login },
            hash: unspell(&self.hash)?,
            epoch: Epoch(self.epoch),
            made: WallTime::from_seconds(self.made),
            since_boot: span(self.since_boot)?,
            host: HostId::try_from(self.host).map_err(|_| "a host of it is not a name".to_owned())?,
            lifetime: span(self.lifetime)?,
            wrong: self.wrong,
            elsewhere: self.elsewhere,
            progress: progress(&self.progress)?,
        })
    }
}

impl SendRecord {
    pub(super) fn of(send: &Send) -> Self {
        let Send { at, request, purpose, is_used } = send;
        Self(at.as_seconds(), request.to_string(), purpose_word(*purpose).to_owned(), *is_used)
    }

    pub(super) fn read(self) -> Result<Send, String> {
        let Self(at, request, purpose, is_used) = self;
        let purpose: Purpose =
            purpose_of(&purpose).ok_or_else(|| "the purpose of a message of it is none".to_owned())?;
        Ok(Send { at: WallTime::from_seconds(at), request: id(&request)?, purpose, is_used })
    }
}

impl PlaceRecord {
    pub(super) fn of(place: &Remembered) -> Self {
        let Remembered { address, service, key, rule, terms, epoch, since, until } = place;
        Self {
            address: *address,
            service: service.clone(),
            key: key.clone(),
            rule: rule.to_string(),
            terms: terms.clone(),
            epoch: epoch.0,
            since: since.as_seconds(),
            until: until.as_seconds(),
        }
    }

    pub(super) fn read(self) -> Result<Remembered, String> {
        let Self { address, service, key, rule, terms, epoch, since, until } = self;
        Ok(Remembered {
            address,
            service,
            key,
            rule: name(rule)?,
            terms,
            epoch: Epoch(epoch),
            since: WallTime::from_seconds(since),
            until: WallTime::from_seconds(until),
        })
    }
}

impl SkippedRecord {
    pub(super) fn of(skipped: &Skipped) -> Self {
        let Skipped { rule, count, counted } = skipped;
        Self { rule: rule.to_string(), count: *count, counted: counted.as_seconds() }
    }

    pub(super) fn read(self) -> Result<Skipped, String> {
        let Self { rule, count, counted } = self;
        Ok(Skipped { rule: name(rule)?, count, counted: WallTime::from_seconds(counted) })
    }
}

fn id(text: &str) -> Result<RequestId, String> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(RequestId).ok_or_else(|| "the id of a message of it is none".to_owned())
}

fn name(text: String) -> Result<RuleName, String> {
    RuleName::try_from(text).map_err(|_| "a rule of it is not a name".to_owned())
}

fn span((seconds, nanoseconds): (u64, u32)) -> Result<Duration, String> {
    if nanoseconds < 1_000_000_000 {
        return Ok(Duration::new(seconds, nanoseconds));
    }
    Err("a span of it is none".to_owned())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

const fn word_of(progress: Progress) -> &'static str {
    match progress {
        Progress::Queued => QUEUED,
        Progress::Deferred => DEFERRED,
        Progress::Sent => SENT,
        Progress::Failed(failure) => failure.word(),
    }
}

fn progress(word: &str) -> Result<Progress, String> {
    let plain = [Progress::Queued, Progress::Deferred, Progress::Sent];
    plain
        .into_iter()
        .chain(Failure::ALL.map(Progress::Failed))
        .find(|progress| word_of(*progress) == word)
        .ok_or_else(|| "how far a message of it is, is not a word".to_owned())
}
