//! The handle that libpam gives us, with what pam-bindings leaves out.
//!
//! Owns every `unsafe` of the module, one operation a block. Texts are copied before they are used, because a
//! conversation may change them. Leaves decisions to the callers.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::marker::PhantomData;

use countersign_protocol::error::{ScreenError, printable};
use pam::constants::{PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_TEXT_INFO, PamResultCode};
use pam::conv::Conv;
use pam::items::{Item, Service};
use pam::module::PamHandle;
use zeroize::Zeroizing;

use crate::outcome::Failure;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_syslog(handle: *const PamHandle, priority: c_int, format: *const c_char, ...);
    fn pam_fail_delay(handle: *mut PamHandle, microseconds: c_uint) -> c_int;
    fn pam_getenv(handle: *mut PamHandle, name: *const c_char) -> *const c_char;
    fn pam_set_item(handle: *mut PamHandle, kind: c_int, item: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut PamHandle, assignment: *const c_char) -> c_int;
}

/// How long a refusal takes at least, as with `pam_unix`; libpam varies it by half and the application may overrule it.
const FAIL_DELAY_MICROSECONDS: c_uint = 2_000_000;
/// The item of the password (`_pam_types.h`).
const PAM_AUTHTOK: c_int = 6;

/// A value that the handle keeps from one hook to the next, in the same process: its key in libpam and its only type.
/// The key has a version: another build of the module must not read the value as a type of its own.
pub(crate) struct Slot<T>(&'static str, PhantomData<T>);

/// The user that `authenticate` let in, for `account`.
pub(crate) const PASSED: Slot<String> = Slot("countersign.passed.1", PhantomData);
/// The id of that login, for the session hook.
pub(crate) const LOGIN: Slot<String> = Slot("countersign.login.1", PhantomData);
/// The code that a `combined` line read, for the line that asks for it.
pub(crate) const CODE: Slot<Zeroizing<String>> = Slot("countersign.kept.1", PhantomData);
/// The login and the session that this handle opened, until the session closes.
pub(crate) const OPENED: Slot<(String, u32)> = Slot("countersign.opened.1", PhantomData);

/// How much a line in syslog matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Somebody got in by break-glass.
    Alert,
    /// Our own fault.
    Critical,
    /// A login was refused because something did not work.
    Error,
    /// Only under `debug`.
    Debug,
}

/// A PAM transaction.
pub(crate) struct Handle<'a>(&'a mut PamHandle);

impl<'a> Handle<'a> {
    /// Wraps what libpam passed to a hook.
    pub(crate) fn new(handle: &'a mut PamHandle) -> Self {
        Self(handle)
    }

    /// Tells the name of the person, asking for it where the application has not.
    pub(crate) fn user(&mut self) -> Result<String, PamResultCode> {
        self.0.get_user(None)
    }

    /// Tells the service, which libpam always knows; an unreadable name is an empty one.
    pub(crate) fn service(&self) -> String {
        self.item(|item: Service<'_>| item.0).unwrap_or_default()
    }

    /// Copies a text item.
    pub(crate) fn item<'b, T: Item<'b>>(&'b self, text: impl FnOnce(T) -> &'b CStr) -> Option<String> {
        let item = self.0.get_item::<T>().ok().flatten()?;
        text(item).to_str().ok().map(str::to_owned)
    }

    /// Tells whether libpam has an item, readable or not.
    pub(crate) fn has_item<'b, T: Item<'b>>(&'b self) -> bool {
        !matches!(self.0.get_item::<T>(), Ok(None))
    }

    /// Tells whether the PAM environment has a variable, readable or not.
    pub(crate) fn has_variable(&self, name: &CStr) -> bool {
        !self.lookup(name).is_null()
    }

    fn lookup(&self, name: &CStr) -> *const c_char {
        let handle = std::ptr::from_ref::<PamHandle>(&*self.0).cast_mut();
        // SAFETY: the handle is libpam's for the whole hook, the name is a C string; pam_getenv changes neither.
        unsafe { pam_getenv(handle, name.as_ptr()) }
    }

    /// Tells a variable of the PAM environment, never of the process.
    pub(crate) fn variable(&self, name: &CStr) -> Option<String> {
        let value = self.lookup(name);
        if value.is_null() {
            return None;
        }
        // SAFETY: pam_getenv returns a C string that lives until the environment changes; it is copied before that.
        let value = unsafe { CStr::from_ptr(value) };
        value.to_str().ok().map(str::to_owned)
    }

    /// Sets a variable of the PAM environment; one that cannot be set is not there.
    pub(crate) fn set(&mut self, name: &CStr, value: &str) {
        let assignment = [name.to_bytes(), b"=", value.as_bytes()].concat();
        if let Ok(assignment) = CString::new(assignment) {
            self.put(&assignment);
        }
    }

    /// Unsets a variable of the PAM environment; libpam complains in syslog about one that is not there.
    pub(crate) fn unset(&mut self, name: &CStr) {
        if self.has_variable(name) {
            self.put(name);
        }
    }

    fn put(&mut self, assignment: &CStr) {
        // SAFETY: the handle is libpam's for the whole hook; pam_putenv copies the C string.
        let _ = unsafe { pam_putenv(self.0, assignment.as_ptr()) };
    }

    /// Makes a refusal take time.
    pub(crate) fn delay_failure(&mut self) {
        // SAFETY: the handle is libpam's for the whole hook.
        let _ = unsafe { pam_fail_delay(self.0, FAIL_DELAY_MICROSECONDS) };
    }

    /// Keeps a value in its slot, or empties the slot.
    pub(crate) fn keep<T: 'static>(&mut self, slot: &Slot<T>, value: Option<T>) -> Result<(), Failure> {
        self.0.set_data(slot.0, Box::new(value)).map_err(|_| Failure::Internal("no memory"))
    }

