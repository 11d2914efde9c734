//! Addresses and numbers as callers write them: one person's, and a page of a list.
//!
//! Owns the reading of them (a number by the country that the file names) and the order of a list: each row is looked at
//! for itself, within the time of one call, and many share a look-up and a commit. Leaves to core who may act on whom and
//! what a change is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_core::contact::{EmailAddress, PhoneNumber};
use countersign_core::helpdesk::{self, Act, Actor, Entry, NewContacts, Reason, Telling};
use countersign_core::login::Person;
use countersign_core::sending::Channels;
use tokio::task::JoinSet;

use super::{BusError, Operator, Service, convert, known};
use crate::directory::Detail;
use crate::engine::command::Deed;
use crate::engine::{Handle, key_of};

/// The longest address or number before it is read, in bytes.
const TEXT_LIMIT: usize = 256;
/// The most rows of one call.
pub(super) const ROW_LIMIT: usize = 1000;
/// How many rows are under way at the same time: their changes share a commit, with room in it for logins.
const AT_ONCE: usize = 200;
/// How long the rows of one call may take; what is not begun by then is the next call's.
const PAGE_TIME: Duration = Duration::from_millis(800);

/// A row: number of the line, user, address, number.
pub(super) type Row = (u32, String, String, String);

/// Reads what is to be on file from options: absent stays, `""` goes.
///
/// # Errors
/// [`BusError::InvalidArgument`], also where neither is there.
pub(super) fn entries(options: &convert::Facts, channels: &Channels) -> Result<NewContacts, BusError> {
    let email = match convert::text(options, "email", TEXT_LIMIT)? {
        None => Entry::Keep,
        Some(text) if text.is_empty() => Entry::Clear,
        Some(text) => Entry::Set(email(&text)?),
    };
    let phone = match convert::text(options, "phone", TEXT_LIMIT)? {
        None => Entry::Keep,
        Some(text) if text.is_empty() => Entry::Clear,
        Some(text) => Entry::Set(served(&text, channels)?),
    };
    if email == Entry::Keep && phone == Entry::Keep {
        return Err(BusError::InvalidArgument("neither email nor phone is there".into()));
    }
    Ok(NewContacts { telling: Telling::OldAndNew, email, phone })
}

/// Reads a row of a list: what is empty stays.
fn row(email_text: &str, phone_text: &str, channels: &Channels) -> Result<NewContacts, BusError> {
    let email = if email_text.is_empty() { Entry::Keep } else { Entry::Set(email(email_text)?) };
    let phone = if phone_text.is_empty() { Entry::Keep } else { Entry::Set(served(phone_text, channels)?) };
    Ok(NewContacts { telling: Telling::WhoHadOne, email, phone })
}

/// Reads an e-mail address.
///
/// # Errors
/// [`BusError::InvalidArgument`].
pub(super) fn email(text: &str) -> Result<EmailAddress, BusError> {
    EmailAddress::read(text).map_err(|error| BusError::InvalidArgument(error.to_string().into()))
}

/// Reads a number; without the code of a country where the file names the country.
///
/// # Errors
/// [`BusError::InvalidArgument`].
pub(super) fn phone(text: &str, channels: &Channels) -> Result<PhoneNumber, BusError> {
    let country = [&channels.sms, &channels.call].into_iter().flatten().find_map(|numbers| numbers.country);
    PhoneNumber::read(text, country).map_err(|error| BusError::InvalidArgument(error.to_string().into()))
}

/// Reads a number that codes can be sent to.
///
/// # Errors
/// [`BusError::InvalidArgument`] for what is none; [`BusError::Refused`] where the file leaves it out.
fn served(text: &str, channels: &Channels) -> Result<PhoneNumber, BusError> {
    let number = phone(text, channels)?;
    if channels.takes(&number) {
        return Ok(number);
    }
    Err(BusError::Refused("the number begins with none of those in `allow_prefixes`".to_owned()))
}

/// On whose behalf a list is imported, and whether it is.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// Nothing is changed: what would be wrong is told.
    Check(Operator),
    /// It is put on file.
    Apply(Operator, Reason),
}

