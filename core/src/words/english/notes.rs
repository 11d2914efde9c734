//! English: what is said of the answer before.

use crate::factor::Method;
use crate::words::{Direction, Drawn, Note, Shows};

use super::sending::list;
use super::whom;

/// Says what is said of the answer before.
pub(super) fn remark(note: &Note) -> String {
    match note {
        Note::NotACode => "That cannot be a code, so it was not counted.".to_owned(),
        Note::NotRemembered => "This place is not remembered: that is not possible here.".to_owned(),
        Note::WrongCode => "That code is not right. Wait for the next one and try again.".to_owned(),
        Note::RepeatedCode { next } => {
            format!("This code was already used. The next one comes in {} s.", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => clock_off(*minutes, *direction),
        Note::HostClockOff { minutes, help } => host_clock_off(*minutes, &whom(help.as_deref())),
        Note::EnterCode { from, help } => format!(
            "Enter the code from {}. If you have none set up, ask {}.",
            shows(*from),
            whom(help.as_deref())
        ),
        Note::RenewByInvitation { method, help } => format!(
            "Enter the code from {} that you set up. For a new key you need a new invitation: ask {}.",
            if *method == Method::Hotp { "the token" } else { "the app" },
            whom(help.as_deref())
        ),
        Note::EnterNewCode { method: Method::Hotp } => "Enter the code that your token shows now.".to_owned(),
        Note::EnterNewCode { method: _ } => "Enter the code that your authenticator app shows now.".to_owned(),
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
            list(ways),
            whom(help.as_deref())
        ),
        Note::MaySkip { days, times } => format!("Type `skip` to do this later. {}", left(*days, *times)),
        Note::LastMethod => "This is your last sign-in method. Without it, logins here no longer ask you for a code, and your backup codes are deleted.".to_owned(),
        Note::NoLongerValid => "The codes that you had set up are no longer valid here.".to_owned(),
        Note::RenewByCode => "The codes that you had set up are no longer enough here. To set up new ones, first enter one of them, or an invitation.".to_owned(),
        Note::SessionIdle { minutes } => session_idle(*minutes),
        Note::NotAnAddress => "That is not an e-mail address that codes can be sent to. Write it like alice@example.org.".to_owned(),
        Note::NotANumber => "That is not a telephone number. Write it with the code of the country, like +49 30 123456.".to_owned(),
        Note::SentWords => "You can type the code from the message, `resend` for another one, or `new` for another way.".to_owned(),
        Note::SentWordsOrInvitation { help } => format!("You can type the code from the message, or `resend` for another one. To choose another way you need a new invitation: ask {}.", whom(help.as_deref())),
        Note::EnrollingWords { drawn: Drawn::Yes, method } => format!("You can type the code from {}, `invert` to draw the QR code the other way, or `new` for a new one.", shows(Shows::of(*method))),
        Note::EnrollingWords { drawn: Drawn::No, method } => format!("You can type the code from {}, or `new` for a new key.", shows(Shows::of(*method))),
    }
}

const fn shows(shows: Shows) -> &'static str {
    match shows {
        Shows::App => "your authenticator app",
        Shows::Token => "your token",
        Shows::AppOrToken => "your authenticator app or token",
    }
}

fn session_idle(minutes: u64) -> String {
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!(
        "Countersign: this session has been idle. It is ended in {minutes} {unit} unless you type something."
    )
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

/// Says how long and how often setting up can be put off yet.
fn left(days: Option<u64>, times: Option<u32>) -> String {
    let days = days.map(|days| if days == 1 { "1 day".to_owned() } else { format!("{days} days") });
    match (days, times) {
        (_, Some(0 | 1)) => "This is the last time: at your next login, you must set this up.".to_owned(),
        (Some(days), Some(times)) => {
            format!("You can skip this for up to {days} or {times} logins, whichever comes first.")
        }
        (Some(days), None) => format!("You can skip this for up to {days}."),
        (None, Some(times)) => format!("You can skip this for up to {times} logins."),
        (None, None) => "You will not be asked again.".to_owned(),
    }
}

/// Says that the clock of a host is or was wrong, and not the code.
fn host_clock_off(minutes: Option<u64>, whom: &str) -> String {
    let Some(minutes) = minutes else {
        return format!(
            "A host's clock was wrong, so codes of your app are not accepted for now. This one was not counted. Use another sign-in method, or ask {whom} to accept your app again."
        );
    };
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!(
        "This host's clock is about {minutes} {unit} behind, so your code cannot be accepted. It was not counted. Use another sign-in method, or tell {whom}."
    )
}
