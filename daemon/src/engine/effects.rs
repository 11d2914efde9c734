//! From the effects of a decision to what is committed and what is answered.
//!
//! Owns the check of core's contract before anything is committed: one reply where one is due, a verdict never without
//! a record, a step that a client will take. Whatever breaks it is a fault, and the caller is refused.

use countersign_core::account::{Account, Epoch};
use countersign_core::audit::{AuditEvent, EventId, Subject};
use countersign_core::conversation::{Effect, Reply, State, Style, Verdict};
use countersign_core::delivery::{Outgoing, RequestId};
use countersign_core::login::{Host, Person};
use countersign_core::time::WallTime;
use countersign_core::words::{self, Voice};
use countersign_protocol::step::{self as wire, MalformedStep, Step, WireStep};

use crate::store::StoreError;

/// What a decision comes to.
#[derive(Debug)]
pub struct Collected {
    /// The account to commit.
    pub account: Option<Account>,
    /// The events to record with it.
    pub events: Vec<AuditEvent>,
    /// The messages to queue with it.
    pub outgoing: Vec<Outgoing>,
    /// The messages whose codes were used.
    pub redeemed: Vec<RequestId>,
    /// Under which epoch a right code was given, if one was.
    pub code_given: Option<Epoch>,
    /// The answer, where one is due.
    pub step: Option<Step>,
}

/// A decision that cannot be carried out; the caller is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The store did not load or commit.
    #[error("the store failed: {0}")]
    Store(String),
    /// The person's record in the store cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The account was changed by others again and again.
    #[error("the account was changed by others four times in a row")]
    Contended,
    /// Deciding panicked.
    #[error("deciding panicked")]
    Panicked,
    /// Not exactly one reply where one is due, or one where none is.
    #[error("a turn with {0} replies")]
    Replies(usize),
    /// More than one account to commit.
    #[error("a turn that commits twice")]
    Commits,
    /// An account for a person whom nobody knows.
    #[error("an account for an unknown person")]
    UnknownPerson,
    /// A verdict without a record.
    #[error("a verdict without a record")]
    Unrecorded,
    /// A step that no client would take.
    #[error("a malformed step: {0}")]
    Malformed(#[from] MalformedStep),
}

impl Fault {
    /// Tells the stable word that the journal has.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Store(_) => "store-unavailable",
            Self::Unreadable(_) => "unreadable",
            Self::Contended => "contended",
            Self::Panicked
            | Self::Replies(_)
            | Self::Commits
            | Self::UnknownPerson
            | Self::Unrecorded
            | Self::Malformed(_) => "fault",
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        if error.is_of_record() {
            Self::Unreadable(error.to_string())
        } else {
            Self::Store(error.to_string())
        }
    }
}

/// Sorts the effects of one turn; `is_due` tells whether somebody waits for a reply.
///
/// # Errors
/// A [`Fault`] where they break the contract of `core::conversation`.
pub fn collect<'a>(
    effects: Vec<Effect>,
    is_due: bool,
    voice: impl Into<Voice<'a>>,
) -> Result<Collected, Fault> {
    let (mut accounts, mut events, mut replies) = (Vec::new(), Vec::new(), Vec::new());
    let (mut outgoing, mut redeemed) = (Vec::new(), Vec::new());
    let mut code_given = None;
    for effect in effects {
        match effect {
            Effect::Commit(account) => accounts.push(*account),
            Effect::Record(event) => events.push(event),
            Effect::Reply(reply) => replies.push(reply),
            Effect::Deliver(message) => outgoing.push(*message),
            Effect::Redeem(request) => redeemed.push(request),
            Effect::CodeGiven(epoch) => code_given = Some(epoch),
        }
    }
    if accounts.len() > 1 {
        return Err(Fault::Commits);
    }
    if replies.len() != usize::from(is_due) {
        return Err(Fault::Replies(replies.len()));
    }
    let reply = replies.pop();
    if reply.as_ref().is_some_and(|reply| matches!(reply.state, State::Verdict(_))) && events.is_empty() {
        return Err(Fault::Unrecorded);
    }
    let step = reply.map(|reply| render(&reply, voice.into())).transpose()?;
    Ok(Collected { account: accounts.pop(), events, outgoing, redeemed, code_given, step })
}

