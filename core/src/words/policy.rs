//! What administrators read about a decision: why a rule does not decide, and what the person will see (row P6).
//!
//! In English only, like everything that administrators read. Each text is one line. What the person will see is told after
//! the messages of the login's own first turn, so that it cannot differ from what is shown.

use std::time::Duration;

use super::clock::{Span, span};
use super::{Language, ListedWay, Message, Note, Prompt, Sending, Setup, moment, say, shown};
use crate::conversation::login::Course;
use crate::factor::Method;
use crate::login::{Origin, Source};
use crate::policy::{Accepted, Decision, Force, Network, Outlook, PassedOver, Requirement, SshRefusal};

/// The most names of a list that a text holds; a person can be in thousands of groups.
const LIST_LIMIT: usize = 20;

/// Tells why a rule does not decide.
#[must_use]
pub fn why(reason: &PassedOver) -> String {
    match reason {
        PassedOver::User { name, wanted } => {
            format!("{} is not among its users ({})", shown(name), list(wanted))
        }
        PassedOver::Group { groups, wanted } if groups.is_empty() => {
            format!("the person is in no group, and it wants one of {}", list(wanted))
        }
        PassedOver::Group { groups, wanted } => {
            format!("none of the groups {} is among its groups ({})", list(groups), list(wanted))
        }
        PassedOver::Service { service, wanted } => {
            format!("{} is not among its services ({})", shown(service), list(wanted))
        }
        PassedOver::Network { source, wanted } => {
            let wanted: Vec<String> = wanted.iter().map(network).collect();
            format!("{} is in none of its networks ({})", place(*source), list(&wanted))
        }
        PassedOver::Origin { origin, wanted } => {
            format!("the person's origin is {}, not {}", origin_name(*origin), origin_name(*wanted))
        }
        PassedOver::Host { host, fqdn, wanted } => {
            let fqdn = fqdn.as_ref().map(|fqdn| format!(" ({})", shown(fqdn))).unwrap_or_default();
            format!("the host {}{fqdn} fits none of its patterns ({})", shown(host), list(wanted))
        }
        PassedOver::Domain { domain: Some(domain), wanted } => {
            format!("the person's domain is {}, none of its domains ({})", shown(domain), list(wanted))
        }
        PassedOver::Domain { domain: None, wanted } => {
            format!("the person is of no domain, and it wants one ({})", list(wanted))
        }
        PassedOver::LessStrict { than } => {
            format!("it could apply, but not everything is known of the person, and {than} is stricter")
        }
    }
}

/// Tells what sshd makes of a login that needs a code.
#[must_use]
pub fn ssh_refusal(refusal: &SshRefusal) -> String {
    match refusal {
        SshRefusal::RootRefused => "sshd refuses root (PermitRootLogin no)".to_owned(),
        SshRefusal::RootNotAsked(value) => {
            format!("sshd does not ask root for a code (PermitRootLogin {})", shown(value))
        }
        SshRefusal::NotAsked { setting } => format!("sshd does not ask for a code ({setting})"),
        SshRefusal::KeyAlone => {
            "sshd takes the key alone and does not ask for a code (AuthenticationMethods)".to_owned()
        }
    }
}

/// Tells what the person will see.
#[must_use]
pub fn sees(outlook: &Outlook) -> String {
    let would = would_see(outlook);
    match outlook.explanation.decision.force {
        Force::InForce => would,
        Force::Monitored | Force::SwitchedOff if outlook.outcome != Course::Pass => {
            "nothing; the login is refused, because the name service knows nobody of this name".to_owned()
        }
        Force::Monitored => {
            format!("nothing now, because the rule is only watched; if it were in force: {would}")
        }
        Force::SwitchedOff => {
            format!("nothing now, because the second factor is switched off; if it were on: {would}")
        }
    }
}

fn would_see(outlook: &Outlook) -> String {
    match (outlook.course, outlook.exists()) {
        (Course::Pass, _) => format!("no prompt; {}", passes(outlook)),
        (Course::Ask, false) => {
            "the prompt for a code that everybody sees; no answer to it is right, because the name service knows \
             nobody of this name"
                .to_owned()
        }
        (Course::Refuse, false) => {
            "nothing; the login is refused, because the name service knows nobody of this name".to_owned()
        }
        (Course::Ask | Course::Enroll | Course::Invite | Course::Refuse, _) => {
            let mut text = screen(outlook);
            text.extend(asides(outlook));
            text.join("; ")
        }
    }
}

