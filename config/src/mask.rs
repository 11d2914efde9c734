//! Finds what looks like a password, and hides it in a text that is about to be shown.
//!
//! A diagnostic quotes the file, and goes to the journal: a password that somebody wrote where none belongs must not go
//! there with it. Owns what looks like one: what stands between `:` and `@` in a URL, and behind words like `password=`,
//! `"api_secret":` or `Authorization = "Bearer`. A place such as `{credential:NAME}` is none.

use std::ops::Range;

/// The endings of words behind which a secret stands.
const WORDS: [&str; 15] = [
    "password",
    "passwd",
    "pass",
    "passfile",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "auth",
    "auth-key",
    "accesskey",
    "access_key",
    "access-key",
    AUTHORIZATION,
];
/// Its value begins with a scheme, which is no secret.
const AUTHORIZATION: &str = "authorization";
/// What may stand between a word, its sign, and its value.
const AROUND: [char; 5] = [' ', '\t', '"', '\'', '\\'];

/// Hides passwords of one line; the result has the same length in bytes, so that offsets hold.
pub(crate) fn mask(line: &str) -> String {
    let mut masked = line.to_owned();
    for secret in secrets(line) {
        if line.get(secret.clone()).is_some() {
            masked.replace_range(secret.clone(), &"*".repeat(secret.len()));
        }
    }
    masked
}

/// Lists the bytes of a line that look like secrets.
pub(crate) fn secrets(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (start, _) in line.match_indices("://") {
        found.extend(in_authority(line, start.saturating_add(3)));
    }
    for (sign, _) in line.match_indices(['=', ':']) {
        found.extend(behind_word(line, sign));
    }
    found
}

/// Finds the password of a URL whose authority begins here.
fn in_authority(line: &str, begin: usize) -> Option<Range<usize>> {
    let url = line.get(begin..)?.split(['"', '\'', '\n']).next()?;
    let end = url.rfind('@')?;
    let colon = url.find(':').filter(|colon| *colon < end)?;
    Some(begin.saturating_add(colon).saturating_add(1)..begin.saturating_add(end))
}

/// Finds the secret behind a word and its sign.
fn behind_word(line: &str, sign: usize) -> Option<Range<usize>> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    let before = line.get(..sign)?.trim_end_matches(AROUND);
    let word = before.rsplit(|letter| !is_letter(letter)).next()?.to_ascii_lowercase();
    let ending = WORDS.into_iter().find(|ending| word.ends_with(ending))?;

    let after = line.get(sign.saturating_add(1)..)?;
    let value = after.trim_start_matches(AROUND);
    let lead = after.strip_suffix(value)?;
    let is_quoted = lead.contains(['"', '\'']);
    let ends: &[char] =
        if is_quoted { &['"', '\'', '\\'] } else { &['&', '"', '\'', '\\', '<', ',', ';', ' ', '\n'] };
    let mut value = value.split(ends).next()?;
    let mut begin = sign.saturating_add(1).saturating_add(lead.len());
    if let Some((scheme, rest)) = value.split_once(' ').filter(|_| ending == AUTHORIZATION) {
        begin = begin.saturating_add(scheme.len()).saturating_add(1);
        value = rest;
    }
    let is_place = value.starts_with('{') || value.contains("{credential:");
    (!value.is_empty() && !is_place).then(|| begin..begin.saturating_add(value.len()))
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

    #[test]
    fn secrets_of_requests_are_hidden_and_places_are_not() {
        for (line, shown) in [
            ("h = { Authorization = \"Bearer s3cret\" }", "h = { Authorization = \"Bearer ******\" }"),
            ("headers.X-Api-Key = \"s3 & t\"", "headers.X-Api-Key = \"******\""),
            (r#"body = "{\"api_secret\":\"x\"}""#, r#"body = "{\"api_secret\":\"*\"}""#),
            ("url = 'https://h/s?pass=x&to={number}'", "url = 'https://h/s?pass=*&to={number}'"),
            ("'{\"token\": \"x\", \"to\": 1}'", "'{\"token\": \"*\", \"to\": 1}'"),
            ("password = \"a&b\"", "password = \"***\""),
            ("headers.X-Auth-Key = \"x\"", "headers.X-Auth-Key = \"*\""),
        ] {
            assert_eq!(mask(line), shown);
        }
        for line in [
            "h = { Authorization = \"Bearer {credential:sms-token}\" }",
            "url = 'https://h/s?password={credential:kannel}&to={number}'",
            "password_file = \"/etc/countersign/password\"",
            "token = \"\"",
            "Content-Type = \"application/json\"",
        ] {
            assert_eq!(mask(line), line);
        }
    }
}
