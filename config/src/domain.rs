//! Domains of directory names, in `domains`.
//!
//! Owns what a domain may be. Leaves to `core` who is of a domain: a person of a directory, by what stands behind `@` in
//! their name or by their realm, in whatever case.

use crate::diagnostics::{Findings, shorten};
use crate::host::HOST_LIMIT;
use crate::names::repeated;
use crate::values::Text;

/// Takes the domains of a list.
pub(crate) fn names(entries: &[Text<'_, '_>], findings: &mut Findings) -> Vec<String> {
    let mut domains: Vec<String> = Vec::new();
    for entry in entries {
        if let Some((message, help)) = fault(entry.text) {
            findings.error(&entry.place, format!("`{}` {message}", shorten(entry.text)), help);
        } else if domains.iter().any(|domain| domain.eq_ignore_ascii_case(entry.text)) {
            repeated(entry, findings);
        } else {
            domains.push(entry.text.to_owned());
        }
    }
    domains
}

/// Tells what keeps a text from being a domain.
fn fault(text: &str) -> Option<(&'static str, String)> {
    let is_label = |label: &str| {
        let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(is_taken)
    };
    let example = || "write a domain such as \"example.org\"".to_owned();
    if text.contains(['*', '?']) {
        return Some(("is taken literally, patterns are not understood", "list the domains".to_owned()));
    }
    if let Some((_, domain)) = text.rsplit_once('@') {
        let is_domain = fault(domain).is_none();
        let help = if is_domain { format!("write \"{domain}\"") } else { example() };
        return Some(("is not a domain", help));
    }
    let is_domain = (1..=HOST_LIMIT).contains(&text.len()) && text.split('.').all(is_label);
    (!is_domain).then(|| ("is not a domain", example()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_labels_with_dots_between() {
        for domain in ["example.org", "EXAMPLE.ORG", "corp", "a-b.example", "_x"] {
            assert_eq!(fault(domain), None, "{domain}");
        }
        for wrong in
            ["", ".", "example.", ".org", "a b", "*.org", "@example.org", "a@b@c", "ex\u{e4}mple", "a/b"]
        {
            assert!(fault(wrong).is_some(), "{wrong}");
        }
        assert_eq!(fault("alice@example.org").unwrap().1, "write \"example.org\"");
        assert!(fault(&"a".repeat(HOST_LIMIT + 1)).is_some());
    }
}
