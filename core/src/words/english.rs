//! English.

use crate::factor::Method;
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
        Note::RenewByInvitation { help } => {
            format!(
                "Enter the code from the app you set up. For a new key you need a new invitation: ask {}.",
                whom(help.as_deref())
            )
        }
        Note::EnterNewCode => "Enter the code that your authenticator app shows now.".to_owned(),
        Note::RepeatedToken => {
            "This code was already used. Let your token show the next one.".to_owned()
        }
        Note::WrongBackupCode => "That backup code is not right, or it was used already.".to_owned(),
        Note::WrongInvitation { help } => {
            format!(
                "That invitation is not right, or it is no longer valid. For a new one ask {}.",
                whom(help.as_deref())
            )
        }
        Note::BackupCodesLeft { left } => backup_codes_left(*left),
        Note::WriteDown => "Your backup codes are valid from now on. Write them down before you go on.".to_owned(),
        Note::PhoneOff { seconds, direction } => format!(
            "Your phone's clock is up to {seconds} s {}. Codes still fit; set it to automatic time.",
            way(*direction)
        ),
        Note::TokenAhead { codes } => {
            let unit = if *codes == 1 { "code" } else { "codes" };
            format!("Your token was {codes} {unit} ahead; it is in step again.")
        }
        Note::Ways { ways, help } => format!(
            "You can use: {}. Type a number to choose one, or a code of any of them. For anything else ask {}.",
            numbered(ways),
            whom(help.as_deref())
        ),
        Note::EnrollingWords { drawn: Drawn::Yes } => "You can type the code from your authenticator app, `invert` to draw the QR code the other way, or `new` for a new one.".to_owned(),
        Note::EnrollingWords { drawn: Drawn::No } => {
            "You can type the code from your authenticator app, or `new` for a new key.".to_owned()
        }
    }
}

fn clock_off(minutes: u64, direction: Direction) -> String {
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let way = way(direction);
    format!(
        "That code is not right: your phone's clock is about {minutes} {unit} {way}. Set it to automatic time and try again."
    )
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ahead => "ahead",
        Direction::Behind => "behind",
    }
}

fn backup_codes_left(left: usize) -> String {
    match left {
        0 => "That was your last backup code. Make new ones with `countersign backup-codes`.".to_owned(),
        1 => "You have 1 backup code left. Make new ones with `countersign backup-codes`.".to_owned(),
        _ => format!("You have {left} backup codes left."),
    }
}

fn numbered(ways: &[Method]) -> String {
    let name = |method: &Method| match method {
        Method::Totp => "app",
        Method::Hotp => "token",
        Method::Email => "e-mail",
        Method::Sms => "text message",
        Method::Call => "call",
        Method::Backup => "backup code",
    };
    let numbered: Vec<String> =
        (1..).zip(ways).map(|(number, method)| format!("{number} {}", name(method))).collect();
    numbered.join(", ")
}

fn refuse(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Locked { until, now, help } => locked(*until, *now, help.as_deref()),
        Refusal::NeedsReset { help } => {
            format!("Too many wrong codes. To log in again, ask {}.", whom(help.as_deref()))
        }
        Refusal::NotEnrolled { help } => {
            format!("A code is needed here, and you have none set up. Ask {}.", whom(help.as_deref()))
        }
        Refusal::EnrollFirst { method } => {
            format!(
                "A code is needed here, and you have none set up. Run `countersign enroll {}` first.",
                method.name()
            )
        }
        Refusal::InvitationNeeded { help } => {
            format!(
                "A code is needed here, and you have none set up. To set one up you need an invitation: ask {}.",
                whom(help.as_deref())
            )
        }
        Refusal::NothingSetUp => "You have no code set up. Run `countersign enroll totp` first.".to_owned(),
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
        Refusal::NotSaved => "Your backup codes are valid. If you did not write them down, make new ones with `countersign backup-codes`.".to_owned(),
        Refusal::NothingChanged => "Nothing was changed.".to_owned(),
        Refusal::ChangedMeanwhile => {
            "Your codes were changed from elsewhere in the meantime. Nothing was changed here; start again."
                .to_owned()
        }
    }
}

fn locked(until: WallTime, now: WallTime, help: Option<&str>) -> String {
    format!("Too many wrong codes. Try again after {}, or ask {}.", moment(until, now), whom(help))
}

fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => "Set up your code: scan this with an authenticator app.".to_owned(),
        Setup::ScanOrEnterKey { method } => {
            format!("Set up your code: scan the QR code with an authenticator app, or enter this key there ({}).", based(*method))
        }
        Setup::EnterKey { method: Method::Hotp } => {
            "Set up your code: enter this key in your token or app (counter-based).".to_owned()
        }
        Setup::EnterKey { method } => {
            format!("Set up your code: enter this key in an authenticator app ({}).", based(*method))
        }
        Setup::Drawing(text) | Setup::Uri(text) | Setup::BackupCodes(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => {
            format!("Key: {}  (`invert` redraws)", key.expose())
        }
        Setup::Key { key, drawn: Drawn::No } => format!("Key: {}", key.expose()),
        Setup::FirstFactor => "This is your first factor: once it is set up, you will be asked for a code wherever the rules of this host want one.".to_owned(),
        Setup::Completed { label } => format!("Your code is set up (\"{}\").", shown(label)),
        Setup::Replaced { label } => format!("Your new code is set up (\"{}\"), the old one is gone.", shown(label)),
        Setup::Renamed { old, new } => format!("\"{}\" is called \"{}\" now.", shown(old), shown(new)),
        Setup::BackupCodesIntro => {
            "Your backup codes, for days without a phone. Each works once; shown only now.".to_owned()
        }
        Setup::BackupCodesMade => "Your new backup codes are valid; older ones are not.".to_owned(),
        Setup::TestPassed { method: Method::Totp, label } => {
            format!("That code is right. It came from your app \"{}\".", shown(label))
        }
        Setup::TestPassed { method: Method::Hotp, label } => {
            format!("That code is right. It came from your token \"{}\".", shown(label))
        }
        Setup::TestPassed { method: Method::Email | Method::Sms | Method::Call, label } => {
            format!("That code is right. It was sent to \"{}\".", shown(label))
        }
        Setup::TestPassed { method: Method::Backup, label: _ } => {
            "That backup code is right. It is used up now.".to_owned()
        }
        Setup::OtherSessionsEnded => "Your other sessions on this host are ended.".to_owned(),
        Setup::OtherSessionsLeft => {
            "Your other sessions could not be ended. To see them: loginctl list-sessions".to_owned()
        }
        Setup::Removed { label } => format!("\"{}\" was removed.", shown(label)),
    }
}

const fn based(method: Method) -> &'static str {
    match method {
        Method::Totp | Method::Email | Method::Sms | Method::Call | Method::Backup => "time-based",
        Method::Hotp => "counter-based",
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
