//! Unit tests of the guard around each hook, with a real handle of libpam.

use std::ffi::{c_char, c_int, c_void};

use super::*;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const [*mut c_void; 2],
        handle: *mut *mut PamHandle,
    ) -> c_int;
    fn pam_end(handle: *mut PamHandle, status: c_int) -> c_int;
}

fn with_handle(work: impl FnOnce(&mut PamHandle)) {
    let conversation = [std::ptr::null_mut(); 2];
    let mut handle = std::ptr::null_mut();
    // SAFETY: C strings and a conversation of two NULL pointers, all copied by libpam.
    let code =
        unsafe { pam_start(c"sudo".as_ptr(), c"alice".as_ptr(), &raw const conversation, &raw mut handle) };
    assert_eq!(code, 0);
    // SAFETY: pam_start has made it, and nobody else holds it.
    work(unsafe { &mut *handle });
    // SAFETY: never used again.
    unsafe { pam_end(handle, 0) };
}

/// A payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_panic_ends_in_a_system_error_whatever_it_carries() {
    with_handle(|handle| {
        assert_eq!(guarded(handle, |_| panic!("injected")), PamResultCode::PAM_SYSTEM_ERR);
        assert_eq!(guarded(handle, |_| std::panic::panic_any(Bomb)), PamResultCode::PAM_SYSTEM_ERR);
        assert_eq!(guarded(handle, |_| PamResultCode::PAM_AUTH_ERR), PamResultCode::PAM_AUTH_ERR);
    });
}

/// The service's sentence in English without `help` is compared with the man page in its tests.
#[test]
fn the_man_page_quotes_the_one_sentence_of_the_module() {
    let man = include_str!("../../docs/man/pam_countersign.8.md");
    assert!(man.split_whitespace().collect::<Vec<_>>().join(" ").contains(UNAVAILABLE));
}

#[test]
fn a_variable_is_set_read_and_unset() {
    with_handle(|handle| {
        let mut handle = Handle::new(handle);
        assert_eq!(handle.variable(LOGIN_VARIABLE), None);
        handle.unset(LOGIN_VARIABLE);
        handle.set(LOGIN_VARIABLE, "c42");
        assert_eq!(handle.variable(LOGIN_VARIABLE).as_deref(), Some("c42"));
        handle.unset(LOGIN_VARIABLE);
        assert_eq!(handle.variable(LOGIN_VARIABLE), None);
    });
}
