//! `countersign remembered`: the places from which one is not asked for a while.

use clap::Args;
use serde::Serialize;

use crate::bus::call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{data, value};
use crate::standing::{plain_table, trimmed};
use crate::time::Moment;

/// Show the places from which you are not asked for a code
///
/// A place is an address, a service and, for SSH with a key, that key. It was remembered because you added `r` to a
/// code. It ends at the time shown, and with any change of what you have set up or of your password.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign remembered")]
pub(crate) struct Remembered {}

/// One place. The order and names of the fields are the `--json` shape.
#[derive(Debug, Serialize)]
struct Row {
    place: String,
    service: String,
    since: Option<Moment>,
    until: Option<Moment>,
    rule: String,
    key: Option<String>,
}

impl TryFrom<Facts> for Row {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        Ok(Self {
            place: facts.text("place")?,
            service: facts.text("service")?,
            since: facts.moment("since")?,
            until: facts.moment("until")?,
            rule: facts.text("rule")?,
            key: facts.optional_text("key")?,
        })
    }
}

impl Row {
    /// Reads a row; one that cannot be read is shown as such, and hides no other.
    fn of(facts: Facts) -> Self {
        let unreadable = |_| Self {
            place: "?".to_owned(),
            service: "unreadable".to_owned(),
            since: None,
            until: None,
            rule: "-".to_owned(),
            key: None,
        };
        Self::try_from(facts).unwrap_or_else(unreadable)
    }
}

impl Remembered {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let service = context.bus().await?.self_service().await?;
        let places = call(service.remembered()).await?;
        let places: Vec<Row> = places.into_iter().map(|row| Row::of(Facts::from(row))).collect();
        if context.output.is_json() {
            return value(&places);
        }
        if places.is_empty() {
            context.output.note("No place is remembered: you are asked for a code everywhere.");
            return Ok(());
        }
        data(&table(&places))?;
        context.output.note("To be asked again: countersign forget PLACE, or countersign forget --all");
        Ok(())
    }
}

fn table(places: &[Row]) -> String {
    let mut table = plain_table();
    table.set_header(["PLACE", "SERVICE", "SINCE", "UNTIL", "RULE", "KEY"]);
    let time = |moment: &Option<Moment>| moment.map_or_else(|| "-".to_owned(), |moment| moment.to_string());
    for Row { place, service, since, until, rule, key } in places {
        let key = key.as_deref().unwrap_or("-");
        let until = until.map(Moment::next_minute);
        table.add_row([place, service, &time(since), &time(&until), rule, key]);
    }
    trimmed(&table)
}
