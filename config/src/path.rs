//! Paths of files that the file names.
//!
//! Owns what a path may be: absolute, printable, and spelt in one way only.

use std::path::{Component, Path, PathBuf};

use crate::diagnostics::{Findings, shorten};
use crate::values::Value;

/// The longest path, in bytes.
const PATH_LIMIT: usize = 4095;

/// Takes the absolute path of a file as the whole value of a key.
pub(crate) fn read(value: &Value<'_, '_>, findings: &mut Findings) -> Option<PathBuf> {
    let text = value.text(findings)?;
    absolute(text.text, value, findings)
}

/// Takes the absolute path of a file, or says what to write.
pub(crate) fn absolute(path: &str, value: &Value<'_, '_>, findings: &mut Findings) -> Option<PathBuf> {
    let taken = plain(path);
    if taken.is_none() {
        value.refuse(findings, format!("`{}` is not the absolute path of a file", shorten(path)));
    }
    taken
}

/// Takes an absolute path of a file, spelt in one way only.
pub(crate) fn plain(path: &str) -> Option<PathBuf> {
    let has_detour = Path::new(path).components().any(|part| matches!(part, Component::ParentDir));
    let is_plain =
        !path.contains("//") && !path.contains("/./") && !path.ends_with(['/', '.']) && !has_detour;
    let is_shown = crate::printable::first_unprintable(path).is_none();
    (path.starts_with('/') && is_plain && is_shown && path.len() <= PATH_LIMIT).then(|| PathBuf::from(path))
}
