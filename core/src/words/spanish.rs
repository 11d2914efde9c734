//! Spanish: the polite "usted", angular quotation marks, words that are understood on both sides of the ocean.

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
        Prompt::Code => "Código: ",
        Prompt::CodeOf(Method::Totp) => "Código de su aplicación: ",
        Prompt::CodeOf(Method::Hotp) => "Código de su token: ",
        Prompt::CodeOf(Method::Email) => "Código del correo electrónico: ",
        Prompt::CodeOf(Method::Sms) => "Código del SMS: ",
        Prompt::CodeOf(Method::Call) => "Código de la llamada: ",
        Prompt::CodeOf(Method::Backup) => "Código de respaldo: ",
        Prompt::NextTokenCode => "Su token se ha adelantado. Introduzca el siguiente código que muestre: ",
        Prompt::CurrentCode => "Código actual: ",
        Prompt::PendingCode => {
            "Código de la aplicación que configuró, o `new` para obtener un nuevo código QR: "
        }
        Prompt::PendingCodeOrInvitation => "Código de la aplicación que configuró, o una nueva invitación: ",
        Prompt::Invitation => "Código de invitación: ",
        Prompt::Saved => "Escriba `saved` cuando los haya anotado: ",
        Prompt::Yes => "Escriba `yes` para continuar: ",
        Prompt::Close => "Pulse Intro para terminar: ",
    }
}

fn remark(note: &Note) -> String {
    match note {
        Note::WrongCode => "El código no es correcto. Espere al siguiente e inténtelo de nuevo.".to_owned(),
        Note::RepeatedCode { next } => {
            format!("Este código ya se ha utilizado. El siguiente llegará en {} s.", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => clock_off(*minutes, *direction),
        Note::EnterCode { help } => format!(
            "Introduzca el código de su aplicación de autenticación. Si no ha configurado ninguna, {}.",
            turn_to(help.as_deref())
        ),
        Note::RenewByInvitation { help } => format!(
            "Introduzca el código de la aplicación que configuró. Para obtener una nueva clave necesita una nueva invitación: {}.",
            turn_to(help.as_deref())
        ),
        Note::EnterNewCode => {
            "Introduzca el código que muestra ahora su aplicación de autenticación.".to_owned()
        }
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
        Note::Ways { ways, help } => format!(
            "Puede utilizar: {}. Escriba un número para elegir, o directamente un código. Para cualquier otra cosa, {}.",
            numbered(ways),
            turn_to(help.as_deref())
        ),
        Note::EnrollingWords { drawn: Drawn::Yes } => "Puede escribir el código de su aplicación de autenticación, `invert` para invertir los colores del código QR o `new` para obtener uno nuevo.".to_owned(),
        Note::EnrollingWords { drawn: Drawn::No } => "Puede escribir el código de su aplicación de autenticación o `new` para obtener una nueva clave.".to_owned(),
    }
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

fn numbered(ways: &[Method]) -> String {
    let name = |method: &Method| match method {
        Method::Totp => "aplicación",
        Method::Hotp => "token",
        Method::Email => "correo electrónico",
        Method::Sms => "SMS",
        Method::Call => "llamada",
        Method::Backup => "código de respaldo",
    };
    let numbered: Vec<String> =
        (1..).zip(ways).map(|(number, method)| format!("{number} {}", name(method))).collect();
    numbered.join(", ")
}

fn refuse(refusal: &Refusal) -> String {
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
        Refusal::NoRightCode => "Acceso denegado: no se introdujo ningún código correcto.".to_owned(),
        Refusal::Unavailable => "El código no se puede comprobar en este momento. Sin él no se permite el acceso a nadie; inténtelo de nuevo dentro de un minuto.".to_owned(),
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
        Refusal::NothingChanged => "No se ha cambiado nada.".to_owned(),
        Refusal::ChangedMeanwhile => "Entretanto, sus códigos se han cambiado desde otro lugar. Aquí no se ha cambiado nada; empiece de nuevo.".to_owned(),
    }
}

fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => "Configure su código: escanee esto con una aplicación de autenticación.".to_owned(),
        Setup::ScanOrEnterKey { method } => format!(
            "Configure su código: escanee el código QR con una aplicación de autenticación o introduzca en ella esta clave ({}).",
            based(*method)
        ),
        Setup::EnterKey { method: Method::Hotp } => "Configure su código: introduzca esta clave en su token o aplicación (basada en contador).".to_owned(),
        Setup::EnterKey { method } => format!(
            "Configure su código: introduzca esta clave en una aplicación de autenticación ({}).",
            based(*method)
        ),
        Setup::Drawing(text) | Setup::Uri(text) | Setup::BackupCodes(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => {
            format!("Clave: {}  (`invert` invierte los colores)", key.expose())
        }
        Setup::Key { key, drawn: Drawn::No } => format!("Clave: {}", key.expose()),
        Setup::FirstFactor => "Este es su primer factor: en cuanto esté configurado, se le pedirá un código siempre que las reglas de este equipo lo exijan.".to_owned(),
        Setup::Completed { label } => format!("Su código está configurado ({}).", quoted(label)),
        Setup::Replaced { label } => {
            format!("Su nuevo código está configurado ({}); el anterior se ha eliminado.", quoted(label))
        }
        Setup::Renamed { old, new } => format!("{} se llama ahora {}.", quoted(old), quoted(new)),
        Setup::BackupCodesIntro => "Sus códigos de respaldo, para los días sin teléfono. Cada uno sirve una sola vez; no volverán a mostrarse.".to_owned(),
        Setup::BackupCodesMade => {
            "Sus nuevos códigos de respaldo son válidos; los anteriores ya no lo son.".to_owned()
        }
        Setup::TestPassed { method: Method::Totp, label } => {
            format!("El código es correcto. Procede de su aplicación {}.", quoted(label))
        }
        Setup::TestPassed { method: Method::Hotp, label } => {
            format!("El código es correcto. Procede de su token {}.", quoted(label))
        }
        Setup::TestPassed { method: Method::Email | Method::Sms | Method::Call, label } => {
            format!("El código es correcto. Se envió a {}.", quoted(label))
        }
        Setup::TestPassed { method: Method::Backup, label: _ } => {
            "El código de respaldo es correcto. Ya no se podrá volver a utilizar.".to_owned()
        }
        Setup::OtherSessionsEnded => "Sus demás sesiones en este equipo se han cerrado.".to_owned(),
        Setup::OtherSessionsLeft => {
            "No se han podido cerrar sus demás sesiones. Para verlas: loginctl list-sessions".to_owned()
        }
        Setup::Removed { label } => format!("{} se ha eliminado.", quoted(label)),
    }
}

const fn based(method: Method) -> &'static str {
    match method {
        Method::Totp | Method::Email | Method::Sms | Method::Call | Method::Backup => "basada en la hora",
        Method::Hotp => "basada en contador",
    }
}

fn turn_to(help: Option<&str>) -> String {
    let whom = help.map_or_else(|| "su administrador".to_owned(), shown);
    format!("póngase en contacto con {whom}")
}

fn quoted(name: &str) -> String {
    format!("«{}»", shown(name))
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join(", ")
}

fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    let article = if hour == 1 { "la" } else { "las" };
    if clock::is_same_day(until, now) {
        format!("{article} {hour:02}:{minute:02} (UTC)")
    } else {
        format!("{article} {hour:02}:{minute:02} (UTC) del {day:02}/{month:02}/{year}")
    }
}
