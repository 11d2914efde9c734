//! `[store]`: where accounts are kept.
//!
//! Owns the kinds of store and the settings around them. Leaves the URL of a fleet's store to `postgresql`.

use std::path::PathBuf;

use crate::diagnostics::{Findings, shorten};
use crate::path;
use crate::postgresql::{self, PostgresUrl, UrlRefusal};
use crate::sections::Section;
use crate::tables;
use crate::values::{Choices, Value};

/// The store where the file names none.
pub(crate) const DEFAULT_STORE: &str = "/var/lib/countersign/countersign.db";
/// The service's own folder, in which that lies.
pub(crate) const DEFAULT_FOLDER: &str = "/var/lib/countersign";

/// Where the store is and with what it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The database.
    pub database: Database,
    /// The file with the wrapping key; without it, the systemd credential `store-key`.
    pub key_file: Option<PathBuf>,
    /// Where names of `/etc/passwd` are unique.
    pub local_names: LocalNames,
}

/// The kind of store and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// The embedded store, in this file.
    Embedded(PathBuf),
    /// The store that a fleet shares.
    Fleet(Box<PostgresUrl>),
}

/// Where names of `/etc/passwd` are unique (row F2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LocalNames {
    /// On their host: `alice` of two hosts are two people.
    #[default]
    Host,
    /// In the fleet: `alice` is the same person on all its hosts.
    Fleet,
}

const LOCAL_NAMES: Choices<LocalNames> =
    Choices { now: &[("host", LocalNames::Host), ("fleet", LocalNames::Fleet)], later: &[] };

/// Reads `[store]`.
pub(crate) fn read(top: &Section<'_, '_>, findings: &mut Findings) -> StoreSettings {
    let standard = || Database::Embedded(PathBuf::from(DEFAULT_STORE));
    let Some(section) = top.section("store", &tables::STORE, findings) else {
        return StoreSettings { database: standard(), key_file: None, local_names: LocalNames::default() };
    };
    let url = section.value("url");
    let database = url.as_ref().map_or_else(|| Some(standard()), |it| database(it, findings));
    let key_file = section.value("key_file").and_then(|it| path::read(&it, findings));
    let names = section.value("local_names");
    let local_names = names.as_ref().and_then(|it| it.choice(findings, LOCAL_NAMES)).unwrap_or_default();
    if let (LocalNames::Fleet, Some(Database::Embedded(_)), Some(value)) = (local_names, &database, &names) {
        let help = "take it out, or name the fleet's store: url = \"postgresql://…\"";
        findings.error(&value.place, "a store of one host knows no names of a fleet", help);
    }
    StoreSettings { database: database.unwrap_or_else(standard), key_file, local_names }
}

fn database(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Database> {
    let url = value.text(findings)?.text;
    if postgresql::is_postgresql(url) {
        return PostgresUrl::parse(url)
            .map(|url| Database::Fleet(Box::new(url)))
            .map_err(|UrlRefusal { message, help }| findings.error(&value.place, message, help))
            .ok();
    }
    let Some(path) = url.strip_prefix("sqlite://") else {
        value.refuse(findings, format!("`{}` is not the URL of a store", shorten(url)));
        return None;
    };
    if path.contains(['?', '#', '%']) {
        value.refuse(findings, "this URL takes a plain path only, without ?, # and %");
        return None;
    }
    path::absolute(path, value, findings).map(Database::Embedded)
}
