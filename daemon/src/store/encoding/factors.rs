//! Factors in the open document: all of them but their secrets, which stand in the same order under the seal.
//!
//! Owns their form. The address or number of a sent factor is such a secret.

use countersign_core::contact::{EmailAddress, PhoneNumber};
use countersign_core::delivery::{Channel, Recipient};
use countersign_core::factor::{Factor, FactorId, FactorKind, FactorState, Hotp, Label, Totp, totp};
use countersign_core::secret::Secret;
use countersign_core::time::WallTime;
use serde::{Deserialize, Serialize};

use super::document::is_off;
use super::secrets::FactorSecret;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactorRecord {
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
    Totp {
        algorithm: AlgorithmRecord,
        digits: u8,
        period: u8,
        last_step: Option<u64>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        spent: Vec<u64>,
    },
    Hotp {
        digits: u8,
        counter: u64,
        resync: Option<u64>,
        #[serde(default, skip_serializing_if = "is_off")]
        is_wide: bool,
    },
    Sent {
        channel: ChannelRecord,
    },
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

impl FactorRecord {
    pub(super) fn of(factor: &Factor) -> Self {
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

    pub(super) fn read(self, secret: FactorSecret) -> Result<Factor, String> {
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
            label: Label::kept(label).map_err(|_| "a label of it is not one".to_owned())?,
            state,
            last_used: last_used.map(WallTime::from_seconds),
            kind: kind.read(secret.secret)?,
        })
    }
}

impl KindRecord {
    fn of_totp(totp: &Totp) -> Self {
        let Totp { secret: _, algorithm, digits, period, last_step, spent } = totp;
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
            spent: spent.clone(),
        }
    }

    fn of_hotp(hotp: &Hotp) -> Self {
        let Hotp { secret: _, digits, counter, resync, is_wide } = hotp;
        Self::Hotp { digits: digits.count(), counter: *counter, resync: *resync, is_wide: *is_wide }
    }

    fn read(self, secret: Secret<Vec<u8>>) -> Result<FactorKind, String> {
        match self {
            Self::Totp { spent, .. } if spent.len() > totp::SPENT_LIMIT => {
                Err("a factor of it keeps more used codes than it may".to_owned())
            }
            Self::Totp { algorithm, digits, period, last_step, spent } => {
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
                Ok(FactorKind::Totp(Totp { secret, algorithm, digits, period, last_step, spent }))
            }
            Self::Hotp { digits, counter, resync, is_wide } => {
                let digits = read_digits(digits)?;
                Ok(FactorKind::Hotp(Hotp { secret, digits, counter, resync, is_wide }))
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