    /// Copies the value of a slot.
    pub(crate) fn kept<T: Clone>(&self, slot: &Slot<T>) -> Option<T> {
        // SAFETY: each key belongs to one slot, and only `keep` stores under it: always an `Option` of the slot's type.
        unsafe { self.0.get_data::<Option<T>>(slot.0) }.ok()?.clone()
    }

    /// Takes the value of a slot, which is empty afterwards.
    pub(crate) fn take<T: Clone + 'static>(&mut self, slot: &Slot<T>) -> Option<T> {
        let value = self.kept(slot)?;
        self.keep(slot, None).ok().map(|()| value)
    }

    /// Gives a password to the modules behind us.
    pub(crate) fn give_password(&mut self, password: &str) -> Result<(), Failure> {
        let bytes = Zeroizing::new([password.as_bytes(), b"\0"].concat());
        let no_memory = Failure::Internal("no memory");
        let Ok(password) = CStr::from_bytes_with_nul(&bytes) else { return Err(no_memory) };
        // SAFETY: the handle is libpam's for the whole hook; libpam copies the C string.
        let code = unsafe { pam_set_item(self.0, PAM_AUTHTOK, password.as_ptr().cast()) };
        if code == 0 { Ok(()) } else { Err(no_memory) }
    }

    /// Writes a line to syslog, as libpam does it (facility authpriv, with module, service and phase).
    pub(crate) fn log(&self, priority: Priority, text: &str) {
        let priority = match priority {
            Priority::Alert => 1,
            Priority::Critical => 2,
            Priority::Error => 3,
            Priority::Debug => 7,
        };
        let Ok(text) = CString::new(printable(text)) else { return };
        // SAFETY: the handle is libpam's for the whole hook; the format is the literal "%s" with its one C string.
        unsafe { pam_syslog(self.0, priority, c"%s".as_ptr(), text.as_ptr()) };
    }

    /// Shows an information or error text; whether it arrives nobody can know, many applications answer it by nothing.
    pub(crate) fn show(&self, error: bool, text: &str) {
        if let Ok(Some(conversation)) = self.0.get_item::<Conv<'_>>() {
            let _ = conversation.send(if error { PAM_ERROR_MSG } else { PAM_TEXT_INFO }, text);
        }
    }

    /// Prompts and waits. An answer that is no text is an empty one: asked again and not charged (DESIGN.md 3).
    ///
    /// # Errors
    ///
    /// [`ScreenError::Absent`] without a conversation, [`ScreenError::Failed`] where it fails or answers nothing.
    pub(crate) fn ask(&self, hidden: bool, text: &str) -> Result<Zeroizing<String>, ScreenError> {
        let conversation = self.0.get_item::<Conv<'_>>().ok().flatten().ok_or(ScreenError::Absent)?;
        let style = if hidden { PAM_PROMPT_ECHO_OFF } else { PAM_PROMPT_ECHO_ON };
        let answer = conversation.send(style, text).ok().flatten().ok_or(ScreenError::Failed)?;
        Ok(Zeroizing::new(answer.as_str().unwrap_or_default().to_owned()))
    }
}

/// Tells the audit session id of this process, where it has one.
pub(crate) fn audit_session() -> Option<u32> {
    #[expect(clippy::disallowed_methods, reason = "the kernel's word on the session")]
    let text = std::fs::read_to_string("/proc/self/sessionid").ok()?;
    text.trim().parse().ok().filter(|session| *session != u32::MAX)
}
