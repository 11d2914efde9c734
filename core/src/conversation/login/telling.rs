//! What a login tells its person by e-mail (row D4): that they are locked, that wrong codes came from elsewhere, that a
//! place is remembered, that a backup code was used.
//!
//! Owns when, in one place for all turns, after they were decided: a turn that records such a thing and commits leaves with
//! the messages. Nothing is told where the first factor may fail late: then nobody is known to have the password. Leaves to
//! `notice` to whom and how often.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::{Effect, Turn};
use crate::factor::Method;
use crate::login::FirstFactor;
use crate::notice::{Around, Notice, Told, notices};
use crate::secret::Entropy;
use crate::throttle::Bucket;
use crate::time::Now;

use super::Login;

/// So many wrong codes in a row from a source that is not known are told.
const STRANGE_CODES: u32 = 3;

impl Login {
    /// Adds to a turn what the person is told of it.
    pub(super) fn tell_by_mail(
        &self,
        mut turn: Turn,
        before: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let records: Vec<&AuditEvent> = turn.effects.iter().filter_map(as_record).collect();
        let after = turn.effects.iter().find_map(as_commit);
        let (Some(after), FirstFactor::Settled) = (after, self.request.first_factor) else { return turn };
        let told: Vec<Notice> =
            records.into_iter().filter_map(|record| self.notice_of(record, before, after, now)).collect();
        let around = Around {
            person: &self.request.person,
            host: &self.request.host,
            settings: &self.policy.settings,
        };
        let mut effects = Vec::new();
        if let Some(after) = turn.effects.iter_mut().find_map(as_commit_mut) {
            for notice in told {
                let Told { outgoing, alert } = notices(&notice, before, after, &around, now, entropy);
                effects.extend(outgoing.into_iter().map(|message| Effect::Deliver(Box::new(message))));
                effects.extend(alert.map(Effect::Record));
            }
        }
        turn.effects.splice(0..0, effects);
        turn
    }

    fn notice_of(&self, record: &AuditEvent, before: &Account, after: &Account, now: Now) -> Option<Notice> {
        let from = self.request.source;
        let bucket = self.bucket(before, now);
        match record.event {
            EventId::ThrottleLocked => {
                let standing = after.throttle.standing(bucket, now.latest());
                Some(Notice::locked(from, standing, now))
            }
            EventId::CodeWrong if bucket == Bucket::UnknownSource => {
                let in_a_row = after.throttle.buckets.get(&bucket).map(|counter| counter.in_a_row);
                (in_a_row == Some(STRANGE_CODES)).then_some(Notice::WrongCodes { from })
            }
            EventId::PlaceRemembered => Some(Notice::PlaceRemembered { address: from.to_string() }),
            EventId::LoginAllowed if record.factor.as_deref() == Some(Method::Backup.name()) => {
                after.backup_codes_left().map(|left| Notice::BackupCodeUsed { left })
            }
            _ => None,
        }
    }
}

const fn as_record(effect: &Effect) -> Option<&AuditEvent> {
    match effect {
        Effect::Record(event) => Some(event),
        Effect::Commit(_)
        | Effect::Deliver(_)
        | Effect::Redeem(_)
        | Effect::CodeGiven(_)
        | Effect::Reply(_) => None,
    }
}

fn as_commit(effect: &Effect) -> Option<&Account> {
    match effect {
        Effect::Commit(account) => Some(account),
        Effect::Record(_)
        | Effect::Deliver(_)
        | Effect::Redeem(_)
        | Effect::CodeGiven(_)
        | Effect::Reply(_) => None,
    }
}

fn as_commit_mut(effect: &mut Effect) -> Option<&mut Account> {
    match effect {
        Effect::Commit(account) => Some(account),
        Effect::Record(_)
        | Effect::Deliver(_)
        | Effect::Redeem(_)
        | Effect::CodeGiven(_)
        | Effect::Reply(_) => None,
    }
}
