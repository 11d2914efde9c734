//! The HTML part of a mail: one page that needs nothing from anywhere.

use crate::secret::Secret;
use crate::words::Language;

/// An HTML page that needs nothing from anywhere; `body` is escaped already.
pub(super) fn page(language: Language, title: &str, body: &str) -> String {
    let title = Secret::new(escaped(title));
    [
        "<!DOCTYPE html>\n<html lang=\"",
        language.tag(),
        "\"><head><meta charset=\"utf-8\"><title>",
        title.expose(),
        "</title></head>\n<body style=\"font-family:sans-serif\">\n",
        body,
        "</body></html>\n",
    ]
    .concat()
}

/// Escapes a text for HTML, in elements and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len().saturating_mul(2));
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
