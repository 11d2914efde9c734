//! Spanish letters.

use super::{quoted, turn_to};
use crate::login::Source;
use crate::notice::Notice;
use crate::time::WallTime;
use crate::words::letter::{CodePhrases, Facts, Life, NoticePhrases, Occasion, moment, name};

/// Says what stands around a code.
pub(in crate::words) fn code(facts: &Facts) -> CodePhrases {
    let Facts { organization, person, service, host, time, help, .. } = facts;
    let (from, life) = (source(facts.source), life(facts.life));
    CodePhrases {
        subject: format!("es su código para {service} en {host}"),
        heading: "Su código:",
        about: format!(
            "Es para el inicio de sesión de {person} en {service} en {host}, desde {from}, solicitado el {time}. Es válido durante {life}, una sola vez."
        ),
        warning: format!(
            "Si no ha sido usted, quizá alguien conozca su contraseña: no dé este código a nadie y {}.",
            turn_to(help.as_deref())
        ),
        // Without letters that the alphabet of text messages lacks (á, í, ó, ú).
        short: [
            format!("es su clave para {service} en {host}, desde {from}. Vale {life}. No la comparta."),
            format!("es su clave para {service} en {host}. Vale {life}."),
            format!("es su clave. Vale {life}."),
        ],
        spoken: [format!("{organization}. Su código es:"), "Repito:".to_owned()],
    }
}

/// Says what a message of trial is: its subject, and all of its text.
pub(in crate::words) fn trial(organization: &str, host: &str) -> [String; 2] {
    let text = format!(
        "Este es un mensaje de prueba de {organization}, enviado por {host}. No trae claves y no requiere respuesta."
    );
    ["Mensaje de prueba".to_owned(), text]
}

/// Says what a notice tells.
pub(in crate::words) fn notice(notice: &Notice, occasion: &Occasion<'_>) -> NoticePhrases {
    let Occasion { person, host, time, help } = occasion;
    NoticePhrases {
        headline: headline(notice),
        sentence: sentence(notice),
        occasion: format!("Cuenta {person}, equipo {host}, {time}."),
        warning: format!("Si no sabe nada de esto, {} de inmediato.", turn_to(*help)),
    }
}

const fn headline(notice: &Notice) -> &'static str {
    match notice {
        Notice::FactorAdded { .. } => "se ha configurado un código",
        Notice::FactorRemoved { .. } => "se ha eliminado un código",
        Notice::FactorReplaced { .. } => "se ha sustituido un código",
        Notice::FactorRenamed { .. } => "un código tiene otro nombre",
        Notice::BackupCodesMade => "nuevos códigos de respaldo",
        Notice::BackupCodeUsed { .. } => "se ha usado un código de respaldo",
        Notice::ContactSet { .. } => "se ha cambiado su contacto",
        Notice::PlaceRemembered { .. } => "se recuerda un lugar",
        Notice::Locked { .. } => "bloqueo por códigos incorrectos",
        Notice::WrongCodes { .. } => "códigos incorrectos desde una dirección desconocida",
        Notice::Reset => "se han restablecido sus códigos",
        Notice::Unlocked => "se le ha desbloqueado",
        Notice::AcceptedAgain => "se aceptan de nuevo los códigos de su aplicación o token",
        Notice::Invited { .. } => "se le invita a configurar un código",
        Notice::SwitchedOn => "los códigos están activados",
        Notice::SwitchedOff => "los códigos están desactivados",
    }
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::FactorAdded { name } => {
            format!("Se ha configurado un nuevo código para usted: {}.", quoted(name))
        }
        Notice::FactorRemoved { name } => format!("Se ha eliminado uno de sus códigos: {}.", quoted(name)),
        Notice::FactorReplaced { old, new } => {
            format!("Se ha sustituido uno de sus códigos: {} por {}.", quoted(old), quoted(new))
        }
        Notice::FactorRenamed { old, new } => {
            format!("Uno de sus códigos tiene otro nombre: {} se llama ahora {}.", quoted(old), quoted(new))
        }
        Notice::BackupCodesMade => {
            "Se han creado nuevos códigos de respaldo para usted; los anteriores ya no son válidos."
                .to_owned()
        }
        Notice::BackupCodeUsed { left } => {
            format!("Se ha usado uno de sus códigos de respaldo. Le quedan {left}.")
        }
        Notice::ContactSet { old, new } => format!(
            "Un administrador ha cambiado el contacto que consta para usted, de {} a {}. Los códigos ya configurados se envían adonde se enviaban.",
            known(old.as_deref()),
            known(new.as_deref())
        ),
        Notice::PlaceRemembered { address } => format!(
            "Cuando inicie sesión desde {}, no se le pedirá ningún código durante un tiempo.",
            name(address)
        ),
        Notice::Locked { from, until } => locked(*from, *until),
        Notice::WrongCodes { from } => format!(
            "Tras una contraseña correcta, se han introducido códigos incorrectos desde {}, desde donde usted no ha iniciado sesión últimamente. Si no ha sido usted, alguien conoce su contraseña: cámbiela.",
            source(*from)
        ),
        Notice::Reset => {
            "Un administrador ha eliminado sus códigos; se le pedirá que los configure de nuevo.".to_owned()
        }
        Notice::Unlocked => "Un administrador ha puesto fin a un bloqueo por códigos incorrectos.".to_owned(),
        Notice::AcceptedAgain => "Un administrador ha hecho que se acepten de nuevo los códigos de su aplicación o token, tras el desfase de un reloj o un contador.".to_owned(),
        Notice::Invited { expires } => format!(
            "Un administrador ha creado una invitación con la que se puede configurar un código para usted, hasta el {}.",
            moment(*expires)
        ),
        Notice::SwitchedOn => {
            "Un administrador ha activado los códigos para usted: se le pedirá uno al iniciar sesión."
                .to_owned()
        }
        Notice::SwitchedOff => {
            "Un administrador ha desactivado los códigos para usted: ahora basta su contraseña.".to_owned()
        }
    }
}

fn locked(from: Source, until: Option<WallTime>) -> String {
    format!(
        "Tras una contraseña correcta, se han introducido demasiados códigos incorrectos desde {}. {} Si no ha sido usted, alguien conoce su contraseña: cámbiela.",
        source(from),
        until.map_or_else(
            || "El inicio de sesión está bloqueado hasta que se le restablezca.".to_owned(),
            |until| format!("El inicio de sesión está bloqueado hasta el {}.", moment(until))
        )
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Local => "el propio equipo".to_owned(),
        Source::Unknown => "una dirección desconocida".to_owned(),
        Source::Address(_) => source.to_string(),
    }
}

fn life(life: Life) -> String {
    match life {
        Life::Minutes(1) => "1 minuto".to_owned(),
        Life::Minutes(minutes) => format!("{minutes} minutos"),
        Life::Seconds(seconds) => format!("{seconds} segundos"),
    }
}

fn known(contact: Option<&str>) -> String {
    contact.map_or_else(|| "ninguno".to_owned(), name)
}
