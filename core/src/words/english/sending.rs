//! English: what is said of codes that are sent, and of places that are remembered.

use std::net::IpAddr;
use std::time::Duration;

use crate::factor::Method;
use crate::words::clock::{Span, span};
use crate::words::{ListedWay, Resend, Sending};

use super::{moment, whom};

/// Says what is said of codes that are sent.
pub(super) fn tell(sending: &Sending) -> String {
    match sending {
        Sending::OnItsWay { recipient } => format!("A code is on its way to {recipient}."),
        Sending::StillValid { recipient } => {
            format!("The code that was sent to {recipient} is still valid. For another one type `resend`.")
        }
        Sending::Failed { recipient, others } => {
            format!(
                "The code could not be sent to {recipient}. {}Type `resend` to try again.",
                otherwise(others)
            )
        }
        Sending::Doubtful { recipient, others } => format!(
            "The code may not have been sent to {recipient}. {}Type `resend` for another one.",
            otherwise(others)
        ),
        Sending::Deferred { recipient, others } => also(
            &format!(
                "The code to {recipient} is delayed: it has not been accepted for delivery yet, and is tried again."
            ),
            others,
        ),
        Sending::Wait { seconds, others } => {
            also(&format!("You can ask for another code in {seconds} s."), others)
        }
        Sending::Elsewhere { resend, others } => elsewhere(*resend, others),
        Sending::Cap { until, now, others, help } => format!(
            "Too many codes were asked for; another one is possible after {}. {}",
            moment(*until, *now),
            instead(others, help.as_deref())
        ),
        Sending::Unreachable { recipient, others, help } => {
            format!("No code can be sent to {recipient}. {}", instead(others, help.as_deref()))
        }
        Sending::WrongCode { resend } => wrong(*resend),
        Sending::EnterCode { recipient } => {
            format!("Enter the code that was sent to {recipient}, or type `?` for other ways.")
        }
        Sending::NothingToChoose { help } => {
            format!("There is nothing to choose from here. Ask {}.", whom(help.as_deref()))
        }
    }
}

fn wrong(resend: Resend) -> String {
    match resend {
        Resend::Now => "That code is not right. Use the newest message, or type `resend`.".to_owned(),
        Resend::In(seconds) => {
            format!(
                "That code is not right. Use the newest message, or type `resend` (possible in {seconds} s)."
            )
        }
        Resend::No => "That code is not right. Use the newest message.".to_owned(),
    }
}

fn elsewhere(resend: Resend, others: &[ListedWay]) -> String {
    let first = also("The code that was sent is for a different login and is not valid here.", others);
    match resend {
        Resend::Now => format!("{first} Type `resend` for a new one."),
        Resend::In(seconds) => {
            format!("{first} Type `resend` for a new one (possible in {seconds} s).")
        }
        Resend::No => first,
    }
}

/// Adds what else there is to a sentence.
fn also(sentence: &str, others: &[ListedWay]) -> String {
    format!("{sentence} {}", otherwise(others)).trim_end().to_owned()
}

fn otherwise(others: &[ListedWay]) -> String {
    if others.is_empty() { String::new() } else { format!("Other ways: {}. ", list(others)) }
}

fn instead(others: &[ListedWay], help: Option<&str>) -> String {
    if others.is_empty() { format!("Ask {}.", whom(help)) } else { format!("Other ways: {}.", list(others)) }
}

/// Lists ways.
pub(super) fn list(ways: &[ListedWay]) -> String {
    ways.iter().map(|way| way.written(name(way.method))).collect::<Vec<_>>().join(", ")
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Totp => "app",
        Method::Hotp => "token",
        Method::Email => "email",
        Method::Sms => "sms",
        Method::Call => "call",
        Method::Backup => "backup code",
    }
}

/// Offers to remember the place.
pub(super) fn remember(source: IpAddr, life: Duration) -> String {
    let time = match span(life) {
        Span::Days(1) => "1 day".to_owned(),
        Span::Days(days) => format!("{days} days"),
        Span::Hours(1) => "1 hour".to_owned(),
        Span::Hours(hours) => format!("{hours} hours"),
        Span::Minutes(minutes) => format!("{minutes} minutes"),
    };
    format!("(add `r` to be remembered from {source} for {time})")
}
