//! German letters.

use super::turn_to;
use crate::login::Source;
use crate::notice::Notice;
use crate::time::WallTime;
use crate::words::letter::{CodePhrases, Facts, Life, NoticePhrases, Occasion, moment, name};

/// Says what stands around a code.
pub(in crate::words) fn code(facts: &Facts) -> CodePhrases {
    let Facts { organization, person, service, host, time, help, .. } = facts;
    let (from, life) = (source(facts.source), life(facts.life));
    CodePhrases {
        subject: format!("ist Ihr Code für {service} auf {host}"),
        heading: "Ihr Code:",
        about: format!(
            "Er gilt für die Anmeldung von {person} bei {service} auf {host}, von {from}, angefordert am {time}. Er gilt {life} und nur einmal."
        ),
        warning: format!(
            "Waren Sie das nicht, kennt vielleicht jemand Ihr Passwort: Geben Sie diesen Code niemandem, und {}.",
            turn_to(help.as_deref())
        ),
        short: [
            format!(
                "ist Ihr Code für {service} auf {host}, von {from}. Er gilt {life}. Geben Sie ihn niemandem."
            ),
            format!("ist Ihr Code für {service} auf {host}. Er gilt {life}."),
            format!("ist Ihr Code. Er gilt {life}."),
        ],
        spoken: [format!("{organization}. Ihr Code lautet:"), "Ich wiederhole:".to_owned()],
    }
}

/// Says what a message of trial is: its subject, and all of its text.
pub(in crate::words) fn trial(organization: &str, host: &str) -> [String; 2] {
    let text = format!(
        "Dies ist eine Probenachricht von {organization}, gesendet von {host}. Sie enthält keinen Code und braucht keine Antwort."
    );
    ["Probenachricht".to_owned(), text]
}

/// Says what a notice tells.
pub(in crate::words) fn notice(notice: &Notice, occasion: &Occasion<'_>) -> NoticePhrases {
    let Occasion { person, host, time, help } = occasion;
    NoticePhrases {
        headline: headline(notice),
        sentence: sentence(notice),
        occasion: format!("Konto {person}, Rechner {host}, {time}."),
        warning: format!("Wenn Sie davon nichts wissen, handeln Sie sofort: {}.", turn_to(*help)),
    }
}

const fn headline(notice: &Notice) -> &'static str {
    match notice {
        Notice::FactorAdded { .. } => "ein Code wurde eingerichtet",
        Notice::FactorRemoved { .. } => "ein Code wurde entfernt",
        Notice::FactorReplaced { .. } => "ein Code wurde ersetzt",
        Notice::FactorRenamed { .. } => "ein Code wurde umbenannt",
        Notice::BackupCodesMade => "neue Backup-Codes",
        Notice::BackupCodeUsed { .. } => "ein Backup-Code wurde verwendet",
        Notice::ContactSet { .. } => "Ihr hinterlegter Kontakt wurde geändert",
        Notice::PlaceRemembered { .. } => "ein Ort ist gemerkt",
        Notice::Locked { .. } => "gesperrt nach falschen Codes",
        Notice::WrongCodes { .. } => "falsche Codes von unbekannter Adresse",
        Notice::Reset => "Ihre Codes wurden zurückgesetzt",
        Notice::Unlocked => "Sie wurden entsperrt",
        Notice::AcceptedAgain => "Codes Ihrer App oder Ihres Tokens gelten wieder",
        Notice::Invited { .. } => "Sie sind eingeladen, einen Code einzurichten",
        Notice::SwitchedOn => "Codes sind eingeschaltet",
        Notice::SwitchedOff => "Codes sind ausgeschaltet",
    }
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::FactorAdded { name } => format!("Für Sie wurde ein neuer Code eingerichtet: {}.", quoted(name)),
        Notice::FactorRemoved { name } => format!("Einer Ihrer Codes wurde entfernt: {}.", quoted(name)),
        Notice::FactorReplaced { old, new } => format!("Einer Ihrer Codes wurde ersetzt: {} durch {}.", quoted(old), quoted(new)),
        Notice::FactorRenamed { old, new } => format!("Einer Ihrer Codes hat einen anderen Namen: {} heißt jetzt {}.", quoted(old), quoted(new)),
        Notice::BackupCodesMade => "Für Sie wurden neue Backup-Codes erstellt; ältere gelten nicht mehr.".to_owned(),
        Notice::BackupCodeUsed { left } => format!("Einer Ihrer Backup-Codes wurde verwendet. Sie haben noch {left}."),
        Notice::ContactSet { old, new } => format!(
                "Die Systemverwaltung hat den für Sie hinterlegten Kontakt geändert, von {} auf {}. Bereits eingerichtete Codes gehen weiter dorthin, wohin sie gingen.",
                known(old.as_deref()),
                known(new.as_deref())
            ),
        Notice::PlaceRemembered { address } => format!("Wenn Sie sich von {} anmelden, werden Sie eine Zeit lang nicht nach einem Code gefragt.", name(address)),
        Notice::Locked { from, until } => locked(*from, *until),
        Notice::WrongCodes { from } => format!(
                "Nach einem richtigen Passwort wurden von {}, von wo Sie sich in letzter Zeit nicht angemeldet haben, falsche Codes eingegeben. Waren Sie das nicht, kennt jemand Ihr Passwort: Ändern Sie es.",
                source(*from)
            ),
        Notice::Reset => "Die Systemverwaltung hat Ihre Codes entfernt; Sie werden gebeten, sie neu einzurichten.".to_owned(),
        Notice::Unlocked => "Die Systemverwaltung hat eine Sperre nach falschen Codes beendet.".to_owned(),
        Notice::AcceptedAgain => "Die Systemverwaltung lässt die Codes Ihrer App oder Ihres Tokens wieder gelten, nachdem eine Uhr oder ein Zähler falsch ging.".to_owned(),
        Notice::Invited { expires } => format!(
                "Die Systemverwaltung hat eine Einladung erstellt, mit der bis {} ein Code für Sie eingerichtet werden kann.",
                moment(*expires)
            ),
        Notice::SwitchedOn => "Die Systemverwaltung hat Codes für Sie eingeschaltet: Sie werden bei der Anmeldung danach gefragt.".to_owned(),
        Notice::SwitchedOff => "Die Systemverwaltung hat Codes für Sie ausgeschaltet: Ihr Passwort allein genügt jetzt.".to_owned(),
    }
}

fn locked(from: Source, until: Option<WallTime>) -> String {
    format!(
        "Nach einem richtigen Passwort wurden von {} zu viele falsche Codes eingegeben. {} Waren Sie das nicht, kennt jemand Ihr Passwort: Ändern Sie es.",
        source(from),
        until.map_or_else(
            || "Die Anmeldung ist gesperrt, bis Sie zurückgesetzt werden.".to_owned(),
            |until| format!("Die Anmeldung ist bis {} gesperrt.", moment(until))
        )
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Local => "diesem Rechner selbst".to_owned(),
        Source::Unknown => "einer unbekannten Adresse".to_owned(),
        Source::Address(_) => source.to_string(),
    }
}

fn life(life: Life) -> String {
    match life {
        Life::Minutes(1) => "1 Minute".to_owned(),
        Life::Minutes(minutes) => format!("{minutes} Minuten"),
        Life::Seconds(seconds) => format!("{seconds} Sekunden"),
    }
}

fn known(contact: Option<&str>) -> String {
    contact.map_or_else(|| "keinem".to_owned(), name)
}

fn quoted(label: &str) -> String {
    format!("„{}“", name(label))
}
