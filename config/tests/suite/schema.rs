//! The JSON Schema describes what the loader takes: every file that is shipped, and no mistake that a schema can tell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign_config::{Severity, check, schema};
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::diagnostics::REWRITE;
use crate::folder::{MINIMAL, errors_of};

/// The schema as it is shipped.
const SHIPPED: &str = "countersign.schema.json";

/// What no schema can tell, by the beginning of what the loader says: what depends on other keys, on bytes instead of
/// characters, or on what a text means.
const BEYOND_A_SCHEMA: &[&str] = &[
    "this text holds the character",
    "`%sudo` begins with a sign",
    "`sslmode=require` does not verify",
    "`wrong_codes_per_day` is 4, less than",
    "`messages_per_day` is 60, less than",
    "`timeout` is out of range",
    "`lock` is out of range",
    "`resend_wait` is out of range",
    "`lifetime` is out of range",
    "`enroll_within` is out of range",
    "`invite_for` is out of range",
    "`remember` is out of range",
    "`fresh_for` is out of range",
    "`idle_timeout` is out of range",
    "unencrypted mail is for a server on this host",
    "this sender holds the character",
    "a password without a `user`",
    "`Host` is set by the connection",
    "`{text}` does not stand in",
    "with values put in, this body",
    "`{id}` is not put into",
    "`gammu` is not the absolute path",
    "`method` is for a gateway with `url`",
    "`locked` has to tell",
    "`{cdoe}` is no placeholder",
    "a text is printable",
    "`students*` is taken literally",
    "`10.20.3.4/16`: this names a host",
    "`192.0.2.1`: this is an address",
    "`lan`: this is not a network",
    "`until` is a day",
    "`enrolled_after` is a moment",
    "`default` is the name of",
    "`alice` stands here twice",
    "`SSHD` is not the name",
    "backup codes come with",
    "`digits` is 6 or 8",
    "there is a rule",
    "an unencrypted request",
    "user and password do not",
    "`Example Login` is not an e-mail",
    "`ca.pem` is not the absolute path",
    "`x-a` stands here twice",
    "values cannot be put into",
    "`X B` is not the name of a header",
    "this is not the value of a header",
    "a GET request has no body",
    "`url` and `command` exclude",
    "`skip` has to tell",
    "`local_names` as \"fleet\"",
];

/// A date of the file is text to an editor.
fn as_editors_see(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(entries) => entries.into_iter().map(as_editors_see).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, as_editors_see(value))).collect())
        }
        plain => serde_json::to_value(plain).unwrap(),
    }
}

/// Where the schema refuses a text: the path of the value, and what is wrong with it.
fn refusals_of(text: &str) -> Vec<(Vec<String>, String)> {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let value = as_editors_see(toml::Value::Table(toml::from_str(text).unwrap()));
    let mut refusals = Vec::new();
    for error in validator.iter_errors(&value) {
        let pointer = error.instance_path().to_string();
        let path: Vec<String> = pointer.split('/').skip(1).map(str::to_owned).collect();
        let said = error.to_string();
        if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
            let keys = unexpected.iter().map(|key| [path.clone(), vec![key.clone()]].concat());
            refusals.extend(keys.map(|path| (path, said.clone())));
        } else {
            refusals.push((path, said));
        }
    }
    refusals
}

/// The line of what a path leads to.
fn line_of(text: &str, path: &[String]) -> usize {
    fn descend(value: &DeValue<'_>, path: &[String]) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let (start, inner) = match value {
            DeValue::Table(table) => {
                let (key, inner) = table.get_key_value(first.as_str())?;
                // Of a table of its own the key is enough, of all else the value.
                (if rest.is_empty() { key.span().start } else { inner.span().start }, inner)
            }
            DeValue::Array(entries) => {
                let inner = entries.get(first.parse::<usize>().unwrap())?;
                (inner.span().start, inner)
            }
            _ => return None,
        };
        Some(descend(inner.get_ref(), rest).unwrap_or(start))
    }
    let document = DeTable::parse(text).unwrap();
    let table = DeValue::Table(document.into_inner());
    let start = descend(&table, path).unwrap_or(0);
    text[..start].matches('\n').count() + 1
}

/// The shipped file and the examples.
fn files() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("countersign.toml")];
    files.extend(std::fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path()));
    files
}

#[test]
fn the_shipped_schema_is_that_of_the_types() {
    let shown = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(SHIPPED, &shown).unwrap();
    }
    assert!(
        shown == std::fs::read_to_string(SHIPPED).unwrap(),
        "{SHIPPED} is not that of the types: {REWRITE}=1 writes it anew"
    );
}

#[test]
fn the_schema_is_one() {
    assert!(jsonschema::meta::is_valid(&schema()));
    assert!(!schema().to_string().contains("null"));
}

#[test]
fn the_shipped_file_and_the_examples_follow_the_schema() {
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(refusals_of(&text), Vec::new(), "{}", file.display());
    }
}

#[test]
fn the_shipped_file_tells_editors_where_its_schema_lies() {
    let shipped = std::fs::read_to_string("countersign.toml").unwrap();
    let first = shipped.lines().next().unwrap();
    assert_eq!(first, "#:schema file:///usr/share/countersign/countersign.schema.json");
}

