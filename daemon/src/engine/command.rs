//! What the doors ask of the engine, and what they are answered.
//!
//! Owns the commands and the ids of conversations. Every command carries the channel of its answer; a door that gave up
//! waiting closes it, and the engine then leaves the command undone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use countersign_core::account::{AccountKey, UserName};
use countersign_core::audit::AuditEvent;
use countersign_core::contact::Contacts;
use countersign_core::conversation::backup_codes::BackupCodesRequest;
use countersign_core::conversation::enrollment::EnrollmentRequest;
use countersign_core::conversation::removal::RemovalRequest;
use countersign_core::conversation::renaming::RenamingRequest;
use countersign_core::conversation::trial::TrialRequest;
use countersign_core::delivery::Report;
use countersign_core::helpdesk::{Act, Issued, NewContacts, NotCovered, Presence, Refusal, Scope, Switch};
use countersign_core::idle;
use countersign_core::login::{AuditSession, LoginRequest, Person};
use countersign_core::remember::{IdleSession, Places};
use countersign_core::secret::{Entropy, draw};
use countersign_protocol::step::Step;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Identifies a conversation; random, so that nobody can guess another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConversationId(u64);

impl ConversationId {
    /// Draws an id.
    #[must_use]
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        Self(u64::from_le_bytes(draw(entropy)))
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "c{:016x}", self.0)
    }
}

/// A text that is not the id of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a conversation")]
pub struct InvalidId;

impl FromStr for ConversationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.strip_prefix('c').filter(|digits| digits.len() == 16).ok_or(InvalidId)?;
        if !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidId);
        }
        u64::from_str_radix(digits, 16).map(Self).map_err(|_| InvalidId)
    }
}

/// The connection that a conversation belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A unique name on the system bus.
    Bus(String),
    /// A connection of the own socket, counted since the start.
    Socket(u64),
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The uid, as the bus or the kernel says.
    pub uid: u32,
    /// The connection.
    pub owner: Owner,
}

/// A dialogue to begin.
#[derive(Debug)]
pub enum Opening {
    /// A login.
    Login(LoginRequest),
    /// Setting up a factor by oneself.
    Enrollment(EnrollmentRequest),
    /// Removing a factor by oneself.
    Removal(RemovalRequest),
    /// Giving a factor another name.
    Renaming(RenamingRequest),
    /// Making new backup codes.
    BackupCodes(BackupCodesRequest),
    /// Trying a code without a login.
    Trial(TrialRequest),
}

/// A conversation that was begun.
#[derive(Debug)]
pub struct Begun {
    /// Its id.
    pub id: ConversationId,
    /// The first step.
    pub step: Step,
    /// Resolves when the conversation is over, however it ended.
    pub ended: oneshot::Receiver<()>,
}

/// What a helpdesk act did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActDone {
    /// How many factors were removed.
    pub removed: usize,
    /// How many apps and tokens were brought back into step.
    pub resynced: usize,
    /// Whether the person was locked.
    pub was_locked: bool,
    /// Whether the person is locked still, because only a reset ends it.
    pub needs_reset: bool,
    /// Whether the second factor was switched on or off by it.
    pub is_switched: bool,
    /// What is on file now.
    pub on_file: OnFile,
    /// The invitation that was made; its code is told this once.
    pub invitation: Option<Issued>,
}

/// What is on file of a person after an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnFile {
    /// From whatever source.
    pub contacts: Contacts,
    /// Whether an administrator's part of it was changed by the act.
    pub is_new: bool,
}

/// Why a helpdesk act was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// The actor may not act on the person.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nothing would come of it.
    #[error(transparent)]
    NotCovered(#[from] NotCovered),
    /// Nothing is kept of the person.
    #[error("nothing is kept of {0}")]
    NoAccount(UserName),
}

/// Why the engine did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No such conversation, or another's.
    #[error("there is no such conversation")]
    NoConversation,
    /// A limit of DESIGN.md 4 is reached.
    #[error("too many conversations at the same time")]
    LimitReached,
    /// The store or the engine failed or was late.
    #[error("the service cannot do this now")]
    Unavailable,
    /// The record of this one person cannot be read.
    #[error("the record of this user cannot be read; `countersign user delete` removes it")]
    Unreadable,
}

/// The channel of an answer.
pub type Answer<T> = oneshot::Sender<Result<T, EngineError>>;

