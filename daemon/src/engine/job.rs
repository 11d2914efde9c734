//! What travels: jobs on their way out, what they came to on their way back.
//!
//! Owns the values that the loop and its flights exchange. Every job carries the channel of its answer.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use countersign_core::account::{AccountKey, Epoch};
use countersign_core::audit::AuditEvent;
use countersign_core::conversation::{Conversation, Event};
use countersign_core::delivery::{Recipient, Report};
use countersign_core::helpdesk::{Act, Presence};
use countersign_core::idle;
use countersign_core::login::{Existence, Host, Person};
use countersign_core::policy::Policy;
use countersign_core::remember::{IdleSession, Places};
use countersign_protocol::step::{State, Step};
use tokio::sync::oneshot;

use super::command::{ActDone, Answer, Begun, ConversationId, Deed, NotDone};
use super::effects::Fault;
use super::registry::key_of;

/// Who waits for a turn.
#[derive(Debug)]
pub(super) enum Waiter {
    /// The door that began the conversation.
    Begin(Answer<Begun>, oneshot::Receiver<()>),
    /// The door that brought an answer.
    Answer(Answer<Step>),
    /// Nobody: the deadline passed, or the owner left.
    Nobody,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Work {
    /// A turn of a conversation.
    Turn {
        /// Which conversation.
        id: ConversationId,
        /// Its state.
        conversation: Arc<Conversation>,
        /// What happened.
        event: Event,
        /// Who waits.
        waiter: Waiter,
    },
    /// A helpdesk act.
    Act {
        /// Who, to whom, why.
        act: Box<Act>,
        /// What.
        deed: Deed,
        /// The policy that says who is protected.
        policy: Arc<Policy>,
        /// Who waits.
        reply: Answer<Result<ActDone, NotDone>>,
    },
    /// Deleting an account.
    Delete {
        /// Who, of whom, why.
        act: Box<Act>,
        /// What the name service says of the person.
        presence: Presence,
        /// The policy that says who is protected.
        policy: Arc<Policy>,
        /// Who waits.
        reply: Answer<Result<(), NotDone>>,
    },
    /// Forgetting places.
    Forget {
        /// Which.
        places: Places,
        /// This host.
        host: Host,
        /// Who waits.
        reply: Answer<usize>,
    },
    /// A step about an idle session.
    Idled {
        /// Which session.
        session: Box<IdleSession>,
        /// What was or will be done.
        step: idle::Step,
        /// This host.
        host: Host,
        /// Who waits.
        reply: Answer<()>,
    },
    /// The end of a message.
    Delivered {
        /// Whose message; a trial is nobody's.
        key: Option<AccountKey>,
        /// How it ended.
        report: Report,
        /// This host.
        host: Host,
        /// Who waits.
        reply: Answer<()>,
    },
    /// Voiding what was given beside an old password.
    PasswordChanged {
        /// The record.
        event: Box<AuditEvent>,
        /// Who waits.
        reply: Answer<()>,
    },
    /// A record alone.
    Record {
        /// What.
        event: Box<AuditEvent>,
        /// Who waits, if anybody.
        reply: Option<Answer<()>>,
    },
}

/// One thing to do, for one person or for nobody.
#[derive(Debug)]
pub(super) struct Job {
    /// How often it was decided on an account that others changed meanwhile.
    pub(super) stale: u32,
    /// Whose account it needs.
    pub(super) person: Option<Arc<Person>>,
    /// To whom something was about to be sent when it was decided before.
    pub(super) recipients: BTreeSet<Recipient>,
    /// What to do.
    pub(super) work: Work,
}

/// The jobs of one person in a batch; of nobody, one job.
#[derive(Debug)]
pub(super) struct Sheaf {
    /// The account.
    pub(super) key: Option<AccountKey>,
    /// In the order of their arrival.
    pub(super) jobs: Vec<Job>,
}

/// What a turn came to.
#[derive(Debug)]
pub(super) struct Turned {
    /// The next state.
    pub(super) next: Conversation,
    /// The step to answer.
    pub(super) step: Option<Step>,
    /// Under which epoch a right code was given, if one was.
    pub(super) code_given: Option<Epoch>,
    /// The networks that the person is known at.
    pub(super) known_networks: Arc<[IpAddr]>,
}

/// What a job came to; not to be told to anybody unless it was committed.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The next state and what is answered.
    Turn(Box<Turned>),
    /// What the act did, or why it was refused.
    Act(Result<ActDone, NotDone>),
    /// The account is deleted, or why it is not.
    Deleted(Result<(), NotDone>),
    /// So many places are forgotten.
    Forgotten(usize),
    /// The record stands.
    Recorded,
}

/// What became of a sheaf.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is in the store.
    Committed(Committed),
    /// Somebody else changed the account: to be decided again.
    Stale,
    /// Nothing of it is in the store.
    Failed(Fault),
}

/// What is in the store.
#[derive(Debug)]
pub(super) struct Committed {
    /// The events.
    pub(super) events: Vec<AuditEvent>,
    /// How many messages wait to be sent.
    pub(super) queued: usize,
}

/// A sheaf that came back.
#[derive(Debug)]
pub(super) struct Landed {
    /// Whose it was.
    pub(super) key: Option<AccountKey>,
    /// The jobs with what they came to.
    pub(super) jobs: Vec<(Job, Result<Outcome, Fault>)>,
    /// What became of it.
    pub(super) fate: Fate,
}

impl Job {
    /// Makes a job that was not tried yet.
    pub(super) const fn new(person: Option<Arc<Person>>, work: Work) -> Self {
        Self { stale: 0, person, recipients: BTreeSet::new(), work }
    }

    /// Tells whose account it needs.
    pub(super) fn key(&self) -> Option<AccountKey> {
        match &self.work {
            Work::Delivered { key, .. } => key.clone(),
            Work::Turn { .. }
            | Work::Act { .. }
            | Work::Delete { .. }
            | Work::Forget { .. }
            | Work::Idled { .. }
            | Work::PasswordChanged { .. }
            | Work::Record { .. } => self.person.as_deref().map(key_of),
        }
    }

    /// Tells whether the name service knows whom it is about.
    pub(super) fn is_about_somebody_known(&self) -> bool {
        self.person.as_deref().is_some_and(|person| matches!(person.existence, Existence::Known { .. }))
    }

    /// Tells whether it travels without other jobs of its person: what it leaves has to be read anew.
    pub(super) const fn travels_alone(&self) -> bool {
        matches!(self.work, Work::Delete { .. })
    }

    /// Tells whether the door gave up waiting; what nobody waits for any more is not evaluated.
    #[must_use]
    pub(super) fn is_abandoned(&self) -> bool {
        match &self.work {
            Work::Turn { waiter: Waiter::Begin(reply, _), .. } => reply.is_closed(),
            Work::Turn { waiter: Waiter::Answer(reply), .. } => reply.is_closed(),
            Work::Act { reply, .. } => reply.is_closed(),
            Work::Delete { reply, .. } => reply.is_closed(),
            Work::Forget { reply, .. } => reply.is_closed(),
            Work::Idled { reply, .. } => reply.is_closed(),
            Work::Turn { waiter: Waiter::Nobody, .. }
            | Work::Delivered { .. }
            | Work::PasswordChanged { .. }
            | Work::Record { .. } => false,
        }
    }
}

/// Tells whether a step is one after which a conversation goes on.
#[must_use]
pub(super) fn goes_on(step: Option<&Step>) -> bool {
    step.is_some_and(|step| step.state == State::Ask)
}
