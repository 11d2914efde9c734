//! `countersign user set-contact`: puts a person's address or number on file.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use countersign_protocol::proxies::Facts as Options;
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{printable, value};

/// Put a person's e-mail address or telephone number on file
///
/// What is on file is offered to the person when they set up codes by e-mail, text message or call, and is where notices
/// go. What they have set up already keeps its address or number until they confirm a new one. The old address and the
/// new one are told. The reason is recorded.
#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("contact").required(true).multiple(true)
        .args(["email", "phone", "clear_email", "clear_phone"])),
    override_usage = "countersign user set-contact [OPTIONS] --reason <REASON> <USER>",
    after_help = "\
Examples:
  countersign user set-contact alice --email alice@example.org --reason 'form 12'
  countersign user set-contact alice --phone '+49 30 123456' --reason 'ticket 4716'
  countersign user set-contact alice --clear-phone --reason 'number given up'"
)]
pub(crate) struct SetContact {
    /// Whose
    user: String,
    /// The e-mail address
    #[arg(long, value_name = "ADDRESS", conflicts_with = "clear_email", value_parser = NonEmptyStringValueParser::new())]
    email: Option<String>,
    /// The telephone number; without the country's code where `[sms]` names the country
    #[arg(long, value_name = "NUMBER", conflicts_with = "clear_phone", value_parser = NonEmptyStringValueParser::new())]
    phone: Option<String>,
    /// Take the e-mail address off the file
    #[arg(long)]
    clear_email: bool,
    /// Take the telephone number off the file
    #[arg(long)]
    clear_phone: bool,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

impl SetContact {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { user, email, phone, clear_email, clear_phone, reason } = self;
        let mut options = Options::from([("reason", Variant::from(reason))]);
        let cleared = |clears: bool| clears.then(String::new);
        for (key, text) in
            [("email", email.or(cleared(clear_email))), ("phone", phone.or(cleared(clear_phone)))]
        {
            if let Some(text) = text {
                options.insert(key, Variant::from(text));
            }
        }
        let helpdesk = context.bus().await?.helpdesk().await?;
        let mut facts = Facts::from(interactive_call(helpdesk.set_contact(&user, options)).await?);
        let changed = facts.flag("changed")?;
        let (email, phone) = (facts.optional_text("email")?, facts.optional_text("phone")?);
        if context.output.is_json() {
            return value(&json!({ "user": user, "changed": changed, "email": email, "phone": phone }));
        }
        context.output.note(&words(&printable(&user), changed, email, phone));
        Ok(())
    }
}

fn words(user: &str, changed: bool, email: Option<String>, phone: Option<String>) -> String {
    let on_file: Vec<String> = [email, phone].into_iter().flatten().collect();
    let on_file = if on_file.is_empty() { "nothing".to_owned() } else { on_file.join(", ") };
    let now = if changed { "now" } else { "as before" };
    format!("{user}: on file {now}: {on_file}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_file_is_said_in_a_sentence() {
        let (email, phone) = (Some("a•••@example.org".to_owned()), Some("•••• 42".to_owned()));
        assert_eq!(words("alice", true, email, phone), "alice: on file now: a•••@example.org, •••• 42.");
        assert_eq!(words("alice", false, None, None), "alice: on file as before: nothing.");
    }
}
