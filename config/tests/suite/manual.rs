//! What the documentation shows is what the loader takes.

use std::fmt::Write as _;

use countersign_config::{Severity, check};

use crate::folder::{Folder, MINIMAL};

const DOCUMENTS: [&str; 2] = ["../docs/man/countersign.toml.5.md", "../docs/guide/administrator.md"];

/// Cuts the blocks in TOML out of a document.
fn blocks(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(document).unwrap();
    let after_fence = text.split("```toml\n").skip(1);
    after_fence.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_file_shown_in_the_documentation_is_right_and_raises_no_warning() {
    for document in DOCUMENTS {
        let blocks = blocks(document);
        assert!(!blocks.is_empty(), "{document}");
        for block in blocks {
            let mut found = check(&Folder::new(&block).main(), None);
            found.retain(|found| found.severity != Severity::Note);
            assert_eq!(found, Vec::new(), "{document}\n{block}");
        }
    }
}

#[test]
fn the_defaults_that_the_manual_states_are_the_defaults() {
    let manual = std::fs::read_to_string(DOCUMENTS[0]).unwrap();
    let mut file = String::new();
    let mut header = None;
    for line in manual.lines() {
        if let Some(table) = line.strip_prefix("# [") {
            if table.starts_with('[') {
                break;
            }
            header = Some(table);
        }
        let stated = line.strip_prefix("**").and_then(|rest| rest.split_once("** = `"));
        if let Some((key, value)) = stated {
            if let Some(table) = header.take() {
                writeln!(file, "[{table}").unwrap();
            }
            writeln!(file, "{key} = {}", value.trim_end_matches('`')).unwrap();
        }
    }
    assert!(file.contains("[limits]\nwrong_codes = 5\n") && file.contains("echo = "), "{file}");
    let stated = Folder::new(format!("{file}{MINIMAL}")).load().unwrap();
    let real = Folder::new(MINIMAL).load().unwrap();
    assert_eq!(stated.policy.settings, real.policy.settings);
    assert_eq!(stated.store, real.store);
    assert_eq!(stated.audit, real.audit);
}
