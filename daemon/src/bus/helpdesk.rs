//! `org.countersign1.Helpdesk`: what the helpdesk does for others.
//!
//! Polkit says whether the caller is of the helpdesk; whom it may act on is core's decision, made with the act.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{NAME_LIMIT, Realm};
use countersign_core::helpdesk::{Issued, Presence, Reason, Scope, Switch};
use countersign_core::invitation::{INVITATION_LIFE, LONGEST_INVITATION};
use countersign_core::login::Existence;
use zbus::message::Header;
use zbus::{Connection, OwnedVariant, interface};

use super::caller::Pass;
use super::facts::{self, OwnedFacts, Reader, put, put_contacts};
use super::self_service::method;
use super::{BusError, Door, Service, contacts, convert, removal};
use crate::engine::command::{ActDone, Deed};
use crate::sessions;

/// The longest reason before it is checked, in bytes.
const REASON_LIMIT: usize = 1024;
/// The shortest life of an invitation.
const LEAST_LIFE: Duration = Duration::from_mins(1);
/// The longest name of a method, in bytes.
const METHOD_LIMIT: usize = 32;

/// The object on the system bus.
pub struct HelpdeskInterface {
    service: Arc<Service>,
}

impl HelpdeskInterface {
    /// Serves the callers of the bus.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    async fn act(
        &self,
        pass: &Pass,
        user: &str,
        options: &convert::Facts,
        deed: Deed,
    ) -> Result<(ActDone, Existence), BusError> {
        let reason = reason(options)?;
        let target = match deed {
            Deed::Reset(_) => self.service.person_or_kept(user).await?,
            Deed::Unlock | Deed::Resync | Deed::Invite(_) | Deed::SetChosen(_) | Deed::SetContact(_) => {
                self.service.known_person(user).await?
            }
        };
        let operator = self.service.operator(pass).await?;
        let existence = target.existence;
        let act = operator.act(reason, target, self.service.engine.host().clone());
        let done = self.service.engine.act(act, deed).await??;
        Ok((done, existence))
    }
}