impl Wish {
    /// Tells what has to be known of the users.
    const fn detail(&self) -> Detail {
        let (Self::Check(operator) | Self::Apply(operator, _)) = self;
        if operator.actor.is_bound_by_groups() { Detail::Groups } else { Detail::Identity }
    }
}

/// What became of the rows of one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The lines refused, and why.
    pub(super) refused: Vec<(u32, String)>,
    /// How many rows were looked at.
    pub(super) done: u32,
    /// How many of them changed something, or would.
    pub(super) changed: u32,
}

/// A row that was read: its line, what is to be on file, and of whom.
type Read = (u32, Result<(NewContacts, Person), BusError>);
/// What became of a row: its line, and whether it changes something.
type Became = (u32, Result<bool, BusError>);

/// Looks at rows, as far as the time reaches.
///
/// # Errors
/// What the service fails with; rows before that may be done. What is wrong with one row alone is told of it.
pub(super) async fn import(service: &Arc<Service>, rows: Vec<Row>, wish: &Wish) -> Result<Page, BusError> {
    let begun = Instant::now();
    let is_time = || begun.elapsed() < PAGE_TIME;
    let mut page = Page::default();
    let mut roll = service.directory.roll(rows.iter().map(|(_, user, ..)| user.clone()), wish.detail());
    let mut rows = rows.into_iter();
    while rows.len() > 0 && (page.done == 0 || is_time()) {
        let mut people = Vec::new();
        while people.len() < AT_ONCE.min(rows.len()) && (people.is_empty() || is_time()) {
            people.push(known(roll.next().await.ok_or(BusError::Unavailable)?));
        }
        let policy = service.engine.policy();
        // In this order: a row is taken only where there is somebody for it.
        let read = people.into_iter().zip(rows.by_ref()).map(|(person, (line, _, email, phone))| {
            let new = row(&email, &phone, &policy.settings.channels);
            (line, new.and_then(|new| Ok((new, person?))))
        });
        let read: Vec<_> = read.collect();
        let became = match wish {
            Wish::Check(operator) => check(service, read, &operator.actor).await?,
            Wish::Apply(operator, reason) => apply(service, read, operator, reason).await?,
        };
        for (line, became) in became {
            page.done = page.done.saturating_add(1);
            match became {
                Ok(is_changed) => page.changed = page.changed.saturating_add(u32::from(is_changed)),
                Err(error) if error.is_of_person() => page.refused.push((line, error.to_string())),
                Err(error) => return Err(error),
            }
        }
    }
    page.refused.sort();
    Ok(page)
}

/// Tells which rows would change something; their accounts are read together.
async fn check(service: &Service, read: Vec<Read>, actor: &Actor) -> Result<Vec<Became>, BusError> {
    let policy = service.engine.policy();
    let keys: Vec<_> = read.iter().filter_map(|(_, row)| Some(key_of(&row.as_ref().ok()?.1))).collect();
    let mut accounts = service.engine.accounts(&keys).await?.into_iter();
    let mut would_change = |(new, target): (NewContacts, Person)| {
        let unreadable = |_| BusError::Refused("what is kept of this user cannot be read".to_owned());
        let account = accounts.next().ok_or(BusError::Unavailable)?.map_err(unreadable)?;
        let old = account.map(|account| account.contacts).unwrap_or_default();
        helpdesk::may_act(actor, &target, &policy)
            .map_err(|refusal| BusError::Refused(refusal.to_string()))?;
        Ok(new.applied(&old) != old)
    };
    Ok(read.into_iter().map(|(line, row)| (line, row.and_then(&mut would_change))).collect())
}

/// Puts the rows on file, all at the same time.
async fn apply(
    service: &Service,
    read: Vec<Read>,
    operator: &Operator,
    reason: &Reason,
) -> Result<Vec<Became>, BusError> {
    let mut became = Vec::new();
    let mut under_way = JoinSet::new();
    for (line, row) in read {
        match row {
            Err(error) => became.push((line, Err(error))),
            Ok((new, target)) => {
                let engine = service.engine.clone();
                let act = operator.clone().act(reason.clone(), target, engine.host().clone());
                under_way.spawn(async move { (line, put_on_file(&engine, act, new).await) });
            }
        }
    }
    while let Some(ended) = under_way.join_next().await {
        became.push(ended.map_err(|_| BusError::Unavailable)?);
    }
    Ok(became)
}

