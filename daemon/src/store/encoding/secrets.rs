//! The sealed document of an account: its code key, the secrets of its factors and what is on file of the person, as
//! versioned JSON.
//!
//! Owns the form inside the seal. Every buffer that holds a secret is wiped: texts are borrowed from the opened seal,
//! and the written document never moves, because its size is known before.

use countersign_core::account::{Account, FACTOR_LIMIT};
use countersign_core::contact::{Contacts, EmailAddress, PhoneNumber};
use countersign_core::factor::{Factor, FactorKind};
use countersign_core::secret::Secret;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::StoreError;
use super::document::describe;

/// The newest version read; written only where there are contacts, as for the open document.
const VERSION: u32 = 2;
/// The version of a document without contacts.
const WITHOUT_CONTACTS: u32 = 1;
/// More than the punctuation, names and numbers of one entry take.
const ENTRY_OVERHEAD: usize = 64;

/// What a sealed document holds.
pub(super) struct Secrets {
    pub(super) code_key: Secret<[u8; 32]>,
    pub(super) factors: Vec<FactorSecret>,
    pub(super) contacts: Contacts,
}

/// The secret of one factor.
pub(super) struct FactorSecret {
    pub(super) id: u32,
    pub(super) secret: Secret<Vec<u8>>,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    version: u32,
    code_key: &'a str,
    #[serde(borrow)]
    factors: Vec<Entry<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    id: u32,
    secret: &'a str,
}

/// Writes the secrets of an account.
pub(super) fn write(account: &Account) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let spelled: Vec<(u32, Zeroizing<String>)> =
        account.factors.iter().map(|factor| (factor.id.0, spell(secret_of(factor)))).collect();
    let code_key = spell(account.code_key.expose());
    // Neither holds anything that is written longer than it is.
    let Contacts { email, phone } = &account.contacts;
    let (email, phone) = (email.as_ref().map(EmailAddress::as_str), phone.as_ref().map(PhoneNumber::as_str));
    let contacts = email.map_or(0, str::len) + phone.map_or(0, str::len);
    let size = spelled.iter().fold(code_key.len() + contacts + 3 * ENTRY_OVERHEAD, |size, (_, text)| {
        size.saturating_add(text.len()).saturating_add(ENTRY_OVERHEAD)
    });
    let mut plain = Zeroizing::new(Vec::with_capacity(size));
    let document = Sealed {
        version: if email.is_some() || phone.is_some() { VERSION } else { WITHOUT_CONTACTS },
        code_key: code_key.as_str(),
        factors: spelled.iter().map(|(id, secret)| Entry { id: *id, secret: secret.as_str() }).collect(),
        email,
        phone,
    };
    serde_json::to_writer(&mut *plain, &document)
        .map_err(|error| StoreError::Failed { doing: "writing a record", cause: error.to_string() })?;
    debug_assert!(plain.len() <= size, "the document moved while it was written");
    Ok(plain)
}

/// Reads an opened seal.
pub(super) fn read(plain: &[u8]) -> Result<Secrets, String> {
    let Versioned { version } = serde_json::from_slice(plain).map_err(|error| describe(&error))?;
    if !(WITHOUT_CONTACTS..=VERSION).contains(&version) {
        return Err(format!("its secrets have version {version}, this service reads 1 to {VERSION}"));
    }
    let Sealed { version: _, code_key, factors, email, phone } =
        serde_json::from_slice(plain).map_err(|error| describe(&error))?;
    if factors.len() > FACTOR_LIMIT {
        return Err("it holds more secrets than a person may have".to_owned());
    }
    let code_key = unspell(code_key)?;
    let code_key: [u8; 32] =
        code_key.expose().as_slice().try_into().map_err(|_| "its code key is cut".to_owned())?;
    let factors = factors
        .into_iter()
        .map(|Entry { id, secret }| unspell(secret).map(|secret| FactorSecret { id, secret }))
        .collect::<Result<_, _>>()?;
    let broken = || "what is on file in it is no address or number".to_owned();
    let email = email.map(EmailAddress::try_from).transpose().map_err(|_| broken())?;
    let phone = phone.map(PhoneNumber::try_from).transpose().map_err(|_| broken())?;
    Ok(Secrets { code_key: Secret::new(code_key), factors, contacts: Contacts { email, phone } })
}

fn secret_of(factor: &Factor) -> &[u8] {
    match &factor.kind {
        FactorKind::Totp(totp) => totp.secret.expose(),
        FactorKind::Hotp(hotp) => hotp.secret.expose(),
        FactorKind::Sent(recipient) => recipient.address().as_bytes(),
    }
}

fn spell(secret: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64.encode(secret))
}

fn unspell(text: &str) -> Result<Secret<Vec<u8>>, String> {
    BASE64.decode(text.as_bytes()).map(Secret::new).map_err(|_| "a secret of it is not as written".to_owned())
}
