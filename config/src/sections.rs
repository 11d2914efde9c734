//! Tables of the file, opened with the keys that they may have.
//!
//! Owns finding tables and values in them, and refusing keys on opening. Leaves reading a value to `values`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostics::{Findings, Place};
use crate::keys::Keys;
use crate::source::Source;
use crate::values::{Value, type_name};

/// A table of the file with the keys it may have.
#[derive(Debug, Clone)]
pub(crate) struct Section<'t, 's> {
    pub(crate) keys: &'static Keys,
    pub(crate) place: Place<'s>,
    table: &'t DeTable<'t>,
}

impl<'t, 's> Section<'t, 's> {
    /// Opens a table and refuses the keys that it may not have.
    pub(crate) fn open(
        keys: &'static Keys,
        source: &'s Source,
        table: &'t Spanned<DeTable<'t>>,
        findings: &mut Findings,
    ) -> Self {
        Self::over(keys, source.place(table.span()), table.get_ref(), findings)
    }

    fn over(keys: &'static Keys, place: Place<'s>, table: &'t DeTable<'t>, findings: &mut Findings) -> Self {
        keys.check(place.source, table, findings);
        Self { keys, place, table }
    }

    /// Finds a value.
    pub(crate) fn value(&self, key: &'static str) -> Option<Value<'t, 's>> {
        let value = self.table.get(key)?;
        let place = self.place.source.place(value.span());
        Some(Value { key, place, example: self.keys.example(key), content: value.get_ref() })
    }

    /// Finds a value that has to be there.
    pub(crate) fn required(&self, key: &'static str, findings: &mut Findings) -> Option<Value<'t, 's>> {
        let value = self.value(key);
        if value.is_none() {
            let message = format!("{} has no `{key}`", self.keys.table);
            findings.error(&self.place, message, format!("write {key} = {}", self.keys.example(key)));
        }
        value
    }

    /// Finds where a value of a table within this one stands.
    pub(crate) fn place_within(&self, table: &'static str, key: &str) -> Option<Place<'s>> {
        let DeValue::Table(inner) = self.value(table)?.content else { return None };
        Some(self.place.source.place(inner.get(key)?.span()))
    }

    /// Opens a table within this one.
    pub(crate) fn section(
        &self,
        key: &'static str,
        keys: &'static Keys,
        findings: &mut Findings,
    ) -> Option<Section<'t, 's>> {
        let value = self.value(key)?;
        match value.content {
            DeValue::Table(table) => Some(Section::over(keys, value.place, table, findings)),
            other => {
                let message = format!("`{key}` is {}, but has to be a table", type_name(other));
                findings.error(&value.place, message, format!("write {} and the keys below it", keys.table));
                None
            }
        }
    }

    /// Opens the tables of an array of tables.
    pub(crate) fn sections(
        &self,
        key: &'static str,
        keys: &'static Keys,
        findings: &mut Findings,
    ) -> Vec<Section<'t, 's>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(array) = value.content else {
            let message = format!("`{key}` is {}, but has to be a list of tables", type_name(value.content));
            findings.error(&value.place, message, format!("write {} with two brackets", keys.table));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for entry in array {
            let place = self.place.source.place(entry.span());
            match entry.get_ref() {
                DeValue::Table(table) => sections.push(Section::over(keys, place, table, findings)),
                other => {
                    let message =
                        format!("this entry of `{key}` is {}, but has to be a table", type_name(other));
                    findings.error(&place, message, format!("write {} and the keys below it", keys.table));
                }
            }
        }
        sections
    }
}
