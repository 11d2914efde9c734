//! Stacks of PAM in a folder of their own, and the module that stands in them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// Stacks of PAM in a folder of their own.
#[derive(Debug)]
pub struct Stacks(tempfile::TempDir);

impl Stacks {
    /// No stack yet.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir().context("a folder for stacks")?))
    }

    /// Writes the stack of a service; `{module}` in a line stands for the built module.
    ///
    /// # Errors
    /// When the module cannot be built or the file not be written.
    pub fn write(&self, service: &str, lines: &str) -> Result<()> {
        let module = module().to_str().context("the module's path is not text")?;
        std::fs::write(self.0.path().join(service), lines.replace("{module}", module) + "\n")
            .context("a stack")
    }

    /// Where they lie.
    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }
}

/// Tells whether a module lies in a folder where libpam looks for it, below `root`.
#[must_use]
pub fn is_installed(module: &str, root: &Path) -> bool {
    let below = |library: &str| std::fs::read_dir(root.join(library)).into_iter().flatten().flatten();
    let folders = ["lib", "usr/lib"].into_iter().flat_map(|library| {
        let architectures = below(library).map(|entry| entry.path());
        architectures.chain([root.join(library)])
    });
    folders.map(|folder| folder.join("security").join(module)).any(|path| path.exists())
}

/// The module that `COUNTERSIGN_MODULE` names, or else the one that a `cargo build` of its own leaves.
///
/// # Panics
/// When it cannot be built: no test of the module means anything then.
pub fn module() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "no test of the module means anything without it")]
    MODULE.get_or_init(|| build_module().expect("pam_countersign.so can be built"))
}

fn build_module() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("COUNTERSIGN_MODULE") {
        return Ok(path.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // By itself, so that no feature of the daemon gets in (DESIGN.md 5).
    let built =
        Command::new(cargo).args(["build", "--quiet", "-p", "pam-countersign"]).current_dir(root).status()?;
    ensure!(built.success(), "cargo build -p pam-countersign failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(root.join(target).join("debug/libpam_countersign.so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_installed_only_where_libpam_looks_for_it() {
        let root = tempfile::tempdir().unwrap();
        assert!(!is_installed("pam_oath.so", root.path()));
        let folder = root.path().join("usr/lib/x86_64-linux-gnu/security");
        std::fs::create_dir_all(&folder).unwrap();
        assert!(!is_installed("pam_oath.so", root.path()));
        std::fs::write(folder.join("pam_oath.so"), "").unwrap();
        assert!(
            is_installed("pam_oath.so", root.path())
                && !is_installed("pam_google_authenticator.so", root.path())
        );
    }
}
