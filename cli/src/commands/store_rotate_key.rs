//! `countersign store rotate-key`: a new key for the secrets in the store, and everything sealed anew with it.

use clap::Args;
use countersign_protocol::proxies::AdminProxy;
use serde_json::json;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::output::{Output, printable, value};
use crate::progress;

/// Make a new data key and seal every secret in the store with it
///
/// Logins go on meanwhile. If it is interrupted nothing is lost: `--resume` goes on where old keys are still in use.
/// Needs root.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sudo countersign store rotate-key\n  sudo countersign store rotate-key --resume"
)]
pub(crate) struct RotateKey {
    /// Make no new key: finish what was interrupted
    #[arg(long)]
    resume: bool,
}

impl RotateKey {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let admin = context.bus().await?.admin().await?;
        let key = if self.resume { None } else { Some(interactive_call(admin.rotate_key()).await?) };
        let accounts = reseal(&admin, &context.output).await.map_err(resumable)?;
        if context.output.is_json() {
            return value(&json!({ "key": key, "accounts": accounts }));
        }
        let new = key.map(|key| format!("Data key {key} is in use. ")).unwrap_or_default();
        context.output.note(&format!("{new}{accounts} accounts are sealed with the newest key."));
        Ok(())
    }
}

/// Reseals page by page and tells how many accounts were looked at.
async fn reseal(admin: &AdminProxy<'_>, output: &Output) -> Result<u64, Failure> {
    let bar = progress::bar(output, "Sealing", false);
    let mut after = String::new();
    let mut count = 0_u64;
    loop {
        let (next, done, total) = interactive_call(admin.reseal(&after)).await?;
        count = count.saturating_add(done);
        bar.set_length(total);
        bar.set_position(count);
        if next.is_empty() {
            bar.finish_and_clear();
            return Ok(count);
        }
        if next == after || done == 0 {
            return Err(Failure::malformed("a list without an end"));
        }
        after = printable(&next);
    }
}

fn resumable(failure: Failure) -> Failure {
    let help = failure.help.as_deref().map(|help| format!("{help}\n")).unwrap_or_default();
    let resume = "Accounts that were not reached stay sealed with the key before. To go on: countersign store rotate-key --resume";
    failure.with_help(format!("{help}{resume}"))
}
