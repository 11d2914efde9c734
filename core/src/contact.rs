//! Where a person can be reached: e-mail addresses and telephone numbers, parsed once and masked when shown.
//!
//! Owns what counts as an address or a number (SECURITY.md TH20): an address is a plain ASCII mailbox, a number E.164, so
//! that neither can carry a header, a second recipient, an option of a command or a control character. Both are masked
//! wherever anybody but their owner could read them. Leaves to `delivery` what is sent there.

use std::fmt;
use std::str::FromStr;

use phonenumber::Mode;

/// The longest address, in bytes (RFC 5321 4.5.3.1.3 less the brackets).
pub const ADDRESS_LIMIT: usize = 254;
/// The longest text that is read as an address, in bytes: invisible characters and other scripts take room.
const WRITTEN_LIMIT: usize = 1024;
/// The longest local part, in bytes (RFC 5321 4.5.3.1.1).
const LOCAL_LIMIT: usize = 64;
/// The longest label of a domain, in bytes (RFC 1035 2.3.4).
const LABEL_LIMIT: usize = 63;
/// The longest text that is tried as a number.
const NUMBER_TEXT_LIMIT: usize = 40;
/// The digits of a number in E.164: at most 15 with the country's, and none has fewer than seven.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// What may stand before an address in GECOS, in any case.
const EMAIL_KEYS: [&str; 4] = ["email", "e-mail", "mail", "mailto"];
/// What may stand before a number in GECOS, in any case.
const PHONE_KEYS: [&str; 2] = ["tel", "phone"];

/// An e-mail address: one ASCII mailbox, without quotes, comments or routes; the domain in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

/// A text that is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address that messages can be sent to, like alice@example.org")]
pub struct InvalidAddress;

impl TryFrom<&str> for EmailAddress {
    type Error = InvalidAddress;

