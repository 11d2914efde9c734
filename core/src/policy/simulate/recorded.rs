//! The way back from a record of the audit to the login that it is about.
//!
//! Owns what is taken from a record. What it does not hold is taken as it must have been: a login that passed by a fresh code
//! had one, one that passed because its place is remembered came with the key of that place. Else the first factor was
//! settled, and root called.

use crate::account::{HostId, Realm, UserName};
use crate::audit::{AuditEvent, EventId, LoginFacts};
use crate::contact::Contacts;
use crate::login::{
    Existence, FirstFactor, Groups, Host, LoginRequest, Origin, Person, Phase, PublicKey, Source, SshFacts,
};

/// A login that was recorded, with what rules ask about and nothing else: two logins that are equal here are decided alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recorded {
    host: String,
    user: String,
    realm: String,
    facts: LoginFacts,
    pub(super) ease: Ease,
}

/// What a login passed by, where its record does not hold all of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ease {
    /// By a code given in the same session.
    Fresh,
    /// By a remembered place.
    Remembered,
    /// By neither.
    None,
}

impl Recorded {
    /// Takes the login that a record ends; nothing where it ends none.
    #[must_use]
    pub fn of(event: AuditEvent) -> Option<Self> {
        if !ends_login(event.event) {
            return None;
        }
        let (subject, mut facts) = (event.subject?, event.login?);
        facts.tty = None;
        let ease = match event.reason.as_deref() {
            Some("fresh") => Ease::Fresh,
            Some("remembered") => Ease::Remembered,
            Some(_) | None => Ease::None,
        };
        Some(Self { host: event.host, user: subject.user, realm: subject.realm, facts, ease })
    }

    /// Makes the login once more; nothing for a record that is none of ours.
    #[must_use]
    pub fn request(&self, host: &HostId) -> Option<LoginRequest> {
        let Self { host: host_name, user, realm, facts, ease: _ } = self;
        let public_key = facts.key_type.clone();
        Some(LoginRequest {
            person: person(user, realm, facts)?,
            service: facts.service.clone(),
            phase: phase(&facts.phase)?,
            source: source(&facts.source)?,
            tty: None,
            ssh: SshFacts {
                is_server: public_key.is_some(),
                public_key: public_key.map(|algorithm| PublicKey { algorithm, fingerprint: String::new() }),
            },
            requesting_uid: facts.requesting_uid,
            caller_uid: 0,
            first_factor: FirstFactor::Settled,
            session: None,
            fresh: None,
            host: Host { name: host_name.clone(), id: host.clone() },
            language: None,
        })
    }
}

/// Tells whether a record is the last of its login.
const fn ends_login(event: EventId) -> bool {
    matches!(
        event,
        EventId::LoginAllowed
            | EventId::LoginDenied
            | EventId::LoginLockedOut
            | EventId::LoginSkipped
            | EventId::LoginUnavailable
            | EventId::LoginAbandoned
    )
}

fn person(user: &str, realm: &str, facts: &LoginFacts) -> Option<Person> {
    let existence = match (facts.origin.as_str(), facts.uid) {
        ("local", Some(uid)) => Existence::Known { uid, origin: Origin::Local },
        ("directory", Some(uid)) => Existence::Known { uid, origin: Origin::Directory },
        ("unknown", None) => Existence::Unknown,
        _ => return None,
    };
    let groups = facts.groups.clone();
    Some(Person {
        name: UserName::try_from(user).ok()?,
        realm: Realm::try_from(realm).ok()?,
        existence,
        groups: if facts.groups_complete { Groups::Complete(groups) } else { Groups::Incomplete(groups) },
        contacts: Contacts::default(),
    })
}

fn phase(text: &str) -> Option<Phase> {
    match text {
        "auth" => Some(Phase::Auth),
        "account" => Some(Phase::Account),
        _ => None,
    }
}

fn source(text: &str) -> Option<Source> {
    match text {
        "local" => Some(Source::Local),
        "unknown" => Some(Source::Unknown),
        address => address.parse().ok().map(Source::Address),
    }
}
