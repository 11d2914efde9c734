//! English: what is shown and told while a factor is set up or taken away.

use crate::factor::Method;
use crate::words::{Drawn, Setup, shown};

use super::sending::list;

/// Says what is shown and told while a factor is set up or taken away.
pub(super) fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => "Set up your code: scan this with an authenticator app.".to_owned(),
        Setup::ScanOrEnterKey { method } => {
            format!("Set up your code: scan the QR code with an authenticator app, or enter this key there ({}).", based(*method))
        }
        Setup::EnterKey { method: Method::Hotp } => {
            "Set up your code: enter this key in your token or app (counter-based).".to_owned()
        }
        Setup::EnterKey { method } => {
            format!("Set up your code: enter this key in an authenticator app ({}).", based(*method))
        }
        Setup::Drawing(text) | Setup::Uri(text) | Setup::BackupCodes(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => {
            format!("Key: {}  (`invert` redraws)", key.expose())
        }
        Setup::Key { key, drawn: Drawn::No } => format!("Key: {}", key.expose()),
        Setup::ChooseWay { ways } => format!("A code is needed here. How do you want to get it? {}.", list(ways)),
        Setup::WhereTo => "A code is needed here, and it can be sent to you. Where to?".to_owned(),
        Setup::OnFile { recipient } => format!("On file for you: {}. Press Enter to use it, or type another.", shown(recipient)),
        Setup::FirstFactor => "This is your first factor: once it is set up, you will be asked for a code wherever the rules of this host want one.".to_owned(),
        Setup::Completed { label } => format!("Your code is set up (\"{}\").", shown(label)),
        Setup::Replaced { label } => format!("Your new code is set up (\"{}\"), the old one is gone.", shown(label)),
        Setup::Renamed { old, new } => format!("\"{}\" is called \"{}\" now.", shown(old), shown(new)),
        Setup::BackupCodesIntro => {
            "Your backup codes, for days without a phone. Each works once; shown only now.".to_owned()
        }
        Setup::BackupCodesMade => "Your new backup codes are valid; older ones are not.".to_owned(),
        Setup::TestPassed { method: Method::Totp, label } => {
            format!("That code is right. It came from your app \"{}\".", shown(label))
        }
        Setup::TestPassed { method: Method::Hotp, label } => {
            format!("That code is right. It came from your token \"{}\".", shown(label))
        }
        Setup::TestPassed { method: Method::Email | Method::Sms | Method::Call, label } => {
            format!("That code is right. It was sent to \"{}\".", shown(label))
        }
        Setup::TestPassed { method: Method::Backup, label: _ } => {
            "That backup code is right. It is used up now.".to_owned()
        }
        Setup::OtherSessionsEnded => "Your other sessions on this host are ended.".to_owned(),
        Setup::OtherSessionsLeft => {
            "Your other sessions could not be ended. To see them: loginctl list-sessions".to_owned()
        }
        Setup::Removed { label } => format!("\"{}\" was removed.", shown(label)),
    }
}

const fn based(method: Method) -> &'static str {
    match method {
        Method::Totp | Method::Email | Method::Sms | Method::Call | Method::Backup => "time-based",
        Method::Hotp => "counter-based",
    }
}
