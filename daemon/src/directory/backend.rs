//! One backend of the name service switch, asked by itself: its own status, which libc keeps to itself.
//!
//! The only unsafe code of the directory. A backend is the library `libnss_<name>.so.2`, which libc loads the same way; its
//! functions and statuses are documented ("NSS Modules Interface" of the glibc manual, `nss.h`). A library is never
//! unloaded, as libc does not unload it either. Leaves which backend is asked, and how often, to `nss`.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::mem::{MaybeUninit, transmute_copy};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use nix::libc;

/// The statuses of `nss.h`. Those above zero or zero are answers, the others are not, whatever the error number.
const TRY_AGAIN: c_int = -2;
const UNAVAILABLE: c_int = -1;
const NOT_FOUND: c_int = 0;
const SUCCESS: c_int = 1;
/// The most groups of a user: as many as Linux takes (`NGROUPS_MAX`).
const GROUP_LIMIT: c_long = 65_536;
/// Room for groups to begin with; a backend makes more.
const FIRST_GROUPS: c_long = 256;
/// The room for a record to begin with, and the most: a group comes with all of its members.
const RECORD_ROOM: usize = 4 * 1024;
const RECORD_LIMIT: usize = 16 * 1024 * 1024;

type Initgroups = unsafe extern "C" fn(
    *const c_char,
    libc::gid_t,
    *mut c_long,
    *mut c_long,
    *mut *mut libc::gid_t,
    c_long,
    *mut c_int,
) -> c_int;
type GroupById =
    unsafe extern "C" fn(libc::gid_t, *mut libc::group, *mut c_char, libc::size_t, *mut c_int) -> c_int;
type UserByName =
    unsafe extern "C" fn(*const c_char, *mut libc::passwd, *mut c_char, libc::size_t, *mut c_int) -> c_int;
type UserById =
    unsafe extern "C" fn(libc::uid_t, *mut libc::passwd, *mut c_char, libc::size_t, *mut c_int) -> c_int;

/// What a backend answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// It knows.
    Found(T),
    /// It works, and knows nothing.
    NotFound,
    /// It does not work, or not now.
    Failed,
    /// It has no function for the question.
    Silent,
}

/// A backend that is loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backend {
    /// The error number by which it says of `UNAVAIL` that it knows nothing.
    none: Option<c_int>,
    initgroups: Option<Initgroups>,
    group_by_id: Option<GroupById>,
    user_by_name: Option<UserByName>,
    user_by_id: Option<UserById>,
}

/// Room for the record of an answer, kept from one question to the next.
#[derive(Debug)]
pub(super) struct Room(Vec<u8>);

impl Default for Room {
    fn default() -> Self {
        Self(vec![0; RECORD_ROOM])
    }
}

/// Those that were loaded once.
static LOADED: Mutex<BTreeMap<String, Backend>> = Mutex::new(BTreeMap::new());

