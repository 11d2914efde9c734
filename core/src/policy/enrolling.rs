//! How a person may come by a factor, and by when.
//!
//! Owns what rules say of enrollment outside a single login. Every rule that could decide a login of the person on this
//! host counts, and the strictest of them holds: a lax rule for one service opens no way around another.

use std::time::Duration;

use super::{ContactRule, Enrollment, Force, Mode, Policy, Requirement, Rule};
use crate::account::{Account, Coverage, RuleName};
use crate::factor::Method;
use crate::invitation::LONGEST_INVITATION;
use crate::login::{Host, Person};
use crate::time::WallTime;

/// On what terms a person may set up a first factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Terms {
    /// Not at all: no rule that asks for a code names the method.
    Closed,
    /// With an invitation: a rule says so, or its time for enrolling is over.
    Invitation,
    /// By themselves.
    Free,
}

impl Policy {
    /// Tells whether the person may hold this method: some rule that asks for a code names it and could cover one of
    /// their logins on this host.
    #[must_use]
    pub fn allows_enrollment(&self, person: &Person, host: &Host, method: Method) -> bool {
        self.demanding(person, host).any(|rule| rule.methods.contains(&method))
    }

    /// Tells which address or number the person may have codes of this method sent to: the strictest of the rules that name
    /// it.
    #[must_use]
    pub fn contact_rule(&self, person: &Person, host: &Host, method: Method) -> ContactRule {
        let rules = self.demanding(person, host).filter(|rule| rule.methods.contains(&method));
        let strictness = |rule: &ContactRule| match rule {
            ContactRule::Any => 0,
            ContactRule::OnFileFirst => 1,
            ContactRule::OnFile => 2,
        };
        rules.map(|rule| rule.contacts).max_by_key(strictness).unwrap_or(ContactRule::OnFile)
    }

    /// Tells on what terms the person may set up a first factor of this method.
    pub fn terms(
        &self,
        person: &Person,
        host: &Host,
        method: Method,
        account: &Account,
        at: WallTime,
    ) -> Terms {
        let mut terms = Terms::Closed;
        for rule in self.demanding(person, host).filter(|rule| rule.methods.contains(&method)) {
            if self.needs_invitation(rule, person, host, account, at) {
                return Terms::Invitation;
            }
            terms = Terms::Free;
        }
        terms
    }

    /// Tells whether some rule in force that covers the person lets nobody enroll without an invitation now; one that is watched
    /// stops nobody. `account` is as the decision sees it.
    #[must_use]
    pub fn wants_invitation(&self, person: &Person, host: &Host, account: &Account, at: WallTime) -> bool {
        self.would_want_invitation(person, host, account, at, Force::InForce)
    }

    /// Tells the same as a decision with this force sees it: under one that is not in force, every rule counts as if it were.
    pub(crate) fn would_want_invitation(
        &self,
        person: &Person,
        host: &Host,
        account: &Account,
        at: WallTime,
        force: Force,
    ) -> bool {
        let counts = |rule: &&Rule| rule.mode == Mode::Enforce || force != Force::InForce;
        let mut rules = self.asking(person, host).filter(counts);
        rules.any(|rule| self.needs_invitation(rule, person, host, account, at))
    }

    /// Tells whether some rule that asks this person for a code, enrolled or not, could cover one of their logins;
    /// then the last factor may not be removed.
    #[must_use]
    pub fn needs_factor(&self, person: &Person, host: &Host, account: &Account) -> bool {
        self.covering(person, host).any(|rule| match rule.require {
            Requirement::Always => true,
            Requirement::Chosen => account.chosen,
            Requirement::Enrolled | Requirement::Never => false,
        })
    }

    /// Tells whether some rule that covers the person asks those who were chosen (row P2).
    #[must_use]
    pub fn covers_chosen(&self, person: &Person, host: &Host) -> bool {
        self.covering(person, host).any(|rule| rule.require == Requirement::Chosen)
    }

    /// Tells the longest life of an invitation for this person.
    #[must_use]
    pub fn invitation_limit(&self, person: &Person, host: &Host) -> Duration {
        let longest = self.demanding(person, host).map(|rule| rule.invite_for_limit).max();
        longest.unwrap_or(crate::invitation::INVITATION_LIFE).min(LONGEST_INVITATION)
    }

    /// Tells since when enrolling has been open to a person under the rule that decides their login: since the first
    /// login under it. While an earlier rule of theirs still covers them, its beginning holds, so that going to and fro
    /// between the services of two rules is no way to begin anew.
    #[must_use]
    pub fn covered_since(
        &self,
        rule: &RuleName,
        person: &Person,
        host: &Host,
        account: &Account,
    ) -> Option<WallTime> {
        let Coverage { rule: noted, since } = account.coverage.as_ref()?;
        let holds = *noted == *rule || self.asking(person, host).any(|other| other.name == *noted);
        holds.then_some(*since)
    }

    /// Tells since when the time for enrolling runs: since the person has been covered, or since what they have enrolled became
    /// void, so that they can enroll again, or since the second factor was switched on again: nobody could while it was off.
    /// `account` is as the decision sees it.
    #[must_use]
    pub fn open_since(
        &self,
        rule: &RuleName,
        person: &Person,
        host: &Host,
        account: &Account,
    ) -> Option<WallTime> {
        let covered = self.covered_since(rule, person, host, account)?;
        // Who never enrolled has lost nothing: their time is not given anew.
        let voided = if account.has_void() { account.void_before } else { WallTime::default() };
        Some(covered.max(voided).max(self.open_from.unwrap_or_default()))
    }

    fn needs_invitation(
        &self,
        rule: &Rule,
        person: &Person,
        host: &Host,
        account: &Account,
        at: WallTime,
    ) -> bool {
        match rule.enroll {
            Enrollment::Invited => true,
            Enrollment::SelfService | Enrollment::AtLogin => {
                let since = self.open_since(&rule.name, person, host, account);
                rule.is_over(since, at)
            }
        }
    }

    /// Lists the rules that ask for a code and could cover a login of the person; none while the factor is switched off.
    pub(super) fn demanding<'a>(&'a self, person: &Person, host: &Host) -> impl Iterator<Item = &'a Rule> {
        self.covering(person, host).filter(|rule| rule.require != Requirement::Never)
    }

    /// Lists them as if it were switched on.
    fn asking<'a>(&'a self, person: &Person, host: &Host) -> impl Iterator<Item = &'a Rule> {
        self.reaching(person, host).filter(|rule| rule.require != Requirement::Never)
    }
}

impl Rule {
    /// Tells whether the time for enrolling without an invitation is over. Whom a rule asks only once they have
    /// enrolled has all the time there is.
    fn is_over(&self, since: Option<WallTime>, at: WallTime) -> bool {
        match self.require {
            Requirement::Always | Requirement::Chosen => {}
            Requirement::Enrolled | Requirement::Never => return false,
        }
        let (Some(limit), Some(since)) = (self.enroll_within, since) else { return false };
        at.since(since) > limit
    }
}
