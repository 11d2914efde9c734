//! Switching the second factor on or off for people whom a rule with `require = "chosen"` covers.
//!
//! Owns the order and the report: one call a person; what is wrong with one person does not keep the others from being
//! done, what is wrong with the service or with the caller's rights ends it.

use countersign_protocol::proxies::{Facts as Options, HelpdeskProxy};
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::output::{data, printable, value};
use crate::people::{Entry, NotAName, People, Whom};
use crate::progress;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Ask for a code.
    On,
    /// Do not ask.
    Off,
}

impl Choice {
    const fn required(self) -> bool {
        matches!(self, Self::On)
    }

    /// Tells what became of a person, in words.
    const fn word(self, changed: bool) -> &'static str {
        match (self, changed) {
            (Self::On, true) => "switched on",
            (Self::On, false) => "was on already",
            (Self::Off, true) => "switched off",
            (Self::Off, false) => "was off already",
        }
    }
}

/// Switches the second factor on or off.
///
/// # Errors
/// Why it was not done for the one person, or not for everybody of a list.
pub(crate) async fn apply(
    context: &Context,
    whom: Whom,
    choice: Choice,
    reason: &str,
) -> Result<(), Failure> {
    let people = whom.people()?;
    let helpdesk = context.bus().await?.helpdesk().await?;
    match people {
        People::One(user) => one(context, &helpdesk, &user, choice, reason).await,
        People::Listed(entries) => all(context, &helpdesk, entries, choice, reason).await,
    }
}

async fn one(
    context: &Context,
    helpdesk: &HelpdeskProxy<'_>,
    user: &str,
    choice: Choice,
    reason: &str,
) -> Result<(), Failure> {
    let changed = set(helpdesk, user, choice, reason).await?;
    if context.output.is_json() {
        return value(&json!({ "user": user, "required": choice.required(), "changed": changed }));
    }
    context.output.note(&format!("{}: second factor {}.", printable(user), choice.word(changed)));
    Ok(())
}

async fn all(
    context: &Context,
    helpdesk: &HelpdeskProxy<'_>,
    entries: Vec<Entry>,
    choice: Choice,
    reason: &str,
) -> Result<(), Failure> {
    let bar = progress::bar(&context.output, "Switching", true);
    bar.set_length(u64::try_from(entries.len()).unwrap_or(u64::MAX));
    let mut report = Report::new(context, choice);
    let mut ended = Ok(());
    for entry in entries {
        let became = match &entry.name {
            Ok(name) => set(helpdesk, name, choice, reason).await,
            Err(NotAName) => Err(Failure::of_person(Exit::Refused, "This is not the name of a user.")),
        };
        match became {
            Err(failure) if !failure.is_of_person => {
                ended = Err(failure);
                break;
            }
            became => report.add(entry, became)?,
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    report.end()?.and(ended)
}

async fn set(
    helpdesk: &HelpdeskProxy<'_>,
    user: &str,
    choice: Choice,
    reason: &str,
) -> Result<bool, Failure> {
    let options = Options::from([
        ("reason", Variant::from(reason.to_owned())),
        ("required", Variant::from(choice.required())),
    ]);
    Facts::from(interactive_call(helpdesk.set_required(user, options)).await?).flag("changed")
}

/// What became of a list: a line a person, or one value for a program.
struct Report<'a> {
    context: &'a Context,
    choice: Choice,
    people: Vec<serde_json::Value>,
    changed: usize,
    unchanged: usize,
    failed: usize,
}

impl<'a> Report<'a> {
    const fn new(context: &'a Context, choice: Choice) -> Self {
        Self { context, choice, people: Vec::new(), changed: 0, unchanged: 0, failed: 0 }
    }

    fn add(&mut self, entry: Entry, became: Result<bool, Failure>) -> Result<(), Failure> {
        let Entry { line, name } = entry;
        match became {
            Ok(true) => self.changed += 1,
            Ok(false) => self.unchanged += 1,
            Err(_) => self.failed += 1,
        }
        let name = name.ok();
        if self.context.output.is_json() {
            let (changed, error) = (became.as_ref().ok(), became.as_ref().err().map(|error| &error.message));
            self.people.push(json!({ "line": line, "user": name, "changed": changed, "error": error }));
            return Ok(());
        }
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
        let words = became.map_or_else(|error| error.message, |changed| self.choice.word(changed).to_owned());
        data(&format!("{line}{name}{words}"))
    }

    /// Ends the report; the inner result tells whether everybody was done.
    fn end(self) -> Result<Result<(), Failure>, Failure> {
        let Self { context, choice, people, changed, unchanged, failed } = self;
        let everybody = if failed == 0 { Ok(()) } else { Err(Failure::silent(Exit::Refused)) };
        if context.output.is_json() {
            value(&json!({ "required": choice.required(), "people": people, "failed": failed }))?;
        } else {
            let (now, before) = (choice.word(true), choice.word(false));
            context.output.note(&format!("{changed} {now}, {unchanged} {before}, {failed} refused."));
        }
        Ok(everybody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_person_is_said_in_words_that_differ() {
        let all = [(Choice::On, true), (Choice::On, false), (Choice::Off, true), (Choice::Off, false)];
        let words: std::collections::BTreeSet<_> =
            all.into_iter().map(|(choice, changed)| choice.word(changed)).collect();
        assert_eq!(words.len(), 4);
    }
}
