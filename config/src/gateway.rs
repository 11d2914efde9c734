//! `[sms]` and `[call]`: the gateway, and the numbers that it is given.
//!
//! Owns the choice between a request and a command, and the keys that belong to either. Leaves both to `request` and
//! `command`.

use countersign_core::contact::Country;
use countersign_core::sending::Numbers;

use crate::command;
use crate::delivery::{Gateway, GatewayWay};
use crate::diagnostics::{Findings, shorten};
use crate::email::{DEFAULT_TIMEOUT, TIMEOUTS};
use crate::names;
use crate::request;
use crate::sections::Section;
use crate::values::Value;

/// What only a request has.
const OF_REQUEST: [&str; 6] = ["method", "headers", "body", "success_status", "success_body", "ca_file"];
/// The most digits of a prefix: those of a number.
const PREFIX_DIGITS: usize = 15;

/// Reads a gateway; none where something in it is wrong, which has been noted.
pub(crate) fn read(section: &Section<'_, '_>, findings: &mut Findings) -> Option<Gateway> {
    let timeout = section.value("timeout").and_then(|value| value.duration(findings, TIMEOUTS));
    let way = way(section, findings)?;
    Some(Gateway { way, timeout: timeout.unwrap_or(DEFAULT_TIMEOUT) })
}

fn way(section: &Section<'_, '_>, findings: &mut Findings) -> Option<GatewayWay> {
    let (url, command) = (section.value("url"), section.value("command"));
    let command = match (url, command) {
        (Some(url), None) => {
            return request::read(section, &url, findings).map(|request| GatewayWay::Http(Box::new(request)));
        }
        (None, Some(command)) => command,
        (Some(_), Some(command)) => {
            let help = "take one out: there is one way to a gateway";
            findings.error(&command.place, "`url` and `command` exclude each other", help);
            return None;
        }
        (None, None) => {
            let message = format!("{} has neither `url` nor `command`", section.keys.table);
            let help = "write url = \"https://…\", or command = [\"/usr/bin/…\", \"{number}\"]";
            findings.error(&section.place, message, help);
            return None;
        }
    };
    for key in OF_REQUEST {
        if let Some(value) = section.value(key) {
            findings.error(&value.place, format!("`{key}` is for a gateway with `url`"), "take it out");
        }
    }
    command::read(&command, findings).map(GatewayWay::Command)
}

/// Reads which numbers the gateway is given.
pub(crate) fn numbers(section: &Section<'_, '_>, findings: &mut Findings) -> Numbers {
    if section.value("allow_prefixes").is_none() {
        let help = "write the countries of your people, as in allow_prefixes = [\"+49\"]";
        findings.remark(&section.place, "numbers of every country are served, at your expense", help);
    }
    Numbers {
        country: section.value("country").and_then(|value| country(&value, findings)),
        allow_prefixes: section
            .value("allow_prefixes")
            .map(|value| prefixes(&value, findings))
            .unwrap_or_default(),
    }
}

fn country(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Country> {
    let code = value.text(findings)?.text;
    let found = Country::try_from(code).ok();
    if found.is_none() {
        let upper = code.to_ascii_uppercase();
        let message = format!("`{}` is not the two-letter code of a country", shorten(code));
        match Country::try_from(upper.as_str()) {
            Ok(_) => findings.error(&value.place, message, format!("write country = \"{upper}\"")),
            Err(_) => value.refuse(findings, message),
        }
    }
    found
}

fn prefixes(value: &Value<'_, '_>, findings: &mut Findings) -> Vec<String> {
    let Some(entries) = value.list(findings) else { return Vec::new() };
    if value.is_empty_list() {
        let help = "take it out to serve every number, or list beginnings such as \"+49\"";
        findings.error(&value.place, "`allow_prefixes` is empty, nobody could be reached", help);
    }
    let mut prefixes: Vec<String> = Vec::new();
    for entry in &entries {
        if !is_prefix(entry.text) {
            let digits = entry.text.trim_start_matches(['+', '0']);
            let help = if is_prefix(&format!("+{digits}")) {
                format!("write \"+{digits}\"")
            } else {
                "write + and the code of the country, as in \"+49\"".to_owned()
            };
            let message = format!("`{}` is not the beginning of a number", shorten(entry.text));
            findings.error(&entry.place, message, help);
        } else if prefixes.iter().any(|prefix| prefix == entry.text) {
            names::repeated(entry, findings);
        } else {
            prefixes.push(entry.text.to_owned());
        }
    }
    prefixes
}

fn is_prefix(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (1..=PREFIX_DIGITS).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
