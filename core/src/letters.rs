//! Codes in letters and digits that people copy from paper: backup codes, invitations.
//!
//! Owns the alphabet (Crockford's base32, five bits a character) and what is forgiven when such a code is typed beyond what
//! `typed` forgives in every answer: `o` for zero, `i` and `l` for one. Leaves to `backup` and `invitation` how long a code is.

use zeroize::Zeroizing;

use crate::secret::Entropy;
use crate::typed::canonical;

/// Crockford's base32: no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The bits of a random byte that choose a character; 256 is a multiple of 32, so that each is as likely.
const CHOICE: u8 = 31;

/// Draws a code, written in groups with dashes between them.
pub(crate) fn draw(groups: &[usize], entropy: &mut dyn Entropy) -> Zeroizing<String> {
    let length: usize = groups.iter().sum();
    let mut bytes = Zeroizing::new(vec![0; length]);
    entropy.fill(&mut bytes);
    let mut letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & CHOICE)));
    let mut code = Zeroizing::new(String::with_capacity(length.saturating_add(groups.len())));
    for (position, group) in groups.iter().enumerate() {
        if position > 0 {
            code.push('-');
        }
        code.extend(letters.by_ref().take(*group).map(|letter| char::from(*letter)));
    }
    code
}

/// Reads a typed code in the one form that is hashed: upper case, without separators; none where it is not of this length
/// and alphabet.
pub(crate) fn read(typed: &str, length: usize) -> Option<Zeroizing<String>> {
    let mut code = Zeroizing::new(String::with_capacity(length));
    for character in canonical(typed).chars() {
        let letter = match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let is_ours = u8::try_from(letter).is_ok_and(|letter| ALPHABET.contains(&letter));
        if !is_ours || code.len() >= length {
            return None;
        }
        code.push(letter);
    }
    (code.len() == length).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts upward, so that every byte comes equally often.
    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
        }
    }

    #[test]
    fn a_code_is_written_in_its_groups_and_every_letter_is_as_likely() {
        let mut entropy = Counting(0);
        assert_eq!(draw(&[4, 5, 4], &mut entropy).as_str(), "0123-45678-9ABC");
        let mut counts = std::collections::BTreeMap::new();
        for letter in draw(&[256], &mut Counting(0)).chars() {
            *counts.entry(letter).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 32);
        assert!(counts.values().all(|count| *count == 8));
    }

    #[test]
    fn case_dashes_and_look_alikes_are_forgiven() {
        for typed in [
            "1023-ABCDE-1230",
            "l o23 abcde i23O",
            "1023abcde1230",
            " L023-abcde-I23o ",
            "１023\u{2013}ABCDE\u{2011}123Ｏ",
        ] {
            assert_eq!(read(typed, 13).expect(typed).as_str(), "1023ABCDE1230", "{typed:?}");
        }
    }

    #[test]
    fn nothing_else_is_forgiven() {
        for typed in [
            "",
            "1023-ABCDE-123",
            "1023-ABCDE-12300",
            "1023-ABCDE-123U",
            "1023-ABCDE-123\u{660}",
            "1023_ABCDE1230",
        ] {
            assert!(read(typed, 13).is_none(), "{typed:?}");
        }
        assert!(read(&"1".repeat(10_000), 13).is_none());
    }
}
