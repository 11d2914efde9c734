//! `[email]`: the mail server and the sender.
//!
//! Owns the URL of the server and the name of the sender. A connection that leaves the host is encrypted; a password
//! stands in no URL. Leaves the sending to the daemon.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use countersign_core::contact::EmailAddress;

use crate::authority::Authority;
use crate::delivery::{EmailServer, Security};
use crate::diagnostics::{Findings, shorten};
use crate::path;
use crate::printable::first_unprintable;
use crate::sections::Section;
use crate::values::{Text, Value};

/// How long one attempt may take where the file does not say.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
/// The range of that time.
pub(crate) const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_mins(1);
/// The longest name of the sender, in bytes.
const FROM_NAME_LIMIT: usize = 128;
/// The longest name in EHLO, in bytes (RFC 1035).
const HELLO_LIMIT: usize = 253;
/// The longest user name, in bytes.
const USER_LIMIT: usize = 256;

const SCHEMES: [(&str, Security, u16); 3] = [
    ("smtps://", Security::Tls, 465),
    ("smtp+starttls://", Security::StartTls, 587),
    ("smtp://", Security::Loopback, 25),
];

/// Reads `[email]`; none where something in it is wrong, which has been noted.
pub(crate) fn read(section: &Section<'_, '_>, findings: &mut Findings) -> Option<EmailServer> {
    let server = section.required("server", findings).and_then(|value| server(&value, findings));
    let from = section.required("from", findings).and_then(|value| from(&value, findings));
    let user = section.value("user").and_then(|value| {
        let text = value.text(findings)?;
        text.is_showable(USER_LIMIT, findings).then(|| text.text.to_owned())
    });
    let mut file = |key| section.value(key).and_then(|value| path::read(&value, findings));
    let (password_file, ca_file) = (file("password_file"), file("ca_file"));
    let hello = section.value("hello").and_then(|value| hello(&value, findings));
    let timeout = section.value("timeout").and_then(|value| value.duration(findings, TIMEOUTS));

    if let Some(value) = section.value("password_file").filter(|_| section.value("user").is_none()) {
        let help = "write user = \"…\" as well, or take it out";
        findings.error(&value.place, "a password without a `user` is never used", help);
    }
    let (security, Authority { host, port }, default_port) = server?;
    if let Some(value) = section.value("ca_file").filter(|_| security == Security::Loopback) {
        findings.error(&value.place, "`ca_file` is for an encrypted connection", "take it out");
    }
    let (from_name, from) = from?;
    Some(EmailServer {
        host,
        port: port.unwrap_or(default_port),
        security,
        ca_file,
        user,
        password_file,
        from_name,
        from,
        hello,
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
    })
}

/// Takes a name with a domain, or an address literal such as `[192.0.2.1]` (RFC 5321 4.1.3).
fn hello(value: &Value<'_, '_>, findings: &mut Findings) -> Option<String> {
    let text = value.text(findings)?.text;
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = text.len() <= HELLO_LIMIT && text.contains('.') && text.split('.').all(is_label);
    let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_literal = literal.is_some_and(|address| match address.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => address.parse::<Ipv4Addr>().is_ok(),
    });
    if !is_name && !is_literal {
        let message =
            format!("`{}` is neither a host name with a domain nor an address in brackets", shorten(text));
        value.refuse(findings, message);
        return None;
    }
    Some(text.to_owned())
}

fn server(value: &Value<'_, '_>, findings: &mut Findings) -> Option<(Security, Authority, u16)> {
    let url = value.text(findings)?.text;
    let found = SCHEMES
        .iter()
        .find_map(|(scheme, security, port)| url.strip_prefix(scheme).map(|rest| (*security, rest, *port)));
    let Some((security, rest, port)) = found else {
        let message = format!("`{}` is not the URL of a mail server", shorten(&crate::mask::mask(url)));
        let help = "write smtps://HOST for TLS, smtp+starttls://HOST for STARTTLS, or smtp://localhost";
        findings.error(&value.place, message, help);
        return None;
    };
    if rest.contains('@') {
        let help = "write user = \"…\" and password_file = \"/etc/countersign/email-password\"";
        findings.error(&value.place, "user and password do not belong into a URL", help);
        return None;
    }
    let Some(authority) = Authority::parse(rest) else {
        value.refuse(findings, format!("`{}` is not a server: HOST or HOST:PORT", shorten(rest)));
        return None;
    };
    if security == Security::Loopback && !authority.is_within_host() {
        let help = format!("write smtps://{rest} or smtp+starttls://{rest}");
        findings.error(&value.place, "unencrypted mail is for a server on this host only", help);
        return None;
    }
    Some((security, authority, port))
}

/// Takes `Name <a@b>` or `a@b`.
fn from(value: &Value<'_, '_>, findings: &mut Findings) -> Option<(Option<String>, EmailAddress)> {
    let text = value.text(findings)?;
    let (name, address) = match text.text.strip_suffix('>').and_then(|inner| inner.split_once('<')) {
        Some((name, address)) => (Some(name.trim_end()), address),
        None => (None, text.text),
    };
    if let Some(character) = first_unprintable(text.text) {
        refuse_character(&text, character, findings);
        return None;
    }
    let Ok(address) = EmailAddress::try_from(address) else {
        value.refuse(findings, format!("`{}` is not an e-mail address", shorten(address)));
        return None;
    };
    let name = name.filter(|name| !name.is_empty());
    if let Some(wrong) = name.filter(|name| !is_sender_name(name)) {
        let message = format!("`{}` is not the name of a sender", shorten(wrong));
        let help = format!("write at most {FROM_NAME_LIMIT} bytes without < > \" and spaces around them");
        findings.error(&text.place, message, help);
        return None;
    }
    Some((name.map(str::to_owned), address))
}

fn refuse_character(text: &Text<'_, '_>, character: char, findings: &mut Findings) {
    let message = format!("this sender holds the character {}", character.escape_unicode());
    findings.error(&text.place, message, "write one sender, with printable characters on one line");
}

fn is_sender_name(name: &str) -> bool {
    name.len() <= FROM_NAME_LIMIT && name.trim() == name && !name.contains(['<', '>', '"'])
}
