//! What another policy changes, in words and as data, for `policy simulate`.
//!
//! Owns the order of the kinds, the gravest first, and the last sentence. Leaves what a change is to the service.

use indicatif::HumanCount;
use serde_json::{Value, json};

use crate::tally::{Group, of_kind, people, people_of, whole};

/// How many of those newly refused the last sentence names.
const NAMED: usize = 5;
/// The kinds of changes, the gravest first: the service's name, the heading, and the part of the last sentence.
pub(crate) const KINDS: [(&str, &str, &str); 5] = [
    ("newly-refused", "Newly refused", "would be newly refused"),
    ("newly-enrolling", "Newly forced to set up a factor", "would have to set up a factor"),
    ("newly-asked", "Newly asked for a code", "would be newly asked for a code"),
    ("no-longer-refused", "No longer refused", "would no longer be refused"),
    ("no-longer-asked", "No longer asked for a code", "would no longer be asked for a code"),
];

/// Tells the heading of a kind; one that is not known here is headed by its name.
pub(crate) fn heading(kind: &str) -> &str {
    KINDS.iter().find(|(name, ..)| *name == kind).map_or(kind, |(_, heading, _)| heading)
}

/// Counts the people of each kind.
pub(crate) fn counts(groups: &[Group]) -> Value {
    let count = |(kind, ..): (&str, &str, &str)| {
        (kind.to_owned(), Value::from(people_of(of_kind(groups, kind).into_iter()).len()))
    };
    Value::Object(KINDS.into_iter().map(count).collect())
}

/// Makes a value of each person of a group.
pub(crate) fn rows(group: &Group) -> impl Iterator<Item = Value> + '_ {
    let [old, new] = &group.common;
    group.people.iter().map(move |person| {
        json!({ "change": &*group.kind, "old_rule": &**old, "new_rule": &**new, "user": &*person.user,
            "logins": person.logins, "services": person.services.iter().map(|it| &**it).collect::<Vec<_>>() })
    })
}

/// Says in one sentence what it comes to.
pub(crate) fn verdict(looked: u64, groups: &[Group]) -> String {
    if looked == 0 {
        return "No login of this period is recorded: that says nothing about the file.".to_owned();
    }
    let mut parts = Vec::new();
    for (kind, _, words) in KINDS {
        let affected = people_of(of_kind(groups, kind).into_iter());
        match (affected.len(), kind) {
            (0, _) => {}
            (count, "newly-refused") => {
                let mut names: Vec<&str> = affected.iter().copied().take(NAMED).collect();
                let more = format!("and {} more", HumanCount(whole(count.saturating_sub(NAMED))));
                names.extend((count > NAMED).then_some(more.as_str()));
                parts.push(format!("{} {words}: {}", people(count), names.join(", ")));
            }
            (count, _) => parts.push(format!("{} {words}", people(count))),
        }
    }
    match (parts.is_empty(), groups.is_empty()) {
        (false, _) => format!("{}.", parts.join("; ")),
        (true, true) => "No login of this period would have gone otherwise.".to_owned(),
        (true, false) => "Some logins of this period would have gone otherwise.".to_owned(),
    }
}
