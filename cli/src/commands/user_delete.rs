//! `countersign user delete`: deletes what is kept of a user who is gone.

use clap::Args;
use countersign_protocol::proxies::Facts as Options;
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{printable, value};

/// Delete what is kept of a user who is gone
///
/// For a user whom the name service no longer knows, or whose record cannot be read (`user list` says which). A user who is
/// still there is reset instead. The audit keeps the name. The reason is recorded.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign user delete alice --reason 'left, ticket 4719'
  sudo countersign user delete alice --realm local:9f86d081884c7d65 --reason 'host retired'")]
pub(crate) struct Delete {
    /// Whose
    user: String,
    /// The realm, where it is not one of this host
    #[arg(long)]
    realm: Option<String>,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

impl Delete {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { user, realm, reason } = self;
        let mut options = Options::from([("reason", Variant::from(reason))]);
        if let Some(realm) = realm {
            options.insert("realm", Variant::from(realm));
        }
        let helpdesk = context.bus().await?.helpdesk().await?;
        let mut facts = Facts::from(interactive_call(helpdesk.delete(&user, options)).await?);
        let deleted = facts.number("deleted")?;
        if context.output.is_json() {
            return value(&json!({ "user": user, "deleted": deleted }));
        }
        context.output.note(&format!("What was kept of {} is deleted.", printable(&user)));
        Ok(())
    }
}
