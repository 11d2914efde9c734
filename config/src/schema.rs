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

/// The mail server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Email {
    /// The server: `smtps://HOST`, `smtp+starttls://HOST`, or `smtp://localhost`.
    #[schemars(regex(pattern = "^smtp(s|[+]starttls)?://[^@/]+$"))]
    server: String,
    /// The sender: NAME <ADDRESS>, or ADDRESS.
    #[schemars(regex(pattern = "@"))]
    from: String,
    /// As whom the service logs in to the server.
    #[schemars(length(min = 1, max = 256))]
    user: Option<String>,
    /// The file with the password; without it, the systemd credential email-password.
    #[schemars(regex(pattern = "^/"))]
    password_file: Option<String>,
    /// The certificate authorities of the server. Default: those of the system.
    #[schemars(regex(pattern = "^/"))]
    ca_file: Option<String>,
    /// How long one attempt may take, 1s to 60s. Default: 20s.
    timeout: Option<Duration>,
}

/// A gateway: url or command.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Gateway {
    /// The address of the request, with https. Places: {number}, {number:digits}, {text}, {text:xml}, {id},
    /// {credential:NAME}.
    #[schemars(regex(pattern = "^https?://"))]
    url: Option<String>,
    /// The method of the request. Default: POST.
    method: Option<HttpMethod>,
    /// The headers of the request.
    headers: Option<std::collections::BTreeMap<String, String>>,
    /// The body of the request; values are escaped for JSON, a form, XML or plain text, as Content-Type says.
    #[schemars(length(min = 1))]
    body: Option<String>,
    /// The statuses that mean that the message was taken. Default: 200 to 299.
    #[schemars(length(min = 1))]
    success_status: Option<Vec<Status>>,
    /// A text that the answer has to contain.
    #[schemars(length(min = 1, max = 200))]
    success_body: Option<String>,
    /// The certificate authorities of the gateway. Default: those of the system.
    #[schemars(regex(pattern = "^/"))]
    ca_file: Option<String>,
    /// A program with its arguments; {number} stands for the number, and the text comes on standard input.
    #[schemars(length(min = 1, max = 32))]
    command: Option<Vec<String>>,
    /// How long one attempt may take, 1s to 60s. Default: 20s.
    timeout: Option<Duration>,
    /// The country whose numbers may be written without its code: two letters.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    country: Option<String>,
    /// Beginnings of the numbers that are served. Default: all numbers.
    #[schemars(length(min = 1, max = 1000))]
    allow_prefixes: Option<Vec<Prefix>>,
}

/// Codes that are sent.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Sent {
    /// How many characters a code has. Default: 8.
    #[schemars(range(min = 6, max = 10))]
    digits: Option<u32>,
    /// Of which. Default: digits.
    alphabet: Option<Alphabet>,
    /// How long a code is good, 1m to 10m. Default: 5m.
    lifetime: Option<Duration>,
    /// To what a code is bound. Default: place.
    bind: Option<Bind>,
}

/// The organization's own wording, for all languages that have none of their own.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Texts {
    /// The prompt for a code.
    code: Option<Text>,
    /// The line above a new key.
    enroll: Option<Text>,
    /// Too many wrong codes; has to tell {until}.
    locked: Option<Text>,
    /// A code is needed and none can be given.
    not_enrolled: Option<Text>,
    /// An invitation is needed.
    invitation: Option<Text>,
    /// A code is on its way; has to tell {recipient}.
    sent: Option<Text>,
    /// Setting up can be put off; has to tell skip.
    skip: Option<Text>,
    /// The closing line of an e-mail.
    mail: Option<Text>,
    /// English.
    en: Option<TextsOfLanguage>,
    /// German.
    de: Option<TextsOfLanguage>,
    /// French.
    fr: Option<TextsOfLanguage>,
    /// Spanish.
    es: Option<TextsOfLanguage>,
    /// Simplified Chinese.
    zh: Option<TextsOfLanguage>,
    /// Japanese.
    ja: Option<TextsOfLanguage>,
}

/// The organization's own wording in one language.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TextsOfLanguage {
    /// The prompt for a code.
    code: Option<Text>,
    /// The line above a new key.
    enroll: Option<Text>,
    /// Too many wrong codes; has to tell {until}.
    locked: Option<Text>,
    /// A code is needed and none can be given.
    not_enrolled: Option<Text>,
    /// An invitation is needed.
    invitation: Option<Text>,
    /// A code is on its way; has to tell {recipient}.
    sent: Option<Text>,
    /// Setting up can be put off; has to tell skip.
    skip: Option<Text>,
    /// The closing line of an e-mail.
    mail: Option<Text>,
}

/// One printable line, at most 511 bytes.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Text(#[schemars(length(min = 1, max = 511))] String);

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
    /// Which address or number codes go to. Default: the one on file, and any where none is on file.
    contacts: Option<Contacts>,
    /// Whether setting up can be put off.
    skip: Option<Skip>,
    /// For how long a place is remembered where the person wants it, 1h to 30d. Default: not at all.
    remember: Option<Duration>,
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
    /// Which address or number codes go to. Default: the one on file, and any where none is on file.
    contacts: Option<Contacts>,
    /// Whether setting up can be put off.
    skip: Option<Skip>,
    /// For how long a place is remembered where the person wants it, 1h to 30d. Default: not at all.
    remember: Option<Duration>,
}

/// Whether setting up can be put off.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Skip {
    /// Whether it can. Default: false.
    allow: Option<bool>,
    /// How often, at most once in 24 h; without it, the choice is remembered.
    #[schemars(range(min = 1, max = 100))]
    times: Option<u32>,
    /// Until the end of this day, UTC: a date without quotes.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    until: Option<String>,
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
    /// A code by e-mail.
    Email,
    /// A code by text message.
    Sms,
    /// A code by voice call.
    Call,
    /// Backup codes, made with the first other method.
    Backup,
}

/// The method of a request.
#[derive(JsonSchema)]
#[schemars(rename_all = "UPPERCASE")]
enum HttpMethod {
    /// Values stand in the URL.
    Get,
    /// Values stand in the body or in the URL.
    Post,
    /// Values stand in the body or in the URL.
    Put,
}

/// Of what codes are made.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Alphabet {
    /// Digits.
    Digits,
    /// Letters and digits without look-alikes.
    Letters,
}

/// To what a code is bound besides the person.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Bind {
    /// Service, address and key.
    Place,
    /// The one login that asked.
    Login,
}

/// Which address or number codes go to.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Contacts {
    /// The one on file only.
    OnFile,
    /// Any that the person names.
    Any,
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

/// A status of HTTP.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Status(#[schemars(range(min = 100, max = 599))] u32);

/// The beginning of a number: + and digits.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Prefix(#[schemars(regex(pattern = "^[+][1-9][0-9]{0,14}$"))] String);

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
            (tables::EMAIL, "Email"),
            (tables::SMS, "Gateway"),
            (tables::CALL, "Gateway"),
            (tables::SENT, "Sent"),
            (tables::SKIP, "Skip"),
            (tables::TEXTS, "Texts"),
            (tables::TEXTS_OF_LANGUAGE, "TextsOfLanguage"),
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
