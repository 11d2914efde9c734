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
    login_uid: Option<u32>,
    login_name: Option<String>,
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
    let by = fields.by();
    let Fields { event, at, subject, login, rule, factor, reason, change, would, would_because, .. } = fields;
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
        dash(&by),
    ]
}

impl Fields {
    /// Names who did it; whoever logged in as somebody else is named besides.
    fn by(&self) -> String {
        let Self { actor, login_uid: Some(uid), login_name, .. } = self else { return self.actor.clone() };
        if actor.starts_with(&format!("uid:{uid} ")) || (*uid == 0 && actor == "root") {
            return actor.clone();
        }
        let name = login_name.clone().unwrap_or_else(|| format!("uid:{uid}"));
        format!("{actor} (login {name})")
    }
}

/// Makes one line of JSON: the canonical encoding with the number of the record before it, and its time in RFC 3339. One that is no object stands as
/// a text in `unreadable`.
pub(crate) fn line(sequence: u64, record: &str) -> String {
    let is_object = matches!(serde_json::from_str(record), Ok(Value::Object(_)));
    let canonical = record.trim_start().strip_prefix('{').filter(|_| is_object);
    let line = canonical.map_or_else(
        || serde_json::json!({ "sequence": sequence, "unreadable": record }).to_string(),
        |rest| format!("{{\"sequence\":{sequence},{}", with_moment(rest, record)),
    );
    escaped(&line)
}

/// Writes the time of a record as every other time is written. Only what is a time is touched.
fn with_moment(text: &str, record: &str) -> String {
    let seconds = serde_json::from_str::<Fields>(record).map(|fields| fields.at).unwrap_or_default();
    let Some(moment) = Moment::from_seconds(seconds).filter(|_| seconds > 0) else { return text.to_owned() };
    // A quotation mark within a text is escaped: this can only be a field.
    let written = format!(",\"at\":{seconds}");
    let next = |rest: &str| rest.starts_with([',', '}']);
    match text.split_once(&written) {
        Some((before, rest)) if next(rest) => format!("{before},\"at\":\"{}\"{rest}", moment.in_utc()),
        Some(_) | None => text.to_owned(),
    }
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
        let told = record().replace("\"at\":1793629920", "\"at\":\"2026-11-02T14:32:00Z\"");
        assert_eq!(line, format!("{{\"sequence\":7,{}", &told[1..]), "nothing but the time is changed");
    }

    #[test]
    fn who_is_behind_root_is_named() {
        let by = |actor: &str, login: &str| row(7, &format!("{{\"actor\":\"{actor}\"{login}}}"))[7].clone();
        let dora = ",\"login_uid\":1001,\"login_name\":\"dora\"";
        assert_eq!(by("root", dora), "root (login dora)");
        assert_eq!(by("uid:1001 (dora)", dora), "uid:1001 (dora)");
        assert_eq!(by("uid:1002 (eve)", dora), "uid:1002 (eve) (login dora)");
        assert_eq!(by("root", ",\"login_uid\":1001"), "root (login uid:1001)");
        assert_eq!(by("root", ",\"login_uid\":0,\"login_name\":\"root\""), "root");
        assert_eq!(by("root", ""), "root");
        assert_eq!(by("root", ",\"login_uid\":1,\"login_name\":\"\\u001b[2J\""), "root (login \u{fffd}[2J)");
    }

    #[test]
    fn a_login_that_was_only_watched_says_what_would_have_been() {
        let record = "{\"event\":\"login-skipped\",\"reason\":\"monitored\",\"would\":\"refuse\",\
            \"would_because\":\"not-enrolled\"}";
        assert_eq!(row(7, record)[6], "monitored would refuse not-enrolled");
    }

    #[test]
    fn only_the_time_of_a_record_is_written_otherwise() {
        let at = |record: &str| serde_json::from_str::<Value>(&line(7, record)).unwrap();
        let nested = at("{\"event\":\"x,\\\"at\\\":12\",\"at\":12,\"login\":{\"a\":1,\"at\":12}}");
        assert_eq!((&nested["at"], &nested["login"]["at"]), (&"1970-01-01T00:00:12Z".into(), &12.into()));
        assert_eq!(nested["event"], "x,\"at\":12");
        for kept in [
            "{\"event\":\"x\",\"at\":\"noon\"}",
            "{\"event\":\"x\"}",
            "{\"event\":\"x\",\"at\":18446744073709551615}",
        ] {
            assert_eq!(line(7, kept), format!("{{\"sequence\":7,{}", &kept[1..]));
        }
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
