//! `countersign forget`: ends what is remembered, so that a code is asked for again.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use crate::bus::call;
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::{printable, value};

/// Ask me for a code again from a place, or from everywhere
///
/// No code is asked for: it only takes away. Use --all if somebody else may have used a place of yours.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign forget 198.51.100.7\n  countersign forget --all")]
pub(crate) struct Forget {
    /// The address, as `countersign remembered` shows it; all services and keys there are forgotten
    #[arg(required_unless_present = "all", conflicts_with = "all", value_parser = NonEmptyStringValueParser::new())]
    place: Option<String>,
    /// Every place
    #[arg(long)]
    all: bool,
}

impl Forget {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let service = context.bus().await?.self_service().await?;
        // No place means all of them.
        let forgotten = call(service.forget(self.place.as_deref().unwrap_or_default())).await?;
        if context.output.is_json() {
            value(&json!({ "forgotten": forgotten }))?;
        }
        match (&self.place, forgotten) {
            (Some(place), 0) => Err(not_remembered(place)),
            _ if context.output.is_json() => Ok(()),
            (place, forgotten) => {
                context.output.note(&words(place.as_deref(), forgotten));
                Ok(())
            }
        }
    }
}

fn not_remembered(place: &str) -> Failure {
    let message = format!("Nothing is remembered for {}.", printable(place));
    Failure::new(Exit::Refused, message).with_help("To see what is: countersign remembered")
}

fn words(place: Option<&str>, forgotten: u32) -> String {
    match (place, forgotten) {
        (Some(place), _) => format!("A code is asked for again from {}.", printable(place)),
        (None, 0) => "Nothing was remembered.".to_owned(),
        (None, 1) => "1 place is forgotten: a code is asked for everywhere.".to_owned(),
        (None, many) => format!("{many} places are forgotten: a code is asked for everywhere."),
    }
}
