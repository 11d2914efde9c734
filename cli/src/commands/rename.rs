//! `countersign rename`: gives a factor of one's own another label.

use clap::Args;
use serde_json::json;

use crate::bus::call;
use crate::commands::Context;
use crate::dialogue::{hold, options};
use crate::exit::Failure;
use crate::output::value;
use crate::screen::Terminal;

/// Give something that you have set up another name
///
/// A current code is asked for first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign rename phone 'old phone'")]
pub(crate) struct Rename {
    /// Its label, its number as `countersign status` shows it, or its method where you have only one of it
    #[arg(value_name = "LABEL|ID|METHOD")]
    factor: String,
    /// The new name
    #[arg(value_name = "NEW")]
    label: String,
}

impl Rename {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { factor, label } = self;
        let bus = context.bus().await?;
        let begun = call(bus.self_service().await?.begin_renaming(&factor, &label, options())).await?;
        hold(&bus, begun, Terminal::new(context.output.clone(), None)).await?;
        if context.output.is_json() {
            return value(&json!({ "renamed": factor, "label": label }));
        }
        Ok(())
    }
}
