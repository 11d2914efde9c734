//! Hides what looks like a password in a text that is about to be shown.
//!
//! A diagnostic quotes the file, and goes to the journal: a password that somebody wrote where none belongs must not go
//! there with it. Owns what looks like one: what stands between `:` and `@` in a URL, and behind `password=`.

/// Hides passwords of one line; the result has the same length in bytes, so that offsets hold.
pub(crate) fn mask(line: &str) -> String {
    let mut masked = line.to_owned();
    for (start, _) in line.match_indices("://") {
        let begin = start.saturating_add(3);
        let url = line.get(begin..).map(unquoted).unwrap_or_default();
        let secret = url.rfind('@').and_then(|end| Some((url.find(':').filter(|colon| *colon < end)?, end)));
        if let Some((colon, end)) = secret {
            hide(&mut masked, begin.saturating_add(colon).saturating_add(1), begin.saturating_add(end));
        }
    }
    for key in ["password=", "passfile="] {
        for (start, _) in line.match_indices(key) {
            let begin = start.saturating_add(key.len());
            let value = line.get(begin..).map(unquoted).unwrap_or_default();
            let length = value.find('&').unwrap_or(value.len());
            hide(&mut masked, begin, begin.saturating_add(length));
        }
    }
    masked
}

/// A text up to the quotation mark that ends its string.
fn unquoted(text: &str) -> &str {
    text.split(['"', '\'', '\n']).next().unwrap_or_default()
}

/// Puts an asterisk in the place of each byte.
fn hide(text: &mut String, begin: usize, end: usize) {
    if text.is_char_boundary(begin) && text.is_char_boundary(end) && begin <= end {
        text.replace_range(begin..end, &"*".repeat(end.saturating_sub(begin)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_are_hidden_and_nothing_else() {
        for (line, shown) in [
            ("url = \"postgresql://me:pa5s@db1/c\"", "url = \"postgresql://me:****@db1/c\""),
            ("url = \"postgresql://me:p@s/s@db1/c\" # x@y", "url = \"postgresql://me:*****@db1/c\" # x@y"),
            ("url = 'postgresql://db1/c?password=pa5s&x=1'", "url = 'postgresql://db1/c?password=****&x=1'"),
            (
                "url = \"postgresql://me@db1:5433/c?password_file=/a\"",
                "url = \"postgresql://me@db1:5433/c?password_file=/a\"",
            ),
            ("url = \"postgresql://db1:5433,db2/c\"", "url = \"postgresql://db1:5433,db2/c\""),
            ("server = \"smtps://login:gehëim@mail\"", "server = \"smtps://login:*******@mail\""),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(mask(line), shown);
            assert_eq!(mask(line).len(), line.len());
        }
    }
}
