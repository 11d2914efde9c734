//! The conversations under way: whose they are, and how many there may be.
//!
//! Owns the limits of DESIGN.md 4 and the deadlines. Leaves deciding to core and committing to the flights; holds no
//! state that outlives the service.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{AccountKey, Epoch};
use countersign_core::conversation::{Conversation, Event};
use countersign_core::login::{AuditSession, Existence, Person, Source, network};
use countersign_core::throttle::{Bucket, Counted, Seat, make_room};
use countersign_protocol::step::State;
use tokio::sync::oneshot;

use super::command::{Caller, ConversationId, EngineError, Owner};

/// Conversations of one person at the same time.
pub const PER_PERSON: usize = 8;
/// Conversations of one calling uid other than root at the same time.
pub const PER_UID: usize = 8;
/// Conversations in all.
pub const IN_ALL: usize = 1024;
/// How many finished logins are kept for the session hook, and for how long.
const FINISHED: usize = 1024;
const FINISHED_LIFE: Duration = Duration::from_mins(10);

/// A conversation under way.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its state as committed last.
    pub(super) conversation: Arc<Conversation>,
    /// Whom it is about.
    pub(super) person: Arc<Person>,
    /// Where the person is; self-service counts as local.
    pub(super) source: Source,
    /// Where its answers are counted.
    pub(super) counted: Counted,
    /// The networks that the person was known at when its last turn was decided; none before the first.
    pub(super) known_networks: Arc<[IpAddr]>,
    /// Who began it.
    pub(super) caller: Caller,
    /// The session of the kernel that a login was asked for in.
    pub(super) session: Option<AuditSession>,
    /// When it began, since boot.
    pub(super) begun: Duration,
    /// An event of it waits or is being committed.
    pub(super) busy: bool,
    /// What ends it once it is no longer busy.
    pub(super) ending: Option<Event>,
    /// Dropped with the entry, which tells the door.
    pub(super) _ended: oneshot::Sender<()>,
}

/// Who asks for one conversation more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newcomer<'a> {
    /// Whom it is about.
    pub(super) person: &'a Person,
    /// Where the person is.
    pub(super) source: Source,
    /// Where its answers are counted.
    pub(super) counted: Counted,
    /// The calling uid.
    pub(super) uid: u32,
    /// When it begins, since boot.
    pub(super) begun: Duration,
}

/// The conversations under way, and the logins that just ended.
#[derive(Debug, Default)]
pub(super) struct Registry {
    entries: HashMap<ConversationId, Entry>,
    finished: VecDeque<Finished>,
}

/// A login that was let in and has no session yet.
#[derive(Debug)]
pub(super) struct Finished {
    /// Which.
    pub(super) id: ConversationId,
    /// Whose.
    pub(super) person: Arc<Person>,
    /// How it ended.
    pub(super) end: Ending,
    /// When, since boot.
    pub(super) at: Duration,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    /// In this state.
    pub(super) state: State,
    /// By a right code under this epoch, if by one.
    pub(super) code_given: Option<Epoch>,
    /// It was asked for in this session.
    pub(super) session: Option<AuditSession>,
}

/// The key that a person's account is found by.
#[must_use]
pub fn key_of(person: &Person) -> AccountKey {
    AccountKey { realm: person.realm.clone(), name: person.name.clone() }
}

