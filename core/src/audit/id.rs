//! What can be recorded: the stable ids of events.
//!
//! Owns the names that scripts, journal matches and fail2ban filters rely on: an id is never renamed and never reused.

use serde::{Deserialize, Serialize};

/// What happened; the id is stable and the same in the audit, in syslog and in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventId {
    /// A right code, or an accepted key.
    LoginAllowed,
    /// Refused after wrong codes, or by policy.
    LoginDenied,
    /// Refused while locked, unevaluated.
    LoginLockedOut,
    /// Policy asks for no code (row L10).
    LoginSkipped,
    /// Refused because something did not work.
    LoginUnavailable,
    /// The person left before the end.
    LoginAbandoned,
    /// A wrong code was charged.
    CodeWrong,
    /// The code last accepted was repeated; not charged.
    CodeRepeated,
    /// A right code of a different login was given; not charged, and counted apart.
    CodeElsewhere,
    /// A bucket locked.
    ThrottleLocked,
    /// An enrollment was begun.
    EnrollmentBegun,
    /// A factor became active.
    EnrollmentCompleted,
    /// An enrollment was refused or given up.
    EnrollmentFailed,
    /// A factor was removed by its owner.
    FactorRemoved,
    /// A removal was refused or given up.
    RemovalFailed,
    /// The helpdesk or root reset a person.
    UserReset,
    /// The helpdesk or root unlocked a person.
    UserUnlocked,
    /// A helpdesk act was refused.
    ActRefused,
    /// A new data key was made.
    KeyRotated,
    /// The service started.
    ServiceStarted,
    /// The clock went back behind what was committed.
    ClockFault,
    /// A uid was seen anew for a name.
    UidChanged,
    /// The policy was loaded.
    PolicyLoaded,
    /// A login's session was opened.
    SessionOpened,
    /// A password was changed.
    PasswordChanged,
    /// Backup codes were made; older ones are void.
    BackupCodesMade,
    /// The person confirmed that the codes are written down.
    BackupCodesSaved,
    /// The person left before confirming that; the codes are valid.
    BackupCodesUnsaved,
    /// Making backup codes was refused or given up.
    BackupCodesFailed,
    /// An invitation was made.
    InvitationMade,
    /// An invitation was used up.
    InvitationUsed,
    /// A wrong invitation was charged; with reason `void` the last one that was forgiven.
    InvitationWrong,
    /// A factor was renamed by its owner.
    FactorRenamed,
    /// A renaming was refused or given up.
    RenamingFailed,
    /// The second factor was switched on or off for a person (row P2 `chosen`).
    ChosenSet,
    /// A code was right in a test, and used up.
    TestPassed,
    /// A test was refused or given up.
    TestFailed,
    /// A break-glass account was let in by the module itself.
    BreakGlass,
    /// A code was put on its way.
    CodeSent,
    /// A code was asked for and not sent: a wait, a cap, or no way there.
    CodeNotSent,
    /// The server or gateway took a code.
    CodeDelivered,
    /// A message did not go out, or nobody knows whether it did.
    DeliveryFailed,
    /// Four fifths of a cap on sending are used up.
    DeliveryAlert,
    /// An administrator tried a way out.
    DeliveryTested,
    /// A place was remembered, from which the person is not asked for a while.
    PlaceRemembered,
    /// A remembered place was forgotten at its owner's wish.
    PlaceForgotten,
    /// The person put off setting up a first factor.
    EnrollmentSkipped,
    /// What is on file about a person was set.
    ContactSet,
    /// The newest record's number and link, for the log alone: the end of the chain is known from elsewhere by it.
    AuditHead,
    /// Old records were removed from the beginning of the chain.
    AuditTrimmed,
    /// A policy was not taken into force; the last good one stays.
    PolicyRefused,
    /// The second factor was switched on or off for this host (row P3).
    #[serde(rename = "second-factor-switched")]
    FactorSwitched,
    /// A session was idle for too long: told so, hung up or locked (row L8).
    SessionIdle,
    /// What was kept of a user was deleted.
    UserDeleted,
    /// Codes of apps and tokens are accepted again after a clock or a counter was off (row H3).
    FactorResynced,
    /// The store is older than what this host has seen: codes are refused until it is accepted (row F3).
    StoreRestored,
    /// Root accepted a restored store.
    RestoreAccepted,
}

