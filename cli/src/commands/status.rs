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
        let standing = Standing::try_from(Facts::from(call(service.status()).await?))?;
        standing.show(&context.output, if self.ids { Ids::Shown } else { Ids::Hidden })?;
        if let (Some(advice), false) = (standing.advice(), context.output.is_json()) {
            context.output.note(&format!("\n{}", sentence(Stream::Err, &advice, 0)));
        }
        Ok(())
    }
}
