//! Patterns of host names, in `hosts`.
//!
//! Owns what a pattern may be, and whether one covers another. Leaves to `core` which names a pattern fits; both agree
//! that `*` is any text, `?` any one character, and that case does not matter.

use crate::diagnostics::{Findings, shorten};
use crate::names::repeated;
use crate::values::Text;

/// The longest host name, in bytes (RFC 1035), and so the longest pattern.
pub const HOST_LIMIT: usize = 253;

/// The longest name that Linux lets a host have (`__NEW_UTS_LEN`).
const LONGEST_NAME: usize = 64;

/// Takes the patterns of a list.
pub(crate) fn patterns(entries: &[Text<'_, '_>], findings: &mut Findings) -> Vec<String> {
    let mut patterns: Vec<String> = Vec::new();
    for entry in entries {
        if let Some((message, help)) = fault(entry.text) {
            findings.error(&entry.place, format!("`{}` {message}", shorten(entry.text)), help);
        } else if patterns.iter().any(|pattern| pattern.eq_ignore_ascii_case(entry.text)) {
            repeated(entry, findings);
        } else {
            patterns.push(entry.text.to_owned());
        }
        if let Some(message) = misfit(entry.text) {
            let help = "write the name as `hostname` prints it, with * for any text";
            findings.warning(&entry.place, format!("no host has a name like this: {message}"), help);
        }
        if !entry.text.is_empty() && entry.text.bytes().all(|byte| byte == b'*') {
            let message = format!("`{}` matches every host", shorten(entry.text));
            findings.warning(&entry.place, message, "take `hosts` out, or write the hosts that are meant");
        }
    }
    patterns
}

/// Tells what keeps a text from being a pattern of host names.
fn fault(text: &str) -> Option<(&'static str, &'static str)> {
    let is_taken = |character: char| character.is_ascii_alphanumeric() || "-_.*?".contains(character);
    if text.is_empty() {
        return Some(("is empty", "take it out, or write a host name such as \"web1\" or \"web*\""));
    }
    if text.len() > HOST_LIMIT {
        return Some(("is longer than any host name", "write the name as `hostname` prints it"));
    }
    if text.starts_with('!') {
        return Some(("is no pattern: `!` is not understood", "put a rule for these hosts before this one"));
    }
    if text.contains(['[', ']', '{', '}', '(', ')', '|', '^', '$', '\\']) {
        return Some(("is no pattern: only `*` and `?` are understood", "list the patterns one by one"));
    }
    (!text.chars().all(is_taken)).then_some((
        "is no pattern of host names",
        "write letters, digits, `-`, `_`, `.`, `*` and `?`, as in \"web*\" or \"db?.example.org\"",
    ))
}

/// Tells why no name of a host fits a pattern.
fn misfit(pattern: &str) -> Option<&'static str> {
    if fault(pattern).is_some() {
        return None;
    }
    if pattern.starts_with('.') || pattern.ends_with('.') || pattern.contains("..") {
        return Some("a name has no dot at its ends, and no two in a row");
    }
    let shortest = pattern.bytes().filter(|byte| *byte != b'*').count();
    // A pattern with a dot can be meant for the fully qualified name.
    (shortest > LONGEST_NAME && !pattern.contains('.')).then_some("the system takes 64 characters at most")
}

/// Tells whether every name that fits `inner` surely fits `outer`: `outer` is held against `inner` itself, in which a
/// wildcard is a character that only as wide a one fits.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    let inner = inner.as_bytes();
    // Whether the outer pattern so far fits the first n characters of the inner one, for each n.
    let mut fits: Vec<bool> = std::iter::once(true).chain(inner.iter().map(|_| false)).collect();
    for wanted in outer.bytes() {
        let mut diagonal = false;
        let mut is_reached = false;
        for (fit, character) in fits.iter_mut().zip(std::iter::once(None).chain(inner.iter().map(Some))) {
            let before = *fit;
            is_reached |= before;
            *fit = match wanted {
                b'*' => is_reached,
                b'?' => diagonal && character.is_some_and(|character| *character != b'*'),
                _ => diagonal && character.is_some_and(|character| character.eq_ignore_ascii_case(&wanted)),
            };
            diagonal = before;
        }
    }
    fits.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_fits_no_other_name() {
        for (outer, inner) in [
            ("*", "web*"),
            ("*", "*"),
            ("web*", "web1"),
            ("web*", "WEB?"),
            ("web*", "web*.example.org"),
            ("w*b*", "web1"),
            ("web?", "web?"),
            ("*.example.org", "db?.example.org"),
            ("db?.example.org", "db1.example.org"),
        ] {
            assert!(covers(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in [
            ("web?", "web*"),
            ("web1", "web?"),
            ("web*", "*web"),
            ("web", "web*"),
            ("web*", "we"),
            ("*.example.org", "*"),
            ("db?.example.org", "db.example.org"),
            ("", "a"),
        ] {
            assert!(!covers(outer, inner), "{outer} {inner}");
        }
    }
}
