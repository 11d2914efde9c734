//! German: Sie-form, German quotation marks, dates as DIN 5008 writes them.

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
        Prompt::CodeOf(Method::Totp) => "Code aus Ihrer App: ",
        Prompt::CodeOf(Method::Hotp) => "Code von Ihrem Token: ",
        Prompt::CodeOf(Method::Email) => "Code aus der E-Mail: ",
        Prompt::CodeOf(Method::Sms) => "Code aus der SMS: ",
        Prompt::CodeOf(Method::Call) => "Code aus dem Anruf: ",
        Prompt::CodeOf(Method::Backup) => "Backup-Code: ",
        Prompt::NextTokenCode => {
            "Ihr Token ist vorausgelaufen. Geben Sie den Code ein, den es als nächsten anzeigt: "
        }
        Prompt::CurrentCode => "Aktueller Code: ",
        Prompt::PendingCode => "Code aus der eingerichteten App oder `new` für einen neuen QR-Code: ",
        Prompt::PendingCodeOrInvitation => "Code aus der eingerichteten App oder eine neue Einladung: ",
        Prompt::Invitation => "Einladung: ",
        Prompt::Saved => "Geben Sie `saved` ein, wenn Sie sie notiert haben: ",
        Prompt::Yes => "Geben Sie `yes` ein, um fortzufahren: ",
        Prompt::Close => "Zum Beenden die Eingabetaste drücken: ",
    }
}

