//! The audit record and its canonical encoding.
//!
//! Owns what is recorded and how it is encoded; `id` has the stable names, `chain` the hash chain, `retention` what is kept. A record holds every
//! matcher input, so that a policy can be replayed against it, and never a secret or an answer.

pub mod retention;

mod chain;
mod id;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::helpdesk::LoginUser;
use crate::login::{Existence, Groups, Host, LoginRequest, Origin, Person, Phase};
use crate::policy::{Decision, Policy};
use crate::printable::is_printable;
use crate::time::WallTime;

pub use chain::{CHAIN_START, ChainBreak, Damage, Mark, NotAMark, Span, check_end, follow, link};
pub use id::EventId;

/// How many characters of a service, terminal or key type are recorded; a caller could send 16 KiB each time.
pub const TEXT_LIMIT: usize = 256;

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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// As whom the actor logged in to this host, by systemd-logind: for the record only, it decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The name of that uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_name: Option<String>,
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
    /// What was set: `on` or `off`; `invitation` where a reset made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// What would have happened to a login that was only watched: `pass`, `ask`, `enroll`, `invite`, `refuse` (row P4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<String>,
    /// Why that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_because: Option<String>,
    /// The message that it is about, in hex: the same id as in the outbox and in the `Message-ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
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
            login_uid: None,
            login_name: None,
            login: None,
            policy: None,
            rule: None,
            verdict: None,
            factor: None,
            attempts: None,
            reason: None,
            change: None,
            would: None,
            would_because: None,
            message: None,
        }
    }
}

/// A text that is not a record.
#[derive(Debug, thiserror::Error)]
#[error("not an audit record: {0}")]
pub struct NotARecord(#[from] serde_json::Error);

impl AuditEvent {
    /// Adds as whom the actor logged in, where that is known.
    #[must_use]
    pub fn by_login(self, login: Option<&LoginUser>) -> Self {
        let (login_uid, login_name) = login.map(|login| (login.uid, login.name.to_string())).unzip();
        Self { login_uid, login_name, ..self }
    }

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
            account: is_kept(account).then(|| account.id.to_string()),
        }
    }
}

/// Tells whether the store has the account, or gets it with this record: every commit notes its time.
fn is_kept(account: &Account) -> bool {
    account.is_stored() || account.changed > WallTime::default()
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
            service: clipped(&request.service),
            phase: phase.to_owned(),
            source: request.source.to_string(),
            tty: request.tty.as_deref().map(clipped),
            key_type: request.ssh.public_key.as_ref().map(|key| clipped(&key.algorithm)),
            requesting_uid: request.requesting_uid,
        }
    }
}

/// Copies what a caller said, as much of it as a record takes.
fn clipped(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}
