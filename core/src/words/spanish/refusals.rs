//! Spanish: why something is not done.

use crate::words::{Refusal, shown};

use super::{moment, quoted, turn_to};

/// Says why something is not done.
pub(super) fn refuse(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Locked { until, now, help } => format!(
            "Demasiados códigos incorrectos. Inténtelo de nuevo después de {} o {}.",
            moment(*until, *now),
            turn_to(help.as_deref())
        ),
        Refusal::NeedsReset { help } => format!(
            "Demasiados códigos incorrectos. Para poder volver a iniciar sesión, {}.",
            turn_to(help.as_deref())
        ),
        Refusal::NotEnrolled { help } => format!(
            "Aquí se necesita un código y usted no ha configurado ninguno. Por favor, {}.",
            turn_to(help.as_deref())
        ),
        Refusal::EnrollFirst { method } => format!(
            "Aquí se necesita un código y usted no ha configurado ninguno. Ejecute primero `countersign enroll {}`.",
            method.name()
        ),
        Refusal::InvitationNeeded { help } => format!(
            "Aquí se necesita un código y usted no ha configurado ninguno. Para configurarlo necesita una invitación: {}.",
            turn_to(help.as_deref())
        ),
        Refusal::NothingSetUp => {
            "No ha configurado ningún código. Ejecute primero `countersign enroll totp`.".to_owned()
        }
        Refusal::UidChanged { help } => format!(
            "Su cuenta en este equipo ha cambiado y sus códigos ya no son válidos para ella. Por favor, {}.",
            turn_to(help.as_deref())
        ),
        Refusal::CodeNeeded { help } => format!("Aquí se necesita un código, y un inicio de sesión solo con una clave SSH no da ninguno. Inicie sesión con su contraseña (`ssh -o PubkeyAuthentication=no`) o {}.", turn_to(help.as_deref())),
        Refusal::Stopped { help } => format!("Su código no se puede comprobar, porque el servicio que lo comprueba no responde. Inténtelo de nuevo dentro de un minuto o {}.", turn_to(help.as_deref())),
        Refusal::NoRightCode => "Acceso denegado: no se introdujo ningún código correcto.".to_owned(),
        Refusal::Unavailable { help } => unavailable(help.as_deref()),
        Refusal::Restored { help } => restored(help.as_deref()),
        Refusal::SwitchedOff => "El segundo factor está desactivado en este equipo.".to_owned(),
        Refusal::EnrollmentClosed { help } => format!(
            "Ninguna regla de este equipo le permite configurarlo por su cuenta. Por favor, {}.",
            turn_to(help.as_deref())
        ),
        Refusal::TooManyFactors { limit } => format!("Ya tiene {limit}. Elimine uno primero."),
        Refusal::LabelTaken { label } => {
            format!("El nombre {} ya está en uso. Elija otro.", quoted(label))
        }
        Refusal::NoSuchFactor { name } => {
            format!("No tiene nada llamado {}. `countersign status` muestra lo que tiene.", quoted(name))
        }
        Refusal::AmbiguousFactor { labels } => {
            format!("Coincide con varios: {}. Indique uno de ellos.", list(labels))
        }
        Refusal::LastFactor => {
            "Este es el último, y una regla de este equipo exige uno. Configure otro primero.".to_owned()
        }
        Refusal::NotSaved => "Sus códigos de respaldo son válidos. Si no los ha anotado, genere otros nuevos con `countersign backup-codes`.".to_owned(),
        Refusal::NothingOnFile { help } => format!("Los códigos solo se pueden enviar al contacto que consta para usted, y no consta ninguno. Por favor, {}.", turn_to(help.as_deref())),
        Refusal::OnlyOnFile { recipient, help } => format!("Los códigos solo se pueden enviar a {}, que es lo que consta para usted. Para cambiarlo, {}.", shown(recipient), turn_to(help.as_deref())),
        Refusal::NoChannel { help } => format!("En este equipo no se envían códigos por este medio. Por favor, {}.", turn_to(help.as_deref())),
        Refusal::TooManyRecipients => "Ha indicado demasiadas direcciones o números. Vuelva a empezar más tarde.".to_owned(),
        Refusal::NothingChanged => "No se ha cambiado nada.".to_owned(),
        Refusal::ChangedMeanwhile => "Entretanto, sus códigos se han cambiado desde otro lugar. Aquí no se ha cambiado nada; empiece de nuevo.".to_owned(),
    }
}

fn unavailable(help: Option<&str>) -> String {
    format!(
        "El código no se puede comprobar en este momento. Sin él no se permite el acceso a nadie; inténtelo de nuevo dentro de un minuto. Si no funciona, {}.",
        turn_to(help)
    )
}

fn restored(help: Option<&str>) -> String {
    format!(
        "Sus métodos de inicio de sesión proceden de una copia de seguridad restaurada y no se aceptan hasta que se comprueben. Por favor, {}.",
        turn_to(help)
    )
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join(", ")
}
