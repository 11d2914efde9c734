//! The golden dialogues under `tests/transcripts`, one file a dialogue: all in English and in German, the commonest in
//! each language; the others are played in each language and compared by their course.
//!
//! `UPDATE_TRANSCRIPTS=1` writes the files anew from their acting lines; the difference is reviewed as code.

#![expect(
    clippy::disallowed_methods,
    reason = "golden files lie beside the tests; only the crate itself is pure"
)]

use std::fs;
use std::path::{Path, PathBuf};

use countersign_core::words::{LANGUAGES, Language};

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

#[test]
fn every_french_dialogue_goes_as_its_transcript_says() {
    check("fr");
}

#[test]
fn every_spanish_dialogue_goes_as_its_transcript_says() {
    check("es");
}

#[test]
fn every_chinese_dialogue_goes_as_its_transcript_says() {
    check("zh");
}

#[test]
fn every_japanese_dialogue_goes_as_its_transcript_says() {
    check("ja");
}

/// The dialogues that are written down in each language.
const GOLDEN_EVERYWHERE: [&str; 23] = [
    "app-and-email.txt",
    "backup-code-last.txt",
    "choosing.txt",
    "clock-off.txt",
    "email-failed.txt",
    "email-only.txt",
    "email-wrong.txt",
    "first-login-backup-codes.txt",
    "first-login-cut-and-resumed.txt",
    "first-login-email-on-file.txt",
    "first-login-email-typed.txt",
    "first-login.txt",
    "invited.txt",
    "locked-and-unlocked-by-time.txt",
    "locked-overnight.txt",
    "remembered.txt",
    "second-login.txt",
    "send-cap.txt",
    "several-ways.txt",
    "skip-times.txt",
    "token-resync.txt",
    "unenrolled.txt",
    "wrong-code.txt",
];

/// What a script does, without its language and what is answered.
fn acts(path: &Path) -> Vec<String> {
    let script = fs::read_to_string(path).expect("a transcript");
    let acts = script.lines().filter(|line| line.starts_with(['=', '>']) && !line.starts_with("= language"));
    acts.map(str::to_owned).collect()
}

#[test]
fn every_dialogue_exists_in_english_and_in_german() {
    let (english, german) = (scripts("en"), scripts("de"));
    assert!(english.len() > 15, "the dialogues were found");
    assert_eq!(english.len(), german.len());
    for (english, german) in english.iter().zip(&german) {
        assert_eq!(english.file_name(), german.file_name());
        assert_eq!(acts(english), acts(german), "{}", english.display());
    }
}

#[test]
fn the_commonest_dialogues_are_written_down_in_every_language() {
    for language in LANGUAGES.map(Language::tag) {
        for name in GOLDEN_EVERYWHERE {
            assert!(folder(language).join(name).is_file(), "{language}/{name}");
        }
        for path in scripts(language) {
            let name = path.file_name().expect("a name");
            assert_eq!(acts(&path), acts(&folder("en").join(name)), "{}", path.display());
        }
    }
}

/// What remains of a dialogue in whatever language: its acts, its verdicts, its records.
fn course(dialogue: &str) -> Vec<&str> {
    let spoken = |line: &&str| !line.starts_with("= language");
    dialogue
        .lines()
        .filter(spoken)
        .map(|line| line.split_once('"').map_or(line, |(course, _)| course))
        .collect()
}

#[test]
fn every_dialogue_takes_the_same_course_in_every_language() {
    for path in scripts("en") {
        let english = fs::read_to_string(&path).expect("a transcript");
        for language in LANGUAGES.map(Language::tag) {
            let played = play(&format!("= language {language}\n{english}"));
            assert_eq!(course(&played), course(&english), "{language}: {}", path.display());
        }
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
        assert_eq!(unknown.len(), 5, "three codes, nothing once, and a verdict");
        for other in ["late-unenrolled.txt", "late-enrolled.txt", "late-locked.txt"] {
            assert_eq!(shown(other), unknown, "{other}");
        }
        let unknown = shown("late-choosing-unknown.txt");
        assert_eq!(unknown.len(), 6, "the list, a choice, three codes, a verdict");
        for other in ["unenrolled", "enrolled", "locked"] {
            assert_eq!(shown(&format!("late-choosing-{other}.txt")), unknown, "{other}");
        }
        let unknown = shown("late-email-unknown.txt");
        assert_eq!(unknown.len(), 6, "nothing to send, nothing to choose, three codes, a verdict");
        for other in ["unenrolled", "enrolled", "locked"] {
            assert_eq!(shown(&format!("late-email-{other}.txt")), unknown, "{other}");
        }
    }
}
