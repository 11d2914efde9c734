//! The answer of `Admin.ExplainPolicy`: which rule decides about a login, and why the others do not (row P6).
//!
//! The decision is the one that a login gets, made by the same code in core.

use countersign_core::account::Account;
use countersign_core::login::{Groups, LoginRequest, Origin, PublicKey, Source};
use countersign_core::policy::{Decision, Enrollment, Network, PassedOver, Policy, Requirement};

use super::facts::{OwnedFacts, decision, ordinary_login, put};
use super::{BusError, Service, convert};

/// The longest fact of a question, in bytes.
const TEXT_LIMIT: usize = 256;

/// Explains the decision about the login that is asked about.
///
/// # Errors
/// [`BusError::InvalidArgument`] for a question that is none; what the name service fails with.
pub async fn answer(service: &Service, question: &convert::Facts) -> Result<OwnedFacts, BusError> {
    let request = request(service, question).await?;
    let policy = service.engine.policy();
    let explanation = policy.explain(&request);
    let mut facts = decision(&explanation.decision);
    let account = service.engine.account(&request.person).await?;
    let knowledge = Knowledge::of(account.as_ref(), &policy, &explanation.decision, &request, service);
    put(&mut facts, "sees", sees(&explanation.decision, knowledge));
    let passed_over: Vec<(String, String)> = explanation
        .passed_over
        .iter()
        .map(|(rule, reason)| (rule.as_str().to_owned(), why(reason)))
        .collect();
    put(&mut facts, "passed_over", passed_over);
    put(&mut facts, "groups_complete", matches!(request.person.groups, Groups::Complete(_)));
    put(&mut facts, "policy", policy.digest.as_str());
    Ok(facts)
}

async fn request(service: &Service, question: &convert::Facts) -> Result<LoginRequest, BusError> {
    let text = |key| convert::text(question, key, TEXT_LIMIT);
    let user = text("user")?.ok_or(BusError::InvalidArgument("user is missing".into()))?;
    let person = service.directory.person(&user).await?;
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
    Ok(request)
}

/// What is known of the person besides the decision.
#[derive(Debug, Clone, Copy)]
struct Knowledge {
    is_enrolled: bool,
    is_chosen: bool,
    wants_invitation: bool,
}

impl Knowledge {
    fn of(
        account: Option<&Account>,
        policy: &Policy,
        decision: &Decision,
        request: &LoginRequest,
        service: &Service,
    ) -> Self {
        let at = service.engine.wall();
        let LoginRequest { person, host, .. } = request;
        let is_over = |account: &Account| policy.wants_invitation(person, host, account, at);
        Self {
            is_enrolled: account.is_some_and(Account::is_enrolled),
            is_chosen: account.is_some_and(|account| account.chosen),
            wants_invitation: account.map_or(decision.enroll == Enrollment::Invited, is_over),
        }
    }
}

/// What the person will see.
fn sees(decision: &Decision, knowledge: Knowledge) -> String {
    let Knowledge { is_enrolled, is_chosen, wants_invitation } = knowledge;
    match (decision.require, is_enrolled, decision.enroll) {
        (Requirement::Never, ..) => "no prompt; the login goes on without a code",
        (Requirement::Enrolled, false, _) => "no prompt: this person has enrolled nothing",
        (Requirement::Chosen, ..) if !is_chosen => "no prompt: it is not switched on for this person",
        (Requirement::Enrolled | Requirement::Chosen | Requirement::Always, true, _) => "a prompt for a code",
        (Requirement::Chosen | Requirement::Always, false, _) if wants_invitation => {
            "a prompt for an invitation; with a right one, a QR code to set up an app"
        }
        (Requirement::Chosen | Requirement::Always, false, Enrollment::AtLogin) => {
            "a QR code to set up an app, then a prompt for a code"
        }
        (Requirement::Chosen | Requirement::Always, false, Enrollment::SelfService | Enrollment::Invited) => {
            "a prompt that says that a code is needed and none is set up; the login is refused"
        }
    }
    .to_owned()
}

/// Why a rule does not decide.
fn why(reason: &PassedOver) -> String {
    match reason {
        PassedOver::User { name, wanted } => format!("{name} is not among its users ({})", wanted.join(", ")),
        PassedOver::Group { groups, wanted } => {
            format!("none of the groups {} is among its groups ({})", groups.join(", "), wanted.join(", "))
        }
        PassedOver::Service { service, wanted } => {
            format!("{service} is not among its services ({})", wanted.join(", "))
        }
        PassedOver::Network { source, wanted } => {
            let wanted: Vec<String> = wanted.iter().map(network).collect();
            format!("{} is in none of its networks ({})", place(*source), wanted.join(", "))
        }
        PassedOver::Origin { origin, wanted } => {
            format!("the person's origin is {}, not {}", origin_name(*origin), origin_name(*wanted))
        }
        PassedOver::Host { host, wanted } => {
            format!("the host {host} fits none of its patterns ({})", wanted.join(", "))
        }
        PassedOver::Domain { domain: Some(domain), wanted } => {
            format!("the person's domain is {domain}, none of its domains ({})", wanted.join(", "))
        }
        PassedOver::Domain { domain: None, wanted } => {
            format!("the person is of no domain, and it wants one ({})", wanted.join(", "))
        }
        PassedOver::LessStrict { than } => {
            format!("it could apply, but not everything is known of the person, and {than} is stricter")
        }
    }
}

const fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Local => "local",
        Origin::Directory => "directory",
    }
}

fn network(network: &Network) -> String {
    match network {
        Network::Local => "local".to_owned(),
        Network::Range(range) => range.to_string(),
    }
}

fn place(source: Source) -> String {
    match source {
        Source::Local => "local".to_owned(),
        Source::Address(address) => address.to_string(),
        Source::Unknown => "an unknown source".to_owned(),
    }
}
