//! `cargo xtask test`: every test, having installed what they need; says plainly what it left out.

use anyhow::{Result, ensure};

use crate::deb;
use crate::prerequisites::{BUILD, MACHINE, TEST, ensure_installed};
use crate::shell::{cargo, is_ci, is_root, run, target};

/// Builds the package, then runs the tests of the workspace, and as root those in a booted machine.
///
/// # Errors
/// When something does not build, a test fails, or, unattended, something had to be left out.
pub(crate) fn all() -> Result<()> {
    ensure!(is_root() || !is_ci(), "unattended runs leave nothing out, and the machine tests need root");
    let sets: &[&[&str]] = if is_root() { &[BUILD, MACHINE, TEST] } else { &[BUILD, TEST] };
    ensure_installed(sets)?;
    let package = deb::package("dev")?;
    deb::lint(&package, "dev")?;
    // The module as it is packed: a build of the whole workspace would give it features of the daemon.
    let module = target().join(deb::LOOSE_MODULE);
    let prepared = [("COUNTERSIGN_DEB", &package), ("COUNTERSIGN_MODULE", &module)];
    run(cargo(&["test", "--locked", "--workspace"]).envs(prepared))?;
    if !is_root() {
        eprintln!("left out, because they need root: the tests in a booted machine (sudo cargo xtask test)");
        return Ok(());
    }
    // What is ignored there needs root and a machine; two at once keep two cores busy.
    let machine_tests =
        ["test", "--locked", "--package", "countersign-tests", "--", "--ignored", "--test-threads=2"];
    run(cargo(&machine_tests).envs(prepared))
}