impl EventId {
    /// Every id, in the order of their declaration.
    pub const ALL: [Self; 57] = [
        Self::LoginAllowed,
        Self::LoginDenied,
        Self::LoginLockedOut,
        Self::LoginSkipped,
        Self::LoginUnavailable,
        Self::LoginAbandoned,
        Self::CodeWrong,
        Self::CodeRepeated,
        Self::CodeElsewhere,
        Self::ThrottleLocked,
        Self::EnrollmentBegun,
        Self::EnrollmentCompleted,
        Self::EnrollmentFailed,
        Self::FactorRemoved,
        Self::RemovalFailed,
        Self::UserReset,
        Self::UserUnlocked,
        Self::ActRefused,
        Self::KeyRotated,
        Self::ServiceStarted,
        Self::ClockFault,
        Self::UidChanged,
        Self::PolicyLoaded,
        Self::SessionOpened,
        Self::PasswordChanged,
        Self::BackupCodesMade,
        Self::BackupCodesSaved,
        Self::BackupCodesUnsaved,
        Self::BackupCodesFailed,
        Self::InvitationMade,
        Self::InvitationUsed,
        Self::InvitationWrong,
        Self::FactorRenamed,
        Self::RenamingFailed,
        Self::ChosenSet,
        Self::TestPassed,
        Self::TestFailed,
        Self::BreakGlass,
        Self::CodeSent,
        Self::CodeNotSent,
        Self::CodeDelivered,
        Self::DeliveryFailed,
        Self::DeliveryAlert,
        Self::DeliveryTested,
        Self::PlaceRemembered,
        Self::PlaceForgotten,
        Self::EnrollmentSkipped,
        Self::ContactSet,
        Self::AuditHead,
        Self::AuditTrimmed,
        Self::PolicyRefused,
        Self::FactorSwitched,
        Self::SessionIdle,
        Self::UserDeleted,
        Self::FactorResynced,
        Self::StoreRestored,
        Self::RestoreAccepted,
    ];

    /// Tells the stable name, the same in the audit, in syslog and in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginAllowed => "login-allowed",
            Self::LoginDenied => "login-denied",
            Self::LoginLockedOut => "login-locked-out",
            Self::LoginSkipped => "login-skipped",
            Self::LoginUnavailable => "login-unavailable",
            Self::LoginAbandoned => "login-abandoned",
            Self::CodeWrong => "code-wrong",
            Self::CodeRepeated => "code-repeated",
            Self::CodeElsewhere => "code-elsewhere",
            Self::ThrottleLocked => "throttle-locked",
            Self::EnrollmentBegun => "enrollment-begun",
            Self::EnrollmentCompleted => "enrollment-completed",
            Self::EnrollmentFailed => "enrollment-failed",
            Self::FactorRemoved => "factor-removed",
            Self::RemovalFailed => "removal-failed",
            Self::UserReset => "user-reset",
            Self::UserUnlocked => "user-unlocked",
            Self::ActRefused => "act-refused",
            Self::KeyRotated => "key-rotated",
            Self::ServiceStarted => "service-started",
            Self::ClockFault => "clock-fault",
            Self::UidChanged => "uid-changed",
            Self::PolicyLoaded => "policy-loaded",
            Self::SessionOpened => "session-opened",
            Self::PasswordChanged => "password-changed",
            Self::BackupCodesMade => "backup-codes-made",
            Self::BackupCodesSaved => "backup-codes-saved",
            Self::BackupCodesUnsaved => "backup-codes-unsaved",
            Self::BackupCodesFailed => "backup-codes-failed",
            Self::InvitationMade => "invitation-made",
            Self::InvitationUsed => "invitation-used",
            Self::InvitationWrong => "invitation-wrong",
            Self::FactorRenamed => "factor-renamed",
            Self::RenamingFailed => "renaming-failed",
            Self::ChosenSet => "chosen-set",
            Self::TestPassed => "test-passed",
            Self::TestFailed => "test-failed",
            Self::BreakGlass => "break-glass",
            Self::CodeSent => "code-sent",
            Self::CodeNotSent => "code-not-sent",
            Self::CodeDelivered => "code-delivered",
            Self::DeliveryFailed => "delivery-failed",
            Self::DeliveryAlert => "delivery-alert",
            Self::DeliveryTested => "delivery-tested",
            Self::PlaceRemembered => "place-remembered",
            Self::PlaceForgotten => "place-forgotten",
            Self::EnrollmentSkipped => "enrollment-skipped",
            Self::ContactSet => "contact-set",
            Self::AuditHead => "audit-head",
            Self::AuditTrimmed => "audit-trimmed",
            Self::PolicyRefused => "policy-refused",
            Self::FactorSwitched => "second-factor-switched",
            Self::SessionIdle => "session-idle",
            Self::UserDeleted => "user-deleted",
            Self::FactorResynced => "factor-resynced",
            Self::StoreRestored => "store-restored",
            Self::RestoreAccepted => "restore-accepted",
        }
    }
}
