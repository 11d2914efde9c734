//! `countersign enroll`: sets up a factor of one's own.

use clap::{Args, ValueEnum};
use countersign_protocol::proxies::{Begun, Facts as Options};
use serde_json::json;
use zbus::Variant;

use crate::bus::{Bus, call};
use crate::commands::Context;
use crate::dialogue::{hold, locale};
use crate::exit::Failure;
use crate::output::{printable, value};
use crate::qr::{QrFile, QrPath};
use crate::screen::Terminal;

/// Set up an authenticator app
///
/// Shows a QR code and the setup key, and asks for a code from the app. The app counts only once that code was right.
/// If you have set up one before, a code from it is asked for first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign enroll totp
  countersign enroll totp --label phone
  countersign enroll totp --qr ~/code.svg")]
pub(crate) struct Enroll {
    /// What to set up: totp, an authenticator app with time-based codes
    #[arg(value_enum, default_value_t, hide_possible_values = true)]
    method: Method,
    /// A name for it, to tell several apart
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Write the QR code into a new file, readable by you only, as well
    #[arg(long, value_name = "FILE.svg|png")]
    qr: Option<QrPath>,
}

/// What can be set up by oneself.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Method {
    /// An authenticator app (time-based codes, RFC 6238)
    #[default]
    Totp,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
        }
    }
}

impl Enroll {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let bus = context.bus().await?;
        // Whatever goes wrong from here on drops the file, and with it the picture of a secret of no use.
        let (file, pen) = self.qr.as_ref().map(QrFile::create).transpose()?.unzip();
        let screen = Terminal::new(context.output.clone(), pen);
        let begun = self.begin(&bus, screen.draws_qr()).await?;
        hold(&bus, begun, screen).await?;
        let written = file.map(|file| printable(&file.keep().display().to_string()));
        if let Some(path) = &written {
            context.output.note(&format!("Delete {path} when your app has read it: it holds the key."));
        }
        if context.output.is_json() {
            return value(&json!({ "enrolled": self.method.name(), "qr": written }));
        }
        Ok(())
    }

    async fn begin(&self, bus: &Bus, draws_qr: bool) -> Result<Begun, Failure> {
        let mut options = Options::from([("draws_qr", Variant::from(draws_qr))]);
        if let Some(label) = &self.label {
            options.insert("label", Variant::from(label.as_str()));
        }
        if let Some(locale) = locale() {
            options.insert("locale", Variant::from(locale));
        }
        call(bus.self_service().await?.begin_enrollment(self.method.name(), options)).await
    }
}
