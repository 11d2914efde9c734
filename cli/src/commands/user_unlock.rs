//! `countersign user unlock`: ends a person's locks.

use clap::Args;
use countersign_protocol::proxies::Facts as Options;
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::output::{printable, value};

/// Let a person try again who is locked after wrong codes
///
/// What the person has set up stays. After a hundred wrong codes in a row only a reset helps, and this says so. The
/// reason is recorded.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign user unlock alice --reason 'mistyped, ticket 4713'")]
pub(crate) struct Unlock {
    /// Whom
    user: String,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

/// After so many wrong codes that somebody is guessing, unlocking is not enough.
fn stays_locked(user: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        format!("{user} stays locked: after that many wrong codes only a reset helps."),
    )
    .with_help(format!("Try: countersign user reset {user} --reason REASON"))
}

impl Unlock {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { user, reason } = self;
        let options = Options::from([("reason", Variant::from(reason))]);
        let helpdesk = context.bus().await?.helpdesk().await?;
        let mut facts = Facts::from(interactive_call(helpdesk.unlock(&user, options)).await?);
        let (was_locked, needs_reset) = (facts.flag("was_locked")?, facts.flag("needs_reset")?);
        if context.output.is_json() {
            value(&json!({ "user": user, "was_locked": was_locked, "needs_reset": needs_reset }))?;
        }
        let user = printable(&user);
        if needs_reset {
            return Err(stays_locked(&user));
        }
        if !context.output.is_json() {
            let words = if was_locked { "is unlocked and can try again" } else { "was not locked" };
            context.output.note(&format!("{user} {words}."));
        }
        Ok(())
    }
}
