//! Sealing: data keys wrapped by the wrapping key, secrets of accounts sealed by data keys.
//!
//! Owns the envelope (XChaCha20-Poly1305, HKDF-SHA256) and what each seal is bound to. Leaves the bytes inside to
//! `encoding` and the files to `wrapping_key`. A seal opens only in the row that it was made for, under the data key
//! that the row names; anything else is refused.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use countersign_core::account::AccountId;
use countersign_core::secret::Secret;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use super::wrapping_key::WrappingKey;
use super::{StoreError, unreadable};

/// The form of every sealed thing: version, nonce, ciphertext with tag.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
/// What the wrapping key's derivation is for; another use of the same key derives another.
const WRAPPING_INFO: &[u8] = b"countersign data key wrapping 1";
/// What recipients are hashed with.
const RECIPIENT_INFO: &[u8] = b"countersign outbox recipients 1";

/// A key that seals secrets; it lies in the store, wrapped.
#[derive(Debug)]
pub struct DataKey {
    number: u32,
    key: Secret<[u8; 32]>,
}

/// Hashes recipients, so that they are counted and not known; derived from the wrapping key.
#[derive(Debug)]
pub struct RecipientKey(Secret<[u8; 32]>);

/// What a seal is bound to besides its data key.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The account.
    pub account: AccountId,
    /// Which secrets of it.
    pub kind: &'a str,
    /// SHA-256 of the open half of the row: altering that breaks the seal.
    pub open_half: &'a [u8; 32],
}

/// The data keys of a store, by number; the newest seals.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: BTreeMap<u32, DataKey>,
}

impl KeyRing {
    /// Takes a key in.
    pub fn insert(&mut self, key: DataKey) {
        self.keys.insert(key.number, key);
    }

    /// Lends the key of a number.
    ///
    /// # Errors
    /// [`StoreError::Key`] if the ring does not have it.
    pub fn key(&self, number: u32) -> Result<&DataKey, StoreError> {
        self.keys.get(&number).ok_or_else(|| StoreError::Key(format!("data key {number} is missing")))
    }

    /// Tells whether the ring has the key of a number.
    #[must_use]
    pub fn has(&self, number: u32) -> bool {
        self.keys.contains_key(&number)
    }

    /// Forgets, and wipes, all keys but these.
    pub fn keep_only(&mut self, numbers: &[u32]) {
        self.keys.retain(|number, _| numbers.contains(number));
    }
}

impl WrappingKey {
    /// Wraps a data key for the store.
    ///
    /// # Errors
    /// [`StoreError::Key`] if there is no randomness.
    pub fn wrap(&self, key: &DataKey) -> Result<Vec<u8>, StoreError> {
        encrypt(&*self.derive(WRAPPING_INFO)?, data_key_binding(key.number).as_bytes(), key.key.expose())
    }

    /// Unwraps a data key of the store.
    ///
    /// # Errors
    /// [`StoreError::Key`] if it was wrapped by another wrapping key, under another number, or altered.
    pub fn unwrap(&self, number: u32, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        let refuse = || StoreError::Key(format!("data key {number} was not wrapped by this key"));
        let bytes = decrypt(&*self.derive(WRAPPING_INFO)?, data_key_binding(number).as_bytes(), wrapped)
            .ok_or_else(refuse)?;
        let key = bytes.as_slice().try_into().map_err(|_| refuse())?;
        Ok(DataKey { number, key: Secret::new(key) })
    }

    /// Makes the key of keyed hashes of recipients: the same on every host with this wrapping key.
    ///
    /// # Errors
    /// [`StoreError::Key`], which does not happen.
    pub fn recipient_key(&self) -> Result<RecipientKey, StoreError> {
        Ok(RecipientKey(Secret::new(*self.derive(RECIPIENT_INFO)?)))
    }

    fn derive(&self, info: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let mut derived = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.expose())
            .expand(info, derived.as_mut_slice())
            .map_err(|_| StoreError::Key("the wrapping key cannot be derived".to_owned()))?;
        Ok(derived)
    }
}

impl RecipientKey {
    /// Hashes a recipient as it is counted.
    #[must_use]
    pub fn digest(&self, counted: &str) -> [u8; 32] {
        // RFC 2104: a key shorter than the block is filled up with zeros.
        let mut block = Zeroizing::new([0; 64]);
        for (place, byte) in block.iter_mut().zip(self.0.expose()) {
            *place = *byte;
        }
        let mut hmac = Hmac::<Sha256>::new((&*block).into());
        hmac.update(counted.as_bytes());
        hmac.finalize().into_bytes().into()
    }
}

