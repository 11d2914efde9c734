//! What the service gives up at its start: to be dumped, and to be looked into.

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

/// Forbids core dumps and reading the process' memory by others of the same user.
///
/// # Errors
/// What the kernel refuses with; the service then does not start, because its memory holds secrets.
pub fn confine() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    set_dumpable(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confined_process_is_not_dumpable() {
        confine().unwrap();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        assert_eq!(nix::sys::resource::getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    }
}
