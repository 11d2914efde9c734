//! Where a listing goes on: the texts that a page ends with and the next one begins with.

use countersign_core::account::{AccountId, AccountKey, Realm, UserName};
use data_encoding::HEXLOWER;

use super::BusError;

/// Writes a cursor of accounts, `realm/name`: neither may hold a slash.
pub(super) fn write_key(key: &AccountKey) -> String {
    format!("{}/{}", key.realm, key.name)
}

/// Reads a cursor of accounts; none at the beginning.
pub(super) fn read_key(cursor: &str) -> Result<Option<AccountKey>, BusError> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let (realm, name) = cursor.split_once('/').ok_or_else(not_a_cursor)?;
    let realm = Realm::try_from(realm).map_err(|_| not_a_cursor())?;
    let name = UserName::try_from(name).map_err(|_| not_a_cursor())?;
    Ok(Some(AccountKey { realm, name }))
}

/// Reads a cursor of account ids; none at the beginning.
pub(super) fn read_id(cursor: &str) -> Result<Option<AccountId>, BusError> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let bytes = HEXLOWER.decode(cursor.as_bytes()).map_err(|_| not_a_cursor())?;
    bytes.try_into().map(|bytes| Some(AccountId(bytes))).map_err(|_| not_a_cursor())
}

fn not_a_cursor() -> BusError {
    BusError::InvalidArgument("not a cursor".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_their_text_and_nothing_else_is_one() {
        let realm = Realm::try_from("local:h1").unwrap();
        let key = AccountKey { realm, name: UserName::try_from("alice").unwrap() };
        assert_eq!(read_key(&write_key(&key)), Ok(Some(key)));
        let id = AccountId([7; 16]);
        assert_eq!(read_id(&id.to_string()), Ok(Some(id)));
        assert_eq!((read_key(""), read_id("")), (Ok(None), Ok(None)));
        for wrong in ["x", "/", "a/", "/a", "a/b/c", "a/\n"] {
            assert!(read_key(wrong).is_err(), "{wrong:?}");
            assert!(read_id(wrong).is_err(), "{wrong:?}");
        }
    }
}
