//! `countersign audit`: what happened, as the service recorded it.
//!
//! Records are written as they arrive. Following goes on through restarts of the service, behind the last record seen.

use std::collections::HashMap;
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::ContentArrangement;
use countersign_protocol::proxies::{AdminProxy, Records};
use zbus::Variant;

use crate::bus::slow_call;
use crate::commands::Context;
use crate::commands::audit_verify::Verify;
use crate::exit::{Exit, Failure};
use crate::output::{Output, data};
use crate::record;
use crate::since::Since;
use crate::standing::{keep_widths, plain_table, trimmed};

/// How long a call waits for the next record, in seconds; the service waits no longer.
const WAIT: u32 = 20;
/// The waits for a service that is away.
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Behind every record there is: following begins with the next one.
const NEWEST: u64 = u64::MAX;

/// Show what happened: logins, refusals, changes, acts of the helpdesk
///
/// One line a record, the oldest first: when (by your clock), what, about whom, by which service and from where, the rule
/// that decided, the method, why, and who did it. Needs root or the permission of an administrator.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  sudo countersign audit --since 1d
  sudo countersign audit --user alice --event login-denied
  sudo countersign audit --follow
  sudo countersign audit verify"
)]
pub(crate) struct Audit {
    /// Only what concerns this user
    #[arg(long)]
    user: Option<String>,
    /// Only what happened since: 30m, 12h or 7d ago, or a day such as 2026-11-01
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// Only events of this id, such as login-denied
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// Show what happens from now on, until Ctrl-C; with --since from then on
    #[arg(long, short)]
    follow: bool,
    #[command(subcommand)]
    deed: Option<Deed>,
}

/// What else can be done with the audit.
#[derive(Debug, Subcommand)]
enum Deed {
    Verify(Verify),
}

impl Audit {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self.deed {
            Some(Deed::Verify(verify)) => verify.run(context).await,
            None if self.follow => self.follow(context).await,
            None => self.show(context).await,
        }
    }

    async fn show(&self, context: &Context) -> Result<(), Failure> {
        let admin = context.bus().await?.admin().await?;
        let mut writer = Writer::new(&context.output);
        let mut after = 0;
        loop {
            let (records, next, newest) = self.call(&admin, after, 0).await?;
            writer.write(&records)?;
            if next >= newest {
                writer.end(&context.output);
                return Ok(());
            }
            if next <= after {
                return Err(Failure::malformed("a list without an end"));
            }
            after = next;
        }
    }

    /// Shows records as they come, for ever. Only the first answer may be a refusal; afterwards a service that is away is
    /// waited for.
    async fn follow(&self, context: &Context) -> Result<(), Failure> {
        let mut writer = Writer::new(&context.output);
        let mut after = if self.since.is_some() { 0 } else { NEWEST };
        let mut has_begun = false;
        let mut rest = FIRST_REST;
        loop {
            match self.follow_once(context, &mut writer, &mut after, &mut has_begun).await {
                Err(failure) if has_begun && failure.exit == Exit::Unavailable => {
                    if rest == FIRST_REST {
                        context
                            .output
                            .note("The service is away; what happens meanwhile is shown when it is back.");
                    }
                    tokio::time::sleep(rest).await;
                    rest = rest.saturating_mul(2).min(LONGEST_REST);
                }
                Err(failure) => return Err(failure),
                Ok(()) => rest = FIRST_REST,
            }
        }
    }

    /// Follows on one connection until it is lost.
    async fn follow_once(
        &self,
        context: &Context,
        writer: &mut Writer,
        after: &mut u64,
        has_begun: &mut bool,
    ) -> Result<(), Failure> {
        let admin = context.bus().await?.admin().await?;
        loop {
            // The first answer tells where the end is; it is not waited for.
            let wait = if *has_begun { WAIT } else { 0 };
            let (records, next, _) = self.call(&admin, *after, wait).await?;
            writer.write(&records)?;
            (*after, *has_begun) = (next, true);
        }
    }

    async fn call(&self, admin: &AdminProxy<'_>, after: u64, wait: u32) -> Result<Records, Failure> {
        let mut filter: HashMap<&str, Variant<'_>> = HashMap::from([("wait", wait.into())]);
        if let Some(user) = &self.user {
            filter.insert("user", user.as_str().into());
        }
        if let Some(event) = &self.event {
            filter.insert("event", event.as_str().into());
        }
        if let Some(Since(since)) = self.since {
            filter.insert("since", since.into());
        }
        slow_call(admin.audit(filter, after)).await
    }
}

/// Writes records; the widths of the first page's columns stay.
struct Writer {
    is_json: bool,
    widths: Option<Vec<u16>>,
    count: u64,
}

impl Writer {
    fn new(output: &Output) -> Self {
        Self { is_json: output.is_json(), widths: None, count: 0 }
    }

    fn write(&mut self, records: &[(u64, String)]) -> Result<(), Failure> {
        if records.is_empty() {
            return Ok(());
        }
        self.count = self.count.saturating_add(u64::try_from(records.len()).unwrap_or(0));
        if self.is_json {
            let lines: Vec<String> =
                records.iter().map(|(sequence, record)| record::line(*sequence, record)).collect();
            return data(&lines.join("\n"));
        }
        let mut table = plain_table();
        table.set_content_arrangement(ContentArrangement::Disabled); // a record is one line, however narrow
        if self.widths.is_none() {
            table.set_header(record::COLUMNS);
        }
        for (sequence, record) in records {
            table.add_row(record::row(*sequence, record));
        }
        keep_widths(&mut table, &mut self.widths);
        data(&trimmed(&table))
    }

    fn end(&self, output: &Output) {
        match self.count {
            0 => output.note("Nothing of that kind is recorded."),
            1 => output.note("1 record."),
            count => output.note(&format!("{count} records.")),
        }
    }
}
