//! `cargo xtask ci`: the checks that read the source without running the product.
//!
//! Every check runs, and all that failed are named at the end.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::prerequisites::{BUILD, MACHINE, ensure_installed};
use crate::shell::{capture, cargo, is_ci, program, root, run, target};
use crate::tidy;

/// The exposure that systemd may find in the sandbox of a service, times ten (SECURITY.md 5).
const EXPOSURE_LIMIT: &str = "--threshold=12";

/// A check and its name.
type Check = (&'static str, fn() -> Result<()>);

/// Runs every check.
///
/// # Errors
/// When one of them fails, with the names of all that did.
pub(crate) fn all() -> Result<()> {
    ensure_installed(&[BUILD, MACHINE])?;
    let checks: [Check; 7] = [
        ("format", || run(&mut cargo(&["fmt", "--all", "--check"]))),
        ("tidy", tidy::check),
        ("sandboxes of the units", sandbox),
        ("direction of dependency", direction),
        ("lints", || {
            run(cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])
                .env("CARGO_INCREMENTAL", "0"))
        }),
        ("documentation", documentation),
        ("licenses and sources", licenses),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        eprintln!("\n{name}");
        if let Err(error) = check() {
            eprintln!("{error:#}");
            failed.push(name);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    eprintln!("\nall checks passed");
    Ok(())
}

/// Fails when systemd finds a service of the package more exposed than the limit.
fn sandbox() -> Result<()> {
    let analyze = ["security", "--offline=true", "--no-pager", EXPOSURE_LIMIT];
    for unit in units()? {
        let report = capture(program("systemd-analyze", &analyze).arg(&unit))?;
        eprintln!("{}", report.lines().last().unwrap_or_default());
    }
    Ok(())
}

/// Lists every service that the package brings, so that none is forgotten.
fn units() -> Result<Vec<PathBuf>> {
    let folder = root().join("packaging/systemd");
    let mut units = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        units.push(entry?.path());
    }
    units.retain(|path| path.extension().is_some_and(|extension| extension == "service"));
    units.sort();
    ensure!(!units.is_empty(), "no service in {}", folder.display());
    Ok(units)
}

/// Fails when a crate depends on one that DESIGN.md 1 keeps from it.
fn direction() -> Result<()> {
    let core = ["countersign-config", "countersign-core", "countersign-tests", "countersignd"];
    only_under("countersign-core", &core)?;
    only_under("countersign-config", &["countersign", "countersign-config", "countersignd"])?;
    only_under("countersign-tests", &["countersign-tests"])?;
    only_under(
        "countersign-protocol",
        &["countersign", "countersign-protocol", "countersign-tests", "countersignd", "pam-countersign"],
    )
}

/// Fails when a package outside the list depends on the crate directly.
fn only_under(crate_name: &str, permitted: &[&str]) -> Result<()> {
    let tree = [
        "tree",
        "--locked",
        "--workspace",
        "--prefix=none",
        "--depth=1",
        "--format={p}",
        "--edges=normal,build,dev",
    ];
    let listed = capture(cargo(&tree).args(["--invert", crate_name]))?;
    for line in listed.lines() {
        let package = line.split_whitespace().next().unwrap_or_default();
        ensure!(
            package.is_empty() || permitted.contains(&package),
            "{package} may not depend on {crate_name}"
        );
    }
    Ok(())
}

fn documentation() -> Result<()> {
    run(cargo(&["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))
}

/// Checks bans, licenses and sources with cargo-deny; an unattended run builds it where it is not installed.
fn licenses() -> Result<()> {
    // Advisories need a database from the network: they are checked where one is configured, not here.
    let check = ["deny", "--workspace", "--locked", "check", "bans", "licenses", "sources"];
    if capture(&mut cargo(&["deny", "--version"])).is_ok() {
        return run(&mut cargo(&check));
    }
    let tools = target().join("tools");
    let built = tools.join("bin/cargo-deny");
    if !built.exists() {
        if !is_ci() {
            eprintln!("left out: cargo-deny is not installed (cargo install --locked cargo-deny)");
            return Ok(());
        }
        let install = ["1200", "cargo", "install", "--locked", "--quiet", "--debug", "cargo-deny", "--root"];
        run(program("timeout", &install).arg(&tools))?;
    }
    run(&mut program(&built.to_string_lossy(), &check))
}
