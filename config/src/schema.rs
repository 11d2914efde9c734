//! The JSON Schema of the file, so that editors complete and check it.
//!
//! Owns the shape of the file as types; the comments here are what an editor shows. Leaves the checking to the loader,
//! whose list of keys (`keys`) a test compares with this.
#![expect(
    dead_code,
    reason = "the types are there for the schema that is derived from them; nothing is read into them"
)]

use schemars::{JsonSchema, schema_for};

/// Describes the file as a JSON Schema.
#[must_use]
pub fn schema() -> serde_json::Value {
    schema_for!(Document).to_value()
}

/// The second factor of a Linux login: /etc/countersign/countersign.toml.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "countersign.toml")]
struct Document {
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
    /// When wrong codes lock.
    limits: Option<Limits>,
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

/// When wrong codes lock.
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
}

/// A rule; it matches where all its conditions do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Rule {
    /// A name, by which the log knows the rule.
    #[schemars(length(min = 1, max = 256))]
    name: String,
    /// Canonical names of users, any of which is enough.
    #[schemars(length(min = 1, max = 1000))]
    users: Option<Vec<Name>>,
    /// Names of groups, any of which is enough.
    #[schemars(length(min = 1, max = 1000))]
    groups: Option<Vec<Name>>,
    /// PAM services, any of which is enough.
    #[schemars(length(min = 1, max = 1000))]
    services: Option<Vec<Name>>,
    /// Ranges of addresses, or "local" for terminals of this host; any of which is enough.
    #[schemars(length(min = 1, max = 1000))]
    networks: Option<Vec<Name>>,
    /// Where the person is defined.
    origin: Option<Origin>,
    /// Names of hosts, with * for any text and ? for any one character; any of which is enough.
    #[schemars(length(min = 1, max = 1000))]
    hosts: Option<Vec<HostPattern>>,
    /// Domains of people of a directory: what stands behind @ in their name, or their realm; any of which is enough.
    #[schemars(length(min = 1, max = 1000))]
    domains: Option<Vec<Domain>>,
    /// What the rule demands.
    require: Requirement,
    /// The methods allowed, in the order in which they are offered. Default: totp, hotp, backup.
    #[schemars(length(min = 1))]
    methods: Option<Vec<Method>>,
    /// How people come by a factor. Default: self-service.
    enroll: Option<Enrollment>,
    /// For how long without an invitation, 1h to 90d from the first login under the rule; 0 has no end. Default: 7d.
    enroll_within: Option<EnrollWithin>,
    /// The longest life of an invitation, 1m to 7d. Default: 1h.
    invite_for: Option<Duration>,
}

/// What decides where no rule matches.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct DefaultRule {
    /// What is demanded.
    require: Requirement,
    /// The methods allowed, in the order in which they are offered. Default: totp, hotp, backup.
    #[schemars(length(min = 1))]
    methods: Option<Vec<Method>>,
    /// How people come by a factor. Default: self-service.
    enroll: Option<Enrollment>,
    /// For how long without an invitation, 1h to 90d from the first login under the rule; 0 has no end. Default: 7d.
    enroll_within: Option<EnrollWithin>,
    /// The longest life of an invitation, 1m to 7d. Default: 1h.
    invite_for: Option<Duration>,
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

/// Where a person is defined.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Origin {
    /// In /etc/passwd.
    Local,
    /// In a directory: SSSD, LDAP and the like.
    Directory,
}

/// What a rule demands.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Requirement {
    /// A code from everybody.
    Always,
    /// A code from those for whom it is switched on: countersign user enable.
    Chosen,
    /// A code from those who have enrolled.
    Enrolled,
    /// Nothing.
    Never,
}

/// A method.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Method {
    /// An authenticator app.
    Totp,
    /// A hardware token, or an app with a counter.
    Hotp,
    /// Backup codes, made with the first other method.
    Backup,
}

/// How people come by a factor.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Enrollment {
    /// On their own, with `countersign enroll`.
    SelfService,
    /// At the first login under the rule as well.
    AtLogin,
    /// With an invitation only: countersign user invite.
    Invited,
}

/// A duration: a whole number and one of s, m, h, d.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Duration(#[schemars(regex(pattern = "^[0-9]+[smhd]$"))] String);

/// A duration, or 0 for no end.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum EnrollWithin {
    /// A whole number and one of s, m, h, d; or 0.
    Within(#[schemars(regex(pattern = "^(0|[0-9]+[smhd])$"))] String),
    /// No end.
    Zero(#[schemars(range(min = 0, max = 0))] u32),
}

/// A pattern of host names, at most 253 bytes.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct HostPattern(#[schemars(length(min = 1, max = 253), regex(pattern = "^[A-Za-z0-9._*?-]+$"))] String);

/// A domain, at most 253 bytes.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Domain(
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$"))] String,
);

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
            (tables::TOTP, "Totp"),
            (tables::LIMITS, "Limits"),
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
