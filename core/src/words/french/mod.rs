//! French: the polite "vous", no-break spaces before the high punctuation and inside the quotation marks.

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
        return format!("Code {offer}\u{a0}: ");
    }
    let text = match prompt {
        Prompt::Code | Prompt::CodeOrOther | Prompt::CodeToRemember { .. } => "Code\u{a0}: ",
        Prompt::CodeOf(Method::Totp) => "Code de votre application\u{a0}: ",
        Prompt::CodeOf(Method::Hotp) => "Code de votre jeton\u{a0}: ",
        Prompt::CodeOf(Method::Email) => "Code reçu par e-mail\u{a0}: ",
        Prompt::CodeOf(Method::Sms) => "Code reçu par SMS\u{a0}: ",
        Prompt::CodeOf(Method::Call) => "Code reçu par appel\u{a0}: ",
        Prompt::CodeOf(Method::Backup) => "Code de secours\u{a0}: ",
        Prompt::NextTokenCode => {
            "Votre jeton a pris de l’avance. Saisissez le code qu’il affiche ensuite\u{a0}: "
        }
        Prompt::CurrentCode => "Code actuel\u{a0}: ",
        Prompt::PendingCode(Method::Hotp) => {
            "Code du jeton que vous avez configuré, ou `new` pour une nouvelle clé\u{a0}: "
        }
        Prompt::PendingCode(_) => {
            "Code de l’application que vous avez configurée, ou `new` pour un nouveau code QR\u{a0}: "
        }
        Prompt::PendingCodeOrInvitation(Method::Hotp) => {
            "Code du jeton que vous avez configuré, ou nouvelle invitation\u{a0}: "
        }
        Prompt::PendingCodeOrInvitation(_) => {
            "Code de l’application que vous avez configurée, ou nouvelle invitation\u{a0}: "
        }
        Prompt::Invitation => "Code d’invitation\u{a0}: ",
        Prompt::Choice => "Numéro ou nom (Entrée pour 1)\u{a0}: ",
        Prompt::NewAddress => "Adresse e-mail\u{a0}: ",
        Prompt::NewNumber => "Numéro de téléphone\u{a0}: ",
        Prompt::SentCodeOrNew => "Code reçu dans le message, ou `new` pour un autre moyen\u{a0}: ",
        Prompt::Saved => "Saisissez `saved` une fois que vous les avez notés\u{a0}: ",
        Prompt::Yes => "Saisissez `yes` pour continuer\u{a0}: ",
        Prompt::Close => "Appuyez sur Entrée pour terminer\u{a0}: ",
    };
    text.to_owned()
}

/// Says in brackets what a prompt for a code offers besides.
pub(super) fn offer(prompt: Prompt) -> Option<String> {
    match prompt {
        Prompt::CodeOrOther => Some("(`?` pour d’autres moyens)".to_owned()),
        Prompt::CodeToRemember { source, life } => Some(sending::remember(source, life)),
        _ => None,
    }
}

fn whom(help: Option<&str>) -> String {
    help.map_or_else(|| "votre administrateur".to_owned(), shown)
}

fn quoted(name: &str) -> String {
    format!("«\u{a0}{}\u{a0}»", shown(name))
}

/// Writes a time; the date only where it is not today's.
pub(super) fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} (UTC)")
    } else {
        format!("le {day:02}/{month:02}/{year} à {hour:02}:{minute:02} (UTC)")
    }
}
