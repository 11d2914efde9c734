//! The names of a host, and which patterns in `hosts` fit them (row P1).
//!
//! Owns the match, and what an unknown fully qualified name means. Leaves looking names up to the daemon.

use super::matcher::{Fit, Unmet};

/// The fully qualified name of the host that a policy is in force on, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fqdn {
    /// It has none besides its host name.
    #[default]
    None,
    /// This one: its host name, a dot and a domain.
    Known(String),
    /// The look-up failed: a pattern that some name of this host could fit may fit (row P10).
    Unknown,
}

impl Fqdn {
    /// Takes a name as the fully qualified one of a host: the host name, a dot, and labels of letters, digits and hyphens.
    #[must_use]
    pub fn of(host: &str, name: &str) -> Option<Self> {
        let name = name.trim_end_matches('.');
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_name = name.len() <= 253 && name.split('.').all(is_label);
        (is_name && belongs(name, host)).then(|| Self::Known(name.to_owned()))
    }

    /// Tells the name, where it is known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Known(name) => Some(name),
            Self::None | Self::Unknown => None,
        }
    }

    /// Holds patterns against the names of a host. A record of another host carries its host name only; then the fully
    /// qualified name is unknown.
    pub(super) fn fit<'a>(&'a self, wanted: &'a [String], host: &'a str) -> Fit<'a> {
        let own = self.name().filter(|name| belongs(name, host));
        let fits = |pattern: &String| {
            fits_pattern(pattern, host) || own.is_some_and(|name| fits_pattern(pattern, name))
        };
        if wanted.is_empty() || wanted.iter().any(fits) {
            return Fit::Certain;
        }
        let is_unknown = !host.contains('.')
            && match self {
                Self::None => false,
                Self::Known(_) => own.is_none(),
                Self::Unknown => true,
            };
        if is_unknown && wanted.iter().any(|pattern| fits_some_name_of(pattern, host)) {
            return Fit::Possible;
        }
        Fit::Not(Unmet::Host { host, fqdn: own, wanted })
    }
}

/// Tells whether a name is the host name, a dot, and more.
fn belongs(name: &str, host: &str) -> bool {
    let (head, rest) = name.split_at_checked(host.len()).unwrap_or_default();
    !host.is_empty() && head.eq_ignore_ascii_case(host) && rest.len() > 1 && rest.starts_with('.')
}

/// Tells whether a pattern fits some fully qualified name of a host.
fn fits_some_name_of(pattern: &str, host: &str) -> bool {
    let begun = format!("{host}.");
    // The pattern's beginning fits the host name and the dot; what follows it fits some domain.
    (1..=pattern.len()).filter(|end| pattern.is_char_boundary(*end)).any(|end| {
        let (head, rest) = pattern.split_at(end);
        (!rest.is_empty() || head.ends_with('*')) && fits_pattern(head, &begun)
    })
}

/// Tells whether a name fits a pattern, in whatever case: `*` is any text, `?` any one character. The work is at most
/// the product of both lengths.
fn fits_pattern(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // Whether the pattern so far fits the first n characters of the name, for each n.
    let mut fits = vec![false; name.len().saturating_add(1)];
    if let Some(empty) = fits.first_mut() {
        *empty = true;
    }
    for wanted in pattern.chars() {
        let mut diagonal = false;
        let mut is_reached = false;
        for (position, fit) in fits.iter_mut().enumerate() {
            let before = *fit;
            is_reached |= before;
            let character = position.checked_sub(1).and_then(|last| name.get(last));
            *fit = match wanted {
                '*' => is_reached,
                '?' => diagonal && character.is_some(),
                _ => diagonal && character.is_some_and(|character| character.eq_ignore_ascii_case(&wanted)),
            };
            diagonal = before;
        }
    }
    fits.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(fqdn: &Fqdn, pattern: &str, host: &str) -> &'static str {
        match fqdn.fit(&[pattern.to_owned()], host) {
            Fit::Certain => "certain",
            Fit::Possible => "possible",
            Fit::Not(_) => "not",
        }
    }

    #[test]
    fn a_pattern_fits_the_host_name_or_the_fully_qualified_one() {
        let fqdn = Fqdn::of("web1", "web1.Example.org.").unwrap();
        for (pattern, expected) in [
            ("web1", "certain"),
            ("web?", "certain"),
            ("*.example.org", "certain"),
            ("WEB1.example.ORG", "certain"),
            ("*.example.net", "not"),
            ("web1.example", "not"),
        ] {
            assert_eq!(fit(&fqdn, pattern, "web1"), expected, "{pattern}");
        }
        assert_eq!(fit(&Fqdn::None, "*.example.org", "web1"), "not");
        assert_eq!(fit(&Fqdn::None, "*.example.org", "web1.example.org"), "certain");
    }

    #[test]
    fn an_unknown_name_makes_possible_what_some_name_of_the_host_fits() {
        let others = Fqdn::of("db1", "db1.example.org").unwrap();
        for fqdn in [&Fqdn::Unknown, &others] {
            for (pattern, expected) in [
                ("*.example.org", "possible"),
                ("web1.*", "possible"),
                ("web?.example.org", "possible"),
                ("w*g", "possible"),
                ("web2.*", "not"),
                ("web1.", "not"),
                ("db*", "not"),
                ("web*", "certain"),
            ] {
                assert_eq!(fit(fqdn, pattern, "web1"), expected, "{pattern}");
            }
            assert_eq!(fit(fqdn, "*.example.org", "web1.example.net"), "not", "its host name is qualified");
        }
    }

    #[test]
    fn only_the_host_name_with_a_domain_is_its_fully_qualified_name() {
        for name in
            ["localhost", "web1", "web1.", "web10.example.org", "web1.exa mple", "web1..org", "web1.ü"]
        {
            assert_eq!(Fqdn::of("web1", name), None, "{name}");
        }
        assert_eq!(Fqdn::of("", ".example.org"), None);
    }
}
