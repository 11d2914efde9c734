//! `cargo xtask demo`: builds the package and shows newcomers' first logins on a machine of its own.
//!
//! What happens in the machine is the business of `countersign-demo` in the tests' package; this brings everything there.

use anyhow::Result;

use crate::deb;
use crate::prerequisites::{BUILD, DEMO, MACHINE, ensure_installed};
use crate::shell::{self, cargo, is_root, program, target};

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
/// When something does not build, this cannot become root to boot a machine, or a login did not go as it should.
pub(crate) fn show(arguments: &Arguments) -> Result<()> {
    ensure_installed(&[BUILD, DEMO, MACHINE])?;
    let package = deb::package("dev")?;
    shell::run(&mut cargo(&[
        "build",
        "--locked",
        "--package",
        "countersign-tests",
        "--bin",
        "countersign-demo",
    ]))?;
    let demo = target().join("debug/countersign-demo").to_string_lossy().into_owned();
    let mut demo = if is_root() {
        program(&demo, &[])
    } else {
        eprintln!("booting a machine needs root; nothing else of this runs as root");
        program("sudo", &["--preserve-env=COUNTERSIGN_DEB", &demo])
    };
    demo.env("COUNTERSIGN_DEB", package);
    if arguments.script {
        demo.arg("--script");
    }
    shell::run(&mut demo)
}
