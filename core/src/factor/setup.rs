//! What an app or a token is set up with: the URI to scan, the key to type.
//!
//! Owns the length of the URI, which decides the size of the QR code. Both hold the secret and are wiped.

use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::totp::{Algorithm, Digits, Period, Totp};
use crate::secret::Secret;

/// The setup URI that still draws as 41 × 21 (DESIGN.md 7).
pub const SHORT_URI: usize = 105;
/// What issuer and account have of a URI at least, however much the parameters take.
const LEAST_ROOM: usize = 28;
/// What stands as itself in a URI (RFC 3986 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes a setup URI of a kind (`totp`, `hotp`).
///
/// What is default is left out, and it is kept at 105 characters with default parameters: first the issuer's second
/// mention goes, then the host of the account, and only then are name and issuer cut, between two characters.
pub(super) fn uri(
    kind: &str,
    secret: &[u8],
    parameters: &str,
    issuer: &str,
    account: &str,
) -> Secret<String> {
    let key = Zeroizing::new(BASE32_NOPAD.encode(secret));
    let fixed = "otpauth:///?secret=&issuer=".len() + kind.len() + key.len() + parameters.len();
    let room = SHORT_URI.saturating_sub(fixed).max(LEAST_ROOM);
    let (label, issuer) = label_and_issuer(issuer, account, room);
    let mut uri = String::with_capacity(fixed + label.len() + issuer.len());
    for part in ["otpauth://", kind, "/", &label, "?secret=", &key, parameters, "&issuer=", &issuer] {
        uri.push_str(part);
    }
    Secret::new(uri)
}

/// Writes a key for typing: base32 in groups of four.
pub(super) fn key_in_groups(secret: &[u8]) -> Secret<String> {
    let key = Zeroizing::new(BASE32_NOPAD.encode(secret));
    let mut groups = String::with_capacity(key.len() * 5 / 4 + 1);
    for (position, character) in key.chars().enumerate() {
        if position > 0 && position % 4 == 0 {
            groups.push(' ');
        }
        groups.push(character);
    }
    Secret::new(groups)
}

impl Digits {
    /// Writes the parameter; six is the default.
    pub(super) const fn parameter(self) -> &'static str {
        match self {
            Self::Six => "",
            Self::Eight => "&digits=8",
        }
    }
}

impl Totp {
    /// Writes the setup URI that authenticator apps read; 105 characters with default parameters.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Secret<String> {
        uri("totp", self.secret.expose(), &self.parameters_of_uri(), issuer, account)
    }

    /// Writes the key for typing: base32 in groups of four.
    #[must_use]
    pub fn key_in_groups(&self) -> Secret<String> {
        key_in_groups(self.secret.expose())
    }

    fn parameters_of_uri(&self) -> String {
        let algorithm = match self.algorithm {
            Algorithm::Sha1 => "",
            Algorithm::Sha256 => "&algorithm=SHA256",
            Algorithm::Sha512 => "&algorithm=SHA512",
        };
        let period = match self.period {
            Period::Thirty => "",
            Period::Sixty => "&period=60",
        };
        [algorithm, self.digits.parameter(), period].concat()
    }
}

/// Encodes label and issuer so that both fit the room; the issuer stands before the account too where it can.
fn label_and_issuer(issuer: &str, account: &str, room: usize) -> (String, String) {
    let [whole_issuer, whole_account] = [encode(issuer), encode(account)];
    if 2 * whole_issuer.len() + 1 + whole_account.len() <= room {
        return (format!("{whole_issuer}:{whole_account}"), whole_issuer);
    }
    if whole_issuer.len() + whole_account.len() <= room {
        return (whole_account, whole_issuer);
    }
    // The host goes before anything is cut: the app shows who issued the code, and for which name.
    let name = account.split_once('@').map_or(account, |(name, _)| name);
    let name = if name.is_empty() { account } else { name };
    let name_room = room.saturating_sub(whole_issuer.len()).max(room / 2);
    let label = encode_short(name, name_room);
    let issuer = encode_short(issuer, room.saturating_sub(label.len()));
    (label, issuer)
}

/// Percent-encodes; a colon would end the issuer for some apps, however it is encoded.
fn encode(text: &str) -> String {
    utf8_percent_encode(&text.replace(':', "-"), ENCODED).to_string()
}

/// Percent-encodes as many characters as fit.
fn encode_short(text: &str, limit: usize) -> String {
    let mut short = String::new();
    for character in text.chars() {
        let encoded = encode(character.encode_utf8(&mut [0; 4]));
        if short.len() + encoded.len() > limit {
            break;
        }
        short.push_str(&encoded);
    }
    short
}
