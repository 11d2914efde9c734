//! What is told of a person: the answer of `Status`, `Show` and each row of `ListUsers`.
//!
//! Never a secret. The keys are documented at `protocol::proxies`.

use std::collections::HashMap;

use countersign_core::account::Account;
use countersign_core::contact::Contacts;
use countersign_core::delivery::{Progress, Recipient};
use countersign_core::factor::sent::SentCode;
use countersign_core::factor::{Factor, FactorKind, FactorState, Method};
use countersign_core::login::{FirstFactor, Host, LoginRequest, Person, Phase, Source, SshFacts};
use countersign_core::policy::{Decision, EnrolledAfter, Enrollment, Force, Policy, Requirement};
use countersign_core::throttle::Standing;
use countersign_core::time::Now;
use zbus::{OwnedVariant, Variant};

use crate::reload::Reloaded;
use crate::restore::Accepted;

/// Facts in an answer.
pub type OwnedFacts = HashMap<String, OwnedVariant>;

/// Who reads the facts: addresses and numbers are told accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The person: everything whole.
    Owner,
    /// The helpdesk, and whoever else looks at other people: everything masked.
    Helpdesk,
    /// Root, who makes a list: what is on file whole, the person's own masked (row H5).
    Root,
}

/// Tells what a person holds, and which rule applies to a login over ssh from nowhere in particular.
#[must_use]
pub fn standing(
    person: &Person,
    account: Option<&Account>,
    policy: &Policy,
    (host, now): (&Host, Now),
    reader: Reader,
) -> OwnedFacts {
    let at = now.latest();
    let request = ordinary_login(person.clone(), host.clone());
    let decided = policy.decide(&request);
    let enrolled_after = policy.enrolled_after_of(person, host, at);
    let bounded = account
        .map(|account| if account.ahead_of(&now).is_some() { account.bounded(at) } else { account.clone() });
    let seen = bounded.map(|account| account.seen_from(EnrolledAfter::from(enrolled_after), at));
    let account = seen.as_ref();
    let mut facts = decision(&decided);
    put(&mut facts, "force", force(decided.force));
    if let Some(after) = enrolled_after {
        put(&mut facts, "enrolled_after", after.as_seconds());
    }
    let is_enrolled = account.is_some_and(Account::is_enrolled);
    let may_enroll = |method: &Method| policy.allows_enrollment(person, host, *method);
    let is_off = decided.force == Force::SwitchedOff;
    let available = !is_off && (is_enrolled || Method::ALL.iter().any(may_enroll));
    put(&mut facts, "user", person.name.as_str());
    put(&mut facts, "available", available);
    put_contacts(&mut facts, &on_file(person, account), reader);
    put_held(&mut facts, account, now, reader);
    if decided.require == Requirement::Chosen {
        put(&mut facts, "chosen", account.is_some_and(|account| account.chosen));
    }
    facts
}

/// Tells what is kept of a user whom the name service does not tell of; no rule is known for them.
#[must_use]
pub fn kept(account: &Account, now: Now, reader: Reader) -> OwnedFacts {
    let mut facts = OwnedFacts::new();
    put(&mut facts, "user", account.key.name.as_str());
    put_contacts(&mut facts, &account.contacts, reader);
    put_held(&mut facts, Some(account), now, reader);
    facts
}

/// Adds what lies in the account: `factors`, `backup_codes_left`, locks, and what there is of remembering and sending.
pub fn put_held(facts: &mut OwnedFacts, account: Option<&Account>, now: Now, reader: Reader) {
    let factors = account.map(|account| of_factors(account, now, reader)).unwrap_or_default();
    put::<Vec<HashMap<String, Variant<'static>>>>(facts, "factors", factors);
    if let Some(left) = account.and_then(Account::backup_codes_left) {
        put(facts, "backup_codes_left", u32::try_from(left).unwrap_or(u32::MAX));
    }
    if account.is_some_and(|account| account.is_doubtful) {
        put(facts, "doubtful", true);
    }
    if let Some(account) = account {
        put_sent(facts, account, now, reader);
    }
    match account.map_or(Standing::Open, |account| account.throttle.worst(now.latest())) {
        Standing::Open => put(facts, "needs_reset", false),
        Standing::NeedsReset => put(facts, "needs_reset", true),
        Standing::Locked { until } => {
            put(facts, "needs_reset", false);
            put(facts, "locked_until", now.on_wall(until).as_seconds());
        }
    }
}

/// Tells what came of a reload: `loaded`, `policy`, `mistakes`, `warnings`.
#[must_use]
pub fn reloaded(reloaded: Reloaded) -> OwnedFacts {
    let Reloaded { is_loaded, policy, mistakes, warnings } = reloaded;
    let mut facts = OwnedFacts::new();
    put(&mut facts, "loaded", is_loaded);
    put(&mut facts, "policy", policy);
    put(&mut facts, "mistakes", mistakes);
    put(&mut facts, "warnings", warnings);
    facts
}

