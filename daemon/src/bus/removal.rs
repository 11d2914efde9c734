//! Deleting what is kept of users who are gone: one by name, or all of them in pages (row H2).
//!
//! Owns what is asked of the name service before anything is deleted: while it fails or is late, nobody is gone. Leaves to
//! `directory::presence` what its answer means, and to core who may delete whose account.

use std::time::{Duration, Instant};

use countersign_core::account::{AccountKey, Realm, UserName};
use countersign_core::contact::Contacts;
use countersign_core::helpdesk::{Presence, Reason};
use countersign_core::login::{Existence, Groups, Person};

use super::{BusError, Operator, Service};
use crate::directory::DirectoryError;
use crate::engine::command::NotDone;
use crate::engine::key_of;
use crate::store::Page;

/// How many accounts one call looks at.
const ROWS: u16 = 200;
/// How long one call may take; what is not done by then is the next one's.
const PAGE_TIME: Duration = Duration::from_millis(800);

/// Users who are gone, among the accounts of one call.
#[derive(Debug, Default)]
pub(super) struct Purged {
    /// Name and realm of those who are deleted, or would be.
    pub(super) gone: Vec<(String, String)>,
    /// How many accounts were looked at.
    pub(super) looked: u32,
    /// Of how many this host cannot tell whether they are gone.
    pub(super) untold: u32,
    /// How many are gone and could not be deleted by this caller.
    pub(super) refused: u32,
    /// The account to go on after; none at the end.
    pub(super) next: Option<AccountKey>,
    /// How many accounts there are in all.
    pub(super) total: u64,
}

impl Service {
    /// Tells who bears a name, or whose account is kept under it though the name service no longer knows them.
    ///
    /// # Errors
    /// [`BusError::NoSuchUser`] where neither is there; what the name service fails with.
    pub(super) async fn person_or_kept(&self, user: &str) -> Result<Person, BusError> {
        let person = self.directory.person(user).await?;
        if matches!(person.existence, Existence::Known { .. }) {
            return Ok(person);
        }
        for realm in self.directory.realms() {
            let person = gone(key_in(realm, &person.name));
            if self.engine.is_kept(&key_of(&person)).await? {
                return Ok(person);
            }
        }
        Err(BusError::NoSuchUser)
    }
}

/// Deletes what is kept of a user who is gone, or whose record cannot be read: in the realms of this host, or in the one
/// that is named. Tells how many accounts that were.
///
/// # Errors
/// [`BusError::Refused`], also while the name service does not answer; [`BusError::NoSuchUser`]; [`BusError::Unavailable`].
pub(super) async fn delete(
    service: &Service,
    operator: &Operator,
    user: &str,
    realm: Option<&Realm>,
    reason: &Reason,
) -> Result<u32, BusError> {
    let directory = &service.directory;
    let answer = directory.person(user).await.map_err(undecided)?;
    let is_known = matches!(answer.existence, Existence::Known { .. });
    let realms = realm.map_or_else(|| directory.realms().to_vec(), |realm| vec![realm]);
    let (mut deleted, mut refusal) = (0_u32, None);
    for key in realms.into_iter().map(|realm| key_in(realm, &answer.name)) {
        let presence = directory.presence(&key, &answer).map_err(undecided)?;
        // Who bears the name here is meant, unless the realm says otherwise.
        let is_meant = presence != Presence::Untold || !is_known || realm.is_some();
        if !is_meant || !service.engine.is_kept(&key).await? {
            continue;
        }
        let target = if presence == Presence::Known { answer.clone() } else { gone(key) };
        match remove(service, operator, target, presence, reason).await? {
            Ok(()) => deleted = deleted.saturating_add(1),
            Err(not_done) => refusal = refusal.or(Some(not_done)),
        }
    }
    match (deleted, refusal) {
        (0, Some(refusal)) => Err(refusal.into()),
        (0, None) if is_known => Err(NotDone::NoAccount(answer.name).into()),
        (0, None) => Err(BusError::NoSuchUser),
        (deleted, _) => Ok(deleted),
    }
}

