//! An account as a row: columns, an open document, a sealed document.
//!
//! Owns the row that every database keeps and its translation, both ways. Leaves the documents to `document` and
//! `secrets`, the cipher to `sealing`. Whatever stands in a row, reading it never panics and never guesses: it is this
//! account, whole and unaltered, or [`StoreError::Unreadable`]. The open half is bound into the seal, so that a row
//! whose state was edited without the key is refused as well.

mod codes;
mod document;
mod factors;
mod message;
mod secrets;
mod sending;

use countersign_core::account::{
    Account, AccountId, AccountKey, Coverage, Epoch, Realm, Revision, RuleName, UserName,
};
use countersign_core::restore::Trust;
use countersign_core::sending::OutboxFacts;
use countersign_core::time::WallTime;
use sha2::{Digest, Sha256};

use super::sealing::{DataKey, KeyRing, Place};
use super::{StoreError, unreadable};
use document::Document;
pub(super) use message::{MessageRow, check_letter};

/// What the seal of a row holds.
const SEAL_KIND: &str = "account";
/// The longest document, open or sealed, in bytes; a full account takes about a half.
const DOCUMENT_LIMIT: usize = 64 * 1024;

/// An account as a database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The account's id.
    pub(super) id: [u8; 16],
    /// Key: the realm.
    pub(super) realm: String,
    /// Key: the name.
    pub(super) name: String,
    /// The revision.
    pub(super) revision: i64,
    /// The epoch.
    pub(super) epoch: i64,
    /// The rule that covers the person, and since when.
    pub(super) coverage: Option<(String, i64)>,
    /// The newest committed time.
    pub(super) changed: i64,
    /// The number of the data key that sealed.
    pub(super) data_key: u32,
    /// State that is no secret, as JSON.
    pub(super) document: String,
    /// The secrets.
    pub(super) sealed: Vec<u8>,
}

impl Row {
    /// Writes an account at a revision, sealed by a data key.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the account is larger than a row may be; [`StoreError::Key`] without randomness.
    pub(super) fn of(account: &Account, revision: Revision, key: &DataKey) -> Result<Self, StoreError> {
        let coverage = match &account.coverage {
            Some(Coverage { rule, since }) => Some((rule.to_string(), column(since.as_seconds())?)),
            None => None,
        };
        let mut row = Self {
            id: account.id.0,
            realm: account.key.realm.to_string(),
            name: account.key.name.to_string(),
            revision: column(revision.0)?,
            epoch: column(account.epoch.0)?,
            coverage,
            changed: column(account.changed.as_seconds())?,
            data_key: key.number(),
            document: bounded(Document::of(account).to_json()?)?,
            sealed: Vec::new(),
        };
        row.sealed = key.seal(row.place(&row.digest()), &secrets::write(account)?)?;
        if row.sealed.len() > DOCUMENT_LIMIT {
            return Err(too_large());
        }
        Ok(row)
    }

    /// Reads the account.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for anything altered, swapped or newer; [`StoreError::Key`] if the data key is missing.
    pub(super) fn read(&self, keys: &KeyRing) -> Result<Account, StoreError> {
        let id = AccountId(self.id);
        let broken = |what: &str| unreadable(id, what);
        if self.document.len() > DOCUMENT_LIMIT || self.sealed.len() > DOCUMENT_LIMIT {
            return Err(broken("it is larger than a record may be"));
        }
        let plain = keys.key(self.data_key)?.open(self.place(&self.digest()), &self.sealed)?;
        let document = Document::from_json(&self.document).map_err(|what| broken(&what))?;
        let secrets = secrets::read(&plain).map_err(|what| broken(&what))?;
        let state = document.into_state(secrets.factors).map_err(|what| broken(&what))?;
        Ok(Account {
            id,
            key: self.key()?,
            revision: Revision(self.number(self.revision)?),
            epoch: Epoch(self.number(self.epoch)?),
            uids: state.uids,
            coverage: self.coverage()?,
            throttle: state.throttle,
            known_sources: state.known_sources,
            factors: state.factors,
            backup_codes: state.backup_codes,
            invitation: state.invitation,
            chosen: state.chosen,
            contacts: secrets.contacts,
            sent: state.sent,
            sends: state.sends,
            remembered: state.remembered,
            skipped: state.skipped,
            era: state.era,
            is_doubtful: state.is_doubtful,
            trust: Trust::Whole,
            held: None,
            void_before: WallTime::default(),
            outbox: OutboxFacts::default(),
            code_key: secrets.code_key,
            changed: WallTime::from_seconds(self.number(self.changed)?),
        })
    }

    /// Tells the key of the row.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if it is no name.
    fn key(&self) -> Result<AccountKey, StoreError> {
        let broken = |_| unreadable(AccountId(self.id), "its realm or name is not one");
        Ok(AccountKey {
            realm: Realm::try_from(self.realm.as_str()).map_err(broken)?,
            name: UserName::try_from(self.name.as_str()).map_err(broken)?,
        })
    }

    /// Seals the same secrets by another data key; nothing else of the row changes.
    ///
    /// # Errors
    /// As [`Row::read`] and [`Row::of`].
    pub(super) fn reseal(&mut self, keys: &KeyRing, newest: &DataKey) -> Result<(), StoreError> {
        let digest = self.digest();
        let plain = keys.key(self.data_key)?.open(self.place(&digest), &self.sealed)?;
        self.sealed = newest.seal(self.place(&digest), &plain)?;
        self.data_key = newest.number();
        Ok(())
    }

    fn coverage(&self) -> Result<Option<Coverage>, StoreError> {
        let Some((rule, since)) = &self.coverage else { return Ok(None) };
        let rule = RuleName::try_from(rule.as_str())
            .map_err(|_| unreadable(AccountId(self.id), "its rule is not a name"))?;
        Ok(Some(Coverage { rule, since: WallTime::from_seconds(self.number(*since)?) }))
    }

    fn number(&self, value: i64) -> Result<u64, StoreError> {
        u64::try_from(value).map_err(|_| unreadable(AccountId(self.id), "a number of it is negative"))
    }

    fn place<'a>(&self, open_half: &'a [u8; 32]) -> Place<'a> {
        Place { account: AccountId(self.id), kind: SEAL_KIND, open_half }
    }

    /// SHA-256 over all that is not sealed, each text with its length before it. The data key is bound by the seal.
    fn digest(&self) -> [u8; 32] {
        let Self { id, realm, name, revision, epoch, coverage, changed, data_key: _, document, sealed: _ } =
            self;
        let mut hash = Sha256::new();
        hash.update(id);
        let (rule, since) = coverage.as_ref().map_or(("", -1), |(rule, since)| (rule.as_str(), *since));
        for text in [realm, name, rule, document] {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text.as_bytes());
        }
        for number in [*revision, *epoch, since, *changed] {
            hash.update(number.to_be_bytes());
        }
        hash.finalize().into()
    }
}

/// Turns a count or a time into what a database can keep.
pub(super) fn column(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| too_large())
}

fn bounded(document: String) -> Result<String, StoreError> {
    if document.len() > DOCUMENT_LIMIT { Err(too_large()) } else { Ok(document) }
}

fn too_large() -> StoreError {
    StoreError::Failed {
        doing: "writing a record",
        cause: "the account is larger than a record may be".to_owned(),
    }
}

#[cfg(test)]
mod tests;
