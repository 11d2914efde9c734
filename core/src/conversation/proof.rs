//! One answer against what the person has: accepted, repeated, or wrong and charged.
//!
//! Owns what becomes of the account in each case; the result is always the account to commit, so that no caller can
//! evaluate without charging (invariant 4) or accept without using the code up (invariant 2). Every factor is looked
//! at, whichever fits. Leaves to the dialogues whether an answer may be evaluated at all.

mod clock;
mod excuse;

use crate::account::{Account, HostId};
use crate::delivery::RequestId;
use crate::factor::backup::is_backup_like;
use crate::factor::sent::Binding;
use crate::factor::totp::Match;
use crate::factor::{Factor, FactorId, FactorKind, FactorState, HotpMatch, Method};
use crate::keyed::CodeHash;
use crate::policy::Settings;
use crate::throttle::{Bucket, Standing};
use crate::time::Now;
use crate::words::{Message, Note};

use super::Effect;
use clock::{distant_fits, drift, step_behind};
use excuse::{ByClock, Excuse};

pub(super) use clock::Distant;

/// One answer about to be evaluated.
pub(super) struct Check<'a> {
    /// The account as committed.
    pub(super) account: &'a Account,
    /// Where a wrong code is counted.
    pub(super) bucket: Bucket,
    /// The instant.
    pub(super) now: Now,
    /// Window and limits.
    pub(super) settings: &'a Settings,
    /// Which codes that were sent are good here.
    pub(super) binding: Binding,
    /// This host.
    pub(super) host: &'a HostId,
    /// Whether a right code of a different login is told to be one.
    pub(super) elsewhere: Elsewhere,
}

/// What a right code of a different login is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// It is told to be one: the first factor is settled.
    Told,
    /// A wrong code: a stranger must not learn that it is right anywhere.
    Wrong,
}

/// What came of it.
pub(super) enum Outcome {
    /// Right: commit this account.
    Right {
        /// With the code used up.
        account: Account,
        /// What was used.
        used: Used,
    },
    /// The code last accepted: nothing to commit.
    Repeated {
        /// What to say of it.
        note: Note,
    },
    /// Wrong: commit this account.
    Wrong(Charged),
}

/// What a right code was.
pub(super) struct Used {
    pub(super) method: Method,
    /// The factor's label; empty for a backup code.
    pub(super) label: String,
    /// How far its clock or counter was off.
    pub(super) drift: Option<Note>,
    /// How many backup codes are left, where one was used.
    left: Option<usize>,
    /// The message that brought it, where it was sent; it no longer counts.
    request: Option<RequestId>,
}

impl Used {
    /// What the outbox is told of it.
    pub(super) fn redemption(&self) -> Option<Effect> {
        self.request.map(Effect::Redeem)
    }

    /// How many backup codes are left, where one was used.
    pub(super) const fn backup_codes_left(&self) -> Option<usize> {
        self.left
    }

    /// What the person is told of it.
    pub(super) fn told(&self) -> Option<Message> {
        self.left.map(|left| Message::Note(Note::BackupCodesLeft { left }))
    }
}

/// A factor that was confirmed by its first code.
pub(super) struct Confirmed {
    /// With the factor active; to be committed.
    pub(super) account: Account,
    /// The message that brought the code, where it was sent; it no longer counts.
    pub(super) request: Option<RequestId>,
}

/// What a wrong code left behind.
pub(super) struct Charged {
    /// With the code charged.
    pub(super) account: Account,
    /// Whether that locked.
    pub(super) standing: Standing,
    /// Where the code would have fitted within half an hour.
    pub(super) distant: Vec<Distant>,
    /// Whether it was a token's code too far ahead, which the next one can make good.
    pub(super) runs_ahead: bool,
    /// Whether it was the wrong try that killed an invitation.
    pub(super) voids: bool,
    /// The factor to which it was sent, where it was a right code of a different login: it is not charged, but counted apart.
    pub(super) elsewhere: Option<FactorId>,
    /// Why it is not charged, where it is the clock of a host that is wrong and not the code.
    pub(super) excuse: Option<Excuse>,
}

/// At what a factor accepted a code.
#[derive(Clone, Copy)]
enum Place {
    Step(u64),
    Counter(u64),
    /// The message that brought the code.
    Message(RequestId),
}

/// How an answer stands to all factors together.
#[derive(Default)]
struct Findings<'f> {
    right: Option<(&'f Factor, Place)>,
    repeated: Option<Note>,
    ahead: Option<(FactorId, u64)>,
    /// A code that is not accepted because of the clock of a host, and the step that it fits.
    by_clock: Option<ByClock>,
}

