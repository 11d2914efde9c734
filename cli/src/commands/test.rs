//! `countersign test`: tries a code without logging in.

use clap::Args;
use serde_json::json;

use crate::bus::call;
use crate::commands::Context;
use crate::dialogue::{hold, options};
use crate::exit::Failure;
use crate::output::value;
use crate::screen::Terminal;

/// Try a code, without logging in
///
/// Tells whether the code is right, what it came from, and whether your phone's clock drifts. It counts like a login: a
/// right code is used up, and wrong ones lock.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign test")]
pub(crate) struct Test {}

impl Test {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let bus = context.bus().await?;
        let begun = call(bus.self_service().await?.begin_test(options())).await?;
        hold(&bus, begun, Terminal::new(context.output.clone(), None)).await?;
        if context.output.is_json() {
            return value(&json!({ "passed": true }));
        }
        Ok(())
    }
}
