//! `org.countersign1.Admin`: what an administrator does.
//!
//! Long work is paged: a cursor in, a page and the next cursor out, each call within a second. Keys are root's alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_core::account::{Account, AccountId, AccountKey, Realm, UserName};
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::login::Person;
use data_encoding::HEXLOWER;
use zbus::message::Header;
use zbus::{Connection, OwnedVariant, interface};

use super::contacts::{Page, ROW_LIMIT, Wish};
use super::facts::{self, OwnedFacts, Reader, put};
use super::helpdesk::reason;
use super::{BusError, Door, Service, audit, contacts, convert, explain, report, simulate, trial};

/// The most rows of one page.
const PAGE_LIMIT: u16 = 1000;
/// How many accounts one call reseals.
const RESEAL_STEP: u16 = 100;
/// How long one page may take; what is not done by then is the next page's.
const PAGE_TIME: Duration = Duration::from_millis(800);

/// The object on the system bus.
pub struct AdminInterface {
    service: Arc<Service>,
}

impl AdminInterface {
    /// Serves the callers of the bus.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Makes the rows of one page, as far as the time reaches; tells the key to go on after, where rows are left.
    async fn rows(&self, accounts: Vec<Account>, reader: Reader) -> (Vec<OwnedFacts>, Option<AccountKey>) {
        let begun = Instant::now();
        let engine = &self.service.engine;
        let policy = engine.policy();
        let mut rows: Vec<OwnedFacts> = Vec::new();
        let mut last = None;
        for account in accounts {
            if begun.elapsed() > PAGE_TIME && last.is_some() {
                return (rows, last);
            }
            let person = self.person_of(&account).await;
            let mut row = match &person {
                Ok(Some(person)) => {
                    let here = (engine.host(), engine.wall());
                    facts::standing(person, Some(&account), &policy, here, reader)
                }
                Ok(None) | Err(_) => OwnedFacts::new(),
            };
            put(&mut row, "user", account.key.name.as_str());
            put(&mut row, "realm", account.key.realm.as_str());
            // While the name service fails nobody is gone.
            if let Ok(person) = &person {
                put(&mut row, "gone", person.is_none());
            }
            rows.push(row);
            last = Some(account.key);
        }
        (rows, None)
    }

    /// The person that an account belongs to, where the name service of this host knows them.
    async fn person_of(&self, account: &Account) -> Result<Option<Person>, BusError> {
        let answer = self.service.known_person(account.key.name.as_str()).await;
        of_realm(answer, &account.key.realm)
    }
}

