//! `headers` of a request.
//!
//! Owns which names and values are taken: no line ends, none of those that the connection itself needs, and what is said
//! in none of them. A secret is named as a credential; one that is written out is warned of.

use toml::de::DeValue;

use crate::diagnostics::{Findings, shorten};
use crate::places::{CREDENTIAL, Written, warn_of_secrets};
use crate::template::{Placeholder, Template};
use crate::values::{Text, Value, type_name};

/// The most headers.
const HEADER_COUNT: usize = 32;
/// The longest name, in bytes.
const NAME_LIMIT: usize = 64;
/// The longest value, in bytes.
const VALUE_LIMIT: usize = 1024;
/// What belongs to the connection and is set by it, in lower case.
const OF_CONNECTION: [&str; 11] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "proxy-authorization",
];

/// Takes the headers, in the order of the file.
pub(crate) fn read<'t, 's>(value: &Value<'t, 's>, findings: &mut Findings) -> Vec<(String, Written<'t, 's>)> {
    let DeValue::Table(table) = value.content else {
        let message = format!("`headers` is {}, but has to be a table", type_name(value.content));
        value.refuse(findings, message);
        return Vec::new();
    };
    if table.len() > HEADER_COUNT {
        value.refuse(findings, format!("{} headers; at most {HEADER_COUNT} are taken", table.len()));
        return Vec::new();
    }
    let mut entries: Vec<_> = table.iter().collect();
    // A table is kept in the order of its keys.
    entries.sort_by_key(|(key, _)| key.span().start);
    let source = value.place.source;
    let mut headers: Vec<(String, Written<'t, 's>)> = Vec::new();
    for (key, content) in entries {
        let name = Text { text: key.get_ref(), place: source.place(key.span()) };
        let is_repeated = headers.iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name.text));
        if let Some((message, help)) = name_fault(name.text, is_repeated) {
            findings.error(&name.place, format!("`{}` {message}", shorten(name.text)), help);
            continue;
        }
        let place = source.place(content.span());
        let DeValue::String(text) = content.get_ref() else {
            let message = format!("this header is {}, but has to be a string", type_name(content.get_ref()));
            findings.error(&place, message, "put it in quotes");
            continue;
        };
        if let Some(written) = header_value(Text { text, place }, findings) {
            // With its name, which tells what is a secret.
            warn_of_secrets(&source.place(key.span().start..content.span().end), CREDENTIAL, findings);
            headers.push((name.text.to_owned(), written));
        }
    }
    headers
}

/// Finds the value of a header.
pub(crate) fn find<'h, 't, 's>(
    headers: &'h [(String, Written<'t, 's>)],
    name: &str,
) -> Option<&'h Written<'t, 's>> {
    headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, written)| written)
}

/// The headers as they are kept.
pub(crate) fn templates(headers: Vec<(String, Written<'_, '_>)>) -> Vec<(String, Template)> {
    headers.into_iter().map(|(name, written)| (name, written.template)).collect()
}

fn name_fault(name: &str, is_repeated: bool) -> Option<(&'static str, &'static str)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !(1..=NAME_LIMIT).contains(&name.len()) || !name.bytes().all(is_token) {
        return Some((
            "is not the name of a header",
            "write letters, digits and dashes, as in Authorization",
        ));
    }
    if is_repeated {
        return Some(("stands here twice", "take one out"));
    }
    let lower = name.to_ascii_lowercase();
    OF_CONNECTION.contains(&lower.as_str()).then_some(("is set by the connection itself", "take it out"))
}

fn header_value<'t, 's>(text: Text<'t, 's>, findings: &mut Findings) -> Option<Written<'t, 's>> {
    let is_plain = text.text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !is_plain || text.text.trim() != text.text || text.text.is_empty() {
        let help = "write printable ASCII characters on one line, without spaces around them";
        findings.error(&text.place, "this is not the value of a header", help);
        return None;
    }
    if text.text.len() > VALUE_LIMIT {
        let message =
            format!("this header is {} bytes long, at most {VALUE_LIMIT} are taken", text.text.len());
        findings.error(&text.place, message, "make it shorter");
        return None;
    }
    let written = Written::read(text, findings)?;
    let help = "put it into the body, or into the URL";
    let is_wrong = written.refuse(
        Placeholder::is_text,
        "does not stand in a header, which gateways log",
        help,
        findings,
    );
    (!is_wrong).then_some(written)
}
