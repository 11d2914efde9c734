//! Factors: what a person has enrolled.
//!
//! Owns identity, label and state of a factor; each kind has its own file. A factor is pending until a code from it
//! was verified, and a pending one never lets anybody in.

pub mod backup;
pub mod hotp;
mod setup;
pub mod totp;

use std::fmt;

use crate::printable::is_printable;
use crate::secret::{Entropy, Secret, draw};
use crate::time::WallTime;

pub use backup::{BACKUP_CODES, BackupCodes};
pub use hotp::{Hotp, HotpMatch};
pub use totp::{Match, Totp};

/// How long a pending enrollment lives, in seconds (row L3: 30 minutes).
pub const PENDING_SECONDS: u64 = 30 * 60;
/// The longest label, in bytes.
pub const LABEL_LIMIT: usize = 64;

/// Identifies a factor within its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactorId(pub u32);

impl FactorId {
    /// Draws an id.
    #[must_use]
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        Self(u32::from_le_bytes(draw(entropy)))
    }
}

/// The name that the person gave to a factor: printable, at most 64 bytes, not only digits, not a command word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

/// A text that is not a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label has 1 to {LABEL_LIMIT} printable bytes, is not only digits and is not a command word")]
pub struct InvalidLabel;

/// The words that mean something at a prompt, in every language (row L6).
pub const COMMAND_WORDS: [&str; 19] = [
    "?",
    "resend",
    "skip",
    "new",
    "invert",
    "saved",
    "yes",
    "ja",
    "r",
    "backup",
    "bypass",
    "totp",
    "hotp",
    "email",
    "sms",
    "call",
    "app",
    "token",
    "ssh-security-key",
];

impl TryFrom<&str> for Label {
    type Error = InvalidLabel;

    fn try_from(text: &str) -> Result<Self, InvalidLabel> {
        let text = text.trim();
        let fits = (1..=LABEL_LIMIT).contains(&text.len()) && text.chars().all(is_printable);
        // Read as an answer at a prompt, a label must not be taken for a number of the list, a code or a word.
        let answer = normalize(text);
        let digits_only = answer.chars().all(|character| character.is_ascii_digit());
        let is_command = COMMAND_WORDS.iter().any(|word| normalize(word) == answer);
        if fits && !digits_only && !is_command { Ok(Self(text.to_owned())) } else { Err(InvalidLabel) }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Label {
    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes the label of a factor that the person gave none: `authenticator`, `authenticator 2`, `hardware token`, …
    #[must_use]
    pub fn numbered(method: Method, number: u32) -> Self {
        let name = match method {
            Method::Totp | Method::Backup => "authenticator",
            Method::Hotp => "hardware token",
        };
        if number <= 1 { Self(name.to_owned()) } else { Self(format!("{name} {number}")) }
    }
}

/// How far a factor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorState {
    /// Shown to the person, not confirmed yet.
    Pending {
        /// When it was begun; it dies 30 minutes later.
        since: WallTime,
    },
    /// Confirmed by a code.
    Active {
        /// When it was confirmed.
        since: WallTime,
    },
}

/// One factor of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Its id.
    pub id: FactorId,
    /// The person's name for it.
    pub label: Label,
    /// Pending or active.
    pub state: FactorState,
    /// The last right code.
    pub last_used: Option<WallTime>,
    /// What it is.
    pub kind: FactorKind,
}

/// The kinds of factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactorKind {
    /// An authenticator app, RFC 6238.
    Totp(Totp),
    /// A token that counts, RFC 4226.
    Hotp(Hotp),
}

/// The methods that policy can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// An authenticator app, RFC 6238.
    Totp,
    /// A token that counts, RFC 4226.
    Hotp,
    /// Backup codes; made with the first factor, never set up by themselves.
    Backup,
}

impl Method {
    /// Every method, in the order in which they are offered where a rule says nothing.
    pub const ALL: [Self; 3] = [Self::Totp, Self::Hotp, Self::Backup];

    /// Tells the name used in the file, on the bus and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
            Self::Backup => "backup",
        }
    }

    /// Tells whether a person can set it up as a factor of its own.
    #[must_use]
    pub const fn is_enrollable(self) -> bool {
        match self {
            Self::Totp | Self::Hotp => true,
            Self::Backup => false,
        }
    }
}

impl FactorKind {
    /// Tells the method.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Totp(_) => Method::Totp,
            Self::Hotp(_) => Method::Hotp,
        }
    }

    /// Writes the setup URI.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Secret<String> {
        match self {
            Self::Totp(totp) => totp.uri(issuer, account),
            Self::Hotp(hotp) => hotp.uri(issuer, account),
        }
    }

    /// Writes the key for typing: base32 in groups of four.
    #[must_use]
    pub fn key_in_groups(&self) -> Secret<String> {
        match self {
            Self::Totp(totp) => totp.key_in_groups(),
            Self::Hotp(hotp) => hotp.key_in_groups(),
        }
    }
}

/// Brings an answer to the form that is evaluated: one trim, ASCII case folded to lower, spaces and dashes dropped.
///
/// Nothing else is forgiven: digits of other scripts stay what they are, and are wrong (SECURITY.md TH03).
#[must_use]
pub fn normalize(answer: &str) -> String {
    let mut normalized = String::with_capacity(answer.len());
    let kept = answer.trim().chars().filter(|character| !matches!(character, ' ' | '-'));
    normalized.extend(kept.map(|character| character.to_ascii_lowercase()));
    normalized
}