/// Tells why no code is asked for.
fn passes(outlook: &Outlook) -> String {
    let decision = &outlook.explanation.decision;
    match outlook.reason {
        Some("exempt") => "the rule asks nobody for a code".to_owned(),
        Some("not-enrolled") if !outlook.void.is_empty() => {
            format!(
                "the rule asks who has enrolled, and what this person set up is void ({})",
                names(&outlook.void)
            )
        }
        Some("not-enrolled") => "the rule asks who has enrolled, and this person has not".to_owned(),
        Some("not-chosen") => "the second factor is not switched on for this person".to_owned(),
        Some("remembered") => {
            let key = if outlook.request.ssh.public_key.is_some() { " with the same key" } else { "" };
            format!("this person is remembered from {}{key}", place(outlook.request.source))
        }
        Some("put-off") => {
            let until = decision.skip.and_then(|skip| skip.until);
            let until = until.map_or_else(String::new, |until| {
                format!(", until {}", moment(Language::English, until, outlook.at))
            });
            format!("this person has put off setting up{until}")
        }
        Some("fresh") => "a code was given in the same session".to_owned(),
        Some("ssh-security-key") => "the SSH security key is enough".to_owned(),
        Some(other) => format!("the reason is {other}"),
        None => "the login goes on".to_owned(),
    }
}

/// Tells what stands on the first screen, in its order.
fn screen(outlook: &Outlook) -> Vec<String> {
    let screen = &outlook.screen;
    let is_code_shown = screen.iter().any(|message| matches!(message, Message::Setup(Setup::Drawing(_))));
    let mut parts: Vec<String> =
        screen.iter().filter_map(|message| part(message, is_code_shown, outlook)).collect();
    if parts.is_empty() {
        parts.push("the login is refused at once".to_owned());
    }
    parts
}

fn part(message: &Message, is_code_shown: bool, outlook: &Outlook) -> Option<String> {
    match message {
        Message::Refusal(_) => {
            let ends = if outlook.course == Course::Refuse { ", and the login is refused" } else { "" };
            Some(format!("the words \"{}\"{ends}", say(Language::English, message)))
        }
        Message::Sending(sending) => Some(sent(sending)),
        Message::Note(note) => Some(noted(note)),
        Message::Setup(setup) => set_up(setup, is_code_shown),
        Message::Prompt(prompt) => prompted(*prompt, outlook),
    }
}

fn sent(sending: &Sending) -> String {
    match sending {
        Sending::OnItsWay { recipient } => format!("a code is sent to {}", shown(recipient)),
        Sending::StillValid { recipient } => {
            format!("the code that was sent to {} is valid still", shown(recipient))
        }
        Sending::Deferred { .. }
        | Sending::Failed { .. }
        | Sending::Doubtful { .. }
        | Sending::Wait { .. }
        | Sending::Elsewhere { .. }
        | Sending::Cap { .. }
        | Sending::Unreachable { .. }
        | Sending::WrongCode { .. }
        | Sending::EnterCode { .. }
        | Sending::NothingToChoose { .. } => {
            format!("the words \"{}\"", say(Language::English, &Message::Sending(sending.clone())))
        }
    }
}

fn noted(note: &Note) -> String {
    match note {
        Note::Ways { ways, .. } => {
            format!("a list of ways ({}), and nothing is sent before one is chosen", listed(ways))
        }
        Note::MaySkip { days, times } => {
            if matches!(times, Some(0 | 1)) {
                return "`skip` puts it off for the last time".to_owned();
            }
            let limits =
                [days.map(|days| count(days, "day")), times.map(|times| count(times.into(), "login"))];
            let limits: Vec<String> = limits.into_iter().flatten().collect();
            let rest =
                if limits.is_empty() { String::new() } else { format!(" ({} left)", limits.join(", ")) };
            format!("`skip` puts it off{rest}")
        }
        _ => format!("the words \"{}\"", say(Language::English, &Message::Note(note.clone()))),
    }
}

