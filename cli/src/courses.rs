//! How a login goes on and why, in words: for `policy explain` and `policy report`.
//!
//! Owns the words for the stable names that the service and the audit use. A name that is not known here is shown as it is.

/// Tells in words how a login goes on.
pub(crate) fn course(name: &str) -> &str {
    match name {
        "pass" => "passes without a code",
        "ask" => "is asked for a code",
        "enroll" => "sets up a first factor, then goes on",
        "invite" => "is asked for an invitation",
        "refuse" => "is refused",
        other => other,
    }
}

/// Tells a reason in words.
pub(crate) fn reason(name: &str) -> &str {
    match name {
        "not-enrolled" => "not enrolled",
        "needs-invitation" => "an invitation is needed",
        "unknown-person" => "nobody knows this person",
        "uid-changed" => "the uid has changed",
        "needs-reset" => "locked until a reset",
        "locked" => "locked by too many wrong codes",
        "not-chosen" => "not switched on for the person",
        "exempt" => "the rule asks for no code",
        "remembered" => "the place is remembered",
        "put-off" => "setting up is put off",
        "fresh" => "a code was given in this session a moment ago",
        "code-needed" => "a code is needed, and this way in cannot ask for one",
        "switched-off" => "the second factor is switched off",
        "ssh-security-key" => "a security key counts in place of a code",
        other => other,
    }
}
