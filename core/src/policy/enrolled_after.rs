//! From when on enrollments count (row P3).
//!
//! Owns which of several times holds: the latest that has come. A time to come voids nothing, and hides no earlier one. What was
//! enrolled before is kept, and is void only where a decision says so.

use super::{Mode, Policy, Requirement, Rule};
use crate::factor::Method;
use crate::login::{Host, Person};
use crate::time::WallTime;

/// The times from which enrollments count under a decision: that of its rule, and that of all rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EnrolledAfter {
    of_rule: Option<WallTime>,
    of_all: Option<WallTime>,
}

impl EnrolledAfter {
    /// Takes the times that hold under a rule.
    pub(super) const fn of(policy: &Policy, rule: &Rule) -> Self {
        Self { of_rule: rule.enrolled_after, of_all: policy.enrolled_after }
    }

    /// Takes the times that ask the most, where any of these rules could apply and one of them decides: who is asked only when
    /// enrolled counts as enrolled by whichever honors the most, and of whom a code is wanted anyway, it has to be one that all
    /// honor.
    pub(super) fn strictest<'a>(
        policy: &Policy,
        decided: &Rule,
        rules: impl Iterator<Item = &'a Rule>,
    ) -> Self {
        let counts = |rule: &&Rule| rule.require != Requirement::Never && rule.mode == decided.mode;
        let times = rules.filter(counts).map(|rule| rule.enrolled_after);
        match decided.require {
            Requirement::Enrolled => {
                Self { of_rule: times.min().unwrap_or(decided.enrolled_after), of_all: policy.enrolled_after }
            }
            Requirement::Always | Requirement::Chosen | Requirement::Never => Self {
                of_rule: times.max().unwrap_or(decided.enrolled_after),
                // A time to come hides neither that of all nor that of the rule that decides.
                of_all: policy.enrolled_after.max(decided.enrolled_after),
            },
        }
    }

    /// Tells from when on enrollments count at a time; none where all do.
    #[must_use]
    pub fn at(self, at: WallTime) -> Option<WallTime> {
        [self.of_rule, self.of_all].into_iter().flatten().filter(|after| *after <= at).max()
    }
}

impl From<Option<WallTime>> for EnrolledAfter {
    fn from(after: Option<WallTime>) -> Self {
        Self { of_rule: after, of_all: None }
    }
}

impl Policy {
    /// Tells from when on enrollments count where a person looks at what they have, outside a login: what some rule in force
    /// that asks them for a code takes as void is shown and treated as void.
    #[must_use]
    pub fn enrolled_after_of(&self, person: &Person, host: &Host, at: WallTime) -> Option<WallTime> {
        self.times(person, host, at).max().flatten()
    }

    /// Tells from when on enrollments count under the most lenient rule in force: what some rule honors still proves who the
    /// person is, before anything is set up that this rule would honor as well.
    #[must_use]
    pub fn honored_after_of(&self, person: &Person, host: &Host, at: WallTime) -> Option<WallTime> {
        self.times(person, host, at).min().flatten()
    }

    /// Lists what the rules by which a code of the person can be fresh take as one: which methods, enrolled from when on.
    pub(crate) fn terms_of_fresh(
        &self,
        person: &Person,
        host: &Host,
    ) -> impl Iterator<Item = (&[Method], EnrolledAfter)> {
        let rules = self.covering(person, host).filter(|rule| rule.fresh_for.is_some());
        rules.map(|rule| (rule.methods.as_slice(), EnrolledAfter::of(self, rule)))
    }

    /// Lists the times of the rules in force that ask for a code and could cover the person; that of all rules where none does.
    fn times(&self, person: &Person, host: &Host, at: WallTime) -> impl Iterator<Item = Option<WallTime>> {
        let in_force = self.demanding(person, host).filter(|rule| rule.mode == Mode::Enforce);
        let mut times: Vec<_> = in_force.map(|rule| EnrolledAfter::of(self, rule).at(at)).collect();
        if times.is_empty() {
            times.push(EnrolledAfter::from(self.enrolled_after).at(at));
        }
        times.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_time_that_has_come_holds() {
        let time = |seconds| Some(WallTime::from_seconds(seconds));
        for (of_rule, of_all, at, expected) in [
            (None, None, 100, None),
            (time(50), None, 100, time(50)),
            (time(100), None, 100, time(100)),
            (time(101), None, 100, None),
            (time(50), time(60), 100, time(60)),
            (time(60), time(50), 100, time(60)),
            // A rule's time to come does not bring back what is void for all.
            (time(200), time(50), 100, time(50)),
            (time(200), time(50), 200, time(200)),
        ] {
            let after = EnrolledAfter { of_rule, of_all };
            assert_eq!(after.at(WallTime::from_seconds(at)), expected, "{after:?} at {at}");
        }
    }
}
