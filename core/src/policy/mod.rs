//! Policy: who is asked for what.
//!
//! Owns the values that the configuration file becomes, and the decision. Rules are read from top to bottom, the first
//! that matches decides, `[default]` decides what none matches (row P1).

mod enrolled_after;
mod enrolling;
mod explain;
mod fit;
mod host_names;
mod matcher;
pub mod simulate;
mod ssh_server;
pub mod switch;

use std::time::Duration;

use ipnet::IpNet;

use crate::account::RuleName;
use crate::factor::Method;
use crate::factor::sent::SentParameters;
use crate::factor::totp::TotpParameters;
use crate::login::Origin;
use crate::sending::{Channels, SendLimits};
use crate::throttle::Limits;
use crate::time::WallTime;
use crate::words::texts::Texts;
use crate::words::{Language, Voice};

pub use enrolled_after::EnrolledAfter;
pub use enrolling::Terms;
pub use explain::{Explanation, Outlook, outlook};
pub use host_names::Fqdn;
pub use matcher::{Certainty, Decision, Force, PassedOver};
pub use ssh_server::{SshRefusal, SshServer};

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The master switch: while it is off nobody is asked, and nobody can set anything up (row P3).
    pub is_enabled: bool,
    /// Enrollments made before are void under every rule: the switch was off, and all were to enroll again (row P3).
    pub enrolled_after: Option<WallTime>,
    /// The second factor was switched on again then: nobody could enroll before, and their time begins there.
    pub open_from: Option<WallTime>,
    /// The fully qualified name of the host that it is in force on, which `hosts` matches as well (row P1).
    pub fqdn: Fqdn,
    /// Rules in the order of the file.
    pub rules: Vec<Rule>,
    /// What decides where no rule matches; its name is `default`, its matcher is empty.
    pub default: Rule,
    /// What holds for all rules.
    pub settings: Settings,
    /// SHA-256 of the files, in hex; recorded with every verdict.
    pub digest: String,
}

/// What holds for all rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Issuer in authenticator apps.
    pub organization: String,
    /// The language where the context names none of ours.
    pub language: Language,
    /// Shown when locked or stuck.
    pub help: Option<String>,
    /// Whether a code is seen while it is typed.
    pub echo: Echo,
    /// The helpdesk may not act on members of these.
    pub protected_groups: Vec<String>,
    /// For new authenticators, and the window for all.
    pub totp: TotpParameters,
    /// The throttle.
    pub limits: Limits,
    /// Codes that are sent.
    pub sent: SentParameters,
    /// How often they are.
    pub sending: SendLimits,
    /// On which channels.
    pub channels: Channels,
    /// What the organization says in its own words (row L14).
    pub texts: Texts,
}

impl Settings {
    /// Tells who speaks in a language.
    #[must_use]
    pub fn voice(&self, language: Language) -> Voice<'_> {
        let Self { texts, organization, help, .. } = self;
        Voice { language, texts, organization, help: help.as_deref() }
    }
}

/// Whether a code is seen while it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Echo {
    /// Seen (default: sshd's `PasswordAuthentication` then cannot answer with the password, DESIGN.md 7).
    #[default]
    Visible,
    /// Not seen.
    Hidden,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique name.
    pub name: RuleName,
    /// Whom it matches.
    pub matcher: Matcher,
    /// What it demands.
    pub require: Requirement,
    /// Methods allowed, in the order in which they are offered; never empty.
    pub methods: Vec<Method>,
    /// How people come by a factor.
    pub enroll: Enrollment,
    /// For how long they can without an invitation, from the first login under the rule or the last reset; no limit
    /// where there is none (row L3).
    pub enroll_within: Option<Duration>,
    /// The longest life of an invitation for those whom the rule covers (row H3).
    pub invite_for_limit: Duration,
    /// Which address or number a person may have codes sent to (row L4).
    pub contacts: ContactRule,
    /// Whether setting up can be put off (row L5).
    pub skip: Option<SkipRule>,
    /// For how long a place is remembered where the person wants it (row L7); at most
    /// [`REMEMBER_LIMIT`](crate::remember::REMEMBER_LIMIT).
    pub remember: Option<Duration>,
    /// Whether it is in force, or only watched (row P4); what the file says for all is settled here.
    pub mode: Mode,
    /// What counts in place of a code (row M10).
    pub accept: Vec<Accepted>,
    /// Enrollments made before are void from then on (row P3).
    pub enrolled_after: Option<WallTime>,
    /// For how long a code given in the same session of the kernel is enough (row L16); at most [`FRESH_LIMIT`].
    pub fresh_for: Option<Duration>,
    /// For how long a session may be idle (row L8).
    pub idle_timeout: Option<Duration>,
}

/// Whether a rule is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// It is.
    #[default]
    Enforce,
    /// Nobody is asked or stopped; what would have happened is recorded.
    Monitor,
}

/// What counts in place of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Accepted {
    /// A login by a FIDO key of OpenSSH.
    SshSecurityKey,
}

/// The longest time for which a code given in a session is enough.
pub const FRESH_LIMIT: Duration = Duration::from_hours(12);

/// Which address or number a person may have codes sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ContactRule {
    /// The one on file where there is one, else any.
    #[default]
    OnFileFirst,
    /// The one on file only.
    OnFile,
    /// Any that the person names.
    Any,
}

/// How often and until when setting up can be put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SkipRule {
    /// So many times, each counted at most once in 24 h; without it the choice is remembered.
    pub times: Option<u32>,
    /// Until then; the end of the day that the file names, UTC.
    pub until: Option<WallTime>,
}

/// How long a person can enroll without an invitation where the file says nothing (SECURITY.md 3).
pub const ENROLL_WITHIN: Duration = Duration::from_hours(7 * 24);

/// Whom a rule matches; an empty list matches all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matcher {
    /// Canonical names.
    pub users: Vec<String>,
    /// Groups, any of which is enough.
    pub groups: Vec<String>,
    /// PAM services.
    pub services: Vec<String>,
    /// Networks, any of which is enough.
    pub networks: Vec<Network>,
    /// Where the person is defined.
    pub origin: Option<Origin>,
    /// Patterns of host names (`*`, `?`), any of which is enough.
    pub hosts: Vec<String>,
    /// Domains of directory names: what stands behind `@`, or the realm.
    pub domains: Vec<String>,
}

/// A network of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// A terminal or seat of this host.
    Local,
    /// A range of addresses.
    Range(IpNet),
}

/// What a rule demands (row P2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// A code from everybody.
    Always,
    /// A code from those for whom an administrator switched it on.
    Chosen,
    /// A code from those who have enrolled.
    Enrolled,
    /// Nothing.
    Never,
}

/// How people come by a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Enrollment {
    /// With `countersign enroll`, on their own.
    #[default]
    SelfService,
    /// At the first login under the rule as well.
    AtLogin,
    /// With an invitation from the helpdesk only.
    Invited,
}
