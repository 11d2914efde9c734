//! Numeric addresses of logins, read in one way wherever they come from.

use std::net::{IpAddr, Ipv6Addr};

/// Reads a numeric address; mapped IPv6 is brought back to IPv4, a zone (`fe80::1%eth0`) is dropped.
#[must_use]
pub fn numeric(text: &str) -> Option<IpAddr> {
    let bare = text.split('%').next().unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<Ipv6Addr>().map(IpAddr::V6)).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_dropped_and_mapped_addresses_are_brought_back() {
        for (text, read) in [
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(numeric(text), read.parse().ok(), "{text}");
        }
        for wrong in ["", "%eth0", "example.org", "10.0.0.0/8", "1.2.3"] {
            assert_eq!(numeric(wrong), None, "{wrong}");
        }
    }
}
