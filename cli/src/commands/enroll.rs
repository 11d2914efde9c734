//! `countersign enroll`: sets up a factor of one's own.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use countersign_protocol::proxies::Begun;
use serde_json::json;
use zbus::Variant;

use crate::bus::{Bus, call};
use crate::commands::Context;
use crate::dialogue::{hold, options};
use crate::exit::{Exit, Failure};
use crate::output::{printable, value};
use crate::qr::{QrFile, QrPath};
use crate::screen::Terminal;

/// Set up an authenticator app, a hardware token, or codes that are sent to you
///
/// For an app or a token it shows a QR code and the setup key, and asks for a code. For codes by e-mail, text message or
/// call it sends one to your address or number and asks for that. What you set up counts only once that code was right.
/// If you have set up something before, a code from it is asked for first. With the first, backup codes are shown: write
/// them down.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign enroll totp
  countersign enroll totp --label phone
  countersign enroll totp --qr ~/code.svg
  countersign enroll totp --replace=phone --label 'new phone'
  countersign enroll hotp --label keyring
  countersign enroll email
  countersign enroll sms '+49 171 2345678' --label 'work phone'
  countersign enroll email new@example.org --replace")]
pub(crate) struct Enroll {
    /// What to set up: totp, an authenticator app with time-based codes; hotp, a token with a counter; email, sms or
    /// call, codes that are sent to you
    #[arg(value_enum, default_value_t, hide_possible_values = true)]
    method: Method,
    /// Where to send codes; without it the one on file, or you are asked
    #[arg(value_name = "ADDRESS|NUMBER", value_parser = NonEmptyStringValueParser::new())]
    recipient: Option<String>,
    /// A name for it, to tell several apart
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Take the place of the one with this label, or of the only one of its kind
    #[arg(long, value_name = "LABEL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    replace: Option<String>,
    /// End your other sessions on this host once it is done
    #[arg(long)]
    end_sessions: bool,
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
    /// A hardware token, or an app with a counter (RFC 4226)
    Hotp,
    /// Codes by e-mail
    Email,
    /// Codes by text message
    Sms,
    /// Codes that a call speaks
    Call,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Call => "call",
        }
    }

    const fn is_sent(self) -> bool {
        match self {
            Self::Totp | Self::Hotp => false,
            Self::Email | Self::Sms | Self::Call => true,
        }
    }
}

impl Enroll {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        self.check()?;
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
            let (enrolled, replaced) = (self.method.name(), self.replace.is_some());
            return value(&json!({ "enrolled": enrolled, "qr": written, "replaced": replaced }));
        }
        Ok(())
    }

    /// An app has no address, and nothing that is sent has a QR code.
    fn check(&self) -> Result<(), Failure> {
        let wrong = match (self.method.is_sent(), &self.recipient, &self.qr) {
            (false, Some(_), _) => "An address or number is for email, sms and call only.",
            (true, _, Some(_)) => "A QR code is for totp and hotp only.",
            (true, _, None) | (false, None, _) => return Ok(()),
        };
        Err(Failure::new(Exit::Usage, wrong).with_help("For more: countersign enroll --help"))
    }

    async fn begin(&self, bus: &Bus, draws_qr: bool) -> Result<Begun, Failure> {
        let mut options = options();
        options.insert("draws_qr", Variant::from(draws_qr));
        if let Some(recipient) = &self.recipient {
            options.insert("recipient", Variant::from(recipient.clone()));
        }
        if let Some(label) = &self.label {
            options.insert("label", Variant::from(label.clone()));
        }
        if let Some(replaced) = &self.replace {
            options.insert("replace", Variant::from(replaced.clone()));
        }
        if self.end_sessions {
            options.insert("end_sessions", Variant::from(true));
        }
        call(bus.self_service().await?.begin_enrollment(self.method.name(), options)).await
    }
}
