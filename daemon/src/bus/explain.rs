//! The answer of `Admin.ExplainPolicy`: which rule decides about a login, why the others do not, and what the person will see
//! (row P6).
//!
//! Owns the question, also about people who do not exist, and the names on the wire. What is decided, shown and told is
//! core's.

use std::time::Duration;

use countersign_config::may_be_ssh;
use countersign_core::account::{Account, AccountKey};
use countersign_core::login::{Existence, Groups, LoginRequest, Origin, Person, PublicKey, Source};
use countersign_core::policy::{Accepted, Decision, Force, Outlook, SshServer, outlook};
use countersign_core::throttle::Standing;
use countersign_core::time::WallTime;
use countersign_core::words::policy as words;
use zbus::Variant;

use super::facts::{OwnedFacts, decision, ordinary_login, put};
use super::{BusError, Service, convert};
use crate::host::entropy::SystemEntropy;

/// The longest fact of a question, in bytes.
const TEXT_LIMIT: usize = 256;
/// The longest settings of sshd, in bytes.
const SSHD_LIMIT: usize = 4096;
/// The most groups of a question.
const GROUP_LIMIT: usize = 1024;
/// The uid of a person who does not exist (`nobody`).
const NOBODY: u32 = 65_534;

/// Explains the login that is asked about.
///
/// # Errors
/// [`BusError::InvalidArgument`] for a question that is none; what the name service fails with.
pub async fn answer(service: &Service, question: &convert::Facts) -> Result<OwnedFacts, BusError> {
    let engine = &service.engine;
    let (request, is_known) = request(service, question).await?;
    let Person { realm, name, .. } = &request.person;
    let key = AccountKey { realm: realm.clone(), name: name.clone() };
    let kept = engine.account(&request.person).await?;
    let account = kept.unwrap_or_else(|| Account::new(key, &mut SystemEntropy));
    let now = engine.now();
    let policy = engine.policy();
    let outlook = outlook(hypothetical(request, &account), &policy, &account, now, &mut SystemEntropy);
    let mut facts = told(&outlook);
    if let Some(settings) = convert::text(question, "sshd", SSHD_LIMIT)?
        && let Some(refusal) = SshServer::read(&settings).refusal(&outlook.request, outlook.course)
    {
        put(&mut facts, "sshd", words::ssh_refusal(&refusal));
    }
    put(
        &mut facts,
        "enrolled",
        account.seen_from(outlook.explanation.decision.enrolled_after, now.latest()).is_enrolled(),
    );
    put(&mut facts, "known", is_known);
    put(&mut facts, "policy", policy.digest.as_str());
    Ok(facts)
}

async fn request(service: &Service, question: &convert::Facts) -> Result<(LoginRequest, bool), BusError> {
    let text = |key| convert::text(question, key, TEXT_LIMIT);
    let user = text("user")?.ok_or(BusError::InvalidArgument("user is missing".into()))?;
    let mut person = service.directory.person(&user).await?;
    let is_known = matches!(person.existence, Existence::Known { .. });
    imagine(&mut person, groups(question)?, origin(text("origin")?.as_deref())?);
    let mut request = ordinary_login(person, service.engine.host().clone());
    if let Some(name) = text("service")? {
        request.service = name;
    }
    request.source = match text("from")?.as_deref() {
        None => Source::Unknown,
        Some("local") => Source::Local,
        Some(address) => convert::address(address)
            .map(Source::Address)
            .ok_or(BusError::InvalidArgument("from is a numeric address or `local`".into()))?,
    };
    request.ssh.public_key =
        text("ssh_key")?.map(|algorithm| PublicKey { algorithm, fingerprint: String::new() });
    // A question with a key is about an SSH server, unless its service is known to be another program.
    request.ssh.is_server = request.ssh.public_key.is_some() && may_be_ssh(&request.service);
    Ok((request, is_known))
}

/// Gives a person groups or an origin that the question names; whoever has them exists.
fn imagine(person: &mut Person, groups: Option<Vec<String>>, origin: Option<Origin>) {
    person.existence = match (person.existence, origin) {
        (Existence::Unknown, None) if groups.is_none() => Existence::Unknown,
        (Existence::Unknown, origin) => {
            Existence::Known { uid: NOBODY, origin: origin.unwrap_or(Origin::Local) }
        }
        (Existence::Known { uid, origin: own }, origin) => {
            Existence::Known { uid, origin: origin.unwrap_or(own) }
        }
    };
    if let Some(groups) = groups {
        person.groups = Groups::Complete(groups);
    }
}

