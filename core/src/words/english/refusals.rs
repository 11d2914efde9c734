//! English: why something is not done.

use crate::time::WallTime;
use crate::words::{Refusal, shown};

use super::{moment, whom};

/// Says why something is not done.
pub(super) fn refuse(refusal: &Refusal) -> String {
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
        Refusal::CodeNeeded { help } => format!("A code is needed here, and a login with an SSH key alone gives none. Log in with your password (`ssh -o PubkeyAuthentication=no`), or ask {}.", whom(help.as_deref())),
        Refusal::Stopped { help } => format!("Your code cannot be checked, because the service that checks it does not answer. Try again in a minute, or ask {}.", whom(help.as_deref())),
        Refusal::NoRightCode => "Refused: no right code was given.".to_owned(),
        Refusal::Unavailable { help } => unavailable(help.as_deref()),
        Refusal::Restored { help } => restored(help.as_deref()),
        Refusal::SwitchedOff => "The second factor is switched off on this host.".to_owned(),
        Refusal::EnrollmentClosed { help } => closed(help.as_deref()),
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
        Refusal::NothingOnFile { help } => format!("Codes can be sent only to what is on file for you, and nothing is. Ask {}.", whom(help.as_deref())),
        Refusal::OnlyOnFile { recipient, help } => format!("Codes can be sent only to {}, which is on file for you. To have that changed ask {}.", shown(recipient), whom(help.as_deref())),
        Refusal::NoChannel { help } => format!("Codes are not sent this way on this host. Ask {}.", whom(help.as_deref())),
        Refusal::TooManyRecipients => "You have named too many addresses or numbers. Start again later.".to_owned(),
        Refusal::NothingChanged => "Nothing was changed.".to_owned(),
        Refusal::ChangedMeanwhile => {
            "Your codes were changed from elsewhere in the meantime. Nothing was changed here; start again."
                .to_owned()
        }
    }
}

fn unavailable(help: Option<&str>) -> String {
    format!(
        "The code cannot be checked at the moment. Nobody is let in without it; try again in a minute, or ask {}.",
        whom(help)
    )
}

fn restored(help: Option<&str>) -> String {
    format!(
        "Your sign-in methods come from a restored backup and are not accepted until they have been checked. Ask {}.",
        whom(help)
    )
}

fn closed(help: Option<&str>) -> String {
    format!("No rule of this host lets you set this up yourself. Ask {}.", whom(help))
}

fn locked(until: WallTime, now: WallTime, help: Option<&str>) -> String {
    format!("Too many wrong codes. Try again after {}, or ask {}.", moment(until, now), whom(help))
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("\"{}\"", shown(label))).collect::<Vec<_>>().join(", ")
}