impl Check<'_> {
    /// Evaluates an answer against what the person has of the given methods: apps and tokens, codes that were sent, backup
    /// codes.
    pub(super) fn against_active(&self, code: &str, methods: &[Method]) -> Outcome {
        let usable = |factor: &&Factor| methods.contains(&factor.kind.method());
        let mut findings = Findings::default();
        for factor in self.account.active_factors().filter(usable) {
            self.look(factor, code, &mut findings);
        }
        if let Some((request, to)) = self.find_sent(code, usable) {
            findings.right.get_or_insert((to, Place::Message(request)));
        }
        let backup = self.account.find_backup_code(code).filter(|_| methods.contains(&Method::Backup));
        match (findings.right, backup, findings.repeated) {
            (Some((factor, place)), _, _) => self.accept(factor, place),
            (None, Some(hash), _) => self.spend_backup(hash),
            (None, None, Some(note)) => Outcome::Repeated { note },
            (None, None, None) if findings.by_clock.is_some() => {
                Outcome::Wrong(self.excuse(findings.by_clock))
            }
            (None, None, None) => {
                let counts = |id| self.account.active_factors().filter(usable).any(|factor| factor.id == id);
                Outcome::Wrong(self.counted_elsewhere(code, counts).unwrap_or_else(|| {
                    let mut charged = self.charge(code, self.account.active_factors().filter(usable));
                    expect_next(&mut charged, findings.ahead);
                    charged
                }))
            }
        }
    }

    /// Evaluates a code against one factor that is not active yet. A right one makes it active, in the account to
    /// commit; an error is the account with the code charged.
    pub(super) fn against_new(&self, code: &str, factor: &Factor) -> Result<Confirmed, Box<Charged>> {
        let mut findings = Findings::default();
        self.look(factor, code, &mut findings);
        let sent =
            self.account.find_sent_code(code, (&self.binding, self.host), self.now, |id| id == factor.id);
        let place = findings.right.map(|(_, place)| place);
        if let Some(place) = place.or(sent.map(|sent| Place::Message(sent.request))) {
            return Ok(self.activate(factor, place));
        }
        if findings.by_clock.is_some() {
            return Err(Box::new(self.excuse(findings.by_clock)));
        }
        // A new factor has accepted nothing yet; were it ever told so, the code is not a proof.
        let elsewhere = self.counted_elsewhere(code, |id| id == factor.id);
        Err(Box::new(elsewhere.unwrap_or_else(|| self.charge(code, std::iter::once(factor)))))
    }

    /// Evaluates an invitation. A right one is gone from the account to commit; a wrong one is charged there, and
    /// counted against the invitation too.
    pub(super) fn against_invitation(&self, code: &str) -> Result<Account, Box<Charged>> {
        let at = self.now.latest();
        if self.account.fits_invitation(code, at) {
            let mut account = self.touched();
            account.throttle.succeed(self.bucket, at);
            account.invitation = None;
            return Ok(account);
        }
        let mut charged = self.charge(code, std::iter::empty());
        charged.voids = charged.account.miss_invitation();
        Err(Box::new(charged))
    }

    /// Finds the code that was sent for this kind of login to one of the usable factors.
    fn find_sent(&self, code: &str, usable: impl Fn(&&Factor) -> bool) -> Option<(RequestId, &Factor)> {
        let find = |id| self.account.active_factors().filter(&usable).find(|factor| factor.id == id);
        let counts = |id| find(id).is_some();
        let sent = self.account.find_sent_code(code, (&self.binding, self.host), self.now, counts)?;
        Some((sent.request, find(sent.factor)?))
    }

    fn look<'f>(&self, factor: &'f Factor, code: &str, findings: &mut Findings<'f>) {
        let Findings { right, repeated, ahead, by_clock } = findings;
        match &factor.kind {
            FactorKind::Totp(totp) => match totp.check(code, self.now.wall, self.settings.totp.window) {
                Match::Accepted { step } => *right = right.or(Some((factor, Place::Step(step)))),
                Match::Repeated { next } => {
                    repeated.get_or_insert(Note::RepeatedCode { next });
                }
                Match::TooEarly => *by_clock = by_clock.or(Some(ByClock::TooEarly)),
                Match::Wrong => {
                    let step = step_behind(totp, code, &self.now);
                    *by_clock = by_clock.or(step.map(|step| ByClock::Behind(factor.id, step)));
                }
            },
            FactorKind::Hotp(hotp) => match hotp.check(code) {
                HotpMatch::Accepted { counter } => *right = right.or(Some((factor, Place::Counter(counter)))),
                HotpMatch::Repeated => {
                    repeated.get_or_insert(Note::RepeatedToken);
                }
                HotpMatch::Ahead { next } => *ahead = ahead.or(Some((factor.id, next))),
                HotpMatch::Wrong => {}
            },
            // Codes that were sent lie in the account, not in the factor.
            FactorKind::Sent(_) => {}
        }
    }

    fn accept(&self, factor: &Factor, place: Place) -> Outcome {
        let mut account = self.touched();
        let at = self.now.latest();
        account.throttle.succeed(self.bucket, at);
        for own in account.factors.iter_mut().filter(|own| own.id == factor.id) {
            use_up(own, place, &self.now);
        }
        let request = spend(&mut account, place);
        let used = Used {
            method: factor.kind.method(),
            label: factor.label.to_string(),
            drift: drift(factor, place, self.now.wall),
            left: None,
            request,
        };
        Outcome::Right { account, used }
    }

    fn spend_backup(&self, hash: CodeHash) -> Outcome {
        let mut account = self.touched();
        account.throttle.succeed(self.bucket, self.now.latest());
        let left = account.spend_backup_code(hash);
        let used = Used {
            method: Method::Backup,
            label: String::new(),
            drift: None,
            left: Some(left),
            request: None,
        };
        Outcome::Right { account, used }
    }

    fn activate(&self, factor: &Factor, place: Place) -> Confirmed {
        let mut account = self.touched();
        let at = self.now.latest();
        account.throttle.succeed(self.bucket, at);
        let mut active = factor.clone();
        active.state = FactorState::Active { since: at };
        use_up(&mut active, place, &self.now);
        // Whatever else was pending belongs to an enrollment that this one has overtaken.
        account.factors.retain(|other| matches!(other.state, FactorState::Active { .. }));
        account.factors.push(active);
        account.epoch.0 = account.epoch.0.saturating_add(1);
        account.skipped = None;
        let request = spend(&mut account, place);
        Confirmed { account, request }
    }

    fn charge<'f>(&self, code: &str, factors: impl Iterator<Item = &'f Factor>) -> Charged {
        let mut account = self.touched();
        let standing = account.throttle.charge(self.bucket, self.now.latest(), &self.settings.limits);
        account.miss_sent_codes(&self.binding, self.host, self.now);
        if standing != Standing::Open {
            account.remembered.clear();
        }
        let distant = factors.flat_map(|factor| distant_fits(factor, code, self.now.wall)).collect();
        Charged { account, standing, distant, runs_ahead: false, voids: false, elsewhere: None, excuse: None }
    }

    /// Counts a right code of a different login. It is neither accepted nor used up, and throws no count of wrong codes back.
    fn counted_elsewhere(&self, code: &str, counts: impl Fn(FactorId) -> bool) -> Option<Charged> {
        let found = self.account.find_code_elsewhere(code, (&self.binding, self.host), self.now, counts);
        let sent = found.filter(|_| self.elsewhere == Elsewhere::Told)?;
        let mut account = self.touched();
        account.note_code_elsewhere(sent.request);
        let standing = account.throttle.standing(self.bucket, self.now.latest());
        let elsewhere = Some(sent.factor);
        Some(Charged {
            account,
            standing,
            distant: Vec::new(),
            runs_ahead: false,
            voids: false,
            elsewhere,
            excuse: None,
        })
    }

    fn touched(&self) -> Account {
        let mut account = self.account.clone();
        account.changed = account.changed.max(self.now.latest());
        account
    }
}

