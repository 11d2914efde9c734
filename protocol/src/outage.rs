//! What users are told while the service does not answer, in the administrator's words of whom to ask (row L15).
//!
//! Owns the file in which the service leaves the sentence, in every language, when it starts and reloads; the PAM module reads
//! it when it cannot ask. Leaves the words to the service. Invariant: the text is shown only if root or the service wrote it,
//! and only what may reach a terminal.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

use crate::door::is_of_service;
use crate::names::OUTAGE_FILE;
use crate::step::is_shown;

/// The largest file, in bytes: six languages, each with a sentence and 200 characters of help.
const FILE_LIMIT: u64 = 8192;
/// The longest sentence, in bytes.
const SENTENCE_LIMIT: usize = 1024;

/// Writes the file's text: a language tag and its sentence on each line, the language of the configuration first.
#[must_use]
pub fn compose<'a>(sentences: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let line = |(tag, sentence): (&str, String)| [tag.to_owned(), " ".to_owned(), sentence, "\n".to_owned()];
    sentences.into_iter().flat_map(line).collect()
}

/// Reads the sentence for a locale (`de_DE.UTF-8`): in its language, else in the first of the file. None where there is no
/// such file, or it may not be trusted or shown.
#[must_use]
pub fn read(locale: Option<&str>) -> Option<String> {
    read_from(Path::new(OUTAGE_FILE), locale)
}

/// Reads the sentence from another file.
#[must_use]
pub fn read_from(path: &Path, locale: Option<&str>) -> Option<String> {
    let file = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path).ok()?;
    let facts = file.metadata().ok()?;
    if !facts.is_file()
        || facts.len() > FILE_LIMIT
        || facts.mode() & 0o022 != 0
        || !is_of_service(facts.uid())
    {
        return None;
    }
    let mut text = String::new();
    file.take(FILE_LIMIT).read_to_string(&mut text).ok()?;
    pick(&text, locale)
}

fn pick(text: &str, locale: Option<&str>) -> Option<String> {
    let wanted = locale.and_then(|locale| locale.split(['-', '_', '.', '@']).next()).unwrap_or_default();
    let sentences = || text.lines().filter_map(|line| line.split_once(' '));
    let (_, sentence) =
        sentences().find(|(tag, _)| tag.eq_ignore_ascii_case(wanted)).or_else(|| sentences().next())?;
    let fits = !sentence.is_empty() && sentence.len() <= SENTENCE_LIMIT && sentence.chars().all(is_shown);
    fits.then(|| sentence.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn text() -> String {
        compose([("de", "Fragen Sie Frau Ärger.".to_owned()), ("en", "Ask the desk.".to_owned())])
    }

    #[test]
    fn the_sentence_is_in_the_language_of_the_login_else_of_the_file() {
        for (locale, sentence) in [
            (Some("en_US.UTF-8"), "Ask the desk."),
            (Some("EN"), "Ask the desk."),
            (Some("de@euro"), "Fragen Sie Frau Ärger."),
            (Some("pl_PL.UTF-8"), "Fragen Sie Frau Ärger."),
            (Some(""), "Fragen Sie Frau Ärger."),
            (None, "Fragen Sie Frau Ärger."),
        ] {
            assert_eq!(pick(&text(), locale).as_deref(), Some(sentence), "{locale:?}");
        }
    }

    #[test]
    fn what_may_not_reach_a_terminal_is_not_shown() {
        let long = format!("en {}\n", "x".repeat(SENTENCE_LIMIT + 1));
        for text in ["", "\n", "en", "en \n", "en a\u{1b}[2Jb\n", "en \u{202e}x\n", "en a\rb\n", &long] {
            assert_eq!(pick(text, None), None, "{text:?}");
        }
    }

    #[test]
    fn only_a_file_that_nobody_else_can_write_is_read() {
        let folder = std::env::temp_dir().join(format!("countersign-outage-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let [path, link, fifo] = ["outage", "link", "fifo"].map(|name| folder.join(name));
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        std::fs::write(&path, text()).unwrap();
        let is_trusted = is_of_service(nix::unistd::geteuid().as_raw());
        for (bits, is_read) in [(0o644, true), (0o664, false), (0o646, false)] {
            mode(bits);
            assert_eq!(read_from(&path, None).is_some(), is_read && is_trusted, "{bits:o}");
        }
        mode(0o644);
        symlink(&path, &link).unwrap();
        assert_eq!(read_from(&link, None), None, "a link");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read_from(&fifo, None), None, "a pipe");
        assert_eq!(read_from(&folder, None), None, "a folder");
        std::fs::write(&path, "x ".repeat(5000)).unwrap();
        assert_eq!(read_from(&path, None), None, "too large");
        if is_trusted {
            std::fs::write(&path, text()).unwrap();
            std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
            assert_eq!(read_from(&path, None), None, "somebody else's");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
