//! The page that shows people what a person holds.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::{FactorRow, Lock, Standing, Undelivered};
use crate::exit::Failure;
use crate::layout::{columns, sentence};
use crate::output::{Output, Stream, Tone, data, is_terminal, value};

impl Standing {
    /// Shows the page for people, or the value for programs.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn show(&self, output: &Output) -> Result<(), Failure> {
        if output.is_json() {
            return value(self);
        }
        data(&self.page(output))
    }

    fn page(&self, output: &Output) -> String {
        let mut lines = vec![output.paint(Stream::Out, Tone::Strong, &self.user), String::new()];
        lines.push(field("Second factor", &self.requirement_words()));
        if let Some(rule) = &self.rule {
            lines.push(field("Rule", rule));
        }
        if !self.methods.is_empty() {
            lines.push(field("Methods allowed", &self.methods.join(", ")));
        }
        lines.push(field("Locked", &self.lock_words(output)));
        if let Some(left) = self.backup_codes_left {
            lines.push(field("Backup codes", &backup_words(output, left)));
        }
        lines.extend(self.contact_lines(output));
        if self.factors.is_empty() {
            lines.push(field("Set up", "nothing"));
        } else {
            lines.push(String::new());
            lines.push(factor_table(&self.factors));
            lines.extend(self.void_lines(output));
        }
        lines.join("\n")
    }

    /// What there is besides factors: contacts on file, remembered places, what was put off, what did not go out.
    fn contact_lines(&self, output: &Output) -> Vec<String> {
        let on_file: Vec<&str> =
            [&self.email, &self.phone].into_iter().flatten().map(String::as_str).collect();
        let mut lines = Vec::new();
        if !on_file.is_empty() {
            lines.push(field("On file", &on_file.join(", ")));
        }
        match self.remembered {
            None | Some(0) => {}
            Some(1) => lines.push(field("Remembered", "1 place")),
            Some(places) => lines.push(field("Remembered", &format!("{places} places"))),
        }
        if let Some(times) = self.skipped {
            lines.push(field("Put off", &put_off_words(times)));
        }
        for failed in &self.undelivered {
            let words = output.paint(Stream::Out, Tone::Caution, &failed.words());
            lines.push(field("Not delivered", &words));
        }
        lines
    }

    /// Says of each factor that no longer counts why.
    fn void_lines(&self, output: &Output) -> Vec<String> {
        let line = |factor: &FactorRow| {
            let name = if factor.label.is_empty() { &factor.method } else { &factor.label };
            let words = format!("{name}: {}, no longer counts: set it up again", self.set_up_when());
            let lines = sentence(Stream::Out, &words, 2);
            let lines = lines.lines().map(|line| output.paint(Stream::Out, Tone::Caution, line));
            format!("\n  {}", lines.collect::<Vec<_>>().join("\n"))
        };
        self.factors.iter().filter(|factor| factor.is_void()).map(line).collect()
    }

    fn requirement_words(&self) -> String {
        let words = self.demand();
        match self.force.as_deref() {
            Some("switched-off") => "switched off on this host".to_owned(),
            Some("monitored") => format!("{words} (the rule is only monitored: nobody is asked)"),
            Some(_) | None => words,
        }
    }

    fn demand(&self) -> String {
        if self.available == Some(false) {
            return "not available here".to_owned();
        }
        match self.requirement.as_deref() {
            Some("always") => "required".to_owned(),
            Some("enrolled") => "required once it is set up".to_owned(),
            Some("chosen") if self.chosen == Some(true) => "required: switched on for this person".to_owned(),
            Some("chosen") => "not asked for: not switched on for this person".to_owned(),
            Some("never") => "not asked for".to_owned(),
            Some(other) => other.to_owned(),
            None => "unknown".to_owned(),
        }
    }

    fn lock_words(&self, output: &Output) -> String {
        match self.lock() {
            Lock::NeedsReset => {
                output.paint(Stream::Out, Tone::Bad, "until the helpdesk resets it: too many wrong codes")
            }
            Lock::Until(until) => {
                let words = format!("until {}: too many wrong codes", until.with_zone());
                output.paint(Stream::Out, Tone::Caution, &words)
            }
            Lock::Open => "no".to_owned(),
        }
    }
}

impl Undelivered {
    fn words(&self) -> String {
        let Self { method, recipient, at, why } = self;
        let at = at.map(|at| format!(" at {}", at.with_zone())).unwrap_or_default();
        let why = match why.as_str() {
            "refused" => "it was refused",
            "unreachable" => "the server or gateway could not be reached",
            "unknown" => "nobody knows whether it went out",
            "not-configured" => "this way is not configured",
            other => other,
        };
        format!("{method} to {recipient}{at}: {why}")
    }
}

fn backup_words(output: &Output, left: u32) -> String {
    match left {
        0 => output.paint(Stream::Out, Tone::Caution, "none left"),
        left => format!("{left} left"),
    }
}

fn put_off_words(times: u32) -> String {
    match times {
        0 => "setting up is put off".to_owned(),
        1 => "setting up was put off once".to_owned(),
        times => format!("setting up was put off {times} times"),
    }
}

fn field(name: &str, value: &str) -> String {
    format!("  {name:<17}{value}")
}

fn factor_table(factors: &[FactorRow]) -> String {
    let mut table = plain_table();
    let has_sent = factors.iter().any(|factor| factor.recipient.is_some());
    let mut header = vec!["ID", "METHOD", "LABEL", "STATE", "SET UP", "LAST USED"];
    header.extend(has_sent.then_some("SENT TO"));
    table.set_header(header);
    for FactorRow { id, method, label, state, since, last_used, recipient } in factors {
        let since = since.map_or_else(|| "-".to_owned(), |moment| moment.to_string());
        let last_used = last_used.map_or_else(|| "never".to_owned(), |moment| moment.to_string());
        let label = if label.is_empty() { "-" } else { label };
        let id = id.to_string();
        let mut row = vec![&id, method, label, state, &since, &last_used];
        row.extend(has_sent.then(|| recipient.as_deref().unwrap_or("-")));
        table.add_row(row);
    }
    indented(&mut table, 2)
}

/// Makes a table without borders; cells wrap only where a person's terminal is too narrow.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let arrangement =
        if is_terminal(Stream::Out) { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.set_content_arrangement(arrangement);
    table
}

/// Draws a table further to the right, within the width of a person's terminal.
pub(crate) fn indented(table: &mut Table, by: usize) -> String {
    if let Some(columns) = columns(Stream::Out) {
        // The padding of the first and of the last column is cut off afterwards.
        let width = columns.saturating_add(2).saturating_sub(by);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    trimmed(table).lines().map(|line| format!("{:by$}{line}", "")).collect::<Vec<_>>().join("\n")
}

/// Keeps the columns of a table that comes in pages where the first page had them, at least.
pub(crate) fn keep_widths(table: &mut Table, widths: &mut Option<Vec<u16>>) {
    if let Some(widths) = widths {
        let least = widths.iter().map(|width| ColumnConstraint::LowerBoundary(Width::Fixed(*width)));
        table.set_constraints(least);
    } else {
        // One space of padding on either side belongs to the width.
        *widths = Some(
            table.column_max_content_widths().into_iter().map(|width| width.saturating_add(2)).collect(),
        );
    }
}

/// Draws a table without its outer spaces.
pub(crate) fn trimmed(table: &Table) -> String {
    let text = table.to_string();
    let cut = |line: &str| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned();
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}
