//! `countersign backup-codes`: makes new backup codes for oneself.

use clap::Args;
use serde_json::json;

use crate::bus::call;
use crate::commands::Context;
use crate::dialogue::{hold, options};
use crate::exit::Failure;
use crate::output::value;
use crate::screen::Terminal;

/// Make new backup codes
///
/// Each of the ten lets you in once, where you are without your phone or token. They are shown once, on standard error:
/// write them down. The old ones end. A current code is asked for first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign backup-codes")]
pub(crate) struct BackupCodes {}

impl BackupCodes {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let bus = context.bus().await?;
        let begun = call(bus.self_service().await?.begin_backup_codes(options())).await?;
        hold(&bus, begun, Terminal::new(context.output.clone(), None)).await?;
        if context.output.is_json() {
            return value(&json!({ "renewed": true }));
        }
        Ok(())
    }
}
