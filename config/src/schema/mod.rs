//! The JSON Schema of the file, so that editors complete and check it.
//!
//! Owns the shape of the file as types; the comments here are what an editor shows. Leaves rules to `rules`, what is sent to
//! `sending`, and the checking to the loader, whose lists of keys (`tables`) a test compares with this.
#![expect(
    dead_code,
    reason = "the types are there for the schema that is derived from them; nothing is read into them"
)]

mod rules;
mod sending;

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use rules::{DefaultRule, Rule};
use sending::{Email, Gateway, Sent, Texts};

/// Describes the file as a JSON Schema.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schema_for!(Document).to_value();
    forget_null(&mut schema);
    schema
}

/// Takes the null of what can be left out away: TOML has none, and of a choice between it and something else editors say
/// little.
fn forget_null(schema: &mut Value) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            if let Some(kind) = schema.get_mut("type") {
                *kind = only;
            }
        }
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.retain(|alternative| alternative.get("type").is_none_or(|kind| kind != "null"));
        if alternatives.len() == 1
            && let Some(object) = schema.as_object_mut()
            && let Some(only) = object.remove("anyOf")
        {
            // Not the reference itself: beside one, older editors see no description.
            object.insert("allOf".to_owned(), only);
        }
    }
    match schema {
        Value::Array(entries) => entries.iter_mut().for_each(forget_null),
        Value::Object(table) => table.values_mut().for_each(forget_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The second factor of a Linux login: /etc/countersign/countersign.toml.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "countersign.toml")]
struct Document {
    /// The master switch; while it is off nobody is asked, and nobody can set anything up. Default: true.
    enabled: Option<bool>,
    /// What becomes of enrollments from before, when it is switched on again; needed for that.
    on_reenable: Option<Reenable>,
    /// Whether rules that say nothing else are in force or only watched. Default: enforce.
    mode: Option<Mode>,
    /// Issuer in authenticator apps; at most 64 bytes, no colon. Default: Countersign.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[^:]+$"))]
    organization: Option<String>,
    /// The language of the dialogues where the client names none of ours. Default: en.
    language: Option<Language>,
    /// Whom to ask; shown when a person is locked or stuck; at most 200 bytes.
    #[schemars(length(min = 1, max = 200))]
    help: Option<String>,
    /// Whether a code is seen while it is typed. Default: visible.
    echo: Option<Echo>,
    /// The helpdesk may not act on members of these. Default: root, sudo, wheel, countersign-helpdesk.
    #[schemars(length(max = 1000))]
    protected_groups: Option<Vec<Name>>,
    /// Where accounts are kept.
    store: Option<Store>,
    /// New authenticator apps.
    totp: Option<Totp>,
    /// The mail server.
    email: Option<Email>,
    /// The gateway for text messages.
    sms: Option<Gateway>,
    /// The gateway for calls.
    call: Option<Gateway>,
    /// Codes that are sent.
    sent: Option<Sent>,
    /// The organization's own wording.
    texts: Option<Texts>,
    /// When wrong codes lock, and how much is sent.
    limits: Option<Limits>,
    /// How much of the audit is kept.
    audit: Option<Audit>,
    /// Rules, read from top to bottom; the first that matches decides.
    #[schemars(length(max = 1000))]
    policy: Option<Vec<Rule>>,
    /// Decides where no rule matches.
    default: DefaultRule,
}

/// Where accounts are kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Store {
    /// The database: `sqlite:///PATH`, or `postgresql://USER@HOST1,HOST2/DATABASE?…` for a fleet.
    /// Default: `sqlite:///var/lib/countersign/countersign.db`.
    #[schemars(regex(pattern = "^(sqlite:///[^?#%]+|postgres(ql)?://[^/#%]*/[^/#%].*)$"))]
    url: Option<String>,
    /// The file with the key of the store; without it, the systemd credential store-key.
    #[schemars(regex(pattern = "^/"))]
    key_file: Option<String>,
    /// Where names of /etc/passwd are unique; fleet is for a postgresql url. Default: host.
    local_names: Option<LocalNames>,
}

/// New authenticator apps.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Totp {
    /// The hash; not every app knows another than SHA1. Default: SHA1.
    #[schemars(regex(pattern = "^[Ss][Hh][Aa](1|256|512)$"))]
    algorithm: Option<String>,
    /// 6 or 8 digits. Default: 6.
    #[schemars(range(min = 6, max = 8))]
    digits: Option<u32>,
    /// How long a code is shown: 30s or 60s. Default: 30s.
    period: Option<Duration>,
    /// Accept the present code only, not the one before and after it. Default: false.
    strict: Option<bool>,
}

