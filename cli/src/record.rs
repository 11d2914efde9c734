//! One record of the audit as people and programs read it.
//!
//! Owns the edge: a record is somebody else's text, names in it are chosen by whoever tried to log in, and the store may
//! have been tampered with. Whatever it holds, it becomes one row or one line, and nothing in it reaches the terminal.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use crate::output::{is_plain, printable};
use crate::time::Moment;

/// What is shown of a record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    event: String,
    at: u64,
    subject: Option<Subject>,
    actor: String,
    login: Option<Login>,
    rule: Option<String>,
    factor: Option<String>,
    reason: Option<String>,
    change: Option<String>,
    would: Option<String>,
    would_because: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Subject {
    user: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Login {
    service: String,
    source: String,
}

/// The columns of the table.
pub(crate) const COLUMNS: [&str; 8] = ["TIME", "EVENT", "USER", "FROM", "RULE", "METHOD", "WHY", "BY"];

/// Makes a row of a record; one that cannot be read says so.
pub(crate) fn row(sequence: u64, record: &str) -> [String; 8] {
    let Ok(fields) = serde_json::from_str::<Fields>(record) else {
        let what = format!("record {sequence} cannot be read");
        return ["-".to_owned(), what, dash(""), dash(""), dash(""), dash(""), dash(""), dash("")];
    };
    let Fields { event, at, subject, actor, login, rule, factor, reason, change, would, would_because } =
        fields;
    let text = |text: Option<String>| dash(&text.unwrap_or_default());
    let would = would.map(|would| format!("would {would}"));
    let why = [reason, change, would, would_because].into_iter().flatten().collect::<Vec<_>>().join(" ");
    [
        Moment::from_seconds(at).map_or_else(|| dash(""), Moment::with_seconds),
        dash(&event),
        text(subject.map(|subject| subject.user)),
        text(login.map(|login| format!("{} {}", login.service, login.source))),
        text(rule),
        text(factor),
        dash(&why),
        dash(&actor),
    ]
}

/// Makes one line of JSON: the canonical encoding with the number of the record before it. One that is no object stands as
/// a text in `unreadable`.
pub(crate) fn line(sequence: u64, record: &str) -> String {
    let is_object = matches!(serde_json::from_str(record), Ok(Value::Object(_)));
    let canonical = record.trim_start().strip_prefix('{').filter(|_| is_object);
    let line = canonical.map_or_else(
        || serde_json::json!({ "sequence": sequence, "unreadable": record }).to_string(),
        |rest| format!("{{\"sequence\":{sequence},{rest}"),
    );
    escaped(&line)
}

/// Escapes whatever may not reach a terminal as JSON does, in UTF-16 units (RFC 8259 7).
fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_plain(character) {
            line.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(line, "\\u{unit:04x}");
        }
    }
    line
}

fn dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { printable(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "eve\\n2026-11-22 login-allowed root\\u001b[2J\\u202e\\u2028";

    fn record() -> String {
        format!(
            "{{\"event\":\"login-denied\",\"at\":1793629920,\"host\":\"h\",\"subject\":{{\"user\":\"{HOSTILE}\",\
             \"realm\":\"r\"}},\"actor\":\"self\",\"login\":{{\"service\":\"sshd\",\"source\":\"198.51.100.7\"}},\
             \"rule\":\"students\",\"reason\":\"wrong-code\"}}"
        )
    }

    #[test]
    fn a_hostile_name_stays_in_its_column_and_line() {
        let row = row(7, &record());
        assert_eq!(row[2], "eve\u{fffd}2026-11-22 login-allowed root\u{fffd}[2J\u{fffd}\u{fffd}");
        assert_eq!(
            (row[1].as_str(), row[3].as_str(), row[5].as_str()),
            ("login-denied", "sshd 198.51.100.7", "-")
        );
        let line = line(7, &record());
        assert!(line.starts_with("{\"sequence\":7,\"event\":\"login-denied\",\"at\":"), "{line}");
        assert_eq!(
            line,
            format!("{{\"sequence\":7,{}", &record()[1..]),
            "the canonical encoding is not changed"
        );
    }

    #[test]
    fn a_login_that_was_only_watched_says_what_would_have_been() {
        let record = "{\"event\":\"login-skipped\",\"reason\":\"monitored\",\"would\":\"refuse\",\
            \"would_because\":\"not-enrolled\"}";
        assert_eq!(row(7, record)[6], "monitored would refuse not-enrolled");
    }

    #[test]
    fn a_record_that_was_tampered_with_is_one_line_too() {
        for tampered in [
            "{\n\"event\":\"x\"\n}",
            "{\"event\":\"x\u{1b}[2J\"}",
            "{\"event\":\"x\u{202e}\u{e0041}\"}",
            "no record\n\u{1b}[2J",
            "[]",
            "",
            "{\"at\":\"noon\"}",
        ] {
            let line = line(7, tampered);
            assert!(line.chars().all(is_plain) && line.starts_with("{\"sequence\":7,"), "{line}");
            for cell in row(7, tampered) {
                assert!(cell.chars().all(is_plain), "{cell}");
            }
        }
        let unreadable: Value = serde_json::from_str(&line(7, "no record\n\u{1b}")).unwrap();
        assert_eq!(unreadable["unreadable"], "no record\n\u{1b}");
    }
}
