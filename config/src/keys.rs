//! What becomes of the keys of a table: acted on, refused by name, or unknown with a suggestion.
//!
//! Owns the check that every table goes through. Leaves the lists to `tables`. A key is either acted on, or refused: none
//! is ever ignored.

use toml::de::DeTable;

use crate::diagnostics::{Findings, shorten};
use crate::source::Source;
use crate::tables::ALL;

/// One key and an example of its value, as TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) example: &'static str,
}

/// The keys of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The table as it is written, empty for the top of the file.
    pub(crate) table: &'static str,
    /// What this version acts on.
    pub(crate) known: &'static [Key],
    /// What a later version acts on.
    pub(crate) later: &'static [&'static str],
}

/// One entry of a list.
pub(crate) const fn key(name: &'static str, example: &'static str) -> Key {
    Key { name, example }
}

/// How alike two keys must be for one to be suggested (Jaro-Winkler).
const LIKENESS: f64 = 0.8;
/// The longest key for which a likeness is looked for, in bytes.
const LIKENESS_LIMIT: usize = 64;

impl Keys {
    /// Finds the example of a key.
    pub(crate) fn example(&self, name: &str) -> &'static str {
        self.known.iter().find(|key| key.name == name).map_or("…", |key| key.example)
    }

    /// Refuses every key of a table that this version does not act on.
    pub(crate) fn check(&self, source: &Source, table: &DeTable<'_>, findings: &mut Findings) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if self.known.iter().any(|known| known.name == name) {
                continue;
            }
            let place = source.place(key.span());
            if ALL.iter().any(|keys| keys.later.contains(&name)) {
                findings.error(
                    &place,
                    not_in_this_version(name),
                    "take it out; nothing in the file is ever ignored",
                );
            } else {
                let message = format!("unknown key `{}`{}", shorten(name), self.of_table());
                // Likeness costs: a file of nothing but unknown keys is not worth it.
                let is_full = findings.is_full();
                findings.error(&place, message, if is_full { self.names() } else { self.instead_of(name) });
            }
        }
    }

    fn of_table(&self) -> String {
        if self.table.is_empty() { String::new() } else { format!(" in {}", self.table) }
    }

    fn instead_of(&self, name: &str) -> String {
        if let Some(home) = ALL.iter().find(|keys| keys.known.iter().any(|known| known.name == name)) {
            let home = if home.table.is_empty() {
                "the top of the file, before the first table"
            } else {
                home.table
            };
            return format!("`{name}` belongs to {home}");
        }
        let names = self.known.iter().map(|key| key.name);
        match most_alike(name, names.chain(self.later.iter().copied())) {
            Some(alike) if self.later.contains(&alike) => {
                format!("did you mean `{alike}`? It is not in this version; take it out")
            }
            Some(alike) => format!("did you mean `{alike}`?"),
            None => self.names(),
        }
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.known.iter().map(|key| key.name).collect();
        format!("the keys here are {}", names.join(", "))
    }
}

/// Says that a key or value is not acted on yet.
pub(crate) fn not_in_this_version(name: &str) -> String {
    format!("`{}` is not in this version", shorten(name))
}

/// Finds the name most like another, where one is like it at all.
pub(crate) fn most_alike<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > LIKENESS_LIMIT {
        return None;
    }
    let folded = name.to_lowercase().replace('-', "_");
    candidates
        .map(|candidate| (strsim::jaro_winkler(&folded, &candidate.replace('-', "_")), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::POLICY;

    #[test]
    fn no_key_is_both_acted_on_and_refused() {
        for keys in ALL {
            assert!(keys.known.iter().all(|key| !keys.later.contains(&key.name)), "{}", keys.table);
        }
    }

    #[test]
    fn a_misspelt_key_is_recognized_and_a_foreign_one_is_not() {
        let suggest = |name| most_alike(name, POLICY.known.iter().map(|key| key.name));
        assert_eq!(suggest("requires"), Some("require"));
        assert_eq!(suggest("Method"), Some("methods"));
        assert_eq!(suggest("netwroks"), Some("networks"));
        assert_eq!(suggest("color"), None);
        assert_eq!(suggest(&"require".repeat(1000)), None);
    }

    #[test]
    fn the_manual_describes_every_key_and_names_every_later_one() {
        let manual = include_str!("../../docs/man/countersign.toml.5.md");
        for keys in ALL {
            for key in keys.known.iter().filter(|key| {
                ![
                    "store", "email", "sms", "call", "totp", "sent", "texts", "limits", "audit", "policy",
                    "default",
                ]
                .contains(&key.name)
            }) {
                assert!(manual.contains(&format!("**{}**", key.name)), "{} {}", keys.table, key.name);
            }
            for later in keys.later {
                assert!(
                    manual.contains(&format!("`{later}`")) || manual.contains(&format!("`[{later}]`")),
                    "{later}"
                );
            }
        }
    }
}
