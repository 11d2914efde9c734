//! The keys of the file, by table: what this version acts on, and what it refuses by name.
//!
//! Owns the list that the loader goes by; a test compares it with the schema. Leaves the checking to `keys`.

use crate::keys::{Key, Keys, key};

/// The top of the main file.
pub(crate) const TOP: Keys = Keys {
    table: "",
    known: &[
        key("enabled", "true"),
        key("on_reenable", r#""keep""#),
        key("mode", r#""monitor""#),
        key("organization", r#""Example University""#),
        key("language", r#""en""#),
        key("help", r#""IT helpdesk, +49 30 1234""#),
        key("echo", r#""visible""#),
        key("protected_groups", r#"["root", "sudo", "wheel", "countersign-helpdesk"]"#),
        key("store", "{ url = \"sqlite:///var/lib/countersign/countersign.db\" }"),
        key("totp", "{ digits = 6 }"),
        key("limits", "{ wrong_codes = 5 }"),
        key("email", r#"{ server = "smtps://mail.example.org", from = "login@example.org" }"#),
        key("sms", r#"{ url = "https://sms.example.org/send", body = "to={number}&text={text}" }"#),
        key("call", r#"{ url = "https://call.example.org/say", body = "to={number}&text={text}" }"#),
        key("sent", "{ digits = 8 }"),
        key("audit", r#"{ keep = "400d" }"#),
        key("texts", r#"{ code = "{organization} code" }"#),
        key("policy", r#"[{ name = "administrators", require = "always" }]"#),
        key("default", r#"{ require = "enrolled" }"#),
    ],
    later: &[],
};

/// `[store]`.
pub(crate) const STORE: Keys = Keys {
    table: "[store]",
    known: &[
        key("url", r#""sqlite:///var/lib/countersign/countersign.db""#),
        key("key_file", r#""/etc/countersign/store-key""#),
        key("local_names", r#""host""#),
    ],
    later: &[],
};

/// `[totp]`.
pub(crate) const TOTP: Keys = Keys {
    table: "[totp]",
    known: &[
        key("algorithm", r#""SHA1""#),
        key("digits", "6"),
        key("period", r#""30s""#),
        key("strict", "false"),
    ],
    later: &[],
};

/// `[limits]`.
pub(crate) const LIMITS: Keys = Keys {
    table: "[limits]",
    known: &[
        key("wrong_codes", "5"),
        key("within", r#""15m""#),
        key("lock", r#""30m""#),
        key("longest_lock", r#""24h""#),
        key("wrong_codes_per_day", "20"),
        key("wrong_codes_in_a_row", "100"),
        key("resend_wait", r#""60s""#),
        key("longest_resend_wait", r#""5m""#),
        key("codes_per_ten_minutes", "5"),
        key("codes_per_day", "10"),
        key("messages_per_day", "60"),
        key("emails_per_hour", "1000"),
        key("texts_per_hour", "200"),
    ],
    later: &[],
};

/// `[email]`.
pub(crate) const EMAIL: Keys = Keys {
    table: "[email]",
    known: &[
        key("server", r#""smtps://mail.example.org""#),
        key("from", r#""Example Login <login@example.org>""#),
        key("user", r#""login""#),
        key("password_file", r#""/etc/countersign/email-password""#),
        key("ca_file", r#""/etc/countersign/mail-ca.pem""#),
        key("hello", r#""web1.example.org""#),
        key("timeout", r#""20s""#),
    ],
    later: &["require_verified_domains"],
};

const GATEWAY: &[Key] = &[
    key("url", r#""https://sms.example.org/send""#),
    key("method", r#""POST""#),
    key("headers", r#"{ Authorization = "Bearer {credential:sms-token}" }"#),
    key("body", r#"'{"to":"{number}","text":"{text}"}'"#),
    key("success_status", "[200, 202]"),
    key("success_body", r#""accepted""#),
    key("ca_file", r#""/etc/countersign/gateway-ca.pem""#),
    key("command", r#"["/usr/bin/gammu-smsd-inject", "TEXT", "{number}"]"#),
    key("timeout", r#""20s""#),
    key("country", r#""DE""#),
    key("allow_prefixes", r#"["+49", "+43"]"#),
];

/// `[sms]`.
pub(crate) const SMS: Keys = Keys { table: "[sms]", known: GATEWAY, later: &[] };

/// `[call]`.
pub(crate) const CALL: Keys = Keys { table: "[call]", known: GATEWAY, later: &[] };

/// `[sent]`.
pub(crate) const SENT: Keys = Keys {
    table: "[sent]",
    known: &[
        key("digits", "8"),
        key("alphabet", r#""digits""#),
        key("lifetime", r#""5m""#),
        key("bind", r#""place""#),
    ],
    later: &[],
};

/// `[[policy]]`.
pub(crate) const POLICY: Keys = Keys {
    table: "[[policy]]",
    known: &[
        key("name", r#""administrators""#),
        key("users", r#"["alice"]"#),
        key("groups", r#"["sudo"]"#),
        key("services", r#"["sshd"]"#),
        key("networks", r#"["10.20.0.0/16", "local"]"#),
        key("origin", r#""local""#),
        key("hosts", r#"["web*", "db?.example.org"]"#),
        key("domains", r#"["example.org"]"#),
        key("require", r#""always""#),
        key("methods", r#"["totp", "hotp", "backup"]"#),
        key("enroll", r#""self-service""#),
        key("enroll_within", r#""7d""#),
        key("invite_for", r#""1h""#),
        key("contacts", r#""on-file""#),
        key("skip", "{ allow = true, times = 3, until = 2027-01-31 }"),
        key("remember", r#""30d""#),
        key("mode", r#""monitor""#),
        key("accept", r#"["ssh-security-key"]"#),
        key("enrolled_after", "2026-11-01T00:00:00Z"),
        key("fresh_for", r#""15m""#),
        key("idle_timeout", r#""4h""#),
    ],
    later: &[],
};

/// `[default]`.
pub(crate) const DEFAULT: Keys = Keys {
    table: "[default]",
    known: &[
        key("require", r#""enrolled""#),
        key("methods", r#"["totp", "hotp", "backup"]"#),
        key("enroll", r#""self-service""#),
        key("enroll_within", r#""7d""#),
        key("invite_for", r#""1h""#),
        key("contacts", r#""on-file""#),
        key("skip", "{ allow = true, times = 3, until = 2027-01-31 }"),
        key("remember", r#""30d""#),
        key("mode", r#""monitor""#),
        key("accept", r#"["ssh-security-key"]"#),
        key("enrolled_after", "2026-11-01T00:00:00Z"),
        key("fresh_for", r#""15m""#),
        key("idle_timeout", r#""4h""#),
    ],
    later: &[],
};

/// `skip` of a rule.
pub(crate) const SKIP: Keys = Keys {
    table: "`skip`",
    known: &[key("allow", "true"), key("times", "3"), key("until", "2027-01-31")],
    later: &[],
};

/// `[audit]`.
pub(crate) const AUDIT: Keys =
    Keys { table: "[audit]", known: &[key("keep", r#""400d""#), key("max_records", "5000000")], later: &[] };

const CODE: Key = key("code", r#""{organization} code""#);
const ENROLL: Key = key("enroll", r#""Scan this with your app; questions: {help}""#);
const LOCKED: Key = key("locked", r#""Too many wrong codes. Try again after {until}, or ask {help}.""#);
const NOT_ENROLLED: Key = key("not_enrolled", r#""Set up your code first: https://it.example.org/code""#);
const INVITATION: Key = key("invitation", r#""Get an invitation from {help}.""#);
const SENT_TEXT: Key = key("sent", r#""A code is on its way to {recipient}.""#);
const SKIP_TEXT: Key = key("skip", r#""Type `skip` to do this later; {days} days are left.""#);
const MAIL: Key = key("mail", r#""{organization}, {help}""#);

/// `[texts]`.
pub(crate) const TEXTS: Keys = Keys {
    table: "[texts]",
    known: &[
        CODE,
        ENROLL,
        LOCKED,
        NOT_ENROLLED,
        INVITATION,
        SENT_TEXT,
        SKIP_TEXT,
        MAIL,
        key("en", "{ code = \"…\" }"),
        key("de", "{ code = \"…\" }"),
        key("fr", "{ code = \"…\" }"),
        key("es", "{ code = \"…\" }"),
        key("zh", "{ code = \"…\" }"),
        key("ja", "{ code = \"…\" }"),
    ],
    later: &[],
};

/// `[texts.de]` and the like.
pub(crate) const TEXTS_OF_LANGUAGE: Keys = Keys {
    table: "the texts of a language",
    known: &[CODE, ENROLL, LOCKED, NOT_ENROLLED, INVITATION, SENT_TEXT, SKIP_TEXT, MAIL],
    later: &[],
};

/// All tables.
pub(crate) const ALL: &[Keys] = &[
    TOP,
    STORE,
    EMAIL,
    SMS,
    CALL,
    TOTP,
    SENT,
    LIMITS,
    AUDIT,
    POLICY,
    DEFAULT,
    SKIP,
    TEXTS,
    TEXTS_OF_LANGUAGE,
];
