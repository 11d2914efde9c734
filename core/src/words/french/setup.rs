//! French: what is shown and told while a factor is set up or taken away.

use crate::factor::Method;
use crate::words::{Drawn, Setup, shown};

use super::quoted;
use super::sending::list;

/// Says what is shown and told while a factor is set up or taken away.
pub(super) fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => {
            "Configurez votre code\u{a0}: scannez ceci avec une application d’authentification.".to_owned()
        }
        Setup::ScanOrEnterKey { method } => format!(
            "Configurez votre code\u{a0}: scannez le code QR avec une application d’authentification ou saisissez-y cette clé ({}).",
            based(*method)
        ),
        Setup::EnterKey { method: Method::Hotp } => "Configurez votre code\u{a0}: saisissez cette clé dans votre jeton ou votre application (basée sur un compteur).".to_owned(),
        Setup::EnterKey { method } => format!(
            "Configurez votre code\u{a0}: saisissez cette clé dans une application d’authentification ({}).",
            based(*method)
        ),
        Setup::Drawing(text) | Setup::Uri(text) | Setup::BackupCodes(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => {
            format!("Clé\u{a0}: {}  (`invert`\u{a0}: couleurs inversées)", key.expose())
        }
        Setup::Key { key, drawn: Drawn::No } => format!("Clé\u{a0}: {}", key.expose()),
        Setup::ChooseWay { ways } => format!("Un code est nécessaire ici. Comment souhaitez-vous l’obtenir\u{a0}? {}.", list(ways)),
        Setup::WhereTo => "Un code est nécessaire ici\u{a0}; il peut vous être envoyé. Où souhaitez-vous le recevoir\u{a0}?".to_owned(),
        Setup::OnFile { recipient } => format!("Enregistré pour vous\u{a0}: {}. Appuyez sur Entrée pour l’utiliser, ou saisissez autre chose.", shown(recipient)),
        Setup::FirstFactor => "C’est votre premier facteur\u{a0}: dès qu’il sera configuré, un code vous sera demandé partout où les règles de cette machine l’exigent.".to_owned(),
        Setup::Completed { label } => format!("Votre code est configuré ({}).", quoted(label)),
        Setup::Replaced { label } => {
            format!("Votre nouveau code est configuré ({})\u{a0}; l’ancien est supprimé.", quoted(label))
        }
        Setup::Renamed { old, new } => format!("{} s’appelle désormais {}.", quoted(old), quoted(new)),
        Setup::BackupCodesIntro => "Vos codes de secours, pour les jours sans téléphone. Chacun ne sert qu’une fois\u{a0}; ils ne seront plus affichés.".to_owned(),
        Setup::BackupCodesMade => {
            "Vos nouveaux codes de secours sont valables\u{a0}; les anciens ne le sont plus.".to_owned()
        }
        Setup::TestPassed { method: Method::Totp, label } => {
            format!("Ce code est correct. Il provient de votre application {}.", quoted(label))
        }
        Setup::TestPassed { method: Method::Hotp, label } => {
            format!("Ce code est correct. Il provient de votre jeton {}.", quoted(label))
        }
        Setup::TestPassed { method: Method::Email | Method::Sms | Method::Call, label } => {
            format!("Ce code est correct. Il a été envoyé à {}.", quoted(label))
        }
        Setup::TestPassed { method: Method::Backup, label: _ } => {
            "Ce code de secours est correct. Il ne pourra plus servir.".to_owned()
        }
        Setup::OtherSessionsEnded => "Vos autres sessions sur cette machine ont été fermées.".to_owned(),
        Setup::OtherSessionsLeft => {
            "Vos autres sessions n’ont pas pu être fermées. Pour les afficher\u{a0}: loginctl list-sessions".to_owned()
        }
        Setup::Removed { label } => format!("{} a été supprimé.", quoted(label)),
    }
}

const fn based(method: Method) -> &'static str {
    match method {
        Method::Totp | Method::Email | Method::Sms | Method::Call | Method::Backup => "basée sur l’heure",
        Method::Hotp => "basée sur un compteur",
    }
}
