//! One file, parsed.
//!
//! Owns the difference between the main file, which holds settings and rules, and a drop-in, which holds rules only.
//! Of a syntax error TOML tells the first; the other files are still read.

use countersign_core::audit::retention::Retention;
use countersign_core::delivery::Channel;
use countersign_core::policy::switch::Switch;
use countersign_core::policy::{Mode, Settings};
use toml::de::DeTable;

use crate::audit;
use crate::delivery::{self, DeliverySettings, Ways};
use crate::diagnostics::{Findings, Place};
use crate::force;
use crate::named::{self, NamedFile};
use crate::placed::PlacedRule;
use crate::rules;
use crate::sections::Section;
use crate::settings;
use crate::source::Source;
use crate::store::StoreSettings;
use crate::switch;
use crate::tables;

/// What the main file says.
#[derive(Debug)]
pub(crate) struct MainFile<'s> {
    pub(crate) settings: Settings,
    pub(crate) switch: Switch,
    /// The mode of every rule that says nothing else.
    pub(crate) mode: Option<Mode>,
    /// The groups whose members are protected, with their places where the file names them.
    pub(crate) protected: Vec<(String, Option<Place<'s>>)>,
    pub(crate) store: StoreSettings,
    pub(crate) audit: Retention,
    pub(crate) delivery: DeliverySettings,
    pub(crate) ways: Vec<(Channel, Place<'s>)>,
    /// The files that it names.
    pub(crate) named: Vec<NamedFile<'s>>,
    pub(crate) default: Option<PlacedRule<'s>>,
    pub(crate) rules: Vec<PlacedRule<'s>>,
}

/// Reads the main file; none where its syntax is wrong.
pub(crate) fn read_main<'s>(source: &'s Source, findings: &mut Findings) -> Option<MainFile<'s>> {
    let table = parse(source, findings)?;
    let top = Section::open(&tables::TOP, source, &table, findings);
    let Ways { delivery, channels, places: ways } = delivery::read(&top, findings);
    let (settings, store) = settings::read(&top, channels, findings);
    let switch = switch::read(&top, findings);
    let mode = force::mode(&top, findings);
    force::tell_monitored(&top, mode, findings);
    let named = top.value("protected_groups").map(|value| value.entry_places()).unwrap_or_default();
    let places = named.into_iter().map(Some).chain(std::iter::repeat(None));
    let protected = settings.protected_groups.iter().cloned().zip(places).collect();
    let named = named::list(&top, &store, &delivery);
    let audit = audit::read(&top, findings);
    let rules = read_rules(&top, findings);
    let default = rules::read_default(&top, source, findings);
    Some(MainFile { settings, switch, mode, protected, store, audit, delivery, ways, named, default, rules })
}

/// Reads a drop-in.
pub(crate) fn read_drop_in<'s>(source: &'s Source, findings: &mut Findings) -> Vec<PlacedRule<'s>> {
    let Some(table) = parse(source, findings) else { return Vec::new() };
    let top = Section::open(&tables::TOP, source, &table, findings);
    for key in table.get_ref().keys() {
        let name: &str = key.get_ref();
        if name != "policy" && tables::TOP.known.iter().any(|known| known.name == name) {
            let message = format!("`{name}` in a drop-in, which holds [[policy]] only");
            findings.error(&source.place(key.span()), message, "write it in countersign.toml");
        }
    }
    read_rules(&top, findings)
}

fn read_rules<'s>(top: &Section<'_, 's>, findings: &mut Findings) -> Vec<PlacedRule<'s>> {
    let sections = top.sections("policy", &tables::POLICY, findings);
    sections.iter().filter_map(|section| rules::read(section, findings)).collect()
}

/// Finds typographic quotes in the line that TOML does not take, and writes the line with straight ones. Word processors and
/// web pages put them there.
fn typographic_quotes(source: &Source, offset: usize) -> Option<(Place<'_>, String)> {
    const DOUBLE: [char; 6] = ['“', '”', '„', '‟', '«', '»'];
    const SINGLE: [char; 4] = ['‘', '’', '‚', '‛'];
    let is_quote = |character: char| DOUBLE.contains(&character) || SINGLE.contains(&character);
    let offset = source.text.floor_char_boundary(offset);
    let before = source.text.get(..offset)?;
    let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = source.text.get(begin..)?.lines().next()?;
    // Within straight quotes they are text: only one that begins a value is meant.
    let value = line.split_once('=').map_or(line, |(_, value)| value);
    if !value.trim_start_matches([' ', '\t', '[', '{']).starts_with(is_quote) {
        return None;
    }
    let first = begin + line.find(is_quote)?;
    let last = begin + line.rfind(is_quote)?;
    let end = last + source.text.get(last..)?.chars().next()?.len_utf8();
    let straight: String =
        line.trim().chars().map(|character| if is_quote(character) { '"' } else { character }).collect();
    Some((
        source.place(first..end),
        format!("write {}", crate::mask::mask(&crate::printable::escape(&straight))),
    ))
}

fn parse<'s>(source: &'s Source, findings: &mut Findings) -> Option<toml::Spanned<DeTable<'s>>> {
    match DeTable::parse(&source.text) {
        Ok(table) => Some(table),
        Err(error) => {
            let place = source.place(error.span().unwrap_or(0..0));
            if let Some((place, help)) = typographic_quotes(source, place.span.start) {
                findings.error(&place, "these are typographic quotes", help);
                return None;
            }
            let message = crate::printable::escape(error.message().lines().next().unwrap_or("invalid TOML"));
            let help = "mend this first: the rest of the file is read once its TOML is right";
            findings.error(&place, message, help);
            None
        }
    }
}