/// Deletes what is kept of the users who are gone, page by page; without a reason it tells who they are.
///
/// # Errors
/// [`BusError::Refused`] while the name service does not answer; [`BusError::Unavailable`].
pub(super) async fn purge(
    service: &Service,
    operator: &Operator,
    after: Option<&AccountKey>,
    reason: Option<&Reason>,
) -> Result<Purged, BusError> {
    let begun = Instant::now();
    let page = service.engine.page(after, ROWS).await?;
    let mut purged = Purged { total: page.total, ..Purged::default() };
    for key in keys(&page) {
        if begun.elapsed() > PAGE_TIME && purged.looked > 0 {
            return Ok(purged);
        }
        judge(service, operator, &key, reason, &mut purged).await?;
        purged.looked = purged.looked.saturating_add(1);
        purged.next = Some(key);
    }
    Ok(Purged { next: page.next, ..purged })
}

/// Lists the keys of a page in their order, of records that can be read or not.
fn keys(page: &Page) -> Vec<AccountKey> {
    let readable = page.accounts.iter().map(|account| &account.key);
    let mut keys: Vec<AccountKey> =
        readable.chain(page.unreadable.iter().map(|stub| &stub.key)).cloned().collect();
    keys.sort_unstable();
    keys
}

async fn judge(
    service: &Service,
    operator: &Operator,
    key: &AccountKey,
    reason: Option<&Reason>,
    purged: &mut Purged,
) -> Result<(), BusError> {
    let is_of_here = service.directory.realms().contains(&&key.realm);
    let presence = if is_of_here {
        let answer = service.directory.person(key.name.as_str()).await.map_err(undecided)?;
        service.directory.presence(key, &answer).map_err(undecided)?
    } else {
        Presence::Untold
    };
    match (presence, reason) {
        (Presence::Known, _) => return Ok(()),
        (Presence::Untold, _) => {
            purged.untold = purged.untold.saturating_add(1);
            return Ok(());
        }
        (Presence::Gone, None) => {}
        (Presence::Gone, Some(reason)) => {
            if remove(service, operator, gone(key.clone()), presence, reason).await?.is_err() {
                purged.refused = purged.refused.saturating_add(1);
                return Ok(());
            }
        }
    }
    purged.gone.push((key.name.to_string(), key.realm.to_string()));
    Ok(())
}

async fn remove(
    service: &Service,
    operator: &Operator,
    target: Person,
    presence: Presence,
    reason: &Reason,
) -> Result<Result<(), NotDone>, BusError> {
    let act = operator.clone().act(reason.clone(), target, service.engine.host().clone());
    Ok(service.engine.delete(act, presence).await?)
}

/// A user of whom nothing is known but that an account is kept.
pub(super) fn gone(AccountKey { realm, name }: AccountKey) -> Person {
    let (existence, groups) = (Existence::Unknown, Groups::Complete(Vec::new()));
    Person { name, realm, existence, groups, contacts: Contacts::default() }
}

fn key_in(realm: &Realm, name: &UserName) -> AccountKey {
    AccountKey { realm: realm.clone(), name: name.clone() }
}

/// Says why nobody can be taken for gone now.
fn undecided(error: DirectoryError) -> BusError {
    match error {
        DirectoryError::InvalidName => error.into(),
        DirectoryError::Failed(_) | DirectoryError::TimedOut => {
            tracing::warn!(%error, "users who are gone are not deleted");
            let why = "the name service does not answer now, so it cannot tell who is gone; try again later";
            BusError::Refused(why.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_gone_while_the_name_service_fails_and_the_caller_is_told_so() {
        for error in [DirectoryError::TimedOut, DirectoryError::Failed("a backend failed".to_owned())] {
            let refused = undecided(error);
            assert!(matches!(&refused, BusError::Refused(why) if why.contains("name service")), "{refused}");
        }
        assert!(matches!(undecided(DirectoryError::InvalidName), BusError::InvalidArgument(_)));
    }
}
