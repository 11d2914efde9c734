//! `command`: a program of this host that takes a message.
//!
//! Owns the list: an absolute program, arguments, `{number}` in some of them. Nothing is read by a shell. What is said
//! never stands in an argument, where every user of the host could read it.

use crate::diagnostics::{Findings, shorten};
use crate::path;
use crate::places::{Written, warn_of_secrets};
use crate::printable::first_unprintable;
use crate::template::{Piece, Placeholder, Template};
use crate::values::{Text, Value};

/// The most arguments, with the program.
const ARGUMENT_COUNT: usize = 32;
/// The longest argument, in bytes.
const ARGUMENT_LIMIT: usize = 1024;

/// What to do with a secret of a program.
const OWN_FILE: &str = "take it out: let the program read its secrets from a file of its own";

/// Takes the list; none where something in it is wrong, which has been noted.
pub(crate) fn read(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Vec<Template>> {
    let errors = findings.errors();
    let entries = value.list(findings)?;
    let Some((program, arguments)) = entries.split_first() else {
        value.refuse(findings, "`command` is empty");
        return None;
    };
    if entries.len() > ARGUMENT_COUNT {
        let message = format!("`command` has {} entries, at most {ARGUMENT_COUNT} are taken", entries.len());
        findings.error(&value.place, message, "put them into a script, and name that");
        return None;
    }
    if path::plain(program.text).is_none() || program.text.contains(['{', '}']) {
        let message = format!("`{}` is not the absolute path of a program", shorten(program.text));
        let help = "write program and arguments one by one: [\"/usr/bin/gammu-smsd-inject\", \"TEXT\", \"{number}\"]";
        findings.error(&program.place, message, help);
    }
    let mut command = vec![Template { pieces: vec![Piece::Text(program.text.to_owned())] }];
    let mut has_number = false;
    for entry in arguments {
        let Some(written) = argument(entry, findings) else { continue };
        has_number |= written.has(Placeholder::is_number);
        command.push(written.template);
    }
    if findings.errors() == errors && !has_number {
        let help = "add it to the arguments, as in \"{number}\"";
        findings.error(&value.place, "`{number}` stands in no argument: to whom would it be sent?", help);
    }
    (findings.errors() == errors).then_some(command)
}

fn argument<'t, 's>(entry: &Text<'t, 's>, findings: &mut Findings) -> Option<Written<'t, 's>> {
    if let Some(character) = first_unprintable(entry.text) {
        let message = format!("this argument holds the character {}", character.escape_unicode());
        findings.error(&entry.place, message, "write printable characters on one line only");
        return None;
    }
    if entry.text.len() > ARGUMENT_LIMIT {
        let message =
            format!("this argument is {} bytes long, at most {ARGUMENT_LIMIT} are taken", entry.text.len());
        findings.error(&entry.place, message, "make it shorter");
        return None;
    }
    let written = Written::read(entry.clone(), findings)?;
    let why = "does not stand in an argument, where every user of this host can read it";
    let text_help = "take it out: the text comes on the program's standard input";
    let is_wrong = written.refuse(Placeholder::is_text, why, text_help, findings)
        || written.refuse(|place| matches!(place, Placeholder::Credential(_)), why, OWN_FILE, findings)
        || written.refuse(
            |place| *place == Placeholder::Id,
            "is not known to a command",
            "take it out: {number} is the only place here",
            findings,
        );
    warn_of_secrets(&entry.place, OWN_FILE, findings);
    (!is_wrong).then_some(written)
}