fn remark(note: &Note) -> String {
    match note {
        Note::WrongCode => {
            "Dieser Code ist nicht richtig. Warten Sie auf den nächsten und versuchen Sie es erneut.".to_owned()
        }
        Note::RepeatedCode { next } => {
            format!("Dieser Code wurde bereits verwendet. Der nächste kommt in {} s.", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => clock_off(*minutes, *direction),
        Note::EnterCode { help } => format!(
            "Geben Sie den Code aus Ihrer Authenticator-App ein. Falls Sie keine eingerichtet haben, {}.",
            turn_to(help.as_deref())
        ),
        Note::RenewByInvitation { help } => format!(
            "Geben Sie den Code aus der eingerichteten App ein. Für einen neuen Schlüssel brauchen Sie eine neue Einladung; bitte {}.",
            turn_to(help.as_deref())
        ),
        Note::EnterNewCode => "Geben Sie den Code ein, den Ihre Authenticator-App jetzt anzeigt.".to_owned(),
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
        Note::Ways { ways, help } => format!(
            "Sie können verwenden: {}. Geben Sie eine Zahl ein, um zu wählen, oder gleich einen Code davon. Bei allem anderen {}.",
            numbered(ways),
            turn_to(help.as_deref())
        ),
        Note::EnrollingWords { drawn: Drawn::Yes } => "Sie können den Code aus Ihrer Authenticator-App eingeben, `invert`, um den QR-Code umgekehrt zu zeichnen, oder `new` für einen neuen.".to_owned(),
        Note::EnrollingWords { drawn: Drawn::No } => "Sie können den Code aus Ihrer Authenticator-App eingeben oder `new` für einen neuen Schlüssel.".to_owned(),
    }
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

fn numbered(ways: &[Method]) -> String {
    let name = |method: &Method| match method {
        Method::Totp => "App",
        Method::Hotp => "Token",
        Method::Email => "E-Mail",
        Method::Sms => "SMS",
        Method::Call => "Anruf",
        Method::Backup => "Backup-Code",
    };
    let numbered: Vec<String> =
        (1..).zip(ways).map(|(number, method)| format!("{number} {}", name(method))).collect();
    numbered.join(", ")
}

fn refuse(refusal: &Refusal) -> String {
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
        Refusal::NoRightCode => "Abgewiesen: Es wurde kein richtiger Code eingegeben.".to_owned(),
        Refusal::Unavailable => "Der Code kann zurzeit nicht geprüft werden. Ohne ihn wird niemand eingelassen; versuchen Sie es in einer Minute erneut.".to_owned(),
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
        Refusal::NothingChanged => "Es wurde nichts geändert.".to_owned(),
        Refusal::ChangedMeanwhile => "Ihre Codes wurden inzwischen von anderer Stelle geändert. Hier wurde nichts geändert; beginnen Sie von vorn.".to_owned(),
    }
}

fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => "Richten Sie Ihren Code ein: Scannen Sie dies mit einer Authenticator-App.".to_owned(),
        Setup::ScanOrEnterKey { method } => format!(
            "Richten Sie Ihren Code ein: Scannen Sie den QR-Code mit einer Authenticator-App oder geben Sie dort diesen Schlüssel ein ({}).",
            based(*method)
        ),
        Setup::EnterKey { method: Method::Hotp } => {
            "Richten Sie Ihren Code ein: Geben Sie diesen Schlüssel in Ihr Token oder Ihre App ein (zählerbasiert).".to_owned()
        }
        Setup::EnterKey { method } => format!(
            "Richten Sie Ihren Code ein: Geben Sie diesen Schlüssel in eine Authenticator-App ein ({}).",
            based(*method)
        ),
        Setup::Drawing(text) | Setup::Uri(text) | Setup::BackupCodes(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => format!("Schlüssel: {}  (`invert`: umgekehrt)", key.expose()),
        Setup::Key { key, drawn: Drawn::No } => format!("Schlüssel: {}", key.expose()),
        Setup::FirstFactor => "Dies ist Ihr erster Faktor: Sobald er eingerichtet ist, werden Sie überall dort nach einem Code gefragt, wo die Regeln dieses Rechners es verlangen.".to_owned(),
        Setup::Completed { label } => format!("Ihr Code ist eingerichtet („{}“).", shown(label)),
        Setup::Replaced { label } => {
            format!("Ihr neuer Code ist eingerichtet („{}“), der alte ist entfernt.", shown(label))
        }
        Setup::Renamed { old, new } => format!("„{}“ heißt jetzt „{}“.", shown(old), shown(new)),
        Setup::BackupCodesIntro => "Ihre Backup-Codes für Tage ohne Telefon. Jeder gilt einmal; nur jetzt sichtbar.".to_owned(),
        Setup::BackupCodesMade => "Ihre neuen Backup-Codes gelten; ältere gelten nicht mehr.".to_owned(),
        Setup::TestPassed { method: Method::Totp, label } => {
            format!("Dieser Code ist richtig. Er stammt aus Ihrer App „{}“.", shown(label))
        }
        Setup::TestPassed { method: Method::Hotp, label } => {
            format!("Dieser Code ist richtig. Er stammt von Ihrem Token „{}“.", shown(label))
        }
        Setup::TestPassed { method: Method::Email | Method::Sms | Method::Call, label } => {
            format!("Dieser Code ist richtig. Er ging an „{}“.", shown(label))
        }
        Setup::TestPassed { method: Method::Backup, label: _ } => {
            "Dieser Backup-Code ist richtig. Er ist damit verbraucht.".to_owned()
        }
        Setup::OtherSessionsEnded => "Ihre anderen Sitzungen auf diesem Rechner sind beendet.".to_owned(),
        Setup::OtherSessionsLeft => {
            "Ihre anderen Sitzungen konnten nicht beendet werden. Welche es sind, zeigt: loginctl list-sessions".to_owned()
        }
        Setup::Removed { label } => format!("„{}“ wurde entfernt.", shown(label)),
    }
}

const fn based(method: Method) -> &'static str {
    match method {
        Method::Totp | Method::Email | Method::Sms | Method::Call | Method::Backup => "zeitbasiert",
        Method::Hotp => "zählerbasiert",
    }
}

/// Tells whom to turn to. What `help` says is foreign text of any grammatical form: it stands after a colon.
fn turn_to(help: Option<&str>) -> String {
    help.map_or_else(
        || "wenden Sie sich an Ihre Systemverwaltung".to_owned(),
        |help| format!("wenden Sie sich an: {}", shown(help)),
    )
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("„{}“", shown(label))).collect::<Vec<_>>().join(", ")
}

fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} Uhr (UTC)")
    } else {
        format!("{hour:02}:{minute:02} Uhr (UTC) am {day:02}.{month:02}.{year}")
    }
}