fn set_up(setup: &Setup, is_code_shown: bool) -> Option<String> {
    match setup {
        Setup::Scan
        | Setup::Drawing(_)
        | Setup::Uri(_)
        | Setup::ScanOrEnterKey { .. }
        | Setup::EnterKey { .. } => None,
        Setup::Key { .. } if is_code_shown => Some("a QR code and its key, to set up an app".to_owned()),
        Setup::Key { .. } => Some("a key, to set up an app or token".to_owned()),
        Setup::ChooseWay { ways } => Some(format!("a list of what can be set up ({})", listed(ways))),
        Setup::OnFile { recipient } => {
            Some(format!("a question whether codes are to go to {} or elsewhere", shown(recipient)))
        }
        Setup::WhereTo => Some("a question where codes are to be sent".to_owned()),
        _ => Some(format!("the words \"{}\"", say(Language::English, &Message::Setup(setup.clone())))),
    }
}

fn prompted(prompt: Prompt, outlook: &Outlook) -> Option<String> {
    match prompt {
        Prompt::Code | Prompt::CodeOrOther | Prompt::CodeOf(_) | Prompt::SentCodeOrNew => {
            Some(format!("a prompt for a code{}", kinds(outlook)))
        }
        Prompt::CodeToRemember { source, life } => Some(format!(
            "a prompt for a code{}; with `r` behind it {source} is remembered for {}",
            kinds(outlook),
            time(life)
        )),
        Prompt::PendingCode(_) => {
            Some("a prompt for a code from what was set up before, or `new` to begin anew".to_owned())
        }
        Prompt::PendingCodeOrInvitation(_) => {
            Some("a prompt for a code from what was set up before, or a new invitation".to_owned())
        }
        Prompt::Invitation => {
            Some("a prompt for an invitation; with a right one, a first factor is set up".to_owned())
        }
        Prompt::CurrentCode => {
            Some("a prompt for a code from what was set up before, or an invitation".to_owned())
        }
        Prompt::NextTokenCode | Prompt::Saved | Prompt::Yes => Some("a prompt".to_owned()),
        Prompt::Choice | Prompt::NewAddress | Prompt::NewNumber | Prompt::Close => None,
    }
}

/// Tells which of the person's codes the rule takes.
fn kinds(outlook: &Outlook) -> String {
    if outlook.course != Course::Ask {
        return String::new();
    }
    let methods = &outlook.explanation.decision.methods;
    let taken: Vec<Method> =
        methods.iter().copied().filter(|method| outlook.holds.contains(method)).collect();
    if taken.is_empty() { String::new() } else { format!(" ({})", names(&taken)) }
}

/// Tells what else the rule says of a login like this one.
fn asides(outlook: &Outlook) -> Vec<String> {
    let Decision { require, fresh_for, accept, .. } = &outlook.explanation.decision;
    let is_asked = outlook.course == Course::Ask;
    let mut asides = Vec::new();
    if let Some(life) = fresh_for.filter(|_| is_asked && outlook.is_within_session) {
        asides.push(format!("nothing for {} after a code in the same session", time(life)));
    }
    let takes_keys = accept.contains(&Accepted::SshSecurityKey) && outlook.request.is_by_ssh();
    if takes_keys && outlook.request.ssh.public_key.is_none() {
        asides.push("nothing with an SSH security key".to_owned());
    }
    let must_enroll =
        matches!(require, Requirement::Always | Requirement::Chosen) && outlook.holds.is_empty();
    if must_enroll && !outlook.void.is_empty() {
        asides.push(format!("what they had set up is void ({})", names(&outlook.void)));
    }
    if let Some(deadline) = outlook.deadline.filter(|_| outlook.course == Course::Enroll) {
        asides
            .push(format!("without an invitation until {}", moment(Language::English, deadline, outlook.at)));
    }
    if let Some(until) = outlook.invited_until.filter(|_| outlook.course == Course::Invite) {
        asides.push(format!("they have one until {}", moment(Language::English, until, outlook.at)));
    }
    asides
}

fn listed(ways: &[ListedWay]) -> String {
    let written: Vec<String> = ways.iter().map(|way| way.written(way.method.name())).collect();
    written.join(", ")
}

fn names(methods: &[Method]) -> String {
    methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ")
}

fn list(names: &[String]) -> String {
    let mut text: Vec<String> = names.iter().take(LIST_LIMIT).map(|name| shown(name)).collect();
    let rest = names.len().saturating_sub(LIST_LIMIT);
    if rest > 0 {
        text.push(format!("and {rest} more"));
    }
    text.join(", ")
}

fn time(life: Duration) -> String {
    match span(life) {
        Span::Days(days) => count(days, "day"),
        Span::Hours(hours) => count(hours, "hour"),
        Span::Minutes(minutes) => count(minutes, "minute"),
    }
}

fn count(number: u64, unit: &str) -> String {
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
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
