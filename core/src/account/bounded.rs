//! An account that another host changed at a time that has not come here.
//!
//! Owns what is left of such times: none of them lies further ahead than its rule lets it, so that a host whose clock is
//! wrong freezes nobody on the others. A time that was taken is now; a deadline is at most as far away as the longest of
//! its kind. Nothing is forgiven: counts, used codes and locks that only a reset ends stay.

use std::time::Duration;

use super::Account;
use crate::factor::FactorState;
use crate::invitation::LONGEST_INVITATION;
use crate::remember::REMEMBER_LIMIT;
use crate::throttle::{DAY, UNTIL_RESET};
use crate::time::{CLOCK_TOLERANCE, Now, WallTime};

impl Account {
    /// Tells by how much the host that changed the account last was ahead of this one; none where the two agree.
    #[must_use]
    pub fn ahead_of(&self, now: &Now) -> Option<Duration> {
        let ahead = self.changed.since(now.latest());
        (ahead > CLOCK_TOLERANCE).then_some(ahead)
    }

    /// Makes the account without times that lie further ahead than their rules let them.
    #[must_use]
    pub fn bounded(&self, at: WallTime) -> Self {
        let mut account = self.clone();
        let taken = |time: &mut WallTime| *time = (*time).min(at);
        let within = |time: &mut WallTime, longest: Duration| *time = (*time).min(at.after(longest));
        for counter in account.throttle.buckets.values_mut() {
            counter.recent.iter_mut().for_each(taken);
            if let Some(until) = counter.locked_until.as_mut().filter(|until| **until != UNTIL_RESET) {
                within(until, DAY);
            }
        }
        for factor in &mut account.factors {
            let (FactorState::Pending { since } | FactorState::Active { since }) = &mut factor.state;
            taken(since);
            factor.last_used.iter_mut().for_each(taken);
        }
        account.known_sources.iter_mut().for_each(|known| taken(&mut known.last));
        account.sends.iter_mut().for_each(|send| taken(&mut send.at));
        account.sent.iter_mut().for_each(|sent| taken(&mut sent.made));
        for place in &mut account.remembered {
            taken(&mut place.since);
            within(&mut place.until, REMEMBER_LIMIT);
        }
        account.coverage.iter_mut().for_each(|coverage| taken(&mut coverage.since));
        account.backup_codes.iter_mut().for_each(|codes| taken(&mut codes.made));
        account
            .invitation
            .iter_mut()
            .for_each(|invitation| within(&mut invitation.expires, LONGEST_INVITATION));
        account.skipped.iter_mut().for_each(|skipped| taken(&mut skipped.counted));
        taken(&mut account.changed);
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKey, Realm, UserName};
    use crate::secret::Entropy;
    use crate::sending::Send;
    use crate::throttle::{Bucket, Limits, Standing};

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    const NOW: WallTime = WallTime::from_seconds(1_800_000_000);

    fn account() -> Account {
        let key = AccountKey {
            realm: Realm::try_from("directory").unwrap(),
            name: UserName::try_from("alice").unwrap(),
        };
        Account::new(key, &mut Zeros)
    }

    #[test]
    fn a_lock_of_a_host_that_is_years_ahead_lasts_a_day_at_most() {
        let mut account = account();
        let then = NOW.after(DAY * 3650);
        for _ in 0..5 {
            let _ = account.throttle.charge(Bucket::UnknownSource, then, &Limits::default());
        }
        account.changed = then;
        assert_eq!(account.ahead_of(&Now::at(NOW, Duration::ZERO, NOW)), Some(DAY * 3650));
        let bounded = account.bounded(NOW);
        let counter = &bounded.throttle.buckets[&Bucket::UnknownSource];
        assert_eq!((counter.in_a_row, counter.recent.len()), (5, 5), "nothing is forgiven");
        assert_eq!(bounded.throttle.worst(NOW), Standing::Locked { until: NOW.after(DAY) });
        assert_eq!(bounded.throttle.worst(NOW.after(DAY)), Standing::Open);
        assert_eq!(bounded.ahead_of(&Now::at(NOW, Duration::ZERO, NOW)), None);
    }

    #[test]
    fn a_lock_until_a_reset_stays_and_times_that_have_come_stay_as_they_are() {
        let mut account = account();
        let limits = Limits { in_a_row: 1, ..Limits::default() };
        let _ = account.throttle.charge(Bucket::Console, NOW, &limits);
        account.changed = NOW;
        assert_eq!(account.bounded(NOW), account);
        assert_eq!(account.bounded(NOW).throttle.worst(NOW), Standing::NeedsReset);
    }

    #[test]
    fn the_wait_for_another_code_is_a_real_one() {
        let mut account = account();
        let at = NOW.after(DAY);
        let request = crate::delivery::RequestId::random(&mut Zeros);
        account.note_send(request, crate::delivery::Purpose::Code, at);
        let sends: Vec<WallTime> = account.bounded(NOW).sends.iter().map(|send: &Send| send.at).collect();
        assert_eq!(sends, [NOW]);
    }
}
