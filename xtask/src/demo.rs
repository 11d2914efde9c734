//! `cargo xtask demo`: builds the package and shows a newcomer's first login on a machine of its own.
//!
//! What happens in the machine is the business of `countersign-demo` in the tests' package; this brings everything there.

use anyhow::{Result, ensure};

use crate::deb;
use crate::prerequisites::{BUILD, DEMO, MACHINE, ensure_installed};
use crate::shell::{cargo, is_root, run};

/// How to show it.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Plays the logins by itself and prints the dialogue; without a terminal it does so anyway.
    #[arg(long)]
    script: bool,
}

/// Builds, boots and shows.
///
/// # Errors
/// When this is not root, something does not build, or a login did not go as it should.
pub(crate) fn show(arguments: &Arguments) -> Result<()> {
    ensure_installed(&[BUILD, DEMO, MACHINE])?;
    ensure!(
        is_root(),
        "the demo boots a machine of its own, which needs root; run this:\n\n    sudo -E env \"PATH=$PATH\" cargo xtask demo\n"
    );
    let package = deb::package("dev")?;
    let mut demo =
        cargo(&["run", "--locked", "--quiet", "--package", "countersign-tests", "--bin", "countersign-demo"]);
    demo.env("COUNTERSIGN_DEB", package);
    if arguments.script {
        demo.args(["--", "--script"]);
    }
    run(&mut demo)
}
