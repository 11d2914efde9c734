//! Spanish: what is shown and told while a factor is set up or taken away.

use crate::factor::Method;
use crate::words::{Drawn, Setup, shown};

use super::quoted;
use super::sending::list;

/// Says what is shown and told while a factor is set up or taken away.
pub(super) fn show(setup: &Setup) -> String {
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
        Setup::ChooseWay { ways } => format!("Aquí se necesita un código. ¿Cómo quiere obtenerlo? {}.", list(ways)),
        Setup::WhereTo => "Aquí se necesita un código, que se le puede enviar. ¿Dónde desea recibirlo?".to_owned(),
        Setup::OnFile { recipient } => format!("Consta para usted: {}. Pulse Intro para usarlo, o escriba otro.", shown(recipient)),
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