/// Tells what came of accepting a restored store: `doubt`, `everybody`, `doubtful`.
#[must_use]
pub fn accepted(accepted: &Accepted) -> OwnedFacts {
    let Accepted { doubt, doubtful, is_everybody } = accepted;
    let mut facts = OwnedFacts::new();
    put(&mut facts, "doubt", doubt.word());
    put(&mut facts, "everybody", *is_everybody);
    let names: Vec<String> = doubtful.iter().map(|key| key.name.as_str().to_owned()).collect();
    put(&mut facts, "doubtful", names);
    facts
}

/// Names whether a decision is in force.
const fn force(force: Force) -> &'static str {
    match force {
        Force::InForce => "in-force",
        Force::Monitored => "monitored",
        Force::SwitchedOff => "switched-off",
    }
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
        session: None,
        fresh: None,
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

/// What is on file of a person: an administrator's word goes before the name service's.
#[must_use]
pub fn on_file(person: &Person, account: Option<&Account>) -> Contacts {
    account.map_or_else(|| person.contacts.clone(), |account| account.contacts.or(&person.contacts))
}

/// Adds what is on file: `email`, `phone`.
pub fn put_contacts(facts: &mut OwnedFacts, contacts: &Contacts, reader: Reader) {
    let is_whole = match reader {
        Reader::Owner | Reader::Root => true,
        Reader::Helpdesk => false,
    };
    let Contacts { email, phone } = contacts;
    if let Some(email) = email {
        put(facts, "email", if is_whole { email.to_string() } else { email.masked() });
    }
    if let Some(phone) = phone {
        put(facts, "phone", if is_whole { phone.to_string() } else { phone.masked() });
    }
}

/// Adds what there is of remembering, skipping and sending: `remembered`, `skipped`, `undelivered`.
fn put_sent(facts: &mut OwnedFacts, account: &Account, now: Now, reader: Reader) {
    let places = account.remembered_places(now.latest()).count();
    put(facts, "remembered", u32::try_from(places).unwrap_or(u32::MAX));
    if let Some(skipped) = &account.skipped {
        put(facts, "skipped", skipped.count);
    }
    let undelivered: Vec<HashMap<String, Variant<'static>>> =
        account.sent.iter().filter_map(|code| failed(account, code, now, reader)).collect();
    put(facts, "undelivered", undelivered);
}

/// Tells of a code that did not go out.
fn failed(
    account: &Account,
    code: &SentCode,
    now: Now,
    reader: Reader,
) -> Option<HashMap<String, Variant<'static>>> {
    let Progress::Failed(why) = code.progress else { return None };
    let recipient = recipient_of(account.factor(code.factor)?)?;
    let mut facts: HashMap<String, Variant<'static>> = HashMap::new();
    facts.insert("method".to_owned(), Variant::from(recipient.channel().name()));
    facts.insert("recipient".to_owned(), Variant::from(told(recipient, reader)));
    facts.insert("at".to_owned(), Variant::from(now.on_wall(code.made).as_seconds()));
    facts.insert("why".to_owned(), Variant::from(why.word()));
    Some(facts)
}

fn recipient_of(factor: &Factor) -> Option<&Recipient> {
    match &factor.kind {
        FactorKind::Sent(recipient) => Some(recipient),
        FactorKind::Totp(_) | FactorKind::Hotp(_) => None,
    }
}

/// Writes a person's own address or number: whole for themselves alone.
fn told(recipient: &Recipient, reader: Reader) -> String {
    match reader {
        Reader::Owner => recipient.address().to_owned(),
        Reader::Helpdesk | Reader::Root => recipient.masked(),
    }
}

fn of_factors(account: &Account, now: Now, reader: Reader) -> Vec<HashMap<String, Variant<'static>>> {
    let is_void = |held: &Factor| account.void_factors().any(|void| void.id == held.id);
    account.factors.iter().map(|held| factor(held, is_void(held), now, reader)).collect()
}

fn factor(factor: &Factor, is_void: bool, now: Now, reader: Reader) -> HashMap<String, Variant<'static>> {
    let (state, since) = match factor.state {
        FactorState::Pending { since } => ("pending", since),
        FactorState::Active { since } if is_void => ("void", since),
        FactorState::Active { since } => ("active", since),
    };
    let mut facts: HashMap<String, Variant<'static>> = HashMap::new();
    facts.insert("id".to_owned(), Variant::from(factor.id.0));
    facts.insert("method".to_owned(), Variant::from(factor.kind.method().name()));
    facts.insert("label".to_owned(), Variant::from(factor.label.as_str().to_owned()));
    facts.insert("state".to_owned(), Variant::from(state));
    facts.insert("since".to_owned(), Variant::from(now.on_wall(since).as_seconds()));
    if let Some(last_used) = factor.last_used {
        facts.insert("last_used".to_owned(), Variant::from(now.on_wall(last_used).as_seconds()));
    }
    if let Some(recipient) = recipient_of(factor) {
        facts.insert("recipient".to_owned(), Variant::from(told(recipient, reader)));
    }
    facts
}
