//! What of a file may be shown to a person.
//!
//! Owns the escaping of what breaks a terminal (threat TH22). Leaves to `core` which characters those are.

use std::fmt::Write as _;

use countersign_core::printable::is_printable;

/// Finds the first character that may not be shown.
pub(crate) fn first_unprintable(text: &str) -> Option<char> {
    text.chars().find(|character| !is_printable(*character))
}

/// Writes a text so that it can be shown: what is not printable becomes `\u{…}`, a tab a space.
pub(crate) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        escape_into(&mut shown, character);
    }
    shown
}

/// Writes one character so that it can be shown.
pub(crate) fn escape_into(shown: &mut String, character: char) {
    match character {
        '\t' => shown.push(' '),
        _ if is_printable(character) => shown.push(character),
        _ => {
            // Writing into a String cannot fail.
            let _ = write!(shown, "{}", character.escape_unicode());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_that_breaks_a_terminal_is_found() {
        for character in ['\u{1b}', '\u{7}', '\r', '\n', '\0', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200f}'] {
            assert_eq!(first_unprintable(&format!("a{character}b\u{1b}")), Some(character));
        }
        assert_eq!(first_unprintable("Universität Zürich, 東京大学, جامعة, +49 30 1234"), None);
    }

    #[test]
    fn what_is_escaped_is_printable() {
        let shown = escape("a\u{1b}[31m\tb\u{202e}");
        assert_eq!(shown, "a\\u{1b}[31m b\\u{202e}");
        assert_eq!(first_unprintable(&shown), None);
    }
}
