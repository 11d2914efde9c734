//! German: what is shown and told while a factor is set up or taken away.

use crate::factor::Method;
use crate::words::{Drawn, Setup, shown};

use super::sending::list;

/// Says what is shown and told while a factor is set up or taken away.
pub(super) fn show(setup: &Setup) -> String {
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
        Setup::ChooseWay { ways } => format!("Hier wird ein Code gebraucht. Wie möchten Sie ihn bekommen? {}.", list(ways)),
        Setup::WhereTo => "Hier wird ein Code gebraucht; er kann Ihnen gesendet werden. Wohin?".to_owned(),
        Setup::OnFile { recipient } => format!("Für Sie hinterlegt: {}. Eingabetaste, um das zu verwenden, oder etwas anderes eingeben.", shown(recipient)),
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
