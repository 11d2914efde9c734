//! French: the polite "vous", no-break spaces before the high punctuation and inside the quotation marks.

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
        Prompt::Code => "Code\u{a0}: ",
        Prompt::CodeOf(Method::Totp) => "Code de votre application\u{a0}: ",
        Prompt::CodeOf(Method::Hotp) => "Code de votre jeton\u{a0}: ",
        Prompt::CodeOf(Method::Email) => "Code reçu par e-mail\u{a0}: ",
        Prompt::CodeOf(Method::Sms) => "Code reçu par SMS\u{a0}: ",
        Prompt::CodeOf(Method::Call) => "Code reçu par appel\u{a0}: ",
        Prompt::CodeOf(Method::Backup) => "Code de secours\u{a0}: ",
        Prompt::NextTokenCode => {
            "Votre jeton a pris de l’avance. Saisissez le code qu’il affiche ensuite\u{a0}: "
        }
        Prompt::CurrentCode => "Code actuel\u{a0}: ",
        Prompt::PendingCode => {
            "Code de l’application que vous avez configurée, ou `new` pour un nouveau code QR\u{a0}: "
        }
        Prompt::PendingCodeOrInvitation => {
            "Code de l’application que vous avez configurée, ou nouvelle invitation\u{a0}: "
        }
        Prompt::Invitation => "Code d’invitation\u{a0}: ",
        Prompt::Saved => "Saisissez `saved` une fois que vous les avez notés\u{a0}: ",
        Prompt::Yes => "Saisissez `yes` pour continuer\u{a0}: ",
        Prompt::Close => "Appuyez sur Entrée pour terminer\u{a0}: ",
    }
}

fn remark(note: &Note) -> String {
    match note {
        Note::WrongCode => "Code incorrect. Attendez le suivant et réessayez.".to_owned(),
        Note::RepeatedCode { next } => {
            format!("Ce code a déjà été utilisé. Le suivant arrive dans {}\u{a0}s.", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => clock_off(*minutes, *direction),
        Note::EnterCode { help } => format!(
            "Saisissez le code de votre application d’authentification. Si vous n’en avez configuré aucune, contactez {}.",
            whom(help.as_deref())
        ),
        Note::RenewByInvitation { help } => format!(
            "Saisissez le code de l’application que vous avez configurée. Pour une nouvelle clé, il vous faut une nouvelle invitation\u{a0}: contactez {}.",
            whom(help.as_deref())
        ),
        Note::EnterNewCode => {
            "Saisissez le code que votre application d’authentification affiche maintenant.".to_owned()
        }
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
        Note::Ways { ways, help } => format!(
            "Vous pouvez utiliser\u{a0}: {}. Saisissez un numéro pour choisir, ou directement un code. Pour toute autre question, contactez {}.",
            numbered(ways),
            whom(help.as_deref())
        ),
        Note::EnrollingWords { drawn: Drawn::Yes } => "Vous pouvez saisir le code de votre application d’authentification, `invert` pour inverser les couleurs du code QR, ou `new` pour en obtenir un nouveau.".to_owned(),
        Note::EnrollingWords { drawn: Drawn::No } => "Vous pouvez saisir le code de votre application d’authentification, ou `new` pour obtenir une nouvelle clé.".to_owned(),
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

fn numbered(ways: &[Method]) -> String {
    let name = |method: &Method| match method {
        Method::Totp => "application",
        Method::Hotp => "jeton",
        Method::Email => "e-mail",
        Method::Sms => "SMS",
        Method::Call => "appel",
        Method::Backup => "code de secours",
    };
    let numbered: Vec<String> =
        (1..).zip(ways).map(|(number, method)| format!("{number} {}", name(method))).collect();
    numbered.join(", ")
}

fn refuse(refusal: &Refusal) -> String {
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
        Refusal::NoRightCode => "Accès refusé\u{a0}: aucun code correct n’a été saisi.".to_owned(),
        Refusal::Unavailable => "Le code ne peut pas être vérifié pour le moment. Personne n’est admis sans code\u{a0}; réessayez dans une minute.".to_owned(),
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
        Refusal::NothingChanged => "Rien n’a été modifié.".to_owned(),
        Refusal::ChangedMeanwhile => {
            "Vos codes ont entre-temps été modifiés ailleurs. Rien n’a été modifié ici\u{a0}; recommencez.".to_owned()
        }
    }
}

fn show(setup: &Setup) -> String {
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

fn whom(help: Option<&str>) -> String {
    help.map_or_else(|| "votre administrateur".to_owned(), shown)
}

fn quoted(name: &str) -> String {
    format!("«\u{a0}{}\u{a0}»", shown(name))
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join(", ")
}

fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} (UTC)")
    } else {
        format!("le {day:02}/{month:02}/{year} à {hour:02}:{minute:02} (UTC)")
    }
}
