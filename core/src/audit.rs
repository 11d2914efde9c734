//! The audit record: stable event ids, its canonical encoding, the hash chain.
//!
//! Owns what is recorded and how it is encoded. The chain is SHA-256(previous ‖ record) per host; the store computes it
//! inside the commit that carries the event. A record holds every matcher input, so that a policy can be replayed
//! against it, and never a secret or an answer.

use serde::{Deserialize, Serialize};

use crate::time::WallTime;

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
    pub account: Option<String>,
}

/// The matcher inputs of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFacts {
    /// The uid on this host; none for an unknown person.
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
    pub tty: Option<String>,
    /// Type of the public key that sshd accepted.
    pub key_type: Option<String>,
    /// Who asks, for sudo and su.
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
    pub subject: Option<Subject>,
    /// Who did it: `self`, `root`, `uid:1000 (dora)`, `service`.
    pub actor: String,
    /// The matcher inputs, for events of a login.
    pub login: Option<LoginFacts>,
    /// Digest of the policy in force (hex).
    pub policy: Option<String>,
    /// The deciding rule.
    pub rule: Option<String>,
    /// The verdict, for events that carry one.
    pub verdict: Option<String>,
    /// The method of the factor concerned.
    pub factor: Option<String>,
    /// How many answers were evaluated.
    pub attempts: Option<u32>,
    /// Why: a stable word, or the reason that the helpdesk gave.
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