/// What is done to a person's account on somebody's behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Remove factors.
    Reset(Scope),
    /// End locks.
    Unlock,
    /// Accept the codes of apps and tokens again.
    Resync,
    /// Make an invitation that lives so long, if the person's rules allow it.
    Invite(Duration),
    /// Switch the second factor on or off.
    SetChosen(Switch),
    /// Put an address or a number on file.
    SetContact(NewContacts),
}

/// What a door asks for.
#[derive(Debug)]
pub enum Command {
    /// Begin a dialogue.
    Begin {
        /// Which.
        opening: Box<Opening>,
        /// For whom.
        caller: Caller,
        /// The answer.
        reply: Answer<Begun>,
    },
    /// Answer the prompt of a conversation.
    Answer {
        /// Which conversation.
        id: ConversationId,
        /// Who says so.
        owner: Owner,
        /// What the person typed.
        text: Zeroizing<String>,
        /// The answer.
        reply: Answer<Step>,
    },
    /// End a conversation.
    Cancel {
        /// Which conversation.
        id: ConversationId,
        /// Who says so.
        owner: Owner,
        /// The answer.
        reply: Answer<()>,
    },
    /// A connection closed: its conversations end.
    OwnerGone {
        /// Which connection.
        owner: Owner,
    },
    /// The bus was lost, and with it every connection of it: a new bus gives the same names to others.
    BusGone,
    /// Do a helpdesk act, where core permits it.
    Act {
        /// Who, to whom, why.
        act: Box<Act>,
        /// What.
        deed: Deed,
        /// The answer, or why the act was refused.
        reply: Answer<Result<ActDone, NotDone>>,
    },
    /// Delete an account, where core permits it.
    Delete {
        /// Who, of whom, why.
        act: Box<Act>,
        /// What the name service says of the person.
        presence: Presence,
        /// The answer, or why it was refused.
        reply: Answer<Result<(), NotDone>>,
    },
    /// Forget places at the wish of the person whose they are.
    Forget {
        /// Whose.
        person: Box<Person>,
        /// Which.
        places: Places,
        /// How many it were.
        reply: Answer<usize>,
    },
    /// Take the end of a message in.
    Delivered {
        /// Whose message; a trial is nobody's.
        key: Option<AccountKey>,
        /// How it ended.
        report: Report,
        /// The answer, after the commit.
        reply: Answer<()>,
    },
    /// Void what was given beside an old password.
    PasswordChanged {
        /// Whose it was.
        person: Box<Person>,
        /// The answer, after the commit.
        reply: Answer<()>,
    },
    /// Record a step about an idle session, and end what was remembered for it.
    Idled {
        /// Whose session.
        person: Box<Person>,
        /// Which.
        session: Box<IdleSession>,
        /// What was or will be done.
        step: idle::Step,
        /// The answer, after the commit.
        reply: Answer<()>,
    },
    /// Record something that changes no account.
    Record {
        /// What.
        event: Box<AuditEvent>,
        /// The answer, after the commit.
        reply: Answer<()>,
    },
    /// A login's session was opened; the login id is good for one use.
    SessionOpened {
        /// The login.
        login: ConversationId,
        /// The kernel's number of it, which may be none.
        session: u32,
        /// The answer.
        reply: Answer<()>,
    },
    /// A session was closed by who opened it with this login.
    SessionClosed {
        /// The login.
        login: ConversationId,
        /// The session of the kernel.
        session: AuditSession,
        /// The answer.
        reply: Answer<()>,
    },
    /// A session was ended, whoever opened it.
    SessionEnded {
        /// The session of the kernel.
        session: AuditSession,
        /// The answer.
        reply: Answer<()>,
    },
    /// End: what is under way is committed and answered, nothing new is taken.
    Stop,
    /// Ask whether the engine turns.
    Ping {
        /// The answer.
        reply: Answer<()>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_and_nothing_else_is_one() {
        let id = ConversationId(0x0123_4567_89ab_cdef);
        assert_eq!(id.to_string(), "c0123456789abcdef");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "c",
            "c42",
            "c0123456789abcdeg",
            "c0123456789ABCDEF",
            "c+123456789abcdef",
            "0123456789abcdef",
        ] {
            assert_eq!(wrong.parse::<ConversationId>(), Err(InvalidId), "{wrong}");
        }
    }
}
