//! `countersign audit verify`: whether anything in the audit was edited, removed or moved.

use clap::Args;
use countersign_protocol::proxies::AdminProxy;
use serde_json::json;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::output::{Output, value};
use crate::progress;

/// Tell whether anything in the audit was edited, removed or moved
///
/// Follows the chain of hashes from the oldest record kept to the newest and names the first record that does not fit. That
/// the whole chain was written anew, or its end removed together with what the store knows of it, shows only against an end
/// that is known from elsewhere: the line audit-head, which the log gets every hour.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo countersign audit verify
  sudo countersign audit verify --head 1204:9f86d081…
  journalctl -t countersignd COUNTERSIGN_EVENT=audit-head

Exit codes: 0 the audit is whole, 1 it is not.")]
pub(crate) struct Verify {
    /// What an audit-head in the log says: the number of a record, a colon, and its link
    #[arg(long, value_name = "SEQUENCE:LINK")]
    head: Option<String>,
}

/// What verification came to.
struct Verified {
    records: u64,
    first: u64,
    head: Option<String>,
    broken: Option<(u64, String)>,
}

impl Verify {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let admin = context.bus().await?.admin().await?;
        let known = self.head.unwrap_or_default();
        let Verified { records, first, head, broken } = verify(&admin, &known, &context.output).await?;
        if context.output.is_json() {
            let (sequence, damage) = broken.clone().unzip();
            let whole = broken.is_none();
            value(&json!({ "whole": whole, "records": records, "first": first, "head": head,
                "broken": sequence, "damage": damage }))?;
        }
        if let Some((sequence, damage)) = broken {
            let help =
                "What stands before it is whole. Compare with the log, and with a backup of the store.";
            return Err(Failure::new(Exit::Refused, describe(sequence, &damage)).with_help(help));
        }
        let head = head.unwrap_or_default();
        let records = if records == 1 { "1 record".to_owned() } else { format!("{records} records") };
        context.output.note(&format!("The audit is whole: {records} from {first} on.\nHead: {head}"));
        Ok(())
    }
}

/// Follows the chain page by page.
async fn verify(admin: &AdminProxy<'_>, known: &str, output: &Output) -> Result<Verified, Failure> {
    let bar = progress::bar(output, "Verifying", false);
    let (mut after, mut records) = (String::new(), 0_u64);
    loop {
        let mut facts = Facts::from(interactive_call(admin.verify_audit(&after, known)).await?);
        let next = facts.text("next")?;
        records = records.saturating_add(facts.long("done")?);
        bar.set_length(facts.long("total")?);
        bar.set_position(records);
        if next.is_empty() {
            bar.finish_and_clear();
            let broken = match facts.optional_long("broken")? {
                Some(sequence) => Some((sequence, facts.text("damage")?)),
                None => None,
            };
            let (first, head) = (facts.long("first")?, facts.optional_text("head")?);
            if broken.is_none() && head.is_none() {
                return Err(Failure::malformed("neither a head nor a break"));
            }
            return Ok(Verified { records, first, head, broken });
        }
        if next == after {
            return Err(Failure::malformed("a list without an end"));
        }
        after = next;
    }
}

fn describe(sequence: u64, damage: &str) -> String {
    match damage {
        "altered" => format!("Record {sequence} was edited, or another was put in its place."),
        "missing" => format!("Record {sequence} was removed."),
        "cut-off" => format!("From record {sequence} on the audit is missing."),
        "added" => format!("Record {sequence} stands behind the end of the audit."),
        "replaced" => {
            format!("Record {sequence} is not the one that the log knows: the audit was written anew.")
        }
        other => format!("Record {sequence} does not fit: {other}."),
    }
}
