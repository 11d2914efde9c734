//! What a request's body is written in, and whether values can be put into it.
//!
//! Owns the choice of the form and the check of the template: with values put in, JSON is JSON; in XML places stand in text
//! or attributes; a form holds what may stand in one. Leaves escaping to whoever renders.

use std::fmt::Write as _;

use crate::delivery::BodyForm;
use crate::template::{Piece, Placeholder, Template};

/// What is wrong with a body, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadBody {
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

/// Tells the form that a `Content-Type` stands for.
pub(crate) fn form_of_type(content_type: &str) -> Option<BodyForm> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Some(BodyForm::Json),
        "application/x-www-form-urlencoded" => Some(BodyForm::Form),
        "application/xml" | "text/xml" => Some(BodyForm::Xml),
        "text/plain" => Some(BodyForm::Plain),
        other if other.ends_with("+json") => Some(BodyForm::Json),
        other if other.ends_with("+xml") => Some(BodyForm::Xml),
        _ => None,
    }
}

/// Tells the form that a body without a `Content-Type` is written in.
pub(crate) fn form_of_text(body: &str) -> BodyForm {
    match body.trim_start().chars().next() {
        Some('{' | '[') => BodyForm::Json,
        Some('<') => BodyForm::Xml,
        Some(_) | None => BodyForm::Form,
    }
}

/// Checks that values can be put into a body.
pub(crate) fn check(form: BodyForm, template: &Template) -> Result<(), BadBody> {
    match form {
        BodyForm::Json => check_json(template),
        BodyForm::Form => check_form(template),
        BodyForm::Xml => check_xml(template),
        BodyForm::Plain => Ok(()),
    }
}

fn check_json(template: &Template) -> Result<(), BadBody> {
    let mut filled = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Place(place) => filled.push_str(sample(place)),
        }
    }
    serde_json::from_str::<serde_json::Value>(&filled).map(drop).map_err(|error| {
        let mut message = String::from("with values put in, this body is not JSON");
        // Writing into a String cannot fail. The error tells a place and no content.
        let _ = write!(message, ": {error}");
        BadBody { message, help: "put each place in quotes: {\"to\":\"{number}\",\"text\":\"{text}\"}" }
    })
}

/// A value as it is put into JSON: no text is JSON by itself, so that a place without quotes shows.
fn sample(place: &Placeholder) -> &'static str {
    match place {
        Placeholder::Number => "+4930123456",
        // Without quotes a number: gateways want it as either.
        Placeholder::Digits => "4930123456",
        Placeholder::Text => "4930 2718 \\\"code\\\"",
        Placeholder::XmlText => "4930 2718 &quot;code&quot;",
        Placeholder::Id => "0f",
        Placeholder::Credential(_) => "secret",
    }
}

fn check_form(template: &Template) -> Result<(), BadBody> {
    let is_plain = template.pieces.iter().all(|piece| match piece {
        Piece::Text(text) => text.bytes().all(|byte| byte.is_ascii_graphic()),
        Piece::Place(_) => true,
    });
    if is_plain {
        return Ok(());
    }
    Err(BadBody {
        message: "a form has no spaces, line ends or other than ASCII characters".to_owned(),
        help: "write %20 for a space, as in to={number}&from=Example%20University&text={text}; or name another Content-Type",
    })
}

/// Where in XML a character stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Text,
    Tag,
    Attribute(char),
    /// A comment, a declaration or the like, up to its end.
    Markup(&'static str),
}

fn check_xml(template: &Template) -> Result<(), BadBody> {
    let bad = |message: &str| BadBody {
        message: message.to_owned(),
        help: "write elements and attributes in full, as in <to>{number}</to><text>{text}</text>",
    };
    let mut spot = Spot::Text;
    for piece in &template.pieces {
        match (piece, spot) {
            (Piece::Text(text), _) => spot = walk(text, spot),
            (Piece::Place(Placeholder::XmlText), _) => {
                return Err(BadBody {
                    message: "`{text:xml}` is for XML within a form; here it would be escaped twice"
                        .to_owned(),
                    help: "write {text}",
                });
            }
            (Piece::Place(_), Spot::Text | Spot::Attribute(_)) => {}
            (Piece::Place(_), Spot::Tag | Spot::Markup(_)) => {
                return Err(bad("in XML a place stands in the text of an element or in an attribute"));
            }
        }
    }
    if spot == Spot::Text { Ok(()) } else { Err(bad("this XML ends within a tag")) }
}

/// Walks over a literal and tells where its end stands.
fn walk(text: &str, from: Spot) -> Spot {
    let (mut spot, mut rest) = (from, text);
    loop {
        let (after, next) = match spot {
            Spot::Text => match rest.find('<') {
                Some(at) => opened(rest.get(at..).unwrap_or_default()),
                None => return spot,
            },
            Spot::Tag => match rest.find(['>', '"', '\'']) {
                Some(at) => {
                    let sign = rest.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('>');
                    let next = if sign == '>' { Spot::Text } else { Spot::Attribute(sign) };
                    (rest.get(at.saturating_add(1)..), next)
                }
                None => return spot,
            },
            Spot::Attribute(quote) => match rest.split_once(quote) {
                Some((_, after)) => (Some(after), Spot::Tag),
                None => return spot,
            },
            Spot::Markup(end) => match rest.split_once(end) {
                Some((_, after)) => (Some(after), Spot::Text),
                None => return spot,
            },
        };
        (spot, rest) = (next, after.unwrap_or_default());
    }
}

/// Tells what begins with this `<`, and what stands behind its beginning.
fn opened(rest: &str) -> (Option<&str>, Spot) {
    let kinds = [
        ("<!--", Spot::Markup("-->")),
        ("<![CDATA[", Spot::Markup("]]>")),
        ("<!", Spot::Markup(">")),
        ("<?", Spot::Markup("?>")),
        ("<", Spot::Tag),
    ];
    let found =
        kinds.into_iter().find_map(|(begin, spot)| rest.strip_prefix(begin).map(|after| (after, spot)));
    found.map_or((None, Spot::Text), |(after, spot)| (Some(after), spot))
}
