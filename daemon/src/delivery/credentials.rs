//! Secrets of mail server and gateways: systemd credentials, or the file that `password_file` names.
//!
//! Owns where they are looked for and what they may be: one line of text. Leaves who may hold the file to
//! `store::guarded_file`. They are read at start and reload, wiped when dropped, and never shown.

use std::path::{Path, PathBuf};

use countersign_core::secret::Secret;

use crate::store::guarded_file::{self, Links, PRIVATE};

/// The credential with the mail server's password.
pub const EMAIL_PASSWORD: &str = "email-password";
/// The longest secret, in bytes.
const LIMIT: u64 = 4096;

/// The folder in which systemd puts the service's credentials, where it gave any.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    folder: Option<PathBuf>,
}

impl Credentials {
    /// Takes the folder that systemd names in `$CREDENTIALS_DIRECTORY`.
    #[must_use]
    pub const fn of(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Reads a credential by its name.
    ///
    /// # Errors
    /// What is wrong with it, and never what it holds.
    pub fn read(&self, name: &str) -> Result<Secret<String>, String> {
        let missing = || format!("the credential `{name}` is missing; give it to countersignd.service");
        let path = self.folder.as_ref().map(|folder| folder.join(name)).ok_or_else(missing)?;
        if !path.exists() {
            return Err(missing());
        }
        read_line(&path).map_err(|cause| format!("the credential `{name}`: {cause}"))
    }
}

/// Reads a file that holds a secret as its only line.
///
/// # Errors
/// What is wrong with it, with the path, and never what it holds.
pub fn read_file(path: &Path) -> Result<Secret<String>, String> {
    read_line(path).map_err(|cause| format!("{}: {cause}", path.display()))
}

fn read_line(path: &Path) -> Result<Secret<String>, String> {
    let bytes = guarded_file::read(path, PRIVATE, Links::Refused, LIMIT)?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let text = std::str::from_utf8(line).ok();
    match text.filter(|text| !text.is_empty() && !text.contains(char::is_control)) {
        Some(text) => Ok(Secret::new(text.to_owned())),
        None => Err("it does not hold exactly one line of text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn holding(content: &[u8], mode: u32) -> (tempfile::TempDir, Credentials) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sms-token");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let credentials = Credentials::of(Some(folder.path().to_owned()));
        (folder, credentials)
    }

    #[test]
    fn a_secret_is_the_only_line_of_its_file() {
        for content in ["s3cret töken", "s3cret töken\n"] {
            let (_folder, credentials) = holding(content.as_bytes(), 0o600);
            assert_eq!(credentials.read("sms-token").unwrap().expose(), "s3cret töken");
        }
    }

    #[test]
    fn what_is_not_one_line_is_refused_without_repeating_it() {
        for content in [&b""[..], b"\n", b"word\r\n", b"word\nword\n", b"wo\0rd", b"word\xff", &[b'w'; 5000]]
        {
            let (_folder, credentials) = holding(content, 0o600);
            let refusal = credentials.read("sms-token").unwrap_err();
            assert!(!refusal.contains("word") && !refusal.contains("www"), "{refusal}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_and_a_missing_one_are_refused() {
        let (_folder, credentials) = holding(b"s3cret", 0o644);
        assert!(credentials.read("sms-token").unwrap_err().contains("mode"));
        assert!(credentials.read("other").unwrap_err().contains("is missing"));
        assert!(Credentials::default().read("sms-token").unwrap_err().contains("is missing"));
    }
}
