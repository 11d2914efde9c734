//! `countersign user enable`: has people asked for a code under rules with `require = "chosen"`.

use clap::Args;

use crate::chosen::{self, Choice};
use crate::commands::Context;
use crate::exit::Failure;
use crate::people::Whom;

/// Switch the second factor on for people
///
/// For people whom a rule with `require = "chosen"` covers; it asks only those for whom it is switched on. With --group
/// or --from a report is written, one line a person. The reason is recorded.
#[derive(Debug, Args)]
#[command(
    override_usage = "countersign user enable [OPTIONS] --reason <REASON> <USER>
       countersign user enable [OPTIONS] --reason <REASON> --group <GROUP>
       countersign user enable [OPTIONS] --reason <REASON> --from <FILE>",
    after_help = "\
Examples:
  countersign user enable alice --reason 'pilot, ticket 4715'
  countersign user enable --from pilot.txt --reason 'pilot'
  countersign user enable --group staff --reason 'roll-out'"
)]
pub(crate) struct Enable {
    #[command(flatten)]
    whom: Whom,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

impl Enable {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        chosen::apply(context, self.whom, Choice::On, &self.reason).await
    }
}
