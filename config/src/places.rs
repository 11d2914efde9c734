//! Templates of the file: texts in which `{number}`, `{text}`, `{id}` and `{credential:NAME}` may stand.
//!
//! Owns finding what is no place, with where it stands, and secrets that are written out. Leaves what a place is to
//! `template`, and which are taken where to the readers of each text.

use crate::diagnostics::{Findings, Place};
use crate::mask;
use crate::template::{Piece, Placeholder, Template};
use crate::values::Text;

/// What can be put into a template, as help says it.
pub(crate) const PLACES: &str =
    "the places are {number}, {number:digits}, {text}, {text:xml}, {id} and {credential:NAME}";

/// A template with the text that it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Written<'t, 's> {
    pub(crate) template: Template,
    pub(crate) text: Text<'t, 's>,
}

impl<'t, 's> Written<'t, 's> {
    /// Reads a template; each thing in braces that is no place is an error.
    pub(crate) fn read(text: Text<'t, 's>, findings: &mut Findings) -> Option<Self> {
        let template = match Template::parse(text.text) {
            Ok(template) => template,
            Err(unknown) => {
                let message = format!("`{}` is not a place that a value can be put in", unknown.name);
                findings.error(&text.place_of(&unknown.name), message, PLACES);
                return None;
            }
        };
        if let Some(near) = template.pieces.iter().find_map(near_miss) {
            let message = "this looks like a place, but is not written as one";
            findings.error(&text.place_of(near), message, PLACES);
            return None;
        }
        Some(Self { template, text })
    }

    /// Tells whether some place stands in it.
    pub(crate) fn has(&self, is_it: impl Fn(&Placeholder) -> bool) -> bool {
        self.template.places().any(is_it)
    }

    /// Refuses places that are not taken here.
    pub(crate) fn refuse(
        &self,
        is_refused: impl Fn(&Placeholder) -> bool,
        why: &str,
        help: &str,
        findings: &mut Findings,
    ) -> bool {
        let refused = self.template.places().find(|place| is_refused(place));
        if let Some(place) = refused {
            let written = place.to_string();
            findings.error(&self.text.place_of(&written), format!("`{written}` {why}"), help);
        }
        refused.is_some()
    }
}

impl Placeholder {
    /// Tells whether it puts in what is said.
    pub(crate) const fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::XmlText)
    }

    /// Tells whether it puts in the number.
    pub(crate) const fn is_number(&self) -> bool {
        matches!(self, Self::Number | Self::Digits)
    }
}

/// Finds what is meant as a place and stands for itself: `{ text }`, `{credential:a/b}`.
fn near_miss(piece: &Piece) -> Option<&str> {
    let Piece::Text(literal) = piece else { return None };
    literal.match_indices('{').find_map(|(start, _)| {
        let rest = literal.get(start..)?;
        let word = rest.trim_start_matches(['{', ' ']);
        let name = ["number", "text", "id", "credential"].into_iter().find(|name| word.starts_with(name))?;
        let is_whole = word.strip_prefix(name)?.starts_with(['}', ' ', ':']);
        let length = rest.find('}').map_or(rest.len(), |end| end.saturating_add(1));
        is_whole.then(|| rest.get(..length)).flatten()
    })
}

/// What to write instead of a secret in a request.
pub(crate) const CREDENTIAL: &str =
    "write {credential:NAME} instead, and hand it over as the systemd credential NAME";

/// Warns of secrets that are written out in a value of the file.
pub(crate) fn warn_of_secrets(place: &Place<'_>, help: &str, findings: &mut Findings) {
    let Some(written) = place.source.text.get(place.span.clone()) else { return };
    for secret in mask::secrets(written) {
        let span = place.span.start.saturating_add(secret.start)..place.span.start.saturating_add(secret.end);
        let message = "a secret stands here in a file that everybody can read";
        findings.warning(&place.source.place(span), message, help);
    }
}
