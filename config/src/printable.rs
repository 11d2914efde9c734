//! Which characters may be shown to a person.
//!
//! Owns the rule for texts of the file that reach a terminal (threat TH22), and the escaping of what breaks it.

use std::fmt::Write as _;

/// Tells whether a character is safe to show: no control character, no mark that reorders or hides text.
pub(crate) fn is_printable(character: char) -> bool {
    let misleads = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}'          // soft hyphen, Arabic letter mark, Mongolian vowel separator
        | '\u{200b}'..='\u{200f}'                  // zero width, left-to-right and right-to-left marks
        | '\u{2028}'..='\u{202e}'                  // line and paragraph separators, embeddings and overrides
        | '\u{2060}'..='\u{206f}'                  // invisible operators, isolates
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'     // byte order mark, interlinear annotation
        | '\u{e0000}'..='\u{e007f}'); // tags
    !character.is_control() && !misleads
}

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
    fn escape_sequences_and_bidi_marks_are_not_printable() {
        for character in ['\u{1b}', '\u{7}', '\r', '\n', '\0', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200f}'] {
            assert_eq!(first_unprintable(&format!("a{character}b")), Some(character));
        }
    }

    #[test]
    fn names_in_any_script_are_printable() {
        assert_eq!(first_unprintable("Universität Zürich, 東京大学, جامعة, +49 30 1234"), None);
    }

    #[test]
    fn what_is_escaped_is_printable() {
        let shown = escape("a\u{1b}[31m\tb\u{202e}");
        assert_eq!(shown, "a\\u{1b}[31m b\\u{202e}");
        assert_eq!(first_unprintable(&shown), None);
    }
}
