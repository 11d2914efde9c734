//! German: Sie-form, German quotation marks, dates as DIN 5008 writes them.

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
        return format!("Code {offer}: ");
    }
    let text = match prompt {
        Prompt::Code | Prompt::CodeOrOther | Prompt::CodeToRemember { .. } => "Code: ",
        Prompt::CodeOf(Method::Totp) => "Code aus Ihrer App: ",
        Prompt::CodeOf(Method::Hotp) => "Code von Ihrem Token: ",
        Prompt::CodeOf(Method::Email) => "Code aus der E-Mail: ",
        Prompt::CodeOf(Method::Sms) => "Code aus der SMS: ",
        Prompt::CodeOf(Method::Call) => "Code aus dem Anruf: ",
        Prompt::CodeOf(Method::Backup) => "Backup-Code: ",
        Prompt::NextTokenCode => {
            "Ihr Token ist vorausgelaufen. Geben Sie den Code ein, den es als nächsten anzeigt: "
        }
        Prompt::CurrentCode => "Aktueller Code: ",
        Prompt::PendingCode(Method::Hotp) => {
            "Code aus dem eingerichteten Token oder `new` für einen neuen Schlüssel: "
        }
        Prompt::PendingCode(_) => "Code aus der eingerichteten App oder `new` für einen neuen QR-Code: ",
        Prompt::PendingCodeOrInvitation(Method::Hotp) => {
            "Code aus dem eingerichteten Token oder eine neue Einladung: "
        }
        Prompt::PendingCodeOrInvitation(_) => "Code aus der eingerichteten App oder eine neue Einladung: ",
        Prompt::Invitation => "Einladung: ",
        Prompt::Choice => "Zahl oder Name (Eingabetaste für 1): ",
        Prompt::NewAddress => "E-Mail-Adresse: ",
        Prompt::NewNumber => "Telefonnummer: ",
        Prompt::SentCodeOrNew => "Code aus der Nachricht oder `new` für einen anderen Weg: ",
        Prompt::Saved => "Geben Sie `saved` ein, wenn Sie sie notiert haben: ",
        Prompt::Yes => "Geben Sie `yes` ein, um fortzufahren: ",
        Prompt::Close => "Zum Beenden die Eingabetaste drücken: ",
    };
    text.to_owned()
}

/// Says in brackets what a prompt for a code offers besides.
pub(super) fn offer(prompt: Prompt) -> Option<String> {
    match prompt {
        Prompt::CodeOrOther => Some("(`?` für andere Wege)".to_owned()),
        Prompt::CodeToRemember { source, life } => Some(sending::remember(source, life)),
        _ => None,
    }
}

/// Tells whom to turn to. What `help` says is foreign text of any grammatical form: it stands after a colon.
fn turn_to(help: Option<&str>) -> String {
    help.map_or_else(
        || "wenden Sie sich an Ihre Systemverwaltung".to_owned(),
        |help| format!("wenden Sie sich an: {}", shown(help)),
    )
}

/// Writes a time; the date only where it is not today's.
pub(super) fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} Uhr (UTC)")
    } else {
        format!("{hour:02}:{minute:02} Uhr (UTC) am {day:02}.{month:02}.{year}")
    }
}
