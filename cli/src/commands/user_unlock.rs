//! `countersign user unlock`: ends a person's locks.

use clap::Args;
use countersign_protocol::proxies::Facts as Options;
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{printable, value};

/// Let a person try again who is locked after wrong codes
///
/// What the person has set up stays. The reason is recorded.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign user unlock alice --reason 'mistyped, ticket 4713'")]
pub(crate) struct Unlock {
    /// Whom
    user: String,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

impl Unlock {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { user, reason } = self;
        let options = Options::from([("reason", Variant::from(reason))]);
        let helpdesk = context.bus().await?.helpdesk().await?;
        let was_locked =
            Facts::from(interactive_call(helpdesk.unlock(&user, options)).await?).flag("was_locked")?;
        if context.output.is_json() {
            return value(&json!({ "user": user, "was_locked": was_locked }));
        }
        let words = if was_locked { "is unlocked and can try again" } else { "was not locked" };
        context.output.note(&format!("{} {words}.", printable(&user)));
        Ok(())
    }
}
