//! German: what is said of the answer before.

use crate::factor::Method;
use crate::words::{Direction, Drawn, ListedWay, Note, Shows};

use super::sending::list;
use super::turn_to;

/// Says what is said of the answer before.
pub(super) fn remark(note: &Note) -> String {
    match note {
        Note::NotACode => "Das kann kein Code sein und wurde nicht gezählt.".to_owned(),
        Note::NotRemembered => "Dieser Ort wird nicht gemerkt: Das ist hier nicht möglich.".to_owned(),
        Note::WrongCode => {
            "Dieser Code ist nicht richtig. Warten Sie auf den nächsten und versuchen Sie es erneut.".to_owned()
        }
        Note::RepeatedCode { next } => {
            format!("Dieser Code wurde bereits verwendet. Der nächste kommt in {} s.", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => clock_off(*minutes, *direction),
        Note::HostClockOff { minutes, help } => host_clock_off(*minutes, &turn_to(help.as_deref())),
        Note::EnterCode { from, help } => format!(
            "Geben Sie den Code aus {} ein. Falls Sie nichts eingerichtet haben, {}.",
            shows(*from),
            turn_to(help.as_deref())
        ),
        Note::RenewByInvitation { method, help } => format!(
            "Geben Sie den Code aus {} ein. Für einen neuen Schlüssel brauchen Sie eine neue Einladung; bitte {}.",
            if *method == Method::Hotp { "dem eingerichteten Token" } else { "der eingerichteten App" },
            turn_to(help.as_deref())
        ),
        Note::EnterNewCode { method: Method::Hotp } => "Geben Sie den Code ein, den Ihr Token jetzt anzeigt.".to_owned(),
        Note::EnterNewCode { method: _ } => "Geben Sie den Code ein, den Ihre Authenticator-App jetzt anzeigt.".to_owned(),
        Note::RepeatedToken => {
            "Dieser Code wurde bereits verwendet. Lassen Sie Ihr Token den nächsten anzeigen.".to_owned()
        }
        Note::WrongBackupCode => {
            "Dieser Backup-Code ist nicht richtig oder wurde bereits verwendet.".to_owned()
        }
        Note::WrongInvitation { help } => format!(
            "Diese Einladung ist nicht richtig oder nicht mehr gültig. Für eine neue {}.",
            turn_to(help.as_deref())
        ),
        Note::BackupCodesLeft { left } => backup_codes_left(*left),
        Note::WriteDown => "Ihre Backup-Codes gelten ab jetzt. Notieren Sie sie, bevor Sie fortfahren.".to_owned(),
        Note::PhoneOff { seconds, direction } => format!(
            "Die Uhr Ihres Telefons geht bis zu {seconds} s {}. Die Codes passen noch; stellen Sie sie auf automatische Zeit.",
            way(*direction)
        ),
        Note::TokenAhead { codes: 1 } => {
            "Ihr Token war 1 Code voraus; jetzt stimmt es wieder überein.".to_owned()
        }
        Note::TokenAhead { codes } => {
            format!("Ihr Token war {codes} Codes voraus; jetzt stimmt es wieder überein.")
        }
        Note::Ways { ways, help } => choice(ways, help.as_deref()),
        Note::MaySkip { days, times } => {
            format!("Geben Sie `skip` ein, um dies später zu tun. {}", left(*days, *times))
        }
        Note::LastMethod => "Das ist Ihre letzte Anmeldemethode. Ohne sie wird bei Anmeldungen hier kein Code mehr verlangt, und Ihre Backup-Codes werden gelöscht.".to_owned(),
        Note::NoLongerValid => "Die Codes, die Sie eingerichtet hatten, gelten hier nicht mehr.".to_owned(),
        Note::RenewByCode => "Die Codes, die Sie eingerichtet hatten, genügen hier nicht mehr. Um neue einzurichten, geben Sie zuerst einen davon oder eine Einladung ein.".to_owned(),
        Note::SessionIdle { minutes } => session_idle(*minutes),
        Note::NotAnAddress => "Das ist keine E-Mail-Adresse, an die Codes gesendet werden können. Schreiben Sie sie wie alice@example.org.".to_owned(),
        Note::NotANumber => "Das ist keine Telefonnummer. Schreiben Sie sie mit der Landesvorwahl, wie +49 30 123456.".to_owned(),
        Note::SentWords => "Sie können den Code aus der Nachricht eingeben, `resend` für einen weiteren oder `new` für einen anderen Weg.".to_owned(),
        Note::SentWordsOrInvitation { help } => format!("Sie können den Code aus der Nachricht eingeben oder `resend` für einen weiteren. Für einen anderen Weg brauchen Sie eine neue Einladung; bitte {}.", turn_to(help.as_deref())),
        Note::EnrollingWords { drawn: Drawn::Yes, method } => format!("Sie können den Code aus {} eingeben, `invert`, um den QR-Code umgekehrt zu zeichnen, oder `new` für einen neuen.", shows(Shows::of(*method))),
        Note::EnrollingWords { drawn: Drawn::No, method } => format!("Sie können den Code aus {} eingeben oder `new` für einen neuen Schlüssel.", shows(Shows::of(*method))),
    }
}

fn choice(ways: &[ListedWay], help: Option<&str>) -> String {
    format!(
        "Sie können verwenden: {}. Geben Sie eine Zahl ein, um zu wählen, oder gleich einen Code davon. Bei allem anderen {}.",
        list(ways),
        turn_to(help)
    )
}

const fn shows(shows: Shows) -> &'static str {
    match shows {
        Shows::App => "Ihrer Authenticator-App",
        Shows::Token => "Ihrem Token",
        Shows::AppOrToken => "Ihrer Authenticator-App oder Ihrem Token",
    }
}

fn session_idle(minutes: u64) -> String {
    let unit = if minutes == 1 { "Minute" } else { "Minuten" };
    format!(
        "Countersign: Diese Sitzung ist unbenutzt. Sie wird in {minutes} {unit} beendet, wenn Sie nichts eingeben."
    )
}

fn clock_off(minutes: u64, direction: Direction) -> String {
    let unit = if minutes == 1 { "Minute" } else { "Minuten" };
    let way = way(direction);
    format!(
        "Dieser Code ist nicht richtig: Die Uhr Ihres Telefons geht etwa {minutes} {unit} {way}. Stellen Sie sie auf automatische Zeit und versuchen Sie es erneut."
    )
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ahead => "vor",
        Direction::Behind => "nach",
    }
}

