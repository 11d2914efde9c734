//! A folder with a configuration, as the tests write it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use countersign_config::{Diagnostic, Loaded, Severity, Trust, check, load};
use tempfile::TempDir;

/// The shortest file that is right.
pub(crate) const MINIMAL: &str = "[default]\nrequire = \"enrolled\"\n";

/// A folder with a main file and a folder of drop-ins; it goes away with the value.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// Writes a main file.
    pub(crate) fn new(text: impl AsRef<[u8]>) -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::write(folder.main(), text).unwrap();
        fs::create_dir(folder.drop_ins()).unwrap();
        folder.protect();
        folder
    }

    /// Takes away from others the right to write.
    fn protect(&self) {
        for (path, mode) in
            [(self.main(), 0o644), (self.drop_ins(), 0o755), (self.0.path().to_owned(), 0o755)]
        {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    /// The main file.
    pub(crate) fn main(&self) -> PathBuf {
        self.0.path().join("countersign.toml")
    }

    /// The folder of drop-ins.
    pub(crate) fn drop_ins(&self) -> PathBuf {
        self.0.path().join("policy.d")
    }

    /// Writes a drop-in.
    pub(crate) fn drop_in(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.drop_ins().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// Trusts whoever owns the folder, as it is the test's own.
    pub(crate) fn trust(&self) -> Trust {
        Trust::Owner(fs::metadata(self.0.path()).unwrap().uid())
    }

    /// Loads it.
    pub(crate) fn load(&self) -> Result<Loaded, Vec<Diagnostic>> {
        load(&self.main(), &self.drop_ins(), self.trust())
    }
}

/// Lists the errors of a main file.
pub(crate) fn errors_of(text: &str) -> Vec<Diagnostic> {
    let found = check(&Folder::new(text).main(), None);
    found.into_iter().filter(|found| found.severity == Severity::Error).collect()
}

/// Lists the warnings of a main file without errors.
pub(crate) fn warnings_of(text: &str) -> Vec<Diagnostic> {
    let found = check(&Folder::new(text).main(), None);
    assert!(found.iter().all(|found| found.severity != Severity::Error), "{found:#?}");
    found.into_iter().filter(|found| found.severity == Severity::Warning).collect()
}

/// Lists the notes of a main file.
pub(crate) fn notes_of(text: &str) -> Vec<Diagnostic> {
    let found = check(&Folder::new(text).main(), None);
    found.into_iter().filter(|found| found.severity == Severity::Note).collect()
}

/// The one error of a main file.
pub(crate) fn message_of(text: &str) -> String {
    let found = errors_of(text);
    let [only] = found.as_slice() else { panic!("{text}: {found:#?}") };
    only.message.clone()
}

/// The one error of a setting at the top.
pub(crate) fn fault_of(setting: &str) -> String {
    message_of(&format!("{setting}\n{MINIMAL}"))
}

/// The one error of a rule's line.
pub(crate) fn rule_fault_of(line: &str) -> String {
    message_of(&format!("[[policy]]\nname = \"r\"\nrequire = \"always\"\n{line}\n{MINIMAL}"))
}
