//! `countersign user disable`: has people no longer asked for a code under rules with `require = "chosen"`.

use clap::Args;

use crate::chosen::{self, Choice};
use crate::commands::Context;
use crate::exit::Failure;
use crate::people::Whom;

/// Switch the second factor off for people
///
/// For people whom a rule with `require = "chosen"` covers; what they have set up stays. With --group or --from a report
/// is written, one line a person. The reason is recorded.
#[derive(Debug, Args)]
#[command(
    override_usage = "countersign user disable [OPTIONS] --reason <REASON> <USER>
       countersign user disable [OPTIONS] --reason <REASON> --group <GROUP>
       countersign user disable [OPTIONS] --reason <REASON> --from <FILE>",
    after_help = "\
Examples:
  countersign user disable alice --reason 'left the pilot, ticket 4716'
  countersign user disable --from - --reason 'end of the pilot' < pilot.txt"
)]
pub(crate) struct Disable {
    #[command(flatten)]
    whom: Whom,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

impl Disable {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        chosen::apply(context, self.whom, Choice::Off, &self.reason).await
    }
}
