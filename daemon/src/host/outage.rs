//! What users are told while this service does not answer.
//!
//! Owns leaving the sentence, in every language and with the file's `help`, where the PAM module finds it without asking
//! (decision 19). Leaves the words to core and the file's form to the protocol crate. A sentence that cannot be left stops
//! nothing: the module has one of its own, in English.

use std::ffi::OsStr;
use std::io;
use std::iter::once;
use std::path::{Path, PathBuf};

use countersign_core::policy::Settings;
use countersign_core::words::{LANGUAGES, Language, Message, Refusal, say};
use countersign_protocol::names::OUTAGE_FILE;
use countersign_protocol::outage::compose;

use crate::host::durable;

/// Where systemd says which folder is the service's and everybody's to read.
const CACHE: &str = "CACHE_DIRECTORY";

/// Leaves the sentence in the folder that systemd gave the service. It waits for the disk.
pub fn leave(settings: &Settings) {
    let Some(folder) = std::env::var_os(CACHE).map(PathBuf::from) else { return };
    if let Err(cause) = write(&folder, &text(settings.language, settings.help.as_ref())) {
        let folder = folder.display();
        tracing::warn!(%folder, %cause, "users are not told whom to ask while this service does not answer");
    }
}

fn write(folder: &Path, text: &str) -> io::Result<()> {
    let name =
        Path::new(OUTAGE_FILE).file_name().and_then(OsStr::to_str).ok_or(io::ErrorKind::InvalidInput)?;
    durable::publish(folder, name, text.as_bytes())
}

/// Says it in every language, in the file's own first.
fn text(own: Language, help: Option<&String>) -> String {
    let languages = once(own).chain(LANGUAGES.into_iter().filter(|language| *language != own));
    let message = Message::Refusal(Refusal::Stopped { help: help.cloned() });
    compose(languages.map(|language| (language.tag(), say(language, &message))))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use countersign_protocol::outage::read_from;

    use super::*;

    #[test]
    fn the_module_reads_what_the_service_leaves_in_each_language() {
        let folder = tempfile::tempdir().unwrap();
        let help = "the desk, ext. 4444".to_owned();
        for _ in 0..2 {
            write(folder.path(), &text(Language::German, Some(&help))).unwrap();
        }
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        let path = folder.path().join("outage");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), LANGUAGES.len());
        for (locale, start) in [
            (None, "Ihr Code kann nicht geprüft werden"),
            (Some("pl_PL.UTF-8"), "Ihr Code kann nicht geprüft werden"),
            (Some("en_US.UTF-8"), "Your code cannot be checked"),
            (Some("ja_JP.UTF-8"), "確認コードを検証する"),
        ] {
            // The file is whoever's runs the test; the module believes root and the service.
            let Some(told) = read_from(&path, locale) else {
                assert!(!nix::unistd::geteuid().is_root());
                return;
            };
            assert!(told.starts_with(start) && told.contains("the desk, ext. 4444"), "{told}");
        }
    }

    /// The module's own sentence is compared with the man page in its tests.
    #[test]
    fn the_guides_and_the_man_page_quote_what_users_are_told() {
        let told = text(Language::English, None);
        let told = told.lines().next().unwrap().trim_start_matches("en ");
        let man = include_str!("../../../docs/man/pam_countersign.8.md");
        assert!(man.split_whitespace().collect::<Vec<_>>().join(" ").contains(told));
        let until_help = told.strip_suffix("your administrator.").unwrap();
        assert!(include_str!("../../../docs/guide/person.md").contains(until_help.trim_end()));
        let (first, _) = told.split_once(". ").unwrap();
        assert!(include_str!("../../../docs/guide/administrator.md").contains(first));
    }

    #[test]
    fn the_longest_help_fits_into_the_file() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &text(Language::Japanese, Some(&"語".repeat(1000)))).unwrap();
        let is_read = read_from(&folder.path().join("outage"), Some("ja")).is_some();
        assert_eq!(is_read, nix::unistd::geteuid().is_root());
    }
}
