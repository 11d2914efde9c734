//! `countersign store accept-restore`: root takes a restored store for the true one.

use clap::Args;
use countersign_protocol::proxies::Facts as Options;
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{printable, value};

/// Accept a store that was restored from a backup
///
/// Until then the service accepts no code. Afterwards backup codes, invitations, remembered places and codes that were
/// sent are void, and users whose sign-in methods changed after the backup was made, and users of hardware tokens with a
/// counter, are refused until `user reset`. Needs root.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sudo countersign store accept-restore --reason 'disk failure, ticket 4714'\n  sudo countersign store accept-restore --everybody --reason 'ticket 4714'"
)]
pub(crate) struct AcceptRestore {
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
    /// Refuse every user until `user reset`
    #[arg(long, conflicts_with = "only_known")]
    everybody: bool,
    /// Refuse only users whom this host knows to have changed, though it may not know of all
    #[arg(long)]
    only_known: bool,
}

impl AcceptRestore {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { reason, everybody, only_known } = self;
        let mut options = Options::from([("reason", Variant::from(reason))]);
        if everybody || only_known {
            options.insert("scope", Variant::from(if everybody { "everybody" } else { "known" }));
        }
        let admin = context.bus().await?.admin().await?;
        let mut facts = Facts::from(interactive_call(admin.accept_restore(options)).await?);
        let (doubt, everybody) = (facts.text("doubt")?, facts.flag("everybody")?);
        let doubtful = facts.texts("doubtful")?;
        if context.output.is_json() {
            return value(&json!({ "doubt": doubt, "everybody": everybody, "doubtful": doubtful }));
        }
        let rest = if everybody {
            "Every user is refused until: countersign user reset USER --reason REASON".to_owned()
        } else if doubtful.is_empty() {
            "No user changed since the backup was made.".to_owned()
        } else {
            let names: Vec<String> = doubtful.iter().map(|name| printable(name)).collect();
            format!("Refused until `countersign user reset`: {}", names.join(", "))
        };
        context.output.note(&format!("The store is accepted. {rest}"));
        Ok(())
    }
}
