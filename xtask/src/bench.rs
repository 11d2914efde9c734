//! `cargo xtask bench`: the benchmark, having installed the modules that it compares with.

use anyhow::{Result, ensure};

use crate::prerequisites::{BUILD, TEST, ensure_installed};
use crate::shell::{cargo, is_root, run};

/// Measures whole PAM transactions beside Debian's modules.
///
/// # Errors
/// When this is not root, a package cannot be installed, or the benchmark fails.
pub(crate) fn measure() -> Result<()> {
    ensure!(is_root(), "the benchmark needs root: sudo cargo xtask bench");
    ensure_installed(&[BUILD, TEST])?;
    run(&mut cargo(&["bench", "--locked", "--package", "countersign-tests"]))
}
