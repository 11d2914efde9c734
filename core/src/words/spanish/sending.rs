//! Spanish: what is said of codes that are sent, and of places that are remembered.

use std::net::IpAddr;
use std::time::Duration;

use crate::factor::Method;
use crate::words::clock::{Span, span};
use crate::words::{ListedWay, Resend, Sending};

use super::{moment, turn_to};

/// Says what is said of codes that are sent.
pub(super) fn tell(sending: &Sending) -> String {
    match sending {
        Sending::OnItsWay { recipient } => format!("Se está enviando un código a {recipient}."),
        Sending::StillValid { recipient } => {
            format!(
                "El código enviado a {recipient} sigue siendo válido. Para recibir otro, escriba `resend`."
            )
        }
        Sending::Failed { recipient, others } => format!(
            "No se ha podido enviar el código a {recipient}. {}Escriba `resend` para intentarlo de nuevo.",
            otherwise(others)
        ),
        Sending::Doubtful { recipient, others } => format!(
            "Es posible que el código no se haya enviado a {recipient}. {}Escriba `resend` para recibir otro.",
            otherwise(others)
        ),
        Sending::Deferred { recipient, others } => also(
            &format!(
                "El código para {recipient} se retrasa: aún no se ha aceptado para su entrega y se volverá a intentar."
            ),
            others,
        ),
        Sending::Wait { seconds, others } => {
            also(&format!("Podrá pedir otro código dentro de {seconds} s."), others)
        }
        Sending::Elsewhere { resend, others } => elsewhere(*resend, others),
        Sending::Cap { until, now, others, help } => format!(
            "Se han pedido demasiados códigos; podrá pedir otro después de {}. {}",
            moment(*until, *now),
            instead(others, help.as_deref())
        ),
        Sending::Unreachable { recipient, others, help } => {
            format!("No se puede enviar ningún código a {recipient}. {}", instead(others, help.as_deref()))
        }
        Sending::WrongCode { resend } => wrong(*resend),
        Sending::EnterCode { recipient } => {
            format!("Escriba el código enviado a {recipient}, o `?` para ver otras opciones.")
        }
        Sending::NothingToChoose { help } => {
            format!("Aquí no hay nada que elegir; {}.", turn_to(help.as_deref()))
        }
    }
}

fn wrong(resend: Resend) -> String {
    let rest = match resend {
        Resend::Now => " o escriba `resend`.".to_owned(),
        Resend::In(seconds) => format!(" o escriba `resend` (posible dentro de {seconds} s)."),
        Resend::No => ".".to_owned(),
    };
    format!("El código no es correcto. Utilice el mensaje más reciente{rest}")
}

fn elsewhere(resend: Resend, others: &[ListedWay]) -> String {
    let first = also("El código enviado es para otro inicio de sesión y no es válido aquí.", others);
    match resend {
        Resend::Now => format!("{first} Escriba `resend` para recibir otro."),
        Resend::In(seconds) => {
            format!("{first} Escriba `resend` para recibir otro (posible dentro de {seconds} s).")
        }
        Resend::No => first,
    }
}

/// Adds what else there is to a sentence.
fn also(sentence: &str, others: &[ListedWay]) -> String {
    format!("{sentence} {}", otherwise(others)).trim_end().to_owned()
}

fn otherwise(others: &[ListedWay]) -> String {
    if others.is_empty() { String::new() } else { format!("Otras opciones: {}. ", list(others)) }
}

fn instead(others: &[ListedWay], help: Option<&str>) -> String {
    if others.is_empty() {
        format!("Por favor, {}.", turn_to(help))
    } else {
        format!("Otras opciones: {}.", list(others))
    }
}

/// Lists ways.
pub(super) fn list(ways: &[ListedWay]) -> String {
    ways.iter().map(|way| way.written(name(way.method))).collect::<Vec<_>>().join(", ")
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Totp => "aplicación",
        Method::Hotp => "token",
        Method::Email => "correo electrónico",
        Method::Sms => "SMS",
        Method::Call => "llamada",
        Method::Backup => "código de respaldo",
    }
}

/// Offers to remember the place.
pub(super) fn remember(source: IpAddr, life: Duration) -> String {
    let time = match span(life) {
        Span::Days(1) => "1 día".to_owned(),
        Span::Days(days) => format!("{days} días"),
        Span::Hours(1) => "1 hora".to_owned(),
        Span::Hours(hours) => format!("{hours} horas"),
        Span::Minutes(minutes) => format!("{minutes} minutos"),
    };
    format!("(añada `r` para recordar {source} durante {time})")
}
