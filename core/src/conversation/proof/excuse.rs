//! A right code that the clock of a host is in the way of: not accepted, and not charged.
//!
//! Owns when that is so, what is told of it, and that such a code counts as used where its time is still to come. Nothing
//! is accepted by it.

use crate::account::Account;
use crate::audit::EventId;
use crate::factor::{FactorId, FactorKind};
use crate::policy::Settings;
use crate::throttle::Standing;
use crate::time::Now;
use crate::words::Note;

use super::clock::{self, clock_off, minutes_behind};
use super::{Charged, Check, Distant};

/// A code that is not accepted because the clock of a host is or was wrong.
#[derive(Clone, Copy)]
pub(super) enum ByClock {
    /// It is right, and a code of a later time was accepted before.
    TooEarly,
    /// It is right for the timeline of this host, which the wall clock is behind.
    Behind(FactorId, u64),
}

/// Why a code that is not accepted is not charged either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::conversation) struct Excuse {
    /// The word for the audit.
    reason: &'static str,
    /// What the person is told.
    note: Note,
}

impl Check<'_> {
    /// Charges nothing for a code that the clock of a host is in the way of. A code that will be right once the clock is set
    /// counts as used: whoever guessed it has been told so.
    pub(super) fn excuse(&self, by_clock: Option<ByClock>) -> Charged {
        let mut account = self.touched();
        let mut minutes = None;
        if let Some(ByClock::Behind(factor, step)) = by_clock {
            minutes = Some(minutes_behind(&self.now));
            for own in account.factors.iter_mut().filter(|own| own.id == factor) {
                if let FactorKind::Totp(totp) = &mut own.kind {
                    totp.spend(step);
                }
            }
        }
        Charged {
            account,
            standing: Standing::Open,
            distant: Vec::new(),
            runs_ahead: false,
            voids: false,
            elsewhere: None,
            excuse: Some(Excuse::of(minutes, self.settings)),
        }
    }
}

impl Excuse {
    /// Makes the excuse of a clock that is so many minutes behind, or that was wrong before.
    fn of(minutes: Option<u64>, settings: &Settings) -> Self {
        let reason = if minutes.is_some() { "host-clock-behind" } else { "host-clock-was-ahead" };
        Self { reason, note: Note::HostClockOff { minutes, help: settings.help.clone() } }
    }
}

impl Charged {
    /// Tells what is said of a clock that is off; `before` is where the code before would have fitted.
    pub(in crate::conversation) fn clock_note(&self, before: &[Distant]) -> Option<Note> {
        let excused = self.excuse.as_ref().map(|excuse| excuse.note.clone());
        excused.or_else(|| clock_off(before, &self.distant))
    }

    /// Tells what is recorded: a wrong answer under `id`, or that a clock was in the way.
    pub(in crate::conversation) fn record(&self, id: EventId) -> (EventId, Option<String>) {
        match &self.excuse {
            Some(excuse) => (EventId::ClockFault, Some(excuse.reason.to_owned())),
            None if self.elsewhere.is_some() => (EventId::CodeElsewhere, None),
            None => (id, self.voids.then(|| "void".to_owned())),
        }
    }

    /// Takes the charge back where two successive codes agree on a distance that the known fault of this host's clock explains.
    /// `before` is the account as it was, `distant` where the last code would have fitted.
    pub(in crate::conversation) fn unless_host_clock(
        self,
        distant: &[Distant],
        before: &Account,
        now: &Now,
        settings: &Settings,
    ) -> Self {
        match clock::behind_by(distant, &self.distant, now).filter(|_| self.excuse.is_none()) {
            Some(minutes) => {
                let excuse = Some(Excuse::of(Some(minutes), settings));
                Self { account: before.clone(), standing: Standing::Open, excuse, ..self }
            }
            None => self,
        }
    }
}
