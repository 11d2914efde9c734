//! From a template to what goes over the line: each value escaped for where it stands.
//!
//! Owns the escaping. What a value holds can never end the string, element, field or line that it stands in, and what the
//! other side reads back is the value (where the form can say it at all: XML has no control characters, a line no line
//! breaks; a space stands for them).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use countersign_config::{Piece, Placeholder, Template};
use countersign_core::delivery::Outgoing;
use countersign_core::secret::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// Everything but the unreserved characters (RFC 3986 2.3); right in a path, a query and a form alike.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// In a URL, or in a form (`application/x-www-form-urlencoded`): percent-encoded.
    Percent,
    /// Inside a string of JSON.
    Json,
    /// In a text or an attribute of XML.
    Xml,
    /// In one line, as it is: a header, plain text, an argument.
    Line,
}

/// What is put into the places of a template.
pub struct Values<'a> {
    /// The message.
    pub message: &'a Outgoing,
    /// The credentials that the templates name.
    pub credentials: &'a BTreeMap<String, Secret<String>>,
}

/// Fills a template. The text is wiped when dropped: it may hold a code or a credential.
///
/// # Errors
/// Which credential is missing.
pub fn render(
    template: &Template,
    values: &Values<'_>,
    escaping: Escape,
) -> Result<Zeroizing<String>, String> {
    let mut rendered = Zeroizing::new(String::with_capacity(1024));
    let id = values.message.id.to_string();
    let text = values.message.letter.text.expose();
    let mut in_xml = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2)));
    text.chars().for_each(|character| xml(character, &mut in_xml));
    for piece in &template.pieces {
        let value = match piece {
            Piece::Text(text) => {
                rendered.push_str(text);
                continue;
            }
            Piece::Place(Placeholder::Number) => values.message.recipient.address(),
            Piece::Place(Placeholder::Digits) => values.message.recipient.address().trim_start_matches('+'),
            Piece::Place(Placeholder::Text) => text,
            Piece::Place(Placeholder::XmlText) => &in_xml,
            Piece::Place(Placeholder::Id) => &id,
            Piece::Place(Placeholder::Credential(name)) => values
                .credentials
                .get(name)
                .map(|secret| secret.expose().as_str())
                .ok_or_else(|| format!("the credential `{name}` is missing"))?,
        };
        escape(value, escaping, &mut rendered);
    }
    Ok(rendered)
}

fn escape(value: &str, escaping: Escape, into: &mut String) {
    match escaping {
        Escape::Percent => into.extend(utf8_percent_encode(value, RESERVED)),
        Escape::Json => value.chars().for_each(|character| json(character, into)),
        Escape::Xml => value.chars().for_each(|character| xml(character, into)),
        Escape::Line => {
            into.extend(value.chars().map(|character| if ends_line(character) { ' ' } else { character }));
        }
    }
}

/// RFC 8259 7. What a script in a page could take for something else is escaped as well.
fn json(character: char, into: &mut String) {
    match character {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        _ if ends_line(character) || character == '<' => {
            // All of them lie below U+FFFF. Writing into a string does not fail.
            let _ = write!(into, "\\u{:04x}", u32::from(character));
        }
        _ => into.push(character),
    }
}

/// XML 1.0, 2.2 and 3.3.3: what may not stand there at all becomes a space, line breaks a reference, so that an attribute
/// keeps them.
fn xml(character: char, into: &mut String) {
    match character {
        '&' => into.push_str("&amp;"),
        '<' => into.push_str("&lt;"),
        '>' => into.push_str("&gt;"),
        '"' => into.push_str("&quot;"),
        '\'' => into.push_str("&apos;"),
        '\t' | '\n' | '\r' => {
            let _ = write!(into, "&#{};", u32::from(character));
        }
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => into.push(' '),
        _ => into.push(character),
    }
}

fn ends_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}
