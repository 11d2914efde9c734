//! The changelog in Debian's form, made of `CHANGELOG.md`: one entry for each version, one item for each line of its list.

use anyhow::{Context, Result, ensure};

/// The width that Debian's tools expect of a line.
const WIDTH: usize = 78;

/// Writes the changelog of the package: the newest version is `version`, released at `date` (RFC 5322).
///
/// # Errors
/// When the text has no version with an item.
pub(crate) fn debian(text: &str, version: &str, maintainer: &str, date: &str) -> Result<String> {
    let mut entries = Vec::new();
    for section in text.split("\n## ").skip(1) {
        let named = section.split_whitespace().next().context("a version without a name")?;
        let items: Vec<String> = items(section).iter().map(|item| wrapped(item)).collect();
        ensure!(!items.is_empty(), "{named}: nothing is said of what changed");
        let version = if entries.is_empty() { version } else { named };
        let body = items.join("\n");
        entries.push(format!(
            "countersign ({version}) unstable; urgency=medium\n\n{body}\n\n -- {maintainer}  {date}\n"
        ));
    }
    ensure!(!entries.is_empty(), "CHANGELOG.md has no version");
    Ok(entries.join("\n"))
}

/// Lists the items of a section, each on one line.
fn items(section: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in section.lines() {
        if let Some(begun) = line.strip_prefix("- ") {
            items.push(begun.trim().to_owned());
        } else if let (Some(more), Some(item)) = (line.strip_prefix("  "), items.last_mut()) {
            item.push(' ');
            item.push_str(more.trim());
        }
    }
    items
}

/// Writes an item within the width.
fn wrapped(item: &str) -> String {
    let mut lines = vec!["  *".to_owned()];
    for word in item.split_whitespace() {
        let fits = lines.last().is_some_and(|line| line.chars().count() + 1 + word.chars().count() <= WIDTH);
        if !fits {
            lines.push("   ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_become_entries_of_debians_form() {
        let text = "# Changelog\n\nRows.\n\n## 0.2.0 (unreleased)\n\nProse.\n\n- One thing\n  on two lines [L1].\n- Two.\n\n\
                    ## 0.1.0\n\n- First.\n";
        let written = debian(text, "0.2.0", "A <a@example.org>", "Sat, 28 Nov 2026 20:00:00 +0000").unwrap();
        let trailer = " -- A <a@example.org>  Sat, 28 Nov 2026 20:00:00 +0000\n";
        let first = format!(
            "countersign (0.2.0) unstable; urgency=medium\n\n  * One thing on two lines [L1].\n  * Two.\n\n{trailer}"
        );
        let second = format!("countersign (0.1.0) unstable; urgency=medium\n\n  * First.\n\n{trailer}");
        assert_eq!(written, format!("{first}\n{second}"));
        assert!(debian("# Changelog\n", "0.2.0", "A", "then").is_err());
    }

    #[test]
    fn no_line_is_longer_than_debians_tools_expect() {
        let long = wrapped(&"word ".repeat(60));
        assert!(long.lines().all(|line| line.chars().count() <= WIDTH) && long.lines().count() > 3, "{long}");
        assert!(long.starts_with("  * word") && long.contains("\n    word"), "{long}");
    }
}
