//! `countersign user show`: what a person holds, for the helpdesk.

use clap::Args;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::standing::{Ids, Standing};

/// Show what a person has set up, never a secret
///
/// Tells which methods the person has set up and when, when they were last used, how many backup codes are left, whether
/// the person is locked, which rule applies, and which codes did not go out. Addresses and numbers are masked.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign user show alice")]
pub(crate) struct Show {
    /// Whose
    user: String,
    /// Show the number of each method, which tells apart what has the same label
    #[arg(long)]
    ids: bool,
}

impl Show {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let ids = if self.ids { Ids::Shown } else { Ids::Hidden };
        let helpdesk = context.bus().await?.helpdesk().await?;
        let facts = interactive_call(helpdesk.show(&self.user)).await?;
        Standing::try_from(Facts::from(facts))?.show(&context.output, ids)
    }
}
