//! The decision: which rule applies to a login.
//!
//! Owns the choice among rules; `fit` has what each condition means. The first rule that matches decides. Where the name service did not tell
//! enough (groups incomplete, person unknown), every rule that could apply is weighed and the strictest decides, so
//! that a failing directory never makes a login easier (row P10) and an unknown person is asked like an enrolled one.

use std::time::Duration;

use super::host_names::Fqdn;
use super::{
    Accepted, ContactRule, EnrolledAfter, Enrollment, Mode, Network, Policy, Requirement, Rule, SkipRule,
};
use crate::account::RuleName;
use crate::factor::Method;
use crate::login::{Host, LoginRequest, Origin, Person, Source};

/// What the policy says about one login.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// The deciding rule.
    pub rule: RuleName,
    /// What it demands.
    pub require: Requirement,
    /// Methods allowed, in the order in which they are offered.
    pub methods: Vec<Method>,
    /// How people come by a factor.
    pub enroll: Enrollment,
    /// For how long they can without an invitation.
    pub enroll_within: Option<Duration>,
    /// Which address or number codes may be sent to.
    pub contacts: ContactRule,
    /// Whether setting up can be put off.
    pub skip: Option<SkipRule>,
    /// For how long a place can be remembered.
    pub remember: Option<Duration>,
    /// Whether the decision is in force.
    pub force: Force,
    /// What counts in place of a code.
    pub accept: Vec<Accepted>,
    /// From when on enrollments count.
    pub enrolled_after: EnrolledAfter,
    /// For how long a code given in the same session is enough.
    pub fresh_for: Option<Duration>,
    /// For how long the session may be idle.
    pub idle_timeout: Option<Duration>,
    /// Whether everything that rules ask about was known.
    pub certainty: Certainty,
}

/// Whether a decision is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Force {
    /// It is.
    InForce,
    /// It is watched only: nobody is asked or stopped (row P4).
    Monitored,
    /// The second factor is switched off (row P3).
    SwitchedOff,
}

/// Whether a decision rests on complete knowledge of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// The first rule that matches.
    Certain,
    /// The strictest of the rules that could apply.
    StrictestOfIncomplete,
}

/// Why a rule did not decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassedOver {
    /// The name is not among its users.
    User {
        /// The person's name.
        name: String,
        /// The rule's users.
        wanted: Vec<String>,
    },
    /// No group of the person is among its groups.
    Group {
        /// The person's groups.
        groups: Vec<String>,
        /// The rule's groups.
        wanted: Vec<String>,
    },
    /// The service is not among its services.
    Service {
        /// The service.
        service: String,
        /// The rule's services.
        wanted: Vec<String>,
    },
    /// The source lies in none of its networks.
    Network {
        /// Where the login comes from.
        source: Source,
        /// The rule's networks.
        wanted: Vec<Network>,
    },
    /// The person is defined elsewhere.
    Origin {
        /// Where the person is defined.
        origin: Origin,
        /// The rule's origin.
        wanted: Origin,
    },
    /// No name of the host fits one of its patterns.
    Host {
        /// The host's name.
        host: String,
        /// Its fully qualified name, where that is known.
        fqdn: Option<String>,
        /// The rule's patterns.
        wanted: Vec<String>,
    },
    /// The person is of none of its domains.
    Domain {
        /// The person's domain, where there is one.
        domain: Option<String>,
        /// The rule's domains.
        wanted: Vec<String>,
    },
    /// It could apply, but a stricter rule could too and not everything is known of the person.
    LessStrict {
        /// The rule that decided instead.
        than: RuleName,
    },
}

/// How a rule stands to a login.
pub(super) enum Fit<'a> {
    Certain,
    Possible,
    Not(Unmet<'a>),
}

/// The condition that does not hold, with its values lent: a login looks at many rules and tells nobody why.
#[derive(Clone, Copy)]
pub(super) enum Unmet<'a> {
    User { name: &'a str, wanted: &'a [String] },
    Group { groups: &'a [String], wanted: &'a [String] },
    Service { service: &'a str, wanted: &'a [String] },
    Network { source: Source, wanted: &'a [Network] },
    Origin { origin: Origin, wanted: Origin },
    Host { host: &'a str, fqdn: Option<&'a str>, wanted: &'a [String] },
    Domain { domain: Option<&'a str>, wanted: &'a [String] },
}

/// What a rule is held against; what is `None` is left open and fits every rule.
pub(super) struct Facts<'a> {
    pub(super) person: &'a Person,
    pub(super) service: Option<&'a str>,
    pub(super) source: Option<Source>,
    pub(super) host: &'a str,
    pub(super) fqdn: &'a Fqdn,
}