/// What an administrator does; polkit decides, or root.
#[interface(name = "org.countersign1.Admin")]
impl AdminInterface {
    /// Lists accounts in pages: cursor `after` (empty begins), at most `limit` (1000) rows.
    ///
    /// Answers rows (as `Helpdesk.Show`, with `realm` s and `gone` b, absent where the name service did not answer), the next
    /// cursor (empty at the end), the total.
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("rows", "next", "total"))]
    async fn list_users(
        &self,
        after: &str,
        limit: u32,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<OwnedFacts>, String, u64), BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let reader = if pass.caller.uid == 0 { Reader::Root } else { Reader::Helpdesk };
        let limit = u16::try_from(limit).unwrap_or(PAGE_LIMIT).clamp(1, PAGE_LIMIT);
        let page = self.service.engine.page(read_key(after)?.as_ref(), limit).await?;
        let (rows, cut) = self.rows(page.accounts, reader).await;
        let next = cut.or(page.next).as_ref().map(write_key).unwrap_or_default();
        Ok((rows, next, page.total))
    }

    /// Explains a decision and what becomes of the login. Question: `user` s, `service` s, `from` s (numeric address, `local`,
    /// absent: unknown), `ssh_key` s (key type), `groups` as and `origin` s (`local`, `directory`) in place of the person's
    /// own; somebody unknown is hypothetical then.
    ///
    /// Answers the decision: `rule` s, `requirement` s, `methods` as, `enroll` s, `force` s, `passed_over` a(ss), `policy` s
    /// (digest), `accepts` as, `fresh_for` u, `idle_timeout` u, `remember_for` u, `enrolled_after` t; the person: `known` b,
    /// `origin` s, `groups` as, `groups_complete` b, `holds` as, `void` as, `enrolled` b, `chosen` b, `locked` s,
    /// `locked_until` t, `remembered` b, `deadline` t, `invited_until` t; the login: `course` s, `why` s, `sees` s.
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("facts"))]
    async fn explain_policy(
        &self,
        question: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let _pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        explain::answer(&self.service, &question).await
    }

    /// Replays the logins that the audit holds behind record `after` (0 begins) under other files: name and text of each, the
    /// main one first. Options: `since` t (seconds since 1970).
    ///
    /// Answers the changes of a page (change, user, service, old rule, new rule, how often), the record up to which was
    /// looked (go on after it), the newest, and `looked` t (logins in the page), `policy` s and `other` s (digests); or
    /// `mistakes` as, where the files have any.
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("rows", "next", "newest", "facts"))]
    async fn simulate_policy(
        &self,
        files: Vec<(String, String)>,
        options: HashMap<String, OwnedVariant>,
        after: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<simulate::Row>, u64, u64, OwnedFacts), BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let page = simulate::answer(&self.service, pass.caller.uid, files, &options, after).await?;
        Ok((page.rows, page.next, page.newest, page.facts))
    }

    /// Tells what watched rules would have done to the logins that the audit holds behind record `after` (0 begins). Options:
    /// `since` t (seconds since 1970).
    ///
    /// Answers rows (course, user, rule, service, why, how often), the record up to which was looked (go on after it), the
    /// newest.
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("rows", "next", "newest"))]
    async fn report_policy(
        &self,
        options: HashMap<String, OwnedVariant>,
        after: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<simulate::Row>, u64, u64), BusError> {
        let _pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        report::answer(&self.service, &options, after).await
    }

    /// Reads the audit of this host behind record `after` (0 begins; beyond the newest is the newest). Filter: `user` s,
    /// `event` s (id), `since` t (seconds since 1970), `wait` u (seconds, at most 20: where there is nothing the call waits
    /// so long for it).
    ///
    /// Answers records (number, canonical encoding), the record up to which was looked (go on after it), the newest.
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("records", "next", "newest"))]
    async fn audit(
        &self,
        filter: HashMap<String, OwnedVariant>,
        after: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<(u64, String)>, u64, u64), BusError> {
        let _pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let filter = audit::Filter::read(&filter)?;
        let audit::Read { records, next, newest } = audit::read(&self.service.engine, &filter, after).await?;
        Ok((records, next, newest))
    }

    /// Verifies a page of the audit's hash chain. Cursor `after` (empty begins). `known`: empty, or a record's number, a
    /// colon and its link in hex, as `audit-head` has them in the log.
    ///
    /// Answers `next` s (empty at the end), `done` t (records in this page), `total` t, `first` t (the oldest record kept);
    /// at the end `head` s (number and link of the newest), or `broken` t (number of the first record that does not fit)
    /// and `damage` s (`altered`, `missing`, `cut-off`, `added`, `replaced`).
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Refused` (the known record is not kept any more),
    /// `Unavailable`.
    #[zbus(out_args("facts"))]
    async fn verify_audit(
        &self,
        after: &str,
        known: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let _pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        audit::verify(&self.service.engine, after, known).await
    }

    /// Reads the files again and takes them into force, all of what they say or nothing; root only.
    ///
    /// Answers `loaded` b, `policy` s (digest of the policy in force), `mistakes` as, `warnings` as.
    /// Errors: `NotPermitted`, `LimitReached`, `Unavailable` (it takes long; the log tells how it ends).
    #[zbus(out_args("facts"))]
    async fn reload(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let _pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let reloaded = self.service.reloader.reload("root").await.map_err(|_| BusError::Unavailable)?;
        Ok(facts::reloaded(reloaded))
    }

    /// Makes a new data key; root only. Answers its number.
    ///
    /// Errors: `NotPermitted`, `Unavailable`.
    #[zbus(out_args("key"))]
    async fn rotate_key(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<u32, BusError> {
        let _pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let engine = &self.service.engine;
        let key = engine.rotate_key().await?;
        let mut event = AuditEvent::new(EventId::KeyRotated, engine.wall(), &engine.host().name, "root");
        event.reason = Some(format!("key {key}"));
        engine.record(event).await?;
        Ok(key)
    }

    /// Reseals a page of accounts; root only. Cursor `after` (empty begins).
    ///
    /// Answers the next cursor (empty at the end), how many were looked at, how many there are.
    /// Errors: `NotPermitted`, `InvalidArgument`, `Unavailable`.
    #[zbus(out_args("next", "done", "total"))]
    async fn reseal(
        &self,
        after: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(String, u64, u64), BusError> {
        let _pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let resealed = self.service.engine.reseal(read_id(after)?, RESEAL_STEP).await?;
        let next = resealed.next.map(|id| id.to_string()).unwrap_or_default();
        Ok((next, resealed.done, resealed.total))
    }

    /// Puts the addresses and numbers of a list on file, as `Helpdesk.SetContact`. Rows, at most 1000: number of the line,
    /// user, address, number (`""` leaves what there is). Options: `reason` s (required but with `check`), `check` b
    /// (nothing is changed).
    ///
    /// Answers the lines refused and why, how many rows were looked at (go on after them), how many of those changed
    /// something or would.
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("refused", "done", "changed"))]
    async fn import_contacts(
        &self,
        rows: Vec<(u32, String, String, String)>,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<(u32, String)>, u32, u32), BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        if rows.len() > ROW_LIMIT {
            return Err(BusError::InvalidArgument("too many rows".into()));
        }
        let actor = self.service.actor(&pass.caller).await?;
        let is_check = convert::switch(&options, "check")?;
        let wish = if is_check { Wish::Check(actor) } else { Wish::Apply(actor, reason(&options)?) };
        let Page { refused, done, changed } = contacts::import(&self.service, rows, &wish).await?;
        Ok((refused, done, changed))
    }

    /// Sends a message of trial at once over a channel, `email`, `sms` or `call`, past the outbox and its caps.
    ///
    /// Answers `outcome` s (`taken`, `refused`, `not-now`, `unknown`, `not-configured`) and `said` s, in words without
    /// credentials; empty where the message was taken.
    /// Errors: `NotPermitted`, `Refused` (the file leaves the number out), `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("facts"))]
    async fn test_delivery(
        &self,
        channel: &str,
        recipient: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        trial::send(&self.service, &pass.caller, channel, recipient).await
    }
}

