//! English.

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
        Prompt::CodeOf(Method::Totp) => "Code from your app: ",
        Prompt::CodeOf(Method::Hotp) => "Code from your token: ",
        Prompt::CodeOf(Method::Email) => "Code from the e-mail: ",
        Prompt::CodeOf(Method::Sms) => "Code from the text message: ",
        Prompt::CodeOf(Method::Call) => "Code from the call: ",
        Prompt::CodeOf(Method::Backup) => "Backup code: ",
        Prompt::NextTokenCode => "Your token has run ahead. Enter the code that it shows next: ",
        Prompt::CurrentCode => "Current code: ",
        Prompt::PendingCode(Method::Hotp) => "Code from the token you set up, or `new` for a new key: ",
        Prompt::PendingCode(_) => "Code from the app you set up, or `new` for a new QR code: ",
        Prompt::PendingCodeOrInvitation(Method::Hotp) => {
            "Code from the token you set up, or a new invitation: "
        }
        Prompt::PendingCodeOrInvitation(_) => "Code from the app you set up, or a new invitation: ",
        Prompt::Invitation => "Invitation: ",
        Prompt::Choice => "Number or name (Enter for 1): ",
        Prompt::NewAddress => "E-mail address: ",
        Prompt::NewNumber => "Telephone number: ",
        Prompt::SentCodeOrNew => "Code from the message, or `new` for another way: ",
        Prompt::Saved => "Type `saved` when you have written them down: ",
        Prompt::Yes => "Type `yes` to go on: ",
        Prompt::Close => "Press Enter to close: ",
    };
    text.to_owned()
}

/// Says in brackets what a prompt for a code offers besides.
pub(super) fn offer(prompt: Prompt) -> Option<String> {
    match prompt {
        Prompt::CodeOrOther => Some("(`?` for other ways)".to_owned()),
        Prompt::CodeToRemember { source, life } => Some(sending::remember(source, life)),
        _ => None,
    }
}

fn whom(help: Option<&str>) -> String {
    help.map_or_else(|| "your administrator".to_owned(), shown)
}

/// Writes a time; the date only where it is not today's.
pub(super) fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} UTC")
    } else {
        format!("{hour:02}:{minute:02} UTC on {year}-{month:02}-{day:02}")
    }
}
