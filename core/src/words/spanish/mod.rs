//! Spanish: the polite "usted", angular quotation marks, words that are understood on both sides of the ocean.

pub(super) mod letter;
mod notes;
mod refusals;
mod sending;
mod setup;

use crate::factor::Method;
use crate::time::WallTime;

use super::{Message, Prompt, clock, shown};

/// Says a message.
pub(super) fn say(message: &Message) -> String {
    match message {
        Message::Prompt(prompt) => ask(*prompt),
        Message::Note(note) => notes::remark(note),
        Message::Refusal(refusal) => refusals::refuse(refusal),
        Message::Setup(setup) => setup::show(setup),
        Message::Sending(sending) => sending::tell(sending),
    }
}

fn ask(prompt: Prompt) -> String {
    if let Some(offer) = offer(prompt) {
        return format!("Código {offer}: ");
    }
    let text = match prompt {
        Prompt::Code | Prompt::CodeOrOther | Prompt::CodeToRemember { .. } => "Código: ",
        Prompt::CodeOf(Method::Totp) => "Código de su aplicación: ",
        Prompt::CodeOf(Method::Hotp) => "Código de su token: ",
        Prompt::CodeOf(Method::Email) => "Código del correo electrónico: ",
        Prompt::CodeOf(Method::Sms) => "Código del SMS: ",
        Prompt::CodeOf(Method::Call) => "Código de la llamada: ",
        Prompt::CodeOf(Method::Backup) => "Código de respaldo: ",
        Prompt::NextTokenCode => "Su token se ha adelantado. Introduzca el siguiente código que muestre: ",
        Prompt::CurrentCode => "Código actual: ",
        Prompt::PendingCode(Method::Hotp) => {
            "Código del token que configuró, o `new` para obtener una nueva clave: "
        }
        Prompt::PendingCode(_) => {
            "Código de la aplicación que configuró, o `new` para obtener un nuevo código QR: "
        }
        Prompt::PendingCodeOrInvitation(Method::Hotp) => {
            "Código del token que configuró, o una nueva invitación: "
        }
        Prompt::PendingCodeOrInvitation(_) => {
            "Código de la aplicación que configuró, o una nueva invitación: "
        }
        Prompt::Invitation => "Código de invitación: ",
        Prompt::Choice => "Número o nombre (Intro para el 1): ",
        Prompt::NewAddress => "Dirección de correo electrónico: ",
        Prompt::NewNumber => "Número de teléfono: ",
        Prompt::SentCodeOrNew => "Código del mensaje, o `new` para otro medio: ",
        Prompt::Saved => "Escriba `saved` cuando los haya anotado: ",
        Prompt::Yes => "Escriba `yes` para continuar: ",
        Prompt::Close => "Pulse Intro para terminar: ",
    };
    text.to_owned()
}

/// Says in brackets what a prompt for a code offers besides.
pub(super) fn offer(prompt: Prompt) -> Option<String> {
    match prompt {
        Prompt::CodeOrOther => Some("(`?` para otras opciones)".to_owned()),
        Prompt::CodeToRemember { source, life } => Some(sending::remember(source, life)),
        _ => None,
    }
}

fn turn_to(help: Option<&str>) -> String {
    let whom = help.map_or_else(|| "su administrador".to_owned(), shown);
    format!("póngase en contacto con {whom}")
}

fn quoted(name: &str) -> String {
    format!("«{}»", shown(name))
}

/// Writes a time; the date only where it is not today's.
pub(super) fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    let article = if hour == 1 { "la" } else { "las" };
    if clock::is_same_day(until, now) {
        format!("{article} {hour:02}:{minute:02} (UTC)")
    } else {
        format!("{article} {hour:02}:{minute:02} (UTC) del {day:02}/{month:02}/{year}")
    }
}
