//! Logins counted by what becomes of them and by person, for `policy simulate` and `policy report`.
//!
//! Owns the adding up of pages and how it is shown. Every text comes from the service and is filtered on its way in. A
//! million rows cost a million look-ups and one sort.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use indicatif::HumanCount;
use serde::Serialize;

use crate::output::printable;
use crate::standing::{indented, plain_table};

/// How many people of a group are shown unless all are wanted.
const SHOWN: usize = 10;
/// How many services of a person are shown: whoever asks for their own login names the service.
const SERVICES_SHOWN: usize = 5;

/// What is counted: the kind, two texts that make a group within it, the person, the service.
type Row = [Rc<str>; 5];

/// Counts of logins.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: HashMap<Row, u64>,
    texts: HashSet<Rc<str>>,
}

/// The logins of one kind that have the same two texts.
#[derive(Debug)]
pub(crate) struct Group {
    /// What becomes of them.
    pub(crate) kind: Rc<str>,
    /// What they have in common: two rules, or a rule and a reason.
    pub(crate) common: [Rc<str>; 2],
    /// Whose they are, the most frequent first.
    pub(crate) people: Vec<Person>,
}

/// The logins of one person in a group.
#[derive(Debug, Serialize)]
pub(crate) struct Person {
    /// The name.
    #[serde(serialize_with = "as_text")]
    pub(crate) user: Rc<str>,
    /// How many logins.
    pub(crate) logins: u64,
    /// Through which services.
    #[serde(serialize_with = "as_texts")]
    pub(crate) services: Vec<Rc<str>>,
}

fn as_text<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn as_texts<S: serde::Serializer>(texts: &[Rc<str>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(texts.iter().map(|text| &**text))
}

impl Tally {
    /// Adds logins of a page.
    pub(crate) fn add(&mut self, row: [&str; 5], logins: u64) {
        let row = row.map(|text| self.keep(&printable(text)));
        let counted = self.rows.entry(row).or_default();
        *counted = counted.saturating_add(logins);
    }

    /// Keeps each text once: names of rules and services come a million times.
    fn keep(&mut self, text: &str) -> Rc<str> {
        if let Some(kept) = self.texts.get(text) {
            return Rc::clone(kept);
        }
        let kept: Rc<str> = text.into();
        self.texts.insert(Rc::clone(&kept));
        kept
    }

    /// Sorts what was counted into groups: by kind in the order given, then those with the most people first.
    pub(crate) fn into_groups(self, kinds: &[&str]) -> Vec<Group> {
        let mut rows: Vec<(Row, u64)> = self.rows.into_iter().collect();
        rows.sort_unstable();
        let of_group = |left: &(Row, u64), right: &(Row, u64)| left.0[..3] == right.0[..3];
        let mut groups: Vec<Group> = rows.chunk_by(of_group).filter_map(Group::of).collect();
        let place = |kind: &str| kinds.iter().position(|known| *known == kind).unwrap_or(kinds.len());
        groups.sort_by_cached_key(|group| {
            (place(&group.kind), Rc::clone(&group.kind), usize::MAX - group.people.len())
        });
        groups
    }
}

impl Group {
    /// Makes a group of rows that belong together, sorted by person.
    fn of(rows: &[(Row, u64)]) -> Option<Self> {
        let ([kind, first, second, ..], _) = rows.first()?;
        let person = |rows: &[(Row, u64)]| {
            let ([.., user, _], _) = rows.first()?;
            let services = rows.iter().map(|([.., service], _)| Rc::clone(service)).collect();
            let logins = rows.iter().fold(0_u64, |sum, (_, logins)| sum.saturating_add(*logins));
            Some(Person { user: Rc::clone(user), logins, services })
        };
        let mut people: Vec<Person> =
            rows.chunk_by(|left, right| left.0[3] == right.0[3]).filter_map(person).collect();
        // Stable: those with as many logins stay in the order of their names.
        people.sort_by_key(|person| std::cmp::Reverse(person.logins));
        Some(Self { kind: Rc::clone(kind), common: [Rc::clone(first), Rc::clone(second)], people })
    }

    fn logins(&self) -> u64 {
        self.people.iter().fold(0, |sum, person| sum.saturating_add(person.logins))
    }

    /// Lists the people, the most frequent ones or all.
    pub(crate) fn listed(&self, all: bool) -> String {
        let shown = if all { self.people.len() } else { SHOWN.min(self.people.len()) };
        let mut table = plain_table();
        for Person { user, logins, services } in self.people.iter().take(shown) {
            let times =
                if *logins == 1 { "once".to_owned() } else { format!("{} times", HumanCount(*logins)) };
            table.add_row([user.to_string(), times, through(services)]);
        }
        let mut lines = vec![indented(&mut table, 4)];
        let rest = self.people.len().saturating_sub(shown);
        if rest > 0 {
            lines.push(format!("    … and {} more (--all shows them)", HumanCount(whole(rest))));
        }
        lines.join("\n")
    }
}

/// Lists services, the first ones.
fn through(services: &[Rc<str>]) -> String {
    let shown = services.iter().take(SERVICES_SHOWN).map(|service| &**service).collect::<Vec<_>>().join(", ");
    match services.len().saturating_sub(SERVICES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {} more", HumanCount(whole(more))),
    }
}

/// Lists the kinds of sorted groups.
pub(crate) fn kinds(groups: &[Group]) -> Vec<&str> {
    let mut kinds: Vec<&str> = groups.iter().map(|group| &*group.kind).collect();
    kinds.dedup();
    kinds
}

/// Lists the groups of a kind.
pub(crate) fn of_kind<'g>(groups: &'g [Group], kind: &str) -> Vec<&'g Group> {
    groups.iter().filter(|group| &*group.kind == kind).collect()
}

