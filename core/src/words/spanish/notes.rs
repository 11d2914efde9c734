//! Spanish: what is said of the answer before.

use crate::factor::Method;
use crate::words::{Direction, Drawn, ListedWay, Note, Shows};

use super::sending::list;
use super::turn_to;

/// Says what is said of the answer before.
pub(super) fn remark(note: &Note) -> String {
    match note {
        Note::NotACode => "Eso no puede ser un código, así que no se ha contado.".to_owned(),
        Note::NotRemembered => "Este lugar no se recuerda: aquí no es posible.".to_owned(),
        Note::WrongCode => "El código no es correcto. Espere al siguiente e inténtelo de nuevo.".to_owned(),
        Note::RepeatedCode { next } => {
            format!("Este código ya se ha utilizado. El siguiente llegará en {} s.", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => clock_off(*minutes, *direction),
        Note::HostClockOff { minutes, help } => host_clock_off(*minutes, &turn_to(help.as_deref())),
        Note::EnterCode { from, help } => format!(
            "Introduzca el código de {}. Si no ha configurado nada, {}.",
            shows(*from),
            turn_to(help.as_deref())
        ),
        Note::RenewByInvitation { method, help } => format!(
            "Introduzca el código de {}. Para obtener una nueva clave necesita una nueva invitación: {}.",
            if *method == Method::Hotp { "su nuevo token" } else { "la aplicación que configuró" },
            turn_to(help.as_deref())
        ),
        Note::EnterNewCode { method: Method::Hotp } => "Introduzca el código que muestra ahora su token.".to_owned(),
        Note::EnterNewCode { method: _ } => "Introduzca el código que muestra ahora su aplicación de autenticación.".to_owned(),
        Note::RepeatedToken => {
            "Este código ya se ha utilizado. Haga que su token muestre el siguiente.".to_owned()
        }
        Note::WrongBackupCode => {
            "Este código de respaldo no es correcto o ya se ha utilizado.".to_owned()
        }
        Note::WrongInvitation { help } => format!(
            "Esta invitación no es correcta o ya no es válida. Para obtener una nueva, {}.",
            turn_to(help.as_deref())
        ),
        Note::BackupCodesLeft { left } => backup_codes_left(*left),
        Note::WriteDown => {
            "Sus códigos de respaldo ya son válidos. Anótelos antes de continuar.".to_owned()
        }
        Note::PhoneOff { seconds, direction } => format!(
            "El reloj de su teléfono {} hasta {seconds} s. Los códigos aún se aceptan; active la hora automática.",
            way(*direction)
        ),
        Note::TokenAhead { codes } => {
            let unit = if *codes == 1 { "código" } else { "códigos" };
            format!("Su token iba {codes} {unit} por delante; ya está sincronizado de nuevo.")
        }
        Note::Ways { ways, help } => choice(ways, help.as_deref()),
        Note::MaySkip { days, times } => {
            format!("Escriba `skip` para hacerlo más tarde. {}", left(*days, *times))
        }
        Note::LastMethod => "Este es su último método de inicio de sesión. Sin él, aquí ya no se le pedirá ningún código, y sus códigos de respaldo se eliminarán.".to_owned(),
        Note::NoLongerValid => "Los códigos que había configurado ya no son válidos aquí.".to_owned(),
        Note::RenewByCode => "Los códigos que había configurado ya no bastan aquí. Para configurar otros nuevos, introduzca primero uno de ellos o una invitación.".to_owned(),
        Note::SessionIdle { minutes } => session_idle(*minutes),
        Note::NotAnAddress => "No es una dirección de correo electrónico a la que se puedan enviar códigos. Escríbala como alice@example.org.".to_owned(),
        Note::NotANumber => "No es un número de teléfono. Escríbalo con el prefijo del país, como +49 30 123456.".to_owned(),
        Note::SentWords => "Puede introducir el código del mensaje, `resend` para recibir otro, o `new` para elegir otro medio.".to_owned(),
        Note::SentWordsOrInvitation { help } => format!("Puede introducir el código del mensaje, o `resend` para recibir otro. Para elegir otro medio necesita una nueva invitación: {}.", turn_to(help.as_deref())),
        Note::EnrollingWords { drawn: Drawn::Yes, method } => format!("Puede escribir el código de {}, `invert` para invertir los colores del código QR o `new` para obtener uno nuevo.", shows(Shows::of(*method))),
        Note::EnrollingWords { drawn: Drawn::No, method } => format!("Puede escribir el código de {} o `new` para obtener una nueva clave.", shows(Shows::of(*method))),
    }
}

fn choice(ways: &[ListedWay], help: Option<&str>) -> String {
    format!(
        "Puede utilizar: {}. Escriba un número para elegir, o directamente un código. Para cualquier otra cosa, {}.",
        list(ways),
        turn_to(help)
    )
}

const fn shows(shows: Shows) -> &'static str {
    match shows {
        Shows::App => "su aplicación de autenticación",
        Shows::Token => "su token",
        Shows::AppOrToken => "su aplicación de autenticación o de su token",
    }
}

fn session_idle(minutes: u64) -> String {
    let unit = if minutes == 1 { "minuto" } else { "minutos" };
    format!("Countersign: esta sesión está inactiva. Se cerrará en {minutes} {unit} si no escribe nada.")
}

fn clock_off(minutes: u64, direction: Direction) -> String {
    let unit = if minutes == 1 { "minuto" } else { "minutos" };
    let way = way(direction);
    format!(
        "El código no es correcto: el reloj de su teléfono {way} unos {minutes} {unit}. Active la hora automática e inténtelo de nuevo."
    )
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ahead => "está adelantado",
        Direction::Behind => "está atrasado",
    }
}

fn backup_codes_left(left: usize) -> String {
    match left {
        0 => {
            "Era su último código de respaldo. Genere otros nuevos con `countersign backup-codes`.".to_owned()
        }
        1 => "Le queda 1 código de respaldo. Genere otros nuevos con `countersign backup-codes`.".to_owned(),
        _ => format!("Le quedan {left} códigos de respaldo."),
    }
}

/// Says how long and how often setting up can be put off yet.
fn left(days: Option<u64>, times: Option<u32>) -> String {
    let days = days.map(|days| if days == 1 { "1 día".to_owned() } else { format!("{days} días") });
    match (days, times) {
        (_, Some(0 | 1)) => {
            "Esta es la última vez: en el próximo inicio de sesión deberá configurarlo.".to_owned()
        }
        (Some(days), Some(times)) => {
            format!("Puede hacerlo durante {days} o {times} inicios de sesión, lo que ocurra primero.")
        }
        (Some(days), None) => format!("Puede hacerlo durante {days}."),
        (None, Some(times)) => format!("Puede hacerlo durante {times} inicios de sesión."),
        (None, None) => "No se le volverá a preguntar.".to_owned(),
    }
}

/// Says that the clock of a host is or was wrong, and not the code.
fn host_clock_off(minutes: Option<u64>, turn_to: &str) -> String {
    let Some(minutes) = minutes else {
        return format!(
            "El reloj de un equipo no era correcto; por ahora no se aceptan códigos de su aplicación. Este no se ha contado. Utilice otro método de inicio de sesión o {turn_to}."
        );
    };
    let unit = if minutes == 1 { "minuto" } else { "minutos" };
    format!(
        "El reloj de este equipo va atrasado unos {minutes} {unit}; no se puede aceptar su código. No se ha contado. Utilice otro método de inicio de sesión o {turn_to}."
    )
}
