//! Real libpam, driven as an application drives it.
//!
//! Owns stacks in a folder of their own (`pam_start_confdir`), transactions, and a scripted person behind the
//! conversation function. Every `unsafe` of the tests is here. Nothing on the host's own `/etc/pam.d` is touched.

pub mod code;
mod stacks;

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::libc;

pub use stacks::{Stacks, is_installed, module};

/// `PAM_SILENT`.
pub const SILENT: i32 = 0x8000;

/// A text item of a transaction; the number is libpam's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Item {
    /// Who logs in.
    User = 2,
    /// The terminal.
    Tty = 3,
    /// The remote host.
    RemoteHost = 4,
    /// Who asks, where somebody asks for somebody else.
    RequestingUser = 8,
}

/// How a message is shown; the number is libpam's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A prompt whose answer is not seen.
    Hidden,
    /// A prompt whose answer is seen.
    Visible,
    /// An error.
    Error,
    /// Information.
    Information,
}

/// What a person does at a prompt.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// Answers with these bytes.
    Answer(Vec<u8>),
    /// The application returns a response without a text.
    Nothing,
    /// The application returns no responses at all, and success.
    NoResponse,
    /// The application's conversation function fails with this code.
    Fail(i32),
    /// Another module changes the name of the person, then this is answered.
    Rename(&'static CStr, Vec<u8>),
}

impl From<&str> for Reaction {
    fn from(text: &str) -> Self {
        Self::Answer(text.as_bytes().to_vec())
    }
}

/// Decides at a prompt, from its text.
struct Decide(Box<dyn FnMut(&str) -> Reaction>);

impl std::fmt::Debug for Decide {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Decide")
    }
}

/// A person at the application, with what they do at each prompt in turn and what they have seen.
#[derive(Debug, Default)]
pub struct Person {
    /// What they do; after the last one they hang up.
    reactions: VecDeque<Reaction>,
    delay: Duration,
    decide: Option<Decide>,
    /// What they have been shown and asked, in order.
    pub seen: Vec<(Style, String)>,
    handle: Option<ptr::NonNull<c_void>>,
}