impl Registry {
    /// Tells whether one more may begin, and which conversation has to make room for it.
    ///
    /// Which sources the person is known at stands in the account, which is not read here: the other conversations of the
    /// person have read it in their first turn. Where none has, no address is known.
    ///
    /// # Errors
    /// [`EngineError::LimitReached`].
    pub(super) fn admit(&self, newcomer: &Newcomer<'_>) -> Result<Option<ConversationId>, EngineError> {
        let Newcomer { person, source, counted, uid, begun } = *newcomer;
        let of_uid = self.entries.values().filter(|entry| entry.caller.uid == uid).count();
        if self.entries.len() >= IN_ALL || (uid != 0 && of_uid >= PER_UID) {
            return Err(EngineError::LimitReached);
        }
        let own: Vec<(ConversationId, &Entry)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.ending.is_none() && is_same(&entry.person, person))
            .map(|(id, entry)| (*id, entry))
            .collect();
        if own.len() < PER_PERSON {
            return Ok(None);
        }
        let is_known =
            |address| own.iter().any(|(_, entry)| entry.known_networks.contains(&network(address)));
        let bucket = |counted| match counted {
            Counted::In(bucket) => bucket,
            Counted::From(address) if is_known(address) => Bucket::KnownSource,
            Counted::From(_) => Bucket::UnknownSource,
        };
        let seats: Vec<Seat> = own
            .iter()
            .map(|(_, entry)| Seat {
                bucket: bucket(entry.counted),
                source: entry.source,
                answered: entry.conversation.answered(),
                begun: entry.begun,
            })
            .collect();
        let newcomer = Seat { bucket: bucket(counted), source, answered: false, begun };
        let owner = match person.existence {
            Existence::Known { uid, .. } => Some(uid),
            Existence::Unknown => None,
        };
        let place = make_room(&newcomer, owner, &seats).and_then(|place| own.get(place));
        place.map(|(id, _)| Some(*id)).ok_or(EngineError::LimitReached)
    }

    /// Takes a conversation in.
    pub(super) fn insert(&mut self, id: ConversationId, entry: Entry) {
        self.entries.insert(id, entry);
    }

    /// Tells whether an id is taken.
    #[must_use]
    pub(super) fn contains(&self, id: ConversationId) -> bool {
        self.entries.contains_key(&id)
    }

    /// Finds a conversation.
    pub(super) fn entry(&mut self, id: ConversationId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// Finds a conversation of this connection; another's is as good as none.
    ///
    /// # Errors
    /// [`EngineError::NoConversation`].
    pub(super) fn owned(&mut self, id: ConversationId, owner: &Owner) -> Result<&mut Entry, EngineError> {
        self.entries
            .get_mut(&id)
            .filter(|entry| entry.caller.owner == *owner && entry.ending.is_none())
            .ok_or(EngineError::NoConversation)
    }

    /// Lets a conversation go.
    pub(super) fn remove(&mut self, id: ConversationId) -> Option<Entry> {
        self.entries.remove(&id)
    }

    /// Lists the conversations of a connection.
    #[must_use]
    pub(super) fn of_owner(&self, owner: &Owner) -> Vec<ConversationId> {
        self.entries.iter().filter(|(_, entry)| entry.caller.owner == *owner).map(|(id, _)| *id).collect()
    }

    /// Lists the conversations that were begun over the bus.
    #[must_use]
    pub(super) fn of_bus(&self) -> Vec<ConversationId> {
        let is_of_bus = |entry: &Entry| matches!(entry.caller.owner, Owner::Bus(_));
        self.entries.iter().filter(|(_, entry)| is_of_bus(entry)).map(|(id, _)| *id).collect()
    }

    /// Lists the conversations whose time is over.
    #[must_use]
    pub(super) fn expired(&self, since_boot: Duration) -> Vec<ConversationId> {
        let is_over =
            |entry: &Entry| since_boot.saturating_sub(entry.begun) >= entry.conversation.time_limit();
        self.entries
            .iter()
            .filter(|(_, entry)| entry.ending.is_none() && is_over(entry))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Tells whether no conversation is under way.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keeps a login that was let in until its session is opened.
    pub(super) fn finish(&mut self, finished: Finished) {
        if self.finished.len() >= FINISHED {
            self.finished.pop_front();
        }
        self.finished.push_back(finished);
    }

    /// Takes out a login that was let in; each is there once, for ten minutes.
    pub(super) fn claim(&mut self, id: ConversationId, since_boot: Duration) -> Option<Finished> {
        let position = self.finished.iter().position(|finished| finished.id == id)?;
        let finished = self.finished.remove(position)?;
        (since_boot.saturating_sub(finished.at) <= FINISHED_LIFE).then_some(finished)
    }
}

fn is_same(one: &Person, other: &Person) -> bool {
    one.name == other.name && one.realm == other.realm
}
