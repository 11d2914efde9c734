//! English letters.

use super::whom;
use crate::login::Source;
use crate::notice::Notice;
use crate::time::WallTime;
use crate::words::letter::{CodePhrases, Facts, Life, NoticePhrases, Occasion, moment, name};

/// Says what stands around a code.
pub(in crate::words) fn code(facts: &Facts) -> CodePhrases {
    let Facts { organization, person, service, host, time, help, .. } = facts;
    let (from, life) = (source(facts.source), life(facts.life));
    CodePhrases {
        subject: format!("is your code for {service} on {host}"),
        heading: "Your code:",
        about: format!(
            "It is for the login of {person} to {service} on {host}, from {from}, asked for on {time}. It is good for {life}, once."
        ),
        warning: format!(
            "If this was not you, somebody may know your password: give this code to nobody, and tell {}.",
            whom(help.as_deref())
        ),
        short: [
            format!("is your code for {service} on {host}, from {from}. Good for {life}. Give it to nobody."),
            format!("is your code for {service} on {host}. Good for {life}."),
            format!("is your code. Good for {life}."),
        ],
        spoken: [format!("{organization}. Your code is:"), "Once more:".to_owned()],
    }
}

/// Says what a message of trial is: its subject, and all of its text.
pub(in crate::words) fn trial(organization: &str, host: &str) -> [String; 2] {
    let text = format!(
        "This is a trial message of {organization}, sent by {host}. It holds no code and needs no answer."
    );
    ["Trial message".to_owned(), text]
}

/// Says what a notice tells.
pub(in crate::words) fn notice(notice: &Notice, occasion: &Occasion<'_>) -> NoticePhrases {
    let Occasion { person, host, time, help } = occasion;
    NoticePhrases {
        headline: headline(notice),
        sentence: sentence(notice),
        occasion: format!("Account {person}, host {host}, {time}."),
        warning: format!("If you know nothing of this, tell {} at once.", whom(*help)),
    }
}

const fn headline(notice: &Notice) -> &'static str {
    match notice {
        Notice::FactorAdded { .. } => "a code was set up",
        Notice::FactorRemoved { .. } => "a code was removed",
        Notice::FactorReplaced { .. } => "a code was replaced",
        Notice::FactorRenamed { .. } => "a code was renamed",
        Notice::BackupCodesMade => "new backup codes",
        Notice::BackupCodeUsed { .. } => "a backup code was used",
        Notice::ContactSet { .. } => "your contact was changed",
        Notice::PlaceRemembered { .. } => "a place is remembered",
        Notice::Locked { .. } => "locked after wrong codes",
        Notice::WrongCodes { .. } => "wrong codes from an unknown address",
        Notice::Reset => "your codes were reset",
        Notice::Unlocked => "you were unlocked",
        Notice::AcceptedAgain => "codes of your app or token are accepted again",
        Notice::Invited { .. } => "you are invited to set up a code",
        Notice::SwitchedOn => "codes are switched on",
        Notice::SwitchedOff => "codes are switched off",
    }
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::FactorAdded { name } => format!("A new code was set up for you: {}.", quoted(name)),
        Notice::FactorRemoved { name } => format!("One of your codes was removed: {}.", quoted(name)),
        Notice::FactorReplaced { old, new } => {
            format!("One of your codes was replaced: {} by {}.", quoted(old), quoted(new))
        }
        Notice::FactorRenamed { old, new } => {
            format!("One of your codes has another name: {} is called {} now.", quoted(old), quoted(new))
        }
        Notice::BackupCodesMade => {
            "New backup codes were made for you; older ones are not valid any more.".to_owned()
        }
        Notice::BackupCodeUsed { left } => {
            format!("One of your backup codes was used. You have {left} left.")
        }
        Notice::ContactSet { old, new } => format!(
            "The contact on file for you was changed by an administrator, from {} to {}. Codes that are set up already go where they went.",
            known(old.as_deref()),
            known(new.as_deref())
        ),
        Notice::PlaceRemembered { address } => {
            format!("You are not asked for a code for a while when you log in from {}.", name(address))
        }
        Notice::Locked { from, until } => locked(*from, *until),
        Notice::WrongCodes { from } => format!(
            "After a right password, wrong codes were entered from {}, from where you have not logged in lately. If it was not you, somebody knows your password: change it.",
            source(*from)
        ),
        Notice::Reset => {
            "Your codes were removed by an administrator; you will be asked to set them up anew.".to_owned()
        }
        Notice::Unlocked => "A lock after wrong codes was ended by an administrator.".to_owned(),
        Notice::AcceptedAgain => "An administrator had the codes of your app or token accepted again after a clock or a counter was off.".to_owned(),
        Notice::Invited { expires } => format!(
            "An administrator made an invitation with which a code can be set up for you, until {}.",
            moment(*expires)
        ),
        Notice::SwitchedOn => {
            "An administrator switched codes on for you: you will be asked for one when you log in."
                .to_owned()
        }
        Notice::SwitchedOff => {
            "An administrator switched codes off for you: your password alone is enough now.".to_owned()
        }
    }
}

fn locked(from: Source, until: Option<WallTime>) -> String {
    format!(
        "After a right password, too many wrong codes were entered from {}. {} If it was not you, somebody knows your password: change it.",
        source(from),
        until.map_or_else(
            || "Logging in is locked until you are reset.".to_owned(),
            |until| format!("Logging in is locked until {}.", moment(until))
        )
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Local => "the host itself".to_owned(),
        Source::Unknown => "an unknown address".to_owned(),
        Source::Address(_) => source.to_string(),
    }
}

fn life(life: Life) -> String {
    match life {
        Life::Minutes(1) => "1 minute".to_owned(),
        Life::Minutes(minutes) => format!("{minutes} minutes"),
        Life::Seconds(seconds) => format!("{seconds} seconds"),
    }
}

fn known(contact: Option<&str>) -> String {
    contact.map_or_else(|| "none".to_owned(), name)
}

fn quoted(label: &str) -> String {
    format!("\"{}\"", name(label))
}
