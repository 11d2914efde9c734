//! How one answer becomes a password and a code.

use super::split;

#[test]
fn the_code_stands_behind_the_last_comma_or_in_the_last_digits() {
    for (answer, digits, parts) in [
        ("secret493027", 6, ("secret", "493027")),
        ("secret49302718", 8, ("secret", "49302718")),
        ("se,cret,493027", 6, ("se,cret", "493027")),
        ("secret,7KQ3-M0PXA-11ZD", 6, ("secret", "7KQ3-M0PXA-11ZD")),
        ("secret", 6, ("secret", "")),
        ("12345", 6, ("12345", "")),
        ("493027", 6, ("", "493027")),
        ("", 6, ("", "")),
        ("p\u{e4}ssw\u{f6}rt", 6, ("p\u{e4}ssw\u{f6}rt", "")),
    ] {
        assert_eq!(split(answer, digits), Some(parts), "{answer:?}");
    }
    assert_eq!(split(&"x".repeat(513), 6), None);
}
