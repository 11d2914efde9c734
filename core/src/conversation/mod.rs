//! Conversations: the state machines behind every dialogue.
//!
//! Owns the contract between core and engine: an event and an account in, the next state and effects out. The engine
//! puts `next` in place only after the commit, and replies only then. `End` cannot decide anything any more. Every dialogue
//! sees the account as its decision takes it, what was enrolled too early being void, and commits it whole.

mod answer;
pub mod backup_codes;
pub mod enrollment;
pub mod login;
mod mailing;
mod naming;
mod proof;
mod reach;
pub mod removal;
pub mod renaming;
mod self_service;
mod setup;
mod sheet;
mod step;
pub mod trial;
mod ways;

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::account::{Account, Epoch};
use crate::audit::AuditEvent;
use crate::delivery::{Outgoing, RequestId};
use crate::login::{Person, Source};
use crate::notice::Told;
use crate::policy::EnrolledAfter;
use crate::restore::Trust;
use crate::secret::Entropy;
use crate::time::{Now, WallTime};
use crate::words::{Language, Voice};

use self_service::SelfService;
use step::{prompt_line, with_prompt};

pub use step::{Line, Reply, State, Style, Verdict};

/// How long a conversation may last (DESIGN.md 4).
pub const CONVERSATION_LIMIT: Duration = Duration::from_mins(3);
/// How long a conversation may last while enrolling.
pub const ENROLLING_LIMIT: Duration = Duration::from_mins(10);
/// The longest answer, in bytes; the door refuses longer ones.
pub const ANSWER_LIMIT: usize = 256;
/// How many answers one login evaluates as codes (row L2).
pub const CODE_LIMIT: u32 = 3;
/// How many one login evaluates that sets up a factor: an invitation or a code of what is void may come first.
pub const ENROLLING_CODE_LIMIT: u32 = 10;
/// How many answers of one dialogue may be no code: words, choices, addresses, slips, nothing at all. The next one ends it.
pub const OTHER_LIMIT: u32 = 10;
/// How many wrong codes end an enrollment or a change.
pub const WRONG_LIMIT: u32 = 3;

/// What happened to a conversation.
#[derive(Clone)]
pub enum Event {
    /// It was begun; the first turn answers `Begin*`.
    Begun,
    /// The person answered the prompt.
    Answered(Zeroizing<String>),
    /// Its time is over.
    DeadlineReached,
    /// The owner cancelled it or left.
    ClientGone,
    /// It made room for another dialogue of the same person.
    Evicted,
}

impl fmt::Debug for Event {
    /// Names the event; an answer may be a code, or a password typed at the wrong prompt, and is not shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Begun => "Begun",
            Self::Answered(_) => "Answered(…)",
            Self::DeadlineReached => "DeadlineReached",
            Self::ClientGone => "ClientGone",
            Self::Evicted => "Evicted",
        })
    }
}

/// What one event led to.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    /// The state to put in place after the commit.
    pub next: Conversation,
    /// What is to be done, commits and records before the reply.
    pub effects: Vec<Effect>,
}

impl Turn {
    /// Adds what belongs into the same commit.
    fn and(mut self, effect: Option<Effect>) -> Self {
        self.effects.splice(0..0, effect);
        self
    }

    /// Commits accounts as they are kept: what is void here may count elsewhere.
    fn kept(mut self) -> Self {
        for effect in &mut self.effects {
            if let Effect::Commit(account) = effect {
                account.void_before = WallTime::default();
            }
        }
        self
    }

    /// Adds messages and records that belong into the same commit.
    fn and_all(mut self, effects: Vec<Effect>) -> Self {
        self.effects.splice(0..0, effects);
        self
    }
}

/// What the engine is to do.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a turn has a handful of effects and they do not live long")]
pub enum Effect {
    /// Write the account; its `revision` is the one that the decision was made on.
    Commit(Box<Account>),
    /// Record an event, in the same commit.
    Record(AuditEvent),
    /// Put a message into the outbox, in the same commit.
    Deliver(Box<Outgoing>),
    /// Mark a message of the outbox as one whose code was used, in the same commit: it no longer counts.
    Redeem(RequestId),
    /// Keep that the person gave a right code, under this epoch, for the session of the login (row L16); after the commit.
    CodeGiven(Epoch),
    /// Answer the caller, after the commit. Exactly one a turn for `Begun` and `Answered`, none for the others.
    Reply(Reply),
}

/// Makes effects of what a person is told by e-mail.
fn told(told: Told) -> Vec<Effect> {
    let Told { outgoing, alert } = told;
    let messages = outgoing.into_iter().map(|message| Effect::Deliver(Box::new(message)));
    messages.chain(alert.map(Effect::Record)).collect()
}

/// The state of a dialogue.
#[derive(Debug, Clone)]
pub enum Conversation {
    /// A login.
    Login(Box<login::Login>),
    /// Setting up a factor by oneself.
    Enrollment(Box<enrollment::Enrollment>),
    /// Removing a factor by oneself.
    Removal(Box<removal::Removal>),
    /// Giving a factor another name.
    Renaming(Box<renaming::Renaming>),
    /// Making new backup codes.
    BackupCodes(Box<backup_codes::BackupCodes>),
    /// Trying a code without a login.
    Trial(Box<trial::Trial>),
    /// Over; decides nothing any more.
    End,
}

impl Conversation {
    /// Decides what follows from an event.
    ///
    /// `account` is the account as committed so far (an unstored one for a person without), `now` the instant,
    /// `entropy` randomness for new secrets.
    pub fn decide(&self, event: Event, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let account = &account.seen_from(self.enrolled_after(now), now.latest());
        self.decide_seen(event, account, now, entropy).kept()
    }