#[test]
fn an_example_of_every_key_is_what_the_schema_takes() {
    for text in [
        "enabled = false\non_reenable = \"enroll-again\"\nmode = \"monitor\"",
        "policy = [{ name = \"r\", require = \"always\", accept = [\"ssh-security-key\"] }]",
        "policy = [{ name = \"r\", require = \"always\", enrolled_after = 2026-11-01T00:00:00Z }]",
        "policy = [{ name = \"r\", require = \"always\", enrolled_after = 2026-11-01 00:00:00.5+01:30 }]",
        "policy = [{ name = \"r\", require = \"always\", fresh_for = \"15m\", idle_timeout = \"4h\" }]",
        "policy = [{ name = \"r\", require = \"always\", mode = \"enforce\", enroll_within = 0 }]",
    ] {
        let text = format!("{text}\n{MINIMAL}");
        assert_eq!(refusals_of(&text), Vec::new(), "{text}");
        assert_eq!(errors_of(&text), Vec::new(), "{text}");
    }
}

#[test]
fn of_the_golden_mistakes_the_schema_refuses_every_one_that_a_schema_can_tell_and_nothing_else() {
    for name in ["countersign.toml", "gateways.toml", "worth.toml"] {
        let file = Path::new("tests/mistakes").join(name);
        let text = std::fs::read_to_string(&file).unwrap();
        let refusals = refusals_of(&text);
        let refused: BTreeSet<usize> = refusals.iter().map(|(path, _)| line_of(&text, path)).collect();
        let errors = check(&file, None).into_iter().filter(|found| found.severity == Severity::Error);
        let errors: Vec<_> = errors.collect();
        for (path, said) in &refusals {
            let line = line_of(&text, path);
            assert!(errors.iter().any(|found| found.line == line), "{name}:{line}: only the schema: {said}");
        }
        for found in &errors {
            let is_beyond = BEYOND_A_SCHEMA.iter().any(|beginning| found.message.starts_with(beginning));
            let is_refused = refused.contains(&found.line);
            assert!(is_refused || is_beyond, "{name}: only the loader: {found}");
        }
    }
}

#[test]
fn the_schema_and_the_loader_refuse_the_same_plain_mistakes() {
    for text in [
        "colour = 1",
        "enabled = \"yes\"",
        "on_reenable = \"forget\"",
        "mode = \"watch\"",
        "language = \"nl\"",
        "totp = { digits = 9 }",
        "limits = { wrong_codes = 11 }",
        "limits = { wrong_codes = \"5\" }",
        "policy = [{ name = \"r\" }]",
        "policy = [{ require = \"never\" }]",
        "policy = [{ name = \"r\", users = [], require = \"never\" }]",
        "policy = [{ name = \"r\", idle_timeout = \"4 h\", require = \"always\" }]",
        "policy = [{ name = \"r\", fresh_for = 15, require = \"always\" }]",
        "policy = [{ name = \"r\", enrolled_after = 2026-11-01, require = \"always\", enroll = \"at-login\" }]",
        "policy = [{ name = \"r\", enrolled_after = 1, require = \"always\", enroll = \"at-login\" }]",
        "policy = [{ name = \"r\", accept = [], require = \"always\" }]",
        "policy = [{ name = \"r\", accept = [\"fido\"], require = \"always\" }]",
        "policy = [{ name = \"r\", mode = true, require = \"always\" }]",
        "policy = [{ name = \"r\", methods = [\"mail\"], require = \"always\" }]",
        "policy = [{ name = \"r\", contacts = \"own\", require = \"always\" }]",
        "policy = [{ name = \"r\", skip = true, require = \"always\" }]",
        "policy = [{ name = \"r\", skip = { allow = true, times = 0 }, require = \"always\" }]",
        "email = { server = \"smtps://mail\" }",
        "email = { server = \"smtps://mail\", from = \"a@b\", password = \"x\" }",
        "email = { server = \"smtps://mail\", from = \"a@b\", require_verified_domains = true }",
        "sms = { url = \"https://sms/{number}/{text}\", method = \"DELETE\" }",
        "sms = { url = \"https://sms/{number}/{text}\", success_status = [600] }",
        "sms = { url = \"https://sms/{number}/{text}\", headers = { X = 1 } }",
        "call = { command = [] }",
        "sent = { digits = 5 }",
        "sent = { alphabet = \"words\" }",
        "limits = { messages_per_day = 201 }",
        "audit = { max_records = 99999 }",
        "audit = { keep = 400 }",
        "policy = [{ name = \"r\", origin = \"ldap\", require = \"always\" }]",
        "policy = [{ name = \"r\", hosts = [], require = \"always\" }]",
        "policy = [{ name = \"r\", enroll = \"by-post\", require = \"always\" }]",
        "policy = [{ name = \"r\", require = \"picked\" }]",
        "store = { local_names = \"domain\" }",
        "help = \"\"",
    ] {
        let text = format!("{text}\n{MINIMAL}");
        assert_eq!(refusals_of(&text).len(), 1, "{text}");
        assert_eq!(errors_of(&text).len(), 1, "{text}");
    }
    assert_eq!(refusals_of("").len(), 1);
    assert_eq!(errors_of("").len(), 1);
}
