//! A rule with the places of what it says.
//!
//! Owns finding where in the file a key or an entry stands, for what is said of rules once all are read. Leaves the
//! reading to `rules`.

use std::collections::BTreeMap;

use countersign_core::factor::Method;
use countersign_core::policy::{Mode, Rule};

use crate::diagnostics::Place;
use crate::sections::Section;

/// A rule with the place of its name, or of `[default]`.
#[derive(Debug, Clone)]
pub(crate) struct PlacedRule<'s> {
    pub(crate) rule: Rule,
    pub(crate) place: Place<'s>,
    /// The methods that the file names, with their places.
    pub(crate) methods: Vec<(Method, Place<'s>)>,
    /// The rule's own word on its mode, where it has one.
    pub(crate) own_mode: Option<Mode>,
    /// Whether it was read without a fault.
    pub(crate) is_sound: bool,
    pub(crate) places: Places<'s>,
}

/// Where the keys of a rule and the entries of its lists stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places<'s> {
    keys: BTreeMap<&'static str, Place<'s>>,
    entries: BTreeMap<&'static str, Vec<Place<'s>>>,
}

/// The lists of which single entries are spoken of.
const LISTS: [&str; 5] = ["users", "groups", "services", "networks", "hosts"];

impl<'s> Places<'s> {
    /// Notes the places of a rule's keys and entries.
    pub(crate) fn of(section: &Section<'_, 's>) -> Self {
        let values = || section.keys.known.iter().filter_map(|key| section.value(key.name));
        Self {
            keys: values().map(|value| (value.key, value.place)).collect(),
            entries: values()
                .filter(|value| LISTS.contains(&value.key))
                .map(|value| (value.key, value.entry_places()))
                .collect(),
        }
    }
}

impl<'s> PlacedRule<'s> {
    /// Tells where the value of a key stands; the name of the rule where the key is not there.
    pub(crate) fn place_of(&self, key: &str) -> &Place<'s> {
        self.places.keys.get(key).unwrap_or(&self.place)
    }

    /// Tells where an entry of a list stands. In a sound rule the file has as many entries as the rule.
    pub(crate) fn place_of_entry(&self, key: &str, index: usize) -> &Place<'s> {
        self.places.entries.get(key).and_then(|places| places.get(index)).unwrap_or(self.place_of(key))
    }

    /// Tells where this rule stands, seen from another.
    pub(crate) fn whereabouts(&self, from: &PlacedRule<'_>) -> String {
        let line = self.place.source.position(self.place.span.start).line;
        if self.place.source.path == from.place.source.path {
            format!("in line {line}")
        } else {
            let file = crate::printable::escape(&self.place.source.path.to_string_lossy());
            format!("in {file}, line {line}")
        }
    }
}
