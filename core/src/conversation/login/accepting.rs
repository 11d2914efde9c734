//! A security key of OpenSSH in place of a code (row M10).
//!
//! Owns which logins that is: sshd, as root and in `auth`, says that a FIDO key was accepted, and the rule that certainly
//! applies takes that. Nothing is evaluated, so that a lock by wrong codes does not stop it, and nothing is committed. It is
//! not a code: it makes nothing fresh and is not remembered.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::{Turn, Verdict};
use crate::login::Phase;
use crate::policy::{Accepted, Certainty};
use crate::time::Now;

use super::Login;
use super::opening::Grounds;

/// What the audit calls it.
pub(super) const SECURITY_KEY: &str = "ssh-security-key";

/// The types of key that live on a FIDO authenticator, and their certificates (PROTOCOL.u2f of OpenSSH).
const ALGORITHMS: [&str; 4] = [
    "sk-ssh-ed25519@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
];

impl Login {
    /// Tells whether a security key is accepted in place of a code.
    pub(super) fn has_security_key(&self, account: &Account, now: Now) -> bool {
        let request = &self.request;
        let is_claimed = request.is_by_ssh() && request.caller_uid == 0 && request.phase == Phase::Auth;
        let algorithm = request.ssh.public_key.as_ref().map(|key| key.algorithm.as_str());
        self.decision.certainty == Certainty::Certain
            && self.decision.accept.contains(&Accepted::SshSecurityKey)
            && is_claimed
            && algorithm.is_some_and(|algorithm| ALGORITHMS.contains(&algorithm))
            && self.lets_keys_by(account, now)
    }

    /// Tells whether nothing but a lock stands in the way: the key guesses nothing.
    fn lets_keys_by(&self, account: &Account, now: Now) -> bool {
        match self.barrier(account, now) {
            None | Some(Grounds::Locked(_)) => true,
            Some(
                Grounds::UnknownPerson
                | Grounds::UidChanged
                | Grounds::NotEnrolled
                | Grounds::WrongCode
                | Grounds::CodeNeeded
                | Grounds::Exempt
                | Grounds::Changed
                | Grounds::NotSaved
                | Grounds::Restored
                | Grounds::Unread,
            ) => false,
        }
    }

    /// Lets in by the key.
    pub(super) fn accept_key(&self, account: &Account, now: Now) -> Turn {
        self.pass(EventId::LoginAllowed, Verdict::Allow, account, now, |event| AuditEvent {
            factor: Some(SECURITY_KEY.to_owned()),
            ..event
        })
    }
}