/// Makes the step that a client is sent; checked by the client's own rules.
fn render(reply: &Reply, voice: Voice<'_>) -> Result<Step, MalformedStep> {
    let lines = words::render(voice, reply)
        .into_iter()
        .map(|(style, text)| wire::Line { style: style_on_wire(style), text })
        .collect();
    Step::try_from(WireStep::from(Step { state: state_on_wire(reply.state), lines }))
}

const fn style_on_wire(style: Style) -> wire::Style {
    match style {
        Style::Information => wire::Style::Information,
        Style::Error => wire::Style::Error,
        Style::AskHidden => wire::Style::AskHidden,
        Style::AskVisible => wire::Style::AskVisible,
        Style::ShowOnce => wire::Style::ShowOnce,
    }
}

const fn state_on_wire(state: State) -> wire::State {
    match state {
        State::Ask => wire::State::Ask,
        State::Verdict(Verdict::Allow) => wire::State::Allow,
        State::Verdict(Verdict::Deny) => wire::State::Deny,
        State::Verdict(Verdict::LockOut) => wire::State::LockOut,
        State::Verdict(Verdict::Skip) => wire::State::Skip,
        State::Verdict(Verdict::Unavailable) => wire::State::Unavailable,
        State::Done => wire::State::Done,
        State::Failed => wire::State::Failed,
    }
}

/// The step for a login that could not be decided or committed.
#[must_use]
pub const fn unavailable() -> Step {
    Step { state: wire::State::Unavailable, lines: Vec::new() }
}

/// An event about a person, where no account is at hand.
#[must_use]
pub fn about(event: EventId, at: WallTime, host: &Host, person: &Person, actor: &str) -> AuditEvent {
    let subject = Subject {
        user: person.name.as_str().to_owned(),
        realm: person.realm.as_str().to_owned(),
        account: None,
    };
    AuditEvent { subject: Some(subject), ..AuditEvent::new(event, at, &host.name, actor) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::account::{AccountKey, Realm, UserName};
    use countersign_core::conversation::Line;
    use countersign_core::words::{Language, Message, Prompt};

    use crate::host::entropy::SystemEntropy;

    fn reply(state: State, styles: &[Style]) -> Effect {
        let line = |style: &Style| Line { style: *style, messages: vec![Message::Prompt(Prompt::Code)] };
        Effect::Reply(Reply { state, lines: styles.iter().map(line).collect() })
    }

    fn ask() -> Effect {
        reply(State::Ask, &[Style::AskVisible])
    }

    fn record() -> Effect {
        Effect::Record(AuditEvent::new(EventId::LoginAllowed, WallTime::from_seconds(1), "h", "self"))
    }

    fn commit() -> Effect {
        let realm = Realm::try_from("local:h").unwrap();
        let key = AccountKey { realm, name: UserName::try_from("alice").unwrap() };
        Effect::Commit(Box::new(Account::new(key, &mut SystemEntropy)))
    }

    #[test]
    fn a_whole_turn_is_an_account_its_events_and_one_step() {
        let verdict = reply(State::Verdict(Verdict::Allow), &[Style::Information]);
        let collected = collect(vec![commit(), record(), verdict], true, Language::English).unwrap();
        assert_eq!(collected.step.unwrap().state, wire::State::Allow);
        assert_eq!((collected.account.is_some(), collected.events.len()), (true, 1));
        let collected = collect(vec![record()], false, Language::English).unwrap();
        assert!(collected.step.is_none());
    }

    #[test]
    fn what_breaks_the_contract_is_a_fault_and_no_answer() {
        let unrecorded = reply(State::Verdict(Verdict::Allow), &[]);
        let promptless = reply(State::Ask, &[Style::Information]);
        let twice = reply(State::Ask, &[Style::AskVisible, Style::AskHidden]);
        for (effects, is_due, fault) in [
            (vec![], true, Fault::Replies(0)),
            (vec![ask(), ask()], true, Fault::Replies(2)),
            (vec![ask()], false, Fault::Replies(1)),
            (vec![commit(), commit(), ask()], true, Fault::Commits),
            (vec![unrecorded], true, Fault::Unrecorded),
            (vec![promptless], true, Fault::Malformed(MalformedStep::Prompt)),
            (vec![twice], true, Fault::Malformed(MalformedStep::Prompt)),
        ] {
            assert_eq!(collect(effects, is_due, Language::English).unwrap_err(), fault);
        }
    }
}