/// Tells what to say of a wrong answer: by its form only, which whoever typed it knows.
pub(super) fn note_of_wrong(code: &str) -> Note {
    if is_backup_like(code) { Note::WrongBackupCode } else { Note::WrongCode }
}

/// Notes which code has to follow one that was too far ahead; any other wrong answer ends that.
fn expect_next(charged: &mut Charged, ahead: Option<(FactorId, u64)>) {
    for factor in &mut charged.account.factors {
        if let FactorKind::Hotp(hotp) = &mut factor.kind {
            hotp.resync = ahead.filter(|(id, _)| *id == factor.id).map(|(_, next)| next);
        }
    }
    charged.runs_ahead = ahead.is_some();
}

fn use_up(factor: &mut Factor, place: Place, now: &Now) {
    match (&mut factor.kind, place) {
        (FactorKind::Totp(totp), Place::Step(step)) => totp.accept(step, now),
        (FactorKind::Hotp(hotp), Place::Counter(counter)) => hotp.accept(counter),
        // A place is made by the kind that it belongs to; what was sent lies in the account.
        (FactorKind::Totp(_) | FactorKind::Hotp(_) | FactorKind::Sent(_), Place::Message(_))
        | (FactorKind::Totp(_) | FactorKind::Sent(_), Place::Counter(_))
        | (FactorKind::Hotp(_) | FactorKind::Sent(_), Place::Step(_)) => {}
    }
    factor.last_used = Some(now.latest());
}

/// Uses a code up that was sent; tells which message brought it.
fn spend(account: &mut Account, place: Place) -> Option<RequestId> {
    match place {
        Place::Step(_) | Place::Counter(_) => None,
        Place::Message(request) => {
            account.spend_sent_code(request);
            Some(request)
        }
    }
}