/// Takes an answer of the name service for a person of a realm: nobody is an answer, a failure is none.
fn of_realm(answer: Result<Person, BusError>, realm: &Realm) -> Result<Option<Person>, BusError> {
    match answer {
        Ok(person) => Ok(Some(person).filter(|person| person.realm == *realm)),
        Err(BusError::NoSuchUser) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A cursor is `realm/name`: neither may hold a slash.
fn write_key(key: &AccountKey) -> String {
    format!("{}/{}", key.realm, key.name)
}

fn read_key(cursor: &str) -> Result<Option<AccountKey>, BusError> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let (realm, name) = cursor.split_once('/').ok_or_else(not_a_cursor)?;
    let realm = Realm::try_from(realm).map_err(|_| not_a_cursor())?;
    let name = UserName::try_from(name).map_err(|_| not_a_cursor())?;
    Ok(Some(AccountKey { realm, name }))
}

fn read_id(cursor: &str) -> Result<Option<AccountId>, BusError> {
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
    use countersign_core::contact::Contacts;
    use countersign_core::login::{Existence, Groups, Origin};

    #[test]
    fn nobody_is_gone_while_the_name_service_fails() {
        let [here, elsewhere] = ["local:h1", "EXAMPLE.ORG"].map(|realm| Realm::try_from(realm).unwrap());
        let alice = Person {
            name: UserName::try_from("alice").unwrap(),
            realm: here.clone(),
            existence: Existence::Known { uid: 1000, origin: Origin::Local },
            groups: Groups::Complete(Vec::new()),
            contacts: Contacts::default(),
        };
        assert_eq!(of_realm(Ok(alice.clone()), &here), Ok(Some(alice.clone())));
        assert_eq!(of_realm(Ok(alice), &elsewhere), Ok(None), "a namesake");
        assert_eq!(of_realm(Err(BusError::NoSuchUser), &here), Ok(None));
        assert_eq!(of_realm(Err(BusError::Unavailable), &here), Err(BusError::Unavailable));
    }

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
