//! The JSON Schema describes what the loader takes: the same keys, and every file that is shipped.

use std::path::PathBuf;

use countersign_config::schema;
use serde_json::Value;

use crate::folder::{MINIMAL, errors_of};

/// Follows `$ref` and takes the only alternative that is not null.
fn resolve<'v>(root: &'v Value, schema: &'v Value) -> &'v Value {
    if let Some(pointer) = schema["$ref"].as_str() {
        return resolve(root, root.pointer(pointer.trim_start_matches('#')).unwrap());
    }
    let alternatives = schema["anyOf"].as_array();
    let real = alternatives.and_then(|all| all.iter().find(|alternative| alternative["type"] != "null"));
    real.map_or(schema, |alternative| resolve(root, alternative))
}

/// Lists what of a value the schema does not allow: types, keys, enumerations, ranges and lengths.
fn faults(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let schema = resolve(root, schema);
    let mut found = Vec::new();
    if let Some(choices) = choices(schema) {
        if !choices.contains(&value) {
            found.push(format!("{path}: {value} is not one of {choices:?}"));
        }
        return found;
    }
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::Null => "null",
    };
    let kinds = &schema["type"];
    if kinds != kind && !kinds.as_array().is_some_and(|kinds| kinds.contains(&kind.into())) {
        found.push(format!("{path}: is {kind}, not {kinds}"));
    }
    let size = match value {
        Value::Array(entries) => Some((length(entries.len()), "minItems", "maxItems")),
        Value::String(text) => Some((length(text.chars().count()), "minLength", "maxLength")),
        Value::Number(number) => number.as_u64().map(|number| (number, "minimum", "maximum")),
        _ => None,
    };
    if let Some((size, from, to)) = size {
        let fits = schema[from].as_u64().is_none_or(|from| size >= from)
            && schema[to].as_u64().is_none_or(|to| size <= to);
        if !fits {
            found.push(format!("{path}: {size} is out of range"));
        }
    }
    for (index, entry) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(root, &schema["items"], entry, &format!("{path}[{index}]")));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            found.push(format!("{path}: lacks {required}"));
        }
    }
    for (key, entry) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(key) {
            Some(inner) => found.extend(faults(root, inner, entry, &format!("{path}.{key}"))),
            None if schema["additionalProperties"].is_object() => {
                found.extend(faults(root, &schema["additionalProperties"], entry, &format!("{path}.{key}")));
            }
            None => found.push(format!("{path}: unknown {key}")),
        }
    }
    found
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap()
}

/// The values of an enumeration.
fn choices(schema: &Value) -> Option<Vec<&Value>> {
    if let Some(choices) = schema["enum"].as_array() {
        return Some(choices.iter().collect());
    }
    let alternatives = schema["oneOf"].as_array()?;
    Some(alternatives.iter().map(|alternative| &alternative["const"]).collect())
}

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

fn faults_of(text: &str) -> Vec<String> {
    let root = schema();
    let value = as_editors_see(toml::Value::Table(toml::from_str(text).unwrap()));
    faults(&root, &root, &value, "")
}

#[test]
fn the_shipped_file_and_the_examples_follow_the_schema() {
    let mut files = vec![PathBuf::from("countersign.toml")];
    files.extend(std::fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path()));
    for file in files {
        assert_eq!(
            faults_of(&std::fs::read_to_string(&file).unwrap()),
            Vec::<String>::new(),
            "{}",
            file.display()
        );
    }
}

#[test]
fn the_schema_and_the_loader_refuse_the_same_plain_mistakes() {
    for text in [
        "colour = 1",
        "language = \"nl\"",
        "totp = { digits = 9 }",
        "limits = { wrong_codes = 11 }",
        "limits = { wrong_codes = \"5\" }",
        "policy = [{ name = \"r\" }]",
        "policy = [{ require = \"never\" }]",
        "policy = [{ name = \"r\", users = [], require = \"never\" }]",
        "policy = [{ name = \"r\", idle_timeout = \"4h\", require = \"always\" }]",
        "policy = [{ name = \"r\", methods = [\"mail\"], require = \"always\" }]",
        "policy = [{ name = \"r\", contacts = \"own\", require = \"always\" }]",
        "policy = [{ name = \"r\", skip = true, require = \"always\" }]",
        "policy = [{ name = \"r\", skip = { allow = true, times = 0 }, require = \"always\" }]",
        "email = { server = \"smtps://mail\" }",
        "email = { server = \"smtps://mail\", from = \"a@b\", password = \"x\" }",
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
        assert_eq!(faults_of(&text).len(), 1, "{text}");
        assert_eq!(errors_of(&text).len(), 1, "{text}");
    }
    assert_eq!(faults_of("").len(), 1);
    assert_eq!(errors_of("").len(), 1);
}
