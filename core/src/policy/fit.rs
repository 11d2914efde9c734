//! How a rule stands to a login: one function a condition.
//!
//! Owns what a condition means. What is not known of the person (groups, an unknown name) makes a rule possible, never
//! impossible; what is not asked about (service and source of people outside a login) as well. `host_names` has the
//! condition on hosts.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::matcher::{Facts, Fit, PassedOver, Unmet};
use super::{Matcher, Network};
use crate::login::{Existence, Groups, Origin, Person, Source};

impl Matcher {
    /// Holds the conditions against what is known; the first that fails is the reason.
    pub(super) fn fit<'a>(&'a self, facts: &Facts<'a>) -> Fit<'a> {
        let Self { users, groups, services, networks, origin, hosts, domains } = self;
        let conditions = [
            facts.fqdn.fit(hosts, facts.host),
            fit_user(users, facts.person),
            fit_service(services, facts.service),
            fit_network(networks, facts.source),
            origin.map_or(Fit::Certain, |wanted| fit_origin(wanted, facts.person)),
            fit_domain(domains, facts.person),
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

impl From<Unmet<'_>> for PassedOver {
    fn from(unmet: Unmet<'_>) -> Self {
        match unmet {
            Unmet::User { name, wanted } => Self::User { name: name.to_owned(), wanted: wanted.to_vec() },
            Unmet::Group { groups, wanted } => {
                Self::Group { groups: groups.to_vec(), wanted: wanted.to_vec() }
            }
            Unmet::Service { service, wanted } => {
                Self::Service { service: service.to_owned(), wanted: wanted.to_vec() }
            }
            Unmet::Network { source, wanted } => Self::Network { source, wanted: wanted.to_vec() },
            Unmet::Origin { origin, wanted } => Self::Origin { origin, wanted },
            Unmet::Host { host, fqdn, wanted } => {
                Self::Host { host: host.to_owned(), fqdn: fqdn.map(str::to_owned), wanted: wanted.to_vec() }
            }
            Unmet::Domain { domain, wanted } => {
                Self::Domain { domain: domain.map(str::to_owned), wanted: wanted.to_vec() }
            }
        }
    }
}

fn fit_user<'a>(wanted: &'a [String], person: &'a Person) -> Fit<'a> {
    let name = person.name.as_str();
    if wanted.is_empty() || wanted.iter().any(|user| user == name) {
        return Fit::Certain;
    }
    Fit::Not(Unmet::User { name, wanted })
}

fn fit_group<'a>(wanted: &'a [String], person: &'a Person) -> Fit<'a> {
    let names = person.groups.names();
    if wanted.is_empty() || wanted.iter().any(|group| names.contains(group)) {
        return Fit::Certain;
    }
    match (person.existence, &person.groups) {
        (Existence::Unknown, _) | (_, Groups::Incomplete(_)) => Fit::Possible,
        (Existence::Known { .. }, Groups::Complete(groups)) => Fit::Not(Unmet::Group { groups, wanted }),
    }
}

fn fit_service<'a>(wanted: &'a [String], service: Option<&'a str>) -> Fit<'a> {
    let Some(service) = service else {
        return if wanted.is_empty() { Fit::Certain } else { Fit::Possible };
    };
    if wanted.is_empty() || wanted.iter().any(|name| name == service) {
        return Fit::Certain;
    }
    Fit::Not(Unmet::Service { service, wanted })
}

fn fit_network(wanted: &[Network], source: Option<Source>) -> Fit<'_> {
    let Some(source) = source else {
        return if wanted.is_empty() { Fit::Certain } else { Fit::Possible };
    };
    if wanted.is_empty() || wanted.iter().any(|network| network.contains(source)) {
        return Fit::Certain;
    }
    Fit::Not(Unmet::Network { source, wanted })
}

fn fit_origin(wanted: Origin, person: &Person) -> Fit<'static> {
    match person.existence {
        Existence::Unknown => Fit::Possible,
        Existence::Known { origin, .. } if origin == wanted => Fit::Certain,
        Existence::Known { origin, .. } => Fit::Not(Unmet::Origin { origin, wanted }),
    }
}

fn fit_domain<'a>(wanted: &'a [String], person: &'a Person) -> Fit<'a> {
    if wanted.is_empty() {
        return Fit::Certain;
    }
    let of_name = person.name.as_str().rsplit_once('@').map(|(_, domain)| domain);
    let realm = person.realm.as_str();
    let is_wanted = |domain: &str| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(domain));
    match person.existence {
        Existence::Unknown => Fit::Possible,
        Existence::Known { origin: Origin::Directory, .. }
            if is_wanted(realm) || of_name.is_some_and(is_wanted) =>
        {
            Fit::Certain
        }
        Existence::Known { origin, .. } => {
            let domain = match origin {
                Origin::Local => None,
                Origin::Directory => Some(of_name.unwrap_or(realm)),
            };
            Fit::Not(Unmet::Domain { domain, wanted })
        }
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
