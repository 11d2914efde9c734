//! French: why something is not done.

use crate::words::{Refusal, shown};

use super::{moment, quoted, whom};

/// Says why something is not done.
pub(super) fn refuse(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Locked { until, now, help } => format!(
            "Trop de codes incorrects. Réessayez après {} ou contactez {}.",
            moment(*until, *now),
            whom(help.as_deref())
        ),
        Refusal::NeedsReset { help } => format!(
            "Trop de codes incorrects. Pour pouvoir vous reconnecter, contactez {}.",
            whom(help.as_deref())
        ),
        Refusal::NotEnrolled { help } => format!(
            "Un code est exigé ici et vous n’en avez configuré aucun. Contactez {}.",
            whom(help.as_deref())
        ),
        Refusal::EnrollFirst { method } => format!(
            "Un code est exigé ici et vous n’en avez configuré aucun. Exécutez d’abord `countersign enroll {}`.",
            method.name()
        ),
        Refusal::InvitationNeeded { help } => format!(
            "Un code est exigé ici et vous n’en avez configuré aucun. Pour en configurer un, il vous faut une invitation\u{a0}: contactez {}.",
            whom(help.as_deref())
        ),
        Refusal::NothingSetUp => {
            "Vous n’avez configuré aucun code. Exécutez d’abord `countersign enroll totp`.".to_owned()
        }
        Refusal::UidChanged { help } => format!(
            "Votre compte sur cette machine a changé et vos codes n’y sont plus valables. Contactez {}.",
            whom(help.as_deref())
        ),
        Refusal::CodeNeeded { help } => format!("Un code est exigé ici, et une connexion avec une clé SSH seule n’en fournit pas. Connectez-vous avec votre mot de passe (`ssh -o PubkeyAuthentication=no`) ou contactez {}.", whom(help.as_deref())),
        Refusal::Stopped { help } => format!("Votre code ne peut pas être vérifié, car le service qui le vérifie ne répond pas. Réessayez dans une minute ou contactez {}.", whom(help.as_deref())),
        Refusal::NoRightCode => "Accès refusé\u{a0}: aucun code correct n’a été saisi.".to_owned(),
        Refusal::Unavailable { help } => unavailable(help.as_deref()),
        Refusal::Restored { help } => restored(help.as_deref()),
        Refusal::SwitchedOff => "Le second facteur est désactivé sur cette machine.".to_owned(),
        Refusal::EnrollmentClosed { help } => format!(
            "Aucune règle de cette machine ne vous permet de configurer cela vous-même. Contactez {}.",
            whom(help.as_deref())
        ),
        Refusal::TooManyFactors { limit } => format!("Vous en avez déjà {limit}. Supprimez-en d’abord un."),
        Refusal::LabelTaken { label } => {
            format!("Le nom {} est déjà pris. Choisissez-en un autre.", quoted(label))
        }
        Refusal::NoSuchFactor { name } => {
            format!("Rien ne s’appelle {}. `countersign status` affiche ce que vous avez.", quoted(name))
        }
        Refusal::AmbiguousFactor { labels } => {
            format!("Plusieurs noms correspondent\u{a0}: {}. Indiquez l’un d’eux.", list(labels))
        }
        Refusal::LastFactor => "C’est le dernier, et une règle de cette machine en exige un. Configurez-en d’abord un autre.".to_owned(),
        Refusal::NotSaved => "Vos codes de secours sont valables. Si vous ne les avez pas notés, créez-en de nouveaux avec `countersign backup-codes`.".to_owned(),
        Refusal::NothingOnFile { help } => format!("Les codes ne peuvent être envoyés qu’au contact enregistré pour vous, et il n’y en a aucun. Contactez {}.", whom(help.as_deref())),
        Refusal::OnlyOnFile { recipient, help } => format!("Les codes ne peuvent être envoyés qu’à {}, enregistré pour vous. Pour le faire modifier, contactez {}.", shown(recipient), whom(help.as_deref())),
        Refusal::NoChannel { help } => format!("Sur cette machine, les codes ne sont pas envoyés par ce moyen. Contactez {}.", whom(help.as_deref())),
        Refusal::TooManyRecipients => "Vous avez indiqué trop d’adresses ou de numéros. Recommencez plus tard.".to_owned(),
        Refusal::NothingChanged => "Rien n’a été modifié.".to_owned(),
        Refusal::ChangedMeanwhile => {
            "Vos codes ont entre-temps été modifiés ailleurs. Rien n’a été modifié ici\u{a0}; recommencez.".to_owned()
        }
    }
}

fn unavailable(help: Option<&str>) -> String {
    format!(
        "Le code ne peut pas être vérifié pour le moment. Personne n’est admis sans code\u{a0}; réessayez dans une minute ou contactez {}.",
        whom(help)
    )
}

fn restored(help: Option<&str>) -> String {
    format!(
        "Vos méthodes de connexion proviennent d’une sauvegarde restaurée et ne sont pas acceptées avant vérification. Contactez {}.",
        whom(help)
    )
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join(", ")
}
