//! What is told of a person: the answer of `Status`, `Show` and each row of `ListUsers`.
//!
//! Never a secret. The keys are documented at `protocol::proxies`.

use std::collections::HashMap;

use countersign_core::account::Account;
use countersign_core::factor::{Factor, FactorState, Method};
use countersign_core::login::{FirstFactor, Host, LoginRequest, Person, Phase, Source, SshFacts};
use countersign_core::policy::{Decision, Enrollment, Policy, Requirement};
use countersign_core::throttle::Standing;
use countersign_core::time::WallTime;
use zbus::{OwnedVariant, Variant};

/// Facts in an answer.
pub type OwnedFacts = HashMap<String, OwnedVariant>;

/// Tells what a person holds, and which rule applies to a login over ssh from nowhere in particular.
#[must_use]
pub fn standing(
    person: &Person,
    account: Option<&Account>,
    policy: &Policy,
    host: &Host,
    at: WallTime,
) -> OwnedFacts {
    let request = ordinary_login(person.clone(), host.clone());
    let decided = policy.decide(&request);
    let mut facts = decision(&decided);
    let is_enrolled = account.is_some_and(Account::is_enrolled);
    let may_enroll = |method: &Method| policy.allows_enrollment(person, host, *method);
    let available = is_enrolled || Method::ALL.iter().any(may_enroll);
    put(&mut facts, "user", person.name.as_str());
    put(&mut facts, "available", available);
    let factors = account.map(|account| account.factors.iter().map(factor).collect()).unwrap_or_default();
    put::<Vec<HashMap<String, Variant<'static>>>>(&mut facts, "factors", factors);
    if let Some(left) = account.and_then(Account::backup_codes_left) {
        put(&mut facts, "backup_codes_left", u32::try_from(left).unwrap_or(u32::MAX));
    }
    if decided.require == Requirement::Chosen {
        put(&mut facts, "chosen", account.is_some_and(|account| account.chosen));
    }
    match account.map_or(Standing::Open, |account| account.throttle.worst(at)) {
        Standing::Open => put(&mut facts, "needs_reset", false),
        Standing::NeedsReset => put(&mut facts, "needs_reset", true),
        Standing::Locked { until } => {
            put(&mut facts, "needs_reset", false);
            put(&mut facts, "locked_until", until.as_seconds());
        }
    }
    facts
}

/// Tells a decision: `rule`, `requirement`, `methods`, `enroll`.
#[must_use]
pub fn decision(decision: &Decision) -> OwnedFacts {
    let mut facts = OwnedFacts::new();
    put(&mut facts, "rule", decision.rule.as_str());
    let requirement = match decision.require {
        Requirement::Always => "always",
        Requirement::Chosen => "chosen",
        Requirement::Enrolled => "enrolled",
        Requirement::Never => "never",
    };
    put(&mut facts, "requirement", requirement);
    let enroll = match decision.enroll {
        Enrollment::SelfService => "self-service",
        Enrollment::AtLogin => "at-login",
        Enrollment::Invited => "invited",
    };
    put(&mut facts, "enroll", enroll);
    let methods: Vec<String> = decision.methods.iter().map(|method| method.name().to_owned()).collect();
    put(&mut facts, "methods", methods);
    facts
}

/// A login over ssh of which nothing else is known.
#[must_use]
pub fn ordinary_login(person: Person, host: Host) -> LoginRequest {
    LoginRequest {
        person,
        service: "sshd".to_owned(),
        phase: Phase::Auth,
        source: Source::Unknown,
        tty: None,
        ssh: SshFacts::default(),
        requesting_uid: None,
        caller_uid: 0,
        first_factor: FirstFactor::Settled,
        host,
        language: None,
    }
}

/// Adds a fact. A value that cannot be sent (a descriptor) is left out; none of ours is one.
pub fn put<'a, T: Into<Variant<'a>>>(facts: &mut OwnedFacts, key: &str, value: T) {
    if let Ok(value) = OwnedVariant::try_from(value.into()) {
        facts.insert(key.to_owned(), value);
    }
}

fn factor(factor: &Factor) -> HashMap<String, Variant<'static>> {
    let (state, since) = match factor.state {
        FactorState::Pending { since } => ("pending", since),
        FactorState::Active { since } => ("active", since),
    };
    let mut facts: HashMap<String, Variant<'static>> = HashMap::new();
    facts.insert("id".to_owned(), Variant::from(factor.id.0));
    facts.insert("method".to_owned(), Variant::from(factor.kind.method().name()));
    facts.insert("label".to_owned(), Variant::from(factor.label.as_str().to_owned()));
    facts.insert("state".to_owned(), Variant::from(state));
    facts.insert("since".to_owned(), Variant::from(since.as_seconds()));
    if let Some(last_used) = factor.last_used {
        facts.insert("last_used".to_owned(), Variant::from(last_used.as_seconds()));
    }
    facts
}
