//! How sshd of this host is set up for one login, as it says itself.
//!
//! Owns running `sshd -T` and its time limit. Only root gets an answer: sshd reads its host keys for it. Leaves what follows
//! from the settings to the service.

use std::io::Read as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Where sshd lies.
const SSHD: &str = "/usr/sbin/sshd";
/// How long it may take.
const LIMIT: Duration = Duration::from_secs(5);
/// The most that is read of its answer, in bytes.
const ANSWER_LIMIT: u64 = 64 * 1024;
/// The settings that have a part in whether a code is asked for.
const SETTINGS: [&str; 4] =
    ["permitrootlogin", "kbdinteractiveauthentication", "usepam", "authenticationmethods"];
/// The address of a login whose address is not told (RFC 5737): `Match` blocks for networks do not fit it.
const UNKNOWN: &str = "192.0.2.1";

/// Tells the settings for a login of a user from an address; none where sshd is not there or does not answer.
pub(crate) fn settings(user: &str, from: Option<IpAddr>) -> Option<String> {
    // What would be another option of the test.
    if user.is_empty() || user.contains([',', '=']) || !nix::unistd::geteuid().is_root() {
        return None;
    }
    let address = from.map_or_else(|| UNKNOWN.to_owned(), |address| address.to_string());
    let mut child = Command::new(SSHD)
        .args(["-T", "-C", &format!("user={user},host={address},addr={address}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let answer = child.stdout.take()?.take(ANSWER_LIMIT);
    let (sender, answered) = channel();
    thread::spawn(move || {
        let (mut answer, mut text) = (answer, String::new());
        let _ = sender.send(answer.read_to_string(&mut text).is_ok().then_some(text));
    });
    let text = answered.recv_timeout(LIMIT).ok().flatten();
    if text.is_none() {
        let _ = child.kill();
    }
    let is_done = child.wait().is_ok_and(|status| status.success());
    text.filter(|_| is_done).map(|text| relevant(&text)).filter(|text| !text.is_empty())
}

/// Takes the lines that have a part in it.
pub(crate) fn relevant(text: &str) -> String {
    let is_relevant = |line: &&str| {
        let name = line.split_whitespace().next().unwrap_or_default();
        SETTINGS.iter().any(|setting| setting.eq_ignore_ascii_case(name))
    };
    text.lines().filter(is_relevant).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_settings_that_matter_are_told() {
        let text =
            "port 22\npermitrootlogin without-password\nusepam yes\nPermitRootLogin no\nhostkey /etc/x\n";
        assert_eq!(relevant(text), "permitrootlogin without-password\nusepam yes\nPermitRootLogin no");
        assert_eq!(settings("a,user=b", None), None);
    }
}
