//! `countersign status`: what one holds oneself.

use clap::Args;

use crate::bus::call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::layout::sentence;
use crate::output::Stream;
use crate::standing::{Ids, Standing};

/// Show your own second factor
///
/// Tells whether a code is asked for when you log in, which apps, tokens, addresses and numbers
/// you have set up, how many backup codes are left, how many places are remembered, and whether you are locked.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign status")]
pub(crate) struct Status {
    /// Show the number of each method, which tells apart what has the same label
    #[arg(long)]
    ids: bool,
}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let service = context.bus().await?.self_service().await?;
        let mut facts = Facts::from(call(service.status()).await?);
        let doubt = facts.optional_text("store")?;
        let standing = Standing::try_from(facts)?;
        standing.show(&context.output, if self.ids { Ids::Shown } else { Ids::Hidden })?;
        if let Some(doubt) = doubt {
            let words = format!(
                "The store is not trusted ({doubt}): no code is accepted on this host. Run: countersign store accept-restore --reason REASON"
            );
            context.output.note(&format!("\n{}", sentence(Stream::Err, &words, 0)));
        }
        if let (Some(advice), false) = (standing.advice(), context.output.is_json()) {
            context.output.note(&format!("\n{}", sentence(Stream::Err, &advice, 0)));
        }
        Ok(())
    }
}
