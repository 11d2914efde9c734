//! `countersign user resync`: accepts the codes of a user's apps and tokens again.

use clap::Args;
use countersign_protocol::proxies::Facts as Options;
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{printable, value};

/// Accept the codes of a user's app or token again after a clock or a counter was off
///
/// Use it when a host's clock was ahead and is right again: first make sure that it is. The app's codes count from the
/// present on, and no code that was used is accepted again. A token is looked for further ahead than usual; the user then
/// enters two codes in a row. What the user has set up stays. The reason is recorded.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign user resync alice --reason 'the clock of web1 was ahead, ticket 4714'"
)]
pub(crate) struct Resync {
    /// The user
    user: String,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

impl Resync {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { user, reason } = self;
        let options = Options::from([("reason", Variant::from(reason))]);
        let helpdesk = context.bus().await?.helpdesk().await?;
        let mut facts = Facts::from(interactive_call(helpdesk.resync(&user, options)).await?);
        let changed = facts.number("changed")?;
        let clock = facts.moment("clock")?.ok_or_else(|| Failure::malformed("`clock` is missing"))?;
        if context.output.is_json() {
            return value(&json!({ "user": user, "changed": changed, "clock": clock }));
        }
        let user = printable(&user);
        let words = match changed {
            0 => "has no app or token that is out of step; nothing was changed",
            _ => "can use the app or token again",
        };
        context.output.note(&format!("{user} {words}. This host's clock says {}.", clock.in_utc()));
        Ok(())
    }
}
