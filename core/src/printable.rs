//! Which characters may stand in a text that people read.
//!
//! Owns one question for names, labels, reasons and the audit. Refused are those that steer a terminal or rearrange
//! what is read: control characters, line separators, marks of direction, invisible formatting (SECURITY.md TH22, TH23).

/// Tells whether a character shows as itself and changes nothing around it.
#[must_use]
pub fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}'      // Arabic letter mark, marks of direction
            | '\u{200b}' | '\u{feff}'                 // zero-width space, byte order mark
            | '\u{2028}'..='\u{202e}'                 // line and paragraph separator, embeddings, overrides
            | '\u{2060}'..='\u{206f}'                 // invisible operators, isolates
            | '\u{fff9}'..='\u{fffb}'                 // interlinear annotation
            | '\u{e0000}'..='\u{e007f}') // tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_script_are_printable() {
        assert!("Zoë Müller 学校 مدرسة 🙂 a-b_c.d@example.org".chars().all(is_printable));
    }

    #[test]
    fn what_steers_a_terminal_or_turns_text_around_is_not() {
        for character in
            ['\0', '\n', '\r', '\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{2028}', '\u{feff}']
        {
            assert!(!is_printable(character), "{character:?}");
        }
    }
}
