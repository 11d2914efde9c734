//! The audit record: stable event ids, its canonical encoding, the hash chain.
//!
//! Owns what is recorded and how it is encoded. The chain is SHA-256(previous ‖ record) per host; the store computes it
//! inside the commit that carries the event. A record holds every matcher input, so that a policy can be replayed
//! against it, and never a secret or an answer.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::login::{Existence, Groups, Host, LoginRequest, Origin, Person, Phase};
use crate::policy::{Decision, Policy};
use crate::printable::is_printable;
use crate::time::WallTime;

/// What stands before the first record of a chain.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// What happened; the id is stable and the same in the audit, in syslog and in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventId {
    /// A right code, or an accepted key.
    LoginAllowed,
    /// Refused after wrong codes, or by policy.
    LoginDenied,
    /// Refused while locked, unevaluated.
    LoginLockedOut,
    /// Policy asks for no code (row L10).
    LoginSkipped,
    /// Refused because something did not work.
    LoginUnavailable,
    /// The person left before the end.
    LoginAbandoned,
    /// A wrong code was charged.
    CodeWrong,
    /// The code last accepted was repeated; not charged.
    CodeRepeated,
    /// A bucket locked.
    ThrottleLocked,
    /// An enrollment was begun.
    EnrollmentBegun,
    /// A factor became active.
    EnrollmentCompleted,
    /// An enrollment was refused or given up.
    EnrollmentFailed,
    /// A factor was removed by its owner.
    FactorRemoved,
    /// A removal was refused or given up.
    RemovalFailed,
    /// The helpdesk or root reset a person.
    UserReset,
    /// The helpdesk or root unlocked a person.
    UserUnlocked,
    /// A helpdesk act was refused.
    ActRefused,
    /// A new data key was made.
    KeyRotated,
    /// The service started.
    ServiceStarted,
    /// The clock went back behind what was committed.
    ClockFault,
    /// A uid was seen anew for a name.
    UidChanged,
    /// The policy was loaded.
    PolicyLoaded,
    /// A login's session was opened.
    SessionOpened,
    /// A password was changed.
    PasswordChanged,
}

/// Whom an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Canonical name.
    pub user: String,
    /// Realm.
    pub realm: String,
    /// Account id in hex, where there is an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// The matcher inputs of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFacts {
    /// The uid on this host; none for an unknown person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// `local`, `directory` or `unknown`.
    pub origin: String,
    /// Groups as the name service told them.
    pub groups: Vec<String>,
    /// Whether all groups were told.
    pub groups_complete: bool,
    /// PAM service.
    pub service: String,
    /// `auth` or `account`.
    pub phase: String,
    /// Numeric address, `local` or `unknown`.
    pub source: String,
    /// Terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// Type of the public key that sshd accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_type: Option<String>,
    /// Who asks, for sudo and su.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requesting_uid: Option<u32>,
}

/// One record of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// What happened.
    pub event: EventId,
    /// When, in seconds since the Unix epoch, UTC.
    pub at: u64,
    /// The host that recorded it.
    pub host: String,
    /// About whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Who did it: `self`, `root`, `uid:1000 (dora)`, `service`.
    pub actor: String,
    /// The matcher inputs, for events of a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginFacts>,
    /// Digest of the policy in force (hex).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The deciding rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The verdict, for events that carry one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// The method of the factor concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// How many answers were evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Why: a stable word, or the reason that the helpdesk gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl AuditEvent {
    /// Makes a record with nothing but what, when, where and by whom.
    #[must_use]
    pub fn new(event: EventId, at: WallTime, host: &str, actor: &str) -> Self {
        Self {
            event,
            at: at.as_seconds(),
            host: host.to_owned(),
            subject: None,
            actor: actor.to_owned(),
            login: None,
            policy: None,
            rule: None,
            verdict: None,
            factor: None,
            attempts: None,
            reason: None,
        }
    }
}

impl EventId {
    /// Every id, in the order of their declaration.
    pub const ALL: [Self; 24] = [
        Self::LoginAllowed,
        Self::LoginDenied,
        Self::LoginLockedOut,
        Self::LoginSkipped,
        Self::LoginUnavailable,
        Self::LoginAbandoned,
        Self::CodeWrong,
        Self::CodeRepeated,
        Self::ThrottleLocked,
        Self::EnrollmentBegun,
        Self::EnrollmentCompleted,
        Self::EnrollmentFailed,
        Self::FactorRemoved,
        Self::RemovalFailed,
        Self::UserReset,
        Self::UserUnlocked,
        Self::ActRefused,
        Self::KeyRotated,
        Self::ServiceStarted,
        Self::ClockFault,
        Self::UidChanged,
        Self::PolicyLoaded,
        Self::SessionOpened,
        Self::PasswordChanged,
    ];

    /// Tells the stable name, the same in the audit, in syslog and in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginAllowed => "login-allowed",
            Self::LoginDenied => "login-denied",
            Self::LoginLockedOut => "login-locked-out",
            Self::LoginSkipped => "login-skipped",
            Self::LoginUnavailable => "login-unavailable",
            Self::LoginAbandoned => "login-abandoned",
            Self::CodeWrong => "code-wrong",
            Self::CodeRepeated => "code-repeated",
            Self::ThrottleLocked => "throttle-locked",
            Self::EnrollmentBegun => "enrollment-begun",
            Self::EnrollmentCompleted => "enrollment-completed",
            Self::EnrollmentFailed => "enrollment-failed",
            Self::FactorRemoved => "factor-removed",
            Self::RemovalFailed => "removal-failed",
            Self::UserReset => "user-reset",
            Self::UserUnlocked => "user-unlocked",
            Self::ActRefused => "act-refused",
            Self::KeyRotated => "key-rotated",
            Self::ServiceStarted => "service-started",
            Self::ClockFault => "clock-fault",
            Self::UidChanged => "uid-changed",
            Self::PolicyLoaded => "policy-loaded",
            Self::SessionOpened => "session-opened",
            Self::PasswordChanged => "password-changed",
        }
    }
}

