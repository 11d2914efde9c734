//! `org.countersign1.Admin`: what an administrator does.
//!
//! Long work is paged: a cursor in, a page and the next cursor out, each call within a second. Keys are root's alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_core::account::{Account, AccountKey};
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::helpdesk::Presence;
use countersign_core::login::Person;
use zbus::message::Header;
use zbus::{Connection, OwnedVariant, interface};

use super::contacts::{Page, ROW_LIMIT, Wish};
use super::cursor::{read_id, read_key, write_key};
use super::facts::{self, OwnedFacts, Reader, put};
use super::helpdesk::reason;
use super::removal::{self, Purged};
use super::{BusError, Door, Service, audit, contacts, convert, explain, report, simulate, trial};
use crate::directory::Detail;
use crate::reload::By;
use crate::restore::{self, NotAccepted, Scope};
use crate::store::Page as StoredPage;

/// The most rows of one page.
const PAGE_LIMIT: u16 = 1000;
/// How many accounts one call reseals.
const RESEAL_STEP: u16 = 100;
/// The longest word for a scope, in bytes.
const SCOPE_LIMIT: usize = 16;
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
    async fn rows(&self, page: StoredPage, reader: Reader) -> (Vec<OwnedFacts>, Option<AccountKey>) {
        let begun = Instant::now();
        let mut rows: Vec<OwnedFacts> = Vec::new();
        let mut last = None;
        let entries = entries(page);
        let names = entries.iter().map(|(key, _)| key.name.as_str().to_owned());
        let mut roll = self.service.directory.roll(names, Detail::Groups);
        for (key, account) in entries {
            if begun.elapsed() > PAGE_TIME && last.is_some() {
                return (rows, last);
            }
            // Without an answer nobody is gone.
            let answer = roll.next().await.and_then(Result::ok);
            rows.push(self.row(&key, account.as_ref(), answer, reader));
            last = Some(key);
        }
        (rows, None)
    }

    /// Makes one row, by what the name service answered; whatever is wrong with it, it tells whose it is.
    fn row(
        &self,
        key: &AccountKey,
        account: Option<&Account>,
        answer: Option<Person>,
        reader: Reader,
    ) -> OwnedFacts {
        let (engine, directory) = (&self.service.engine, &self.service.directory);
        let presence = answer.as_ref().and_then(|person| directory.presence(key, person).ok());
        let now = engine.now();
        let known = answer.filter(|_| presence == Some(Presence::Known));
        let mut row = match (known, account) {
            (Some(person), account) => {
                facts::standing(&person, account, &engine.policy(), (engine.host(), now), reader)
            }
            (None, Some(account)) => facts::kept(account, now, reader),
            (None, None) => OwnedFacts::new(),
        };
        if account.is_none() {
            facts::put_held(&mut row, None, now, reader);
            put(&mut row, "unreadable", true);
        }
        put(&mut row, "user", key.name.as_str());
        put(&mut row, "realm", key.realm.as_str());
        match presence {
            Some(Presence::Known) => put(&mut row, "gone", false),
            Some(Presence::Gone) => put(&mut row, "gone", true),
            Some(Presence::Untold) | None => {}
        }
        row
    }
}

/// The accounts of a page in the order of their keys; none for a record that cannot be read.
fn entries(page: StoredPage) -> Vec<(AccountKey, Option<Account>)> {
    let readable = page.accounts.into_iter().map(|account| (account.key.clone(), Some(account)));
    let unreadable = page.unreadable.into_iter().map(|stub| (stub.key, None));
    let mut entries: Vec<_> = readable.chain(unreadable).collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries
}

