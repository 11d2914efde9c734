//! The keys of the file, by table: what this version acts on, and what it refuses by name.
//!
//! Owns the list that the loader goes by; a test compares it with the schema. Leaves the checking to `keys`.

use crate::keys::{Keys, key};

const RULE_LATER: &[&str] =
    &["accept", "contacts", "enrolled_after", "fresh_for", "idle_timeout", "mode", "remember", "skip"];

/// The top of the main file.
pub(crate) const TOP: Keys = Keys {
    table: "",
    known: &[
        key("organization", r#""Example University""#),
        key("language", r#""en""#),
        key("help", r#""IT helpdesk, +49 30 1234""#),
        key("echo", r#""visible""#),
        key("protected_groups", r#"["root", "sudo", "wheel", "countersign-helpdesk"]"#),
        key("store", "{ url = \"sqlite:///var/lib/countersign/countersign.db\" }"),
        key("totp", "{ digits = 6 }"),
        key("limits", "{ wrong_codes = 5 }"),
        key("policy", r#"[{ name = "administrators", require = "always" }]"#),
        key("default", r#"{ require = "enrolled" }"#),
    ],
    later: &["enabled", "on_reenable", "mode", "email", "sms", "call", "sent", "audit", "texts"],
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
    ],
    later: RULE_LATER,
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
    ],
    later: RULE_LATER,
};

/// All tables.
pub(crate) const ALL: &[Keys] = &[TOP, STORE, TOTP, LIMITS, POLICY, DEFAULT];
