//! The wrapping key: the one key outside the store, which wraps its data keys.
//!
//! Owns where it comes from (systemd credential or key file) and its three spellings. Leaves who may hold the file to
//! `guarded_file`, and to `sealing` what is done with the key. The key is wiped when dropped and never shown.

use std::path::Path;

use countersign_core::secret::Secret;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use super::StoreError;
use super::guarded_file::{self, Links, PRIVATE};

/// The name of the systemd credential.
const CREDENTIAL: &str = "store-key";
/// The longest spelling: 64 hex digits and a newline.
const READ_LIMIT: u64 = 65;

/// The key that wraps the data keys.
#[derive(Debug, Clone)]
pub struct WrappingKey(Secret<[u8; 32]>);

impl WrappingKey {
    /// Takes the 32 bytes.
    #[must_use]
    pub const fn new(bytes: Secret<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Reads the credential `store-key` from the directory that systemd names in `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// [`StoreError::Key`] as for [`WrappingKey::from_file`].
    pub fn from_credential(directory: &Path) -> Result<Self, StoreError> {
        Self::from_file(&directory.join(CREDENTIAL))
    }

    /// Reads a key file: 32 raw bytes, 64 hex digits or 44 characters of base64, of root or of this service's user.
    ///
    /// # Errors
    /// [`StoreError::Key`]: it is missing, a symbolic link, not a regular file, somebody else's, open to others, or
    /// holds something else.
    pub fn from_file(path: &Path) -> Result<Self, StoreError> {
        let refuse = |cause: String| StoreError::Key(format!("the key file {}: {cause}", path.display()));
        let text = guarded_file::read(path, PRIVATE, Links::Refused, READ_LIMIT).map_err(refuse)?;
        parse(&text).map_err(refuse)
    }

    /// Lends the bytes to the derivation of the key that wraps.
    pub(super) const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

fn parse(text: &[u8]) -> Result<WrappingKey, String> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let bytes = Zeroizing::new(match (text.len(), line.len()) {
        (32, _) => text.to_vec(),
        (_, 64) => {
            HEXLOWER_PERMISSIVE.decode(line).map_err(|_| "its 64 characters are not hex".to_owned())?
        }
        (_, 44) => BASE64.decode(line).map_err(|_| "its 44 characters are not base64".to_owned())?,
        (length, _) => {
            return Err(format!(
                "it holds {length} bytes; write 32 raw bytes, 64 hex digits or 44 characters of base64"
            ));
        }
    });
    let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| "it does not spell 32 bytes".to_owned())?;
    let key = Secret::new(key);
    if key.expose().iter().all(|byte| Some(byte) == key.expose().first()) {
        return Err("all its bytes are the same; that is no key".to_owned());
    }
    Ok(WrappingKey(key))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    const KEY: [u8; 32] = *b"0123456789abcdefghijklmnopqrstu\n";

    fn file(content: &[u8], mode: u32) -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(CREDENTIAL);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (directory, path)
    }

    fn refusal(path: &Path) -> String {
        WrappingKey::from_file(path).unwrap_err().to_string()
    }

    #[test]
    fn the_three_spellings_are_the_same_key() {
        let hex = data_encoding::HEXUPPER.encode(&KEY);
        let base64 = format!("{}\n", BASE64.encode(&KEY));
        for content in [&KEY[..], hex.as_bytes(), base64.as_bytes()] {
            let (directory, _) = file(content, 0o400);
            let key = WrappingKey::from_credential(directory.path()).unwrap();
            assert_eq!(key.expose(), &KEY);
        }
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", WrappingKey::new(Secret::new(KEY))), "WrappingKey(Secret(…))");
    }

    #[test]
    fn other_lengths_and_spellings_are_refused_without_repeating_them() {
        for content in [&b""[..], &KEY[..31], &[b'z'; 64], &[b'!'; 44], &[b'a'; 66], &[b'a'; 10_000]] {
            let (_directory, path) = file(content, 0o600);
            let text = refusal(&path);
            assert!(
                !text.contains("zzzzzzzz") && !text.contains("aaaaaaaa") && !text.contains("!!!!!!!!"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_key_of_equal_bytes_is_refused() {
        let (_directory, path) = file(&[0; 32], 0o600);
        assert!(refusal(&path).contains("all its bytes are the same"));
    }

    #[test]
    fn a_file_open_to_others_or_writable_by_its_group_is_refused() {
        for mode in [0o644, 0o660, 0o604, 0o700, 0o4600] {
            let (_directory, path) = file(&KEY, mode);
            assert!(refusal(&path).contains("mode"), "{mode:o}");
        }
        for mode in [0o400, 0o440, 0o600, 0o640] {
            let (_directory, path) = file(&KEY, mode);
            assert!(WrappingKey::from_file(&path).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn links_folders_fifos_and_missing_files_are_refused() {
        let (directory, path) = file(&KEY, 0o600);
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(refusal(&link).contains("symbolic link"));
        assert!(refusal(directory.path()).contains("not a regular file"));
        let fifo = directory.path().join("fifo");
        assert!(
            std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&fifo).status().unwrap().success()
        );
        assert!(refusal(&fifo).contains("not a regular file"));
        assert!(refusal(&directory.path().join("none")).contains("No such file"));
    }
}
