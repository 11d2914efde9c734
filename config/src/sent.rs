//! `[sent]`: codes that are sent.
//!
//! Owns the ranges, which are those of SECURITY.md 3 and may only be moved with it.

use std::time::Duration;

use countersign_core::factor::sent::{Alphabet, Bind, SENT_LENGTHS, SENT_LIFE_LIMIT, SentParameters};

use crate::diagnostics::Findings;
use crate::sections::Section;
use crate::tables;
use crate::values::Choices;

/// The shortest life of a code: less is over before a mail is there.
const LIFE_LEAST: Duration = Duration::from_mins(1);

const ALPHABETS: Choices<Alphabet> =
    Choices { now: &[("digits", Alphabet::Digits), ("letters", Alphabet::Letters)], later: &[] };
const BINDINGS: Choices<Bind> =
    Choices { now: &[("place", Bind::Place), ("login", Bind::Login)], later: &[] };

/// Reads `[sent]`.
pub(crate) fn read(top: &Section<'_, '_>, findings: &mut Findings) -> SentParameters {
    let standard = SentParameters::default();
    let Some(section) = top.section("sent", &tables::SENT, findings) else { return standard };
    let (least, most) = SENT_LENGTHS.into_inner();
    let length = section.value("digits").and_then(|it| it.number(findings, least.into()..=most.into()));
    let lifetime = section.value("lifetime");
    SentParameters {
        length: length.and_then(|length| u8::try_from(length).ok()).unwrap_or(standard.length),
        alphabet: section
            .value("alphabet")
            .and_then(|it| it.choice(findings, ALPHABETS))
            .unwrap_or(standard.alphabet),
        lifetime: lifetime
            .and_then(|it| it.duration(findings, LIFE_LEAST..=SENT_LIFE_LIMIT))
            .unwrap_or(standard.lifetime),
        bind: section.value("bind").and_then(|it| it.choice(findings, BINDINGS)).unwrap_or(standard.bind),
    }
}
