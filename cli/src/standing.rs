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
    recipient: Option<String>,
}

/// Tells in words what a method is.
fn what_it_is(method: &str) -> &'static str {
    match method {
        "totp" => "an authenticator app",
        "hotp" => "a hardware token",
        "email" => "codes by e-mail",
        "sms" => "codes by text message",
        "call" => "codes by telephone",
        _ => "a second factor",
    }
}

/// A code that did not go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Undelivered {
    method: String,
    recipient: String,
    at: Option<Moment>,
    why: String,
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
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    remembered: Option<u32>,
    skipped: Option<u32>,
    undelivered: Vec<Undelivered>,
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
            recipient: facts.optional_text("recipient")?,
        })
    }
}

impl TryFrom<Facts> for Undelivered {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        Ok(Self {
            method: facts.text("method")?,
            recipient: facts.text("recipient")?,
            at: facts.moment("at")?,
            why: facts.text("why")?,
        })
    }
}

impl TryFrom<Facts> for Standing {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        let (factors, undelivered) = (facts.list("factors")?, facts.optional_list("undelivered")?);
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
            email: facts.optional_text("email")?,
            phone: facts.optional_text("phone")?,
            remembered: facts.optional_number("remembered")?,
            skipped: facts.optional_number("skipped")?,
            undelivered: undelivered.into_iter().map(Undelivered::try_from).collect::<Result<_, _>>()?,
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
        lines.extend(self.contact_lines(output));
        if self.factors.is_empty() {
            lines.push(field("Set up", "nothing"));
        } else {
            lines.push(String::new());
            lines.push(factor_table(&self.factors));
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
    pub(crate) fn advice(&self) -> Option<String> {
        if self.factors.iter().any(FactorRow::is_active) {
            return self.advice_on_backup_codes().map(str::to_owned);
        }
        let (method, what) = self.first_to_set_up().filter(|_| self.available != Some(false))?;
        let is_asked = match self.requirement.as_deref() {
            Some("never") => None,
            Some("chosen") => self.chosen,
            Some(other) => Some(other == "always"),
            None => Some(false),
        };
        let begun = self.factors.iter().find(|factor| factor.state == "pending");
        let advice = match (is_asked?, self.enroll.as_deref()) {
            _ if let Some(FactorRow { method, .. }) = begun => format!(
                "You have begun to set up {}. Go on at your next login, or anew: countersign enroll {method}",
                what_it_is(method)
            ),
            (true, Some("invited")) => {
                format!("A code will be asked for. Ask for an invitation, then: countersign enroll {method}")
            }
            (false, Some("invited")) => {
                format!("With an invitation you can set up {what}: countersign enroll {method}")
            }
            (true, _) => {
                format!("A code will be asked for. Set up {what} now: countersign enroll {method}")
            }
            (false, _) => format!("You can set up {what}: countersign enroll {method}"),
        };
        Some(advice)
    }

    /// Tells the method to begin with, which the policy names first.
    fn first_to_set_up(&self) -> Option<(&str, &'static str)> {
        let method = self.methods.iter().find(|method| *method != "backup")?;
        Some((method, what_it_is(method)))
    }

    fn advice_on_backup_codes(&self) -> Option<&'static str> {
        let takes_backup = self.methods.iter().any(|method| method == "backup");
        (takes_backup && self.backup_codes_left.unwrap_or(0) == 0)
            .then_some("You have no backup codes for the day your phone is lost: countersign backup-codes")
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
