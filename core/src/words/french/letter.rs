//! French letters.

use super::{quoted, whom};
use crate::login::Source;
use crate::notice::Notice;
use crate::time::WallTime;
use crate::words::letter::{CodePhrases, Facts, Life, NoticePhrases, Occasion, moment, name};

/// Says what stands around a code.
pub(in crate::words) fn code(facts: &Facts) -> CodePhrases {
    let Facts { organization, person, service, host, time, help, .. } = facts;
    let (from, life) = (source(facts.source), life(facts.life));
    CodePhrases {
        subject: format!("est votre code pour {service} sur {host}"),
        heading: "Votre code\u{a0}:",
        about: format!(
            "Il sert à la connexion de {person} à {service} sur {host}, depuis {from}, demandée le {time}. Il est valable {life}, une seule fois."
        ),
        warning: format!(
            "Si ce n’était pas vous, quelqu’un connaît peut-être votre mot de passe\u{a0}: ne donnez ce code à personne et prévenez {}.",
            whom(help.as_deref())
        ),
        // Without letters that the alphabet of text messages lacks (ç, ê, ô, …).
        short: [
            format!(
                "est votre code pour {service} sur {host}, depuis {from}. Valable {life}. Ne le donnez à personne."
            ),
            format!("est votre code pour {service} sur {host}. Valable {life}."),
            format!("est votre code. Valable {life}."),
        ],
        spoken: [format!("{organization}. Votre code est le suivant :"), "Je répète :".to_owned()],
    }
}

/// Says what a message of trial is: its subject, and all of its text.
pub(in crate::words) fn trial(organization: &str, host: &str) -> [String; 2] {
    let text = format!(
        "Ceci est un message de test de {organization}, envoyé par {host}. Il ne contient aucun code et ne demande pas de réponse."
    );
    ["Message de test".to_owned(), text]
}

/// Says what a notice tells.
pub(in crate::words) fn notice(notice: &Notice, occasion: &Occasion<'_>) -> NoticePhrases {
    let Occasion { person, host, time, help } = occasion;
    NoticePhrases {
        headline: headline(notice),
        sentence: sentence(notice),
        occasion: format!("Compte {person}, hôte {host}, {time}."),
        warning: format!("Si vous n’en savez rien, prévenez immédiatement {}.", whom(*help)),
    }
}

const fn headline(notice: &Notice) -> &'static str {
    match notice {
        Notice::FactorAdded { .. } => "un code a été configuré",
        Notice::FactorRemoved { .. } => "un code a été supprimé",
        Notice::FactorReplaced { .. } => "un code a été remplacé",
        Notice::FactorRenamed { .. } => "un code a été renommé",
        Notice::BackupCodesMade => "nouveaux codes de secours",
        Notice::BackupCodeUsed { .. } => "un code de secours a été utilisé",
        Notice::ContactSet { .. } => "votre contact a été modifié",
        Notice::PlaceRemembered { .. } => "une adresse est mémorisée",
        Notice::Locked { .. } => "verrouillage après des codes incorrects",
        Notice::WrongCodes { .. } => "codes incorrects depuis une adresse inconnue",
        Notice::Reset => "vos codes ont été réinitialisés",
        Notice::Unlocked => "votre accès est déverrouillé",
        Notice::AcceptedAgain => "les codes de votre application ou jeton sont de nouveau acceptés",
        Notice::Invited { .. } => "invitation à configurer un code",
        Notice::SwitchedOn => "les codes sont activés",
        Notice::SwitchedOff => "les codes sont désactivés",
    }
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::FactorAdded { name } => {
            format!("Un nouveau code a été configuré pour vous\u{a0}: {}.", quoted(name))
        }
        Notice::FactorRemoved { name } => format!("Un de vos codes a été supprimé\u{a0}: {}.", quoted(name)),
        Notice::FactorReplaced { old, new } => {
            format!("Un de vos codes a été remplacé\u{a0}: {} par {}.", quoted(old), quoted(new))
        }
        Notice::FactorRenamed { old, new } => format!(
            "Un de vos codes a changé de nom\u{a0}: {} s’appelle maintenant {}.",
            quoted(old),
            quoted(new)
        ),
        Notice::BackupCodesMade => {
            "De nouveaux codes de secours ont été créés pour vous\u{a0}; les anciens ne sont plus valables."
                .to_owned()
        }
        Notice::BackupCodeUsed { left } => {
            format!("Un de vos codes de secours a été utilisé. Il vous en reste {left}.")
        }
        Notice::ContactSet { old, new } => format!(
            "Un administrateur a modifié le contact enregistré pour vous, de {} à {}. Les codes déjà configurés sont envoyés là où ils l’étaient.",
            known(old.as_deref()),
            known(new.as_deref())
        ),
        Notice::PlaceRemembered { address } => format!(
            "Quand vous vous connectez depuis {}, aucun code ne vous est demandé pendant un certain temps.",
            name(address)
        ),
        Notice::Locked { from, until } => locked(*from, *until),
        Notice::WrongCodes { from } => format!(
            "Après un mot de passe correct, des codes incorrects ont été saisis depuis {}, d’où vous n’avez pas ouvert de session récemment. Si ce n’était pas vous, quelqu’un connaît votre mot de passe\u{a0}: changez-le.",
            source(*from)
        ),
        Notice::Reset => {
            "Un administrateur a supprimé vos codes\u{a0}; il vous sera demandé de les configurer à nouveau."
                .to_owned()
        }
        Notice::Unlocked => {
            "Un administrateur a mis fin à un verrouillage après des codes incorrects.".to_owned()
        }
        Notice::AcceptedAgain => "Un administrateur a fait accepter de nouveau les codes de votre application ou de votre jeton, après le décalage d’une horloge ou d’un compteur.".to_owned(),
        Notice::Invited { expires } => format!(
            "Un administrateur a créé une invitation avec laquelle un code peut être configuré pour vous, jusqu’au {}.",
            moment(*expires)
        ),
        Notice::SwitchedOn => {
            "Un administrateur a activé les codes pour vous\u{a0}: il vous en sera demandé un à la connexion."
                .to_owned()
        }
        Notice::SwitchedOff => {
            "Un administrateur a désactivé les codes pour vous\u{a0}: votre mot de passe suffit maintenant."
                .to_owned()
        }
    }
}

fn locked(from: Source, until: Option<WallTime>) -> String {
    format!(
        "Après un mot de passe correct, trop de codes incorrects ont été saisis depuis {}. {} Si ce n’était pas vous, quelqu’un connaît votre mot de passe\u{a0}: changez-le.",
        source(from),
        until.map_or_else(
            || "La connexion est verrouillée jusqu’à une réinitialisation.".to_owned(),
            |until| format!("La connexion est verrouillée jusqu’au {}.", moment(until))
        )
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Local => "l’hôte lui-même".to_owned(),
        Source::Unknown => "une adresse inconnue".to_owned(),
        Source::Address(_) => source.to_string(),
    }
}

fn life(life: Life) -> String {
    match life {
        Life::Minutes(1) => "1 minute".to_owned(),
        Life::Minutes(minutes) => format!("{minutes} minutes"),
        Life::Seconds(seconds) => format!("{seconds} secondes"),
    }
}

fn known(contact: Option<&str>) -> String {
    contact.map_or_else(|| "aucun".to_owned(), name)
}
