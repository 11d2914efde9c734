//! A server as a URL names it: a host, and perhaps a port.
//!
//! Owns what a host may be, and which hosts are this one. Leaves schemes and users to the readers of URLs.

use std::net::{IpAddr, Ipv6Addr};

use crate::host::HOST_LIMIT;

/// A host and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    /// The port, where one is named; never 0.
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// Reads `NAME`, `NAME:PORT`, `[IPv6]` or `[IPv6]:PORT`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                (address, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        if !text.starts_with('[') && !is_name(host) {
            return None;
        }
        let port = match port {
            None => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port != 0)?)
            }
            Some(_) => return None,
        };
        Some(Self { host: host.to_owned(), port })
    }

    /// Tells whether what is sent there stays on this host.
    pub(crate) fn is_within_host(&self) -> bool {
        is_within_host(&self.host)
    }
}

/// Tells whether a name or address is this host itself: 127.0.0.0/8, `::1`, `localhost`.
pub(crate) fn is_within_host(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_name(host: &str) -> bool {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=HOST_LIMIT).contains(&host.len()) && host.bytes().all(is_taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_perhaps_a_port() {
        for (text, host, port) in [
            ("mail.example.org", "mail.example.org", None),
            ("127.0.0.1:25", "127.0.0.1", Some(25)),
            ("[::1]:2525", "::1", Some(2525)),
            ("[2001:db8::1]", "2001:db8::1", None),
        ] {
            assert_eq!(Authority::parse(text), Some(Authority { host: host.to_owned(), port }));
        }
        for text in [
            "", ":25", "a:", "a:0", "a:+5", "a:65536", "[a]", "[::1", "[::1]5", "a b", "a/b", "::1", "\u{e4}",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_loopback_is_within_the_host() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost"] {
            assert!(is_within_host(host), "{host}");
        }
        for host in ["128.0.0.1", "::2", "::ffff:192.0.2.1", "localhost.example.org", "0.0.0.0", "127.1"] {
            assert!(!is_within_host(host), "{host}");
        }
    }
}
