//! Golden diagnostics: what an administrator reads when the file is wrong.

use std::path::Path;

use crate::folder::{Folder, MINIMAL, errors_of};
use countersign_config::{DIAGNOSTIC_LIMIT, Diagnostic, Severity, check};

/// Writes the golden file anew where this variable is set; the difference is then reviewed as code.
pub(crate) const REWRITE: &str = "COUNTERSIGN_REWRITE_GOLDEN";

fn mistakes() -> Vec<Diagnostic> {
    check(Path::new("tests/mistakes/countersign.toml"), Some(Path::new("tests/mistakes/policy.d")))
}

/// Compares what is said with what was said.
pub(crate) fn assert_golden(found: &[Diagnostic], golden: &str) {
    let shown: String = found.iter().map(|diagnostic| format!("{diagnostic}\n\n")).collect();
    let golden = Path::new("tests/mistakes").join(golden);
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&golden, &shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(golden).unwrap());
}

#[test]
fn every_mistake_of_every_file_is_reported_at_once_with_its_place_and_what_to_write() {
    assert_golden(&mistakes(), "expected.txt");
}

#[test]
fn what_is_wrong_with_a_way_out_is_reported_with_its_place_and_what_to_write() {
    assert_golden(&check(Path::new("tests/mistakes/gateways.toml"), None), "gateways.txt");
}

#[test]
fn what_methods_are_worth_is_noted_and_what_is_hardly_meant_is_warned_of() {
    let found = check(Path::new("tests/mistakes/worth.toml"), None);
    assert!(found.iter().all(|found| found.severity != Severity::Error));
    assert_golden(&found, "worth.txt");
}

#[test]
fn every_diagnostic_has_a_place_the_line_that_is_meant_and_a_remedy() {
    let diagnostics = mistakes();
    assert!(diagnostics.len() > 30, "{}", diagnostics.len());
    for found in diagnostics {
        assert!(found.line > 0 && found.column > 0, "{found:?}");
        assert!(found.help.as_ref().is_some_and(|help| !help.is_empty()), "{found:?}");
        assert!(found.excerpt.as_ref().is_some_and(|excerpt| !excerpt.line.is_empty()), "{found:?}");
    }
}

#[test]
fn diagnostics_are_data_as_well() {
    let folder = Folder::new(format!("colour = 1\n{MINIMAL}"));
    let json = serde_json::to_value(check(&folder.main(), None)).unwrap();
    let [only] = json.as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!(only["severity"], "error");
    assert_eq!(only["file"], folder.main().to_str().unwrap());
    assert_eq!((&only["line"], &only["column"]), (&1.into(), &1.into()));
    assert_eq!(only["text"], "colour");
    assert_eq!(only["message"], "unknown key `colour`");
    assert!(only["help"].is_string());
}

#[test]
fn a_file_cannot_write_escape_sequences_to_the_terminal_through_its_mistakes() {
    for text in
        ["a = \"\u{202e}x\"", "\"\\u001b[31m\" = 1", "language = \"\\u001b[31m\"", "x = \u{1b}", "#\u{7f}"]
    {
        for found in errors_of(&format!("{text}\n{MINIMAL}")) {
            let shown = found.to_string();
            let harmless =
                |character: char| character == '\n' || !character.is_control() && character != '\u{202e}';
            assert!(shown.chars().all(harmless), "{shown:?}");
        }
    }
}

#[test]
fn a_password_written_where_none_belongs_is_shown_nowhere() {
    for store in [
        "url = \"postgresql://me:pa5s@db1/countersign\"",
        "uri = \"postgresql://me:pa5s@db1/countersign\"",
        "url = \"postgresql://db1/countersign?password=pa5s\"",
        "url = \"postgresql://me:pa5s@db1/countersign\" broken",
        "[email]\nserver = \"smtps://me:pa5s@mail\"",
        "[email]\npassword = \"pa5s\"",
        "[sms]\nurl = \"https://me:pa5s@sms\"",
        "[sms]\nurl = \"https://sms/{number}/{text}?api_key=pa5s\"",
        "[sms]\nurl = \"https://sms/{number}/{text}\"\nheaders = { Authorization = \"Basic pa5s\" }",
        "[sms]\nurl = \"https://sms\"\nbody = '{\"token\": \"pa5s\", \"to\": {number}}'",
        "[sms]\ncommand = [\"/bin/send\", \"--password\", \"password=pa5s\"]",
    ] {
        let folder = Folder::new(format!("{MINIMAL}\n[store]\n{store}\n"));
        let found = check(&folder.main(), None);
        assert!(!found.is_empty(), "{store}");
        let shown: String = found.iter().map(ToString::to_string).collect();
        let data = serde_json::to_string(&found).unwrap();
        assert!(!shown.contains("pa5s") && !data.contains("pa5s"), "{shown}\n{data}");
    }
}

#[test]
fn a_flood_of_mistakes_is_cut_and_counted() {
    let flood: String = (0..5000).map(|number| format!("key{number} = 1\n")).collect();
    let diagnostics = errors_of(&format!("{flood}{MINIMAL}"));
    assert_eq!(diagnostics.len(), DIAGNOSTIC_LIMIT + 1);
    let last = diagnostics.last().unwrap();
    assert_eq!(last.message, format!("{} more mistakes are not shown", 5000 - DIAGNOSTIC_LIMIT));
    assert_eq!(last.severity, Severity::Error);
}

#[test]
fn an_error_does_not_hide_behind_warnings() {
    let open: String =
        (0..300).map(|number| format!("[[policy]]\nname = \"r{number}\"\nrequire = \"never\"\n")).collect();
    let folder = Folder::new(format!("{open}[default]\nrequire = \"sometimes\"\n"));
    let found = check(&folder.main(), None);
    assert!(found.iter().any(|found| found.text == "\"sometimes\""), "{:?}", found.last());
}
