//! What differs between two runs of the same commands: times, digests, codes, keys and QR codes.
//!
//! Owns which words those are. A masked word keeps its length, so that tables are compared with their widths.

/// What stands in a guide for the lines of a QR code.
const QR_CODE: &str = "[QR code]";
/// Hexadecimal digits from which on a word is a digest.
const DIGEST: usize = 12;
/// Digits of a code.
const CODE: usize = 6;
/// Groups of four from which on a line is a setup key.
const KEY_GROUPS: usize = 6;

/// Puts one line in the place of each QR code, and takes off spaces at line ends: neither is worth its place in a guide.
pub(super) fn folded(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        match is_of_qr_code(line) {
            true if lines.last() == Some(&QR_CODE) => {}
            true => lines.push(QR_CODE),
            false => lines.push(line.trim_end()),
        }
    }
    lines.join("\n") + "\n"
}

/// Masks what differs.
pub(super) fn masked(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

fn line(text: &str) -> String {
    let is_group = |word: &&str| word.len() == 4 && word.chars().all(is_base32);
    let has_key = text.split_whitespace().filter(is_group).count() >= KEY_GROUPS;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(is_break).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let hidden = has_key && is_group(&word) || varies(word);
        out.extend(word.chars().map(|c| if hidden && c.is_ascii_alphanumeric() { '*' } else { c }));
        let step = after.chars().next().map_or(0, char::len_utf8);
        let (between, next) = after.split_at(step);
        out.push_str(between);
        rest = next;
    }
    out
}

const fn is_break(c: char) -> bool {
    matches!(c, ' ' | ',' | '(' | ')' | '`' | '"' | '=' | '\u{2026}') || c == '\t'
}

const fn is_base32(c: char) -> bool {
    matches!(c, 'A'..='Z' | '2'..='7')
}

fn is_of_qr_code(line: &str) -> bool {
    let is_block = |c: char| matches!(c, '\u{2580}' | '\u{2584}' | '\u{2588}' | ' ');
    line.chars().all(is_block) && line.chars().any(|c| c != ' ')
}

/// Whether a word is a time, a digest or a code.
fn varies(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ';', ':']);
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let is_time = matches!(
        shape.as_str(),
        "0000-00-00" | "00:00" | "00:00:00" | "0000-00-00T00:00:00Z" | "0000-00-00T00:00:00.000Z"
    );
    let is_digest = word.len() >= DIGEST && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_code = word.len() == CODE && word.bytes().all(|b| b.is_ascii_digit());
    is_time || is_digest || is_code || is_grouped(word)
}

/// Whether a word is a backup code or an invitation: capitals and digits in three groups.
fn is_grouped(word: &str) -> bool {
    let groups: Vec<&str> = word.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let is_group = |group: &&str| group.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    (lengths == [4, 4, 4] || lengths == [4, 5, 4]) && groups.iter().all(is_group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_digests_codes_and_keys_are_masked_and_keep_their_width() {
        for (text, shown) in [
            ("at 2026-11-22 06:01:09.", "at ****-**-** **:**:**."),
            ("Policy  0a1b2c3d4e5f", "Policy  ************"),
            ("Code: 493027", "Code: ******"),
            ("K7QM-2XVA-9RTD 0123-45678-9ABC", "****-****-**** ****-*****-****"),
            ("Key: GEZD GNBV GY3T QOJQ GEZD GNBV ok", "Key: **** **** **** **** **** **** ok"),
        ] {
            assert_eq!(masked(text), format!("{shown}\n"));
        }
    }

    #[test]
    fn what_says_something_is_left_alone() {
        for text in ["12 people, 3 days", "DEAD BEEF", "students  always", "198.51.100.7", "facade 1234567"] {
            assert_eq!(masked(text), format!("{text}\n"));
        }
    }

    #[test]
    fn a_qr_code_is_one_line() {
        assert_eq!(folded("Scan:  \n \u{2588}\u{2580}\n \u{2584}\nKey\n"), "Scan:\n[QR code]\nKey\n");
    }
}