impl DataKey {
    /// Draws a key.
    ///
    /// # Errors
    /// [`StoreError::Key`] if there is no randomness.
    pub fn draw(number: u32) -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        fill(bytes.as_mut_slice())?;
        Ok(Self { number, key: Secret::new(*bytes) })
    }

    /// Tells its number.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Seals secrets for their place.
    ///
    /// # Errors
    /// [`StoreError::Key`] if there is no randomness.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        encrypt(self.key.expose(), self.binding(place).as_bytes(), plain)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if it was altered, belongs to another row, or is of a newer version.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        decrypt(self.key.expose(), self.binding(place).as_bytes(), sealed).ok_or_else(|| {
            unreadable(place.account, "its seal is broken, of another row, or of a newer version")
        })
    }

    /// `version|account id|kind|key id`, and the digest of the row's open half.
    fn binding(&self, place: Place<'_>) -> String {
        let Place { account, kind, open_half } = place;
        let digest = data_encoding::HEXLOWER.encode(open_half);
        format!("countersign secrets|{VERSION}|{account}|{kind}|{}|{digest}", self.number)
    }
}

fn data_key_binding(number: u32) -> String {
    format!("countersign data key|{VERSION}|{number}")
}

fn fill(buffer: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(buffer).map_err(|error| StoreError::Key(format!("no randomness: {error}")))
}

fn encrypt(key: &[u8; 32], binding: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0; NONCE_BYTES];
    fill(&mut nonce)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    let text = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: binding })
        .map_err(|_| StoreError::Key("sealing failed".to_owned()))?;
    let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + text.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&text);
    Ok(sealed)
}

fn decrypt(key: &[u8; 32], binding: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (&[VERSION], rest) = sealed.split_first_chunk::<1>()? else { return None };
    let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: binding }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"what nobody may read";

    fn place(account: u8, open_half: &[u8; 32]) -> Place<'_> {
        Place { account: AccountId([account; 16]), kind: "account", open_half }
    }

    #[test]
    fn a_seal_opens_in_its_place_only() {
        let key = DataKey::draw(1).unwrap();
        let sealed = key.seal(place(1, &[0; 32]), PLAIN).unwrap();
        assert_eq!(key.open(place(1, &[0; 32]), &sealed).unwrap().as_slice(), PLAIN);
        assert!(matches!(key.open(place(2, &[0; 32]), &sealed), Err(StoreError::Unreadable(_))));
        assert!(matches!(key.open(place(1, &[1; 32]), &sealed), Err(StoreError::Unreadable(_))));
        let other_kind = Place { kind: "other", ..place(1, &[0; 32]) };
        assert!(matches!(key.open(other_kind, &sealed), Err(StoreError::Unreadable(_))));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_breaks_a_seal() {
        let key = DataKey::draw(1).unwrap();
        let sealed = key.seal(place(1, &[0; 32]), PLAIN).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(place(1, &[0; 32]), &flipped).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(key.open(place(1, &[0; 32]), &sealed[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn a_data_key_unwraps_under_its_wrapping_key_and_number_only() {
        let wrapping = WrappingKey::new(Secret::new([7; 32]));
        let key = DataKey::draw(3).unwrap();
        let wrapped = wrapping.wrap(&key).unwrap();
        assert_eq!(wrapping.unwrap(3, &wrapped).unwrap().key, key.key);
        assert!(matches!(wrapping.unwrap(4, &wrapped), Err(StoreError::Key(_))));
        let other = WrappingKey::new(Secret::new([8; 32]));
        assert!(matches!(other.unwrap(3, &wrapped), Err(StoreError::Key(_))));
        assert!(!wrapped.windows(8).any(|part| part == &key.key.expose()[..8]));
    }

    #[test]
    fn the_same_secrets_never_seal_to_the_same_bytes() {
        let key = DataKey::draw(1).unwrap();
        assert_ne!(
            key.seal(place(1, &[0; 32]), PLAIN).unwrap(),
            key.seal(place(1, &[0; 32]), PLAIN).unwrap()
        );
    }

    #[test]
    fn keys_do_not_show_themselves() {
        let mut ring = KeyRing::default();
        ring.insert(DataKey { number: 1, key: Secret::new([0x41; 32]) });
        assert!(!format!("{ring:?}").contains("65"));
    }
}
