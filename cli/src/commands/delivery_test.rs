//! `countersign delivery test`: tries the way out over which codes are sent.

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::bus::slow_call;
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::output::{printable, value};

/// Send a message of trial, and say what the server or gateway answered
///
/// The message is sent at once, over the same way and with the same checks as a code, and holds none. That it was taken
/// does not mean that it arrived: look. Each trial is recorded.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo countersign delivery test email alice@example.org
  sudo countersign delivery test sms '+49 171 2345678'")]
pub(crate) struct Test {
    /// Over which channel: email, sms or call
    #[arg(value_enum, hide_possible_values = true)]
    channel: Channel,
    /// To whom
    #[arg(value_name = "ADDRESS|NUMBER")]
    recipient: String,
}

/// The ways on which a code can be sent.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Channel {
    /// The mail server of `[email]`
    Email,
    /// The gateway of `[sms]`
    Sms,
    /// The gateway of `[call]`
    Call,
}

impl Channel {
    const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Call => "call",
        }
    }

    const fn other_side(self) -> &'static str {
        match self {
            Self::Email => "mail server",
            Self::Sms | Self::Call => "gateway",
        }
    }
}

impl Test {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { channel, recipient } = self;
        let admin = context.bus().await?.admin().await?;
        context.output.note(&format!("Asking the {}…", channel.other_side()));
        let mut facts = Facts::from(slow_call(admin.test_delivery(channel.name(), &recipient)).await?);
        let (outcome, said) = (facts.text("outcome")?, facts.text("said")?);
        let is_taken = outcome == "taken";
        if context.output.is_json() {
            value(&json!({
                "channel": channel.name(), "recipient": recipient, "outcome": outcome, "said": said,
            }))?;
            return if is_taken { Ok(()) } else { Err(Failure::silent(Exit::Refused)) };
        }
        let to = printable(&recipient);
        if is_taken {
            context.output.note(&format!(
                "The {} took the message to {to}. Look whether it arrives.",
                channel.other_side()
            ));
            return Ok(());
        }
        Err(not_taken(channel, &outcome, &to, &said))
    }
}

fn not_taken(channel: Channel, outcome: &str, to: &str, said: &str) -> Failure {
    let other = channel.other_side();
    let (message, help) = match outcome {
        "refused" => (
            format!("The {other} refused the message to {to}: {said}"),
            "It would be refused again. Mend the configuration, or the address.",
        ),
        "not-now" => (
            format!("The message to {to} could not be handed over: {said}"),
            "A code would be tried again until its life is over. Is the server reachable from this host?",
        ),
        "not-configured" => (
            format!("Nothing can be sent there: {said}"),
            "See countersign.toml(5), and `countersign policy check` for what is missing in the file.",
        ),
        _ => (
            format!("Nobody knows whether the message to {to} went out: {said}"),
            "A code is not sent twice: the person would be told to choose another way.",
        ),
    };
    Failure::new(Exit::Refused, message).with_help(help)
}
