//! English.

use crate::time::WallTime;

use super::{Direction, Drawn, Message, Note, Prompt, Refusal, Setup, clock, shown};

/// Says a message.
pub(super) fn say(message: &Message) -> String {
    match message {
        Message::Prompt(prompt) => ask(*prompt).to_owned(),
        Message::Note(note) => remark(note),
        Message::Refusal(refusal) => refuse(refusal),
        Message::Setup(setup) => show(setup),
    }
}

const fn ask(prompt: Prompt) -> &'static str {
    match prompt {
        Prompt::Code => "Code: ",
        Prompt::CurrentCode => "Current code: ",
        Prompt::PendingCode => "Code from the app you set up, or `new` for a new QR code: ",
        Prompt::Yes => "Type `yes` to go on: ",
        Prompt::Close => "Press Enter to close: ",
    }
}

fn remark(note: &Note) -> String {
    match note {
        Note::WrongCode => "That code is not right. Wait for the next one and try again.".to_owned(),
        Note::RepeatedCode { next } => {
            format!("This code was already used. The next one comes in {} s.", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => clock_off(*minutes, *direction),
        Note::EnterCode { help } => {
            format!(
                "Enter the code from your authenticator app. If you have none set up, ask {}.",
                whom(help.as_deref())
            )
        }
        Note::EnterNewCode => "Enter the code that your authenticator app shows now.".to_owned(),
        Note::CodeWords { help } => {
            format!("You can type the code from your authenticator app. For anything else ask {}.", whom(help.as_deref()))
        }
        Note::EnrollingWords { drawn: Drawn::Yes } => "You can type the code from your authenticator app, `invert` to draw the QR code the other way, or `new` for a new one.".to_owned(),
        Note::EnrollingWords { drawn: Drawn::No } => {
            "You can type the code from your authenticator app, or `new` for a new key.".to_owned()
        }
    }
}

fn clock_off(minutes: u64, direction: Direction) -> String {
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let way = match direction {
        Direction::Ahead => "ahead",
        Direction::Behind => "behind",
    };
    format!(
        "That code is not right: your phone's clock is about {minutes} {unit} {way}. Set it to automatic time and try again."
    )
}

fn refuse(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Locked { until, now, help } => {
            format!(
                "Too many wrong codes. Try again after {}, or ask {}.",
                moment(*until, *now),
                whom(help.as_deref())
            )
        }
        Refusal::NeedsReset { help } => {
            format!("Too many wrong codes. To log in again, ask {}.", whom(help.as_deref()))
        }
        Refusal::NotEnrolled { help } => {
            format!("A code is needed here, and you have none set up. Ask {}.", whom(help.as_deref()))
        }
        Refusal::EnrollFirst => {
            "A code is needed here, and you have none set up. Run `countersign enroll totp` first.".to_owned()
        }
        Refusal::UidChanged { help } => {
            format!(
                "Your account on this host has changed, and your codes are not valid for it any more. Ask {}.",
                whom(help.as_deref())
            )
        }
        Refusal::NoRightCode => "Refused: no right code was given.".to_owned(),
        Refusal::Unavailable => {
            "The code cannot be checked at the moment. Nobody is let in without it; try again in a minute."
                .to_owned()
        }
        Refusal::EnrollmentClosed { help } => {
            format!("No rule of this host lets you set this up yourself. Ask {}.", whom(help.as_deref()))
        }
        Refusal::TooManyFactors { limit } => format!("You have {limit} already. Remove one first."),
        Refusal::LabelTaken { label } => {
            format!("You have one called \"{}\" already. Choose another name.", shown(label))
        }
        Refusal::NoSuchFactor { name } => {
            format!("You have none called \"{}\". `countersign status` shows what you have.", shown(name))
        }
        Refusal::AmbiguousFactor { labels } => {
            format!("That fits several: {}. Name one of them.", list(labels))
        }
        Refusal::LastFactor => {
            "This is the last one, and a rule of this host needs one. Set up another first.".to_owned()
        }
        Refusal::NothingChanged => "Nothing was changed.".to_owned(),
        Refusal::ChangedMeanwhile => {
            "Your codes were changed from elsewhere in the meantime. Nothing was changed here; start again."
                .to_owned()
        }
    }
}

fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => "Set up your code: scan this with an authenticator app.".to_owned(),
        Setup::ScanOrEnterKey => {
            "Set up your code: scan the QR code with an authenticator app, or enter this key there (time-based).".to_owned()
        }
        Setup::EnterKey => "Set up your code: enter this key in an authenticator app (time-based).".to_owned(),
        Setup::Drawing(text) | Setup::Uri(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => {
            format!("Key: {}  (`invert` redraws)", key.expose())
        }
        Setup::Key { key, drawn: Drawn::No } => format!("Key: {}", key.expose()),
        Setup::FirstFactor => "This is your first factor: once it is set up, you will be asked for a code wherever the rules of this host want one.".to_owned(),
        Setup::Completed { label } => format!("Your code is set up (\"{}\").", shown(label)),
        Setup::Removed { label } => format!("\"{}\" was removed.", shown(label)),
    }
}

fn whom(help: Option<&str>) -> String {
    help.map_or_else(|| "your administrator".to_owned(), shown)
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("\"{}\"", shown(label))).collect::<Vec<_>>().join(", ")
}

fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} UTC")
    } else {
        format!("{hour:02}:{minute:02} UTC on {year}-{month:02}-{day:02}")
    }
}
