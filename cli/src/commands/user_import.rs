//! `countersign user import`: puts the addresses and numbers of many people on file.
//!
//! Owns the order: the whole list is checked before the first line changes anything, and unless the person said so
//! nothing is changed while a line is refused.

use std::path::PathBuf;

use clap::Args;
use countersign_protocol::proxies::{AdminProxy, ContactRow, Facts as Options};
use serde_json::{Value, json};
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::contacts::{self, Refusal, Row, Sheet};
use crate::exit::{Exit, Failure};
use crate::output::{data, printable, value};
use crate::progress;

/// How many lines go to the service at once.
const BATCH: usize = 500;

/// Put the addresses and numbers of many people on file
///
/// Reads comma-separated values whose first line names the columns, in any order: user, email, phone. An empty field
/// leaves what is on file. Semicolons and tabs separate as well, and a list may be UTF-16, as spreadsheets write it. Numbers may be written without the country's code where `[sms]` names the country. The whole
/// list is checked first; a line that is refused is reported by its number, and nothing is changed unless --keep-going
/// says so. What people have set up themselves stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo countersign user import contacts.csv --dry-run
  sudo countersign user import contacts.csv --reason 'list of the registry'")]
pub(crate) struct Import {
    /// The list; - is standard input
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Check only, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Pass over lines that are refused
    #[arg(long)]
    keep_going: bool,
    /// Why; it is recorded
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
}

impl Import {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Sheet { mut rows, refused, empty } = contacts::read(&self.file)?;
        let mut report = Report { refused, unchanged: empty, ..Report::default() };
        let admin = context.bus().await?.admin().await?;
        let check = Options::from([("check", Variant::from(true))]);
        let would_change = pass(context, &admin, &rows, &check, &mut report).await?;
        let bad: Vec<u32> = report.refused.iter().map(|refusal| refusal.line).collect();
        rows.retain(|row| !bad.contains(&row.line));
        if self.dry_run || (!bad.is_empty() && !self.keep_going) {
            report.changed = would_change;
            report.unchanged += rows.len().saturating_sub(would_change);
            return report.end(context, self.dry_run);
        }
        let reason = Options::from([("reason", Variant::from(self.reason.unwrap_or_default()))]);
        let before = report.refused.len();
        let changed = pass(context, &admin, &rows, &reason, &mut report).await.map_err(repeatable)?;
        report.is_imported = true;
        report.changed = changed;
        let late = report.refused.len().saturating_sub(before);
        report.unchanged += rows.len().saturating_sub(changed).saturating_sub(late);
        report.end(context, false)
    }
}

/// Brings all rows to the service, and tells how many changed something or would.
async fn pass(
    context: &Context,
    admin: &AdminProxy<'_>,
    rows: &[Row],
    options: &Options<'_>,
    report: &mut Report,
) -> Result<usize, Failure> {
    let is_check = options.contains_key("check");
    let bar = progress::bar(&context.output, if is_check { "Checking" } else { "Importing" }, false);
    bar.set_length(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    let (mut rest, mut changed) = (rows, 0);
    while !rest.is_empty() {
        let batch: Vec<ContactRow<'_>> = rest.iter().take(BATCH).map(on_wire).collect();
        let (refused, done, did_change) =
            interactive_call(admin.import_contacts(&batch, options.clone())).await?;
        let done = usize::try_from(done).unwrap_or(usize::MAX);
        let (these, others) = rest
            .split_at_checked(done)
            .filter(|_| (1..=batch.len()).contains(&done))
            .ok_or_else(|| Failure::malformed("a list without an end"))?;
        for (line, why) in refused {
            let row = these.iter().find(|row| row.line == line);
            let row = row.ok_or_else(|| Failure::malformed("a line that was not sent"))?;
            let why = printable(&why);
            report.refused.push(Refusal { line, user: Some(row.user.clone()), why });
        }
        changed += usize::try_from(did_change).unwrap_or(usize::MAX);
        rest = others;
        bar.inc(u64::try_from(done).unwrap_or(0));
    }
    bar.finish_and_clear();
    Ok(changed)
}

fn on_wire(row: &Row) -> ContactRow<'_> {
    (row.line, &row.user, &row.email, &row.phone)
}

/// What was done before the service failed stays done, and doing it again changes nothing.
fn repeatable(failure: Failure) -> Failure {
    let help = failure.help.as_deref().map(|help| format!("{help}\n")).unwrap_or_default();
    failure.with_help(format!(
        "{help}The list is imported in part. Import it again: what is on file already stays as it is."
    ))
}

/// What became of the list.
#[derive(Debug, Default)]
struct Report {
    refused: Vec<Refusal>,
    changed: usize,
    unchanged: usize,
    is_imported: bool,
}

impl Report {
    /// Writes the report: a line for each that was refused, or one value for a program.
    fn end(mut self, context: &Context, is_dry_run: bool) -> Result<(), Failure> {
        self.refused.sort_by_key(|refusal| refusal.line);
        if context.output.is_json() {
            value(&self.json())?;
        } else {
            for Refusal { line, user, why } in &self.refused {
                let user = user.as_ref().map(|user| format!("{user}: ")).unwrap_or_default();
                data(&format!("line {line}: {user}{why}"))?;
            }
            context.output.note(&self.words());
        }
        match (self.refused.is_empty(), self.is_imported || is_dry_run || context.output.is_json()) {
            (true, _) => Ok(()),
            (false, true) => Err(Failure::silent(Exit::Refused)),
            (false, false) => Err(Failure::new(Exit::Refused, "Nothing was imported.").with_help(
                "Mend the lines above and import the list again, or pass over them with --keep-going.",
            )),
        }
    }

    fn json(&self) -> Value {
        let refused: Vec<Value> = self
            .refused
            .iter()
            .map(|Refusal { line, user, why }| json!({ "line": line, "user": user, "error": why }))
            .collect();
        let Self { changed, unchanged, is_imported, .. } = self;
        json!({ "imported": is_imported, "changed": changed, "unchanged": unchanged, "refused": refused })
    }

    fn words(&self) -> String {
        let Self { refused, changed, unchanged, is_imported } = self;
        let people =
            |count: usize| if count == 1 { "1 person".to_owned() } else { format!("{count} people") };
        let did = if *is_imported { "has" } else { "would have" };
        let did = if *is_imported && *changed != 1 { "have" } else { did };
        let lines = if refused.len() == 1 { "1 line".to_owned() } else { format!("{} lines", refused.len()) };
        format!(
            "{} {did} another contact on file, {} the same; {lines} refused.",
            people(*changed),
            people(*unchanged)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_report_is_a_sentence() {
        let report = Report { changed: 1, unchanged: 2, is_imported: true, ..Report::default() };
        assert_eq!(
            report.words(),
            "1 person has another contact on file, 2 people the same; 0 lines refused."
        );
        let report = Report { changed: 3, unchanged: 1, is_imported: true, ..Report::default() };
        assert_eq!(
            report.words(),
            "3 people have another contact on file, 1 person the same; 0 lines refused."
        );
        let refused = vec![Refusal { line: 2, user: None, why: "No.".to_owned() }];
        let report = Report { changed: 3, refused, ..Report::default() };
        let said = "3 people would have another contact on file, 0 people the same; 1 line refused.";
        assert_eq!(report.words(), said);
    }
}
