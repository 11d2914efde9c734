//! Rules, as the schema describes them.
//!
//! Owns `[[policy]]` and `[default]`, their conditions and demands. Leaves what both sides share to its parent.

use schemars::JsonSchema;

use super::{Duration, Mode, Name};

/// A rule; it matches where all its conditions do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Rule {
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
    /// Whether it is in force or only watched. Default: what the top of the file says.
    mode: Option<Mode>,
    /// What counts in place of a code. Default: nothing.
    #[schemars(length(min = 1))]
    accept: Option<Vec<Accepted>>,
    /// Enrollments from before this moment are void: a date and time with its offset from UTC, without quotes.
    enrolled_after: Option<Moment>,
    /// For how long a code given in the same session is enough, for sudo and the like, 1m to 12h. Default: not at all.
    fresh_for: Option<Duration>,
    /// For how long a session may be idle, 10m to 7d. Default: without an end.
    idle_timeout: Option<Duration>,
}

/// What decides where no rule matches.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DefaultRule {
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
    /// Whether it is in force or only watched. Default: what the top of the file says.
    mode: Option<Mode>,
    /// What counts in place of a code. Default: nothing.
    #[schemars(length(min = 1))]
    accept: Option<Vec<Accepted>>,
    /// Enrollments from before this moment are void: a date and time with its offset from UTC, without quotes.
    enrolled_after: Option<Moment>,
    /// For how long a code given in the same session is enough, for sudo and the like, 1m to 12h. Default: not at all.
    fresh_for: Option<Duration>,
    /// For how long a session may be idle, 10m to 7d. Default: without an end.
    idle_timeout: Option<Duration>,
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

/// What counts in place of a code.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Accepted {
    /// A login by ssh with a FIDO key. Two factors only where sshd has the key ask for its PIN, or asks for a password too.
    SshSecurityKey,
}

/// A moment with its offset from UTC.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Moment(
    #[schemars(regex(
        pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
    ))]
    String,
);

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
