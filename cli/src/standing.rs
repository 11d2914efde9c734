//! What a person holds, as `Self.Status`, `Helpdesk.Show` and the rows of `Admin.ListUsers` tell it.
//!
//! Owns the reading of these facts, their `--json` shape (the names of the fields are promised to scripts) and the page
//! for people. Never sees a secret: the service tells none.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{Output, Stream, Tone, data, is_terminal, value};
use crate::time::Moment;

/// A factor, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FactorRow {
    id: u32,
    method: String,
    label: String,
    state: String,
    since: Option<Moment>,
    last_used: Option<Moment>,
}

/// What a person holds. The order and names of the fields are the `--json` shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    pub(crate) user: String,
    available: Option<bool>,
    pub(crate) rule: Option<String>,
    pub(crate) requirement: Option<String>,
    enroll: Option<String>,
    methods: Vec<String>,
    locked_until: Option<Moment>,
    pub(crate) needs_reset: bool,
    pub(crate) factors: Vec<FactorRow>,
    chosen: Option<bool>,
    backup_codes_left: Option<u32>,
}

impl TryFrom<Facts> for FactorRow {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        Ok(Self {
            id: facts.number("id")?,
            method: facts.text("method")?,
            label: facts.optional_text("label")?.unwrap_or_default(),
            state: facts.text("state")?,
            since: facts.moment("since")?,
            last_used: facts.moment("last_used")?,
        })
    }
}

impl TryFrom<Facts> for Standing {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        let factors = facts.list("factors")?;
        Ok(Self {
            user: facts.text("user")?,
            available: facts.optional_flag("available")?,
            rule: facts.optional_text("rule")?,
            requirement: facts.optional_text("requirement")?,
            enroll: facts.optional_text("enroll")?,
            methods: facts.texts("methods")?,
            locked_until: facts.moment("locked_until")?,
            needs_reset: facts.flag("needs_reset")?,
            factors: factors.into_iter().map(FactorRow::try_from).collect::<Result<_, _>>()?,
            chosen: facts.optional_flag("chosen")?,
            backup_codes_left: facts.optional_number("backup_codes_left")?,
        })
    }
}

impl FactorRow {
    fn is_active(&self) -> bool {
        self.state == "active"
    }
}

impl Standing {
    /// Lists the methods set up and confirmed, each once.
    pub(crate) fn set_up(&self) -> Vec<&str> {
        let mut methods: Vec<&str> = Vec::new();
        for factor in self.factors.iter().filter(|factor| factor.is_active()) {
            if !methods.contains(&factor.method.as_str()) {
                methods.push(&factor.method);
            }
        }
        methods
    }

    /// Tells the last use of any factor.
    pub(crate) fn last_used(&self) -> Option<Moment> {
        self.factors.iter().filter_map(|factor| factor.last_used).max()
    }

    /// Tells in a word or two whether the person is locked.
    pub(crate) fn lock(&self) -> Lock {
        match (self.needs_reset, self.locked_until) {
            (true, _) => Lock::NeedsReset,
            (false, Some(until)) => Lock::Until(until),
            (false, None) => Lock::Open,
        }
    }

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
        if self.factors.is_empty() {
            lines.push(field("Set up", "nothing"));
        } else {
            lines.push(String::new());
            lines.push(factor_table(&self.factors));
        }
        lines.join("\n")
    }

    fn requirement_words(&self) -> String {
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

    /// Tells the person what they should do next, where there is something.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        let may_enroll = self.available != Some(false) && !self.methods.is_empty();
        let is_asked = match self.requirement.as_deref() {
            Some("never") => None,
            Some("chosen") => self.chosen,
            Some(other) => Some(other == "always"),
            None => Some(false),
        };
        let has_pending = self.factors.iter().any(|factor| factor.state == "pending");
        if self.factors.iter().any(FactorRow::is_active) {
            return self.advice_on_backup_codes();
        }
        match (is_asked.filter(|_| may_enroll)?, self.enroll.as_deref()) {
            _ if has_pending => Some(
                "You have begun to set up an app. Go on at your next login, or anew: countersign enroll totp",
            ),
            (true, Some("invited")) => {
                Some("A code will be asked for. Ask for an invitation, then: countersign enroll totp")
            }
            (false, Some("invited")) => {
                Some("With an invitation you can set up an authenticator app: countersign enroll totp")
            }
            (true, _) => Some("A code will be asked for. Set up your app now: countersign enroll totp"),
            (false, _) => Some("You can set up an authenticator app: countersign enroll totp"),
        }
    }

    fn advice_on_backup_codes(&self) -> Option<&'static str> {
        let takes_backup = self.methods.iter().any(|method| method == "backup");
        (takes_backup && self.backup_codes_left.unwrap_or(0) == 0)
            .then_some("You have no backup codes for the day your phone is lost: countersign backup-codes")
    }
}

/// Whether a person is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Not locked.
    Open,
    /// Locked for a time.
    Until(Moment),
    /// Locked until a reset.
    NeedsReset,
}

fn backup_words(output: &Output, left: u32) -> String {
    match left {
        0 => output.paint(Stream::Out, Tone::Caution, "none left"),
        left => format!("{left} left"),
    }
}

fn field(name: &str, value: &str) -> String {
    format!("  {name:<17}{value}")
}

fn factor_table(factors: &[FactorRow]) -> String {
    let mut table = plain_table();
    table.set_header(["ID", "METHOD", "LABEL", "STATE", "SET UP", "LAST USED"]);
    for FactorRow { id, method, label, state, since, last_used } in factors {
        let since = since.map_or_else(|| "-".to_owned(), |moment| moment.to_string());
        let last_used = last_used.map_or_else(|| "never".to_owned(), |moment| moment.to_string());
        let label = if label.is_empty() { "-" } else { label };
        table.add_row([&id.to_string(), method, label, state, &since, &last_used]);
    }
    trimmed(&table).lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
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

/// Draws a table without its outer spaces.
pub(crate) fn trimmed(table: &Table) -> String {
    let text = table.to_string();
    let cut = |line: &str| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned();
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}
