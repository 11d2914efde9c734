//! A code that was given a while ago in the same session of the kernel is enough (row L16).
//!
//! Owns when: where the rule says so and certainly applies, asked by root in `auth` behind a first factor that is settled, for
//! a person who could give a code now, and while nothing has changed since. Only for who asks from within a session, as sudo
//! and su name them: a service with which sessions begin may itself run in that of whoever started it, and then all its
//! logins do. And only by a code that the rules which take it for fresh would have taken themselves. The engine keeps which
//! code was given in which session, and only it says so: nothing of it comes from the caller.

use crate::account::Account;
use crate::factor::Method;
use crate::login::{FirstFactor, LoginRequest, Phase};
use crate::policy::{Certainty, FRESH_LIMIT};
use crate::time::Now;

use super::Login;

impl Login {
    /// Tells whether the person gave a code in this session that is recent enough.
    pub(super) fn is_fresh(&self, account: &Account, now: Now) -> bool {
        let request = &self.request;
        let (Some(_), Some(fresh), Some(limit)) = (request.session, request.fresh, self.decision.fresh_for)
        else {
            return false;
        };
        let may_be = self.decision.certainty == Certainty::Certain
            && request.caller_uid == 0
            && request.phase == Phase::Auth
            && request.requesting_uid.is_some()
            && request.first_factor == FirstFactor::Settled;
        may_be
            && fresh.epoch == account.epoch
            && fresh.age <= limit.min(FRESH_LIMIT)
            && self.obstacle(account, now).is_none()
    }

    /// Tells whether a code that was just right here can make later logins do without: not where some rule of the person by
    /// which it would be fresh does not take that method, or takes what gave it as void.
    pub(super) fn may_be_fresh(&self, method: Method, account: &Account, now: Now) -> bool {
        let LoginRequest { person, host, .. } = &self.request;
        let at = now.latest();
        self.policy.terms_of_fresh(person, host).all(|(methods, after)| {
            let seen = account.seen_from(after, at);
            let is_void = match method {
                Method::Backup => seen.backup_codes_left().is_none(),
                Method::Totp | Method::Hotp | Method::Email | Method::Sms | Method::Call => {
                    seen.void_factors().any(|factor| factor.last_used == Some(at))
                }
            };
            methods.contains(&method) && !is_void
        })
    }
}
