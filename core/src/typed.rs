//! The one form in which everything that a user types is read.
//!
//! Owns what is forgiven (row M8, SECURITY.md TH03): case, separators of every kind, and the full width in which Japanese
//! and Chinese input methods write ASCII. Whatever compares, counts or hashes an answer sees this form only. After that ASCII
//! is taken strictly: digits of other scripts stay what they are, and are no code.

use zeroize::Zeroizing;

/// How far ASCII of full width (U+FF01 to U+FF5E) lies from ASCII.
const FULL_WIDTH: u32 = 0xfee0;

/// Brings an answer into that form: no separators, ASCII of full width made plain, ASCII case folded to lower. Doing it
/// twice changes nothing.
#[must_use]
pub fn canonical(answer: &str) -> Zeroizing<String> {
    let mut form = Zeroizing::new(String::with_capacity(answer.len()));
    let plain = answer.chars().map(narrowed).filter(|character| !is_separator(*character));
    form.extend(plain.map(|character| character.to_ascii_lowercase()));
    form
}

/// Tells whether a character only parts or accompanies others: spaces, dashes, and what cannot be seen.
#[must_use]
pub fn is_separator(character: char) -> bool {
    character.is_whitespace() || is_dash(character) || is_invisible(character)
}

/// Makes the ASCII of a character of full width.
fn narrowed(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - FULL_WIDTH).unwrap_or(character),
        other => other,
    }
}

/// Unicode's dashes, minus signs, and the long-vowel mark that Japanese input methods write for the key `-`.
const fn is_dash(character: char) -> bool {
    matches!(
        character,
        '-' | '\u{58a}' | '\u{5be}' | '\u{1400}' | '\u{1806}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{207b}'
                | '\u{208b}'
                | '\u{2212}'
                | '\u{2e17}'
                | '\u{2e1a}'
                | '\u{2e3a}'
                | '\u{2e3b}'
                | '\u{2e40}'
                | '\u{2e5d}'
                | '\u{301c}'
                | '\u{3030}'
                | '\u{30a0}'
                | '\u{30fc}'
                | '\u{fe31}'
                | '\u{fe32}'
                | '\u{fe58}'
                | '\u{fe63}'
                | '\u{ff0d}'
                | '\u{ff70}'
    )
}

/// What mail programs and phones leave between characters: soft hyphens, joiners, marks of direction, byte order marks, blanks.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What phones, mail programs and input methods put between the halves of a code.
    const SEPARATORS: &[char] = &[
        ' ', '-', '\u{a0}', '\u{ad}', '\u{2002}', '\u{2007}', '\u{2009}', '\u{200b}', '\u{200d}', '\u{200e}',
        '\u{202c}', '\u{202f}', '\u{205f}', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}',
        '\u{2015}', '\u{2060}', '\u{2212}', '\u{3000}', '\u{30fc}', '\u{fe58}', '\u{fe63}', '\u{feff}',
        '\u{ff0d}',
    ];

    #[test]
    fn separators_of_every_kind_are_dropped_wherever_they_stand() {
        for separator in SEPARATORS {
            for typed in [format!("493{separator}027"), format!("{separator}493027{separator}{separator}")] {
                assert_eq!(canonical(&typed).as_str(), "493027", "{separator:?}");
            }
        }
    }

    #[test]
    fn ascii_of_full_width_is_ascii() {
        assert_eq!(canonical("４９３　０２７").as_str(), "493027");
        assert_eq!(canonical("ＲＥＳＥＮＤ").as_str(), "resend");
        assert_eq!(canonical("？").as_str(), "?");
    }

    #[test]
    fn nothing_else_is_forgiven() {
        for typed in ["٤٩٣٠٢٧", "४९३०२७", "𝟒𝟗𝟑𝟎𝟐𝟕", "④⑨③", "493.027", "493,027", "493_027", "493/027"]
        {
            assert_eq!(canonical(typed).as_str(), typed);
        }
    }
}
