//! The fully qualified name of this host, which `hosts` patterns match beside the host name.
//!
//! Owns the look-up and its time limit: libc asks /etc/hosts and the DNS in the order of nsswitch.conf. Leaves which answer
//! counts to `core`. Never called while somebody logs in.

use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use countersign_core::policy::Fqdn;
use nix::libc;

/// How long the look-up may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Looks up the fully qualified name of the host of this name.
///
/// A host name with a dot is fully qualified itself. A look-up that fails or is late tells nothing: [`Fqdn::Unknown`].
#[must_use]
pub fn fqdn(host: &str) -> Fqdn {
    if host.contains('.') {
        return Fqdn::None;
    }
    let name = host.to_owned();
    let (sender, answer) = channel();
    // A name service that hangs keeps this one thread, and nobody waits for it.
    let started = thread::Builder::new().name("fqdn".into()).spawn(move || {
        let _ = sender.send(canonical(&name));
    });
    match (started, answer.recv_timeout(LIMIT)) {
        (Ok(_), Ok(Ok(Some(name)))) => Fqdn::of(host, &name).unwrap_or(Fqdn::None),
        (Ok(_), Ok(Ok(None))) => Fqdn::None,
        (Ok(_), Ok(Err(())) | Err(_)) | (Err(_), _) => Fqdn::Unknown,
    }
}

/// Asks libc for the canonical name; none where there is no such name, an error where nobody knows.
fn canonical(host: &str) -> Result<Option<String>, ()> {
    let Ok(host) = CString::new(host) else { return Ok(None) };
    // SAFETY: all-zero bytes are a valid `addrinfo`: integers and null pointers.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_flags = libc::AI_CANONNAME;
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut found: *mut libc::addrinfo = ptr::null_mut();
    // SAFETY: the name is terminated and the pointers are valid for the call; `found` is freed below.
    let status = unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut found) };
    match status {
        0 if found.is_null() => return Ok(None),
        0 => {}
        libc::EAI_NONAME | libc::EAI_NODATA => return Ok(None),
        _ => return Err(()),
    }
    // SAFETY: getaddrinfo succeeded, so `found` points to a valid first entry.
    let name = unsafe { (*found).ai_canonname };
    let name = if name.is_null() {
        None
    } else {
        // SAFETY: the canonical name is a terminated string that lives as long as the list.
        let name = unsafe { CStr::from_ptr(name) };
        name.to_str().ok().map(str::to_owned)
    };
    // SAFETY: `found` is the list that getaddrinfo made, and is used no more.
    unsafe { libc::freeaddrinfo(found) };
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_with_a_dot_is_not_looked_up_and_this_host_answers_in_time() {
        assert_eq!(fqdn("web1.example.org"), Fqdn::None);
        assert_eq!(fqdn("localhost"), Fqdn::None, "its canonical name has no domain");
        assert_eq!(fqdn("a\0b"), Fqdn::None);
    }
}