impl Backend {
    /// Loads a backend; none where this host has no such library.
    pub(super) fn load(name: &str) -> Option<Self> {
        // A name of nsswitch.conf must not become a path.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        {
            return None;
        }
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(backend) = loaded.get(name) {
            return Some(*backend);
        }
        let library = CString::new(format!("libnss_{name}.so.2")).ok()?;
        // SAFETY: the name ends with a zero byte. What the library does when it is loaded is what libc has it do, too.
        let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() {
            return None;
        }
        let find = |function: &str| symbol(handle, &format!("_nss_{name}_{function}"));
        let [initgroups, group, by_name, by_id] =
            ["initgroups_dyn", "getgrgid_r", "getpwnam_r", "getpwuid_r"].map(find);
        // SAFETY: a symbol of this name is a function of this type ("NSS Module Names" and "NSS Modules Interface").
        let initgroups = initgroups.map(|it| unsafe { transmute_copy::<*mut c_void, Initgroups>(&it) });
        // SAFETY: as above.
        let group_by_id = group.map(|it| unsafe { transmute_copy::<*mut c_void, GroupById>(&it) });
        // SAFETY: as above.
        let user_by_name = by_name.map(|it| unsafe { transmute_copy::<*mut c_void, UserByName>(&it) });
        // SAFETY: as above.
        let user_by_id = by_id.map(|it| unsafe { transmute_copy::<*mut c_void, UserById>(&it) });
        // Without any service for user records, as in a container, nss-systemd is "unavailable" by the number that its
        // look-ups have for "no record" (systemd's src/shared/userdb.c).
        let none = (name == "systemd").then_some(libc::ESRCH);
        let backend = Self { none, initgroups, group_by_id, user_by_name, user_by_id };
        loaded.insert(name.to_owned(), backend);
        Some(backend)
    }

    /// Lists the groups of a user besides the primary one.
    pub(super) fn groups(&self, user: &CStr, primary: u32) -> Answer<Vec<u32>> {
        let Some(initgroups) = self.initgroups else { return Answer::Silent };
        let Some(mut array) = Array::with(primary) else { return Answer::Failed };
        let mut error = 0;
        // SAFETY: the user ends with a zero byte; the array came from malloc, `size` tells its room and `start` how much of
        // it is filled; all pointers are valid while the call lasts.
        let status = unsafe {
            initgroups(
                user.as_ptr(),
                primary,
                &raw mut array.start,
                &raw mut array.size,
                &raw mut array.gids,
                GROUP_LIMIT,
                &raw mut error,
            )
        };
        match status {
            // One that is full may not be all.
            SUCCESS if array.start >= GROUP_LIMIT => Answer::Failed,
            SUCCESS => Answer::Found(array.filled().to_vec()),
            NOT_FOUND => Answer::NotFound,
            UNAVAILABLE if self.none == Some(error) => Answer::NotFound,
            _ => Answer::Failed,
        }
    }

    /// Tells the name of a group; the inner one is none where it is not UTF-8.
    pub(super) fn group_name(&self, gid: u32, room: &mut Room) -> Answer<Option<String>> {
        let Some(group_by_id) = self.group_by_id else { return Answer::Silent };
        let mut record = MaybeUninit::<libc::group>::zeroed();
        let found = room.ask(|buffer, size, error| {
            // SAFETY: record and buffer are valid for writing while the call lasts, the buffer for `size` bytes.
            unsafe { group_by_id(gid, record.as_mut_ptr(), buffer, size, error) }
        });
        match found {
            Answer::Found(()) => {}
            Answer::NotFound => return Answer::NotFound,
            Answer::Failed | Answer::Silent => return Answer::Failed,
        }
        // SAFETY: all zero is a valid group, and on success the backend has filled it.
        let name = unsafe { record.assume_init() }.gr_name;
        if name.is_null() {
            return Answer::Failed;
        }
        // SAFETY: on success the name points to a text that ends with a zero byte, in the room that is borrowed here.
        let name = unsafe { CStr::from_ptr(name) };
        Answer::Found(name.to_str().ok().map(str::to_owned))
    }

    /// Tells whether it knows a user by name.
    pub(super) fn knows_name(&self, user: &CStr) -> Answer<()> {
        let Some(user_by_name) = self.user_by_name else { return Answer::Silent };
        let mut record = MaybeUninit::<libc::passwd>::zeroed();
        Room::default().ask(|buffer, size, error| {
            // SAFETY: the user ends with a zero byte; record and buffer are valid for writing while the call lasts, the
            // buffer for `size` bytes.
            unsafe { user_by_name(user.as_ptr(), record.as_mut_ptr(), buffer, size, error) }
        })
    }

    /// Tells whether it knows a user by uid.
    pub(super) fn knows_uid(&self, uid: u32) -> Answer<()> {
        let Some(user_by_id) = self.user_by_id else { return Answer::Silent };
        let mut record = MaybeUninit::<libc::passwd>::zeroed();
        Room::default().ask(|buffer, size, error| {
            // SAFETY: record and buffer are valid for writing while the call lasts, the buffer for `size` bytes.
            unsafe { user_by_id(uid, record.as_mut_ptr(), buffer, size, error) }
        })
    }
}

impl Room {
    /// Asks with as much room as the answer needs, up to the limit.
    fn ask(&mut self, mut call: impl FnMut(*mut c_char, libc::size_t, *mut c_int) -> c_int) -> Answer<()> {
        loop {
            let mut error = 0;
            let status = call(self.0.as_mut_ptr().cast(), self.0.len(), &raw mut error);
            match status {
                SUCCESS => return Answer::Found(()),
                NOT_FOUND => return Answer::NotFound,
                TRY_AGAIN if error == libc::ERANGE && self.0.len() < RECORD_LIMIT => {
                    self.0.resize(self.0.len().saturating_mul(8).min(RECORD_LIMIT), 0);
                }
                _ => return Answer::Failed,
            }
        }
    }
}

fn symbol(library: *mut c_void, name: &str) -> Option<*mut c_void> {
    let name = CString::new(name).ok()?;
    // SAFETY: the handle is of a library that stays loaded, and the name ends with a zero byte.
    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
    Some(found).filter(|found| !found.is_null())
}

/// The array that a backend fills with groups and makes larger by realloc.
struct Array {
    gids: *mut libc::gid_t,
    size: c_long,
    start: c_long,
}

impl Array {
    /// Makes one that holds the primary group, as libc does.
    fn with(primary: u32) -> Option<Self> {
        let room = usize::try_from(FIRST_GROUPS).ok()?;
        // SAFETY: calloc takes any two numbers.
        let gids = unsafe { libc::calloc(room, size_of::<libc::gid_t>()) }.cast::<libc::gid_t>();
        if gids.is_null() {
            return None;
        }
        // SAFETY: there is room for one at least, and it is aligned for any type.
        unsafe { gids.write(primary) };
        Some(Self { gids, size: FIRST_GROUPS, start: 1 })
    }

    /// Lends what a backend has added.
    fn filled(&self) -> &[u32] {
        let (Ok(length), false) = (usize::try_from(self.start.min(self.size)), self.gids.is_null()) else {
            return &[];
        };
        // SAFETY: that many are filled ("start"), and the array lives as long as the borrow.
        let all = unsafe { std::slice::from_raw_parts(self.gids, length) };
        all.get(1..).unwrap_or_default()
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        // SAFETY: it came from malloc or realloc, and nobody else frees it.
        unsafe { libc::free(self.gids.cast()) };
        self.gids = ptr::null_mut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_that_is_not_there_or_whose_name_is_a_path_is_not_loaded() {
        for name in ["", "no-such-backend", "../../tmp/x", "a/b", "files.so", "\u{fc}"] {
            assert!(Backend::load(name).is_none(), "{name:?}");
        }
    }
}
