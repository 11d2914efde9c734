//! Names of PAM services, held against the files in /etc/pam.d of one host.
//!
//! Owns which names are doubtful and what is suggested instead: a suggestion is always a valid name, and one of this host
//! where its services are known. Leaves reading the folders to the client.

use crate::diagnostics::shorten;
use crate::keys::most_alike;

/// Services of common systems. A file serves many hosts, so one that this host lacks is not doubtful.
const USUAL: [&str; 40] = [
    "atd",
    "chfn",
    "chsh",
    "cockpit",
    "cron",
    "crond",
    "cups",
    "dovecot",
    "gdm-fingerprint",
    "gdm-password",
    "gdm-smartcard",
    "greetd",
    "kde",
    "kscreenlocker",
    "lightdm",
    "login",
    "lxdm",
    "other",
    "passwd",
    "polkit-1",
    "postgresql",
    "proftpd",
    "remote",
    "runuser",
    "runuser-l",
    "samba",
    "sddm",
    "smtp",
    "sshd",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "swaylock",
    "systemd-user",
    "vlock",
    "vsftpd",
    "xdm",
    "xrdp-sesman",
    "xscreensaver",
];
/// Names that stand for a service, and are not what libpam knows it by.
const MISSPELT: [(&str, &str); 9] = [
    ("ssh", "sshd"),
    ("openssh", "sshd"),
    ("console", "login"),
    ("getty", "login"),
    ("agetty", "login"),
    ("polkit", "polkit-1"),
    ("xrdp", "xrdp-sesman"),
    ("su -", "su-l"),
    ("su -l", "su-l"),
];

/// Why the name of a service is doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// Tells why a name is doubtful; `installed` are the services of this host, where they are known.
#[must_use]
pub fn doubt_service(name: &str, installed: Option<&[String]>) -> Option<Doubt> {
    let is_installed = installed.is_some_and(|installed| installed.iter().any(|service| service == name));
    let is_misspelt = MISSPELT.iter().any(|(wrong, _)| *wrong == name);
    if is_installed || (USUAL.contains(&name) && !is_misspelt) || (installed.is_none() && !is_misspelt) {
        return None;
    }
    let shown = shorten(name);
    let message = match installed {
        Some(_) => format!("this host has no service `{shown}`: no file in /etc/pam.d is called so"),
        None => format!("no login comes by a service `{shown}`"),
    };
    Some(Doubt { message, help: suggest(name, installed) })
}

/// Says which service to write instead of a name that is none.
pub(crate) fn suggest(name: &str, installed: Option<&[String]>) -> String {
    const RULE: &str = "services are called as their files in /etc/pam.d";
    match nearest(name, installed) {
        Some(meant) => format!("write \"{meant}\": {RULE}"),
        None => RULE.to_owned(),
    }
}

/// Finds the service that is meant: by what people call it, by what is left without case and separators, by likeness.
fn nearest<'n>(name: &str, installed: Option<&'n [String]>) -> Option<&'n str> {
    let candidates: Vec<&'n str> = match installed {
        Some(installed) => installed.iter().map(String::as_str).collect(),
        None => USUAL.to_vec(),
    };
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let spaced = words.join(" ");
    let called = MISSPELT.iter().find(|(wrong, _)| *wrong == spaced).map(|(_, meant)| *meant);
    let bare = |text: &str| {
        text.to_lowercase().replace(|sign: char| sign.is_whitespace() || "-_.".contains(sign), "")
    };
    let find = |is_meant: &dyn Fn(&str) -> bool| candidates.iter().copied().find(|service| is_meant(service));
    called
        .and_then(|meant| find(&|service| service == meant))
        .or_else(|| find(&|service| bare(service) == bare(name)))
        .or_else(|| most_alike(&words.join("-"), candidates.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(services: &[&str]) -> Vec<String> {
        services.iter().map(|service| (*service).to_owned()).collect()
    }

    #[test]
    fn a_suggestion_is_a_service_of_this_host() {
        let debian = host(&["cron", "login", "other", "passwd", "sshd", "su", "su-l", "sudo", "sudo-i"]);
        for (name, meant) in [
            ("sudo -i", Some("sudo-i")),
            ("sudo--i", Some("sudo-i")),
            ("su -", Some("su-l")),
            ("ssh", Some("sshd")),
            ("SSHD", Some("sshd")),
            ("logn", Some("login")),
            ("console", Some("login")),
            ("openvpn", None),
        ] {
            let help = suggest(name, Some(&debian));
            assert_eq!(help.starts_with("write"), meant.is_some(), "{name}: {help}");
            assert!(
                meant.is_none_or(|meant| help.starts_with(&format!("write \"{meant}\""))),
                "{name}: {help}"
            );
            assert!(doubt_service(name, Some(&debian)).is_some(), "{name}");
        }
        let bare = host(&["login", "sudo"]);
        assert!(suggest("sudo -i", Some(&bare)).contains("\"sudo\""), "sudo-i is not there");
        assert!(suggest("sudo -i", None).contains("\"sudo-i\""));
    }

    #[test]
    fn usual_services_that_a_host_lacks_and_its_own_are_no_doubt() {
        let bare = host(&["login", "own-service"]);
        for name in ["sudo-i", "dovecot", "gdm-password", "own-service", "systemd-user"] {
            assert_eq!(doubt_service(name, Some(&bare)), None, "{name}");
            assert_eq!(doubt_service(name, None), None, "{name}");
        }
        assert!(doubt_service("ssh", None).is_some());
        assert_eq!(doubt_service("ssh", Some(&host(&["ssh"]))), None, "a host may have one of that name");
    }
}