/// A text that is not a record.
#[derive(Debug, thiserror::Error)]
#[error("not an audit record: {0}")]
pub struct NotARecord(#[from] serde_json::Error);

/// A chain that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chain breaks at record {position}: it, or one before it, was altered, removed or moved")]
pub struct ChainBreak {
    /// The first of the given records that does not fit, counted from 1; one more than there are where the end is
    /// missing.
    pub position: u64,
}

impl AuditEvent {
    /// Makes the record of a login from every matcher input; verdict, factor, attempts and reason are left open.
    #[must_use]
    pub fn for_login(
        event: EventId,
        at: WallTime,
        request: &LoginRequest,
        account: &Account,
        policy: &Policy,
        decision: &Decision,
    ) -> Self {
        Self {
            subject: Some(Subject::of(&request.person, account)),
            login: Some(LoginFacts::of(request)),
            policy: Some(policy.digest.clone()),
            rule: Some(decision.rule.as_str().to_owned()),
            ..Self::new(event, at, &request.host.name, "self")
        }
    }

    /// Makes the record of something done to or by a person outside a login.
    #[must_use]
    pub fn for_person(
        event: EventId,
        at: WallTime,
        host: &Host,
        person: &Person,
        account: &Account,
        actor: &str,
    ) -> Self {
        Self { subject: Some(Subject::of(person, account)), ..Self::new(event, at, &host.name, actor) }
    }

    /// Writes the canonical encoding: JSON in a fixed order of fields, what is absent left out, on one line, with
    /// everything escaped that is not printable.
    #[must_use]
    pub fn canonical(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut canonical = String::with_capacity(json.len());
        for character in json.chars() {
            if is_printable(character) {
                canonical.push(character);
            } else {
                push_escaped(&mut canonical, character);
            }
        }
        canonical
    }

    /// Reads a canonical encoding; fields of a later version are passed over.
    ///
    /// # Errors
    /// [`NotARecord`] where the text is no record.
    pub fn from_canonical(text: &str) -> Result<Self, NotARecord> {
        Ok(serde_json::from_str(text)?)
    }
}

/// Writes a character as JSON's `\uXXXX`, in UTF-16 units (RFC 8259 7).
fn push_escaped(text: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}

impl Subject {
    fn of(person: &Person, account: &Account) -> Self {
        Self {
            user: person.name.as_str().to_owned(),
            realm: person.realm.as_str().to_owned(),
            account: account.is_stored().then(|| account.id.to_string()),
        }
    }
}

impl LoginFacts {
    fn of(request: &LoginRequest) -> Self {
        let (uid, origin) = match request.person.existence {
            Existence::Known { uid, origin: Origin::Local } => (Some(uid), "local"),
            Existence::Known { uid, origin: Origin::Directory } => (Some(uid), "directory"),
            Existence::Unknown => (None, "unknown"),
        };
        let phase = match request.phase {
            Phase::Auth => "auth",
            Phase::Account => "account",
        };
        Self {
            uid,
            origin: origin.to_owned(),
            groups: request.person.groups.names().to_vec(),
            groups_complete: matches!(request.person.groups, Groups::Complete(_)),
            service: request.service.clone(),
            phase: phase.to_owned(),
            source: request.source.to_string(),
            tty: request.tty.clone(),
            key_type: request.ssh.public_key.as_ref().map(|key| key.algorithm.clone()),
            requesting_uid: request.requesting_uid,
        }
    }
}

/// Links a record to the one before it: SHA-256(previous ‖ record).
#[must_use]
pub fn link(previous: &[u8; 32], canonical: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(canonical).finalize().into()
}

/// Follows a chain from the link before its first record and tells its head. Whether the end is missing shows only
/// against a head known from elsewhere: [`verify_up_to`].
///
/// # Errors
/// [`ChainBreak`] at the first record that does not fit.
pub fn verify<'a>(
    previous: [u8; 32],
    records: impl Iterator<Item = (&'a str, [u8; 32])>,
) -> Result<[u8; 32], ChainBreak> {
    let mut head = previous;
    for (position, (record, stored)) in (1..).zip(records) {
        head = link(&head, record);
        if head != stored {
            return Err(ChainBreak { position });
        }
    }
    Ok(head)
}

/// Follows a chain to a head that is known from elsewhere, so that a missing end shows too.
///
/// # Errors
/// [`ChainBreak`] at the first record that does not fit, or after the last one.
pub fn verify_up_to<'a>(
    previous: [u8; 32],
    records: impl Iterator<Item = (&'a str, [u8; 32])>,
    head: &[u8; 32],
) -> Result<(), ChainBreak> {
    let mut seen = 0_u64;
    let counted = records.inspect(|_| seen = seen.saturating_add(1));
    if verify(previous, counted)? == *head {
        Ok(())
    } else {
        Err(ChainBreak { position: seen.saturating_add(1) })
    }
}
