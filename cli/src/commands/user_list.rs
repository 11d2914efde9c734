//! `countersign user list`: everybody whom the service keeps something of, page by page.
//!
//! Rows are written as their page arrives: hundreds of thousands of people need no more memory than one page.

use std::io;

use clap::Args;
use countersign_protocol::proxies::AdminProxy;
use indicatif::ProgressBar;
use serde_json::json;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::output::{Output, data};
use crate::progress;
use crate::standing::{Lock, Standing, keep_widths, plain_table, trimmed};
use crate::time::Moment;

/// Rows asked for at once; the service answers with fewer where it must.
const PAGE_ROWS: u32 = 1000;
/// The columns of the table; `--csv` has `state` besides.
const COLUMNS: [&str; 7] = ["user", "rule", "methods", "last_used", "locked", "email", "phone"];

/// List everybody of whom something is kept
///
/// Shows the rule that applies to each, the methods set up, their last use, whether the person is locked, and the
/// address and number on file: whole for root, masked for others. In place of a rule it says `(gone)` where the name service
/// no longer knows the user, and `(unreadable)` where the record cannot be read; `user delete` removes what is kept of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign user list
  countersign user list --csv > people.csv")]
pub(crate) struct List {
    /// Write comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl List {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let admin = context.bus().await?.admin().await?;
        let output = &context.output;
        let bar = progress::bar(output, "Reading", true);
        let ended = match (self.csv, output.is_json()) {
            (true, _) => read(&admin, &bar, &mut Csv::begin()?).await,
            (false, true) => read(&admin, &bar, &mut Json { is_first: true }).await,
            (false, false) => read(&admin, &bar, &mut Plain { output, widths: None }).await,
        };
        bar.finish_and_clear();
        ended
    }
}

/// How rows are written.
trait Writer {
    fn page(&mut self, people: &[Standing]) -> Result<(), Failure>;
    fn end(&mut self, people: u64) -> Result<(), Failure>;
}

/// Reads every page and gives it to the writer.
async fn read(admin: &AdminProxy<'_>, bar: &ProgressBar, writer: &mut dyn Writer) -> Result<(), Failure> {
    let mut after = String::new();
    let mut count = 0_u64;
    loop {
        let (rows, next, total) = interactive_call(admin.list_users(&after, PAGE_ROWS)).await?;
        let people: Vec<Standing> = rows.into_iter().map(Standing::of_row).collect();
        writer.page(&people)?;
        count += u64::try_from(people.len()).unwrap_or(0);
        bar.set_length(total);
        bar.set_position(count);
        if next.is_empty() {
            bar.finish_and_clear();
            return writer.end(count);
        }
        if next == after || people.is_empty() {
            return Err(Failure::malformed("a list without an end"));
        }
        after = next;
    }
}

/// A table for people; the first page decides how wide the columns are at least.
struct Plain<'a> {
    output: &'a Output,
    widths: Option<Vec<u16>>,
}

impl Writer for Plain<'_> {
    fn page(&mut self, people: &[Standing]) -> Result<(), Failure> {
        if people.is_empty() {
            return Ok(());
        }
        let mut table = plain_table();
        if self.widths.is_none() {
            table.set_header(COLUMNS.map(|column| column.replace('_', " ").to_uppercase()));
        }
        for person in people {
            let mut row =
                cells(person, "-", |moment| moment.to_string(), |end| end.next_minute().to_string());
            if let (Some(state), [_, rule, ..]) = (person.state(), &mut row) {
                *rule = format!("({state})");
            }
            table.add_row(row);
        }
        keep_widths(&mut table, &mut self.widths);
        data(&trimmed(&table))
    }

    fn end(&mut self, people: u64) -> Result<(), Failure> {
        match people {
            0 => self.output.note("Nobody has set up anything yet."),
            1 => self.output.note("1 person."),
            _ => self.output.note(&format!("{people} people.")),
        }
        Ok(())
    }
}

/// Comma-separated values with times in UTC.
struct Csv(csv::Writer<io::Stdout>);

impl Csv {
    fn begin() -> Result<Self, Failure> {
        let mut writer = csv::Writer::from_writer(io::stdout());
        writer.write_record(COLUMNS.iter().chain(&["state"])).map_err(csv_failure)?;
        Ok(Self(writer))
    }
}

impl Writer for Csv {
    fn page(&mut self, people: &[Standing]) -> Result<(), Failure> {
        for person in people {
            let state = person.state().unwrap_or_default().to_owned();
            let cells = cells(person, "", Moment::in_utc, Moment::in_utc).into_iter().chain([state]);
            self.0.write_record(cells).map_err(csv_failure)?;
        }
        Ok(self.0.flush()?)
    }

    fn end(&mut self, _people: u64) -> Result<(), Failure> {
        Ok(self.0.flush()?)
    }
}

fn csv_failure(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => io::Error::other(format!("{other:?}")).into(),
    }
}

/// One object: `{"users": [...], "total": n}`.
struct Json {
    is_first: bool,
}

impl Writer for Json {
    fn page(&mut self, people: &[Standing]) -> Result<(), Failure> {
        for person in people {
            let begin = if self.is_first { "{\"users\": [\n" } else { "," };
            self.is_first = false;
            data(&format!("{begin}{}", json!(person)))?;
        }
        Ok(())
    }

    fn end(&mut self, people: u64) -> Result<(), Failure> {
        let begin = if self.is_first { "{\"users\": [" } else { "" };
        data(&format!("{begin}], \"total\": {people}}}"))
    }
}

fn cells(
    person: &Standing,
    nothing: &str,
    moment: impl Fn(Moment) -> String,
    end: impl Fn(Moment) -> String,
) -> [String; 7] {
    let methods = person.set_up().join(" ");
    let locked = match person.lock() {
        Lock::Open => String::new(),
        Lock::Until(until) => end(until),
        Lock::NeedsReset => "needs reset".to_owned(),
    };
    let or_nothing = |text: String| if text.is_empty() { nothing.to_owned() } else { text };
    [
        person.user.clone(),
        or_nothing(person.rule.clone().unwrap_or_default()),
        or_nothing(methods),
        or_nothing(person.last_used().map(&moment).unwrap_or_default()),
        or_nothing(locked),
        or_nothing(person.email.clone().unwrap_or_default()),
        or_nothing(person.phone.clone().unwrap_or_default()),
    ]
}
