//! Factors: what a person has enrolled.
//!
//! Owns identity, label and state of a factor; each kind has its own file. A factor is pending until a code from it
//! was verified, and a pending one never lets anybody in.

pub mod backup;
pub mod hotp;
pub mod sent;
mod setup;
pub mod totp;

use std::fmt;

use crate::delivery::{Channel, Recipient};
use crate::printable::is_printable;
use crate::secret::{Entropy, Secret, draw};
use crate::time::WallTime;
use crate::typed::canonical;

use backup::is_backup_like;
use sent::SentParameters;
use totp::Digits;

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
pub const COMMAND_WORDS: [&str; 24] = [
    "?",
    "resend",
    "skip",
    "new",
    "invert",
    "saved",
    "yes",
    "ja",
    "oui",
    "si",
    "sí",
    "是",
    "はい",
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
        // Read as an answer at a prompt, a label must not be taken for a number of the list, a code or a word.
        let answer = canonical(text);
        let digits_only = answer.chars().all(|character| character.is_ascii_digit());
        let is_command = COMMAND_WORDS.iter().any(|word| canonical(word) == answer);
        if digits_only || is_command { Err(InvalidLabel) } else { Self::kept(text.to_owned()) }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Label {
    /// Takes a label as a store kept it. It may be one that is no longer given, such as a command word of a later version:
    /// the factor stays usable, and only the word is read before the label.
    ///
    /// # Errors
    /// [`InvalidLabel`] where it is empty, too long or not printable.
    pub fn kept(text: String) -> Result<Self, InvalidLabel> {
        let fits = (1..=LABEL_LIMIT).contains(&text.len()) && text.chars().all(is_printable);
        if fits { Ok(Self(text)) } else { Err(InvalidLabel) }
    }

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
            Method::Email => "mailbox",
            Method::Sms => "mobile phone",
            Method::Call => "telephone",
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
    /// An address or number that codes are sent to (rows M3 to M5).
    Sent(Recipient),
}

/// The methods that policy can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// An authenticator app, RFC 6238.
    Totp,
    /// A token that counts, RFC 4226.
    Hotp,
    /// Codes by e-mail.
    Email,
    /// Codes by text message.
    Sms,
    /// Codes by voice call.
    Call,
    /// Backup codes; made with the first factor, never set up by themselves.
    Backup,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 6] = [Self::Totp, Self::Hotp, Self::Email, Self::Sms, Self::Call, Self::Backup];
    /// What a rule allows that says nothing, in the order in which they are offered. Codes that are sent are off until a
    /// rule lists them (SECURITY.md 3).
    pub const DEFAULT: [Self; 3] = [Self::Totp, Self::Hotp, Self::Backup];

    /// Tells the channel on which this method's codes are sent, if they are.
    #[must_use]
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::Email => Some(Channel::Email),
            Self::Sms => Some(Channel::Sms),
            Self::Call => Some(Channel::Call),
            Self::Totp | Self::Hotp | Self::Backup => None,
        }
    }

    /// Tells the name used in the file, on the bus and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Call => "call",
            Self::Backup => "backup",
        }
    }

    /// Tells whether a person can set it up as a factor of its own.
    #[must_use]
    pub const fn is_enrollable(self) -> bool {
        match self {
            Self::Totp | Self::Hotp | Self::Email | Self::Sms | Self::Call => true,
            Self::Backup => false,
        }
    }
}

/// Tells whether an answer, in its canonical form, can be the code of anybody's factor under this `[sent]`. It does not depend
/// on what the user has, so that it tells a stranger nothing.
pub(crate) fn is_code_like(answer: &str, sent: &SentParameters) -> bool {
    Digits::ALL.iter().any(|digits| digits.fit(answer)) || sent.fit(answer) || is_backup_like(answer)
}

impl FactorKind {
    /// Tells whether an answer, in its canonical form, can be a code of it.
    pub(crate) fn is_code_like(&self, answer: &str, sent: &SentParameters) -> bool {
        match self {
            Self::Totp(totp) => totp.digits.fit(answer),
            Self::Hotp(hotp) => hotp.digits.fit(answer),
            Self::Sent(_) => sent.fit(answer),
        }
    }

    /// Tells the method.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Totp(_) => Method::Totp,
            Self::Hotp(_) => Method::Hotp,
            Self::Sent(recipient) => recipient.channel().method(),
        }
    }

    /// Writes the setup URI; there is none for what is sent.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Option<Secret<String>> {
        match self {
            Self::Totp(totp) => Some(totp.uri(issuer, account)),
            Self::Hotp(hotp) => Some(hotp.uri(issuer, account)),
            Self::Sent(_) => None,
        }
    }

    /// Writes the key for typing: base32 in groups of four; there is none for what is sent.
    #[must_use]
    pub fn key_in_groups(&self) -> Option<Secret<String>> {
        match self {
            Self::Totp(totp) => Some(totp.key_in_groups()),
            Self::Hotp(hotp) => Some(hotp.key_in_groups()),
            Self::Sent(_) => None,
        }
    }
}
