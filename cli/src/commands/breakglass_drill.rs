//! `countersign breakglass drill`: whether break-glass would open, before it has to.
//!
//! Tries what the PAM module tries, by the same code: the list and who could have written it, each account, the
//! consoles, the stack of `login`. Asks nothing of the service, because on the day it counts there may be none.

use std::fs;
use std::io;
use std::path::Path;

use clap::Args;
use countersign_protocol::breakglass::{BREAKGLASS_FILE, BreakGlassError, is_console, read_list};
use countersign_protocol::passwd::Entry;
use nix::unistd::geteuid;
use serde_json::json;

use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::{data, printable, value};

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
            let mut all = vec![tried(&name, None)];
            match fs::read(PASSWD) {
                Ok(passwd) => all.extend(uids.into_iter().map(|uid| account(&passwd, uid))),
                Err(error) => all.push(tried(PASSWD, Some(format!("it cannot be read: {error}")))),
            }
            all
        }
    };
    let consoles = CONSOLES.into_iter().any(is_console);
    all.push(tried(
        "a console of this host",
        (!consoles).then(|| "none of the usual ones is there".to_owned()),
    ));
    all.extend(stacks(&STACKS.map(Path::new)));
    all
}

/// Looks for the module in the files of a stack; those that are not there are not part of it.
fn stacks(files: &[&Path]) -> Vec<Tried> {
    let (mut all, mut covered) = (Vec::new(), false);
    for file in files {
        match fs::read(file) {
            // Comments may be in any bytes.
            Ok(stack) => covered |= names_us(&String::from_utf8_lossy(&stack)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let fault = Some(format!("it cannot be read: {error}"));
                all.push(Tried { what: file.display().to_string(), fault });
            }
        }
    }
    let fault = "pam_countersign.so is in none of its files: nobody is asked for a code there".to_owned();
    all.push(Tried { what: "the stack of login".to_owned(), fault: (!covered).then_some(fault) });
    all
}

fn account(passwd: &[u8], uid: u32) -> Tried {
    let names: Vec<_> = Entry::all(passwd).filter(|entry| entry.uid == Some(uid)).map(|it| it.name).collect();
    // The PAM module takes names that are UTF-8 only.
    let name = names.iter().find_map(|name| std::str::from_utf8(name).ok());
    let (name, fault) = match (name, names.is_empty()) {
        (Some(name), _) => (format!(" ({})", printable(name)), None),
        (None, true) => (String::new(), Some("no account of this host".to_owned())),
        (None, false) => (String::new(), Some("the name of this account is not UTF-8".to_owned())),
    };
    Tried { what: format!("uid {uid}{name}"), fault }
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
        let passwd = b"root:x:0:0::/:/bin/sh\nalice:x:1000:1000:\xfc:/:/bin/sh\n\xff:x:7:7:::\n";
        let tried = account(passwd, 1000);
        assert_eq!((tried.what.as_str(), tried.fault), ("uid 1000 (alice)", None), "whatever chfn wrote");
        for absent in [1001, 7] {
            assert!(account(passwd, absent).fault.is_some(), "{absent}");
        }
    }

    #[test]
    fn a_stack_with_a_comment_in_any_bytes_covers_and_one_that_cannot_be_read_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let stack = folder.path().join("login");
        fs::write(&stack, b"# f\xfcr alle\nauth required pam_countersign.so\n").unwrap();
        let absent = folder.path().join("absent");
        assert!(stacks(&[&stack, &absent]).iter().all(|tried| tried.fault.is_none()));
        assert!(stacks(&[&absent]).iter().any(|tried| tried.fault.is_some()));
        assert!(stacks(&[&stack, folder.path()]).iter().any(|tried| tried.fault.is_some()), "a folder");
    }

    #[test]
    fn a_line_that_is_commented_out_does_not_cover() {
        assert!(names_us("auth required pam_unix.so\nauth required pam_countersign.so\n"));
        assert!(!names_us("# auth required pam_countersign.so\n"));
    }
}
