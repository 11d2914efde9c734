//! French: what is said of codes that are sent, and of places that are remembered.

use std::net::IpAddr;
use std::time::Duration;

use crate::factor::Method;
use crate::words::clock::{Span, span};
use crate::words::{ListedWay, Resend, Sending};

use super::{moment, whom};

/// Says what is said of codes that are sent.
pub(super) fn tell(sending: &Sending) -> String {
    match sending {
        Sending::OnItsWay { recipient } => format!("Un code est en cours d’envoi à {recipient}."),
        Sending::StillValid { recipient } => format!(
            "Le code envoyé à {recipient} est toujours valable. Pour en recevoir un autre, saisissez `resend`."
        ),
        Sending::Failed { recipient, others } => format!(
            "Le code n’a pas pu être envoyé à {recipient}. {}Saisissez `resend` pour réessayer.",
            otherwise(others)
        ),
        Sending::Doubtful { recipient, others } => format!(
            "Le code n’a peut-être pas été envoyé à {recipient}. {}Saisissez `resend` pour en recevoir un autre.",
            otherwise(others)
        ),
        Sending::Deferred { recipient, others } => also(
            &format!(
                "Le code destiné à {recipient} est retardé\u{a0}: il n’a pas encore été accepté pour livraison, et l’envoi est retenté."
            ),
            others,
        ),
        Sending::Wait { seconds, others } => {
            also(&format!("Vous pourrez demander un autre code dans {seconds}\u{a0}s."), others)
        }
        Sending::Elsewhere { resend, others } => elsewhere(*resend, others),
        Sending::Cap { until, now, others, help } => format!(
            "Trop de codes ont été demandés\u{a0}; un autre sera possible après {}. {}",
            moment(*until, *now),
            instead(others, help.as_deref())
        ),
        Sending::Unreachable { recipient, others, help } => {
            format!("Aucun code ne peut être envoyé à {recipient}. {}", instead(others, help.as_deref()))
        }
        Sending::WrongCode { resend } => wrong(*resend),
        Sending::EnterCode { recipient } => {
            format!("Saisissez le code envoyé à {recipient}, ou `?` pour d’autres moyens.")
        }
        Sending::NothingToChoose { help } => {
            format!("Il n’y a rien à choisir ici. Contactez {}.", whom(help.as_deref()))
        }
    }
}

fn wrong(resend: Resend) -> String {
    let rest = match resend {
        Resend::Now => ", ou saisissez `resend`.".to_owned(),
        Resend::In(seconds) => format!(", ou saisissez `resend` (possible dans {seconds}\u{a0}s)."),
        Resend::No => ".".to_owned(),
    };
    format!("Code incorrect. Utilisez le message le plus récent{rest}")
}

fn elsewhere(resend: Resend, others: &[ListedWay]) -> String {
    let first = also("Le code envoyé est destiné à une autre connexion et n’est pas valable ici.", others);
    match resend {
        Resend::Now => format!("{first} Saisissez `resend` pour en recevoir un autre."),
        Resend::In(seconds) => {
            format!("{first} Saisissez `resend` pour en recevoir un autre (possible dans {seconds}\u{a0}s).")
        }
        Resend::No => first,
    }
}

/// Adds what else there is to a sentence.
fn also(sentence: &str, others: &[ListedWay]) -> String {
    format!("{sentence} {}", otherwise(others)).trim_end().to_owned()
}

fn otherwise(others: &[ListedWay]) -> String {
    if others.is_empty() { String::new() } else { format!("Autres moyens\u{a0}: {}. ", list(others)) }
}

fn instead(others: &[ListedWay], help: Option<&str>) -> String {
    if others.is_empty() {
        format!("Contactez {}.", whom(help))
    } else {
        format!("Autres moyens\u{a0}: {}.", list(others))
    }
}

/// Lists ways.
pub(super) fn list(ways: &[ListedWay]) -> String {
    ways.iter().map(|way| way.written(name(way.method))).collect::<Vec<_>>().join(", ")
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Totp => "application",
        Method::Hotp => "jeton",
        Method::Email => "e-mail",
        Method::Sms => "SMS",
        Method::Call => "appel",
        Method::Backup => "code de secours",
    }
}

/// Offers to remember the place.
pub(super) fn remember(source: IpAddr, life: Duration) -> String {
    let time = match span(life) {
        Span::Days(1) => "1 jour".to_owned(),
        Span::Days(days) => format!("{days} jours"),
        Span::Hours(1) => "1 heure".to_owned(),
        Span::Hours(hours) => format!("{hours} heures"),
        Span::Minutes(minutes) => format!("{minutes} minutes"),
    };
    format!("(ajoutez `r` pour mémoriser {source} pendant {time})")
}
