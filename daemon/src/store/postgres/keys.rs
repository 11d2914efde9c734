//! The data keys that this host has unwrapped, and which of them seals.
//!
//! Owns asking for keys that another host made. A commit names the key that it sealed by, and the server refuses one that
//! is not the newest any more: then the keys are asked for again. Keys that are gone from the store are forgotten here.

use std::sync::{PoisonError, RwLock};

use super::connection::Session;
use super::failed;
use super::statements::column;
use crate::store::sealing::{DataKey, KeyRing, RecipientKey, WrappingKey};
use crate::store::{DATA_KEY_LIMIT, StoreError};

/// The data keys.
pub(super) struct Keys {
    wrapping: WrappingKey,
    recipients: RecipientKey,
    held: RwLock<Held>,
}

/// What is held of them.
#[derive(Default)]
struct Held {
    ring: KeyRing,
    numbers: Vec<u32>,
}

/// What became of a key offered to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// It is in the store.
    Added,
    /// Its number is not the next one.
    Taken,
    /// There are as many keys as there may be.
    Full,
    /// It would be the first key of a store that was written before.
    Used,
}

impl Keys {
    pub(super) fn new(wrapping: WrappingKey) -> Result<Self, StoreError> {
        let recipients = wrapping.recipient_key()?;
        Ok(Self { wrapping, recipients, held: RwLock::default() })
    }

    /// Lends the key of keyed hashes of recipients.
    pub(super) const fn recipients(&self) -> &RecipientKey {
        &self.recipients
    }

    /// Tells whether the store was asked for its keys.
    pub(super) fn are_known(&self) -> bool {
        !self.read().numbers.is_empty()
    }

    /// Lists the numbers of the keys at hand.
    pub(super) fn numbers(&self) -> Vec<i64> {
        self.read().numbers.iter().copied().map(i64::from).collect()
    }

    /// Lends the keys, and the number of the one that seals.
    ///
    /// # Errors
    /// What `work` says; [`StoreError::Key`] where no key is known.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&KeyRing, u32) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let held = self.read();
        let newest = held.numbers.iter().max().ok_or_else(no_key)?;
        work(&held.ring, *newest)
    }

    /// Takes in a key that came with an account.
    ///
    /// # Errors
    /// [`StoreError::Key`] if this wrapping key does not unwrap it.
    pub(super) fn take_in(&self, number: u32, wrapped: &[u8]) -> Result<(), StoreError> {
        let key = self.wrapping.unwrap(number, wrapped)?;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.ring.insert(key);
        if !held.numbers.contains(&number) {
            held.numbers.push(number);
        }
        Ok(())
    }

    /// Asks for the keys for the first time, and makes the first one in a store that was never written.
    ///
    /// # Errors
    /// [`StoreError::Key`]: keys of another wrapping key, or none where there must be some; [`StoreError::Failed`].
    pub(super) async fn open(&self, session: &Session) -> Result<(), StoreError> {
        if self.refresh(session).await? {
            return Ok(());
        }
        if self.offer(session, 1).await? == Offer::Used {
            return Err(StoreError::Key(
                "the store was written before and its data keys are gone".to_owned(),
            ));
        }
        // Ours, or that of a host that was faster.
        if self.refresh(session).await? { Ok(()) } else { Err(no_key()) }
    }

    /// Asks for all keys, forgets those that are gone, and tells whether there are any.
    ///
    /// # Errors
    /// As for [`Keys::open`].
    pub(super) async fn refresh(&self, session: &Session) -> Result<bool, StoreError> {
        let found = session.client.query(&session.statements.data_keys, &[]).await;
        let mut numbers = Vec::new();
        for row in found.map_err(failed("reading the data keys"))? {
            let number = number_of(column(&row, 0)?)?;
            self.take_in(number, &column::<Vec<u8>>(&row, 1)?)?;
            numbers.push(number);
        }
        let is_some = !numbers.is_empty();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.ring.keep_only(&numbers);
        held.numbers = numbers;
        Ok(is_some)
    }

    /// Draws the key of a number and offers it to the store.
    ///
    /// # Errors
    /// [`StoreError::Key`] without randomness; [`StoreError::Failed`].
    pub(super) async fn offer(&self, session: &Session, number: u32) -> Result<Offer, StoreError> {
        let wrapped = self.wrapping.wrap(&DataKey::draw(number)?)?;
        let most = i64::try_from(DATA_KEY_LIMIT).unwrap_or(i64::MAX);
        let row = session
            .client
            .query_one(&session.statements.add_key, &[&i64::from(number), &wrapped, &most])
            .await
            .map_err(failed("making a data key"))?;
        match column::<String>(&row, 0)?.as_str() {
            "added" => Ok(Offer::Added),
            "taken" => Ok(Offer::Taken),
            "full" => Ok(Offer::Full),
            "used" => Ok(Offer::Used),
            _ => Err(StoreError::Unreadable("the answer about a data key".to_owned())),
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the number of a data key from a column.
///
/// # Errors
/// [`StoreError::Unreadable`] where it is none.
pub(super) fn number_of(column: i64) -> Result<u32, StoreError> {
    u32::try_from(column).map_err(|_| StoreError::Unreadable("the number of a data key is none".to_owned()))
}

fn no_key() -> StoreError {
    StoreError::Key("the store has no data key".to_owned())
}
