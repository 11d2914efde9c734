//! The decision: which rule applies to a login.
//!
//! Owns matching and the choice among rules. The first rule that matches decides. Where the name service did not tell
//! enough (groups incomplete, person unknown), every rule that could apply is weighed and the strictest decides, so
//! that a failing directory never makes a login easier (row P10) and an unknown person is asked like an enrolled one.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::{Enrollment, Matcher, Network, Policy, Requirement, Rule};
use crate::account::RuleName;
use crate::factor::Method;
use crate::login::{Existence, Groups, LoginRequest, Origin, Person, Source};

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
    /// Whether everything that rules ask about was known.
    pub certainty: Certainty,
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
    /// It could apply, but a stricter rule could too and not everything is known of the person.
    LessStrict {
        /// The rule that decided instead.
        than: RuleName,
    },
}

/// How a rule stands to a login.
pub(super) enum Fit {
    Certain,
    Possible,
    Not(PassedOver),
}

/// What a rule is held against; what is `None` is left open and fits every rule.
struct Facts<'a> {
    person: &'a Person,
    service: Option<&'a str>,
    source: Option<Source>,
}

/// A rule that was looked at, in the order of the file.
pub(super) struct Looked<'a> {
    pub(super) rule: &'a Rule,
    pub(super) fit: Fit,
}

impl Policy {
    /// Decides what a login needs.
    pub fn decide(&self, request: &LoginRequest) -> Decision {
        self.weigh(request).1
    }

    /// Tells whether the person may set up this method by themselves: some rule that asks for a code names it and
    /// could cover one of their logins.
    #[must_use]
    pub fn allows_enrollment(&self, person: &Person, method: Method) -> bool {
        self.covering(person).any(|rule| rule.require != Requirement::Never && rule.methods.contains(&method))
    }

    /// Tells whether some rule that always asks for a code could cover a login of the person; then the last factor
    /// may not be removed.
    #[must_use]
    pub fn needs_factor(&self, person: &Person) -> bool {
        self.covering(person).any(|rule| rule.require == Requirement::Always)
    }

    /// Decides, and tells every rule that was looked at on the way.
    pub(super) fn weigh(&self, request: &LoginRequest) -> (Vec<Looked<'_>>, Decision) {
        let facts =
            Facts { person: &request.person, service: Some(&request.service), source: Some(request.source) };
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
        let decision = Decision::of(decided, certainty);
        (looked, decision)
    }

    /// Looks at rules in order until one certainly fits; `[default]` is the last and always does.
    fn look<'a>(&'a self, facts: &Facts<'_>) -> Vec<Looked<'a>> {
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

    /// Lists the rules that could decide some login of the person, whatever the service and from wherever.
    fn covering<'a>(&'a self, person: &Person) -> impl Iterator<Item = &'a Rule> {
        self.look(&Facts { person, service: None, source: None })
            .into_iter()
            .filter(|looked| !matches!(looked.fit, Fit::Not(_)))
            .map(|looked| looked.rule)
    }
}

impl Decision {
    fn of(rule: &Rule, certainty: Certainty) -> Self {
        Self {
            rule: rule.name.clone(),
            require: rule.require,
            methods: rule.methods.clone(),
            enroll: rule.enroll,
            certainty,
        }
    }
}

/// Orders rules: what is demanded first, then the fewer ways of coming by a factor.
const fn strictness(rule: &Rule) -> (u8, u8) {
    let demand = match rule.require {
        Requirement::Never => 0,
        Requirement::Enrolled => 1,
        Requirement::Always => 2,
    };
    let closed = match rule.enroll {
        Enrollment::AtLogin => 0,
        Enrollment::SelfService => 1,
    };
    (demand, closed)
}

impl Matcher {
    /// Holds the conditions against what is known; the first that fails is the reason.
    fn fit(&self, facts: &Facts<'_>) -> Fit {
        let Self { users, groups, services, networks, origin } = self;
        let conditions = [
            fit_user(users, facts.person),
            fit_service(services, facts.service),
            fit_network(networks, facts.source),
            origin.map_or(Fit::Certain, |wanted| fit_origin(wanted, facts.person)),
            fit_group(groups, facts.person),
        ];
        let mut fit = Fit::Certain;
        for condition in conditions {
            match condition {
                Fit::Certain => {}
                Fit::Possible => fit = Fit::Possible,
                Fit::Not(reason) => return Fit::Not(reason),
            }
        }
        fit
    }
}

fn fit_user(wanted: &[String], person: &Person) -> Fit {
    let name = person.name.as_str();
    if wanted.is_empty() || wanted.iter().any(|user| user == name) {
        return Fit::Certain;
    }
    Fit::Not(PassedOver::User { name: name.to_owned(), wanted: wanted.to_vec() })
}

fn fit_group(wanted: &[String], person: &Person) -> Fit {
    let names = person.groups.names();
    if wanted.is_empty() || wanted.iter().any(|group| names.contains(group)) {
        return Fit::Certain;
    }
    match (person.existence, &person.groups) {
        (Existence::Unknown, _) | (_, Groups::Incomplete(_)) => Fit::Possible,
        (Existence::Known { .. }, Groups::Complete(groups)) => {
            Fit::Not(PassedOver::Group { groups: groups.clone(), wanted: wanted.to_vec() })
        }
    }
}

fn fit_service(wanted: &[String], service: Option<&str>) -> Fit {
    let Some(service) = service else {
        return if wanted.is_empty() { Fit::Certain } else { Fit::Possible };
    };
    if wanted.is_empty() || wanted.iter().any(|name| name == service) {
        return Fit::Certain;
    }
    Fit::Not(PassedOver::Service { service: service.to_owned(), wanted: wanted.to_vec() })
}

fn fit_network(wanted: &[Network], source: Option<Source>) -> Fit {
    let Some(source) = source else {
        return if wanted.is_empty() { Fit::Certain } else { Fit::Possible };
    };
    if wanted.is_empty() || wanted.iter().any(|network| network.contains(source)) {
        return Fit::Certain;
    }
    Fit::Not(PassedOver::Network { source, wanted: wanted.to_vec() })
}

fn fit_origin(wanted: Origin, person: &Person) -> Fit {
    match person.existence {
        Existence::Unknown => Fit::Possible,
        Existence::Known { origin, .. } if origin == wanted => Fit::Certain,
        Existence::Known { origin, .. } => Fit::Not(PassedOver::Origin { origin, wanted }),
    }
}

impl Network {
    /// Tells whether a source lies in the network. An unknown source lies in none, not even in `local`: where a
    /// login comes from must be established before it can be a reason.
    #[must_use]
    pub fn contains(&self, source: Source) -> bool {
        match (self, source) {
            (Self::Local, Source::Local) => true,
            (Self::Range(range), Source::Address(address)) => {
                brought_back(*range).contains(&address.to_canonical())
            }
            (Self::Local, Source::Address(_) | Source::Unknown)
            | (Self::Range(_), Source::Local | Source::Unknown) => false,
        }
    }
}

/// Brings a range of mapped IPv6 addresses (`::ffff:10.0.0.0/104`) back to IPv4.
fn brought_back(range: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    let IpAddr::V4(address) = range.addr().to_canonical() else { return range };
    let Some(prefix) = range.prefix_len().checked_sub(MAPPED_BITS) else { return range };
    match range {
        IpNet::V4(_) => range,
        IpNet::V6(_) => Ipv4Net::new(address, prefix).map_or(range, IpNet::V4),
    }
}
