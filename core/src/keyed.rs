//! Keyed hashes of codes: all that is kept of a backup code, an invitation or a sent code.
//!
//! Owns HMAC-SHA256 under the account's code key, which lies sealed, and the comparison in constant time. Why not a
//! slow hash: `docs/decisions/0003-keyed-hashes-for-codes.md`. A hash holds for one account and one purpose.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What a code is for; hashes of different purposes never fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Backup,
    Invitation,
    Sent,
}

impl Purpose {
    /// Ends with a character that stands in no code.
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Backup => b"backup:",
            Self::Invitation => b"invitation:",
            Self::Sent => b"sent:",
        }
    }
}

/// The keyed hash of a code; equality takes the same time whatever differs.
#[derive(Clone, Copy)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// What stands where there is no code, for the sake of time; it is the hash of nothing anybody could type.
    pub(crate) const NONE: Self = Self([0; 32]);

    /// Hashes a code in its canonical form under an account's code key.
    pub(crate) fn of(key: &Secret<[u8; 32]>, purpose: Purpose, code: &str) -> Self {
        // RFC 2104: a key shorter than the block is filled up with zeros.
        let mut block = Zeroizing::new([0; 64]);
        for (place, byte) in block.iter_mut().zip(key.expose()) {
            *place = *byte;
        }
        let mut hmac = Hmac::<Sha256>::new((&*block).into());
        hmac.update(purpose.prefix());
        hmac.update(code.as_bytes());
        Self(hmac.finalize().into_bytes().into())
    }

    /// Takes a hash as a store kept it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Lends the bytes to a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for CodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeHash {}

impl fmt::Debug for CodeHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CodeHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Secret<[u8; 32]> {
        Secret::new([byte; 32])
    }

    #[test]
    fn a_hash_is_hmac_sha256() {
        // printf 'backup:ABC' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b0b…0b (32 bytes)
        let hash = CodeHash::of(&key(0x0b), Purpose::Backup, "ABC");
        let expected = "dee40479b5a83fb06d9c2282ac8be803a047c1e023c985ca9dc413d2e2dd83ba";
        assert_eq!(data_encoding::HEXLOWER.encode(hash.as_bytes()), expected);
    }

    #[test]
    fn a_hash_holds_for_one_key_one_purpose_and_one_code() {
        let hash = CodeHash::of(&key(1), Purpose::Backup, "ABC");
        assert_eq!(hash, CodeHash::of(&key(1), Purpose::Backup, "ABC"));
        assert_ne!(hash, CodeHash::of(&key(2), Purpose::Backup, "ABC"));
        assert_ne!(hash, CodeHash::of(&key(1), Purpose::Invitation, "ABC"));
        assert_ne!(hash, CodeHash::of(&key(1), Purpose::Backup, "ABD"));
    }

    #[test]
    fn a_hash_does_not_show_itself() {
        assert_eq!(format!("{:?}", CodeHash::NONE), "CodeHash(…)");
    }
}
