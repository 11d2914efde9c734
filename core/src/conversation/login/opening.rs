//! The first turn: who is let through unasked, who is asked, who is told that there is no way in.
//!
//! Owns the grounds on which an answer may not be evaluated, and whether the person is told. They are told only where
//! the first factor is settled and the person exists: everybody else sees the dialogue of somebody whose codes are
//! wrong (row L13).

use crate::account::Account;
use crate::audit::EventId;
use crate::conversation::{Effect, Turn, with_prompt};
use crate::login::{Existence, FirstFactor, Phase};
use crate::policy::{Enrollment, Requirement};
use crate::secret::Entropy;
use crate::throttle::Standing;
use crate::time::Now;
use crate::words::{Message, Prompt, Refusal};

use super::{Login, Stage};

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grounds {
    /// The name service does not know the person.
    UnknownPerson,
    /// The name belongs to another uid than the factors.
    UidChanged,
    /// Too many wrong codes.
    Locked(Standing),
    /// A code is needed and the person has none to give.
    NotEnrolled,
    /// No right code in all prompts.
    WrongCode,
    /// The phase cannot ask, and a code is needed.
    CodeNeeded,
}

/// Whether the grounds are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// They are.
    Tell,
    /// They are not: everything looks as if the codes were wrong.
    Pretend,
}

/// Which way a login goes at its beginning.
enum Way {
    Skip(&'static str),
    Refuse(Grounds),
    Ask,
    Tell(Grounds),
    Enroll,
}

impl Login {
    pub(super) fn open(&self, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        if !matches!(self.stage, Stage::Begin) {
            return self.unavailable(account, now);
        }
        match self.way(account, now) {
            Way::Skip(reason) => self.skip(reason, account, now),
            Way::Refuse(grounds) => self.refuse(Vec::new(), grounds, Vec::new(), account, now),
            Way::Ask => {
                self.ask(Vec::new(), with_prompt([], Prompt::Code), Stage::Asking { distant: Vec::new() })
            }
            Way::Tell(grounds) => self.tell(grounds, account, now),
            Way::Enroll => self.open_enrolling(account, now, entropy),
        }
    }

    fn way(&self, account: &Account, now: Now) -> Way {
        if let Some(reason) = self.passes_unasked(account) {
            return Way::Skip(reason);
        }
        if self.asks_nobody() {
            return Way::Refuse(Grounds::UnknownPerson);
        }
        if self.request.phase == Phase::Account {
            let grounds = self.barrier(account, now).unwrap_or(Grounds::CodeNeeded);
            return Way::Refuse(grounds);
        }
        let Some(grounds) = self.obstacle(account, now) else { return Way::Ask };
        match self.manner(grounds) {
            Manner::Pretend => Way::Ask,
            Manner::Tell if grounds == Grounds::NotEnrolled && self.enrolls_now(account) => Way::Enroll,
            Manner::Tell => Way::Tell(grounds),
        }
    }

    /// Tells why no code is asked; never for a person whom the name service does not know.
    fn passes_unasked(&self, account: &Account) -> Option<&'static str> {
        match (self.request.person.existence, self.decision.require) {
            (Existence::Unknown, Requirement::Always | Requirement::Enrolled | Requirement::Never)
            | (Existence::Known { .. }, Requirement::Always) => None,
            (Existence::Known { .. }, Requirement::Never) => Some("exempt"),
            (Existence::Known { .. }, Requirement::Enrolled) => {
                if account.is_enrolled() {
                    None
                } else {
                    Some("not-enrolled")
                }
            }
        }
    }

    /// Tells whether everybody of this name would pass unasked: a question would single out the unknown.
    fn asks_nobody(&self) -> bool {
        self.request.person.existence == Existence::Unknown && self.decision.require == Requirement::Never
    }

    /// Tells whether a first factor is set up in this login.
    fn enrolls_now(&self, account: &Account) -> bool {
        let at_login = match self.decision.enroll {
            Enrollment::AtLogin => true,
            Enrollment::SelfService => false,
        };
        at_login && !account.is_enrolled()
    }

    /// Tells whether the person asks from a session of their own (sudo, polkit) and may enroll there.
    fn can_enroll_here(&self) -> bool {
        let Existence::Known { uid, .. } = self.request.person.existence else { return false };
        self.request.requesting_uid == Some(uid)
            && self
                .decision
                .methods
                .iter()
                .any(|method| self.policy.allows_enrollment(&self.request.person, *method))
    }

    /// Tells why an answer may not be evaluated.
    pub(super) fn obstacle(&self, account: &Account, now: Now) -> Option<Grounds> {
        let methods = &self.decision.methods;
        let can_answer = account.active_factors().any(|factor| methods.contains(&factor.kind.method()));
        self.barrier(account, now).or(if can_answer { None } else { Some(Grounds::NotEnrolled) })
    }

    /// Tells why nothing may be evaluated, be it a code or the confirmation of a new factor.
    pub(super) fn barrier(&self, account: &Account, now: Now) -> Option<Grounds> {
        let Existence::Known { uid, .. } = self.request.person.existence else {
            return Some(Grounds::UnknownPerson);
        };
        if account.uids.get(self.host_id()).is_some_and(|seen| *seen != uid) {
            return Some(Grounds::UidChanged);
        }
        match self.standing(account, now) {
            Standing::Open => None,
            locked @ (Standing::Locked { .. } | Standing::NeedsReset) => Some(Grounds::Locked(locked)),
        }
    }

    /// Tells whether grounds are told.
    pub(super) fn manner(&self, grounds: Grounds) -> Manner {
        match (self.request.first_factor, grounds) {
            (FirstFactor::Late, _) | (FirstFactor::Settled, Grounds::UnknownPerson) => Manner::Pretend,
            (FirstFactor::Settled, _) => Manner::Tell,
        }
    }

    /// Tells the person in a prompt, because a text after the last prompt may never be shown.
    fn tell(&self, grounds: Grounds, account: &Account, now: Now) -> Turn {
        let mut effects = Vec::new();
        if grounds == Grounds::UidChanged {
            let mut voided = account.clone();
            voided.epoch.0 = voided.epoch.0.saturating_add(1);
            voided.changed = voided.changed.max(now.latest());
            effects.push(Effect::Commit(Box::new(voided)));
            effects.push(Effect::Record(self.event(EventId::UidChanged, account, now)));
        }
        self.ask(effects, with_prompt([self.explain(grounds, now)], Prompt::Close), Stage::Telling(grounds))
    }

    pub(super) fn explain(&self, grounds: Grounds, now: Now) -> Message {
        let help = self.help();
        Message::Refusal(match grounds {
            Grounds::UidChanged => Refusal::UidChanged { help },
            Grounds::Locked(standing) => locked(standing, now, help),
            Grounds::NotEnrolled if self.can_enroll_here() => Refusal::EnrollFirst,
            Grounds::NotEnrolled => Refusal::NotEnrolled { help },
            Grounds::UnknownPerson | Grounds::WrongCode | Grounds::CodeNeeded => Refusal::NoRightCode,
        })
    }
}

/// Says until when a bucket is locked (row L17).
pub(in crate::conversation) fn locked(standing: Standing, now: Now, help: Option<String>) -> Refusal {
    match standing {
        Standing::Locked { until } => Refusal::Locked { until, now: now.latest(), help },
        Standing::Open | Standing::NeedsReset => Refusal::NeedsReset { help },
    }
}
