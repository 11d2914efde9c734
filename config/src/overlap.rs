//! Networks of one rule that overlap oddly, or in which no login lies.
//!
//! Owns the warnings; `network` owns what a network is. The work grows with the number of networks as sorting does.

use std::net::IpAddr;

use countersign_core::policy::{Network, Requirement};
use ipnet::IpNet;

use crate::diagnostics::Findings;
use crate::placed::PlacedRule;

/// Checks the networks of one rule.
pub(crate) fn check(placed: &PlacedRule<'_>, findings: &mut Findings) {
    let networks = &placed.rule.matcher.networks;
    if networks.is_empty() || !placed.is_sound {
        return;
    }
    warn_of_nested(placed, findings);
    warn_of_everything(placed, findings);
    for (index, network) in networks.iter().enumerate() {
        let Network::Range(range) = network else { continue };
        if let Some((message, help)) = oddity(range, placed) {
            findings.warning(placed.place_of_entry("networks", index), message, help);
        }
    }
}

/// Warns of ranges within another of the same rule. In the order of their beginnings, the wider first, each lies in the
/// last that lay in none, or in none.
fn warn_of_nested(placed: &PlacedRule<'_>, findings: &mut Findings) {
    let mut ranges: Vec<(usize, &IpNet)> = Vec::new();
    for (index, network) in placed.rule.matcher.networks.iter().enumerate() {
        if let Network::Range(range) = network {
            ranges.push((index, range));
        }
    }
    ranges.sort_by_key(|(_, range)| (range.network(), range.prefix_len()));
    let mut outer: Option<&IpNet> = None;
    for (index, range) in ranges {
        match outer.filter(|outer| outer.contains(range)) {
            Some(outer) => {
                let message = format!("`{range}` lies within `{outer}`, which stands in this list too");
                let place = placed.place_of_entry("networks", index);
                findings.warning(place, message, "take one of both out");
            }
            None => outer = Some(range),
        }
    }
}

/// Warns where all addresses of one kind are listed: what is left out is seldom meant to be.
fn warn_of_everything(placed: &PlacedRule<'_>, findings: &mut Findings) {
    let networks = &placed.rule.matcher.networks;
    let find = |is_wanted: fn(&IpNet) -> bool| {
        networks.iter().position(
            |network| matches!(network, Network::Range(range) if range.prefix_len() == 0 && is_wanted(range)),
        )
    };
    let all_v4 = find(|range| matches!(range, IpNet::V4(_)));
    let all_v6 = find(|range| matches!(range, IpNet::V6(_)));
    let mut warn = |index, message: &str, help: &str| {
        findings.warning(placed.place_of_entry("networks", index), message, help);
    };
    match (all_v4, all_v6) {
        (Some(index), None) => {
            let help = "write \"0.0.0.0/0\", \"::/0\"; or the networks that are meant";
            warn(index, "logins over IPv6 are not in this network", help);
        }
        (None, Some(index)) => {
            let help = "write \"0.0.0.0/0\", \"::/0\"; or the networks that are meant";
            warn(index, "logins over IPv4 are not in this network", help);
        }
        (Some(index), Some(_)) if networks.contains(&Network::Local) => {
            let message =
                "this list has every network, and still not the logins of which no address is known";
            warn(index, message, "take `networks` out to match all");
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
}

/// Tells what is odd about a range.
fn oddity(range: &IpNet, placed: &PlacedRule<'_>) -> Option<(&'static str, &'static str)> {
    let is_spared = placed.rule.require == Requirement::Never;
    let has_local = placed.rule.matcher.networks.contains(&Network::Local);
    if range.prefix_len() == 0 {
        return None;
    }
    if range.network().is_loopback() && (is_spared || !has_local) {
        let message = if is_spared {
            "what a proxy or a tunnel of this host passes on comes from here too, from wherever it is"
        } else {
            "terminals of this host have no address, not even this"
        };
        return Some((message, "write \"local\" for the terminals and seats of this host"));
    }
    comes_from_nobody(range).then_some((
        "no login comes from here: no host has such an address",
        "write the network that is meant, or take it out",
    ))
}

/// Tells whether no host has an address in a range: this network, multicast and what is reserved.
fn comes_from_nobody(range: &IpNet) -> bool {
    match range.network() {
        IpAddr::V4(address) => match address.octets() {
            [0, ..] => range.prefix_len() >= 8,
            [first, ..] => first >= 224,
        },
        IpAddr::V6(address) => {
            address.is_multicast() || (address.is_unspecified() && range.prefix_len() == 128)
        }
    }
}