/// Counts the people of groups, each once.
pub(crate) fn people_of<'g>(groups: impl Iterator<Item = &'g Group>) -> BTreeSet<&'g str> {
    groups.flat_map(|group| group.people.iter().map(|person| &*person.user)).collect()
}

/// Says how many people and logins groups have.
pub(crate) fn size_of(groups: &[&Group]) -> String {
    let logins = groups.iter().fold(0_u64, |sum, group| sum.saturating_add(group.logins()));
    format!("{}, {}", people(people_of(groups.iter().copied()).len()), counted(logins, "login"))
}

/// Says how many people.
pub(crate) fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", HumanCount(whole(count))) }
}

/// Says how many of something that takes an s.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{} {what}s", HumanCount(count)) }
}

/// Makes a count that can be written with separators.
pub(crate) fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_add_up_and_the_most_frequent_stand_first() {
        let mut tally = Tally::default();
        for (user, service, logins) in
            [("b", "sshd", 1), ("a", "sshd", 1), ("c", "sudo", 1), ("c", "sshd", u64::MAX)]
        {
            tally.add(["refuse", "r", "", user, service], logins);
        }
        tally.add(["ask", "r", "", "a", "sshd"], 1);
        let groups = tally.into_groups(&["refuse", "ask"]);
        let people: Vec<(&str, u64)> =
            groups[0].people.iter().map(|person| (&*person.user, person.logins)).collect();
        assert_eq!(people, [("c", u64::MAX), ("a", 1), ("b", 1)]);
        assert_eq!(groups[0].people[0].services.join(" "), "sshd sudo");
        assert_eq!((groups.len(), &*groups[1].kind), (2, "ask"));
        assert_eq!(people_of(groups.iter()).len(), 3, "a person of two groups is counted once");
    }

    #[test]
    fn a_great_many_rows_and_services_of_one_person_are_no_more_than_counted() {
        let mut tally = Tally::default();
        for number in 0..50_000 {
            let (own, other) = (format!("user{number}"), format!("service{number}"));
            tally.add(["ask", "r", "", &own, "sshd"], 1);
            tally.add(["ask", "r", "", "one", &other], 1);
        }
        let groups = tally.into_groups(&["ask"]);
        assert_eq!((groups.len(), groups[0].people.len()), (1, 50_001));
        assert_eq!((&*groups[0].people[0].user, groups[0].people[0].logins), ("one", 50_000));
        let listed = groups[0].listed(false);
        assert!(listed.ends_with("… and 49,991 more (--all shows them)"));
        assert!(listed.contains(
            "50,000 times  service0, service1, service10, service100, service1000 and 49,995 more"
        ));
    }
}
