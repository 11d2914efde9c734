//! The rules of the source that no compiler checks: a head in every file, and budgets of lines (DESIGN.md 9).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::shell::root;

/// Lines of a file without its tests.
const FILE_LIMIT: usize = 400;

/// Lines of `pam-module/src` in all, without tests: it runs in other people's processes.
const MODULE_LIMIT: usize = 1_200;

/// Folders that hold no source of ours.
const SKIPPED: [&str; 3] = ["target", ".git", "corpus"];

/// Checks every Rust file of the workspace.
///
/// # Errors
/// When a rule is broken, with every place.
pub(crate) fn check() -> Result<()> {
    let mut broken = Vec::new();
    let mut module = 0;
    for path in rust_files(&root())? {
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let place = path.strip_prefix(root()).unwrap_or(&path);
        let lines = lines_without_tests(&text);
        if place.starts_with("pam-module/src") {
            module += lines;
        }
        if !text.starts_with("//!") {
            broken.push(format!("{}: does not begin with `//!`, what the file owns", place.display()));
        }
        if lines > FILE_LIMIT && !is_test(place) {
            broken.push(format!("{}: {lines} lines, more than {FILE_LIMIT}", place.display()));
        }
    }
    if module > MODULE_LIMIT {
        broken.push(format!("pam-module/src: {module} lines, more than {MODULE_LIMIT}"));
    }
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

/// Counts the lines before the tests, which stand last in a file.
fn lines_without_tests(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

/// Whether the whole file is tests: a behavior in `tests/`, a file in a crate's own `tests` folder, or a module of that name.
fn is_test(place: &Path) -> bool {
    let in_crate = place.components().skip(1).any(|part| part.as_os_str() == "tests");
    place.parent() == Some(Path::new("tests")) || in_crate || place.ends_with("tests.rs")
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_end_of_a_file_are_not_counted() {
        assert_eq!(lines_without_tests("//! head\nfn f() {}\n#[cfg(test)]\nmod tests {}\n"), 2);
    }

    #[test]
    fn only_files_of_tests_have_no_limit() {
        assert!(
            is_test(Path::new("tests/machine_boots.rs")) && is_test(Path::new("core/src/policy/tests.rs"))
        );
        assert!(!is_test(Path::new("tests/harness/machine.rs")) && !is_test(Path::new("core/src/lib.rs")));
    }
}
