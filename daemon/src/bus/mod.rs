//! The service's two doors: its own socket and the system bus.
//!
//! Owns what both doors share: who is meant by a name, and how fast one uid may call. The methods of the interfaces
//! authorize, give a command to the engine and convert; they decide nothing.

pub mod admin;
mod audit;
pub mod caller;
mod contacts;
pub mod conversation;
pub mod convert;
mod cursor;
pub mod door;
mod error;
pub mod explain;
pub mod facts;
pub mod helpdesk;
pub mod login;
mod memo;
pub mod own;
mod pace;
mod paced;
mod places;
mod polkit;
mod removal;
mod report;
pub mod self_service;
mod simulate;
pub mod system;
mod trial;
mod walk;

use std::sync::Arc;

use countersign_core::helpdesk::{Act, Actor, LoginUser, Reason};
use countersign_core::login::{Existence, Host, Person};

pub use caller::Door;
pub use error::BusError;

use crate::delivery::Delivery;
use crate::directory::{Directory, DirectoryError};
use crate::engine::Handle;
use crate::engine::command::Caller;
use crate::reload::Reloader;
use crate::store::watched::Watched;
use pace::Pace;
use simulate::Replays;

/// Who acts, as an act records it.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// Who acts.
    pub(crate) actor: Actor,
    /// As whom they logged in, where that is known.
    pub(crate) login: Option<LoginUser>,
}

impl Operator {
    /// Makes an act on a person.
    pub(crate) fn act(self, reason: Reason, target: Person, host: Host) -> Act {
        let Self { actor, login } = self;
        Act { actor, login, reason, target, host }
    }
}

/// Takes an answer of the name service for somebody who is there.
///
/// # Errors
/// [`BusError::NoSuchUser`].
pub(crate) fn known(answer: Result<Person, DirectoryError>) -> Result<Person, BusError> {
    let person = answer?;
    match person.existence {
        Existence::Known { .. } => Ok(person),
        Existence::Unknown => Err(BusError::NoSuchUser),
    }
}

/// What both doors give their calls to.
pub struct Service {
    /// The engine.
    pub engine: Handle,
    /// The name service.
    pub directory: Directory,
    /// The ways out for messages: trials go by them at once.
    pub delivery: Arc<Delivery>,
    /// What takes new files into force.
    pub reloader: Arc<Reloader>,
    /// The store with its stamp: root accepts a restored one.
    pub store: Arc<Watched>,
    pace: Pace,
    replays: Replays,
}

impl Service {
    /// Joins engine, name service, the ways out, what reloads them, and the store.
    #[must_use]
    pub fn new(
        engine: Handle,
        directory: Directory,
        delivery: Arc<Delivery>,
        reloader: Arc<Reloader>,
        store: Arc<Watched>,
    ) -> Self {
        let (pace, replays) = (Pace::default(), Replays::default());
        Self { engine, directory, delivery, reloader, store, pace, replays }
    }

    /// Tells who is to log in. A caller other than root is looked up by its own uid alone, so that it learns nothing of
    /// any other name.
    ///
    /// # Errors
    /// [`BusError::NotPermitted`] for anybody else's name; what the name service fails with.
    pub(crate) async fn person_to_log_in(&self, caller: &Caller, user: &str) -> Result<Person, BusError> {
        if caller.uid == 0 {
            return Ok(self.directory.person(user).await?);
        }
        let own = self.directory.person_by_uid(caller.uid).await?;
        own.filter(|person| person.name.as_str() == user).ok_or(BusError::NotPermitted)
    }

    /// Tells who calls.
    ///
    /// # Errors
    /// [`BusError::NoSuchUser`] for a uid without a name.
    pub(crate) async fn oneself(&self, caller: &Caller) -> Result<Person, BusError> {
        self.directory.person_by_uid(caller.uid).await?.ok_or(BusError::NoSuchUser)
    }

    /// Tells who bears a name, for callers who may know.
    ///
    /// # Errors
    /// [`BusError::NoSuchUser`].
    pub(crate) async fn known_person(&self, user: &str) -> Result<Person, BusError> {
        known(self.directory.person(user).await)
    }

    /// Tells who acts, and as whom they logged in.
    ///
    /// # Errors
    /// As [`Service::actor`].
    async fn operator(&self, pass: &caller::Pass) -> Result<Operator, BusError> {
        Ok(Operator { actor: self.actor(&pass.caller).await?, login: pass.login.clone() })
    }

    /// Tells who acts on a person.
    ///
    /// # Errors
    /// [`BusError::NotPermitted`] for a uid without a name.
    pub(crate) async fn actor(&self, caller: &Caller) -> Result<Actor, BusError> {
        if caller.uid == 0 {
            return Ok(Actor::Root);
        }
        let own = self.directory.person_by_uid(caller.uid).await?.ok_or(BusError::NotPermitted)?;
        Ok(Actor::Other { uid: caller.uid, name: own.name })
    }
}
