//! What differs between two runs of the same commands: times, digests, codes, keys and QR codes.
//!
//! Owns which words those are. How far columns stand apart is masked too: it depends on the widest number.

/// What stands in a guide for the lines of a QR code.
const QR_CODE: &str = "[QR code]";
/// Hexadecimal digits from which on a word is a digest.
const DIGEST: usize = 12;
/// Digits of a code or of the id of a factor; the latter are drawn at random from 32 bits.
const NUMBER: std::ops::RangeInclusive<usize> = 6..=10;
/// Groups of four from which on a line is a setup key.
const KEY_GROUPS: usize = 6;

/// Puts one line in the place of each QR code, and takes off colors and spaces at line ends: none is worth its place in a guide.
pub(super) fn folded(text: &str) -> String {
    let text = without_colors(text);
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let is_next = lines.last() == Some(&QR_CODE);
        if is_of_qr_code(line) || is_next && line.trim().is_empty() && !line.is_empty() {
            lines.extend((!is_next).then_some(QR_CODE));
        } else {
            lines.push(line.trim_end());
        }
    }
    lines.join("\n") + "\n"
}

/// Takes off what sets colors (ECMA-48, SGR).
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
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
        if is_number(word) {
            out.push_str("[number]");
        } else {
            out.extend(word.chars().map(|c| if hidden && c.is_ascii_alphanumeric() { '*' } else { c }));
        }
        let step = after.chars().next().map_or(0, char::len_utf8);
        let (between, next) = after.split_at(step);
        if between != " " || !out.ends_with("  ") {
            out.push_str(between);
        }
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
    is_time || is_digest || is_grouped(word)
}

fn is_number(word: &str) -> bool {
    NUMBER.contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
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
    fn times_digests_codes_and_keys_are_masked() {
        for (text, shown) in [
            ("at 2026-11-22 06:01:09.", "at ****-**-** **:**:**."),
            ("Policy  0a1b2c3d4e5f", "Policy  ************"),
            ("Code: 493027", "Code: [number]"),
            ("904704067     totp", "[number]  totp"),
            ("2965386911  totp", "[number]  totp"),
            ("K7QM-2XVA-9RTD 0123-45678-9ABC", "****-****-**** ****-*****-****"),
            ("Key: GEZD GNBV GY3T QOJQ GEZD GNBV ok", "Key: **** **** **** **** **** **** ok"),
        ] {
            assert_eq!(masked(text), format!("{shown}\n"));
        }
    }

    #[test]
    fn what_says_something_is_left_alone() {
        for text in ["12 people, 3 days", "DEAD BEEF", "students  always", "198.51.100.7", "facade 12345"] {
            assert_eq!(masked(text), format!("{text}\n"));
        }
    }

    #[test]
    fn a_qr_code_is_one_line_without_its_colors() {
        let shown = "Scan:  \n\u{1b}[38;5;16m \u{2588}\u{2580}\u{1b}[0m\n \u{2584}\n  \nKey\n\nCode:\n";
        assert_eq!(folded(shown), "Scan:\n[QR code]\nKey\n\nCode:\n");
    }
}
