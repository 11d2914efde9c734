//! The golden dialogues under `tests/transcripts`, one file a dialogue, in each language.
//!
//! `UPDATE_TRANSCRIPTS=1` writes the files anew from their acting lines; the difference is reviewed as code.

#![expect(
    clippy::disallowed_methods,
    reason = "golden files lie beside the tests; only the crate itself is pure"
)]

use std::fs;
use std::path::{Path, PathBuf};

use crate::script::play;

fn folder(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts").join(language)
}

fn scripts(language: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(language)).expect("the transcripts");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn check(language: &str) {
    let update = std::env::var_os("UPDATE_TRANSCRIPTS").is_some();
    let mut wrong = Vec::new();
    for path in scripts(language) {
        let expected = fs::read_to_string(&path).expect("a transcript");
        let played = play(&expected);
        if update {
            fs::write(&path, &played).expect("a transcript to be written");
        } else if played != expected {
            wrong.push(format!("{}:\n{played}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "these dialogues go differently now:\n{}", wrong.join("\n"));
}

#[test]
fn every_english_dialogue_goes_as_its_transcript_says() {
    check("en");
}

#[test]
fn every_german_dialogue_goes_as_its_transcript_says() {
    check("de");
}

/// What a script does, without its language and what is answered.
fn acts(path: &Path) -> Vec<String> {
    let script = fs::read_to_string(path).expect("a transcript");
    let acts = script.lines().filter(|line| line.starts_with(['=', '>']) && !line.starts_with("= language"));
    acts.map(str::to_owned).collect()
}

#[test]
fn every_dialogue_exists_in_both_languages() {
    let (english, german) = (scripts("en"), scripts("de"));
    assert!(english.len() > 15, "the dialogues were found");
    assert_eq!(english.len(), german.len());
    for (english, german) in english.iter().zip(&german) {
        assert_eq!(english.file_name(), german.file_name());
        assert_eq!(acts(english), acts(german), "{}", english.display());
    }
}

#[test]
fn a_late_first_factor_shows_everybody_the_same() {
    for language in ["en", "de"] {
        let shown = |name: &str| -> Vec<String> {
            let script = fs::read_to_string(folder(language).join(name)).expect("a transcript");
            script.lines().filter(|line| line.starts_with('<')).map(str::to_owned).collect()
        };
        let unknown = shown("late-unknown.txt");
        assert_eq!(unknown.len(), 4, "three prompts and a verdict");
        for other in ["late-unenrolled.txt", "late-enrolled.txt", "late-locked.txt"] {
            assert_eq!(shown(other), unknown, "{other}");
        }
        let unknown = shown("late-choosing-unknown.txt");
        assert_eq!(unknown.len(), 4, "the list, a choice, a code, a verdict");
        for other in ["unenrolled", "enrolled", "locked"] {
            assert_eq!(shown(&format!("late-choosing-{other}.txt")), unknown, "{other}");
        }
    }
}
