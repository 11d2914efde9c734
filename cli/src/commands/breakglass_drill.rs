//! `countersign breakglass drill`: whether break-glass would open, before it has to.
//!
//! Tries what the PAM module tries, by the same code: the list and who could have written it, each account, the
//! consoles, the stack of `login`. Asks nothing of the service, because on the day it counts there may be none.

use std::fs;
use std::path::Path;

use clap::Args;
use countersign_protocol::breakglass::{BREAKGLASS_FILE, BreakGlassError, is_console, read_list};
use nix::unistd::geteuid;
use serde_json::json;

use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::{data, value};

/// The accounts of this host.
const PASSWD: &str = "/etc/passwd";
/// The stack of the console, and what Debian's includes.
const STACKS: [&str; 4] =
    ["/etc/pam.d/login", "/etc/pam.d/common-auth", "/etc/pam.d/system-auth", "/etc/pam.d/system-local-login"];
/// Terminals of which one is enough.
const CONSOLES: [&str; 6] = ["tty1", "tty2", "ttyS0", "ttyAMA0", "hvc0", "console"];

/// Try whether break-glass would open the console
///
/// Checks /etc/countersign/breakglass and its folders, each account in it, the consoles and the stack of `login`, as the
/// PAM module would. Exits with 0 only if nothing is wrong with any of them. To be sure, log in as that account on the
/// console afterwards: no code is asked for, and an alert appears in syslog and in the audit.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo countersign breakglass drill")]
pub(crate) struct Drill {}

/// One thing that was tried.
struct Tried {
    what: String,
    fault: Option<String>,
}

impl Drill {
    #[expect(clippy::unused_self, reason = "every verb is run the same way")]
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if !geteuid().is_root() {
            return Err(Failure::new(
                Exit::Refused,
                "Only root can read the break-glass list. Try: sudo countersign breakglass drill",
            ));
        }
        let tried = drill(Path::new(BREAKGLASS_FILE));
        let opens = tried.iter().all(|tried| tried.fault.is_none());
        if context.output.is_json() {
            let rows: Vec<_> =
                tried.iter().map(|tried| json!({ "tried": tried.what, "fault": tried.fault })).collect();
            value(&json!({ "opens": opens, "tried": rows }))?;
        } else {
            for Tried { what, fault } in &tried {
                data(
                    &fault
                        .as_ref()
                        .map_or_else(|| format!("ok     {what}"), |fault| format!("FAULT  {what}: {fault}")),
                )?;
            }
        }
        if opens { Ok(()) } else { Err(Failure::silent(Exit::Refused)) }
    }
}

fn drill(list: &Path) -> Vec<Tried> {
    let tried = |what: &str, fault: Option<String>| Tried { what: what.to_owned(), fault };
    let name = list.display().to_string();
    let mut all = match read_list(list) {
        Err(error) => vec![tried(&name, Some(remedy(&error)))],
        Ok(uids) if uids.is_empty() => {
            vec![tried(&name, Some("nobody is listed; write a uid on a line of its own".to_owned()))]
        }
        Ok(uids) => {
            let passwd = fs::read_to_string(PASSWD).unwrap_or_default();
            let mut all = vec![tried(&name, None)];
            all.extend(uids.into_iter().map(|uid| account(&passwd, uid)));
            all
        }
    };
    let consoles = CONSOLES.into_iter().any(is_console);
    all.push(tried(
        "a console of this host",
        (!consoles).then(|| "none of the usual ones is there".to_owned()),
    ));
    let covered = STACKS.iter().any(|stack| fs::read_to_string(stack).is_ok_and(|text| names_us(&text)));
    let fault = "pam_countersign.so is in none of its files: nobody is asked for a code there".to_owned();
    all.push(tried("the stack of login", (!covered).then_some(fault)));
    all
}

fn account(passwd: &str, uid: u32) -> Tried {
    let name = passwd
        .lines()
        .filter(|line| line.split(':').nth(2).and_then(|field| field.parse().ok()) == Some(uid))
        .find_map(|line| line.split(':').next());
    match name {
        Some(name) => Tried { what: format!("uid {uid} ({name})"), fault: None },
        None => Tried { what: format!("uid {uid}"), fault: Some("no account of this host".to_owned()) },
    }
}

fn names_us(stack: &str) -> bool {
    stack.lines().any(|line| !line.trim_start().starts_with('#') && line.contains("pam_countersign.so"))
}

fn remedy(error: &BreakGlassError) -> String {
    match error {
        BreakGlassError::Unreadable { .. } => {
            format!("{error}. Make it with: install -o root -g root -m 0600 /dev/null {BREAKGLASS_FILE}")
        }
        BreakGlassError::Unsafe { .. } | BreakGlassError::Line(_) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_not_there_is_a_fault_with_its_remedy() {
        let tried = drill(Path::new("/nonexistent/breakglass"));
        let fault = tried.first().and_then(|tried| tried.fault.clone()).unwrap();
        assert!(fault.contains("install -o root"), "{fault}");
    }

    #[test]
    fn an_account_is_named_by_its_uid() {
        let passwd = "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n";
        assert_eq!(account(passwd, 1000).what, "uid 1000 (alice)");
        assert!(account(passwd, 1001).fault.is_some());
    }

    #[test]
    fn a_line_that_is_commented_out_does_not_cover() {
        assert!(names_us("auth required pam_unix.so\nauth required pam_countersign.so\n"));
        assert!(!names_us("# auth required pam_countersign.so\n"));
    }
}
