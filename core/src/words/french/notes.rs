//! French: what is said of the answer before.

use crate::factor::Method;
use crate::words::{Direction, Drawn, ListedWay, Note, Shows};

use super::sending::list;
use super::whom;

/// Says what is said of the answer before.
pub(super) fn remark(note: &Note) -> String {
    match note {
        Note::NotACode => "Cela ne peut pas être un code et n’a pas été compté.".to_owned(),
        Note::NotRemembered => "Cet endroit n’est pas mémorisé\u{a0}: ce n’est pas possible ici.".to_owned(),
        Note::WrongCode => "Code incorrect. Attendez le suivant et réessayez.".to_owned(),
        Note::RepeatedCode { next } => {
            format!("Ce code a déjà été utilisé. Le suivant arrive dans {}\u{a0}s.", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => clock_off(*minutes, *direction),
        Note::HostClockOff { minutes, help } => host_clock_off(*minutes, &whom(help.as_deref())),
        Note::EnterCode { from, help } => format!(
            "Saisissez le code de {}. Si vous n’avez rien configuré, contactez {}.",
            shows(*from),
            whom(help.as_deref())
        ),
        Note::RenewByInvitation { method, help } => format!(
            "Saisissez le code de {}. Pour une nouvelle clé, il vous faut une nouvelle invitation\u{a0}: contactez {}.",
            if *method == Method::Hotp { "votre nouveau jeton" } else { "l’application que vous avez configurée" },
            whom(help.as_deref())
        ),
        Note::EnterNewCode { method: Method::Hotp } => "Saisissez le code que votre jeton affiche maintenant.".to_owned(),
        Note::EnterNewCode { method: _ } => "Saisissez le code que votre application d’authentification affiche maintenant.".to_owned(),
        Note::RepeatedToken => {
            "Ce code a déjà été utilisé. Faites afficher le suivant par votre jeton.".to_owned()
        }
        Note::WrongBackupCode => "Ce code de secours est incorrect ou a déjà été utilisé.".to_owned(),
        Note::WrongInvitation { help } => format!(
            "Cette invitation est incorrecte ou n’est plus valable. Pour en obtenir une nouvelle, contactez {}.",
            whom(help.as_deref())
        ),
        Note::BackupCodesLeft { left } => backup_codes_left(*left),
        Note::WriteDown => {
            "Vos codes de secours sont désormais valables. Notez-les avant de continuer.".to_owned()
        }
        Note::PhoneOff { seconds, direction } => format!(
            "L’horloge de votre téléphone {} de {seconds}\u{a0}s au plus. Les codes sont encore acceptés\u{a0}; activez l’heure automatique.",
            way(*direction)
        ),
        Note::TokenAhead { codes } => {
            let unit = if *codes == 1 { "code" } else { "codes" };
            format!("Votre jeton avait {codes} {unit} d’avance\u{a0}; il est de nouveau synchronisé.")
        }
        Note::Ways { ways, help } => choice(ways, help.as_deref()),
        Note::MaySkip { days, times } => {
            format!("Saisissez `skip` pour le faire plus tard. {}", left(*days, *times))
        }
        Note::LastMethod => "C’est votre dernière méthode de connexion. Sans elle, aucun code ne vous sera plus demandé ici, et vos codes de secours seront supprimés.".to_owned(),
        Note::NoLongerValid => "Les codes que vous aviez configurés ne sont plus valables ici.".to_owned(),
        Note::RenewByCode => "Les codes que vous aviez configurés ne suffisent plus ici. Pour en configurer de nouveaux, saisissez d’abord l’un d’eux, ou une invitation.".to_owned(),
        Note::SessionIdle { minutes } => {
            let unit = if *minutes == 1 { "minute" } else { "minutes" };
            format!("Countersign\u{a0}: cette session est inactive. Elle sera fermée dans {minutes} {unit} si vous ne saisissez rien.")
        }
        Note::NotAnAddress => "Ce n’est pas une adresse e-mail à laquelle des codes peuvent être envoyés. Écrivez-la comme alice@example.org.".to_owned(),
        Note::NotANumber => "Ce n’est pas un numéro de téléphone. Écrivez-le avec l’indicatif du pays, comme +49 30 123456.".to_owned(),
        Note::SentWords => "Vous pouvez saisir le code reçu dans le message, `resend` pour en recevoir un autre, ou `new` pour choisir un autre moyen.".to_owned(),
        Note::SentWordsOrInvitation { help } => format!("Vous pouvez saisir le code reçu dans le message, ou `resend` pour en recevoir un autre. Pour choisir un autre moyen, il vous faut une nouvelle invitation\u{a0}: contactez {}.", whom(help.as_deref())),
        Note::EnrollingWords { drawn: Drawn::Yes, method } => format!("Vous pouvez saisir le code de {}, `invert` pour inverser les couleurs du code QR, ou `new` pour en obtenir un nouveau.", shows(Shows::of(*method))),
        Note::EnrollingWords { drawn: Drawn::No, method } => format!("Vous pouvez saisir le code de {}, ou `new` pour obtenir une nouvelle clé.", shows(Shows::of(*method))),
    }
}

fn choice(ways: &[ListedWay], help: Option<&str>) -> String {
    format!(
        "Vous pouvez utiliser\u{a0}: {}. Saisissez un numéro pour choisir, ou directement un code. Pour toute autre question, contactez {}.",
        list(ways),
        whom(help)
    )
}

const fn shows(shows: Shows) -> &'static str {
    match shows {
        Shows::App => "votre application d’authentification",
        Shows::Token => "votre jeton",
        Shows::AppOrToken => "votre application d’authentification ou de votre jeton",
    }
}

fn clock_off(minutes: u64, direction: Direction) -> String {
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let way = way(direction);
    format!(
        "Code incorrect\u{a0}: l’horloge de votre téléphone {way} d’environ {minutes} {unit}. Activez l’heure automatique et réessayez."
    )
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ahead => "avance",
        Direction::Behind => "retarde",
    }
}