/// When wrong codes lock, and how much is sent.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Limits {
    /// So many wrong codes lock. Default: 5.
    #[schemars(range(min = 1, max = 10))]
    wrong_codes: Option<u32>,
    /// Within so long, 5m to 24h. Default: 15m.
    within: Option<Duration>,
    /// The first lock, 1m to 24h; each further one is twice as long. Default: 30m.
    lock: Option<Duration>,
    /// The longest lock, 1h to 7d. Default: 24h.
    longest_lock: Option<Duration>,
    /// So many wrong codes in 24 h lock, however many right ones lie between. Default: 20.
    #[schemars(range(min = 1, max = 100))]
    wrong_codes_per_day: Option<u32>,
    /// So many wrong codes in a row need a reset by the helpdesk. Default: 100.
    #[schemars(range(min = 1, max = 100))]
    wrong_codes_in_a_row: Option<u32>,
    /// The wait before another code, 30s to 1h; each further one is twice as long. Default: 60s.
    resend_wait: Option<Duration>,
    /// The longest such wait, 30s to 1h. Default: 5m.
    longest_resend_wait: Option<Duration>,
    /// So many codes in 10 minutes, for a person and for a recipient, not counting those used. Default: 5.
    #[schemars(range(min = 1, max = 20))]
    codes_per_ten_minutes: Option<u32>,
    /// So many in 24 h. Default: 10.
    #[schemars(range(min = 1, max = 100))]
    codes_per_day: Option<u32>,
    /// So many messages to one person in 24 h, used or not. Default: 60.
    #[schemars(range(min = 1, max = 200))]
    messages_per_day: Option<u32>,
    /// So many e-mails from this host in an hour. Default: 1000.
    #[schemars(range(min = 1, max = 10000))]
    emails_per_hour: Option<u32>,
    /// So many text messages and calls from this host in an hour. Default: 200.
    #[schemars(range(min = 1, max = 10000))]
    texts_per_hour: Option<u32>,
}

/// How much of the audit is kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Audit {
    /// Older records are removed, 30d to 3650d. Default: 400d.
    keep: Option<Duration>,
    /// So many are kept at most; those of the last 30 days are kept all the same. Default: 5000000.
    #[schemars(range(min = 100_000, max = 1_000_000_000))]
    max_records: Option<u32>,
}

/// A language.
#[derive(JsonSchema)]
enum Language {
    /// English.
    #[schemars(rename = "en")]
    English,
    /// German.
    #[schemars(rename = "de")]
    German,
    /// French.
    #[schemars(rename = "fr")]
    French,
    /// Spanish.
    #[schemars(rename = "es")]
    Spanish,
    /// Chinese, simplified.
    #[schemars(rename = "zh")]
    Chinese,
    /// Japanese.
    #[schemars(rename = "ja")]
    Japanese,
}

/// What becomes of enrollments when the second factor is switched on again.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Reenable {
    /// They are void: everybody enrolls again.
    EnrollAgain,
    /// They are kept.
    Keep,
}

/// Whether a rule is in force.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Mode {
    /// It is.
    Enforce,
    /// Nobody is asked or stopped; countersign policy report shows what would have happened.
    Monitor,
}

/// Whether a code is seen while it is typed.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Echo {
    /// Seen.
    Visible,
    /// Not seen.
    Hidden,
}

/// Where names of /etc/passwd are unique.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum LocalNames {
    /// On their host.
    Host,
    /// In the fleet.
    Fleet,
}

/// A duration: a whole number and one of s, m, h, d.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Duration(#[schemars(regex(pattern = "^[0-9]+[smhd]$"))] String);

/// A name, at most 256 bytes.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Name(#[schemars(length(min = 1, max = 256))] String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    /// The names of the properties of a table of the schema.
    fn properties(definition: &str) -> Vec<String> {
        let schema = schema();
        let table = if definition.is_empty() { &schema } else { &schema["$defs"][definition] };
        assert_eq!(table["additionalProperties"], false, "{definition}");
        let mut names: Vec<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    }

    #[test]
    fn the_schema_has_exactly_the_keys_that_the_loader_acts_on() {
        let definitions = [
            (tables::TOP, ""),
            (tables::STORE, "Store"),
            (tables::EMAIL, "Email"),
            (tables::SMS, "Gateway"),
            (tables::CALL, "Gateway"),
            (tables::SENT, "Sent"),
            (tables::SKIP, "Skip"),
            (tables::TEXTS, "Texts"),
            (tables::TEXTS_OF_LANGUAGE, "TextsOfLanguage"),
            (tables::TOTP, "Totp"),
            (tables::LIMITS, "Limits"),
            (tables::AUDIT, "Audit"),
            (tables::POLICY, "Rule"),
            (tables::DEFAULT, "DefaultRule"),
        ];
        assert_eq!(definitions.len(), tables::ALL.len());
        for (table, definition) in definitions {
            let mut known: Vec<&str> = table.known.iter().map(|key| key.name).collect();
            known.sort_unstable();
            assert_eq!(properties(definition), known, "{}", table.table);
        }
    }
}
