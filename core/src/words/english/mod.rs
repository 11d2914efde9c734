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
    let text = match prompt {
        Prompt::CodeToRemember { source, life } => return sending::remember(source, life),
        Prompt::Code => "Code: ",
        Prompt::CodeOrOther => "Code (`?` for other ways): ",
        Prompt::CodeOf(Method::Totp) => "Code from your app: ",
        Prompt::CodeOf(Method::Hotp) => "Code from your token: ",
        Prompt::CodeOf(Method::Email) => "Code from the e-mail: ",
        Prompt::CodeOf(Method::Sms) => "Code from the text message: ",
        Prompt::CodeOf(Method::Call) => "Code from the call: ",
        Prompt::CodeOf(Method::Backup) => "Backup code: ",
        Prompt::NextTokenCode => "Your token has run ahead. Enter the code that it shows next: ",
        Prompt::CurrentCode => "Current code: ",
        Prompt::PendingCode => "Code from the app you set up, or `new` for a new QR code: ",
        Prompt::PendingCodeOrInvitation => "Code from the app you set up, or a new invitation: ",
        Prompt::Invitation => "Invitation: ",
        Prompt::Saved => "Type `saved` when you have written them down: ",
        Prompt::Yes => "Type `yes` to go on: ",
        Prompt::Close => "Press Enter to close: ",
    };
    text.to_owned()
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
