//! `[texts]`: the organization's own wording.
//!
//! Owns where a text is wrong and what to write instead. Leaves to `core` which sentences can be replaced and what each has
//! to tell.

use countersign_core::words::Language;
use countersign_core::words::texts::{InvalidText, Place as Sentence, Texts};

use crate::diagnostics::Findings;
use crate::sections::Section;
use crate::settings::LANGUAGES;
use crate::tables;
use crate::values::Text;

/// Reads `[texts]` and its tables, one a language; `has_help` tells whether the file says whom to ask.
pub(crate) fn read(top: &Section<'_, '_>, has_help: bool, findings: &mut Findings) -> Texts {
    let mut texts = Texts::default();
    let Some(section) = top.section("texts", &tables::TEXTS, findings) else { return texts };
    read_sentences(&section, None, has_help, &mut texts, findings);
    for (tag, language) in LANGUAGES.now {
        if let Some(own) = section.section(tag, &tables::TEXTS_OF_LANGUAGE, findings) {
            read_sentences(&own, Some(*language), has_help, &mut texts, findings);
        }
    }
    texts
}

fn read_sentences(
    section: &Section<'_, '_>,
    language: Option<Language>,
    has_help: bool,
    texts: &mut Texts,
    findings: &mut Findings,
) {
    for sentence in Sentence::ALL {
        let Some(value) = section.value(sentence.name()) else { continue };
        let Some(text) = value.text(findings) else { continue };
        match texts.set(sentence.name(), language, text.text) {
            Ok(()) if !has_help && text.text.contains("{help}") => {
                let message = "this text is never said: the file has no `help` to put in";
                findings.warning(
                    &text.place_of("{help}"),
                    message,
                    "write help = \"…\" at the top of the file",
                );
            }
            Ok(()) => {}
            Err(fault) => refuse(&fault, sentence, &text, findings),
        }
    }
}

fn refuse(fault: &InvalidText, sentence: Sentence, text: &Text<'_, '_>, findings: &mut Findings) {
    let values: Vec<String> = sentence.values().iter().map(ToString::to_string).collect();
    let help = match fault {
        InvalidText::Empty => "take it out, or write a text".to_owned(),
        InvalidText::TooLong => "make it shorter".to_owned(),
        InvalidText::NotPrintable(_) => "write printable characters on one line only".to_owned(),
        InvalidText::StrayBrace
        | InvalidText::UnknownPlaceholder(_)
        | InvalidText::NoValue { .. }
        | InvalidText::UnknownKey(_) => format!("the values here are {}", values.join(", ")),
        InvalidText::LeavesOut(place) => {
            format!("write {} into it", place.must_tell().unwrap_or_default())
        }
    };
    let place = match fault {
        InvalidText::UnknownPlaceholder(name) => text.place_of(&format!("{{{name}}}")),
        InvalidText::NoValue { placeholder, .. } => text.place_of(&placeholder.to_string()),
        InvalidText::UnknownKey(_)
        | InvalidText::Empty
        | InvalidText::TooLong
        | InvalidText::NotPrintable(_)
        | InvalidText::StrayBrace
        | InvalidText::LeavesOut(_) => text.place.clone(),
    };
    findings.error(&place, fault.to_string(), help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_that_can_be_replaced_has_its_key() {
        let keys = |keys: &crate::keys::Keys| keys.known.iter().map(|key| key.name).collect::<Vec<_>>();
        let sentences: Vec<&str> = Sentence::ALL.iter().map(|sentence| sentence.name()).collect();
        let languages = LANGUAGES.now.iter().map(|(tag, _)| *tag);
        assert_eq!(keys(&tables::TEXTS_OF_LANGUAGE), sentences);
        let all: Vec<&str> = sentences.iter().copied().chain(languages).collect();
        assert_eq!(keys(&tables::TEXTS), all);
    }
}
