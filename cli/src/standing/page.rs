//! The page that shows people what a person holds.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::{FactorRow, Lock, Standing, Undelivered};
use crate::exit::Failure;
use crate::layout::{Field, columns};
use crate::output::{Output, Stream, Tone, data, is_terminal, value};

/// The column at which values begin.
const VALUES: usize = 19;

/// Whether the page shows the numbers of factors, which only tell apart what has the same label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// It does.
    Shown,
    /// It does not.
    Hidden,
}

impl Standing {
    /// Shows the page for people, or the value for programs.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn show(&self, output: &Output, ids: Ids) -> Result<(), Failure> {
        if output.is_json() {
            return value(self);
        }
        data(&self.page(output, ids))
    }

    fn page(&self, output: &Output, ids: Ids) -> String {
        let mut fields = vec![Field::new("Second factor", self.requirement_words())];
        fields.extend(self.rule.as_ref().map(|rule| Field::new("Rule", rule)));
        if !self.methods.is_empty() {
            fields.push(Field::new("Methods allowed", self.methods.join(", ")));
        }
        fields.push(self.lock_field());
        if self.doubtful {
            let words = "refused until `user reset`: may have changed after the restored backup was made";
            fields.push(Field::caution("Restored", words.to_owned()));
        }
        fields.extend(self.backup_codes_left.map(backup_field));
        fields.extend(self.contact_fields());
        if self.factors.is_empty() {
            fields.push(Field::new("Set up", "nothing"));
        }
        let mut lines = vec![output.paint(Stream::Out, Tone::Strong, &self.user), String::new()];
        lines.extend(fields.iter().map(|field| field.lines(output, VALUES)));
        for factor in &self.factors {
            lines.push(String::new());
            lines.push(format!("  {}", factor.title()));
            let fields = self.factor_fields(factor, ids);
            lines.extend(fields.iter().map(|field| field.lines(output, VALUES)));
        }
        lines.join("\n")
    }

    /// What there is to a factor, one field a line: a table would break its values on a terminal of 80 columns.
    fn factor_fields(&self, factor: &FactorRow, ids: Ids) -> Vec<Field> {
        let FactorRow { id, method: _, label: _, state, since, last_used, recipient } = factor;
        let state = if factor.is_void() {
            let words = format!("{state}: {}, no longer counts: set it up again", self.set_up_when());
            Field::caution("  State", words)
        } else {
            Field::new("  State", state)
        };
        let since = since.map(|moment| Field::new("  Set up", moment.to_string()));
        let last_used = last_used.map_or_else(|| "never".to_owned(), |moment| moment.to_string());
        let recipient = recipient.as_ref().map(|recipient| Field::new("  Sent to", recipient));
        let id = (ids == Ids::Shown).then(|| Field::new("  Id", id.to_string()));
        [Some(state), since, Some(Field::new("  Last used", last_used)), recipient, id]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What there is besides factors: contacts on file, remembered places, what was put off, what did not go out.
    fn contact_fields(&self) -> Vec<Field> {
        let on_file: Vec<&str> =
            [&self.email, &self.phone].into_iter().flatten().map(String::as_str).collect();
        let mut fields = Vec::new();
        if !on_file.is_empty() {
            fields.push(Field::new("On file", on_file.join(", ")));
        }
        match self.remembered {
            None | Some(0) => {}
            Some(1) => fields.push(Field::new("Remembered", "1 place")),
            Some(places) => fields.push(Field::new("Remembered", format!("{places} places"))),
        }
        fields.extend(self.skipped.map(|times| Field::new("Put off", put_off_words(times))));
        let failed = self.undelivered.iter().map(|failed| Field::caution("Not delivered", failed.words()));
        fields.extend(failed);
        fields
    }

    fn requirement_words(&self) -> String {
        if self.gone == Some(true) {
            return "gone: the name service no longer knows this user".to_owned();
        }
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

    fn lock_field(&self) -> Field {
        match self.lock() {
            Lock::NeedsReset => Field::bad("Locked", "until the helpdesk resets it: too many wrong codes"),
            Lock::Until(until) => {
                let words = format!("until {}: too many wrong codes", until.next_minute().with_zone());
                Field::caution("Locked", words)
            }
            Lock::Open => Field::new("Locked", "no"),
        }
    }
}

impl FactorRow {
    /// Names it: the method, and the label where it has one.
    fn title(&self) -> String {
        let Self { method, label, .. } = self;
        if label.is_empty() { method.clone() } else { format!("{method} \"{label}\"") }
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

fn backup_field(left: u32) -> Field {
    match left {
        0 => Field::caution("Backup codes", "none left"),
        left => Field::new("Backup codes", format!("{left} left")),
    }
}

fn put_off_words(times: u32) -> String {
    match times {
        0 => "setting up is put off".to_owned(),
        1 => "setting up was put off once".to_owned(),
        times => format!("setting up was put off {times} times"),
    }
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