/// What an administrator does; polkit decides, or root.
#[interface(name = "org.countersign1.Admin")]
impl AdminInterface {
    /// Lists accounts in pages: cursor `after` (empty begins), at most `limit` (1000) rows.
    ///
    /// Answers rows (as `Helpdesk.Show`, with `realm` s, `gone` b, absent where this host cannot tell, and `unreadable` b where
    /// the record cannot be read), the next cursor (empty at the end), the total.
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
        let (next, total) = (page.next.clone(), page.total);
        let (rows, cut) = self.rows(page, reader).await;
        let next = cut.or(next).as_ref().map(write_key).unwrap_or_default();
        Ok((rows, next, total))
    }

    /// Explains a decision and what becomes of the login. Question: `user` s, `service` s, `from` s (numeric address, `local`,
    /// absent: unknown), `ssh_key` s (key type), `groups` as and `origin` s (`local`, `directory`) in place of the person's
    /// own; somebody unknown is hypothetical then. `sshd` s: the settings of sshd for this login, lines of `sshd -T`.
    ///
    /// Answers the decision: `rule` s, `requirement` s, `methods` as, `enroll` s, `force` s, `passed_over` a(ss), `policy` s
    /// (digest), `accepts` as, `fresh_for` u, `idle_timeout` u, `remember_for` u, `enrolled_after` t; the person: `known` b,
    /// `origin` s, `groups` as, `groups_complete` b, `holds` as, `void` as, `enrolled` b, `chosen` b, `locked` s,
    /// `locked_until` t, `remembered` b, `deadline` t, `invited_until` t; the login: `course` s, `why` s, `sees` s,
    /// `sshd` s (why sshd does not ask for the code that the login needs; absent where it does or its settings are unknown).
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
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let by = By { actor: "root", login: pass.login.clone() };
        let reloaded = self.service.reloader.reload(by).await.map_err(|_| BusError::Unavailable)?;
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
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let engine = &self.service.engine;
        let key = engine.rotate_key().await?;
        let event = AuditEvent::new(EventId::KeyRotated, engine.wall(), &engine.host().name, "root");
        let mut event = event.by_login(pass.login.as_ref());
        event.reason = Some(format!("key {key}"));
        engine.record(event).await?;
        Ok(key)
    }

    /// Accepts a store that is older than what this host has seen of it, or otherwise in doubt; root only. Options: `reason` s
    /// (required), `scope` s (`known`: only users whom this host knows to have changed since, `everybody`; absent: those,
    /// where this host knows of all).
    ///
    /// Answers `doubt` s (`older`, `foreign`, `stamp-missing`, `stamp-unreadable`), `everybody` b, `doubtful` as (users who
    /// are refused until a reset).
    /// Errors: `NotPermitted`, `InvalidArgument`, `Refused` (nothing is in doubt; the scope must be named), `Unavailable`.
    #[zbus(out_args("facts"))]
    async fn accept_restore(
        &self,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let reason = reason(&options)?;
        let scope = match convert::text(&options, "scope", SCOPE_LIMIT)?.as_deref() {
            None => Scope::Listed,
            Some("known") => Scope::OnlyKnown,
            Some("everybody") => Scope::Everybody,
            Some(_) => return Err(BusError::InvalidArgument("not a scope".into())),
        };
        let Service { store, engine, .. } = &*self.service;
        let event = AuditEvent::new(EventId::RestoreAccepted, engine.wall(), &engine.host().name, "root");
        let mut event = event.by_login(pass.login.as_ref());
        event.reason = Some(reason.as_str().to_owned());
        match restore::accept(store, engine, scope, event).await {
            Ok(accepted) => Ok(facts::accepted(&accepted)),
            Err(refused @ (NotAccepted::NotInDoubt | NotAccepted::NotListed)) => {
                Err(BusError::Refused(refused.to_string()))
            }
            Err(error) => {
                tracing::error!(%error, "a restored store was not accepted");
                Err(BusError::Unavailable)
            }
        }
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
        let operator = self.service.operator(&pass).await?;
        let is_check = convert::switch(&options, "check")?;
        let wish = if is_check { Wish::Check(operator) } else { Wish::Apply(operator, reason(&options)?) };
        let Page { refused, done, changed } = contacts::import(&self.service, rows, &wish).await?;
        Ok((refused, done, changed))
    }

    /// Deletes what is kept of the users whom the name service no longer knows, page by page: cursor `after` (empty begins).
    /// Users of other hosts, and of a directory that this host does not use, are left. Options: `reason` s (required but
    /// with `check`), `check` b (nothing is deleted).
    ///
    /// Answers rows (user, realm) of those deleted, the next cursor (empty at the end), the total, and `looked` u, `untold` u
    /// (this host cannot tell whether they are gone), `refused` u (gone, and the caller may not delete them).
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Refused` (the name service does not answer), `Unavailable`.
    #[zbus(out_args("rows", "next", "total", "facts"))]
    async fn purge_gone(
        &self,
        after: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<(String, String)>, String, u64, OwnedFacts), BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let operator = self.service.operator(&pass).await?;
        let reason = if convert::switch(&options, "check")? { None } else { Some(reason(&options)?) };
        let after = read_key(after)?;
        let purged = removal::purge(&self.service, &operator, after.as_ref(), reason.as_ref()).await?;
        let Purged { gone, looked, untold, refused, next, total } = purged;
        let mut facts = OwnedFacts::new();
        put(&mut facts, "looked", looked);
        put(&mut facts, "untold", untold);
        put(&mut facts, "refused", refused);
        Ok((gone, next.as_ref().map(write_key).unwrap_or_default(), total, facts))
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
        trial::send(&self.service, &pass, channel, recipient).await
    }
}
