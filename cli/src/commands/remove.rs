//! `countersign remove`: takes a factor of one's own away.

use clap::Args;
use serde_json::json;

use crate::bus::call;
use crate::commands::Context;
use crate::dialogue::{hold, options};
use crate::exit::Failure;
use crate::output::value;
use crate::screen::Terminal;

/// Remove an app or a token that you have set up
///
/// A current code is asked for first. The last one cannot be removed where the policy asks you for a code; without any
/// working app, the helpdesk resets you.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign remove phone\n  countersign remove totp")]
pub(crate) struct Remove {
    /// Its label, its number as `countersign status` shows it, or its method where you have only one of it
    #[arg(value_name = "LABEL|ID|METHOD")]
    factor: String,
}

impl Remove {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let bus = context.bus().await?;
        let begun = call(bus.self_service().await?.begin_removal(&self.factor, options())).await?;
        hold(&bus, begun, Terminal::new(context.output.clone(), None)).await?;
        if context.output.is_json() {
            return value(&json!({ "removed": self.factor }));
        }
        Ok(())
    }
}