fn backup_codes_left(left: usize) -> String {
    match left {
        0 => "C’était votre dernier code de secours. Créez-en de nouveaux avec `countersign backup-codes`."
            .to_owned(),
        1 => "Il vous reste 1 code de secours. Créez-en de nouveaux avec `countersign backup-codes`."
            .to_owned(),
        _ => format!("Il vous reste {left} codes de secours."),
    }
}

/// Says how long and how often setting up can be put off yet.
fn left(days: Option<u64>, times: Option<u32>) -> String {
    let days = days.map(|days| if days == 1 { "1 jour".to_owned() } else { format!("{days} jours") });
    match (days, times) {
        (_, Some(0 | 1)) => {
            "C’est la dernière fois\u{a0}: vous devrez terminer cette configuration à la prochaine connexion."
                .to_owned()
        }
        (Some(days), Some(times)) => {
            format!(
                "Cela reste possible pendant {days} ou {times} connexions, selon ce qui arrive en premier."
            )
        }
        (Some(days), None) => format!("Cela reste possible pendant {days}."),
        (None, Some(times)) => format!("Cela reste possible pendant {times} connexions."),
        (None, None) => "La question ne vous sera plus posée.".to_owned(),
    }
}

/// Says that the clock of a host is or was wrong, and not the code.
fn host_clock_off(minutes: Option<u64>, whom: &str) -> String {
    let Some(minutes) = minutes else {
        return format!(
            "L’horloge d’une machine était fausse\u{a0}: les codes de votre application ne sont pas acceptés pour le moment. Celui-ci n’a pas été compté. Utilisez une autre méthode de connexion, ou contactez {whom}."
        );
    };
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!(
        "L’horloge de cette machine retarde d’environ {minutes}\u{a0}{unit}\u{a0}: votre code ne peut pas être accepté. Il n’a pas été compté. Utilisez une autre méthode de connexion, ou contactez {whom}."
    )
}
