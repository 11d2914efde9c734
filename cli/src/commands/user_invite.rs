//! `countersign user invite`: makes a code with which a person may enroll, once.

use clap::Args;
use countersign_protocol::proxies::Facts as Options;
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::duration::Seconds;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{data, printable, value};
use crate::time::Moment;

/// Make a one-time code with which a person can enroll
///
/// For people whose rule says `enroll = "invited"`, or whose time to enroll is over. The code goes to standard output;
/// give it to the person by a way that only they can read. It works once, for that person, and dies after five wrong
/// tries or when its time is over. The reason is recorded, the code is not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign user invite alice --reason 'first day, seen in person'
  countersign user invite alice --for 3d --reason 'letter, ticket 4714'")]
pub(crate) struct Invite {
    /// Whom
    user: String,
    /// For how long, such as 30m, 1h or 3d; the rule sets the most
    #[arg(long = "for", value_name = "DURATION")]
    life: Option<Seconds>,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

impl Invite {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { user, life, reason } = self;
        let mut options = Options::from([("reason", Variant::from(reason))]);
        if let Some(Seconds(seconds)) = life {
            options.insert("for", Variant::from(seconds));
        }
        let helpdesk = context.bus().await?.helpdesk().await?;
        let mut facts = Facts::from(interactive_call(helpdesk.invite(&user, options)).await?);
        let code = facts.text("code")?;
        let expires = facts.moment("expires")?.ok_or_else(|| Failure::malformed("`expires` is missing"))?;
        if context.output.is_json() {
            return value(&json!({ "user": user, "code": code, "expires": expires }));
        }
        show(context, &printable(&user), &code, expires)
    }
}

/// Shows an invitation: the code alone on standard output, what it is worth beside it.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn show(context: &Context, user: &str, code: &str, expires: Moment) -> Result<(), Failure> {
    let until = expires.next_minute().with_zone();
    context.output.note(&format!("{user} can enroll once with this code, until {until}:"));
    data(code)
}