/// Gives somebody who does not exist the uid that an account of that name was last seen with.
fn hypothetical(mut request: LoginRequest, account: &Account) -> LoginRequest {
    if let Existence::Known { uid: NOBODY, origin } = request.person.existence {
        let uid = account.uids.get(&request.host.id).copied().unwrap_or(NOBODY);
        request.person.existence = Existence::Known { uid, origin };
    }
    request
}

fn groups(question: &convert::Facts) -> Result<Option<Vec<String>>, BusError> {
    let Some(groups) = question.get("groups") else { return Ok(None) };
    let names: Vec<String> = groups
        .clone()
        .try_into()
        .map_err(|_| BusError::InvalidArgument("groups is no list of names".into()))?;
    if names.len() > GROUP_LIMIT || names.iter().any(|name| name.len() > TEXT_LIMIT) {
        return Err(BusError::InvalidArgument("groups are too many, or too long".into()));
    }
    Ok(Some(names))
}

fn origin(text: Option<&str>) -> Result<Option<Origin>, BusError> {
    match text {
        None => Ok(None),
        Some("local") => Ok(Some(Origin::Local)),
        Some("directory") => Ok(Some(Origin::Directory)),
        Some(_) => Err(BusError::InvalidArgument("origin is `local` or `directory`".into())),
    }
}

fn told(outlook: &Outlook) -> OwnedFacts {
    let Outlook {
        explanation, request, course, reason, holds, void, chosen, deadline, invited_until, ..
    } = outlook;
    let mut facts = decision(&explanation.decision);
    put(&mut facts, "sees", words::sees(outlook));
    let passed_over: Vec<(String, String)> = explanation
        .passed_over
        .iter()
        .map(|(rule, reason)| (rule.as_str().to_owned(), words::why(reason)))
        .collect();
    put(&mut facts, "passed_over", passed_over);
    put(&mut facts, "groups_complete", outlook.groups_complete());
    put(&mut facts, "groups", request.person.groups.names().to_vec());
    put(&mut facts, "origin", origin_name(request.person.existence));
    put(&mut facts, "course", course.name());
    put(&mut facts, "why", reason.unwrap_or_default());
    let name = |method: &countersign_core::factor::Method| method.name().to_owned();
    put(&mut facts, "holds", holds.iter().map(name).collect::<Vec<String>>());
    put(&mut facts, "void", void.iter().map(name).collect::<Vec<String>>());
    put(&mut facts, "remembered", outlook.is_remembered());
    put(&mut facts, "chosen", *chosen);
    put_time(&mut facts, "deadline", *deadline);
    put_time(&mut facts, "invited_until", *invited_until);
    put_standing(&mut facts, outlook.standing);
    put_terms(&mut facts, &explanation.decision);
    put_time(&mut facts, "enrolled_after", explanation.decision.enrolled_after.at(outlook.at));
    facts
}

/// Adds what else the rule says, where it says anything.
fn put_terms(facts: &mut OwnedFacts, decision: &Decision) {
    let force = match decision.force {
        Force::InForce => "in-force",
        Force::Monitored => "monitored",
        Force::SwitchedOff => "switched-off",
    };
    put(facts, "force", force);
    let accepts: Vec<String> = decision
        .accept
        .iter()
        .map(|accepted| match accepted {
            Accepted::SshSecurityKey => "ssh-security-key".to_owned(),
        })
        .collect();
    if !accepts.is_empty() {
        put(facts, "accepts", accepts);
    }
    put_life(facts, "fresh_for", decision.fresh_for);
    put_life(facts, "idle_timeout", decision.idle_timeout);
    put_life(facts, "remember_for", decision.remember);
}

fn put_standing(facts: &mut OwnedFacts, standing: Standing) {
    let locked = match standing {
        Standing::Open => "no",
        Standing::Locked { until } => {
            put_time(facts, "locked_until", Some(until));
            "until"
        }
        Standing::NeedsReset => "needs-reset",
    };
    put(facts, "locked", locked);
}

fn put_time(facts: &mut OwnedFacts, key: &str, time: Option<WallTime>) {
    if let Some(time) = time {
        put::<Variant<'_>>(facts, key, Variant::from(time.as_seconds()));
    }
}

fn put_life(facts: &mut OwnedFacts, key: &str, life: Option<Duration>) {
    if let Some(life) = life {
        put(facts, key, u32::try_from(life.as_secs()).unwrap_or(u32::MAX));
    }
}

const fn origin_name(existence: Existence) -> &'static str {
    match existence {
        Existence::Known { origin: Origin::Local, .. } => "local",
        Existence::Known { origin: Origin::Directory, .. } => "directory",
        Existence::Unknown => "unknown",
    }
}
