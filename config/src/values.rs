//! Values of the file, read with their places.
//!
//! Owns wrong types, ranges, choices, durations, and lists; each fault is noted with what to write instead, and the
//! reading goes on, so that one check finds them all. Leaves what a value means to `settings` and `rules`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeInteger, DeValue};

use crate::diagnostics::{Findings, Place, shorten};
use crate::duration;
use crate::keys::{most_alike, not_in_this_version};
use crate::printable::first_unprintable;

/// The most entries of a list.
pub const ENTRY_LIMIT: usize = 1000;
/// The longest name of a list entry, in bytes.
pub const NAME_LIMIT: usize = countersign_core::account::NAME_LIMIT;

/// A value with its key.
#[derive(Debug, Clone)]
pub(crate) struct Value<'t, 's> {
    pub(crate) key: &'static str,
    pub(crate) place: Place<'s>,
    pub(crate) example: &'static str,
    pub(crate) content: &'t DeValue<'t>,
}

/// A text with its place.
#[derive(Debug, Clone)]
pub(crate) struct Text<'t, 's> {
    pub(crate) text: &'t str,
    pub(crate) place: Place<'s>,
}

/// The values a key can take, by name, and the names that a later version takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choices<T: 'static> {
    pub(crate) now: &'static [(&'static str, T)],
    pub(crate) later: &'static [&'static str],
}

impl<'t, 's> Value<'t, 's> {
    /// Notes that the value is not right, with an example of one that is.
    pub(crate) fn refuse(&self, findings: &mut Findings, message: impl Into<String>) {
        findings.error(&self.place, message, format!("write for example {} = {}", self.key, self.example));
    }

    fn mistyped<T>(&self, findings: &mut Findings, expected: &str) -> Option<T> {
        self.refuse(
            findings,
            format!("`{}` is {}, but has to be {expected}", self.key, type_name(self.content)),
        );
        None
    }

    /// Takes a string.
    pub(crate) fn text(&self, findings: &mut Findings) -> Option<Text<'t, 's>> {
        let DeValue::String(text) = self.content else {
            return self.mistyped(findings, "a string in quotes");
        };
        Some(Text { text, place: self.place.clone() })
    }

    /// Takes true or false.
    pub(crate) fn flag(&self, findings: &mut Findings) -> Option<bool> {
        let DeValue::Boolean(flag) = self.content else {
            return self.mistyped(findings, "true or false, without quotes");
        };
        Some(*flag)
    }

    /// Takes a whole number within a range.
    pub(crate) fn number(&self, findings: &mut Findings, range: RangeInclusive<u32>) -> Option<u32> {
        let DeValue::Integer(integer) = self.content else {
            return self.mistyped(findings, "a whole number, without quotes");
        };
        let number = within(integer, &range);
        if number.is_none() {
            self.out_of_range(findings, range.start(), range.end());
        }
        number
    }

    /// Takes a duration within a range.
    pub(crate) fn duration(
        &self,
        findings: &mut Findings,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let DeValue::String(text) = self.content else {
            return self
                .mistyped(findings, "a duration in quotes, such as \"30s\", \"15m\", \"4h\" or \"7d\"");
        };
        let Some(duration) = duration::parse(text) else {
            let message = format!(
                "`{}` is not a duration: it is a whole number and one of s, m, h, d, without a space",
                shorten(text)
            );
            self.refuse(findings, message);
            return None;
        };
        if !range.contains(&duration) {
            let [from, to] = [*range.start(), *range.end()].map(duration::write);
            self.out_of_range(findings, &from, &to);
            return None;
        }
        Some(duration)
    }

    fn out_of_range(&self, findings: &mut Findings, from: impl Display, to: impl Display) {
        self.refuse(findings, format!("`{}` is out of range: it is from {from} to {to}", self.key));
    }

    /// Takes one of a few names.
    pub(crate) fn choice<T: Copy>(&self, findings: &mut Findings, choices: Choices<T>) -> Option<T> {
        let DeValue::String(_) = self.content else {
            return self.mistyped(findings, &format!("one of {}", choices.names()));
        };
        choices.take(&self.text(findings)?, self.key, findings)
    }