/// What the helpdesk does; polkit decides, per action.
#[interface(name = "org.countersign1.Helpdesk")]
impl HelpdeskInterface {
    /// Tells what a person holds, as `Self.Status` does, never a secret. Of a user whom the name service no longer knows,
    /// what is kept, with `realm` s and `gone` b.
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("facts"))]
    async fn show(
        &self,
        user: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let _pass = Door::Bus.authorize(&self.service, connection, &header, Some(user)).await?;
        let person = self.service.person_or_kept(user).await?;
        let engine = &self.service.engine;
        let account = engine.account(&person).await?;
        if let (Existence::Unknown, Some(account)) = (person.existence, &account) {
            let mut facts = facts::kept(account, engine.now(), Reader::Helpdesk);
            put(&mut facts, "realm", person.realm.as_str());
            put(
                &mut facts,
                "gone",
                self.service.directory.presence(&account.key, &person)? == Presence::Gone,
            );
            return Ok(facts);
        }
        let here = (engine.host(), engine.now());
        Ok(facts::standing(&person, account.as_ref(), &engine.policy(), here, Reader::Helpdesk))
    }

    /// Removes the person's factors. Options: `reason` s (required), `method` s, `end_sessions` b.
    ///
    /// Answers `removed` u, `sessions_ended` b, and where the person's rules ask for an invitation, `invitation` s with
    /// `expires` t.
    /// Errors: `NotPermitted`, `Refused`, `NoSuchUser`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("facts"))]
    async fn reset(
        &self,
        user: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, Some(user)).await?;
        let ends_sessions = convert::switch(&options, "end_sessions")?;
        let (done, person) = self.act(&pass, user, &options, Deed::Reset(scope(&options)?)).await?;
        let ended = ends_sessions && sessions::end(connection, person).await;
        let mut facts = OwnedFacts::new();
        put(&mut facts, "removed", u32::try_from(done.removed).unwrap_or(u32::MAX));
        put(&mut facts, "sessions_ended", ended);
        if let Some(Issued { code, expires }) = done.invitation {
            put(&mut facts, "invitation", code.expose().as_str());
            put(&mut facts, "expires", expires.as_seconds());
        }
        Ok(facts)
    }

    /// Deletes what is kept of a user whom the name service no longer knows, or whose record cannot be read. Options:
    /// `reason` s (required), `realm` s (absent: those of this host).
    ///
    /// Answers `deleted` u.
    /// Errors: as `Reset`; `Refused` also where the name service knows the user, or does not answer.
    #[zbus(out_args("facts"))]
    async fn delete(
        &self,
        user: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, Some(user)).await?;
        let reason = reason(&options)?;
        let realm = convert::text(&options, "realm", NAME_LIMIT)?.map(Realm::try_from).transpose();
        let realm = realm.map_err(|_| BusError::InvalidArgument("not a realm".into()))?;
        let operator = self.service.operator(&pass).await?;
        let deleted = removal::delete(&self.service, &operator, user, realm.as_ref(), &reason).await?;
        let mut facts = OwnedFacts::new();
        put(&mut facts, "deleted", deleted);
        Ok(facts)
    }

    /// Ends the person's locks. Options: `reason` s (required).
    ///
    /// Answers `was_locked` b, `needs_reset` b (locked still: only a reset ends it).
    /// Errors: as `Reset`.
    #[zbus(out_args("facts"))]
    async fn unlock(
        &self,
        user: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, Some(user)).await?;
        let (done, _) = self.act(&pass, user, &options, Deed::Unlock).await?;
        let mut facts = OwnedFacts::new();
        put(&mut facts, "was_locked", done.was_locked);
        put(&mut facts, "needs_reset", done.needs_reset);
        Ok(facts)
    }

    /// Accepts codes of the user's apps and tokens again after a clock or a counter was off. Options: `reason` s (required).
    ///
    /// Answers `changed` u, how many apps and tokens, and `clock` t, what this host's clock says.
    /// Errors: as `Reset`.
    #[zbus(out_args("facts"))]
    async fn resync(
        &self,
        user: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, Some(user)).await?;
        let (done, _) = self.act(&pass, user, &options, Deed::Resync).await?;
        let mut facts = OwnedFacts::new();
        put(&mut facts, "changed", u32::try_from(done.resynced).unwrap_or(u32::MAX));
        put(&mut facts, "clock", self.service.engine.wall().as_seconds());
        Ok(facts)
    }

    /// Makes a one-time invitation to enroll. Options: `reason` s (required), `for` u (seconds; absent for the default).
    ///
    /// Answers `code` s, `expires` t: earlier than asked for where the person's rules allow no longer life.
    /// Errors: as `Reset`.
    #[zbus(out_args("facts"))]
    async fn invite(
        &self,
        user: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, Some(user)).await?;
        let (done, _) = self.act(&pass, user, &options, Deed::Invite(life(&options)?)).await?;
        let Issued { code, expires } = done.invitation.ok_or(BusError::Unavailable)?;
        let mut facts = OwnedFacts::new();
        put(&mut facts, "code", code.expose().as_str());
        put(&mut facts, "expires", expires.as_seconds());
        Ok(facts)
    }

    /// Says whether a rule with `require = "chosen"` asks the person for a code. Options: `reason` s, `required` b (both
    /// required).
    ///
    /// Answers `changed` b.
    /// Errors: as `Reset`; `Refused` also where no such rule covers the person.
    #[zbus(out_args("facts"))]
    async fn set_required(
        &self,
        user: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, Some(user)).await?;
        let switch = if convert::required_switch(&options, "required")? { Switch::On } else { Switch::Off };
        let (done, _) = self.act(&pass, user, &options, Deed::SetChosen(switch)).await?;
        let mut facts = OwnedFacts::new();
        put(&mut facts, "changed", done.is_switched);
        Ok(facts)
    }

    /// Puts an address or a number on file; what the person has set up stays as it is. Options: `reason` s (required),
    /// `email` s, `phone` s (`""` takes it off the file, absent leaves it; one of them is required).
    ///
    /// Answers `changed` b and, masked and absent where nothing is on file, `email` s, `phone` s.
    /// Errors: as `Reset`.
    #[zbus(out_args("facts"))]
    async fn set_contact(
        &self,
        user: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, Some(user)).await?;
        let new = contacts::entries(&options, &self.service.engine.policy().settings.channels)?;
        let (done, _) = self.act(&pass, user, &options, Deed::SetContact(new)).await?;
        let mut facts = OwnedFacts::new();
        put(&mut facts, "changed", done.on_file.is_new);
        put_contacts(&mut facts, &done.on_file.contacts, Reader::Helpdesk);
        Ok(facts)
    }
}

fn life(options: &convert::Facts) -> Result<Duration, BusError> {
    let Some(seconds) = convert::number(options, "for")? else { return Ok(INVITATION_LIFE) };
    let life = Duration::from_secs(seconds.into());
    let is_life = (LEAST_LIFE..=LONGEST_INVITATION).contains(&life);
    is_life.then_some(life).ok_or(BusError::InvalidArgument("an invitation lives 1 minute to 7 days".into()))
}

/// Reads the reason that every act needs.
///
/// # Errors
/// [`BusError::InvalidArgument`], also where it is absent.
pub(super) fn reason(options: &convert::Facts) -> Result<Reason, BusError> {
    let text = convert::text(options, "reason", REASON_LIMIT)?
        .ok_or(BusError::InvalidArgument("a reason is required".into()))?;
    Reason::try_from(text.as_str()).map_err(|error| BusError::InvalidArgument(error.to_string().into()))
}

fn scope(options: &convert::Facts) -> Result<Scope, BusError> {
    match convert::text(options, "method", METHOD_LIMIT)? {
        None => Ok(Scope::All),
        Some(name) => method(&name).map(Scope::Only),
    }
}