async fn put_on_file(engine: &Handle, act: Act, new: NewContacts) -> Result<bool, BusError> {
    Ok(engine.act(act, Deed::SetContact(new)).await??.on_file.is_new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::contact::Country;
    use countersign_core::sending::Numbers;
    use zbus::{OwnedVariant, Variant};

    fn options(entries: &[(&str, &str)]) -> convert::Facts {
        let own = |text: &str| OwnedVariant::try_from(Variant::from(text)).unwrap();
        entries.iter().map(|(key, text)| ((*key).to_owned(), own(text))).collect()
    }

    fn german() -> Channels {
        let numbers = Numbers { country: Country::try_from("DE").ok(), allow_prefixes: Vec::new() };
        Channels { call: Some(numbers), ..Channels::default() }
    }

    #[test]
    fn what_is_absent_stays_and_what_is_empty_goes() {
        let channels = german();
        let read = |entries: &[(&str, &str)]| entries_of(entries, &channels).unwrap();
        let number = PhoneNumber::try_from("+4930123456").unwrap();
        let address = EmailAddress::try_from("alice@example.org").unwrap();
        let new = read(&[("email", " alice@example.org "), ("phone", "030 123456")]);
        assert_eq!((new.email, new.phone), (Entry::Set(address), Entry::Set(number)));
        let new = read(&[("phone", "")]);
        assert_eq!((new.email, new.phone), (Entry::Keep, Entry::Clear));
        assert!(entries_of(&[], &channels).is_err());
        assert!(entries_of(&[("phone", "030 123456")], &Channels::default()).is_err(), "of which country?");
    }

    #[test]
    fn a_number_that_the_file_leaves_out_is_not_put_on_file() {
        let numbers = |prefixes: &[&str]| {
            let allow_prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
            Some(Numbers { country: Country::try_from("DE").ok(), allow_prefixes })
        };
        let german = Channels { sms: numbers(&["+49"]), ..Channels::default() };
        let either = Channels { call: numbers(&["+43"]), ..german.clone() };
        let any = Channels { call: numbers(&[]), ..german.clone() };
        for (number, channels, is_taken) in [
            ("+49 30 123456", &german, true),
            ("+43 1 5321234", &german, false),
            ("+43 1 5321234", &either, true),
            ("+1 202 555 0142", &either, false),
            ("+1 202 555 0142", &any, true),
            ("+1 202 555 0142", &Channels::default(), true),
        ] {
            let alone = entries_of(&[("phone", number)], channels);
            let of_list = row("", number, channels);
            for read in [alone, of_list] {
                assert_eq!(read.is_ok(), is_taken, "{number}: {read:?}");
                assert!(is_taken || matches!(read, Err(BusError::Refused(_))), "{number}");
            }
        }
        // What has to go can go whatever the file says.
        assert!(entries_of(&[("phone", "")], &german).is_ok());
    }

    fn entries_of(entries: &[(&str, &str)], channels: &Channels) -> Result<NewContacts, BusError> {
        super::entries(&options(entries), channels)
    }

    #[test]
    fn what_could_carry_more_than_one_recipient_or_an_option_is_refused() {
        for (key, text) in [
            ("email", "alice@example.org\r\nBcc: eve@example.org"),
            ("email", "alice@example.org,eve@example.org"),
            ("email", "-oX@example.org"),
            ("email", "a\u{1b}[2J@example.org"),
            ("phone", "+4930123456;+4930999999"),
            ("phone", "+49 30\u{1b}[2J123456"),
            ("phone", &"1".repeat(4096)),
            ("email", &"x".repeat(4096)),
        ] {
            let refused = entries_of(&[(key, text)], &german());
            assert!(matches!(refused, Err(BusError::InvalidArgument(_))), "{text:.40?}");
            let of_list = if key == "email" { row(text, "", &german()) } else { row("", text, &german()) };
            assert!(matches!(of_list, Err(BusError::InvalidArgument(_))), "{text:.40?}");
        }
    }
}
