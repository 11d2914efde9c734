//! Networks of a rule: `local`, or a range of addresses.
//!
//! Owns reading them, strictly: a range with host bits set, an address without a length, or a form that no source can
//! have would match other logins than is meant, so each is refused with what to write.

use std::net::IpAddr;
use std::str::FromStr;

use countersign_core::policy::Network;
use ipnet::{IpNet, Ipv4Net};

/// What is wrong with a network, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadNetwork {
    pub(crate) message: String,
    pub(crate) help: String,
}

/// Reads a network.
pub(crate) fn parse(text: &str) -> Result<Network, BadNetwork> {
    if text == "local" {
        return Ok(Network::Local);
    }
    if let Ok(address) = IpAddr::from_str(text) {
        let length = if address.is_ipv4() { 32 } else { 128 };
        return Err(bad(
            "this is an address without a length",
            format!("write \"{text}/{length}\" for this one"),
        ));
    }
    let Ok(network) = IpNet::from_str(text) else {
        let help = "write a range such as \"10.20.0.0/16\" or \"2001:db8::/32\", or \"local\" for terminals of this host";
        return Err(bad("this is not a network", help.to_owned()));
    };
    if let Some(plain) = unmapped(&network) {
        let message = "logins from mapped IPv4 addresses are counted as IPv4, so this never matches";
        return Err(bad(message, format!("write \"{plain}\"")));
    }
    if network.addr() != network.network() {
        let whole = network.trunc();
        let one = IpNet::from(network.addr());
        let message = format!("this names a host within a network of length {}", network.prefix_len());
        return Err(bad(&message, format!("write \"{whole}\" for the network, or \"{one}\" for that host")));
    }
    Ok(Network::Range(network))
}

/// The IPv4 range of a mapped IPv6 range.
fn unmapped(network: &IpNet) -> Option<Ipv4Net> {
    let IpNet::V6(range) = network else { return None };
    let address = range.addr().to_ipv4_mapped()?;
    Ipv4Net::new(address, range.prefix_len().checked_sub(96)?).ok().map(|plain| plain.trunc())
}

fn bad(message: &str, help: String) -> BadNetwork {
    BadNetwork { message: message.to_owned(), help }
}

/// Tells whether every source in `inner` is in `outer` too.
pub(crate) fn covers(outer: &Network, inner: &Network) -> bool {
    match (outer, inner) {
        (Network::Local, Network::Local) => true,
        (Network::Range(outer), Network::Range(inner)) => outer.contains(inner),
        (Network::Local, Network::Range(_)) | (Network::Range(_), Network::Local) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(text: &str) -> String {
        parse(text).unwrap_err().help
    }

    #[test]
    fn ranges_and_local_are_networks() {
        assert_eq!(parse("local"), Ok(Network::Local));
        for text in ["10.20.0.0/16", "0.0.0.0/0", "::/0", "2001:db8::/32", "198.51.100.7/32", "::1/128"] {
            assert_eq!(parse(text), Ok(Network::Range(text.parse().unwrap())), "{text}");
        }
    }

    #[test]
    fn host_bits_are_refused_with_the_network_that_is_meant() {
        assert_eq!(
            help("10.20.3.4/16"),
            "write \"10.20.0.0/16\" for the network, or \"10.20.3.4/32\" for that host"
        );
        assert!(help("2001:db8::1/32").contains("2001:db8::/32"));
    }

    #[test]
    fn an_address_without_a_length_is_refused_with_one() {
        assert!(help("198.51.100.7").contains("198.51.100.7/32"));
        assert!(help("::1").contains("::1/128"));
    }

    #[test]
    fn a_mapped_range_is_refused_with_the_plain_one() {
        assert_eq!(help("::ffff:10.0.0.0/104"), "write \"10.0.0.0/8\"");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "Local",
            "10.0.0.0/33",
            "10.0.0/8",
            "fe80::1%eth0/64",
            "example.org",
            "10.0.0.0/-1",
            " local",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wider_range_covers_a_narrower_one_only() {
        let [wide, narrow] = ["10.0.0.0/8", "10.20.0.0/16"].map(|text| parse(text).unwrap());
        assert!(covers(&wide, &narrow) && !covers(&narrow, &wide));
        assert!(!covers(&Network::Local, &narrow) && !covers(&wide, &Network::Local));
    }
}
