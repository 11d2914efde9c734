//! German: what is said of codes that are sent, and of places that are remembered.

use std::net::IpAddr;
use std::time::Duration;

use crate::factor::Method;
use crate::words::clock::{Span, span};
use crate::words::{ListedWay, Resend, Sending};

use super::{moment, turn_to};

/// Says what is said of codes that are sent.
pub(super) fn tell(sending: &Sending) -> String {
    match sending {
        Sending::OnItsWay { recipient } => format!("Ein Code ist unterwegs an {recipient}."),
        Sending::StillValid { recipient } => {
            format!("Der an {recipient} gesendete Code gilt noch. Für einen neuen geben Sie `resend` ein.")
        }
        Sending::Failed { recipient, others } => format!(
            "Der Code konnte nicht an {recipient} gesendet werden. {}Für einen neuen Versuch geben Sie `resend` ein.",
            otherwise(others)
        ),
        Sending::Doubtful { recipient, others } => format!(
            "Der Code wurde möglicherweise nicht an {recipient} gesendet. {}Für einen neuen geben Sie `resend` ein.",
            otherwise(others)
        ),
        Sending::Deferred { recipient, others } => also(
            &format!(
                "Der Code an {recipient} verzögert sich: Er wurde noch nicht zur Zustellung angenommen, und es wird erneut versucht."
            ),
            others,
        ),
        Sending::Wait { seconds, others } => {
            also(&format!("Einen weiteren Code können Sie in {seconds} s anfordern."), others)
        }
        Sending::Elsewhere { resend, others } => elsewhere(*resend, others),
        Sending::Cap { until, now, others, help } => format!(
            "Es wurden zu viele Codes angefordert; der nächste ist nach {} möglich. {}",
            moment(*until, *now),
            instead(others, help.as_deref())
        ),
        Sending::Unreachable { recipient, others, help } => {
            format!("An {recipient} kann kein Code gesendet werden. {}", instead(others, help.as_deref()))
        }
        Sending::WrongCode { resend } => wrong(*resend),
        Sending::EnterCode { recipient } => {
            format!("Geben Sie den an {recipient} gesendeten Code ein oder `?` für andere Wege.")
        }
        Sending::NothingToChoose { help } => {
            format!("Hier gibt es nichts auszuwählen. Bitte {}.", turn_to(help.as_deref()))
        }
    }
}

fn wrong(resend: Resend) -> String {
    let rest = match resend {
        Resend::Now => " oder geben Sie `resend` ein.".to_owned(),
        Resend::In(seconds) => format!(" oder geben Sie `resend` ein (möglich in {seconds} s)."),
        Resend::No => ".".to_owned(),
    };
    format!("Dieser Code ist nicht richtig. Verwenden Sie die neueste Nachricht{rest}")
}

fn elsewhere(resend: Resend, others: &[ListedWay]) -> String {
    let first = also("Der gesendete Code gehört zu einer anderen Anmeldung und gilt hier nicht.", others);
    match resend {
        Resend::Now => format!("{first} Für einen neuen geben Sie `resend` ein."),
        Resend::In(seconds) => {
            format!("{first} Für einen neuen geben Sie `resend` ein (möglich in {seconds} s).")
        }
        Resend::No => first,
    }
}

/// Adds what else there is to a sentence.
fn also(sentence: &str, others: &[ListedWay]) -> String {
    format!("{sentence} {}", otherwise(others)).trim_end().to_owned()
}

fn otherwise(others: &[ListedWay]) -> String {
    if others.is_empty() { String::new() } else { format!("Andere Wege: {}. ", list(others)) }
}

fn instead(others: &[ListedWay], help: Option<&str>) -> String {
    if others.is_empty() {
        format!("Bitte {}.", turn_to(help))
    } else {
        format!("Andere Wege: {}.", list(others))
    }
}

/// Lists ways.
pub(super) fn list(ways: &[ListedWay]) -> String {
    ways.iter().map(|way| way.written(name(way.method))).collect::<Vec<_>>().join(", ")
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Totp => "App",
        Method::Hotp => "Token",
        Method::Email => "E-Mail",
        Method::Sms => "SMS",
        Method::Call => "Anruf",
        Method::Backup => "Backup-Code",
    }
}

/// Offers to remember the place.
pub(super) fn remember(source: IpAddr, life: Duration) -> String {
    let time = match span(life) {
        Span::Days(1) => "1 Tag".to_owned(),
        Span::Days(days) => format!("{days} Tage"),
        Span::Hours(1) => "1 Stunde".to_owned(),
        Span::Hours(hours) => format!("{hours} Stunden"),
        Span::Minutes(minutes) => format!("{minutes} Minuten"),
    };
    format!("(mit `r` dahinter werden Sie von {source} aus {time} lang nicht mehr gefragt)")
}