    /// Tells whether the value is nothing: the number 0, or `"0"`.
    pub(crate) fn is_zero(&self) -> bool {
        match self.content {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()) == Ok(0),
            DeValue::String(text) => text == "0",
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => false,
        }
    }

    /// Tells whether the value is a list without entries.
    pub(crate) fn is_empty_list(&self) -> bool {
        self.content.as_array().is_some_and(|array| array.is_empty())
    }

    /// Tells where the entries of a list stand.
    pub(crate) fn entry_places(&self) -> Vec<Place<'s>> {
        let entries = self.content.as_array().into_iter().flatten();
        entries.map(|entry| self.place.source.place(entry.span())).collect()
    }

    /// Takes a list of whole numbers within a range.
    pub(crate) fn numbers(&self, findings: &mut Findings, range: &RangeInclusive<u16>) -> Option<Vec<u16>> {
        let DeValue::Array(array) = self.content else {
            return self.mistyped(findings, "a list of whole numbers in brackets");
        };
        if array.is_empty() || array.len() > ENTRY_LIMIT {
            self.refuse(findings, format!("`{}` has {} entries", self.key, array.len()));
            return None;
        }
        let mut numbers = Vec::new();
        for entry in array {
            let place = self.place.source.place(entry.span());
            match entry.get_ref().as_integer().and_then(|integer| within(integer, range)) {
                Some(number) if numbers.contains(&number) => {
                    findings.error(&place, format!("{number} stands here twice"), "take one out");
                }
                Some(number) => numbers.push(number),
                None => {
                    let (from, to) = (range.start(), range.end());
                    let message = format!("an entry of `{}` is a whole number from {from} to {to}", self.key);
                    let help = format!("write for example {} = {}", self.key, self.example);
                    findings.error(&place, message, help);
                }
            }
        }
        Some(numbers)
    }

    /// Takes a list of strings.
    pub(crate) fn list(&self, findings: &mut Findings) -> Option<Vec<Text<'t, 's>>> {
        let DeValue::Array(array) = self.content else {
            return self.mistyped(findings, "a list of strings in brackets");
        };
        if array.len() > ENTRY_LIMIT {
            let message =
                format!("`{}` has {} entries, at most {ENTRY_LIMIT} are taken", self.key, array.len());
            findings.error(&self.place, message, "use a group or a network instead of single entries");
            return None;
        }
        let mut texts = Vec::new();
        for entry in array {
            let place = self.place.source.place(entry.span());
            match entry.get_ref() {
                DeValue::String(text) => texts.push(Text { text, place }),
                other => {
                    let message = format!(
                        "this entry of `{}` is {}, but has to be a string",
                        self.key,
                        type_name(other)
                    );
                    findings.error(&place, message, "put it in quotes");
                }
            }
        }
        Some(texts)
    }
}

impl<'s> Text<'_, 's> {
    /// Finds where a part of the text stands in the file; the whole text where it is written in another way.
    pub(crate) fn place_of(&self, part: &str) -> Place<'s> {
        let Place { source, span } = &self.place;
        let written = source.text.get(span.clone()).unwrap_or_default();
        match written.find(part) {
            Some(offset) => {
                let start = span.start.saturating_add(offset);
                source.place(start..start.saturating_add(part.len()))
            }
            None => self.place.clone(),
        }
    }

    /// Refuses what cannot be shown to a person: empty, too long, control characters, marks that reorder text.
    pub(crate) fn is_showable(&self, limit: usize, findings: &mut Findings) -> bool {
        let Self { text, place } = self;
        if let Some(character) = first_unprintable(text) {
            let message = format!("this text holds the character {}", character.escape_unicode());
            findings.error(place, message, "write printable characters on one line only");
        } else if text.trim().is_empty() {
            findings.error(place, "this text is empty", "take the key out, or write a text");
        } else if text.trim().len() != text.len() {
            findings.error(
                place,
                "this text begins or ends with a space",
                format!("write \"{}\"", text.trim()),
            );
        } else if text.len() > limit {
            let message = format!("this text is {} bytes long, at most {limit} are taken", text.len());
            findings.error(place, message, "make it shorter");
        } else {
            return true;
        }
        false
    }
}

impl<T: Copy> Choices<T> {
    /// Takes one of the names.
    pub(crate) fn take(&self, text: &Text<'_, '_>, key: &str, findings: &mut Findings) -> Option<T> {
        let found = self.now.iter().find(|(name, _)| *name == text.text);
        if let Some((_, choice)) = found {
            return Some(*choice);
        }
        if self.later.contains(&text.text) {
            findings.error(&text.place, not_in_this_version(text.text), format!("write {}", self.names()));
            return None;
        }
        let message = format!("`{}` is not a value of `{key}`", shorten(text.text));
        let alike = most_alike(text.text, self.now.iter().map(|(name, _)| *name));
        let help = alike.map_or_else(
            || format!("write {}", self.names()),
            |alike| format!("did you mean \"{alike}\"? It is one of {}", self.names()),
        );
        findings.error(&text.place, message, help);
        None
    }

    /// Lists the names, as they are written.
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> = self.now.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        match names.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            all => all.concat(),
        }
    }
}

/// Takes a whole number that lies within a range.
fn within<T: TryFrom<i64> + PartialOrd>(integer: &DeInteger<'_>, range: &RangeInclusive<T>) -> Option<T> {
    let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    T::try_from(number).ok().filter(|number| range.contains(number))
}

/// Tells what a value is.
pub(crate) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