    /// Decides the beginning of a login by policy alone, where the store does not answer; nothing for other dialogues.
    ///
    /// The turn commits no account. It lets in only people whom policy lets in without looking at the store.
    pub fn decide_unread(&self, now: Now, entropy: &mut dyn Entropy) -> Option<Turn> {
        let Self::Login(login) = self else { return None };
        let unread = Account { trust: Trust::Unread, ..login.unknown_account(entropy) };
        Some(self.decide(Event::Begun, &unread, now, entropy))
    }

    /// Refuses a login whose answer was not decided or not committed, for a reason that is a stable word; nothing for other
    /// dialogues.
    pub fn unavailable(&self, reason: &str, now: Now, entropy: &mut dyn Entropy) -> Option<Turn> {
        let Self::Login(login) = self else { return None };
        Some(login.unavailable(reason, &login.unknown_account(entropy), now))
    }

    /// Tells from when on enrollments count in this dialogue.
    fn enrolled_after(&self, now: Now) -> EnrolledAfter {
        match self {
            Self::Login(login) => login.decision().enrolled_after,
            other => other.service().map(|service| service.enrolled_after(now)).unwrap_or_default(),
        }
    }

    /// Decides on the account as this dialogue sees it.
    fn decide_seen(&self, event: Event, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        match self {
            Self::Login(login) => login.decide(event, account, now, entropy),
            Self::Enrollment(enrollment) => enrollment.decide(event, account, now, entropy),
            Self::Removal(removal) => removal.decide(event, account, now, entropy),
            Self::Renaming(renaming) => renaming.decide(event, account, now, entropy),
            Self::BackupCodes(codes) => codes.decide(event, account, now, entropy),
            Self::Trial(trial) => trial.decide(event, account, now, entropy),
            Self::End => Turn { next: Self::End, effects: Vec::new() },
        }
    }

    /// Tells how long it may last from its beginning; a turn may change it.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        match self {
            Self::Login(login) => login.time_limit(),
            Self::Enrollment(_) | Self::BackupCodes(_) => ENROLLING_LIMIT,
            Self::Removal(_) | Self::Renaming(_) | Self::Trial(_) | Self::End => CONVERSATION_LIMIT,
        }
    }

    /// Tells the language of the dialogue.
    #[must_use]
    pub fn language(&self) -> Language {
        match self {
            Self::Login(login) => login.language(),
            other => other.service().map(|service| service.language).unwrap_or_default(),
        }
    }

    /// Tells who speaks: the dialogue's language, with the texts of the policy under which it began.
    #[must_use]
    pub fn voice(&self) -> Voice<'_> {
        let settings = match self {
            Self::Login(login) => Some(login.settings()),
            other => other.service().map(|service| &service.policy.settings),
        };
        let language = self.language();
        settings.map_or_else(|| Voice::from(language), |settings| settings.voice(language))
    }

    /// Tells whether the person has given any answer: a conversation without one is the first to make room.
    #[must_use]
    pub fn answered(&self) -> bool {
        match self {
            Self::Login(login) => login.answered(),
            other => other.service().is_some_and(|service| service.tally.answers > 0),
        }
    }

    /// Tells whose dialogue it is; nobody's when it is over.
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Login(login) => Some(login.person()),
            other => other.service().map(|service| &service.person),
        }
    }

    /// Tells where a login comes from; self-service is on this host.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Login(login) => Some(login.source()),
            other => other.service().map(|_| Source::Local),
        }
    }

    /// What the dialogues of self-service share.
    const fn service(&self) -> Option<&SelfService> {
        match self {
            Self::Enrollment(enrollment) => Some(enrollment.service()),
            Self::Removal(removal) => Some(removal.service()),
            Self::Renaming(renaming) => Some(renaming.service()),
            Self::BackupCodes(codes) => Some(codes.service()),
            Self::Trial(trial) => Some(trial.service()),
            Self::Login(_) | Self::End => None,
        }
    }
}

/// Why a conversation ended without its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Departure {
    /// Its time was over.
    Deadline,
    /// The owner left.
    Client,
    /// Another dialogue took its place.
    Evicted,
}

impl Departure {
    const fn reason(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Client => "client-gone",
            Self::Evicted => "evicted",
        }
    }
}

/// What a dialogue has asked and heard so far; every bound on its length is counted here.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// Prompts shown.
    prompts: u32,
    /// Answers given, of whatever kind.
    answers: u32,
    /// Answers evaluated as codes.
    codes: u32,
    /// Answers that were not.
    others: u32,
}

impl Tally {
    /// Counts an answer, which is no code until it is evaluated as one.
    const fn answered(self) -> Self {
        Self { answers: self.answers.saturating_add(1), others: self.others.saturating_add(1), ..self }
    }

    /// Counts the last answer as one that is evaluated.
    const fn tried(self) -> Self {
        Self { codes: self.codes.saturating_add(1), others: self.others.saturating_sub(1), ..self }
    }

    /// Tells whether no further answer is heard where codes are asked for.
    const fn is_spent(self) -> bool {
        self.codes >= CODE_LIMIT || self.others > OTHER_LIMIT
    }

    /// Tells whether none is heard while a factor is set up.
    const fn is_spent_enrolling(self) -> bool {
        self.codes >= ENROLLING_CODE_LIMIT || self.others > OTHER_LIMIT
    }

    /// Begins anew for what follows a proof, in the same dialogue.
    const fn renewed(self) -> Self {
        Self { prompts: 0, codes: 0, others: 0, ..self }
    }

    const fn prompted(self) -> Self {
        Self { prompts: self.prompts.saturating_add(1), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_does_not_show_itself() {
        let event = Event::Answered(Zeroizing::new("493027".to_owned()));
        assert_eq!(format!("{event:?}"), "Answered(…)");
    }
}
