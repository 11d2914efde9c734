//! How sshd is set up, as far as it decides whether a login is asked for a code at all (row L9).
//!
//! Owns what follows from the settings. Leaves asking sshd to the client: only root can.

use crate::conversation::login::Course;
use crate::login::{Existence, LoginRequest};

/// The settings of sshd for one login, as `sshd -T` prints them. What is not told is taken as sshd's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshServer {
    root_login: String,
    keyboard_interactive: bool,
    pam: bool,
    /// The lists of `AuthenticationMethods`; empty for `any`.
    methods: Vec<Vec<String>>,
}

/// Why sshd refuses a login, or lets it come to the backstop without a code.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum SshRefusal {
    /// Root gets in by no method.
    RootRefused,
    /// Root is refused where a code would be typed; the value of `PermitRootLogin`.
    RootNotAsked(String),
    /// Nobody is asked through PAM.
    NotAsked {
        /// The setting that says so.
        setting: &'static str,
    },
    /// A key alone is enough for sshd, so that no code was given when the backstop looks.
    KeyAlone,
}

impl SshServer {
    /// Reads the settings from what `sshd -T` prints: a name and a value on each line. Other lines are passed over.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut server = Self {
            root_login: "prohibit-password".to_owned(),
            keyboard_interactive: true,
            // OpenSSH's own default is `no`; a distribution that has our module sets `yes`, and `sshd -T` always tells.
            pam: true,
            methods: Vec::new(),
        };
        for line in text.lines() {
            let Some((name, value)) = line.trim().split_once(char::is_whitespace) else { continue };
            let value = value.trim().to_ascii_lowercase();
            match name.to_ascii_lowercase().as_str() {
                "permitrootlogin" => server.root_login = value,
                "kbdinteractiveauthentication" => server.keyboard_interactive = value == "yes",
                "usepam" => server.pam = value == "yes",
                "authenticationmethods" if value != "any" => {
                    let lists = value.split_whitespace();
                    server.methods = lists.map(|list| list.split(',').map(str::to_owned).collect()).collect();
                }
                _ => {}
            }
        }
        server
    }

    /// Tells what keeps root from being asked for a code, whatever the rules say.
    #[must_use]
    pub fn refuses_root(&self) -> Option<SshRefusal> {
        match self.root_login.as_str() {
            "yes" => None,
            "no" => Some(SshRefusal::RootRefused),
            // keyboard-interactive counts as a password there.
            other => Some(SshRefusal::RootNotAsked(other.to_owned())),
        }
    }

    /// Tells why a login that needs a code does not get through; nothing where it is asked, or needs none.
    #[must_use]
    pub fn refusal(&self, request: &LoginRequest, course: Course) -> Option<SshRefusal> {
        let needs_code = match course {
            Course::Ask | Course::Enroll | Course::Invite => true,
            Course::Pass | Course::Refuse => false,
        };
        if request.service != "sshd" || !needs_code {
            return None;
        }
        if matches!(request.person.existence, Existence::Known { uid: 0, .. })
            && let Some(refusal) = self.refuses_root()
        {
            return Some(refusal);
        }
        if !self.pam {
            return Some(SshRefusal::NotAsked { setting: "UsePAM no" });
        }
        if !self.keyboard_interactive {
            return Some(SshRefusal::NotAsked { setting: "KbdInteractiveAuthentication no" });
        }
        let is_key_enough = self.methods.is_empty() || self.methods.iter().any(|list| is_key_alone(list));
        (request.ssh.public_key.is_some() && is_key_enough).then_some(SshRefusal::KeyAlone)
    }
}

/// Tells whether a list of methods is complete with a key.
fn is_key_alone(list: &[String]) -> bool {
    list.iter().all(|method| method.split(':').next() == Some("publickey"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_asked_only_where_sshd_lets_passwords_in() {
        let refused =
            |value: &str| SshServer::read(&format!("permitrootlogin {value}\nport 22\n")).refuses_root();
        assert_eq!(refused("yes"), None);
        assert_eq!(refused("no"), Some(SshRefusal::RootRefused));
        for value in ["prohibit-password", "without-password", "forced-commands-only"] {
            assert_eq!(refused(value), Some(SshRefusal::RootNotAsked(value.to_owned())));
        }
        assert!(SshServer::read("").refuses_root().is_some(), "the default of sshd");
    }

    #[test]
    fn a_list_of_keys_alone_asks_nobody() {
        let lists = |value: &str| SshServer::read(&format!("AuthenticationMethods {value}")).methods;
        assert_eq!(lists("any"), Vec::<Vec<String>>::new());
        let methods = lists("publickey,keyboard-interactive:pam publickey,publickey");
        assert_eq!(methods.iter().map(|list| is_key_alone(list)).collect::<Vec<_>>(), [false, true]);
    }
}
