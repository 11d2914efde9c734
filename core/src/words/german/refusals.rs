//! German: why something is not done.

use crate::words::{Refusal, shown};

use super::{moment, turn_to};

/// Says why something is not done.
pub(super) fn refuse(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Locked { until, now, help } => format!(
            "Zu viele falsche Codes. Versuchen Sie es nach {} erneut oder {}.",
            moment(*until, *now),
            turn_to(help.as_deref())
        ),
        Refusal::NeedsReset { help } => {
            format!("Zu viele falsche Codes. Um sich wieder anmelden zu können, {}.", turn_to(help.as_deref()))
        }
        Refusal::NotEnrolled { help } => {
            format!("Hier wird ein Code verlangt, und Sie haben keinen eingerichtet. Bitte {}.", turn_to(help.as_deref()))
        }
        Refusal::EnrollFirst { method } => format!(
            "Hier wird ein Code verlangt, und Sie haben keinen eingerichtet. Führen Sie zuerst `countersign enroll {}` aus.",
            method.name()
        ),
        Refusal::InvitationNeeded { help } => format!(
            "Hier wird ein Code verlangt, und Sie haben keinen eingerichtet. Zum Einrichten brauchen Sie eine Einladung; bitte {}.",
            turn_to(help.as_deref())
        ),
        Refusal::NothingSetUp => "Sie haben keinen Code eingerichtet. Führen Sie zuerst `countersign enroll totp` aus.".to_owned(),
        Refusal::UidChanged { help } => format!(
            "Ihr Konto auf diesem Rechner hat sich geändert; Ihre Codes gelten dafür nicht mehr. Bitte {}.",
            turn_to(help.as_deref())
        ),
        Refusal::CodeNeeded { help } => format!("Hier wird ein Code verlangt, und eine Anmeldung allein mit einem SSH-Schlüssel gibt keinen an. Melden Sie sich mit Ihrem Passwort an (`ssh -o PubkeyAuthentication=no`) oder {}.", turn_to(help.as_deref())),
        Refusal::Stopped { help } => format!("Ihr Code kann nicht geprüft werden, weil der Dienst, der ihn prüft, nicht antwortet. Versuchen Sie es in einer Minute erneut oder {}.", turn_to(help.as_deref())),
        Refusal::NoRightCode => "Abgewiesen: Es wurde kein richtiger Code eingegeben.".to_owned(),
        Refusal::Unavailable { help } => unavailable(help.as_deref()),
        Refusal::Restored { help } => restored(help.as_deref()),
        Refusal::SwitchedOff => "Der zweite Faktor ist auf diesem Rechner ausgeschaltet.".to_owned(),
        Refusal::EnrollmentClosed { help } => format!(
            "Keine Regel dieses Rechners erlaubt Ihnen, dies selbst einzurichten. Bitte {}.",
            turn_to(help.as_deref())
        ),
        Refusal::TooManyFactors { limit } => format!("Sie haben bereits {limit}. Entfernen Sie zuerst einen."),
        Refusal::LabelTaken { label } => {
            format!("„{}“ gibt es bei Ihnen bereits. Wählen Sie einen anderen Namen.", shown(label))
        }
        Refusal::NoSuchFactor { name } => {
            format!("„{}“ gibt es bei Ihnen nicht. `countersign status` zeigt, was Sie haben.", shown(name))
        }
        Refusal::AmbiguousFactor { labels } => {
            format!("Das passt auf mehrere: {}. Nennen Sie einen davon.", list(labels))
        }
        Refusal::LastFactor => "Dies ist der letzte, und eine Regel dieses Rechners verlangt einen. Richten Sie zuerst einen anderen ein.".to_owned(),
        Refusal::NotSaved => "Ihre Backup-Codes gelten. Falls Sie sie nicht notiert haben, erzeugen Sie neue mit `countersign backup-codes`.".to_owned(),
        Refusal::NothingOnFile { help } => format!("Codes können nur dorthin gesendet werden, was für Sie hinterlegt ist, und es ist nichts hinterlegt; bitte {}.", turn_to(help.as_deref())),
        Refusal::OnlyOnFile { recipient, help } => format!("Codes können nur an {} gesendet werden; das ist für Sie hinterlegt. Um es ändern zu lassen, {}.", shown(recipient), turn_to(help.as_deref())),
        Refusal::NoChannel { help } => format!("Auf diesem Rechner werden Codes nicht auf diesem Weg gesendet; bitte {}.", turn_to(help.as_deref())),
        Refusal::TooManyRecipients => "Sie haben zu viele Adressen oder Nummern genannt. Beginnen Sie später von vorn.".to_owned(),
        Refusal::NothingChanged => "Es wurde nichts geändert.".to_owned(),
        Refusal::ChangedMeanwhile => "Ihre Codes wurden inzwischen von anderer Stelle geändert. Hier wurde nichts geändert; beginnen Sie von vorn.".to_owned(),
    }
}

fn unavailable(help: Option<&str>) -> String {
    format!(
        "Der Code kann zurzeit nicht geprüft werden. Ohne ihn wird niemand eingelassen; versuchen Sie es in einer Minute erneut. Sonst bitte {}.",
        turn_to(help)
    )
}

fn restored(help: Option<&str>) -> String {
    format!(
        "Ihre Anmeldeverfahren stammen aus einer wiederhergestellten Sicherung und gelten erst nach einer Prüfung wieder. Bitte {}.",
        turn_to(help)
    )
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("„{}“", shown(label))).collect::<Vec<_>>().join(", ")
}
