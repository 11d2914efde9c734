//! Names of users, groups and services in the lists of the file.
//!
//! Owns what a name may be. Names are taken literally, so what looks like a pattern or another program's syntax is
//! refused: a rule that silently matches nobody switches the factor off.

use crate::diagnostics::{Findings, shorten};
use crate::pam_services::suggest;
use crate::printable::first_unprintable;
use crate::values::{NAME_LIMIT, Text};

/// What a list of names names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    User,
    Group,
    Service,
}

/// Takes literal names.
pub(crate) fn literal(entries: &[Text<'_, '_>], kind: NameKind, findings: &mut Findings) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in entries {
        if let Some((message, help)) = name_fault(entry.text, kind, findings.services()) {
            findings.error(&entry.place, format!("`{}` {message}", shorten(entry.text)), help);
        } else if names.iter().any(|name| name == entry.text) {
            repeated(entry, findings);
        } else {
            names.push(entry.text.to_owned());
        }
    }
    names
}

/// Notes that an entry stands in a list twice.
pub(crate) fn repeated(entry: &Text<'_, '_>, findings: &mut Findings) {
    findings.error(&entry.place, format!("`{}` stands here twice", shorten(entry.text)), "take one out");
}

/// Tells what keeps a text from being the name of something.
fn name_fault(text: &str, kind: NameKind, services: Option<&[String]>) -> Option<(String, String)> {
    let fault = |message: &str, help: &str| Some((message.to_owned(), help.to_owned()));
    let bare = text.trim_start_matches(['%', '@', '+', '!']);
    if text.is_empty() {
        return fault("is empty", "take it out, or write a name");
    }
    if text.len() > NAME_LIMIT {
        return Some((
            format!("is longer than {NAME_LIMIT} bytes"),
            "write the name as the system has it".to_owned(),
        ));
    }
    if first_unprintable(text).is_some() || text.contains('/') || text.trim() != text {
        return fault("is not a name", "write it without spaces around it, `/` and control characters");
    }
    if text.contains(['*', '?']) || text.starts_with('!') {
        return fault(
            "is taken literally, patterns and `!` are not understood",
            "list names, or put a rule before this one",
        );
    }
    if bare.len() != text.len() {
        return Some(match kind {
            NameKind::User => {
                ("is not the name of a user".to_owned(), format!("for a group write groups = [\"{bare}\"]"))
            }
            NameKind::Group | NameKind::Service => {
                ("begins with a sign that is taken literally".to_owned(), format!("write \"{bare}\""))
            }
        });
    }
    let lower = text.to_lowercase();
    if kind == NameKind::Service && (lower != text || text.contains(char::is_whitespace)) {
        // libpam folds the name of a service before it looks for the file.
        return Some(("is not the name of a PAM service".to_owned(), suggest(text, services)));
    }
    None
}
