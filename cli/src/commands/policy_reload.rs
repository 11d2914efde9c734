//! `countersign policy reload`: has the service read its configuration again.

use clap::Args;
use serde::Serialize;

use crate::bus::slow_call;
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::mistakes::painted;
use crate::output::{data, value};

/// How much of a digest is enough to tell policies apart.
const DIGEST_SHOWN: usize = 12;

/// Have the service read its configuration again
///
/// Files with an error change nothing: the last good policy stays in force, and the errors are shown. Logins under way
/// finish under the policy they began with. Only root can do this.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo countersign policy reload
  countersign policy check && sudo countersign policy reload

Exit codes: 0 the files are in force, 1 they have errors and are not.")]
pub(crate) struct Reload {}

/// The answer. The order and names of the fields are the `--json` shape.
#[derive(Debug, Serialize)]
struct Reloaded {
    loaded: bool,
    policy: String,
    mistakes: Vec<String>,
    warnings: Vec<String>,
}

impl TryFrom<Facts> for Reloaded {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        Ok(Self {
            loaded: facts.flag("loaded")?,
            policy: facts.text("policy")?,
            mistakes: facts.blocks("mistakes")?,
            warnings: facts.blocks("warnings")?,
        })
    }
}

impl Reload {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let admin = context.bus().await?.admin().await?;
        let reloaded = Reloaded::try_from(Facts::from(slow_call(admin.reload()).await?))?;
        if context.output.is_json() {
            value(&reloaded)?;
            return if reloaded.loaded { Ok(()) } else { Err(Failure::silent(Exit::Refused)) };
        }
        for text in reloaded.mistakes.iter().chain(&reloaded.warnings) {
            data(&format!("{}\n", painted(&context.output, text)))?;
        }
        reloaded.end(context)
    }
}

impl Reloaded {
    fn end(&self, context: &Context) -> Result<(), Failure> {
        let digest: String = self.policy.chars().take(DIGEST_SHOWN).collect();
        if !self.loaded {
            let help = format!("Policy {digest}, the last good one, stays in force.");
            return Err(Failure::new(Exit::Refused, "The files are not in force.").with_help(help));
        }
        let warnings = match self.warnings.len() {
            0 => String::new(),
            1 => ", with 1 warning".to_owned(),
            many => format!(", with {many} warnings"),
        };
        context.output.note(&format!("Policy {digest} is in force{warnings}."));
        Ok(())
    }
}