fn backup_codes_left(left: usize) -> String {
    match left {
        0 => "Das war Ihr letzter Backup-Code. Neue erzeugt `countersign backup-codes`.".to_owned(),
        1 => "Sie haben noch 1 Backup-Code. Neue erzeugt `countersign backup-codes`.".to_owned(),
        _ => format!("Sie haben noch {left} Backup-Codes."),
    }
}

/// Says how long and how often setting up can be put off yet.
fn left(days: Option<u64>, times: Option<u32>) -> String {
    let days = days.map(|days| if days == 1 { "1 Tag".to_owned() } else { format!("{days} Tage") });
    match (days, times) {
        (_, Some(0 | 1)) => {
            "Dies ist das letzte Mal: Bei der nächsten Anmeldung müssen Sie es einrichten.".to_owned()
        }
        (Some(days), Some(times)) => {
            format!("Das geht noch {days} oder {times} Anmeldungen lang, je nachdem, was zuerst eintritt.")
        }
        (Some(days), None) => format!("Das geht noch {days} lang."),
        (None, Some(times)) => format!("Das geht noch {times} Anmeldungen lang."),
        (None, None) => "Sie werden dann nicht wieder gefragt.".to_owned(),
    }
}

/// Says that the clock of a host is or was wrong, and not the code.
fn host_clock_off(minutes: Option<u64>, turn_to: &str) -> String {
    let Some(minutes) = minutes else {
        return format!(
            "Die Uhr eines Rechners ging falsch, deshalb werden Codes Ihrer App vorerst nicht angenommen. Dieser Code wurde nicht gezählt. Nutzen Sie ein anderes Anmeldeverfahren, oder {turn_to}."
        );
    };
    let unit = if minutes == 1 { "Minute" } else { "Minuten" };
    format!(
        "Die Uhr dieses Rechners geht etwa {minutes} {unit} nach, deshalb kann Ihr Code nicht angenommen werden. Er wurde nicht gezählt. Nutzen Sie ein anderes Anmeldeverfahren, oder {turn_to}."
    )
}
