//! German: Sie-form, German quotation marks, dates as DIN 5008 writes them.

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
        Prompt::CurrentCode => "Aktueller Code: ",
        Prompt::PendingCode => "Code aus der eingerichteten App oder `new` für einen neuen QR-Code: ",
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
        Note::EnterNewCode => "Geben Sie den Code ein, den Ihre Authenticator-App jetzt anzeigt.".to_owned(),
        Note::CodeWords { help } => format!(
            "Sie können den Code aus Ihrer Authenticator-App eingeben. Bei allem anderen {}.",
            turn_to(help.as_deref())
        ),
        Note::EnrollingWords { drawn: Drawn::Yes } => "Sie können den Code aus Ihrer Authenticator-App eingeben, `invert`, um den QR-Code umgekehrt zu zeichnen, oder `new` für einen neuen.".to_owned(),
        Note::EnrollingWords { drawn: Drawn::No } => "Sie können den Code aus Ihrer Authenticator-App eingeben oder `new` für einen neuen Schlüssel.".to_owned(),
    }
}

fn clock_off(minutes: u64, direction: Direction) -> String {
    let unit = if minutes == 1 { "Minute" } else { "Minuten" };
    let way = match direction {
        Direction::Ahead => "vor",
        Direction::Behind => "nach",
    };
    format!(
        "Dieser Code ist nicht richtig: Die Uhr Ihres Telefons geht etwa {minutes} {unit} {way}. Stellen Sie sie auf automatische Zeit und versuchen Sie es erneut."
    )
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
        Refusal::EnrollFirst => "Hier wird ein Code verlangt, und Sie haben keinen eingerichtet. Führen Sie zuerst `countersign enroll totp` aus.".to_owned(),
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
        Refusal::NothingChanged => "Es wurde nichts geändert.".to_owned(),
        Refusal::ChangedMeanwhile => "Ihre Codes wurden inzwischen von anderer Stelle geändert. Hier wurde nichts geändert; beginnen Sie von vorn.".to_owned(),
    }
}

fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => "Richten Sie Ihren Code ein: Scannen Sie dies mit einer Authenticator-App.".to_owned(),
        Setup::ScanOrEnterKey => {
            "Richten Sie Ihren Code ein: Scannen Sie den QR-Code mit einer Authenticator-App oder geben Sie dort diesen Schlüssel ein (zeitbasiert).".to_owned()
        }
        Setup::EnterKey => {
            "Richten Sie Ihren Code ein: Geben Sie diesen Schlüssel in eine Authenticator-App ein (zeitbasiert).".to_owned()
        }
        Setup::Drawing(text) | Setup::Uri(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => format!("Schlüssel: {}  (`invert`: umgekehrt)", key.expose()),
        Setup::Key { key, drawn: Drawn::No } => format!("Schlüssel: {}", key.expose()),
        Setup::FirstFactor => "Dies ist Ihr erster Faktor: Sobald er eingerichtet ist, werden Sie überall dort nach einem Code gefragt, wo die Regeln dieses Rechners es verlangen.".to_owned(),
        Setup::Completed { label } => format!("Ihr Code ist eingerichtet („{}“).", shown(label)),
        Setup::Removed { label } => format!("„{}“ wurde entfernt.", shown(label)),
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
