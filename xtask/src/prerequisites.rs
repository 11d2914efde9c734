//! The Debian packages that building and testing need: installed when root, else named in the one line to run.

use anyhow::{Context, Result, bail};

use crate::shell::{capture, is_root, program, run};

/// Building: the compiler's linker, libpam's headers, and the tools that look into the module and typeset the manual.
pub(crate) const BUILD: &[&str] = &["binutils", "dpkg", "gcc", "libc6-dev", "libpam0g-dev", "lowdown"];

/// Checking the package as Debian does.
pub(crate) const LINT: &[&str] = &["lintian"];

/// Booting a machine.
pub(crate) const MACHINE: &[&str] = &["mmdebstrap", "systemd-container", "tar", "util-linux"];

/// The stand-in phone beside the login.
pub(crate) const DEMO: &[&str] = &["tmux"];

/// Tests beside the machine: a bus and a database of their own, a QR scanner, other factors to compare with.
pub(crate) const TEST: &[&str] = &[
    "dbus",
    "libpam-google-authenticator",
    "libpam-oath",
    "oathtool",
    "openssl",
    "pamtester",
    "postgresql",
    "zbar-tools",
];

/// Makes sure that the packages are there.
///
/// # Errors
/// When packages are missing and this is not root, not Debian, or the registry cannot be reached.
pub(crate) fn ensure_installed(sets: &[&[&str]]) -> Result<()> {
    let missing = missing(&sets.concat());
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !is_root() {
        bail!("Debian packages are missing; run this, then try again:\n\n    sudo apt-get install {names}\n");
    }
    // With fresh lists the second attempt says what is wrong; without them the first fails on a bare machine.
    if install(&missing).is_err() {
        let refreshed = run(apt_get().arg("update"));
        install(&missing).with_context(|| match refreshed {
            Ok(()) => format!("installing {names}"),
            Err(error) => format!("installing {names} ({error})"),
        })?;
    }
    Ok(())
}

fn install(packages: &[&str]) -> Result<()> {
    run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// apt-get that never asks and never waits for ever.
fn apt_get() -> std::process::Command {
    let mut command = program("timeout", &["--kill-after=10", "1200", "apt-get", "--quiet"]);
    command.args(["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120"]);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Returns the packages that dpkg does not list as installed.
fn missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    let installed = |package: &str| {
        capture(&mut program("dpkg-query", &["--show", "--showformat=${db:Status-Status}", package]))
            .is_ok_and(|status| status == "installed")
    };
    packages.iter().copied().filter(|package| !installed(package)).collect()
}