    fn try_from(text: &str) -> Result<Self, InvalidAddress> {
        let (local, domain) = text.split_once('@').ok_or(InvalidAddress)?;
        if text.len() > ADDRESS_LIMIT || !is_local_part(local) || !is_domain(domain) {
            return Err(InvalidAddress);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

impl EmailAddress {
    /// Reads an address as people write and copy it: invisible characters and spaces around it are no part of it, and a domain
    /// with other letters than ASCII is written as the DNS has it (RFC 5891).
    ///
    /// # Errors
    /// [`InvalidAddress`], also for a local part with other letters than ASCII: not every mail server takes those.
    pub fn read(text: &str) -> Result<Self, InvalidAddress> {
        if text.len() > WRITTEN_LIMIT {
            return Err(InvalidAddress);
        }
        let shown: String = text.chars().filter(|character| !is_invisible(*character)).collect();
        let (local, domain) = shown.trim().rsplit_once('@').ok_or(InvalidAddress)?;
        if domain.is_ascii() {
            return Self::try_from(shown.trim());
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidAddress)?;
        Self::try_from(format!("{local}@{domain}").as_str())
    }
}

/// Tells whether nobody sees a character: formatting that address books and web pages leave.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Dot-atoms only (RFC 5321 `Dot-string`); what begins with a dash could be taken for an option.
fn is_local_part(text: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    text.len() <= LOCAL_LIMIT && !text.starts_with('-') && text.split('.').all(is_atom)
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_LIMIT).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split('.').all(is_label)
}

impl EmailAddress {
    /// Lends the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Lends the domain, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Writes it so that its owner knows it again and nobody else learns it: `a•••@example.org`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("{}•••@{}", self.0.chars().next().unwrap_or('•'), self.domain())
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A telephone number in E.164: `+` and 7 to 15 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

/// A text that is not a telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone number; write it with the country's code, like +49 30 123456")]
pub struct InvalidNumber;

/// The country whose numbers may be written without their code: ISO 3166-1 alpha-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country(phonenumber::country::Id);

/// A text that is not the code of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the two-letter code of a country, like DE")]
pub struct InvalidCountry;

impl TryFrom<&str> for Country {
    type Error = InvalidCountry;

    fn try_from(text: &str) -> Result<Self, InvalidCountry> {
        phonenumber::country::Id::from_str(text).map(Self).map_err(|_| InvalidCountry)
    }
}

impl TryFrom<&str> for PhoneNumber {
    type Error = InvalidNumber;

    /// Takes E.164 exactly, as a store or a directory keeps it.
    fn try_from(text: &str) -> Result<Self, InvalidNumber> {
        let digits = text.strip_prefix('+').ok_or(InvalidNumber)?;
        let is_number = NUMBER_DIGITS.contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { Ok(Self(text.to_owned())) } else { Err(InvalidNumber) }
    }
}

/// Brings spaces, dashes and digits of typography and of other input methods to ASCII.
fn plain_sign(character: char) -> char {
    match character {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        // Full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character).saturating_sub(0xfee0)).unwrap_or(character)
        }
        other => other,
    }
}

impl PhoneNumber {
    /// Reads a number as a person writes it: with spaces, dashes, brackets, and without the country's code where the
    /// file names the country.
    ///
    /// # Errors
    /// [`InvalidNumber`] for anything that is no number of a country that has such numbers.
    pub fn read(text: &str, country: Option<Country>) -> Result<Self, InvalidNumber> {
        if text.len() > WRITTEN_LIMIT {
            return Err(InvalidNumber);
        }
        let written: String =
            text.chars().filter(|character| !is_invisible(*character)).map(plain_sign).collect();
        let text = written.trim();
        let is_writing = |character: char| character.is_ascii_digit() || "+ ()-./".contains(character);
        if text.len() > NUMBER_TEXT_LIMIT || !text.chars().all(is_writing) {
            return Err(InvalidNumber);
        }
        // Abroad numbers are dialed with 00 almost everywhere.
        let text = text.strip_prefix("00").map_or_else(|| text.to_owned(), |rest| format!("+{rest}"));
        let number =
            phonenumber::parse(country.map(|country| country.0), &text).map_err(|_| InvalidNumber)?;
        if !number.is_valid() {
            return Err(InvalidNumber);
        }
        Self::try_from(number.format().mode(Mode::E164).to_string().as_str())
    }

    /// Lends the number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Writes it so that its owner knows it again and nobody else learns it: `•••• 42`.
    #[must_use]
    pub fn masked(&self) -> String {
        let end = self.0.get(self.0.len().saturating_sub(2)..).unwrap_or_default();
        format!("•••• {end}")
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is on file about a person: from an administrator, a list of contacts, or the name service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contacts {
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// The telephone number.
    pub phone: Option<PhoneNumber>,
}

impl Contacts {
    /// Fills what is missing from another source.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            email: self.email.clone().or_else(|| other.email.clone()),
            phone: self.phone.clone().or_else(|| other.phone.clone()),
        }
    }

    /// Reads the field of `/etc/passwd` that only root can change: the "other" part of GECOS (`chfn --other`), where an
    /// address and a number in E.164 may stand, in either order, each alone or behind a key: `mail=alice@example.org`,
    /// `tel=+4930123456`, as a URI too. A word behind a key that is not known is passed over, and so is an address with `=`
    /// in it: that is more likely a key than a mailbox. The numbers beside this field can be changed by their owner, and
    /// would let a stolen password choose where the codes go.
    #[must_use]
    pub fn of_gecos(gecos: &str) -> Self {
        let mut contacts = Self::default();
        let other = gecos.splitn(5, ',').nth(4).unwrap_or_default();
        for word in other.split([' ', ',', ';']).take(8) {
            let (key, value) = match word.split_once(['=', ':']) {
                Some((key, value)) => (Some(key), value),
                None => (None, word),
            };
            let is_under =
                |keys: &[&str]| key.is_none_or(|key| keys.iter().any(|it| key.eq_ignore_ascii_case(it)));
            if contacts.email.is_none() && is_under(&EMAIL_KEYS) && !value.contains('=') {
                contacts.email = EmailAddress::try_from(value).ok();
            }
            if contacts.phone.is_none() && is_under(&PHONE_KEYS) {
                contacts.phone = PhoneNumber::try_from(value).ok();
            }
        }
        contacts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_plain_mailbox() {
        for good in ["alice@example.org", "a.b+c@mail.example.org", "x@localhost", "o'neil@example.org"] {
            assert!(EmailAddress::try_from(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.org", "x".repeat(65));
        let huge = format!("{}@example.org", "x".repeat(4096));
        for bad in [
            "",
            "alice",
            "@example.org",
            "alice@",
            "a@b@c",
            "-oX@example.org",
            "a..b@example.org",
            ".a@example.org",
            "alice@example.org\r\nBcc: eve@example.org",
            "alice@example.org,eve@example.org",
            "\"a b\"@example.org",
            "alice @example.org",
            "alice@exa mple.org",
            "alice@-example.org",
            "alice@[127.0.0.1]",
            "zoë@example.org",
            "alice@example..org",
            "a\u{1b}[2J@example.org",
            "a\u{202e}@example.org",
            "<a@example.org>",
            &long,
            &huge,
        ] {
            assert_eq!(EmailAddress::try_from(bad), Err(InvalidAddress), "{bad:?}");
        }
    }

    #[test]
    fn an_address_is_read_as_people_copy_it() {
        for (text, read) in [
            (" alice@example.org ", "alice@example.org"),
            ("\u{200b}alice@example.org\u{feff}", "alice@example.org"),
            ("\u{202a}alice@example.org\u{202c}", "alice@example.org"),
            ("alice@Münster.example", "alice@xn--mnster-3ya.example"),
            ("alice@日本.example", "alice@xn--wgv71a.example"),
        ] {
            assert_eq!(EmailAddress::read(text).unwrap().as_str(), read, "{text:?}");
        }
        let huge = format!("a@{}.example", "ü".repeat(4096));
        for bad in
            ["zoë@example.org", "alice@exa mple.ü", "alice@ü..org", "a@b@ü.org", "alice@ü\r\n.org", &huge]
        {
            assert_eq!(EmailAddress::read(bad), Err(InvalidAddress), "{bad:?}");
        }
        for text in ["\u{202d}+49\u{a0}30\u{2011}123456\u{202c}", "＋４９ ３０ １２３４５６"] {
            assert_eq!(PhoneNumber::read(text, None).unwrap().as_str(), "+4930123456", "{text:?}");
        }
    }

    #[test]
    fn an_address_is_masked_and_its_domain_is_in_lower_case() {
        let address = EmailAddress::try_from("Alice@Example.ORG").unwrap();
        assert_eq!(address.as_str(), "Alice@example.org");
        assert_eq!(address.masked(), "A•••@example.org");
        assert_eq!(address.domain(), "example.org");
    }

    #[test]
    fn a_number_is_read_as_people_write_it() {
        let germany = Country::try_from("DE").ok();
        let italy = Country::try_from("IT").ok();
        for (text, country, number) in [
            ("+49 30 123456", None, "+4930123456"),
            ("0049 (30) 12-34-56", None, "+4930123456"),
            ("030 123456", germany, "+4930123456"),
            ("0171/2345678", germany, "+491712345678"),
            ("06 6988 1234", italy, "+390669881234"),
        ] {
            assert_eq!(
                PhoneNumber::read(text, country).map(|number| number.to_string()).as_deref(),
                Ok(number),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let long = "1".repeat(4096);
        for bad in [
            "",
            "030 123456",
            "+49",
            "abc",
            "+49 30 1234x",
            "+49301234567890123",
            "+1\n2025550123",
            "tel:+4930123456",
            &long,
        ] {
            assert_eq!(PhoneNumber::read(bad, None), Err(InvalidNumber), "{bad:?}");
        }
        for bad in ["4930123456", "+0930123456", "+49 30123456", "+1234", "+1234567890123456"] {
            assert_eq!(PhoneNumber::try_from(bad), Err(InvalidNumber), "{bad:?}");
        }
        assert_eq!(PhoneNumber::try_from("+491712345642").unwrap().masked(), "•••• 42");
        assert_eq!(Country::try_from("XX"), Err(InvalidCountry));
    }

    #[test]
    fn a_key_in_gecos_is_no_part_of_what_it_names() {
        let alice = "alice@example.org";
        for (other, email, phone) in [
            ("mail=alice@example.org tel=+491712345642", Some(alice), Some("+491712345642")),
            ("EMail=alice@example.org;Phone=+491712345642", Some(alice), Some("+491712345642")),
            ("tel:+491712345642,mailto:alice@example.org", Some(alice), Some("+491712345642")),
            ("e-mail=alice@example.org", Some(alice), None),
            ("phone=alice@example.org mail=+491712345642", None, None),
            ("room=alice@example.org fax=+491712345642", None, None),
            ("a=lice@example.org", None, None),
            ("mail=a=lice@example.org mail==alice@example.org", None, None),
            ("mail=x room=7 alice@example.org", Some(alice), None),
            ("mail= tel=", None, None),
        ] {
            let found = Contacts::of_gecos(&format!("Alice,,,,{other}"));
            assert_eq!(found.email.as_ref().map(EmailAddress::as_str), email, "{other}");
            assert_eq!(found.phone.as_ref().map(PhoneNumber::as_str), phone, "{other}");
        }
        assert!(EmailAddress::try_from("a=lice@example.org").is_ok(), "elsewhere it is a mailbox");
    }

    #[test]
    fn only_what_root_alone_can_write_into_gecos_is_a_contact() {
        let found =
            Contacts::of_gecos("Alice,Room 1,+4930111111,+4930222222,alice@example.org +491712345642");
        assert_eq!(found.email.unwrap().as_str(), "alice@example.org");
        assert_eq!(found.phone.unwrap().as_str(), "+491712345642");
        for gecos in
            ["", "Alice", "Alice,,+4930111111,+4930222222", "alice@example.org", "A,,,,-oX@example.org 030"]
        {
            assert_eq!(Contacts::of_gecos(gecos), Contacts::default(), "{gecos:?}");
        }
    }
}