impl Person {
    /// A person who answers so.
    #[must_use]
    pub fn answering<R: Into<Reaction>>(reactions: impl IntoIterator<Item = R>) -> Self {
        Self { reactions: reactions.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A person who reads each prompt and then decides.
    #[must_use]
    pub fn deciding(decide: impl FnMut(&str) -> Reaction + 'static) -> Self {
        Self { decide: Some(Decide(Box::new(decide))), ..Self::default() }
    }

    /// The same person, who thinks so long before each reaction.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

type ConversationFunction =
    extern "C" fn(c_int, *const *const Message, *mut *mut Response, *mut c_void) -> c_int;

#[repr(C)]
struct Conversation {
    function: Option<ConversationFunction>,
    data: *mut c_void,
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        folder: *const c_char,
        handle: *mut *mut c_void,
    ) -> c_int;
    fn pam_end(handle: *mut c_void, status: c_int) -> c_int;
    fn pam_authenticate(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_setcred(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_chauthtok(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_set_item(handle: *mut c_void, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut c_void, assignment: *const c_char) -> c_int;
    fn pam_getenv(handle: *mut c_void, name: *const c_char) -> *const c_char;
}

/// `PAM_FAIL_DELAY`.
const FAIL_DELAY: c_int = 10;
/// `PAM_ESTABLISH_CRED`.
const ESTABLISH: c_int = 2;

/// A refusal is not waited for: tests of hundreds of refusals would take hours.
extern "C" fn no_delay(_: c_int, _: c_uint, _: *mut c_void) {}

/// One transaction of an application with libpam.
pub struct Transaction {
    handle: *mut c_void,
    person: *mut Person,
    last: c_int,
    ended: bool,
}

impl Transaction {
    /// Begins a transaction with a person behind the conversation function.
    ///
    /// # Errors
    /// When libpam refuses to begin.
    pub fn start(stacks: &Stacks, service: &str, user: &str, person: Person) -> Result<Self> {
        Self::begin(stacks, service, user, person, Some(converse))
    }

    /// Begins a transaction of an application that has no conversation function.
    ///
    /// # Errors
    /// When libpam refuses to begin.
    pub fn start_mute(stacks: &Stacks, service: &str, user: &str) -> Result<Self> {
        Self::begin(stacks, service, user, Person::default(), None)
    }

    fn begin(
        stacks: &Stacks,
        service: &str,
        user: &str,
        person: Person,
        function: Option<ConversationFunction>,
    ) -> Result<Self> {
        let (service, user) = (CString::new(service)?, CString::new(user)?);
        let folder = CString::new(stacks.folder().to_str().context("the folder's name is not text")?)?;
        let person = Box::into_raw(Box::new(person));
        let conversation = Conversation { function, data: person.cast() };
        let mut handle = ptr::null_mut();
        // SAFETY: all are C strings or live structures; libpam copies them.
        let code = unsafe {
            pam_start_confdir(
                service.as_ptr(),
                user.as_ptr(),
                &raw const conversation,
                folder.as_ptr(),
                &raw mut handle,
            )
        };
        let transaction = Self { handle, person, last: code, ended: code != code::SUCCESS };
        ensure!(code == code::SUCCESS, "pam_start_confdir: {code}");
        // SAFETY: made above by `Box::into_raw`; no conversation runs now.
        unsafe { (*person).handle = ptr::NonNull::new(handle) };
        #[expect(clippy::as_conversions, reason = "libpam takes the function as an untyped item")]
        // SAFETY: the handle is live; the item is a function of the type that libpam calls.
        unsafe {
            pam_set_item(handle, FAIL_DELAY, no_delay as *const c_void)
        };
        Ok(transaction)
    }

    /// Sets a text item.
    ///
    /// # Panics
    /// When libpam refuses or the value holds a NUL.
    #[expect(clippy::unwrap_used, reason = "a test panics to fail")]
    pub fn set(&mut self, item: Item, value: &str) -> &mut Self {
        let value = CString::new(value).unwrap();
        #[expect(clippy::as_conversions, reason = "the enumeration is libpam's numbering")]
        // SAFETY: the handle is live; libpam copies text items.
        let code = unsafe { pam_set_item(self.handle, item as c_int, value.as_ptr().cast()) };
        assert_eq!(code, code::SUCCESS);
        self
    }

    /// Sets a variable of the PAM environment, as `NAME=value`.
    ///
    /// # Panics
    /// When libpam refuses or the text holds a NUL.
    #[expect(clippy::unwrap_used, reason = "a test panics to fail")]
    pub fn put(&mut self, assignment: &str) -> &mut Self {
        let assignment = CString::new(assignment).unwrap();
        // SAFETY: the handle is live; libpam copies the text.
        assert_eq!(unsafe { pam_putenv(self.handle, assignment.as_ptr()) }, code::SUCCESS);
        self
    }

    /// Tells a variable of the PAM environment.
    #[must_use]
    pub fn variable(&self, name: &CStr) -> Option<String> {
        // SAFETY: the handle is live; the answer lives until the environment changes and is copied before.
        let value = unsafe { pam_getenv(self.handle, name.as_ptr()) };
        // SAFETY: not NULL, hence a C string of libpam's.
        (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned())
    }

    /// Calls `pam_authenticate`.
    pub fn authenticate(&mut self) -> i32 {
        self.authenticate_with(0)
    }

    /// Calls `pam_authenticate` with flags.
    pub fn authenticate_with(&mut self, flags: i32) -> i32 {
        // SAFETY: the handle is live.
        self.last = unsafe { pam_authenticate(self.handle, flags) };
        self.last
    }

    /// Calls `pam_setcred` to establish credentials.
    pub fn set_credentials(&mut self) -> i32 {
        // SAFETY: the handle is live.
        unsafe { pam_setcred(self.handle, ESTABLISH) }
    }

    /// Calls `pam_acct_mgmt`.
    pub fn account(&mut self) -> i32 {
        // SAFETY: the handle is live.
        unsafe { pam_acct_mgmt(self.handle, 0) }
    }

    /// Calls `pam_open_session`.
    pub fn open_session(&mut self) -> i32 {
        // SAFETY: the handle is live.
        unsafe { pam_open_session(self.handle, 0) }
    }

    /// Calls `pam_close_session`.
    pub fn close_session(&mut self) -> i32 {
        // SAFETY: the handle is live.
        unsafe { pam_close_session(self.handle, 0) }
    }

    /// Calls `pam_chauthtok`.
    pub fn change_password(&mut self) -> i32 {
        // SAFETY: the handle is live.
        unsafe { pam_chauthtok(self.handle, 0) }
    }

    /// The person, between calls.
    pub fn person(&mut self) -> &mut Person {
        // SAFETY: made by `Box::into_raw` and freed in `drop` only; no conversation runs while `self` is borrowed.
        unsafe { &mut *self.person }
    }

    /// What the person has seen, as text.
    pub fn seen(&mut self) -> Vec<String> {
        self.person().seen.iter().map(|(_, text)| text.clone()).collect()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: the handle is live and never used again.
            unsafe { pam_end(self.handle, self.last) };
        }
        // SAFETY: made by `Box::into_raw`, freed once, after libpam has forgotten it.
        drop(unsafe { Box::from_raw(self.person) });
    }
}

/// The conversation function. The module asks one thing at a time, and whoever does not gets no answer.
extern "C" fn converse(
    count: c_int,
    messages: *const *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    if count != 1 {
        return code::CONV_ERR;
    }
    // SAFETY: the data pointer that `begin` gave to libpam; nobody else uses the person during a call.
    let person = unsafe { &mut *data.cast::<Person>() };
    // SAFETY: Linux-PAM passes an array of pointers, here of one.
    let message = unsafe { *messages };
    // SAFETY: which points to a message that lives during the call.
    let text = match person.react(unsafe { &*message }) {
        Ok(text) => text,
        Err(result) => return result,
    };
    // SAFETY: plain memory, freed by whoever asked, as libpam has it; checked below.
    let response = unsafe { libc::calloc(1, size_of::<Response>()) }.cast::<Response>();
    assert!(!response.is_null());
    // SAFETY: allocated above.
    unsafe { (*response).text = text };
    // SAFETY: the out pointer of the call.
    unsafe { *responses = response };
    code::SUCCESS
}

impl Person {
    fn react(&mut self, message: &Message) -> Result<*mut c_char, c_int> {
        // SAFETY: messages are C strings.
        let text = unsafe { CStr::from_ptr(message.text) }.to_string_lossy().into_owned();
        let style = match message.style {
            1 => Style::Hidden,
            2 => Style::Visible,
            3 => Style::Error,
            _ => Style::Information,
        };
        self.seen.push((style, text.clone()));
        if matches!(style, Style::Error | Style::Information) {
            return Ok(ptr::null_mut());
        }
        std::thread::sleep(self.delay);
        let reaction = match &mut self.decide {
            Some(Decide(decide)) => decide(&text),
            None => self.reactions.pop_front().unwrap_or(Reaction::Fail(code::CONV_ERR)),
        };
        match reaction {
            Reaction::Answer(bytes) => Ok(copied(&bytes)),
            Reaction::Nothing => Ok(ptr::null_mut()),
            // The array of responses stays NULL: libpam's callers find it so.
            Reaction::NoResponse => Err(code::SUCCESS),
            Reaction::Fail(code) => Err(code),
            Reaction::Rename(user, bytes) => {
                let handle = self.handle.map_or(ptr::null_mut(), ptr::NonNull::as_ptr);
                #[expect(clippy::as_conversions, reason = "the enumeration is libpam's numbering")]
                // SAFETY: the handle is live during a conversation; libpam copies the text.
                unsafe {
                    pam_set_item(handle, Item::User as c_int, user.as_ptr().cast())
                };
                Ok(copied(&bytes))
            }
        }
    }
}

/// Copies an answer into memory that the module frees.
fn copied(bytes: &[u8]) -> *mut c_char {
    // SAFETY: plain memory of one byte more than the answer, zeroed; checked below.
    let text = unsafe { libc::calloc(bytes.len() + 1, 1) }.cast::<u8>();
    assert!(!text.is_null());
    // SAFETY: both are at least that long and do not overlap.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), text, bytes.len()) };
    text.cast()
}