/// A rule that was looked at, in the order of the file.
pub(super) struct Looked<'p, 'f> {
    pub(super) rule: &'p Rule,
    pub(super) fit: Fit<'f>,
}

impl Policy {
    /// Decides what a login needs.
    pub fn decide(&self, request: &LoginRequest) -> Decision {
        self.weigh(request).1
    }

    /// Decides, and tells every rule that was looked at on the way.
    pub(super) fn weigh<'f>(&'f self, request: &'f LoginRequest) -> (Vec<Looked<'f, 'f>>, Decision) {
        let facts = Facts {
            person: &request.person,
            service: Some(&request.service),
            source: Some(request.source),
            host: &request.host.name,
            fqdn: &self.fqdn,
        };
        let looked = self.look(&facts);
        let mut candidates = looked.iter().filter(|looked| !matches!(looked.fit, Fit::Not(_)));
        let mut decided = &self.default;
        let mut certainty = Certainty::Certain;
        if let Some(first) = candidates.next() {
            decided = first.rule;
        }
        for candidate in candidates {
            certainty = Certainty::StrictestOfIncomplete;
            if strictness(candidate.rule) > strictness(decided) {
                decided = candidate.rule;
            }
        }
        let mut decision = self.decision(decided, certainty);
        if certainty == Certainty::StrictestOfIncomplete {
            let fitting = looked.iter().filter(|looked| !matches!(looked.fit, Fit::Not(_)));
            decision.enrolled_after =
                EnrolledAfter::strictest(self, decided, fitting.map(|looked| looked.rule));
        }
        (looked, decision)
    }

    /// Looks at rules in order until one certainly fits; `[default]` is the last and always does.
    fn look<'p: 'f, 'f>(&'p self, facts: &Facts<'f>) -> Vec<Looked<'p, 'f>> {
        let mut looked = Vec::new();
        for rule in &self.rules {
            let fit = rule.matcher.fit(facts);
            let is_certain = matches!(fit, Fit::Certain);
            looked.push(Looked { rule, fit });
            if is_certain {
                return looked;
            }
        }
        looked.push(Looked { rule: &self.default, fit: Fit::Certain });
        looked
    }

    /// Lists the rules that could decide some login of the person on this host, whatever the service and from wherever; none
    /// while the second factor is switched off.
    pub(super) fn covering<'a>(&'a self, person: &Person, host: &Host) -> impl Iterator<Item = &'a Rule> {
        self.reaching(person, host).filter(|_| self.is_enabled)
    }

    /// Lists them whether the second factor is switched on or not.
    pub(super) fn reaching<'a>(&'a self, person: &Person, host: &Host) -> impl Iterator<Item = &'a Rule> {
        let looked =
            self.look(&Facts { person, service: None, source: None, host: &host.name, fqdn: &self.fqdn });
        let fitting = looked.into_iter().filter(|looked| !matches!(looked.fit, Fit::Not(_)));
        fitting.map(|looked| looked.rule).collect::<Vec<_>>().into_iter()
    }
}

impl Policy {
    fn decision(&self, rule: &Rule, certainty: Certainty) -> Decision {
        let is_certain = certainty == Certainty::Certain;
        Decision {
            rule: rule.name.clone(),
            require: rule.require,
            methods: rule.methods.clone(),
            enroll: rule.enroll,
            enroll_within: rule.enroll_within,
            contacts: rule.contacts,
            // What eases is offered only where it is certain who the person is (row P10).
            skip: rule.skip.filter(|_| is_certain),
            remember: rule.remember.filter(|_| is_certain),
            fresh_for: rule.fresh_for.filter(|_| is_certain),
            accept: if is_certain { rule.accept.clone() } else { Vec::new() },
            force: match (self.is_enabled, rule.mode) {
                (false, _) => Force::SwitchedOff,
                (true, Mode::Monitor) => Force::Monitored,
                (true, Mode::Enforce) => Force::InForce,
            },
            enrolled_after: EnrolledAfter::of(self, rule),
            idle_timeout: rule.idle_timeout,
            certainty,
        }
    }
}

/// Orders rules: what is demanded in force first, then what is demanded, then the fewer ways of coming by a factor.
const fn strictness(rule: &Rule) -> (u8, u8, u8) {
    let demand = match rule.require {
        Requirement::Never => 0,
        Requirement::Enrolled => 1,
        Requirement::Chosen => 2,
        Requirement::Always => 3,
    };
    let closed = match rule.enroll {
        Enrollment::AtLogin => 0,
        Enrollment::SelfService => 1,
        Enrollment::Invited => 2,
    };
    let in_force = match rule.mode {
        Mode::Enforce => demand,
        Mode::Monitor => 0,
    };
    (in_force, demand, closed)
}
