//! Texts with places for values: `{number}`, `{number:digits}`, `{text}`, `{text:xml}`, `{id}`, `{credential:NAME}`.
//!
//! Owns which places there are and how they are written: every brace that begins no word in braces stands for itself, so
//! that JSON can be written as it is. Leaves escaping to whoever renders.

use std::fmt;

/// A text with places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
}

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// What stands there as it is.
    Text(String),
    /// What is put in.
    Place(Placeholder),
}

/// What can be put into a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placeholder {
    /// `{number}`: the recipient's number, E.164.
    Number,
    /// `{number:digits}`: the same without the plus sign.
    Digits,
    /// `{text}`: what is said, one line.
    Text,
    /// `{text:xml}`: the same, escaped as XML and then for where it stands: XML within a form.
    XmlText,
    /// `{id}`: the message's id, 32 hexadecimal digits.
    Id,
    /// `{credential:NAME}`: a systemd credential.
    Credential(String),
}

/// A place that is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPlace {
    /// The place as it is written, braces and all.
    pub name: String,
}

impl Template {
    /// Reads a template. What stands in braces and looks like a name has to be a place of ours.
    ///
    /// # Errors
    /// [`UnknownPlace`] for `{anything}` else that is a word, or a credential without a proper name.
    pub fn parse(text: &str) -> Result<Self, UnknownPlace> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(brace);
            plain.push_str(before);
            if let Some((name, after)) = word_in_braces(from) {
                let place =
                    Placeholder::parse(name).ok_or_else(|| UnknownPlace { name: format!("{{{name}}}") })?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Place(place));
                rest = after;
                continue;
            }
            let mut characters = from.chars();
            plain.extend(characters.next());
            rest = characters.as_str();
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// Lists the places.
    pub fn places(&self) -> impl Iterator<Item = &Placeholder> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Text(_) => None,
        })
    }
}

/// Finds `{word}` at the beginning: letters, digits, `-`, `_`, `:`.
fn word_in_braces(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('{')?;
    let (name, after) = inside.split_once('}')?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_word)).then_some((name, after))
}

impl Placeholder {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "number" => Some(Self::Number),
            "number:digits" => Some(Self::Digits),
            "text" => Some(Self::Text),
            "text:xml" => Some(Self::XmlText),
            "id" => Some(Self::Id),
            _ => {
                let credential = name.strip_prefix("credential:")?;
                // As systemd takes them: a file name, no path.
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                let fits = (1..=64).contains(&credential.len())
                    && !credential.starts_with('.')
                    && credential.bytes().all(is_name);
                fits.then(|| Self::Credential(credential.to_owned()))
            }
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => formatter.write_str("{number}"),
            Self::Digits => formatter.write_str("{number:digits}"),
            Self::Text => formatter.write_str("{text}"),
            Self::XmlText => formatter.write_str("{text:xml}"),
            Self::Id => formatter.write_str("{id}"),
            Self::Credential(name) => write!(formatter, "{{credential:{name}}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(place: Placeholder) -> Piece {
        Piece::Place(place)
    }

    #[test]
    fn json_is_written_as_it_is() {
        let template =
            Template::parse(r#"{"to":"{number}","n":{"x":1},"key":"{credential:sms-token}"}"#).unwrap();
        assert_eq!(
            template.pieces,
            [
                Piece::Text(r#"{"to":""#.to_owned()),
                place(Placeholder::Number),
                Piece::Text(r#"","n":{"x":1},"key":""#.to_owned()),
                place(Placeholder::Credential("sms-token".to_owned())),
                Piece::Text(r#""}"#.to_owned()),
            ]
        );
        assert_eq!(template.places().count(), 2);
    }

    #[test]
    fn a_word_in_braces_that_is_no_place_is_an_error() {
        for (text, name) in [("{nubmer}", "{nubmer}"), ("a {code} b", "{code}"), ("{credential:../x}", "")] {
            match Template::parse(text) {
                Err(error) => assert_eq!(error.name, name),
                Ok(template) => assert!(name.is_empty() && template.places().count() == 0, "{text}"),
            }
        }
        assert!(Template::parse("{credential:.hidden}").is_err());
        assert!(Template::parse("{credential:}").is_err());
    }
}
